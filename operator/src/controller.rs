//! The loop: for every ensemble that may have changed, observe, plan, apply.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};
use futures::StreamExt;
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{Pod, Service};
use kube::runtime::controller::{Action as Requeue, Config, Controller};
use kube::runtime::events::{Event, EventType, Recorder};
use kube::runtime::reflector::ObjectRef;
use kube::runtime::watcher;
use kube::{Api, Client, Resource, ResourceExt};
use quorate_crds::CoordinationEnsemble;
use tokio::sync::watch;
use tokio::time::timeout;
use tracing::{debug, info, warn};

use crate::apply::{Applier, Outcome};
use crate::lease::Leadership;
use crate::observability::Metrics;
use crate::observe::{Observer, Sight};
use crate::plan::action::{Notice, Plan};
use crate::plan::plan;

/// Time for one pass.
const PASS: Duration = Duration::from_secs(60);
/// Passes at once, of different ensembles.
const CONCURRENCY: u16 = 8;
/// After an error.
const RETRY: Duration = Duration::from_secs(3);
/// What labels objects of ensembles, so that no others are watched.
const OURS: &str = "app.kubernetes.io/managed-by=quorate-operator";

/// What a pass needs.
pub struct Context {
    /// Reads.
    pub observer: Observer,
    /// Writes.
    pub applier: Applier,
    /// Whether writes are allowed.
    pub leadership: Leadership,
    /// Counts.
    pub metrics: Metrics,
    /// Tells people.
    pub recorder: Recorder,
}

/// A pass failed; it is told and tried again.
#[derive(Debug, thiserror::Error)]
#[error("{0:#}")]
pub struct Failed(anyhow::Error);

/// Reconciles the ensembles of a namespace, or of all, until told to stop; passes that began are
/// finished.
pub async fn run(
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
        .run(pass, |_, _, _| Requeue::requeue(RETRY), context)
        .for_each(|result| async move {
            if let Err(error) = result {
                warn!("{error}");
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

async fn pass(
    ensemble: Arc<CoordinationEnsemble>,
    context: Arc<Context>,
) -> Result<Requeue, Failed> {
    let (namespace, name) = (ensemble.namespace().unwrap_or_default(), ensemble.name_any());
    let began = Instant::now();
    let (label, outcome) = match timeout(PASS, reconcile(&context, &namespace, &name)).await {
        Ok(Ok(requeue)) => ("ok", Ok(requeue)),
        Ok(Err(error)) => ("error", Err(error)),
        Err(_) => ("timeout", Err(anyhow!("no end after {} s", PASS.as_secs()))),
    };
    context.metrics.passed(label, began.elapsed().as_secs_f64());
    outcome.map_err(|error| Failed(error.context(format!("{namespace}/{name}"))))
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
        if context.applier.status(&sight.observed, status).await? == Outcome::Done {
            for notice in &plan.events {
                tell(context, &sight, notice).await;
            }
        }
    }
    let again = if carried? { Duration::from_secs(plan.requeue) } else { Duration::from_secs(1) };
    Ok(Requeue::requeue(again))
}

/// Objects first, then actions; whether nothing was refused. What was refused ends the pass: it
/// was decided on a view that is out of date.
async fn carry_out(context: &Context, sight: &Sight, plan: &Plan) -> Result<bool> {
    for object in &plan.objects {
        if let Outcome::Refused(why) = context.applier.object(object).await? {
            debug!("refused: {why}");
            return Ok(false);
        }
    }
    for action in &plan.actions {
        if !context.leadership.holds() {
            return Ok(false);
        }
        let outcome = context.applier.action(&sight.observed, &sight.token, action).await;
        let label = match &outcome {
            Ok(Outcome::Done) => "done",
            Ok(Outcome::Refused(_)) => "refused",
            Err(_) => "failed",
        };
        context.metrics.acted(action.name(), label);
        let name = sight.observed.ensemble.name_any();
        info!(ensemble = name, outcome = label, detail = ?outcome.as_ref().err(), "{action:?}");
        if let Outcome::Refused(why) = outcome? {
            info!(ensemble = name, "refused: {why}");
            return Ok(false);
        }
    }
    Ok(true)
}

async fn tell(context: &Context, sight: &Sight, notice: &Notice) {
    let event = Event {
        type_: if notice.warning { EventType::Warning } else { EventType::Normal },
        reason: notice.reason.clone(),
        // The API server takes 1 kB.
        note: Some(notice.note.chars().take(1_000).collect()),
        action: "Reconcile".to_owned(),
        secondary: None,
    };
    let reference = sight.observed.ensemble.object_ref(&());
    if let Err(error) = context.recorder.publish(&event, &reference).await {
        warn!("cannot record an event: {error}");
    }
}
