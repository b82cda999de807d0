//! The consensus core's inputs and outputs as closed, printable enums.

use std::sync::Arc;

use super::config::{Config, Member};
use crate::core::entry::{Entry, Payload};
use crate::core::types::{Index, MemberId, Mono, Term, WriteSeq};

/// What a member says to another. Message table: name, from, to, meaning.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // The variant says what its fields are.
pub enum Message {
    /// Candidate-to-be → voter: would you vote for me in `term`? Changes nobody's state
    /// (dissertation §9.6).
    PreVote { term: Term, last_index: Index, last_term: Term },
    /// The answer, with the term it was asked for when granted, else the answerer's own.
    PreVoteReply { term: Term, granted: bool },
    /// Candidate → voter. `transfer`: asked for by the old leader, so the lease of check-quorum
    /// does not hold it back.
    Vote { term: Term, last_index: Index, last_term: Term, transfer: bool },
    /// The answer; leaves only after the vote is durable.
    VoteReply { term: Term, granted: bool },
    /// Leader → member: entries after (`prev_index`, `prev_term`), or none as a heartbeat.
    /// `round` rises with each heartbeat round and is echoed: it proves leadership for read-index
    /// and check-quorum. `last` is where the leader's log ends: a damaged member may have
    /// acknowledged as much.
    Append {
        term: Term,
        prev_index: Index,
        prev_term: Term,
        entries: Vec<Arc<Entry>>,
        commit: Index,
        last: Index,
        round: u64,
    },
    /// The answer: all up to `matched` equals the leader's log and is durable here.
    Accepted { term: Term, matched: Index, round: u64 },
    /// The answer: the entry before is not there. The follower's hint lets the leader skip whole
    /// terms; `round` still proves that it hears the leader.
    Rejected { term: Term, prev_index: Index, hint_index: Index, hint_term: Term, round: u64 },
    /// Leader → transfer target: campaign now (dissertation §3.10).
    TimeoutNow { term: Term },
}

impl Message {
    /// The term that it speaks of.
    pub(crate) fn term(&self) -> Term {
        match self {
            Message::PreVote { term, .. }
            | Message::PreVoteReply { term, .. }
            | Message::Vote { term, .. }
            | Message::VoteReply { term, .. }
            | Message::Append { term, .. }
            | Message::Accepted { term, .. }
            | Message::Rejected { term, .. }
            | Message::TimeoutNow { term } => *term,
        }
    }
}

/// What is durable besides entries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HardState {
    /// The newest term seen.
    pub term: Term,
    /// Whom this member voted for in it.
    pub vote: Option<MemberId>,
}

/// The place of a snapshot in the log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SnapshotMeta {
    /// The last entry it covers.
    pub index: Index,
    /// That entry's term.
    pub term: Term,
    /// The configuration as of that entry.
    pub config: Config,
}

/// A durable change, in the order of its [`WriteSeq`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogWrite {
    /// Term and vote.
    Hard(HardState),
    /// Drop all entries from this index on (a conflict with the leader's log).
    Truncate(Index),
    /// Append, contiguous with what is there.
    Append(Vec<Arc<Entry>>),
    /// Replace the whole log by a received snapshot (which the shell holds, by this meta).
    InstallSnapshot(SnapshotMeta),
    /// Entries up to this index may be deleted: a durable snapshot covers them.
    Compact(Index),
}

/// A membership change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// Add members that receive the log and do not vote. Members already there are left alone.
    AddLearners(Vec<Member>),
    /// One joint change to exactly these voters, all members already; voters left out leave the
    /// configuration, learners are untouched.
    Voters(Vec<MemberId>),
    /// Drop members that do not vote.
    RemoveLearners(Vec<MemberId>),
    /// Exactly these members, voters and observers, by one joint change if the voters are others
    /// than before. Any number of voters; each is a member already.
    Members(Vec<Member>),
}

/// Why a membership change, transfer or read was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// Only the leader can; it may be known.
    NotLeader,
    /// The expected configuration version is not the present one.
    VersionConflict,
    /// A change is in progress, or no entry of this term is committed yet.
    InProgress,
    /// Too few of the voters-to-be answer: the change could never be finished.
    NoQuorum,
    /// A voter-to-be is not caught up.
    LearnerBehind,
    /// Not a member of the configuration.
    UnknownMember,
    /// An empty voter set, a voter that is an observer, a learner that votes.
    Invalid,
    /// Leadership went elsewhere while it was under way.
    LostLeadership,
    /// The transfer target did not take over in time; this member leads on.
    TransferTimedOut,
}

/// What happens to the consensus core.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // The variant says what its fields are.
pub(crate) enum Event {
    /// Time passed.
    Tick,
    /// From another member (its identity was checked by the handshake).
    Message { from: MemberId, message: Message },
    /// Only on a leader that is not in a transfer; see `Raft::accepts_proposals`.
    Propose(Vec<Payload>),
    /// All writes up to this number are durable.
    Durable(WriteSeq),
    /// A snapshot of this member's own is durable; the log behind it may go, but for what to keep.
    SnapshotSaved { meta: SnapshotMeta, keep: Keep },
    /// The transport finished (or gave up) streaming a snapshot to a member.
    SnapshotSent { to: MemberId, index: Index, ok: bool },
    /// A complete, verified snapshot from the leader of `term` lies ready.
    SnapshotReceived { from: MemberId, term: Term, meta: SnapshotMeta },
    /// Confirm leadership, then answer with an index to read at (dissertation §6.4).
    ReadIndex { id: u64 },
    /// A membership change, under an expected version ([`Config::index`]). One at a time.
    Change { id: u64, expected: Index, change: Change },
    /// Hand leadership to this voter.
    Transfer { id: u64, target: MemberId },
    /// A link to this member was made; resume sending.
    LinkUp(MemberId),
    /// The link broke; what was in flight may be lost.
    LinkDown(MemberId),
}

/// What the consensus core wants done, in this order.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // The variant says what its fields are.
pub(crate) enum Output {
    /// Send; may be lost.
    Send { to: MemberId, message: Message },
    /// Make durable, in order; [`Event::Durable`] follows.
    Write { seq: WriteSeq, write: LogWrite },
    /// These entries are committed: apply them, in order.
    Commit(Vec<Arc<Entry>>),
    /// A snapshot replaces state and log: restore it before anything else.
    Restore(SnapshotMeta),
    /// Stream the newest durable snapshot (index at least `index`) to this member.
    SendSnapshot { to: MemberId, term: Term, index: Index },
    /// Leadership as of the read request is confirmed; serve once `index` is applied.
    ReadReady { id: u64, index: Index },
    /// The read cannot be confirmed here.
    ReadRefused { id: u64, refusal: Refusal },
    /// The change is committed in its final form (version given), or was there already.
    ChangeDone { id: u64, version: Index },
    /// The change was not started, or its outcome is with another leader (`LostLeadership`).
    ChangeRefused { id: u64, refusal: Refusal },
    /// The target leads.
    TransferDone { id: u64 },
    /// The transfer was refused or given up.
    TransferRefused { id: u64, refusal: Refusal },
    /// The damage that recovery found is repaired.
    Repaired,
    /// A member said what no sound one can; nothing was made of it.
    Implausible { from: MemberId, what: Implausible },
    /// Role, leader or term changed; read them from the core.
    RoleChanged,
    /// The configuration in force changed (links are to be made and dropped).
    Configured,
}

/// What a message says that no sound member of the ensemble can say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Implausible {
    /// It speaks in the receiver's own name.
    OwnName,
    /// Of a term that no elections can have led to.
    Term,
    /// It leads in a term in which another member leads.
    SecondLeader,
    /// Entries that cannot stand behind each other.
    Entries,
    /// A snapshot that no leader of its term can have made.
    Snapshot,
    /// It has entries that its leader does not have.
    BeyondLog,
    /// It echoes what its leader never said.
    Round,
}

impl Implausible {
    /// The end of a sentence about who said it.
    pub(crate) fn what(self) -> &'static str {
        match self {
            Implausible::OwnName => "it speaks in this member's own name",
            Implausible::Term => "its term is one that no elections can have led to",
            Implausible::SecondLeader => "it leads in a term in which another member leads",
            Implausible::Entries => "it sends entries that cannot stand behind each other",
            Implausible::Snapshot => "it sends a snapshot that no leader of its term can have made",
            Implausible::BeyondLog => "it has entries of this term that its leader does not have",
            Implausible::Round => "it answers what its leader never said",
        }
    }
}

/// How long things take, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Timing {
    /// Between heartbeat rounds.
    pub(crate) heartbeat: u64,
    /// Without a leader for a random time between this and twice this, campaign. Also the time
    /// within which a leader must hear a quorum, and a transfer must succeed.
    pub(crate) election: u64,
}

/// What of the log stays in memory behind a snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Keep {
    /// Trailing entries, for members that are a little late.
    pub entries: u64,
    /// Weight of what a leader keeps, at most, for members that are catching up.
    pub awaited_bytes: usize,
}

/// Bounds of one follower's stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Window {
    /// Entries in one message.
    pub(crate) batch_entries: usize,
    /// Weight in one message.
    pub(crate) batch_bytes: usize,
    /// Unacknowledged entries.
    pub(crate) flight_entries: u64,
    /// Unacknowledged weight.
    pub(crate) flight_bytes: usize,
    /// How far behind a learner may be to become a voter, in entries.
    pub(crate) promotion_lag: u64,
}

/// What recovery found, and who this member is.
#[derive(Clone, Debug)]
pub(crate) struct Boot {
    /// This member.
    pub id: MemberId,
    /// Its timing.
    pub timing: Timing,
    /// Its bounds.
    pub window: Window,
    /// The first number for log writes.
    pub next_seq: u64,
    /// Seeds the election jitter.
    pub seed: u64,
    /// Durable term and vote.
    pub hard: HardState,
    /// The snapshot that the log continues; index 0 for none.
    pub snapshot: SnapshotMeta,
    /// Durable entries behind the snapshot, contiguous from `snapshot.index + 1` on (older ones,
    /// kept for slow followers, may stand before).
    pub entries: Vec<Arc<Entry>>,
    /// The log was damaged where it may have been acknowledged: neither vote nor campaign until it
    /// is whole again.
    pub repairing: bool,
    /// Now.
    pub now: Mono,
}
