//! The objects that should exist, complete, for server-side apply.
//!
//! `stateful_set` and its `pod`, and which [`template`] of it stays · `config` maps · `network` services and who may reach them.

mod config;
mod network;
mod pod;
mod stateful_set;
pub mod template;

use quorate_crds::CoordinationEnsemble;
use serde_json::json;

use self::template::Templates;
use super::action::Action;
use super::names::Names;
use super::object::{Kind, Object, ObjectKey};
use super::observed::{ConfigMap, Observed, Pod};
use super::quorum;
use super::view::View;
use crate::mutants::planted;

/// All of them, in the order in which they are needed. What is there is changed only if it is still
/// the same object.
pub fn objects(
    observed: &Observed,
    names: &Names,
    view: &View,
    templates: &Templates,
) -> Vec<Object> {
    let all = [
        service_account(names),
        config::map(observed, names),
        network::peer_service(names),
        network::client_service(names),
        network::policy(names),
        budget(observed, names),
        stateful_set::object(observed, names, view, &templates.wanted),
    ];
    let seen = |mut object: Object| {
        if object.uid.is_none() {
            object.uid = observed.existing.get(&object.key).cloned();
        }
        object
    };
    all.map(seen).into()
}

/// What [`objects`] are called, known before anything else was looked at.
pub fn keys(ensemble: &CoordinationEnsemble, names: &Names) -> Vec<ObjectKey> {
    let key = |kind, name: &str| ObjectKey { kind, name: name.to_owned() };
    vec![
        key(Kind::ServiceAccount, names.ensemble()),
        key(Kind::ConfigMap, &config::name(&ensemble.spec.config, names)),
        key(Kind::Service, &names.peer()),
        key(Kind::Service, names.ensemble()),
        key(Kind::NetworkPolicy, names.ensemble()),
        key(Kind::PodDisruptionBudget, names.ensemble()),
        key(Kind::StatefulSet, names.ensemble()),
    ]
}

/// Configuration maps that no pod will ever mount again: once every pod is made from the newest
/// template.
pub fn stale_config_maps(observed: &Observed, names: &Names, templates: &Templates) -> Vec<Action> {
    let newest = |pod: &Pod| !observed.outdated(pod) && !pod.deleting;
    let settled = observed.applied()
        && observed.stateful_set.as_ref().is_some_and(|set| set.settled)
        && observed.pods.len() as i32 == observed.size()
        && observed.pods.iter().all(newest);
    if !settled && !planted("configurations go while pods use them") {
        return Vec::new();
    }
    let made = config::name(&observed.ensemble.spec.config, names);
    let used = [Some(made.as_str()), templates.wanted.config()];
    let prefix = names.config_prefix();
    let stale = |map: &&ConfigMap| {
        !used.contains(&Some(map.name.as_str()))
            && map.name.starts_with(prefix.as_str())
            && map.ensemble_generation <= observed.generation()
    };
    let delete = |map: &ConfigMap| Action::DeleteConfigMap {
        name: map.name.clone(),
        uid: map.uid.clone(),
        resource_version: map.resource_version.clone(),
    };
    observed.config_maps.iter().filter(stale).map(delete).collect()
}

/// Members need nothing of the Kubernetes API.
fn service_account(names: &Names) -> Object {
    let fields = json!({ "automountServiceAccountToken": false });
    Object::new(names, Kind::ServiceAccount, names.ensemble(), fields)
}

/// Drains of nodes may take as many members as the quorum can spare. A single member has no quorum
/// to keep, and a budget of 0 would only hold every drain up for ever.
fn budget(observed: &Observed, names: &Names) -> Object {
    let spare = quorum::budget(observed.wanted().max(1) as usize).max(1);
    let fields = json!({
        "spec": {
            "maxUnavailable": spare,
            "selector": { "matchLabels": names.selector() },
            "unhealthyPodEvictionPolicy": "AlwaysAllow",
        },
    });
    Object::new(names, Kind::PodDisruptionBudget, names.ensemble(), fields)
}
