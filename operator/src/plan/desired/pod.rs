//! The pod of a member, restricted as far as Kubernetes can.

use quorate_crds::ensemble::AntiAffinity;
use serde::Serialize;
use serde_json::{Value, json};

use super::config;
use crate::plan::image::Image;
use crate::plan::names::{
    ADMIN_PORT, CLIENT_PORT, CONTAINER, Names, PEER_PORT, RESTART_AT, VOLUME,
};
use crate::plan::observed::Observed;

/// The user of the image.
const USER: i64 = 65_532;

/// The template.
pub(super) fn template(observed: &Observed, names: &Names, image: &Image) -> Value {
    let pod = &observed.ensemble.spec.pod;
    let mut labels = json!(pod.labels);
    merge(&mut labels, names.labels());
    let mut annotations = json!(pod.annotations);
    if let Some(at) = &observed.ensemble.spec.rollout.restart_at {
        annotations[RESTART_AT] = json!(at);
    }
    let mut spec = json!({
        "serviceAccountName": names.ensemble(),
        "automountServiceAccountToken": false,
        "enableServiceLinks": false,
        "terminationGracePeriodSeconds": pod.termination_grace_period_seconds,
        "affinity": affinity(observed, names),
        "topologySpreadConstraints": spread(observed, names),
        "securityContext": security(observed),
        "containers": [container(observed, image, names)],
        "volumes": [
            { "name": "config", "configMap": { "name": config::name(&observed.ensemble.spec.config, names), "defaultMode": 0o444 } },
            { "name": "admin", "secret": {
                "secretName": names.admin(),
                "defaultMode": 0o440,
                "items": [{ "key": "token", "path": "token" }],
            } },
        ],
    });
    put(&mut spec, "nodeSelector", &pod.node_selector, pod.node_selector.is_empty());
    put(&mut spec, "tolerations", &pod.tolerations, pod.tolerations.is_empty());
    put(
        &mut spec,
        "priorityClassName",
        &pod.priority_class_name,
        pod.priority_class_name.is_none(),
    );
    put(&mut spec, "imagePullSecrets", &image.pull_secrets, image.pull_secrets.is_empty());
    json!({ "metadata": { "labels": labels, "annotations": annotations }, "spec": spec })
}

fn put(object: &mut Value, key: &str, value: impl Serialize, absent: bool) {
    if !absent {
        object[key] = json!(value);
    }
}

fn merge(into: &mut Value, from: Value) {
    if let (Value::Object(into), Value::Object(from)) = (into, from) {
        into.extend(from);
    }
}

fn container(observed: &Observed, image: &Image, names: &Names) -> Value {
    let host = format!("$(POD_NAME).{}", names.domain());
    let probe = |path: &str, period: i32, failures: i32| {
        json!({
            "httpGet": { "path": path, "port": "admin", "scheme": "HTTP" },
            "periodSeconds": period,
            "timeoutSeconds": 3,
            "failureThreshold": failures,
            "successThreshold": 1,
        })
    };
    json!({
        "name": CONTAINER,
        "image": image.reference,
        "imagePullPolicy": image.pull_policy,
        "command": ["/quorate-node", "run"],
        "args": [
            "--data-dir=/data",
            "--server-id-from-hostname",
            format!("--peer-host={host}:{PEER_PORT}"),
            format!("--client-host={host}:{CLIENT_PORT}"),
            "--admin-token-file=/etc/quorate/admin/token",
            "--config=/etc/quorate/config/zoo.cfg",
            "--log-format=json",
        ],
        "env": [
            { "name": "POD_NAME", "valueFrom": { "fieldRef": {
                "apiVersion": "v1", "fieldPath": "metadata.name" } } },
            { "name": "QUORATE_CONFIG_HASH", "value": config::hash(&observed.ensemble.spec.config) },
        ],
        "ports": [
            { "name": "client", "containerPort": CLIENT_PORT, "protocol": "TCP" },
            { "name": "peer", "containerPort": PEER_PORT, "protocol": "TCP" },
            { "name": "admin", "containerPort": ADMIN_PORT, "protocol": "TCP" },
        ],
        "resources": resources(observed),
        // Why a member ended is the last that it says.
        "terminationMessagePolicy": "FallbackToLogsOnError",
        // Recovery of a large log may take minutes; afterwards the other two take over.
        "startupProbe": probe("/startupz", 1, 600),
        "livenessProbe": probe("/livez", 10, 6),
        "readinessProbe": probe("/readyz", 2, 2),
        "securityContext": {
            "allowPrivilegeEscalation": false,
            "readOnlyRootFilesystem": true,
            "capabilities": { "drop": ["ALL"] },
        },
        "volumeMounts": [
            { "name": VOLUME, "mountPath": "/data" },
            { "name": "config", "mountPath": "/etc/quorate/config", "readOnly": true },
            { "name": "admin", "mountPath": "/etc/quorate/admin", "readOnly": true },
        ],
    })
}

fn resources(observed: &Observed) -> Value {
    let default = || {
        json!({
            "requests": { "cpu": "250m", "memory": "512Mi" },
            "limits": { "memory": "512Mi" },
        })
    };
    observed.ensemble.spec.pod.resources.as_ref().map_or_else(default, |own| json!(own))
}

fn security(observed: &Observed) -> Value {
    let default = || {
        json!({
            "runAsNonRoot": true,
            "runAsUser": USER,
            "runAsGroup": USER,
            "fsGroup": USER,
            "fsGroupChangePolicy": "OnRootMismatch",
            "seccompProfile": { "type": "RuntimeDefault" },
        })
    };
    observed.ensemble.spec.pod.security_context.as_ref().map_or_else(default, |own| json!(own))
}

fn affinity(observed: &Observed, names: &Names) -> Value {
    let pod = &observed.ensemble.spec.pod;
    if let Some(own) = &pod.affinity {
        return json!(own);
    }
    let term = json!({
        "labelSelector": { "matchLabels": names.selector() },
        "topologyKey": "kubernetes.io/hostname",
    });
    match pod.anti_affinity {
        AntiAffinity::None => json!({}),
        AntiAffinity::Required => json!({
            "podAntiAffinity": { "requiredDuringSchedulingIgnoredDuringExecution": [term] },
        }),
        AntiAffinity::Preferred => json!({
            "podAntiAffinity": { "preferredDuringSchedulingIgnoredDuringExecution": [
                { "weight": 100, "podAffinityTerm": term },
            ] },
        }),
    }
}

fn spread(observed: &Observed, names: &Names) -> Value {
    let own = &observed.ensemble.spec.pod.topology_spread_constraints;
    if !own.is_empty() {
        return json!(own);
    }
    json!([{
        "maxSkew": 1,
        "topologyKey": "topology.kubernetes.io/zone",
        "whenUnsatisfiable": "ScheduleAnyway",
        "labelSelector": { "matchLabels": names.selector() },
    }])
}
