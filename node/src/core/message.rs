//! Everything one member says to another, and who they say they are first.

use bytes::Bytes;

use super::entry::Action;
use super::raft::event::Message;
use super::types::{EnsembleId, EnsembleVersion, Index, MemberId, ServerId, SessionId, Term, Zxid};

/// A link for which nobody has vouched within so many milliseconds is closed.
pub(crate) const PROOF_MS: u64 = 5_000;

/// The first frame of a peer connection, and the answer to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hello {
    /// `None` while blank.
    pub ensemble: Option<EnsembleId>,
    /// Who speaks.
    pub from: MemberId,
    /// The number in its address.
    pub server: ServerId,
    /// Where the speaker is reached, `host:port`: a member that is not in the listener's
    /// configuration yet can be answered there.
    pub address: String,
    /// Whom the dialer expects; `None` when it only asks who is there (formation of a static
    /// list). The answerer puts the dialer's id here when it accepts, `None` when it refuses.
    pub to: Option<MemberId>,
    /// What the speaker's program can.
    pub can: Capabilities,
    /// The version that the speaker's ensemble has reached, as far as it has applied the log: who
    /// takes part must know its rules.
    pub version: EnsembleVersion,
    /// Of who dials a member, the secret that proves the link to be its own; of who answers to one,
    /// what vouches for the links that it dials itself. Empty: nothing does.
    pub proof: Bytes,
    /// A blank server has read ZooKeeper's files up to this transaction: an ensemble that is formed is to
    /// begin with the newest.
    pub imported: Option<Zxid>,
}

/// The versions of a format that a program reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FormatRange {
    /// Which format, by its number in hellos.
    pub format: u8,
    /// The oldest that is read.
    pub oldest: u32,
    /// The newest that is read.
    pub newest: u32,
}

/// What a program can. A program that does not say so can what all could before any did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// The newest ensemble version whose rules it knows. It knows all before that as well.
    pub newest: EnsembleVersion,
    /// What it reads.
    pub formats: Vec<FormatRange>,
    /// Its own version, for people; empty: unknown.
    pub program: String,
}

impl Default for Capabilities {
    fn default() -> Self {
        let program = String::new();
        Capabilities { newest: EnsembleVersion(1), formats: Vec::new(), program }
    }
}

/// A request on its way to the leader.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Submission {
    /// The origin's number, rising; the leader takes each once a term.
    pub request: u64,
    /// What to propose.
    pub action: Action,
}

/// What members say over an accepted link.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // The variant says what its fields are.
pub enum PeerMessage {
    /// Consensus.
    Raft(Message),
    /// Member → leader of `term`: propose these, in this order. `boot` is the sender's process;
    /// `stream` rises with each refusal that the sender has seen in this term.
    Submit { term: Term, boot: u64, stream: u64, submissions: Vec<Submission> },
    /// Leader → member: from this request on nothing of that stream was taken in `term`
    /// (leadership is being handed over): it is certain that they are not in the log.
    SubmitRefused { term: Term, stream: u64, from_request: u64 },
    /// Member → leader: a read barrier.
    Barrier { id: u64 },
    /// Leader → member: read at `index`, or try again elsewhere.
    BarrierReply { id: u64, index: Option<Index> },
    /// Member → leader: these sessions spoke since the last message.
    Touch { sessions: Vec<SessionId> },
    /// Leader → member, every tick: the digest of its state at an applied index, and whether the
    /// ensemble would keep its quorum without the receiver.
    Pulse { index: Index, digest: u64, spared: bool },
}
