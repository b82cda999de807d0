//! What a server is told when it starts; parsed and defaulted elsewhere.

use super::auth::AuthOptions;
use super::message::Capabilities;
use super::raft::config::Role;
use super::raft::event::{Timing, Window};
use super::recovery::{Residence, Surroundings};
use super::types::{EnsembleVersion, ServerId};

/// One line of a static server list (`server.N=` of zoo.cfg).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StaticServer {
    /// N.
    pub server: ServerId,
    /// `host:port` for members.
    pub peer: String,
    /// `host:port` for clients; may be empty.
    pub client: String,
    /// `Voter` for participants, `Observer` for observers.
    pub role: Role,
}

/// Whether clients may change the membership (op reconfig).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ReconfigPolicy {
    /// ZooKeeper's default.
    Off,
    /// An operator does, and nobody else.
    Operated,
    /// Those that may write `/zookeeper/config`.
    Clients {
        /// As few voters may be left: 2, or 1 with `standaloneEnabled=false`.
        least_voters: u8,
    },
}

/// A server's settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Options {
    /// The number in this server's address.
    pub(crate) server: ServerId,
    /// Where other members reach this server, `host:port`.
    pub(crate) peer_address: String,
    /// Where clients reach it, `host:port`; may be empty.
    pub(crate) client_address: String,
    /// The shortest session timeout granted, in milliseconds.
    pub(crate) min_session_timeout_ms: i32,
    /// The longest.
    pub(crate) max_session_timeout_ms: i32,
    /// How often followers pass on which sessions spoke, and expiry is looked at; milliseconds.
    pub(crate) tick_ms: u64,
    /// Consensus timing.
    pub(crate) timing: Timing,
    /// Consensus bounds.
    pub(crate) window: Window,
    /// Applied entries between snapshots.
    pub(crate) snapshot_every: u64,
    /// Entries kept in memory and log behind a snapshot, for slow followers.
    pub(crate) snapshot_keep: u64,
    /// Without a leader for this long, client connections are closed and new ones refused.
    pub(crate) leaderless_grace_ms: u64,
    /// A server that is further behind its leader than this does not call itself ready.
    pub(crate) ready_lag: u64,
    /// Every listed server answers as blank: the lowest number forms the ensemble of them.
    /// Empty: wait to be formed or adopted.
    pub(crate) static_list: Vec<StaticServer>,
    /// Requests of one connection in progress, beyond which it is closed.
    pub(crate) max_outstanding: usize,
    /// The largest reply to a read, in bytes.
    pub(crate) max_reply: usize,
    /// What is sent to a client ahead of what it has taken, in bytes, but for the last reply.
    pub(crate) reply_window: usize,
    /// Events that may wait for a client that does not take them, in bytes.
    pub(crate) event_window: usize,
    /// What the watches of all clients may take, in bytes.
    pub(crate) watch_bytes: usize,
    /// What one step answers, in bytes, but for the last reply.
    pub(crate) turn_weight: usize,
    /// Every read is preceded by a barrier.
    pub(crate) linearizable_reads: bool,
    /// Cut off from the quorum, this server serves what it has to clients that may only read.
    pub(crate) read_only_mode: bool,
    /// Nothing is checked against ACLs.
    pub(crate) skip_acl: bool,
    /// Who changes the membership.
    pub(crate) reconfig: ReconfigPolicy,
    /// How callers prove who they are.
    pub(crate) auth: AuthOptions,
    /// How often containers and TTL znodes are looked at, in milliseconds.
    pub(crate) reap_ms: u64,
    /// How many of them are removed in a minute, at most.
    pub(crate) reap_per_minute: u32,
    /// The zxid counter at which a new epoch is started. Far below 2^32.
    pub(crate) epoch_roll_at: u32,
    /// What this program can.
    pub(crate) can: Capabilities,
    /// The leader raises the ensemble's version to this as soon as every member can follow; `None`:
    /// only when it is told to.
    pub(crate) ensemble_version: Option<EnsembleVersion>,
}

impl Options {
    /// Where this server is, as others know it.
    pub(crate) fn residence(&self) -> Residence {
        Residence { server: self.server, peer: self.peer_address.clone() }
    }

    /// The same, among the others that are listed.
    pub(crate) fn surroundings(&self) -> Surroundings {
        let of = |it: &StaticServer| Residence { server: it.server, peer: it.peer.clone() };
        Surroundings { here: self.residence(), listed: self.static_list.iter().map(of).collect() }
    }

    /// ZooKeeper's defaults where it has them.
    pub(crate) fn new(server: ServerId) -> Options {
        Options {
            server,
            peer_address: String::new(),
            client_address: String::new(),
            min_session_timeout_ms: 4_000,
            max_session_timeout_ms: 40_000,
            tick_ms: 500,
            timing: Timing { heartbeat: 100, election: 1_000 },
            window: Window {
                batch_entries: 1_024,
                batch_bytes: 1 << 20,
                flight_entries: 16_384,
                flight_bytes: 16 << 20,
                promotion_lag: 1_000,
            },
            snapshot_every: 100_000,
            snapshot_keep: 10_000,
            leaderless_grace_ms: 4_000,
            ready_lag: 10_000,
            static_list: Vec::new(),
            max_outstanding: 10_000,
            max_reply: 64 << 20,
            reply_window: 1 << 20,
            event_window: 16 << 20,
            watch_bytes: 256 << 20,
            turn_weight: 1 << 20,
            linearizable_reads: false,
            read_only_mode: false,
            skip_acl: false,
            reconfig: ReconfigPolicy::Off,
            auth: AuthOptions::default(),
            reap_ms: 60_000,
            reap_per_minute: 10_000,
            epoch_roll_at: 0xF000_0000,
            can: Capabilities::default(),
            ensemble_version: None,
        }
    }
}
