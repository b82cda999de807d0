//! Counters, and their names: ZooKeeper's own where it has one ([`zookeeper`], [`gauges`]),
//! `quorate_node_*` for the rest ([`own`]). The only room that names metrics. `count` how often,
//! `summary` how much and how long, `sample` one figure as it is shown.

pub(crate) mod count;
pub(crate) mod sample;
pub(crate) mod summary;
pub(crate) mod zookeeper;

mod gauges;
mod own;

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use prometheus::{
    Encoder, Histogram, HistogramOpts, IntCounter, IntCounterVec, Opts, Registry, TextEncoder,
};

use self::sample::Sample;
use self::zookeeper::Counted;
use super::budget::Budget;
use super::disk::{self, DiskConfig};
use super::driver::Driver;
use super::shown::Shown;
use super::tls::TlsEvent;
use crate::codec::four_letter::Facts;
use crate::core::effect::{Answered, CloseReason, Note};
use crate::core::state::Overrun;
use crate::core::types::Zxid;

/// Between two lines of the log about quotas.
const QUOTA_PAUSE: Duration = Duration::from_secs(1);

/// Shared handles.
#[derive(Clone)]
pub(crate) struct Metrics(Arc<Inner>);

struct Inner {
    registry: Registry,
    started: Instant,
    disk: DiskConfig,
    budget: OnceLock<Arc<Budget>>,
    shown: Shown,
    counted: Counted,
    last_snapshot: Mutex<Option<(Zxid, u64)>>,
    requests: IntCounterVec,
    request_seconds: Histogram,
    fsync_seconds: Histogram,
    closed: IntCounterVec,
    elections: IntCounter,
    tls: IntCounterVec,
    over_quota: IntCounterVec,
    quota_told: Mutex<Option<Instant>>,
}

impl std::fmt::Debug for Metrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Metrics")
    }
}

fn buckets() -> Vec<f64> {
    vec![0.00005, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1.0, 5.0]
}

impl Metrics {
    /// Fresh counters.
    ///
    /// # Errors
    /// When two metrics have the same name.
    pub(crate) fn new(disk: DiskConfig, shown: Shown) -> prometheus::Result<Metrics> {
        let registry = Registry::new();
        let histogram = |name: &str, help: &str| {
            Histogram::with_opts(HistogramOpts::new(name, help).buckets(buckets()))
        };
        let inner = Inner {
            started: Instant::now(),
            disk,
            budget: OnceLock::new(),
            shown,
            counted: Counted::default(),
            last_snapshot: Mutex::default(),
            requests: IntCounterVec::new(
                Opts::new("quorate_node_requests_total", "Answered requests"),
                &["kind"],
            )?,
            request_seconds: histogram("quorate_node_request_seconds", "Time to an answer")?,
            fsync_seconds: histogram("quorate_node_fsync_seconds", "Time of a log sync")?,
            closed: IntCounterVec::new(
                Opts::new("quorate_node_connections_closed_total", "Connections closed by us"),
                &["reason"],
            )?,
            elections: IntCounter::new("quorate_node_elections_won_total", "Elections won")?,
            over_quota: IntCounterVec::new(
                Opts::new(
                    "quorate_node_over_quota_total",
                    "Leader: writes beyond a soft limit, or refused for a hard one",
                ),
                &["limit"],
            )?,
            quota_told: Mutex::default(),
            tls: IntCounterVec::new(
                Opts::new("quorate_node_tls_total", "What happened on the secure port"),
                &["event"],
            )?,
            registry,
        };
        let own: [Box<dyn prometheus::core::Collector>; 7] = [
            Box::new(inner.requests.clone()),
            Box::new(inner.request_seconds.clone()),
            Box::new(inner.fsync_seconds.clone()),
            Box::new(inner.closed.clone()),
            Box::new(inner.elections.clone()),
            Box::new(inner.tls.clone()),
            Box::new(inner.over_quota.clone()),
        ];
        for collector in own {
            inner.registry.register(collector)?;
        }
        Ok(Metrics(Arc::new(inner)))
    }

    /// What is counted under ZooKeeper's names.
    pub(crate) fn counted(&self) -> &Counted {
        &self.0.counted
    }

    /// What was set, for words and commands that show it.
    pub(crate) fn shown(&self) -> &Shown {
        &self.0.shown
    }

    /// Milliseconds since this process started.
    pub(crate) fn uptime_ms(&self) -> u64 {
        self.0.started.elapsed().as_millis() as u64
    }

    /// What clients take of the memory is shown as well.
    pub(crate) fn budget(&self, budget: &Arc<Budget>) {
        let _ = self.0.budget.set(Arc::clone(budget));
    }

    /// Frames of this many bytes came in.
    pub(crate) fn received(&self, count: u64, bytes: u64) {
        self.0.counted.packets_received.add(count);
        self.0.counted.bytes_received_count.add(bytes);
    }

    /// Frames of this many bytes went out.
    pub(crate) fn sent(&self, count: u64, bytes: u64) {
        self.0.counted.packets_sent.add(count);
        self.0.counted.response_bytes.add(bytes);
    }

    /// Something happened on the secure port.
    pub(crate) fn tls(&self, event: TlsEvent) {
        let counted = &self.0.counted;
        match event {
            TlsEvent::HandshakeFailed | TlsEvent::HandshakeTimedOut => {
                counted.unsuccessful_handshake.add(1);
            }
            TlsEvent::HandshakeRefused => counted.tls_handshake_exceeded.add(1),
            _ => {}
        }
        self.0.tls.with_label_values(&[event.label()]).inc();
    }

    /// A connection was over a limit.
    pub(crate) fn refused_connection(&self) {
        self.0.counted.connection_rejected.add(1);
    }

    /// A connection was closed by us.
    pub(crate) fn closed(&self, reason: CloseReason) {
        self.0.counted.closed(reason);
        self.0.closed.with_label_values(&[close_label(reason)]).inc();
    }

    /// A log sync took this long.
    pub(crate) fn synced(&self, took: Duration) {
        self.0.fsync_seconds.observe(took.as_secs_f64());
        self.0.counted.synced(took);
    }

    /// The core noted something: counted, and logged if a person would want to know.
    pub(crate) fn note(&self, note: &Note) {
        self.0.counted.note(note);
        match note {
            Note::Answered(answered) => return self.answered(answered),
            Note::Applied { .. } | Note::Fired { .. } => return,
            Note::SessionCreated { .. } | Note::SessionClosed { .. } => {
                tracing::debug!(?note, "session");
                return;
            }
            Note::OverQuota(overrun) => return self.over_quota(overrun),
            Note::BecameLeader { .. } => self.0.elections.inc(),
            _ => {}
        }
        tracing::info!("{note:?}");
    }

    /// Each write of a busy client may be one: all are counted, one a second is logged.
    fn over_quota(&self, overrun: &Overrun) {
        let limit = if overrun.hard { "hard" } else { "soft" };
        self.0.over_quota.with_label_values(&[limit]).inc();
        let mut told = self.0.quota_told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.is_none_or(|at| at.elapsed() >= QUOTA_PAUSE) {
            *told = Some(Instant::now());
            tracing::warn!(path = overrun.path, limit, "a quota is exceeded");
        }
    }

    fn answered(&self, answered: &Answered) {
        let inner = &self.0;
        inner.counted.answered(answered);
        let kind = if answered.write { "write" } else { "read" };
        inner.requests.with_label_values(&[kind]).inc();
        let seconds = answered.millis as f64 / 1_000.0;
        inner.request_seconds.observe(seconds);
    }

    /// What four-letter words and `/commands` tell.
    pub(crate) fn facts(&self, driver: &Driver) -> Facts {
        gauges::facts(self, &driver.status())
    }

    /// Everything that has one of ZooKeeper's names, as it dumps it for `mntr`.
    pub(crate) fn samples(&self, driver: &Driver) -> Vec<Sample> {
        let status = driver.status();
        let facts = gauges::facts(self, &status);
        let mut samples = gauges::dumped(&facts, &status, self.counted());
        samples.extend(self.0.counted.samples());
        samples
    }

    /// A snapshot of this zxid lies on the disk, stored at a time in seconds since 1970.
    pub(crate) fn snapshot_stored(&self, zxid: Zxid, at: SystemTime) {
        let at = at.duration_since(UNIX_EPOCH).map_or(0, |it| it.as_secs());
        *self.lock_snapshot() = Some((zxid, at));
    }

    fn lock_snapshot(&self) -> MutexGuard<'_, Option<(Zxid, u64)>> {
        let lock = self.0.last_snapshot.lock();
        lock.unwrap_or_else(PoisonError::into_inner)
    }

    /// The newest one.
    pub(crate) fn last_snapshot(&self) -> Option<(Zxid, u64)> {
        *self.lock_snapshot()
    }

    /// Where the data lies.
    pub(crate) fn disk_config(&self) -> &DiskConfig {
        &self.0.disk
    }

    /// Free and total bytes of the data folder's file system.
    pub(crate) fn disk(&self) -> disk::Sizes {
        disk::sizes(&self.0.disk)
    }

    /// Everything in Prometheus' text format.
    ///
    /// # Errors
    /// When a metric cannot be encoded.
    pub(crate) fn render(&self, driver: &Driver) -> prometheus::Result<String> {
        let status = driver.status();
        let facts = gauges::facts(self, &status);
        let mut out = String::new();
        let zookeepers = gauges::exported(&facts, &status, self.counted());
        for sample in zookeepers.iter().chain(&self.0.counted.samples()) {
            sample.write_prometheus(&mut out);
        }
        let mut bytes = out.into_bytes();
        let encoder = TextEncoder::new();
        encoder.encode(&self.0.registry.gather(), &mut bytes)?;
        encoder.encode(
            &own::instant(&status, &self.disk(), self.0.budget.get())?.gather(),
            &mut bytes,
        )?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }
}

fn close_label(reason: CloseReason) -> &'static str {
    match reason {
        CloseReason::Goodbye => "goodbye",
        CloseReason::SessionExpired => "session_expired",
        CloseReason::SessionMoved => "session_moved",
        CloseReason::SessionRefused => "session_refused",
        CloseReason::ClientAhead => "client_ahead",
        CloseReason::AuthFailed => "auth_failed",
        CloseReason::AuthRequired => "auth_required",
        CloseReason::OtherEnsemble => "other_ensemble",
        CloseReason::UnknownOp => "unknown_op",
        CloseReason::NotServing => "not_serving",
        CloseReason::Draining => "draining",
        CloseReason::TooManyOutstanding => "too_many_outstanding",
        CloseReason::TooManyWatches => "too_many_watches",
        CloseReason::SlowReader => "slow_reader",
        CloseReason::BadFrame => "bad_frame",
        CloseReason::SlowFrame => "slow_frame",
        CloseReason::Protocol => "protocol",
    }
}
