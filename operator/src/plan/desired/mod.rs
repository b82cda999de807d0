//! The objects that should exist, complete, for server-side apply.
//!
//! `stateful_set` and its `pod` · `config` maps · `network` services and who may reach them.

mod config;
mod network;
mod pod;
mod stateful_set;

use serde_json::{Value, json};

use super::action::Action;
use super::names;
use super::observed::Observed;
use super::quorum;
use super::view::View;

/// All of them, in the order in which they are needed.
pub fn objects(observed: &Observed, view: &View) -> Vec<Value> {
    vec![
        service_account(observed),
        config::map(observed),
        network::peer_service(observed),
        network::client_service(observed),
        network::policy(observed),
        budget(observed),
        stateful_set::object(observed, view),
    ]
}

/// The kinds and names of [`objects`], with their API versions.
pub fn identities(observed: &Observed) -> Vec<(String, String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let identity =
        |it: &Value| (text(&it["apiVersion"]), text(&it["kind"]), text(&it["metadata"]["name"]));
    objects(observed, &View::default()).iter().map(identity).collect()
}

/// Configuration maps that no pod will ever mount again: once every pod is made from the newest
/// template.
pub fn stale_config_maps(observed: &Observed) -> Vec<Action> {
    let newest = |pod: &super::observed::Pod| !observed.outdated(pod) && !pod.deleting;
    let settled = observed.applied()
        && observed.stateful_set.as_ref().is_some_and(|set| set.settled)
        && observed.pods.len() as i32 == observed.size()
        && observed.pods.iter().all(newest);
    if !settled {
        return Vec::new();
    }
    let current = config::name(observed);
    let prefix = names::ensemble(observed) + "-config-";
    let stale = |map: &&super::observed::ConfigMap| {
        map.name != current
            && map.name.starts_with(prefix.as_str())
            && map.ensemble_generation <= observed.generation()
    };
    let delete = |map: &super::observed::ConfigMap| Action::DeleteConfigMap {
        name: map.name.clone(),
        uid: map.uid.clone(),
        resource_version: map.resource_version.clone(),
    };
    observed.config_maps.iter().filter(stale).map(delete).collect()
}

/// Members need nothing of the Kubernetes API.
fn service_account(observed: &Observed) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": names::metadata(observed, "ServiceAccount", &names::ensemble(observed)),
        "automountServiceAccountToken": false,
    })
}

/// Drains of nodes may take as many members as the quorum can spare. A single member has no quorum
/// to keep, and a budget of 0 would only hold every drain up for ever.
fn budget(observed: &Observed) -> Value {
    let spare = quorum::budget(observed.wanted().max(1) as usize).max(1);
    json!({
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": names::metadata(observed, "PodDisruptionBudget", &names::ensemble(observed)),
        "spec": {
            "maxUnavailable": spare,
            "selector": { "matchLabels": names::selector(observed) },
            "unhealthyPodEvictionPolicy": "AlwaysAllow",
        },
    })
}
