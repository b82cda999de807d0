//! The StatefulSet: pods in parallel, replaced only when they are deleted, volumes kept.

use quorate_crds::ensemble::ReclaimPolicy;
use serde_json::{Value, json};

use super::pod;
use crate::plan::names;
use crate::plan::observed::Observed;
use crate::plan::view::View;

/// The object. It is lowered only by an action of its own, after the members have left.
pub(super) fn object(observed: &Observed, view: &View) -> Value {
    let name = names::ensemble(observed);
    let present = observed.stateful_set.as_ref();
    let size = size(observed, view);
    let mut metadata = names::metadata(observed, "StatefulSet", &name);
    metadata["annotations"] = json!({ names::GENERATION: observed.generation().to_string() });
    if let Some(seen) = view.seen().or_else(|| present.and_then(|set| set.configuration.clone())) {
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
    let claims = present.and_then(|set| set.claims.clone()).unwrap_or_else(|| claims(observed));
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

/// As many pods as there are, are wanted, or are members (I3), whether or not a leader says so:
/// somebody may have scaled the StatefulSet by hand, or deleted it while members were leaving.
fn size(observed: &Observed, view: &View) -> i32 {
    let status = observed.ensemble.status.as_ref();
    let present = match &observed.stateful_set {
        Some(set) => set.replicas,
        None => status.map_or(0, |status| status.members.len() as i32),
    };
    present.max(observed.wanted()).max(view.reach)
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
