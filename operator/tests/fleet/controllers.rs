//! What Kubernetes does by itself: the StatefulSet controller and kubelets, at once. A pod is ready
//! as soon as it is there, until somebody says otherwise.

use serde_json::{Value, json};

use crate::objects::{Id, If, Objects};

/// Which address the pod of an ordinal has in a namespace.
pub(crate) type Address = dyn Fn(&str, i32) -> Option<String> + Send + Sync;

/// Pods as their StatefulSets want them.
pub(crate) fn settle(objects: &mut Objects, address: &Address) {
    while let Some(namespace) = objects.touched.pop_first() {
        let sets: Vec<_> = objects.list("statefulsets", &namespace).cloned().collect();
        for set in sets {
            let seen = &set["status"]["observedGeneration"];
            let stale = *seen != set["metadata"]["generation"];
            if stale || missing(objects, &set).next().is_some() {
                make(objects, &set, address);
            }
        }
    }
}

fn text<'a>(object: &'a Value, key: &str) -> &'a str {
    object["metadata"][key].as_str().unwrap_or_default()
}

fn missing<'a>(objects: &'a Objects, set: &'a Value) -> impl Iterator<Item = i32> + 'a {
    let size = set["spec"]["replicas"].as_i64().unwrap_or(0) as i32;
    let (namespace, name) = (text(set, "namespace"), text(set, "name"));
    (0..size).filter(move |ordinal| {
        objects.get(&Id::new("pods", namespace, &format!("{name}-{ordinal}"))).is_none()
    })
}

fn make(objects: &mut Objects, set: &Value, address: &Address) {
    let (namespace, name) = (text(set, "namespace"), text(set, "name"));
    let template = &set["spec"]["template"];
    // The revision is a name for what is in the template.
    let bytes = template.to_string();
    let revision =
        bytes.bytes().fold(7_u64, |sum, it| sum.wrapping_mul(31).wrapping_add(it.into()));
    let revision = format!("{name}-{revision:x}");
    let ordinals: Vec<i32> = missing(objects, set).collect();
    for ordinal in ordinals {
        let Some(ip) = address(namespace, ordinal) else { continue };
        let mut labels = template["metadata"]["labels"].clone();
        labels["controller-revision-hash"] = json!(revision);
        let pod = json!({
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {
                "labels": labels,
                "annotations": template["metadata"]["annotations"],
                "ownerReferences": [{
                    "apiVersion": "apps/v1", "kind": "StatefulSet", "name": name,
                    "uid": text(set, "uid"), "controller": true,
                }],
            },
            "spec": template["spec"],
            "status": {
                "podIP": ip,
                "conditions": [
                    { "type": "PodScheduled", "status": "True" },
                    { "type": "Ready", "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z" },
                ],
            },
        });
        let id = Id::new("persistentvolumeclaims", namespace, &format!("data-{name}-{ordinal}"));
        if objects.get(&id).is_none() {
            let mut labels = set["spec"]["volumeClaimTemplates"][0]["metadata"]["labels"].clone();
            for (key, value) in
                set["spec"]["selector"]["matchLabels"].as_object().into_iter().flatten()
            {
                labels[key] = value.clone();
            }
            let claim = json!({
                "apiVersion": "v1", "kind": "PersistentVolumeClaim",
                "metadata": { "labels": labels }, "spec": {},
            });
            objects.create(&id, claim).expect("it was missing");
        }
        let id = Id::new("pods", namespace, &format!("{name}-{ordinal}"));
        objects.create(&id, pod).expect("it was missing");
    }
    let mut after = set.clone();
    after["status"] = json!({
        "observedGeneration": set["metadata"]["generation"],
        "updateRevision": revision,
        "replicas": set["spec"]["replicas"],
    });
    let id = Id::new("statefulsets", namespace, name);
    objects.change(&id, &If::default(), after).expect("it is there");
}
