//! Events on a resource, for people. One that cannot be recorded is logged, and stops nothing.

use k8s_openapi::api::core::v1::ObjectReference;
use kube::runtime::events::{Event, EventType, Recorder};
use tracing::warn;

use crate::causes::ApiError;

/// The API server takes 1 kB.
const NOTE: usize = 1_000;

/// Records one event about an ensemble.
pub(crate) async fn tell(
    recorder: &Recorder,
    about: &ObjectReference,
    warning: bool,
    reason: String,
    note: &str,
) {
    let event = Event {
        type_: if warning { EventType::Warning } else { EventType::Normal },
        reason,
        note: Some(note.chars().take(NOTE).collect()),
        action: "Reconcile".to_owned(),
        secondary: None,
    };
    if let Err(error) = recorder.publish(&event, about).await {
        let (namespace, ensemble) = (about.namespace.as_deref(), about.name.as_deref());
        let (reason, error) = (&event.reason, ApiError::from(error).to_string());
        warn!(namespace, ensemble, reason, error, "an event was not recorded");
    }
}
