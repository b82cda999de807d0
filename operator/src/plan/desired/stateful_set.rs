//! The StatefulSet: pods in parallel, replaced only when they are deleted, volumes kept.

use serde_json::{Value, json};

use crate::mutants::planted;
use crate::plan::claims;
use crate::plan::formed;
use crate::plan::names::{CONFIGURATION, CREATION, GENERATION, Names, TEMPLATE, VOLUME};
use crate::plan::object::{Kind, Object};
use crate::plan::observed::Observed;
use crate::plan::pin::Pin;
use crate::plan::view::View;

/// The object. It is lowered only by an action of its own, after the members have left.
pub(super) fn object(observed: &Observed, names: &Names, view: &View, pin: &Pin) -> Object {
    let present = observed.stateful_set.as_ref();
    let retained = |fault: bool| if fault { "Delete" } else { "Retain" };
    // Kubernetes refuses any change of it.
    let present_claims = present.and_then(|set| set.claims.as_ref());
    let claims =
        present_claims.map_or_else(|| claim_template(observed, names), |claims| json!(claims));
    let fields = json!({
        "spec": {
            "replicas": size(observed, names, view),
            "serviceName": names.peer(),
            "podManagementPolicy": "Parallel",
            "updateStrategy": { "type": "OnDelete" },
            "revisionHistoryLimit": 5,
            "persistentVolumeClaimRetentionPolicy": {
                // Claims are the resource's: a StatefulSet can be made again, and data cannot.
                "whenDeleted": retained(planted("claims go with their StatefulSet")),
                "whenScaled": retained(planted("claims go when scaled")),
            },
            "selector": { "matchLabels": names.selector() },
            "template": pin.template,
            "volumeClaimTemplates": claims,
        },
    });
    let mut object = Object::new(names, Kind::StatefulSet, names.ensemble(), fields)
        .annotated(GENERATION, observed.generation().to_string())
        .annotated(TEMPLATE, pin.to_string());
    let marked = || present.and_then(|set| set.configuration.clone());
    let mark = view.seen().or_else(|| formed::mark(observed)).or_else(marked);
    if let Some(seen) = mark {
        object = object.annotated(CONFIGURATION, seen.to_string());
    }
    object.uid = present.map(|set| set.uid.clone());
    object.resource_version = present.map(|set| set.resource_version.clone());
    object
}

/// As many pods as there are, are wanted, or are members (I3), whether or not a leader says so:
/// somebody may have scaled the StatefulSet by hand, or deleted it while members were leaving.
fn size(observed: &Observed, names: &Names, view: &View) -> i32 {
    let status = observed.ensemble.status.as_ref();
    let present = match &observed.stateful_set {
        Some(set) => set.replicas,
        None => status.map_or(0, |status| status.members.len() as i32),
    };
    if planted("an apply lowers the replicas") {
        return observed.wanted();
    }
    if planted("a StatefulSet is made for the wanted only") {
        return observed.wanted().max(observed.size());
    }
    present.max(claims::ready_for(observed, names)).max(view.reach)
}

/// The claim template of a new StatefulSet.
fn claim_template(observed: &Observed, names: &Names) -> Value {
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
            "name": VOLUME,
            "labels": names.claim_labels(),
            "annotations": { CREATION: observed.nonce },
        },
        "spec": spec,
    }])
}
