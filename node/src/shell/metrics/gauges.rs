//! What is read at one instant, under ZooKeeper's names.

use super::sample::{Sample, Value};
use super::zookeeper::ZooCounters;
use crate::codec::four_letter::Facts;
use crate::core::status::Status;

fn whole(name: &'static str, help: &'static str, number: impl TryInto<i64>) -> Sample {
    Sample { name, help, value: Value::Whole(number.try_into().unwrap_or(i64::MAX)) }
}

/// What is the same for every role.
fn common(facts: &Facts, status: &Status) -> Vec<Sample> {
    let [last, min, max] = facts.response_sizes;
    vec![
        Sample {
            name: "avg_latency",
            help: "Mean time to an answer in ms",
            value: Value::Real(facts.latency_avg),
        },
        whole("max_latency", "Longest time to an answer in ms", facts.latency_max),
        whole("min_latency", "Least time to an answer in ms", facts.latency_min),
        whole("packets_received", "Frames received", facts.received),
        whole("packets_sent", "Frames sent", facts.sent),
        whole("num_alive_connections", "Connections", facts.connections),
        whole("outstanding_requests", "Requests in progress", facts.outstanding),
        whole("znode_count", "Znodes", facts.znodes),
        whole("watch_count", "Watches", facts.watches),
        whole("ephemerals_count", "Ephemeral znodes", facts.ephemerals),
        whole("approximate_data_size", "Names and data in bytes", facts.data_bytes),
        whole("global_sessions", "Sessions", facts.sessions),
        whole("local_sessions", "Local sessions", 0),
        whole("open_file_descriptor_count", "Open files", facts.open_files),
        whole("max_file_descriptor_count", "Most open files", facts.max_files),
        whole("uptime", "Time since start in ms", facts.uptime_ms),
        whole("quorum_size", "Voters", facts.quorum_size),
        whole("last_client_response_size", "Bytes of the last answer", last),
        whole("min_client_response_size", "Bytes of the smallest answer", min),
        whole("max_client_response_size", "Bytes of the largest answer", max),
        whole("looking_count", "Whether no leader is known", u8::from(status.leader.is_none())),
    ]
}

fn of_leaders(facts: &Facts, counters: &ZooCounters) -> Vec<Sample> {
    let followers = facts.followers.unwrap_or_default();
    let [last, min, max] = counters.proposal_size.get();
    vec![
        whole("leader_uptime", "Time as leader in ms", facts.leading_ms.unwrap_or(0)),
        whole("learners", "Leader: members that follow it", followers.learners),
        whole("synced_followers", "Leader: voters that are caught up", followers.synced),
        whole(
            "synced_non_voting_followers",
            "Leader: learners that are caught up and do not vote yet",
            followers.synced_non_voting,
        ),
        whole(
            "synced_observers",
            "Leader: observers that are caught up",
            followers.synced_observers,
        ),
        whole("pending_syncs", "Syncs that are waited for", facts.pending_syncs),
        whole("last_proposal_size", "Leader: bytes of the last proposal", last),
        whole("min_proposal_size", "Leader: bytes of the smallest proposal", min),
        whole("max_proposal_size", "Leader: bytes of the largest proposal", max),
    ]
}

/// What `mntr` begins with; what only leaders have is left out elsewhere.
pub(super) fn dumped(facts: &Facts, status: &Status, counters: &ZooCounters) -> Vec<Sample> {
    let text = |name, value: &str| Sample { name, help: "", value: Value::Text(value.to_owned()) };
    let mut samples =
        vec![text("version", &facts.version), text("server_state", facts.mode.unwrap_or_default())];
    samples.extend(facts.peer_state.map(|state| text("peer_state", state)));
    samples.extend(common(facts, status));
    if facts.mode == Some("leader") {
        samples.extend(of_leaders(facts, counters));
    }
    samples
}

/// What Prometheus is told: the same names on every member, whatever its role.
pub(super) fn exported(facts: &Facts, status: &Status, counters: &ZooCounters) -> Vec<Sample> {
    let mut samples = common(facts, status);
    samples.extend(of_leaders(facts, counters));
    samples
}
