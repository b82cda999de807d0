//! What a server says about itself: plain data for `/status`, metrics and four-letter words.

use super::raft::config::Config;
use super::types::{
    ConnId, EnsembleId, EnsembleVersion, Index, MemberId, ServerId, SessionId, Term, Zxid,
};

/// What lies on this member's disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DataState {
    /// Nothing: it belongs to no ensemble yet.
    Blank,
    /// An ensemble's data.
    Member,
    /// An ensemble's data, but its committed configuration no longer has this member.
    Removed,
    /// The log was damaged; it is being repaired from the other members and does not vote.
    Corrupt,
    /// An ensemble's data, but of a member that lives elsewhere: it may be a copy, and takes no part.
    Elsewhere,
}

impl DataState {
    /// All of them.
    #[cfg(test)]
    pub(crate) const ALL: [DataState; 5] = [
        DataState::Blank,
        DataState::Member,
        DataState::Removed,
        DataState::Corrupt,
        DataState::Elsewhere,
    ];

    /// As `/status` says it: other programs read it, so it never changes.
    pub(crate) fn name(self) -> &'static str {
        match self {
            DataState::Blank => "Blank",
            DataState::Member => "Member",
            DataState::Removed => "Removed",
            DataState::Corrupt => "Corrupt",
            DataState::Elsewhere => "Elsewhere",
        }
    }
}

/// The part it plays now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub(crate) enum RoleName {
    Blank,
    Leader,
    Follower,
    Candidate,
    Learner,
    Observer,
    Removed,
    Elsewhere,
}

impl RoleName {
    /// All of them.
    #[cfg(test)]
    pub(crate) const ALL: [RoleName; 8] = [
        RoleName::Blank,
        RoleName::Leader,
        RoleName::Follower,
        RoleName::Candidate,
        RoleName::Learner,
        RoleName::Observer,
        RoleName::Removed,
        RoleName::Elsewhere,
    ];

    /// As `/status` says it: other programs read it, so it never changes.
    pub(crate) fn name(self) -> &'static str {
        match self {
            RoleName::Blank => "Blank",
            RoleName::Leader => "Leader",
            RoleName::Follower => "Follower",
            RoleName::Candidate => "Candidate",
            RoleName::Learner => "Learner",
            RoleName::Observer => "Observer",
            RoleName::Removed => "Removed",
            RoleName::Elsewhere => "Elsewhere",
        }
    }
}

/// A leader's view of another member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Peer {
    /// Which.
    pub id: MemberId,
    /// The last entry known to be durable there.
    pub matched: Index,
    /// Whether our link to it is up.
    pub connected: bool,
    /// Milliseconds since it was last heard; `None`: never in this term.
    pub last_contact_ms: Option<u64>,
    /// Whether a snapshot is on its way to it.
    pub snapshotting: bool,
    /// It has everything that the leader had so many milliseconds ago; `None`: nobody knows.
    pub behind_ms: Option<u64>,
    /// The newest ensemble version whose rules its program knows; `None`: it has not dialled us.
    pub newest_version: Option<EnsembleVersion>,
}

/// One client connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Connection {
    /// Its number.
    pub conn: ConnId,
    /// 0 before the handshake is done.
    pub session: SessionId,
    /// Requests in progress.
    pub outstanding: usize,
    /// Negotiated, in milliseconds.
    pub timeout_ms: i32,
}

/// Watch counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)]
pub(crate) struct WatchCounts {
    pub connections: usize,
    pub paths: usize,
    pub watches: usize,
}

/// Counts of the replicated state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)]
pub(crate) struct StateCounts {
    pub znodes: usize,
    pub ephemerals: usize,
    pub sessions: usize,
    /// Paths and data, in bytes.
    pub data_bytes: u64,
}

/// Everything at one instant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Status {
    /// The number in its address.
    pub server: ServerId,
    /// This incarnation of its disk.
    pub member: MemberId,
    /// `None` while blank.
    pub ensemble: Option<EnsembleId>,
    /// What lies on its disk.
    pub data: DataState,
    /// Why it takes no part, if that is because its disk lives elsewhere.
    pub elsewhere: Option<String>,
    /// Its part.
    pub role: RoleName,
    /// The newest term it saw.
    pub term: Term,
    /// Who leads in it, as far as it knows.
    pub leader: Option<MemberId>,
    /// Milliseconds since the leader was heard (as leader: since a quorum was).
    pub leader_contact_ms: Option<u64>,
    /// Committed, as far as it knows.
    pub commit: Index,
    /// Applied.
    pub applied: Index,
    /// The end of its log.
    pub last: Index,
    /// The start of its log.
    pub first: Index,
    /// Of the last applied transaction.
    pub zxid: Zxid,
    /// The newest configuration in its log.
    pub config: Config,
    /// Whether that one is not committed yet, or is joint.
    pub pending: bool,
    /// Whose rules hold in the ensemble.
    pub version: EnsembleVersion,
    /// The newest version whose rules this program knows.
    pub newest_version: EnsembleVersion,
    /// Leader only.
    pub peers: Vec<Peer>,
    /// Whether clients are served.
    pub serving: bool,
    /// Whether only those are that may not write.
    pub read_only: bool,
    /// `Err` says in one line why it is not ready.
    pub ready: Result<(), String>,
    /// Whether the ensemble keeps its quorum without this member; `Err` says why not.
    pub safe_to_stop: Result<(), String>,
    /// Whether it is draining.
    pub draining: bool,
    /// Of the replicated state.
    pub counts: StateCounts,
    /// Of the replicated state at `applied`.
    pub digest: u64,
    /// Client connections of this server.
    pub connections: usize,
    /// Watches of this server's connections.
    pub watches: WatchCounts,
    /// Requests in progress, all connections together.
    pub outstanding: usize,
    /// Barriers that this server's clients wait for.
    pub pending_syncs: usize,
    /// Milliseconds it has led, leader only.
    pub leading_ms: Option<u64>,
}
