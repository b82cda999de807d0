//! What of an object was applied by us, as the API server keeps it in `managedFields`: for objects of
//! operators that did not note it. The format is Kubernetes' own FieldsV1
//! (sigs.k8s.io/structured-merge-diff, `fieldpath/serialize.go`): `f:` a field, `k:` an item of a list by
//! its keys, `v:` one by its value, `.` the thing itself.

use serde_json::{Map, Value};

/// The part of a value that these fields name.
pub(crate) fn part(value: &Value, fields: &Value) -> Value {
    let Some(fields) = fields.as_object().filter(|it| !it.is_empty()) else {
        return value.clone();
    };
    match value {
        Value::Object(object) => {
            let named = |(key, of): (&String, &Value)| {
                let name = key.strip_prefix("f:")?;
                Some((name.to_owned(), part(object.get(name)?, of)))
            };
            Value::Object(fields.iter().filter_map(named).collect())
        }
        Value::Array(items) => {
            items.iter().filter_map(|item| item_of(item, fields)).collect::<Vec<_>>().into()
        }
        other => other.clone(),
    }
}

fn item_of(item: &Value, fields: &Map<String, Value>) -> Option<Value> {
    fields.iter().find_map(|(key, of)| {
        let parse = |text: &str| serde_json::from_str::<Value>(text).ok();
        if let Some(value) = key.strip_prefix("v:").and_then(parse) {
            return (value == *item).then(|| item.clone());
        }
        let keys = key.strip_prefix("k:").and_then(parse)?;
        let same = keys.as_object()?.iter().all(|(name, value)| item[name] == *value);
        same.then(|| part(item, of))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_was_applied_is_told_from_defaults_and_from_what_others_added() {
        let template = json!({
            "metadata": {
                "labels": { "app": "zk" },
                "annotations": { "kubectl.kubernetes.io/restartedAt": "now", "own": "x" },
            },
            "spec": {
                "dnsPolicy": "ClusterFirst",
                "affinity": {},
                "containers": [
                    { "name": "sidecar", "image": "s" },
                    {
                        "name": "node", "image": "quorate:1",
                        "args": ["--a", "--b"],
                        "terminationMessagePath": "/dev/termination-log",
                        "ports": [
                            { "containerPort": 2181, "protocol": "TCP", "name": "client" },
                            { "containerPort": 9, "protocol": "TCP", "name": "theirs" },
                        ],
                    },
                ],
                "finalizers": ["a", "b"],
            },
        });
        let fields = json!({
            "f:metadata": { "f:labels": { "f:app": {} }, "f:annotations": { "f:own": {} } },
            "f:spec": {
                "f:affinity": {},
                "f:containers": { "k:{\"name\":\"node\"}": {
                    ".": {}, "f:name": {}, "f:image": {}, "f:args": {},
                    "f:ports": { "k:{\"containerPort\":2181,\"protocol\":\"TCP\"}": {
                        ".": {}, "f:containerPort": {}, "f:protocol": {}, "f:name": {},
                    } },
                } },
                "f:finalizers": { "v:\"b\"": {} },
                "f:gone": {},
            },
        });
        let own = json!({
            "metadata": { "labels": { "app": "zk" }, "annotations": { "own": "x" } },
            "spec": {
                "affinity": {},
                "containers": [{
                    "name": "node", "image": "quorate:1", "args": ["--a", "--b"],
                    "ports": [{ "containerPort": 2181, "protocol": "TCP", "name": "client" }],
                }],
                "finalizers": ["b"],
            },
        });
        assert_eq!(part(&template, &fields), own);
    }
}
