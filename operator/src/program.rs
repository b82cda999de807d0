//! Puts the operator together and takes it down again.

use std::io::IsTerminal as _;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow};
use futures::future::join_all;
use kube::client::ClientBuilder;
use kube::runtime::events::{Recorder, Reporter};
use kube::{Client, Config};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{Semaphore, watch};
use tracing::{info, warn};

use crate::apply::Applier;
use crate::args::{LogFormat, RunArgs};
use crate::controller::{self, Watched};
use crate::health::Health;
use crate::lease::Elector;
use crate::member_api::MemberApi;
use crate::observability::{Metrics, serve};
use crate::observe::Observer;
use crate::plan::convoy::Convoy;
use crate::plan::names::MANAGER;
use crate::reconcile::Context;

/// Reconciles at once in each of the two lanes.
const RECONCILES: usize = 32;
/// Time to finish reconciles after an order to stop.
const GRACE: Duration = Duration::from_secs(20);

/// Reconciles until told to stop.
///
/// # Errors
/// When there is no cluster to talk to, or the lease is lost: another operator has taken over.
pub async fn run(args: RunArgs) -> Result<()> {
    log(&args);
    let mut config =
        Config::infer().await.context("no Kubernetes: not in a pod, and no kubeconfig")?;
    let namespace = args.lease_namespace.clone().unwrap_or(config.default_namespace.clone());
    // What is refused for now is tried again at the ensemble's own pace, not within a reconcile.
    config.default_retry = false;
    let client: Client = ClientBuilder::try_from(config)?.build();
    let (metrics, health) = (Metrics::new()?, Health::default());
    let server = serve(args.http_addr, metrics.clone(), health.clone());
    let work = lead(&args, client, &namespace, metrics, health);
    tokio::select! {
        ended = server => ended,
        done = work => done,
    }
}

/// Waits for the lease, then works until a signal or the loss of it.
async fn lead(
    args: &RunArgs,
    client: Client,
    namespace: &str,
    metrics: Metrics,
    health: Health,
) -> Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut elector = Elector::new(client.clone(), namespace, &args.lease_name, &args.identity);
    info!(version = env!("CARGO_PKG_VERSION"), identity = args.identity, "waiting for the lease");
    tokio::select! {
        () = elector.acquire() => {}
        _ = terminate.recv() => return Ok(()),
        _ = interrupt.recv() => return Ok(()),
    }
    metrics.is_leader.set(1);
    let context = Arc::new(context(args, &client, &elector, &metrics));
    let (stop, stopped) = watch::channel(false);
    let start = |namespace: Option<String>| {
        info!(namespace = namespace.as_deref().unwrap_or("(all)"), "watching ensembles");
        let watched = Watched { client: client.clone(), namespace, health: health.clone() };
        controller::run(watched, Arc::clone(&context), stopped.clone())
    };
    let mut controllers = Box::pin(join_all(args.watched().into_iter().map(start)));
    let lost = tokio::select! {
        () = elector.keep() => true,
        _ = &mut controllers => return Err(anyhow!("the controllers ended by themselves")),
        _ = terminate.recv() => false,
        _ = interrupt.recv() => false,
    };
    metrics.is_leader.set(0);
    if lost {
        return Err(anyhow!("lost the lease: another operator may work now"));
    }
    info!("stopping");
    stop.send_replace(true);
    let finished = tokio::time::timeout(GRACE, async {
        tokio::select! {
            _ = &mut controllers => {}
            () = elector.keep() => {}
        }
    });
    if finished.await.is_err() {
        warn!(seconds = GRACE.as_secs(), "a reconcile did not end in time");
    }
    elector.release().await.context("cannot release the lease; it ends by itself")
}

fn context(args: &RunArgs, client: &Client, elector: &Elector, metrics: &Metrics) -> Context {
    let reporter =
        Reporter { controller: MANAGER.to_owned(), instance: Some(args.identity.clone()) };
    Context {
        observer: Observer {
            client: client.clone(),
            default_image: args.default_image(),
            cluster_domain: args.cluster_domain.clone(),
        },
        applier: Applier { client: client.clone(), members: MemberApi::default() },
        leadership: elector.leadership.clone(),
        metrics: metrics.clone(),
        recorder: Recorder::new(client.clone(), reporter),
        fast: Semaphore::new(RECONCILES),
        slow: Semaphore::new(RECONCILES),
        convoy: Mutex::new(Convoy::new(args.follow_at_once, args.follow_soak_seconds)),
    }
}

fn log(args: &RunArgs) {
    let filter = tracing_subscriber::EnvFilter::new(&args.log);
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    match args.log_format {
        LogFormat::Text => builder.init(),
        LogFormat::Json => builder.json().init(),
    }
}
