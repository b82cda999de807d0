//! Counters, and their names: ZooKeeper's own where it has one, `quorate_node_*` for the rest. The
//! only file that names metrics.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use prometheus::{
    Encoder, Gauge, GaugeVec, Histogram, HistogramOpts, IntCounter, IntCounterVec, Opts, Registry,
    TextEncoder,
};

use super::disk::{self, DiskConfig};
use super::driver::Driver;
use crate::codec::four_letter::{Client, Facts};
use crate::core::effect::{CloseReason, Note};
use crate::core::status::{RoleName, Status};

/// Shared handles.
#[derive(Clone)]
pub struct Metrics(Arc<Inner>);

struct Inner {
    registry: Registry,
    started: Instant,
    disk: DiskConfig,
    conf: Vec<(String, String)>,
    received: AtomicU64,
    sent: AtomicU64,
    latency_min: AtomicU64,
    latency_max: AtomicU64,
    latency_sum: AtomicU64,
    latency_count: AtomicU64,
    requests: IntCounterVec,
    request_seconds: Histogram,
    fsync_seconds: Histogram,
    closed: IntCounterVec,
    refused: IntCounter,
    elections: IntCounter,
    expired: IntCounter,
}

impl std::fmt::Debug for Metrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Metrics")
    }
}

fn buckets() -> Vec<f64> {
    vec![
        0.00005, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1.0, 5.0,
    ]
}

impl Metrics {
    /// Fresh counters. `conf` is shown by the four-letter word of that name.
    ///
    /// # Errors
    /// When two metrics have the same name.
    pub fn new(disk: DiskConfig, conf: Vec<(String, String)>) -> prometheus::Result<Metrics> {
        let registry = Registry::new();
        let histogram = |name: &str, help: &str| {
            Histogram::with_opts(HistogramOpts::new(name, help).buckets(buckets()))
        };
        let inner = Inner {
            started: Instant::now(),
            disk,
            conf,
            received: AtomicU64::new(0),
            sent: AtomicU64::new(0),
            latency_min: AtomicU64::new(u64::MAX),
            latency_max: AtomicU64::new(0),
            latency_sum: AtomicU64::new(0),
            latency_count: AtomicU64::new(0),
            requests: IntCounterVec::new(
                Opts::new("quorate_node_requests_total", "Answered requests"),
                &["kind"],
            )?,
            request_seconds: histogram("quorate_node_request_seconds", "Time to an answer")?,
            fsync_seconds: histogram("quorate_node_fsync_seconds", "Time of a log sync")?,
            closed: IntCounterVec::new(
                Opts::new(
                    "quorate_node_connections_closed_total",
                    "Connections closed by us",
                ),
                &["reason"],
            )?,
            refused: IntCounter::new("connection_rejected", "Connections over a limit")?,
            elections: IntCounter::new("quorate_node_elections_won_total", "Elections won")?,
            expired: IntCounter::new("stale_sessions_expired", "Sessions that the leader expired")?,
            registry,
        };
        let own: [Box<dyn prometheus::core::Collector>; 7] = [
            Box::new(inner.requests.clone()),
            Box::new(inner.request_seconds.clone()),
            Box::new(inner.fsync_seconds.clone()),
            Box::new(inner.closed.clone()),
            Box::new(inner.refused.clone()),
            Box::new(inner.elections.clone()),
            Box::new(inner.expired.clone()),
        ];
        for collector in own {
            inner.registry.register(collector)?;
        }
        Ok(Metrics(Arc::new(inner)))
    }

    /// Frames came in.
    pub fn received(&self, count: u64) {
        self.0.received.fetch_add(count, Ordering::Relaxed);
    }

    /// Frames went out.
    pub fn sent(&self, count: u64) {
        self.0.sent.fetch_add(count, Ordering::Relaxed);
    }

    /// A connection was over a limit.
    pub fn refused_connection(&self) {
        self.0.refused.inc();
    }

    /// A connection was closed by us.
    pub fn closed(&self, reason: CloseReason) {
        self.0
            .closed
            .with_label_values(&[close_label(reason)])
            .inc();
    }

    /// A log sync took this long.
    pub fn synced(&self, took: Duration) {
        self.0.fsync_seconds.observe(took.as_secs_f64());
    }

    /// The core noted something: counted, and logged if a person would want to know.
    pub fn note(&self, note: &Note) {
        match note {
            Note::Answered { millis, write } => return self.answered(*millis, *write),
            Note::SessionCreated { .. } | Note::SessionClosed { .. } => {
                tracing::debug!(?note, "session");
                return;
            }
            Note::SessionExpired { .. } => self.0.expired.inc(),
            Note::BecameLeader { .. } => self.0.elections.inc(),
            _ => {}
        }
        tracing::info!("{note:?}");
    }

    fn answered(&self, millis: u64, write: bool) {
        let inner = &self.0;
        inner.latency_min.fetch_min(millis, Ordering::Relaxed);
        inner.latency_max.fetch_max(millis, Ordering::Relaxed);
        inner.latency_sum.fetch_add(millis, Ordering::Relaxed);
        inner.latency_count.fetch_add(1, Ordering::Relaxed);
        inner
            .requests
            .with_label_values(&[if write { "write" } else { "read" }])
            .inc();
        inner.request_seconds.observe(millis as f64 / 1_000.0);
    }

    /// What four-letter words and `/commands` tell.
    pub fn facts(&self, driver: &Driver) -> Facts {
        let inner = &self.0;
        let status = driver.status();
        let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let count = load(&inner.latency_count).max(1);
        let clients = driver
            .connections()
            .into_iter()
            .map(|(connection, queue)| Client {
                address: queue.stats.address.to_string(),
                session: connection.session.0,
                timeout_ms: connection.timeout_ms,
                outstanding: connection.outstanding,
                received: load(&queue.stats.received),
                sent: load(&queue.stats.sent),
                established_ms: queue.stats.since.elapsed().as_millis() as u64,
            });
        let (open_files, max_files) = files();
        Facts {
            version: concat!(
                "3.9.3-quorate-",
                env!("CARGO_PKG_VERSION"),
                ", built on 2026"
            )
            .to_owned(),
            os: std::env::consts::OS,
            arch: std::env::consts::ARCH,
            mode: mode(&status),
            zxid: status.zxid.0,
            znodes: status.counts.znodes,
            ephemerals: status.counts.ephemerals,
            watches: status.watches.watches,
            watched_paths: status.watches.paths,
            watching_connections: status.watches.connections,
            data_bytes: status.counts.data_bytes,
            sessions: status.counts.sessions,
            outstanding: status.outstanding,
            received: load(&inner.received),
            sent: load(&inner.sent),
            latency_min: Some(load(&inner.latency_min))
                .filter(|it| *it != u64::MAX)
                .unwrap_or(0),
            latency_avg: load(&inner.latency_sum) as f64 / count as f64,
            latency_max: load(&inner.latency_max),
            connections: clients.collect(),
            followers: (status.role == RoleName::Leader).then(|| followers(&status)),
            quorum_size: status.config.voters().len(),
            uptime_ms: inner.started.elapsed().as_millis() as u64,
            open_files,
            max_files,
            conf: inner.conf.clone(),
            membership: membership(&status),
            disk_bytes: {
                let sizes = disk::sizes(&inner.disk);
                sizes.log_bytes + sizes.snapshot_bytes
            },
        }
    }

    /// Free and total bytes of the data folder's file system.
    pub fn disk(&self) -> disk::Sizes {
        disk::sizes(&self.0.disk)
    }

    /// Everything in Prometheus' text format.
    ///
    /// # Errors
    /// When a metric cannot be encoded.
    pub fn render(&self, driver: &Driver) -> prometheus::Result<String> {
        let mut out = Vec::new();
        let encoder = TextEncoder::new();
        encoder.encode(&self.0.registry.gather(), &mut out)?;
        encoder.encode(&self.instant(driver)?.gather(), &mut out)?;
        Ok(String::from_utf8_lossy(&out).into_owned())
    }

    /// Gauges as of now, in a registry of their own.
    fn instant(&self, driver: &Driver) -> prometheus::Result<Registry> {
        let registry = Registry::new();
        let facts = self.facts(driver);
        let status = driver.status();
        let sizes = self.disk();
        let leads = status.role == RoleName::Leader;
        let (learners, synced) = facts.followers.unwrap_or_default();
        let flag = |it: bool| f64::from(u8::from(it));
        let voters = status.config.voters().len();
        let gauges = [
            (
                "avg_latency",
                "Mean time to an answer in ms",
                facts.latency_avg,
            ),
            (
                "min_latency",
                "Least time to an answer in ms",
                facts.latency_min as f64,
            ),
            (
                "max_latency",
                "Longest time to an answer in ms",
                facts.latency_max as f64,
            ),
            ("packets_received", "Frames received", facts.received as f64),
            ("packets_sent", "Frames sent", facts.sent as f64),
            (
                "num_alive_connections",
                "Connections",
                facts.connections.len() as f64,
            ),
            (
                "outstanding_requests",
                "Requests in progress",
                facts.outstanding as f64,
            ),
            ("znode_count", "Znodes", facts.znodes as f64),
            ("watch_count", "Watches", facts.watches as f64),
            (
                "ephemerals_count",
                "Ephemeral znodes",
                facts.ephemerals as f64,
            ),
            (
                "approximate_data_size",
                "Names and data in bytes",
                facts.data_bytes as f64,
            ),
            ("global_sessions", "Sessions", facts.sessions as f64),
            ("local_sessions", "Local sessions", 0.0),
            (
                "open_file_descriptor_count",
                "Open files",
                facts.open_files as f64,
            ),
            (
                "max_file_descriptor_count",
                "Most open files",
                facts.max_files as f64,
            ),
            ("uptime", "Time since start in ms", facts.uptime_ms as f64),
            ("quorum_size", "Voters", voters as f64),
            ("learners", "Leader: members that follow", learners as f64),
            ("synced_followers", "Leader: members in step", synced as f64),
            ("synced_observers", "Leader: observers in step", 0.0),
            (
                "leader_uptime",
                "Time as leader in ms",
                status.leading_ms.unwrap_or(0) as f64,
            ),
            (
                "looking_count",
                "Whether no leader is known",
                flag(status.leader.is_none()),
            ),
            ("quorate_node_is_leader", "Whether it leads", flag(leads)),
            (
                "quorate_node_ready",
                "Whether it is ready",
                flag(status.ready.is_ok()),
            ),
            (
                "quorate_node_serving",
                "Whether it serves clients",
                flag(status.serving),
            ),
            ("quorate_node_term", "Raft term", status.term.0 as f64),
            (
                "quorate_node_commit_index",
                "Committed entries",
                status.commit.0 as f64,
            ),
            (
                "quorate_node_applied_index",
                "Applied entries",
                status.applied.0 as f64,
            ),
            (
                "quorate_node_last_index",
                "Entries in the log",
                status.last.0 as f64,
            ),
            (
                "quorate_node_voters",
                "Voters in the configuration",
                voters as f64,
            ),
            (
                "quorate_node_joint",
                "Whether it is joint",
                flag(status.config.joint()),
            ),
            (
                "quorate_node_wal_bytes",
                "Bytes of log segments",
                sizes.log_bytes as f64,
            ),
            (
                "quorate_node_snapshot_bytes",
                "Bytes of snapshots",
                sizes.snapshot_bytes as f64,
            ),
            (
                "quorate_node_disk_free_bytes",
                "Free bytes",
                sizes.free_bytes as f64,
            ),
            (
                "quorate_node_disk_size_bytes",
                "Bytes of the volume",
                sizes.total_bytes as f64,
            ),
        ];
        for (name, help, value) in gauges {
            let gauge = Gauge::new(name, help)?;
            gauge.set(value);
            registry.register(Box::new(gauge))?;
        }
        let labels = ["version", "member", "ensemble", "server"];
        let info = GaugeVec::new(Opts::new("quorate_node_info", "Who this is"), &labels)?;
        let ensemble = status
            .ensemble
            .map_or_else(String::new, |it| it.to_string());
        let (member, server) = (status.member.to_string(), status.server.to_string());
        let values = [env!("CARGO_PKG_VERSION"), &member, &ensemble, &server];
        info.with_label_values(&values).set(1.0);
        registry.register(Box::new(info))?;
        let lag = GaugeVec::new(
            Opts::new(
                "quorate_node_peer_lag",
                "Leader: entries that a member is behind",
            ),
            &["member"],
        )?;
        for peer in &status.peers {
            let behind = status.last.0.saturating_sub(peer.matched.0);
            lag.with_label_values(&[&peer.id.to_string()])
                .set(behind as f64);
        }
        registry.register(Box::new(lag))?;
        Ok(registry)
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
        CloseReason::UnknownOp => "unknown_op",
        CloseReason::NotServing => "not_serving",
        CloseReason::Draining => "draining",
        CloseReason::TooManyOutstanding => "too_many_outstanding",
        CloseReason::Protocol => "protocol",
    }
}

/// ZooKeeper's word for what this server is; `None` while it does not serve.
fn mode(status: &Status) -> Option<&'static str> {
    if !status.serving {
        return None;
    }
    Some(match status.role {
        RoleName::Leader if status.config.members.len() == 1 => "standalone",
        RoleName::Leader => "leader",
        RoleName::Learner | RoleName::Observer => "observer",
        _ => "follower",
    })
}

fn followers(status: &Status) -> (usize, usize) {
    let near = |lag: u64| lag <= 100;
    let synced = status
        .peers
        .iter()
        .filter(|peer| peer.connected && near(status.last.0.saturating_sub(peer.matched.0)));
    (
        status.peers.iter().filter(|peer| peer.connected).count(),
        synced.count(),
    )
}

fn membership(status: &Status) -> String {
    let mut members: Vec<_> = status.config.members.iter().collect();
    members.sort_by_key(|member| member.server);
    members.iter().fold(String::new(), |text, member| {
        text + &format!(
            "server.{}={};{}\n",
            member.server, member.peer, member.client
        )
    })
}

fn files() -> (u64, u64) {
    let open = std::fs::read_dir("/proc/self/fd").map_or(0, |fds| fds.count() as u64);
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
    (open, limit.unwrap_or(0))
}
