//! The loop: watches tell which ensembles changed, and each of these has a keeper that looks after it.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::future::join_all;
use kube::Client;
use tokio::sync::{Notify, mpsc, watch};
use tokio::task::JoinHandle;

use crate::cache::{Cache, Key};
use crate::health::Health;
use crate::keeper::Keeper;
use crate::reconcile::Context;
use crate::watches::Watches;

/// What is looked after.
pub(crate) struct Watched {
    /// The API server.
    pub(crate) client: Client,
    /// The one namespace, or all.
    pub(crate) namespace: Option<String>,
    /// Whether the watches can be relied upon.
    pub(crate) health: Health,
}

/// Looks after the ensembles of a namespace, or of all, until told to stop; what began is finished.
pub(crate) async fn run(watched: Watched, context: Arc<Context>, mut stop: watch::Receiver<bool>) {
    let cache = Arc::new(Cache::default());
    let (changed, mut changes) = mpsc::unbounded_channel();
    let watches = Watches {
        client: watched.client,
        namespace: watched.namespace,
        cache: Arc::clone(&cache),
        changed,
        listed: watch::Sender::default(),
        health: watched.health,
        metrics: context.metrics.clone(),
        recorder: context.recorder.clone(),
    };
    let mut keepers = Keepers { context, cache, all: BTreeMap::new() };
    tokio::select! {
        // An end of the sender is an order to stop, too.
        _ = stop.wait_for(|stop| *stop) => {}
        () = watches.run() => {}
        () = async {
            watches.listed().await;
            while let Some(key) = changes.recv().await {
                keepers.changed(key);
            }
        } => {}
    }
    keepers.end().await;
}

/// Who looks after each ensemble.
struct Keepers {
    context: Arc<Context>,
    cache: Arc<Cache>,
    all: BTreeMap<Key, Handle>,
}

/// How to reach one of them.
struct Handle {
    wake: Arc<Notify>,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Keepers {
    /// An ensemble, or an object of it, is not as it was.
    fn changed(&mut self, key: Key) {
        let exists = self.cache.of(&key).ensemble.is_some();
        let ends = |handle: &Handle| *handle.stop.borrow();
        match self.all.get(&key) {
            // Objects outlive their ensemble for a while.
            None if !exists => {}
            Some(handle) if exists && !ends(handle) => handle.wake.notify_one(),
            Some(handle) if !exists => {
                handle.stop.send_replace(true);
                if handle.task.is_finished() {
                    self.all.remove(&key);
                }
            }
            Some(_) | None => self.begin(key),
        }
    }

    /// Has an ensemble looked after, once whoever did so before has come to an end.
    fn begin(&mut self, key: Key) {
        self.context.enters(&key);
        let before = self.all.remove(&key).map(|handle| handle.task);
        let wake = Arc::new(Notify::new());
        let (stop, stopped) = watch::channel(false);
        let (context, cache) = (Arc::clone(&self.context), Arc::clone(&self.cache));
        let keeper = Keeper::new(key.clone(), context, cache, Arc::clone(&wake));
        let task = tokio::spawn(async move {
            if let Some(before) = before {
                // However it ended, it did.
                let _ = before.await;
            }
            keeper.run(stopped).await;
        });
        self.all.insert(key, Handle { wake, stop, task });
    }

    async fn end(self) {
        let end = |handle: Handle| {
            handle.stop.send_replace(true);
            handle.task
        };
        join_all(self.all.into_values().map(end)).await;
    }
}
