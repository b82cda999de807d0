//! What is counted, and under which names it is shown: ZooKeeper's own where it has one
//! ([`zookeeper`], [`gauges`]), `quorate_node_*` for the rest ([`own`]), with [`labels`]. The only
//! room that names metrics. It counts, and writes what it is handed; it looks nothing up. `count` how
//! often, `summary` how much and how long, `sample` one figure as it is shown.

pub(crate) mod count;
pub(crate) mod gauges;
pub(crate) mod labels;
pub(crate) mod own;
pub(crate) mod sample;
pub(crate) mod summary;
pub(crate) mod zookeeper;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use prometheus::{
    Encoder, Histogram, HistogramOpts, IntCounter, IntCounterVec, Opts, Registry, TextEncoder,
};

use self::labels::{TlsEvent, close_label};
use self::own::{ClientMemory, DataVolume};
use self::sample::Sample;
use self::zookeeper::ZooCounters;
use crate::codec::four_letter::Facts;
use crate::core::effect::{Answered, CloseReason, Note};
use crate::core::status::Status;
use crate::core::types::Zxid;

/// What is not counted here but shown together with it, all at one instant.
pub(crate) struct Seen<'a> {
    pub(crate) facts: &'a Facts,
    pub(crate) status: &'a Status,
    pub(crate) volume: DataVolume,
    pub(crate) client_memory: ClientMemory,
}

/// Shared handles.
#[derive(Clone)]
pub(crate) struct Metrics(Arc<Inner>);

struct Inner {
    registry: Registry,
    zookeeper: ZooCounters,
    last_snapshot: Mutex<Option<(Zxid, u64)>>,
    requests: IntCounterVec,
    request_seconds: Histogram,
    fsync_seconds: Histogram,
    closed: IntCounterVec,
    elections: IntCounter,
    tls: IntCounterVec,
    over_quota: IntCounterVec,
    implausible: IntCounter,
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
    pub(crate) fn new() -> prometheus::Result<Metrics> {
        let registry = Registry::new();
        let histogram = |name: &str, help: &str| {
            let options = HistogramOpts::new(name, help).buckets(buckets());
            registered(&registry, Histogram::with_opts(options)?)
        };
        let counters = |name: &str, help: &str, label: &str| {
            registered(&registry, IntCounterVec::new(Opts::new(name, help), &[label])?)
        };
        let elections = IntCounter::new("quorate_node_elections_won_total", "Elections won")?;
        let inner = Inner {
            zookeeper: ZooCounters::default(),
            last_snapshot: Mutex::default(),
            requests: counters("quorate_node_requests_total", "Answered requests", "kind")?,
            request_seconds: histogram(
                "quorate_node_request_seconds",
                "Time from a request to its answer in seconds",
            )?,
            fsync_seconds: histogram(
                "quorate_node_fsync_seconds",
                "Time of a log sync in seconds",
            )?,
            closed: counters(
                "quorate_node_connections_closed_total",
                "Client connections that this server closed",
                "reason",
            )?,
            elections: registered(&registry, elections)?,
            tls: counters("quorate_node_tls_total", "What happened on the secure port", "event")?,
            implausible: registered(
                &registry,
                IntCounter::new(
                    "quorate_node_implausible_messages_total",
                    "Messages of members that no sound member can send; their links were closed",
                )?,
            )?,
            over_quota: counters(
                "quorate_node_over_quota_total",
                "Leader: writes beyond a soft limit, or refused for a hard one",
                "limit",
            )?,
            registry: registry.clone(),
        };
        Ok(Metrics(Arc::new(inner)))
    }

    /// What is counted under ZooKeeper's names.
    pub(crate) fn zookeeper(&self) -> &ZooCounters {
        &self.0.zookeeper
    }

    /// Frames of this many bytes came in.
    pub(crate) fn received(&self, count: u64, bytes: u64) {
        self.0.zookeeper.packets_received.add(count);
        self.0.zookeeper.bytes_received_count.add(bytes);
    }

    /// Frames of this many bytes went out.
    pub(crate) fn sent(&self, count: u64, bytes: u64) {
        self.0.zookeeper.packets_sent.add(count);
        self.0.zookeeper.response_bytes.add(bytes);
    }

    /// Something happened on the secure port.
    pub(crate) fn tls(&self, event: TlsEvent) {
        let zookeeper = &self.0.zookeeper;
        match event {
            TlsEvent::HandshakeFailed | TlsEvent::HandshakeTimedOut => {
                zookeeper.unsuccessful_handshake.add(1);
            }
            TlsEvent::HandshakeRefused => zookeeper.tls_handshake_exceeded.add(1),
            TlsEvent::Handshake | TlsEvent::NotTls | TlsEvent::Reload | TlsEvent::ReloadFailed => {}
        }
        self.0.tls.with_label_values(&[event.label()]).inc();
    }

    /// A connection was over a limit.
    pub(crate) fn refused_connection(&self) {
        self.0.zookeeper.connection_rejected.add(1);
    }

    /// A connection was closed by us.
    pub(crate) fn closed(&self, reason: CloseReason) {
        self.0.zookeeper.closed(reason);
        self.0.closed.with_label_values(&[close_label(reason)]).inc();
    }

    /// A log sync took this long.
    pub(crate) fn synced(&self, took: Duration) {
        self.0.fsync_seconds.observe(took.as_secs_f64());
        self.0.zookeeper.synced(took);
    }

    /// The core noted something.
    pub(crate) fn note(&self, note: &Note) {
        self.0.zookeeper.note(note);
        match note {
            Note::OverQuota(overrun) => {
                let limit = if overrun.hard { "hard" } else { "soft" };
                self.0.over_quota.with_label_values(&[limit]).inc();
            }
            Note::BecameLeader { .. } => self.0.elections.inc(),
            Note::Implausible { .. } => self.0.implausible.inc(),
            _ => {}
        }
    }

    /// A request was answered, so long after it came in.
    pub(crate) fn answered(&self, answered: &Answered, took: Duration) {
        self.0.zookeeper.answered(answered.write, took);
        let kind = if answered.write { "write" } else { "read" };
        self.0.requests.with_label_values(&[kind]).inc();
        self.0.request_seconds.observe(took.as_secs_f64());
    }

    /// A snapshot of this zxid lies on the disk, stored at this time.
    pub(crate) fn snapshot_stored(&self, zxid: Zxid, at: SystemTime) {
        let at = at.duration_since(UNIX_EPOCH).map_or(0, |it| it.as_secs());
        *self.lock_snapshot() = Some((zxid, at));
    }

    fn lock_snapshot(&self) -> MutexGuard<'_, Option<(Zxid, u64)>> {
        let lock = self.0.last_snapshot.lock();
        lock.unwrap_or_else(PoisonError::into_inner)
    }

    /// The newest stored snapshot, and when it was stored, in seconds since 1970.
    pub(crate) fn last_snapshot(&self) -> Option<(Zxid, u64)> {
        *self.lock_snapshot()
    }

    /// Everything that has one of ZooKeeper's names, as it dumps it for `mntr`.
    pub(crate) fn samples(&self, facts: &Facts, status: &Status) -> Vec<Sample> {
        let mut samples = gauges::dumped(facts, status, self.zookeeper());
        samples.extend(self.zookeeper().samples());
        samples
    }

    /// Everything in Prometheus' text format.
    ///
    /// # Errors
    /// When a metric cannot be encoded.
    pub(crate) fn page(&self, seen: &Seen<'_>) -> prometheus::Result<String> {
        let mut out = String::new();
        let exported = gauges::exported(seen.facts, seen.status, self.zookeeper());
        for sample in exported.iter().chain(&self.zookeeper().samples()) {
            sample.write_prometheus(&mut out);
        }
        let mut bytes = out.into_bytes();
        let encoder = TextEncoder::new();
        encoder.encode(&self.0.registry.gather(), &mut bytes)?;
        let gauges = own::gauges(seen.status, seen.volume, seen.client_memory)?;
        encoder.encode(&gauges.gather(), &mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }
}

/// Puts a metric into the registry, and gives a handle to it.
fn registered<T>(registry: &Registry, metric: T) -> prometheus::Result<T>
where
    T: prometheus::core::Collector + Clone + 'static,
{
    registry.register(Box::new(metric.clone()))?;
    Ok(metric)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::types::ConnId;

    #[test]
    fn how_long_an_answer_took_is_counted_as_finely_as_it_is_shown() {
        let metrics = Metrics::new().expect("metrics");
        let answered = Answered {
            conn: ConnId(1),
            name: "GETD",
            xid: 7,
            zxid: Zxid(9),
            waited: 0,
            write: false,
        };
        for micros in [40, 300, 1_500] {
            metrics.answered(&answered, Duration::from_micros(micros));
        }
        let text = TextEncoder::new().encode_to_string(&metrics.0.registry.gather());
        let text = text.expect("a page");
        for shown in [
            "quorate_node_request_seconds_bucket{le=\"0.00005\"} 1",
            "quorate_node_request_seconds_bucket{le=\"0.0002\"} 1",
            "quorate_node_request_seconds_bucket{le=\"0.0005\"} 2",
            "quorate_node_request_seconds_bucket{le=\"0.002\"} 3",
            "quorate_node_request_seconds_sum 0.00184",
        ] {
            assert!(text.contains(shown), "no {shown} in {text}");
        }
    }
}
