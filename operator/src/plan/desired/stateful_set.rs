//! The StatefulSet: pods in parallel, replaced only when they are deleted, volumes kept.

use quorate_crds::ensemble::ReclaimPolicy;
use serde_json::{Value, json};

use super::pod;
use crate::plan::names;
use crate::plan::observed::Observed;
use crate::plan::view::View;

/// The object. Its size is the present one, or `replicas` if that is larger: it is lowered only by
/// an action of its own, after the members have left.
pub(super) fn object(observed: &Observed, view: &View, replicas: Option<i32>) -> Value {
    let name = names::ensemble(observed);
    let present = observed.stateful_set.as_ref();
    let size = present.map_or(observed.wanted(), |set| {
        set.replicas.max(replicas.unwrap_or(0))
    });
    let mut metadata = names::metadata(observed, "StatefulSet", &name);
    metadata["annotations"] = json!({ names::GENERATION: observed.generation().to_string() });
    if let Some(seen) = view
        .seen()
        .or_else(|| present.and_then(|set| set.configuration.clone()))
    {
        metadata["annotations"][names::CONFIGURATION] = json!(seen.to_string());
    }
    if let Some(set) = present {
        metadata["uid"] = json!(set.uid);
        metadata["resourceVersion"] = json!(set.resource_version);
    }
    let deleted = match observed.ensemble.spec.storage.reclaim_policy {
        ReclaimPolicy::Retain => "Retain",
        ReclaimPolicy::Delete => "Delete",
    };
    // Kubernetes refuses any change of it.
    let claims = present
        .and_then(|set| set.claims.clone())
        .unwrap_or_else(|| claims(observed));
    json!({
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": metadata,
        "spec": {
            "replicas": size,
            "serviceName": names::peer(observed),
            "podManagementPolicy": "Parallel",
            "updateStrategy": { "type": "OnDelete" },
            "revisionHistoryLimit": 5,
            "persistentVolumeClaimRetentionPolicy": {
                "whenDeleted": deleted,
                "whenScaled": "Retain",
            },
            "selector": { "matchLabels": names::selector(observed) },
            "template": pod::template(observed),
            "volumeClaimTemplates": claims,
        },
    })
}

/// The claim template of a new StatefulSet.
fn claims(observed: &Observed) -> Value {
    let storage = &observed.ensemble.spec.storage;
    let mut spec = json!({
        "accessModes": ["ReadWriteOnce"],
        "resources": { "requests": { "storage": storage.size.0 } },
    });
    if let Some(class) = &storage.storage_class_name {
        spec["storageClassName"] = json!(class);
    }
    json!([{
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {
            "name": "data",
            "labels": names::selector(observed),
            "annotations": { names::CREATION: observed.nonce },
        },
        "spec": spec,
    }])
}
