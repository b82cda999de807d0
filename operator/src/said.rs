//! What Kubernetes says of objects that do not get on: its own events of a StatefulSet, a pod or a claim.
//! They are read only while something does not get on, and told, never acted upon.

use std::time::Duration;

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{Event, Pod};
use k8s_openapi::jiff::Timestamp;
use kube::api::ListParams;
use kube::{Api, Client};
use tokio::time::Instant;
use tracing::debug;

use crate::causes::ApiError;
use crate::plan::names;
use crate::pods::sentence;
use crate::sight::Said;

/// For so long it is not asked again.
const KEPT: Duration = Duration::from_secs(10);
/// For so many seconds a pod may be on its way to start before anybody asks why it does not.
const STARTING: i64 = 10;
/// What was said so many seconds ago is not said of now.
const OLD: i64 = 600;
/// At most so many objects are asked about.
const MOST: usize = 4;

/// What was said last.
#[derive(Debug, Default)]
pub(crate) struct Sayings {
    kept: Option<(Vec<Said>, Instant)>,
}

impl Sayings {
    /// What is said of those of these objects that do not get on. Counts the requests that it takes.
    pub(crate) async fn of(
        &mut self,
        client: &Client,
        namespace: &str,
        about: Vec<(&'static str, String)>,
        now: i64,
        requests: &mut u32,
    ) -> Vec<Said> {
        if about.is_empty() {
            self.kept = None;
            return Vec::new();
        }
        if let Some((said, at)) = &self.kept
            && at.elapsed() < KEPT
        {
            return said.clone();
        }
        let api: Api<Event> = Api::namespaced(client.clone(), namespace);
        let mut said = Vec::new();
        for (kind, name) in about.into_iter().take(MOST) {
            *requests += 1;
            let of = format!("type=Warning,involvedObject.kind={kind},involvedObject.name={name}");
            match api.list(&ListParams::default().fields(&of)).await {
                Ok(list) => said.extend(newest(&list.items, kind, &name, now)),
                Err(error) => {
                    // It is only for people: whoever may not read it sees it all the same.
                    let error = ApiError::from(error).to_string();
                    debug!(namespace, kind, name, error, "events were not read");
                }
            }
        }
        self.kept = Some((said.clone(), Instant::now()));
        said
    }
}

/// Objects that do not get on: a StatefulSet that lacks pods, and pods that do not start, with their
/// claims.
pub(crate) fn stuck<'a>(
    set: Option<&StatefulSet>,
    pods: impl Iterator<Item = &'a Pod>,
    now: i64,
) -> Vec<(&'static str, String)> {
    let name = |name: &Option<String>| name.clone().unwrap_or_default();
    let mut about = Vec::new();
    let mut count = 0;
    for pod in pods {
        count += 1;
        let created = pod.metadata.creation_timestamp.as_ref().map_or(now, |it| it.0.as_second());
        let status = pod.status.as_ref();
        let pending = status.and_then(|it| it.phase.as_deref()) == Some("Pending");
        if pending && now - created >= STARTING {
            let pod = name(&pod.metadata.name);
            about.push(("PersistentVolumeClaim", names::claim(&pod)));
            about.push(("Pod", pod));
        }
    }
    if let Some(set) = set
        && set.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(1) > count
    {
        about.insert(0, ("StatefulSet", name(&set.metadata.name)));
    }
    about
}

/// The newest warning about that object, if it is not old.
fn newest(events: &[Event], kind: &'static str, name: &str, now: i64) -> Option<Said> {
    let of = |it: &&Event| {
        it.type_.as_deref() == Some("Warning")
            && it.involved_object.kind.as_deref() == Some(kind)
            && it.involved_object.name.as_deref() == Some(name)
    };
    let event = events.iter().filter(of).max_by_key(|it| time(it))?;
    let fresh = time(event).is_some_and(|at| now - at.as_second() <= OLD);
    let reason = event.reason.as_deref().unwrap_or_default();
    let why = sentence(reason, event.message.as_deref().map(str::trim));
    fresh.then(|| Said { kind, name: name.to_owned(), why })
}

fn time(event: &Event) -> Option<Timestamp> {
    let series = event.series.as_ref().and_then(|it| it.last_observed_time.as_ref());
    let times = [
        series.map(|it| it.0),
        event.last_timestamp.as_ref().map(|it| it.0),
        event.event_time.as_ref().map(|it| it.0),
        event.metadata.creation_timestamp.as_ref().map(|it| it.0),
    ];
    times.into_iter().flatten().max()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn event(kind: &str, name: &str, severity: &str, at: &str, message: &str) -> Event {
        let event = json!({
            "metadata": {}, "type": severity, "reason": "FailedCreate", "message": message,
            "involvedObject": { "kind": kind, "name": name }, "lastTimestamp": at,
        });
        serde_json::from_value(event).expect("an event")
    }

    fn second(text: &str) -> i64 {
        text.parse::<Timestamp>().expect("a time").as_second()
    }

    #[test]
    fn the_newest_warning_about_an_object_is_told_and_no_old_one() {
        let (first, later) = ("2026-01-01T00:00:00Z", "2026-01-01T00:05:00Z");
        let events = [
            event("StatefulSet", "zk", "Warning", later, "exceeded quota"),
            event("StatefulSet", "zk", "Warning", first, "no such priority class"),
            event("StatefulSet", "zk", "Normal", later, "created"),
            event("StatefulSet", "other", "Warning", later, "of another"),
            event("Pod", "zk", "Warning", later, "of a pod"),
        ];
        let told = |now| newest(&events, "StatefulSet", "zk", second(now)).map(|it| it.why);
        let expected = Some("FailedCreate: exceeded quota".to_owned());
        assert_eq!(told("2026-01-01T00:06:00Z"), expected);
        assert_eq!(told("2026-01-01T00:15:00Z"), expected);
        assert_eq!(told("2026-01-01T00:15:01Z"), None);
    }

    #[test]
    fn nobody_is_asked_about_while_all_get_on() {
        let now = second("2026-01-01T00:01:00Z");
        let set = json!({ "metadata": { "name": "zk" }, "spec": {
            "replicas": 2, "selector": {}, "template": {}, "serviceName": "zk-peer",
        } });
        let set: StatefulSet = serde_json::from_value(set).expect("a StatefulSet");
        let pod = |name: &str, phase: &str, at: &str| -> Pod {
            let pod = json!({
                "metadata": { "name": name, "creationTimestamp": at }, "status": { "phase": phase },
            });
            serde_json::from_value(pod).expect("a pod")
        };
        let about = |pods: &[Pod]| stuck(Some(&set), pods.iter(), now);
        let (old, young) = ("2026-01-01T00:00:50Z", "2026-01-01T00:00:51Z");
        let well = pod("zk-0", "Running", old);
        assert_eq!(about(&[well.clone(), pod("zk-1", "Pending", young)]), []);
        let claim = ("PersistentVolumeClaim", "data-zk-1".to_owned());
        let waits = [claim, ("Pod", "zk-1".to_owned())];
        assert_eq!(about(&[well.clone(), pod("zk-1", "Pending", old)]), waits);
        assert_eq!(about(&[well]), [("StatefulSet", "zk".to_owned())]);
    }
}
