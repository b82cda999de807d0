//! What is counted under ZooKeeper's names. Only notions that this server has are here: a number
//! of ZooKeeper's own pipeline that means nothing here is left out rather than shown as 0.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::count::{Counter, Sizes};
use super::sample::{Sample, Value};
use super::summary::Summary;
use crate::core::effect::{CloseReason, Note};
use crate::core::entry::{Entry, Payload};
use crate::core::op::EventType;

/// All that is counted; gauges are read where they are.
#[derive(Debug, Default)]
#[allow(missing_docs)] // Named as ZooKeeper's metrics.
pub(crate) struct ZooCounters {
    pub(crate) connection_rejected: Counter,
    pub(crate) connection_request_count: Counter,
    pub(crate) connection_revalidate_count: Counter,
    pub(crate) sessionless_connections_expired: Counter,
    pub(crate) cnxn_closed_without_zk_server_running: Counter,
    pub(crate) auth_failed_count: Counter,
    pub(crate) stale_sessions_expired: Counter,
    pub(crate) unsuccessful_handshake: Counter,
    pub(crate) tls_handshake_exceeded: Counter,
    pub(crate) bytes_received_count: Counter,
    pub(crate) response_bytes: Counter,
    pub(crate) packets_received: Counter,
    pub(crate) packets_sent: Counter,
    pub(crate) proposal_count: Counter,
    pub(crate) commit_count: Counter,
    pub(crate) learner_proposal_received_count: Counter,
    pub(crate) learner_commit_received_count: Counter,
    pub(crate) sync_processor_request_queued: Counter,
    pub(crate) snap_count: Counter,
    pub(crate) snapshot_error_count: Counter,
    pub(crate) fsync_slow: Counter,
    pub(crate) client_response_size: Sizes,
    pub(crate) proposal_size: Sizes,
    pub(crate) readlatency: Summary,
    pub(crate) updatelatency: Summary,
    pub(crate) fsynctime: Summary,
    pub(crate) snapshottime: Summary,
    pub(crate) dbinittime: Summary,
    pub(crate) startup_txns_loaded: Summary,
    pub(crate) election_time: Summary,
    pub(crate) propagation_latency: Summary,
    pub(crate) quorum_ack_latency: Summary,
    pub(crate) node_created_watch_count: Summary,
    pub(crate) node_deleted_watch_count: Summary,
    pub(crate) node_changed_watch_count: Summary,
    pub(crate) node_children_watch_count: Summary,
    leads: AtomicBool,
    /// When the leader was lost.
    looking: Mutex<Option<Instant>>,
}

/// A log sync that takes longer is counted as slow (`fsync.warningthresholdms`).
const FSYNC_SLOW: Duration = Duration::from_secs(1);

fn millis(took: Duration) -> u64 {
    u64::try_from(took.as_millis()).unwrap_or(u64::MAX)
}

impl ZooCounters {
    /// A request was answered.
    pub(crate) fn answered(&self, write: bool, took: Duration) {
        let latency = if write { &self.updatelatency } else { &self.readlatency };
        latency.observe(millis(took));
    }

    /// The core noted something.
    pub(crate) fn note(&self, note: &Note) {
        match note {
            Note::Applied { millis } => {
                self.propagation_latency.observe(*millis);
                if self.leads.load(Ordering::Relaxed) {
                    // A leader applies as soon as a quorum has it.
                    self.quorum_ack_latency.observe(*millis);
                    self.commit_count.add(1);
                } else {
                    self.learner_commit_received_count.add(1);
                }
            }
            Note::Fired { kind, watches } => {
                let summary = match kind {
                    EventType::Created => &self.node_created_watch_count,
                    EventType::Deleted => &self.node_deleted_watch_count,
                    EventType::DataChanged => &self.node_changed_watch_count,
                    EventType::ChildrenChanged => &self.node_children_watch_count,
                };
                summary.observe(*watches as u64);
            }
            Note::SessionExpired { .. } => self.stale_sessions_expired.add(1),
            Note::BecameLeader { .. } => self.led(true),
            Note::Following { .. } => self.led(false),
            Note::NoLeader { .. } => {
                self.leads.store(false, Ordering::Relaxed);
                let mut looking = self.looking.lock().unwrap_or_else(PoisonError::into_inner);
                looking.get_or_insert_with(Instant::now);
            }
            _ => {}
        }
    }

    fn led(&self, by_us: bool) {
        self.leads.store(by_us, Ordering::Relaxed);
        let mut looking = self.looking.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(since) = looking.take() {
            self.election_time.observe(millis(since.elapsed()));
        }
    }

    /// A client connection is closed by us.
    pub(crate) fn closed(&self, reason: CloseReason) {
        match reason {
            CloseReason::AuthFailed | CloseReason::AuthRequired => self.auth_failed_count.add(1),
            CloseReason::NotServing => self.cnxn_closed_without_zk_server_running.add(1),
            _ => {}
        }
    }

    /// Entries go to the log: as leader its own proposals, otherwise a leader's.
    pub(crate) fn appended(&self, entries: &[std::sync::Arc<Entry>]) {
        let leads = self.leads.load(Ordering::Relaxed);
        for entry in entries {
            if let (true, Payload::Command(_)) = (leads, &entry.payload) {
                self.proposal_size.observe(entry.payload.weight());
            }
        }
        let count = entries.len() as u64;
        self.sync_processor_request_queued.add(count);
        if leads {
            self.proposal_count.add(count);
        } else {
            self.learner_proposal_received_count.add(count);
        }
    }

    /// A log sync took this long.
    pub(crate) fn synced(&self, took: Duration) {
        self.fsynctime.observe(millis(took));
        if took > FSYNC_SLOW {
            self.fsync_slow.add(1);
        }
    }

    /// A snapshot was stored in this time, or could not be.
    pub(crate) fn saved_snapshot(&self, took: Duration, ok: bool) {
        if ok {
            self.snapshottime.observe(millis(took));
        } else {
            self.snapshot_error_count.add(1);
        }
    }

    /// Recovery took this long and found so many entries behind the snapshot.
    pub(crate) fn recovered(&self, took: Duration, entries: usize) {
        self.dbinittime.observe(millis(took));
        self.startup_txns_loaded.observe(entries as u64);
    }

    /// Least, mean and longest time to an answer, in milliseconds.
    pub(crate) fn latency(&self) -> (u64, f64, u64) {
        let views = [self.readlatency.view(), self.updatelatency.view()];
        let seen = || views.iter().filter(|view| view.count > 0);
        let count: u64 = seen().map(|view| view.count).sum();
        let sum: u64 = seen().map(|view| view.sum).sum();
        let mean = sum as f64 / count.max(1) as f64;
        let min = seen().map(|view| view.min).min().unwrap_or(0);
        (min, mean, seen().map(|view| view.max).max().unwrap_or(0))
    }

    fn counters(&self) -> [(&'static str, &'static str, &Counter); 19] {
        [
            ("connection_rejected", "Connections over a limit", &self.connection_rejected),
            ("connection_request_count", "Handshakes", &self.connection_request_count),
            (
                "connection_revalidate_count",
                "Handshakes that take a session over",
                &self.connection_revalidate_count,
            ),
            (
                "sessionless_connections_expired",
                "Connections closed because they sent no handshake in time",
                &self.sessionless_connections_expired,
            ),
            (
                "cnxn_closed_without_zk_server_running",
                "Connections closed because this server does not serve",
                &self.cnxn_closed_without_zk_server_running,
            ),
            (
                "auth_failed_count",
                "Connections closed for wrong credentials",
                &self.auth_failed_count,
            ),
            (
                "unsuccessful_handshake",
                "TLS handshakes that failed or took too long",
                &self.unsuccessful_handshake,
            ),
            (
                "tls_handshake_exceeded",
                "Connections closed because too many were shaking hands",
                &self.tls_handshake_exceeded,
            ),
            (
                "stale_sessions_expired",
                "Sessions that the leader expired",
                &self.stale_sessions_expired,
            ),
            ("bytes_received_count", "Bytes of requests", &self.bytes_received_count),
            ("response_bytes", "Bytes of answers and events", &self.response_bytes),
            ("proposal_count", "Leader: entries proposed", &self.proposal_count),
            ("commit_count", "Leader: commands committed", &self.commit_count),
            (
                "learner_proposal_received_count",
                "Entries received from a leader",
                &self.learner_proposal_received_count,
            ),
            (
                "learner_commit_received_count",
                "Commands of a leader that were applied",
                &self.learner_commit_received_count,
            ),
            (
                "sync_processor_request_queued",
                "Entries given to the log",
                &self.sync_processor_request_queued,
            ),
            ("snap_count", "Snapshots sent to other members", &self.snap_count),
            (
                "snapshot_error_count",
                "Snapshots that could not be stored",
                &self.snapshot_error_count,
            ),
            ("fsync_threshold_exceed_count", "Log syncs of more than a second", &self.fsync_slow),
        ]
    }

    fn summaries(&self) -> [(&'static str, &'static str, &Summary, bool); 15] {
        [
            ("readlatency", "Time to the answer of a read in ms", &self.readlatency, true),
            ("updatelatency", "Time to the answer of a write in ms", &self.updatelatency, true),
            (
                "propagation_latency",
                "Time from a command's proposal to its application here in ms",
                &self.propagation_latency,
                true,
            ),
            (
                "quorum_ack_latency",
                "Leader: time from a command's proposal to a quorum's acknowledgement in ms",
                &self.quorum_ack_latency,
                true,
            ),
            ("fsynctime", "Time of a log sync in ms", &self.fsynctime, false),
            ("sync_processor_queue_flush_time_ms", "The same", &self.fsynctime, true),
            ("snapshottime", "Time to store a snapshot in ms", &self.snapshottime, false),
            ("dbinittime", "Time of recovery at the start in ms", &self.dbinittime, false),
            (
                "startup_txns_loaded",
                "Log entries read at the start",
                &self.startup_txns_loaded,
                false,
            ),
            (
                "election_time",
                "Time from a leader's loss until one is known in ms",
                &self.election_time,
                false,
            ),
            ("leader_unavailable_time", "The same", &self.election_time, false),
            (
                "node_created_watch_count",
                "Watches fired by a creation",
                &self.node_created_watch_count,
                false,
            ),
            (
                "node_deleted_watch_count",
                "Watches fired by a deletion",
                &self.node_deleted_watch_count,
                false,
            ),
            (
                "node_changed_watch_count",
                "Watches fired by a change of data",
                &self.node_changed_watch_count,
                false,
            ),
            (
                "node_children_watch_count",
                "Watches fired by a change of children",
                &self.node_children_watch_count,
                false,
            ),
        ]
    }

    /// All of them but for sizes and overall latency.
    pub(crate) fn samples(&self) -> Vec<Sample> {
        let counters = self.counters().into_iter().map(|(name, help, counter)| Sample {
            name,
            help,
            value: Value::Counter(counter.get()),
        });
        let summaries = self.summaries().into_iter();
        let summaries = summaries.map(|(name, help, summary, advanced)| Sample {
            name,
            help,
            value: Value::Summary(summary.view(), advanced),
        });
        counters.chain(summaries).collect()
    }

    /// As if the server had just started (`srst`).
    pub(crate) fn reset(&self) {
        for (_, _, counter) in self.counters() {
            counter.reset();
        }
        for (_, _, summary, _) in self.summaries() {
            summary.reset();
        }
        self.packets_received.reset();
        self.packets_sent.reset();
        self.client_response_size.reset();
        self.proposal_size.reset();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn latency_is_of_reads_and_writes_together() {
        let counted = ZooCounters::default();
        assert_eq!(counted.latency(), (0, 0.0, 0));
        for millis in [4, 8] {
            counted.updatelatency.observe(millis);
        }
        assert_eq!(counted.latency(), (4, 6.0, 8));
        counted.readlatency.observe(0);
        assert_eq!(counted.latency(), (0, 4.0, 8));
    }

    #[test]
    fn after_a_reset_it_is_as_if_the_server_had_just_started() {
        let counted = ZooCounters::default();
        let fresh = counted.samples();
        counted.readlatency.observe(3);
        counted.closed(CloseReason::AuthFailed);
        counted.synced(Duration::from_secs(2));
        counted.saved_snapshot(Duration::ZERO, false);
        let changed = counted.samples().into_iter().zip(&fresh);
        assert!(changed.filter(|(now, then)| now != *then).count() >= 4);
        counted.reset();
        assert_eq!(counted.samples(), fresh);
    }

    #[test]
    fn no_name_is_there_twice() {
        let samples = ZooCounters::default().samples();
        let mut names: Vec<&str> = samples.iter().map(|sample| sample.name).collect();
        names.sort_unstable();
        let all = names.len();
        names.dedup();
        assert_eq!(names.len(), all);
    }
}
