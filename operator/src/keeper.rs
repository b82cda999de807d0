//! Who looks after one ensemble: a task of its own that waits for a change or for its time, asks the
//! members, and lets a reconcile follow if there is anything to see. While it waits it is in nobody's way.

use std::sync::Arc;
use std::time::Duration;

use kube::ResourceExt as _;
use quorate_crds::EnsembleStatus;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep_until, timeout};
use tracing::warn;

use crate::cache::{Cache, Key, Known};
use crate::error::{Error, Result};
use crate::labels::Ended;
use crate::members::{self, Members};
use crate::pace::{Came, Pace, RESYNC};
use crate::plan::member::Member;
use crate::plan::names::Names;
use crate::plan::observed;
use crate::pods;
use crate::reconcile::{Context, Done, Memory, Reconcile, Turn};

/// Time for one reconcile.
const DEADLINE: Duration = Duration::from_secs(60);
/// What members said longer ago is not acted upon.
const STALE: Duration = Duration::from_secs(1);
/// A reconcile that takes longer goes to the slow lane the next time.
const SLOW_RECONCILE: Duration = Duration::from_secs(2);

/// Who looks after one ensemble.
pub(crate) struct Keeper {
    key: Key,
    context: Arc<Context>,
    cache: Arc<Cache>,
    wake: Arc<Notify>,
    members: Members,
    pace: Pace,
    origin: Instant,
    /// What the last reconcile was made of, and what it came to.
    last: Option<Last>,
    memory: Memory,
    /// After this time without a change everything is read live.
    resync: Duration,
    /// Whether its reconciles are slow, or fail.
    ill: bool,
}

/// The last reconcile that ended well.
struct Last {
    version: u64,
    gist: Vec<Member>,
    status: Option<EnsembleStatus>,
    at_rest: bool,
    /// When everything was last read live.
    read: Instant,
    /// When something is to be done though nothing changes.
    due: Option<Instant>,
}

impl Keeper {
    /// For this ensemble.
    pub(crate) fn new(
        key: Key,
        context: Arc<Context>,
        cache: Arc<Cache>,
        wake: Arc<Notify>,
    ) -> Keeper {
        Keeper {
            key,
            context,
            cache,
            wake,
            members: Members::default(),
            pace: Pace::new(Duration::ZERO),
            origin: Instant::now(),
            last: None,
            memory: Memory::default(),
            // Whoever began together does not go on so.
            resync: RESYNC.mul_f64(0.8 + 0.2 * chance()),
            ill: false,
        }
    }

    /// Looks after it until told to stop; a reconcile that began is finished.
    pub(crate) async fn run(mut self, mut stop: watch::Receiver<bool>) {
        self.context.enters(&self.key);
        let mut least = Instant::now();
        let mut time = least;
        loop {
            tokio::select! {
                biased;
                // An end of the sender is an order to stop, too.
                _ = stop.wait_for(|stop| *stop) => break,
                () = self.wait(least, time) => {}
            }
            let (came, requests) = self.look().await;
            let next = self.pace.next(self.origin.elapsed(), came, requests, chance());
            let now = Instant::now();
            (least, time) = (now + next.least, now + next.pause);
        }
        self.context.leaves(&self.key);
        self.context.metrics.forget([&self.key.namespace, &self.key.name]);
    }

    async fn wait(&self, least: Instant, time: Instant) {
        tokio::select! {
            () = self.wake.notified() => {}
            () = sleep_until(time) => {}
        }
        sleep_until(least).await;
    }

    /// One look, and a reconcile if anything is not as it was; what came of it, and how many requests it
    /// took.
    async fn look(&mut self) -> (Came, u32) {
        if !self.context.leadership.holds() {
            return (Came::StandsStill, 0);
        }
        let known = self.cache.of(&self.key);
        let Some(ensemble) = known.ensemble.clone() else {
            return (Came::AtRest, 0);
        };
        let names = Names::of(&ensemble, &self.context.observer.cluster_domain);
        self.memory.belong_to(names.uid());
        let pods = pods_of(&known, &names);
        let answers = self.members.ask(&pods).await;
        let gist = members::gist(&answers);
        if let Some(last) = &self.last
            && last.at_rest
            && last.version == known.version
            && last.gist == gist
            && last.read.elapsed() < self.resync
            && !self.context.may_follow(&self.key)
            && last.due.is_none_or(|due| Instant::now() < due)
        {
            self.context.metrics.succeeded([&self.key.namespace, &self.key.name]);
            return (Came::AtRest, 0);
        }
        let context = Arc::clone(&self.context);
        let asked = Instant::now();
        let turn = Turn::wait(if self.ill { &context.slow } else { &context.fast }).await;
        // Nothing is done on what was said long before its turn came.
        let answers = if asked.elapsed() < STALE { answers } else { self.members.ask(&pods).await };
        let live = self.last.as_ref().is_none_or(|last| last.read.elapsed() >= self.resync);
        let version = known.version;
        let mut reconcile =
            Reconcile::new(&context, &self.key, known, answers, &mut self.memory, turn);
        let began = Instant::now();
        let outcome = timeout(DEADLINE, reconcile.run(live)).await;
        let outcome = outcome.unwrap_or(Err(Error::Deadline { seconds: DEADLINE.as_secs() }));
        let requests = reconcile.requests();
        drop(reconcile);
        self.ill = outcome.is_err() || began.elapsed() > SLOW_RECONCILE;
        self.tell(&outcome, began.elapsed());
        let Ok(done) = outcome else { return (Came::Failed, requests) };
        let before = self.last.take();
        let same = before
            .as_ref()
            .is_some_and(|it| it.status == done.status && it.version == version && it.gist == gist);
        let came = match (done.acted, done.at_rest, same) {
            (true, ..) => Came::Deed,
            (false, true, _) => Came::AtRest,
            (false, false, true) => Came::StandsStill,
            (false, false, false) => Came::Moved,
        };
        let read = before.map(|it| it.read).filter(|_| !done.live).unwrap_or(began);
        let at_rest = came == Came::AtRest;
        let due = done.due.map(|after| Instant::now() + after);
        self.last = Some(Last { version, gist, status: done.status, at_rest, read, due });
        (came, requests)
    }

    fn tell(&self, outcome: &Result<Done>, took: Duration) {
        let label = match outcome {
            Ok(done) if done.clean => Ended::Ok,
            Ok(_) => Ended::Refused,
            Err(Error::Deadline { .. }) => Ended::Timeout,
            Err(_) => Ended::Error,
        };
        let metrics = &self.context.metrics;
        metrics.reconciled(label, took.as_secs_f64());
        let (namespace, ensemble) = (&self.key.namespace, &self.key.name);
        match outcome {
            Ok(done) if done.clean => metrics.succeeded([namespace, ensemble]),
            // It was told as it happened.
            Ok(_) => {}
            Err(error) => {
                let step = error.step();
                metrics.failed([namespace, ensemble], step);
                warn!(namespace, ensemble, step, %error, "reconcile failed");
            }
        }
    }
}

/// Somewhere in 0..1; without random numbers all keep step, and that is all.
fn chance() -> f64 {
    f64::from(getrandom::u32().unwrap_or(0)) / f64::from(u32::MAX)
}

/// The pods of the ensemble's StatefulSet, as far as the cache has them.
fn pods_of(known: &Known, names: &Names) -> Vec<observed::Pod> {
    let uid = known.sets.get(names.ensemble()).map(|set| set.uid().unwrap_or_default());
    let Some(uid) = uid else { return Vec::new() };
    known.pods.values().filter_map(|pod| pods::summary(pod, &uid, names)).collect()
}
