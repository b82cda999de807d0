//! What four-letter words and ZooKeeper's admin commands tell, at one instant.

use crate::codec::four_letter::{Facts, Followers, MemberLine};
use crate::core::raft::config::{Member, Role};
use crate::core::status::{Peer, RoleName, Status};
use crate::shell::disk::Sizes;
use crate::shell::metrics::zookeeper::ZooCounters;

/// Entries behind which a member still counts as caught up.
const CAUGHT_UP: u64 = 100;

/// What ZooKeeper calls this version, and when it came out.
const VERSION: &str =
    concat!("3.9.5-quorate-", env!("CARGO_PKG_VERSION"), ", built on 2026-11-26 00:00 UTC");

/// All facts; `uptime_ms` is this process's.
pub(super) fn of(
    status: &Status,
    counters: &ZooCounters,
    disk: &Sizes,
    conf: &[(String, String)],
    uptime_ms: u64,
) -> Facts {
    let (latency_min, latency_avg, latency_max) = counters.latency();
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
        received: counters.packets_received.get(),
        sent: counters.packets_sent.get(),
        latency_min,
        latency_avg,
        latency_max,
        response_sizes: counters.client_response_size.get(),
        proposal_sizes: counters.proposal_size.get(),
        followers: (status.role == RoleName::Leader).then(|| followers(status)),
        quorum_size: status.config.voters().len(),
        uptime_ms,
        leading_ms: status.leading_ms,
        open_files,
        max_files,
        conf: conf.to_vec(),
        members: members(status),
        config_version: status.config.index.0,
        data_dir_bytes: disk.snapshot_bytes,
        log_dir_bytes: disk.log_bytes,
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
    let caught_up = |role_wanted: Role| {
        connected()
            .filter(|peer| role(peer) == Some(role_wanted))
            .filter(|peer| status.last.0.saturating_sub(peer.matched.0) <= CAUGHT_UP)
            .count()
    };
    Followers {
        learners: connected().count(),
        synced: caught_up(Role::Voter),
        synced_non_voting: caught_up(Role::Learner),
        synced_observers: caught_up(Role::Observer),
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
