//! What a pod's object tells.

use k8s_openapi::api::core::v1::{ContainerStatus, Pod, PodStatus};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use crate::plan::names::{Names, TURN};
use crate::plan::observed;

/// The summary of a pod of that StatefulSet; `None` for any other.
pub(crate) fn summary(pod: &Pod, set: &str, names: &Names) -> Option<observed::Pod> {
    let meta = &pod.metadata;
    let owners = meta.owner_references.as_deref().unwrap_or_default();
    owners.iter().find(|owner| owner.controller == Some(true) && owner.uid == set)?;
    let name = meta.name.clone()?;
    let ordinal = names.ordinal(&name)?;
    let label = |key: &str| meta.labels.as_ref().and_then(|labels| labels.get(key)).cloned();
    let status = pod.status.clone().unwrap_or_default();
    let condition = |kind: &str| status.conditions.iter().flatten().find(|it| it.type_ == kind);
    let ready = condition("Ready");
    let created = seconds(meta.creation_timestamp.as_ref());
    let changed = ready.and_then(|ready| ready.last_transition_time.as_ref());
    Some(observed::Pod {
        ordinal,
        name,
        uid: meta.uid.clone()?,
        resource_version: meta.resource_version.clone()?,
        revision: label("controller-revision-hash").unwrap_or_default(),
        ready: ready.is_some_and(|ready| ready.status == "True"),
        ready_changed: changed.map_or(created, |at| seconds(Some(at))),
        created,
        deleting: meta.deletion_timestamp.is_some(),
        turn: meta.annotations.as_ref().is_some_and(|all| all.contains_key(TURN)),
        ip: status.pod_ip.clone().filter(|ip| !ip.is_empty()),
        trouble: trouble(&status),
    })
}

fn seconds(time: Option<&Time>) -> i64 {
    time.map_or(0, |time| time.0.as_second())
}

/// Why it does not run, in Kubernetes' own words.
fn trouble(status: &PodStatus) -> Option<String> {
    let scheduled = status.conditions.iter().flatten().find(|it| it.type_ == "PodScheduled");
    if let Some(condition) = scheduled.filter(|it| it.status == "False") {
        let reason = condition.reason.clone().unwrap_or_else(|| "not scheduled".to_owned());
        return Some(sentence(&reason, condition.message.as_deref()));
    }
    status.container_statuses.iter().flatten().find_map(stuck)
}

/// A container that waits for anything but its creation. Going down once is not trouble yet.
fn stuck(container: &ContainerStatus) -> Option<String> {
    let waiting = container.state.as_ref()?.waiting.as_ref()?;
    let reason = waiting.reason.as_deref().unwrap_or_default();
    if matches!(reason, "" | "ContainerCreating" | "PodInitializing") {
        return None;
    }
    let last = container.last_state.as_ref().and_then(|state| state.terminated.as_ref());
    let ended = last.map(|it| {
        format!(
            "it last ended with exit code {} ({})",
            it.exit_code,
            it.reason.as_deref().unwrap_or("no reason given")
        )
    });
    Some(sentence(reason, ended.as_deref().or(waiting.message.as_deref())))
}

fn sentence(reason: &str, message: Option<&str>) -> String {
    match message {
        Some(message) if !message.is_empty() => format!("{reason}: {message}"),
        _ => reason.to_owned(),
    }
}
