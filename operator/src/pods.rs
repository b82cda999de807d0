//! What a pod's object tells.

use k8s_openapi::api::core::v1::{ContainerStatus, Pod, PodStatus};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use serde_json::Value;

use crate::plan::names::{Names, TURN};
use crate::plan::observed;

/// How many characters of a container's last words are told.
const LAST_WORDS: usize = 400;

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
        ahead: ahead(&status),
        created,
        deleting: meta.deletion_timestamp.is_some(),
        gone_by: meta.deletion_timestamp.as_ref().map(|at| seconds(Some(at))),
        node: pod.spec.as_ref().and_then(|spec| spec.node_name.clone()),
        turn: meta.annotations.as_ref().is_some_and(|all| all.contains_key(TURN)),
        ip: status.pod_ip.clone().filter(|ip| !ip.is_empty()),
        trouble: trouble(&status),
        said: None,
    })
}

fn seconds(time: Option<&Time>) -> i64 {
    time.map_or(0, |time| time.0.as_second())
}

/// How many seconds its node's clock is ahead of the scheduler's, at most: the kubelet has seen the pod
/// after it was scheduled.
fn ahead(status: &PodStatus) -> i64 {
    let mut conditions = status.conditions.iter().flatten();
    let scheduled = conditions.find(|it| it.type_ == "PodScheduled" && it.status == "True");
    match (scheduled.and_then(|it| it.last_transition_time.as_ref()), &status.start_time) {
        (Some(scheduled), Some(seen)) => (seconds(Some(seen)) - seconds(Some(scheduled))).max(0),
        _ => 0,
    }
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
        let reason = it.reason.as_deref().unwrap_or("no reason given");
        let ended = format!("it last ended with exit code {} ({reason})", it.exit_code);
        match it.message.as_deref().and_then(last_words) {
            Some(words) => format!("{ended}: {words}"),
            None => ended,
        }
    });
    Some(sentence(reason, ended.as_deref().or(waiting.message.as_deref())))
}

/// The last line of what a container said before it ended, at most so many characters of it: of a log
/// in JSON its message, and the error that it names.
fn last_words(said: &str) -> Option<String> {
    let line = said.lines().map(str::trim).rfind(|line| !line.is_empty())?;
    let words = match serde_json::from_str::<Value>(line) {
        Ok(line) => {
            let text = |key: &str| line[key].as_str().or(line["fields"][key].as_str());
            let told: Vec<&str> = ["message", "error"].iter().filter_map(|key| text(key)).collect();
            told.join(": ")
        }
        Err(_) => line.to_owned(),
    };
    let words: String = words.chars().take(LAST_WORDS).collect();
    Some(words).filter(|words| !words.is_empty())
}

/// A reason, and what is said of it if anything is.
pub(crate) fn sentence(reason: &str, message: Option<&str>) -> String {
    match message {
        Some(message) if !message.is_empty() => format!("{reason}: {message}"),
        _ => reason.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// The trouble of a pod whose only container waits like this, after it has ended so.
    fn told(waiting: &str, last: &Value) -> Option<String> {
        let status = json!({ "containerStatuses": [{
            "name": "node", "image": "", "imageID": "", "ready": false, "restartCount": 1,
            "state": { "waiting": { "reason": waiting, "message": "back-off 10s" } },
            "lastState": last,
        }] });
        trouble(&serde_json::from_value(status).expect("a status"))
    }

    fn ended(message: &str) -> Option<String> {
        let ended = json!({ "exitCode": 1, "reason": "Error", "message": message });
        told("CrashLoopBackOff", &json!({ "terminated": ended }))
    }

    #[test]
    fn a_member_that_ends_again_and_again_is_told_with_its_last_words() {
        let begin = "CrashLoopBackOff: it last ended with exit code 1 (Error)";
        let said = "{\"fields\":{\"message\":\"starting\"}}\nquorate-node: the log is newer\n\n";
        assert_eq!(ended(said), Some(format!("{begin}: quorate-node: the log is newer")));
        let said = r#"{"fields":{"message":"cannot start","error":"no space left"}}"#;
        assert_eq!(ended(said), Some(format!("{begin}: cannot start: no space left")));
        let said = r#"{"message":"cannot start"}"#;
        assert_eq!(ended(said), Some(format!("{begin}: cannot start")));
        assert_eq!(ended(" \n"), Some(begin.to_owned()));
        assert_eq!(ended("{}"), Some(begin.to_owned()));
        let long = ended(&"ä".repeat(2 * LAST_WORDS)).expect("a sentence");
        assert_eq!(long.chars().count(), begin.chars().count() + 2 + LAST_WORDS);
    }

    #[test]
    fn a_pod_that_goes_is_seen_with_its_node_and_when_it_is_to_be_gone() {
        let pod = json!({
            "metadata": {
                "name": "zk-2", "uid": "p", "resourceVersion": "7",
                "deletionTimestamp": "1970-01-01T00:16:40Z", "deletionGracePeriodSeconds": 30,
                "ownerReferences": [{
                    "apiVersion": "apps/v1", "kind": "StatefulSet", "name": "zk", "uid": "set",
                    "controller": true,
                }],
            },
            "spec": { "nodeName": "worker-3", "containers": [] },
        });
        let pod: Pod = serde_json::from_value(pod).expect("a pod");
        let ensemble = quorate_crds::CoordinationEnsemble::new("zk", Default::default());
        let seen = summary(&pod, "set", &Names::of(&ensemble, "")).expect("it is ours");
        assert!(seen.deleting);
        assert_eq!((seen.node.as_deref(), seen.gone_by), (Some("worker-3"), Some(1_000)));
    }

    #[test]
    fn how_far_a_nodes_clock_is_ahead_is_seen_in_when_its_kubelet_saw_the_pod() {
        let of = |status: Value| ahead(&serde_json::from_value(status).expect("a status"));
        let scheduled = |at: &str| {
            let condition =
                json!({ "type": "PodScheduled", "status": "True", "lastTransitionTime": at });
            json!({ "conditions": [condition], "startTime": "2026-01-01T00:05:01Z" })
        };
        assert_eq!(of(scheduled("2026-01-01T00:00:00Z")), 301);
        assert_eq!(of(scheduled("2026-01-01T00:05:03Z")), 0, "a clock that is behind");
        assert_eq!(of(json!({})), 0);
    }

    #[test]
    fn what_kubernetes_waits_with_is_told_where_nothing_has_ended() {
        let told = |waiting| told(waiting, &json!({}));
        assert_eq!(told("ErrImagePull"), Some("ErrImagePull: back-off 10s".to_owned()));
        assert_eq!(told("ContainerCreating"), None);
    }
}
