//! The loop: for every ensemble that may have changed, observe, plan, apply.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::StreamExt;
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{Pod, Service};
use kube::runtime::controller::{self, Action as Requeue, Config, Controller};
use kube::runtime::events::{Event, EventType, Recorder};
use kube::runtime::reflector::ObjectRef;
use kube::runtime::watcher;
use kube::{Api, Client, Resource, ResourceExt};
use quorate_crds::CoordinationEnsemble;
use tokio::sync::watch;
use tokio::time::timeout;
use tracing::{debug, info, warn};

use crate::apply::{Applier, Outcome};
use crate::causes::{ApiError, chain};
use crate::error::{Error, Result};
use crate::lease::Leadership;
use crate::observability::Metrics;
use crate::observe::Observer;
use crate::plan::action::Plan;
use crate::plan::events::Notice;
use crate::plan::plan;
use crate::sight::Sight;

/// Time for one reconcile.
const DEADLINE: Duration = Duration::from_secs(60);
/// Reconciles at once, of different ensembles.
const CONCURRENCY: u16 = 8;
/// After an error.
const RETRY: Duration = Duration::from_secs(3);
/// What labels objects of ensembles, so that no others are watched.
const OURS: &str = "app.kubernetes.io/managed-by=quorate-operator";

/// What a reconcile needs.
pub(crate) struct Context {
    /// Reads.
    pub(crate) observer: Observer,
    /// Writes.
    pub(crate) applier: Applier,
    /// Whether writes are allowed.
    pub(crate) leadership: Leadership,
    /// Counts.
    pub(crate) metrics: Metrics,
    /// Tells people.
    pub(crate) recorder: Recorder,
}

/// Reconciles the ensembles of a namespace, or of all, until told to stop; what began is
/// finished.
pub(crate) async fn run(
    client: Client,
    namespace: Option<String>,
    context: Arc<Context>,
    mut stop: watch::Receiver<bool>,
) {
    let config = watcher::Config::default();
    let ours = watcher::Config::default().labels(OURS);
    Controller::new(api::<CoordinationEnsemble>(&client, namespace.as_deref()), config)
        .with_config(Config::default().concurrency(CONCURRENCY))
        .owns(api::<StatefulSet>(&client, namespace.as_deref()), ours.clone())
        .owns(api::<Service>(&client, namespace.as_deref()), ours.clone())
        .watches(api::<Pod>(&client, namespace.as_deref()), ours, ensemble_of)
        .graceful_shutdown_on(async move {
            // An end of the sender is an order to stop, too.
            let _ = stop.wait_for(|stop| *stop).await;
        })
        .run(timed, |_, _, _| Requeue::requeue(RETRY), context)
        .for_each(|result| async move {
            // What failed in a reconcile is logged there.
            match result {
                Ok(_) | Err(controller::Error::ReconcilerFailed(..)) => {}
                Err(error) => warn!(error = chain(&error), "a watch or its queue failed"),
            }
        })
        .await;
}

fn api<K>(client: &Client, namespace: Option<&str>) -> Api<K>
where
    K: Resource<Scope = k8s_openapi::NamespaceResourceScope, DynamicType = ()>,
{
    match namespace {
        Some(namespace) => Api::namespaced(client.clone(), namespace),
        None => Api::all(client.clone()),
    }
}

fn ensemble_of(pod: Pod) -> Option<ObjectRef<CoordinationEnsemble>> {
    let name = pod.labels().get("app.kubernetes.io/instance")?.clone();
    Some(ObjectRef::new(&name).within(&pod.namespace()?))
}

/// One reconcile, with its time and its end in metrics and logs.
async fn timed(ensemble: Arc<CoordinationEnsemble>, context: Arc<Context>) -> Result<Requeue> {
    let (namespace, name) = (ensemble.namespace().unwrap_or_default(), ensemble.name_any());
    let began = Instant::now();
    let outcome = timeout(DEADLINE, reconcile(&context, &namespace, &name)).await;
    let outcome = outcome.unwrap_or(Err(Error::Deadline { seconds: DEADLINE.as_secs() }));
    let label = match &outcome {
        Ok(_) => "ok",
        Err(Error::Deadline { .. }) => "timeout",
        Err(_) => "error",
    };
    context.metrics.reconciled(label, began.elapsed().as_secs_f64());
    if let Err(error) = &outcome {
        let step = error.step();
        context.metrics.failed(step);
        warn!(namespace, ensemble = name, step, %error, "reconcile failed");
    }
    outcome
}

async fn reconcile(context: &Context, namespace: &str, name: &str) -> Result<Requeue> {
    let key = [namespace, name];
    if !context.leadership.holds() {
        return Ok(Requeue::requeue(RETRY));
    }
    let Some(sight) = context.observer.observe(namespace, name).await? else {
        context.metrics.forget(key);
        return Ok(Requeue::await_change());
    };
    let plan = plan(&sight.observed);
    let carried = carry_out(context, &sight, &plan).await;
    if let Some(status) = &plan.status {
        let spec = &sight.observed.ensemble.spec;
        let now = sight.observed.now;
        context.metrics.report(key, spec.replicas, spec.paused, status, now);
        if context.applier.status(&sight, status).await? == Outcome::Done {
            for notice in &plan.events {
                tell(context, &sight, notice).await;
            }
        }
    }
    let again = if carried? { Duration::from_secs(plan.requeue) } else { Duration::from_secs(1) };
    Ok(Requeue::requeue(again))
}

/// Objects first, then actions; whether nothing was refused. What was refused ends the reconcile: it
/// was decided on a view that is out of date.
async fn carry_out(context: &Context, sight: &Sight, plan: &Plan) -> Result<bool> {
    let (namespace, ensemble) = (sight.names.namespace(), sight.names.ensemble());
    for object in &plan.objects {
        if let Outcome::Refused(why) = context.applier.object(sight, object).await? {
            debug!(namespace, ensemble, object = %object.key, why, "an object was refused");
            return Ok(false);
        }
    }
    for action in &plan.actions {
        if !context.leadership.holds() {
            return Ok(false);
        }
        let outcome = context.applier.action(sight, action).await;
        let (label, why) = match &outcome {
            Ok(Outcome::Done) => ("done", None),
            Ok(Outcome::Refused(why)) => ("refused", Some(why.as_str())),
            Err(_) => ("failed", None),
        };
        let name = action.name();
        context.metrics.acted(name, label);
        info!(namespace, ensemble, action = name, subject = %action, outcome = label, why, "acted");
        if let Outcome::Refused(_) = outcome? {
            return Ok(false);
        }
    }
    Ok(true)
}

async fn tell(context: &Context, sight: &Sight, notice: &Notice) {
    let event = Event {
        type_: if notice.warning { EventType::Warning } else { EventType::Normal },
        reason: notice.reason.to_string(),
        // The API server takes 1 kB.
        note: Some(notice.note.chars().take(1_000).collect()),
        action: "Reconcile".to_owned(),
        secondary: None,
    };
    let reference = sight.observed.ensemble.object_ref(&());
    if let Err(error) = context.recorder.publish(&event, &reference).await {
        let (namespace, ensemble) = (sight.names.namespace(), sight.names.ensemble());
        let (reason, error) = (&event.reason, ApiError::from(error).to_string());
        warn!(namespace, ensemble, reason, error, "an event was not recorded");
    }
}
