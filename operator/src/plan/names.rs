//! Every name, label and port, once.

use serde_json::{Value, json};

use super::observed::Observed;

/// For clients.
pub const CLIENT_PORT: i32 = 2181;
/// For members.
pub const PEER_PORT: i32 = 2888;
/// For operators and probes.
pub const ADMIN_PORT: i32 = 8080;
/// The container.
pub const CONTAINER: &str = "node";
/// The field manager of everything that is applied.
pub const MANAGER: &str = "quorate-operator";
/// On a pod template: the wanted restart.
pub const RESTART_AT: &str = "quorate.dev/restart-at";

/// On a StatefulSet or a configuration: the generation of the ensemble that it was applied for.
pub const GENERATION: &str = "quorate.dev/ensemble-generation";
/// On a StatefulSet: the newest configuration of the ensemble that was seen when it was applied.
pub const CONFIGURATION: &str = "quorate.dev/configuration";
/// On a claim template, which cannot change: the pass that made the StatefulSet. A late request to
/// make it once more differs in it, and is refused.
pub const CREATION: &str = "quorate.dev/creation";
/// On a pod: it is its turn to be restarted.
pub const TURN: &str = "quorate.dev/turn";

/// The ensemble's name: of its StatefulSet, client Service, budget and policy.
pub fn ensemble(observed: &Observed) -> String {
    observed.ensemble.metadata.name.clone().unwrap_or_default()
}

/// The namespace of everything.
pub fn namespace(observed: &Observed) -> String {
    observed.ensemble.metadata.namespace.clone().unwrap_or_default()
}

/// The headless Service.
pub fn peer(observed: &Observed) -> String {
    ensemble(observed) + "-peer"
}

/// The Secret with the admin token.
pub fn admin(observed: &Observed) -> String {
    ensemble(observed) + "-admin"
}

/// The formation's record.
pub fn formation(observed: &Observed) -> String {
    ensemble(observed) + "-formation"
}

/// A pod.
pub fn pod(observed: &Observed, ordinal: i32) -> String {
    format!("{}-{ordinal}", ensemble(observed))
}

/// The part of a DNS name behind the pod's name.
pub fn domain(observed: &Observed) -> String {
    let (peer, namespace) = (peer(observed), namespace(observed));
    let tail = match observed.cluster_domain.as_str() {
        "" => String::new(),
        domain => format!(".{domain}"),
    };
    format!("{peer}.{namespace}.svc{tail}")
}

/// A member's address.
pub fn address(observed: &Observed, ordinal: i32, port: i32) -> String {
    format!("{}.{}:{port}", pod(observed, ordinal), domain(observed))
}

/// What selects everything of an ensemble: frozen, a StatefulSet cannot change it.
pub fn selector(observed: &Observed) -> Value {
    json!({
        "app.kubernetes.io/name": "quorate",
        "app.kubernetes.io/instance": ensemble(observed),
        "app.kubernetes.io/component": "node",
    })
}

/// The same as a selector string.
pub fn selector_text(observed: &Observed) -> String {
    format!(
        "app.kubernetes.io/name=quorate,app.kubernetes.io/instance={},\
         app.kubernetes.io/component=node",
        ensemble(observed)
    )
}

/// Labels of everything.
pub fn labels(observed: &Observed) -> Value {
    let mut labels = selector(observed);
    labels["app.kubernetes.io/managed-by"] = json!(MANAGER);
    labels
}

/// Metadata of an object that belongs to the ensemble.
pub fn metadata(observed: &Observed, kind: &str, name: &str) -> Value {
    let meta = &observed.ensemble.metadata;
    let mut out = json!({
        "name": name,
        "namespace": namespace(observed),
        "labels": labels(observed),
        "ownerReferences": [{
            "apiVersion": "quorate.dev/v1alpha1",
            "kind": "CoordinationEnsemble",
            "name": meta.name,
            "uid": meta.uid,
            "controller": true,
            "blockOwnerDeletion": true,
        }],
    });
    // What is there is changed only if it is still the same object.
    if let Some(uid) = observed.existing.get(&format!("{kind}/{name}")) {
        out["uid"] = json!(uid);
    }
    out
}
