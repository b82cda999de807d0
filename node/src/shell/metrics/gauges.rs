//! What is read at one instant, under ZooKeeper's names.

use super::Metrics;
use super::sample::{Sample, Value};
use super::zookeeper::Counted;
use crate::codec::four_letter::{Facts, Followers, MemberLine};
use crate::core::raft::config::{Member, Role};
use crate::core::status::{Peer, RoleName, Status};

/// Entries behind which a member still counts as in step.
const IN_STEP: u64 = 100;

/// What ZooKeeper calls this version, and when it came out.
pub(super) const VERSION: &str =
    concat!("3.9.5-quorate-", env!("CARGO_PKG_VERSION"), ", built on 2026-11-26 00:00 UTC");

pub(super) fn facts(metrics: &Metrics, status: &Status) -> Facts {
    let counted = metrics.counted();
    let sizes = metrics.disk();
    let (latency_min, latency_avg, latency_max) = counted.latency();
    let (open_files, max_files) = files();
    Facts {
        version: VERSION.to_owned(),
        mode: mode(status),
        zxid: status.zxid.0,
        znodes: status.counts.znodes,
        ephemerals: status.counts.ephemerals,
        watches: status.watches.watches,
        watched_paths: status.watches.paths,
        watching_connections: status.watches.connections,
        data_bytes: status.counts.data_bytes,
        sessions: status.counts.sessions,
        connections: status.connections,
        outstanding: status.outstanding,
        pending_syncs: status.pending_syncs,
        received: counted.packets_received.get(),
        sent: counted.packets_sent.get(),
        latency_min,
        latency_avg,
        latency_max,
        response_sizes: counted.client_response_size.get(),
        proposal_sizes: counted.proposal_size.get(),
        followers: (status.role == RoleName::Leader).then(|| followers(status)),
        quorum_size: status.config.voters().len(),
        uptime_ms: metrics.uptime_ms(),
        leading_ms: status.leading_ms,
        open_files,
        max_files,
        conf: metrics.shown().conf.clone(),
        members: members(status),
        config_version: status.config.index.0,
        data_dir_bytes: sizes.snapshot_bytes,
        log_dir_bytes: sizes.log_bytes,
        peer_state: peer_state(status),
    }
}

/// ZooKeeper's word for what this server is; `None` while it does not serve.
fn mode(status: &Status) -> Option<&'static str> {
    if status.read_only {
        return Some("read-only");
    }
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

/// What an ensemble's member does, and the phase of Zab that it would be in.
fn peer_state(status: &Status) -> Option<&'static str> {
    Some(match mode(status)? {
        "leader" => "leading - broadcast",
        "follower" => "following - broadcast",
        "observer" => "observing - broadcast",
        _ => return None,
    })
}

fn followers(status: &Status) -> Followers {
    let role = |peer: &Peer| status.config.member(peer.id).map(|member| member.role);
    let connected = || status.peers.iter().filter(|peer| peer.connected);
    let in_step = |role_wanted: Role| {
        connected()
            .filter(|peer| role(peer) == Some(role_wanted))
            .filter(|peer| status.last.0.saturating_sub(peer.matched.0) <= IN_STEP)
            .count()
    };
    Followers {
        learners: connected().count(),
        synced: in_step(Role::Voter),
        synced_non_voting: in_step(Role::Learner),
        synced_observers: in_step(Role::Observer),
    }
}

fn members(status: &Status) -> Vec<MemberLine> {
    let describe = |member: &Member| MemberLine {
        server: member.server.0,
        peer: member.peer.clone(),
        client: member.client.clone(),
        votes: member.role == Role::Voter,
    };
    let mut members: Vec<_> = status.config.members.iter().map(describe).collect();
    members.sort_by_key(|member| member.server);
    members
}

fn files() -> (u64, u64) {
    let open = std::fs::read_dir("/proc/self/fd").map_or(0, |fds| fds.count() as u64);
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
    (open, limit.unwrap_or(0))
}

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

fn of_leaders(facts: &Facts, counted: &Counted) -> Vec<Sample> {
    let followers = facts.followers.unwrap_or_default();
    let [last, min, max] = counted.proposal_size.get();
    vec![
        whole("leader_uptime", "Time as leader in ms", facts.leading_ms.unwrap_or(0)),
        whole("learners", "Leader: members that follow", followers.learners),
        whole("synced_followers", "Leader: voters in step", followers.synced),
        whole(
            "synced_non_voting_followers",
            "Leader: members in step that do not vote yet",
            followers.synced_non_voting,
        ),
        whole("synced_observers", "Leader: observers in step", followers.synced_observers),
        whole("pending_syncs", "Syncs that are waited for", facts.pending_syncs),
        whole("last_proposal_size", "Leader: bytes of the last proposal", last),
        whole("min_proposal_size", "Leader: bytes of the smallest proposal", min),
        whole("max_proposal_size", "Leader: bytes of the largest proposal", max),
    ]
}

/// What `mntr` begins with; what only leaders have is left out elsewhere.
pub(super) fn dumped(facts: &Facts, status: &Status, counted: &Counted) -> Vec<Sample> {
    let text = |name, value: &str| Sample { name, help: "", value: Value::Text(value.to_owned()) };
    let mut samples =
        vec![text("version", &facts.version), text("server_state", facts.mode.unwrap_or_default())];
    samples.extend(facts.peer_state.map(|state| text("peer_state", state)));
    samples.extend(common(facts, status));
    if facts.mode == Some("leader") {
        samples.extend(of_leaders(facts, counted));
    }
    samples
}

/// What Prometheus is told: the same names on every member, whatever its role.
pub(super) fn exported(facts: &Facts, status: &Status, counted: &Counted) -> Vec<Sample> {
    let mut samples = common(facts, status);
    samples.extend(of_leaders(facts, counted));
    samples
}
