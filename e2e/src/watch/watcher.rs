//! Watches an ensemble's quorum: asks every member what it sees, five times a second.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use k8s_openapi::api::core::v1::Pod;
use kube::{Api, Client};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::MissedTickBehavior;

use crate::stage::member::{self, MemberView};
use crate::stage::objects::{members, pod_ip};
use crate::watch::quorum::{History, judge};

const PERIOD: Duration = Duration::from_millis(200);

/// A watcher at work. It ends when it is dropped.
pub(crate) struct Watcher {
    stop: watch::Sender<bool>,
    task: JoinHandle<History>,
}

impl Watcher {
    /// Begins to watch.
    pub(crate) fn start(client: Client, namespace: &str, name: &str) -> Self {
        let (stop, stopped) = watch::channel(false);
        let pods: Api<Pod> = Api::namespaced(client, namespace);
        let task = tokio::spawn(watch_members(pods, name.to_owned(), stopped));
        Watcher { stop, task }
    }

    /// Stops, and tells what was seen.
    pub(crate) async fn finish(self) -> Result<History> {
        let _ = self.stop.send(true);
        self.task.await.context("the watcher broke down")
    }
}

async fn watch_members(
    pods: Api<Pod>,
    name: String,
    mut stopped: watch::Receiver<bool>,
) -> History {
    let started = Instant::now();
    let mut addresses: Vec<String> = Vec::new();
    let mut history = History::default();
    let mut period = tokio::time::interval(PERIOD);
    period.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        tokio::select! {
            _ = period.tick() => {}
            // Also when whoever started this is gone.
            _ = stopped.changed() => return history,
        }
        // While the API server does not answer, the members are where they were.
        if let Ok(found) = members(&pods, &name).await {
            addresses = found.iter().filter_map(pod_ip).collect();
        }
        let at = started.elapsed();
        history.record(at, &judge(&ask_all(&addresses).await));
    }
}

/// The answers of those that answer.
pub(crate) async fn ask_all(addresses: &[String]) -> Vec<MemberView> {
    let asked = addresses.iter().map(|ip| member::ask(ip));
    futures::future::join_all(asked).await.into_iter().filter_map(Result::ok).collect()
}
