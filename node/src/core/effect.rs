//! Everything a server can want done, as plain data. The order of effects is the order on each
//! wire: what must wait for a disk is withheld inside the core until it is durable.

use std::sync::Arc;

use bytes::Bytes;

use super::input::{AdminError, Snapshot};
use super::message::{Hello, PeerMessage};
use super::op::{EventType, ServerFrame};
use super::raft::event::{Implausible, LogWrite};
use super::sent::Sent;
use super::state::Overrun;
use super::types::{
    CallId, ConnId, EnsembleId, EnsembleVersion, Index, LinkId, MemberId, SessionId, Term,
    WriteSeq, Zxid,
};

/// Where a link should lead.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Link {
    /// `host:port`, resolved anew at each attempt.
    pub address: String,
    /// Whom to expect there; `None`: only ask who is there (then no messages are sent on it).
    pub member: Option<MemberId>,
    /// Said there, so that it can be vouched for; empty: there is nothing to be vouched for.
    pub secret: Bytes,
}

/// A thing to do.
#[derive(Clone, Debug)]
pub(crate) enum Effect {
    /// Send to a client.
    Client {
        /// On which connection.
        conn: ConnId,
        /// What.
        frame: ServerFrame,
    },
    /// Tell by `Input::Flushed` when what was sent to this client before has left.
    Mark {
        /// Which client.
        conn: ConnId,
        /// How much that is, since the last mark.
        sent: Sent,
    },
    /// Step again soon (`Input::Again`), when others had their turn.
    Again,
    /// Close a client connection once what was sent before is flushed.
    Close {
        /// Which.
        conn: ConnId,
        /// Why, for logs and metrics.
        reason: CloseReason,
    },
    /// Send to a member over its link; dropped when there is none.
    Peer {
        /// To whom.
        to: MemberId,
        /// What.
        message: PeerMessage,
    },
    /// The links to keep, instead of the present ones. Dialled with [`Effect::Links::hello`].
    Links {
        /// Who we are (with `to` to be filled in for each).
        hello: Hello,
        /// Where to.
        links: Vec<Link>,
    },
    /// Answer the dialer; its messages are taken once [`Effect::HearPeer`] says so.
    AcceptPeer {
        /// Which inbound connection.
        link: LinkId,
        /// What to answer.
        hello: Hello,
    },
    /// What arrives on an accepted connection may be taken: it is shown who its dialler is.
    HearPeer {
        /// Which.
        link: LinkId,
    },
    /// Close the connection without a word.
    IgnorePeer {
        /// Which.
        link: LinkId,
    },
    /// Answer the dialer, then close.
    RefusePeer {
        /// Which inbound connection.
        link: LinkId,
        /// What to answer.
        hello: Hello,
    },
    /// Close the links that a member has dialled: what it says there no sound member can say. It may
    /// dial again.
    HangUp {
        /// Whose.
        member: MemberId,
    },
    /// Write the ensemble's id to the identity file. Comes before any other write of that
    /// ensemble and is covered by the same sequence.
    Adopt {
        /// Its place among the writes.
        seq: WriteSeq,
        /// Which.
        ensemble: EnsembleId,
    },
    /// The log of an ensemble that is formed begins with this snapshot: make that durable.
    Found {
        /// Its place among the writes.
        seq: WriteSeq,
        /// What was imported.
        snapshot: Arc<Snapshot>,
    },
    /// Make durable; `Input::Durable` follows.
    Write {
        /// Its place among the writes.
        seq: WriteSeq,
        /// What.
        write: LogWrite,
    },
    /// The ensemble has reached this version: what is stored from now on has its formats. Not said of
    /// the first one.
    Version(EnsembleVersion),
    /// Encode and store in the background; `Input::SnapshotSaved` follows.
    SaveSnapshot(Arc<Snapshot>),
    /// Stream the newest stored snapshot; `Input::SnapshotSent` follows.
    SendSnapshot {
        /// To whom.
        to: MemberId,
        /// Our term, passed on with it.
        term: Term,
        /// It must cover at least this.
        index: Index,
    },
    /// Answer an admin call; `Ok` holds the configuration version.
    AnswerAdmin {
        /// Which.
        call: CallId,
        /// With what.
        result: Result<Index, AdminError>,
    },
    /// The damage that recovery found is repaired: the next start need not know of it.
    Repaired,
    /// Archive the data folder's content and start again as a blank member.
    Wipe,
    /// Stop the process with an error: going on would spread damage.
    Fatal(String),
    /// Something worth logging or counting.
    Note(Note),
}

/// Why the server closed a client connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs)]
pub(crate) enum CloseReason {
    /// The client asked.
    Goodbye,
    SessionExpired,
    SessionMoved,
    SessionRefused,
    /// The client has seen a later zxid than this server.
    ClientAhead,
    AuthFailed,
    /// The connection is of no scheme that is enforced here.
    AuthRequired,
    /// The client looks for another ensemble.
    OtherEnsemble,
    UnknownOp,
    NotServing,
    Draining,
    TooManyOutstanding,
    /// All clients together watch too much, and this one most.
    TooManyWatches,
    Protocol,
    /// It does not take what it is sent.
    SlowReader,
    /// A frame of an impossible length, or too short for a request.
    BadFrame,
    /// A frame that was not whole in time.
    SlowFrame,
}

/// A request that was answered, for a connection's and the server's counters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Answered {
    /// On which connection.
    pub conn: ConnId,
    /// Its short name, of [`super::op_name`].
    pub name: &'static str,
    /// The client's number for it.
    pub xid: i32,
    /// Of the answer.
    pub zxid: Zxid,
    /// Microseconds from the step that it came with to this one.
    pub waited: u64,
    /// Whether it went through the log.
    pub write: bool,
}

/// A fact worth logging or counting; the only observability in the core.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub(crate) enum Note {
    BecameLeader {
        term: Term,
    },
    Following {
        leader: MemberId,
        term: Term,
    },
    NoLeader {
        term: Term,
    },
    Adopted {
        ensemble: EnsembleId,
    },
    /// What was imported here is not what the ensemble begins with.
    ImportUnused {
        zxid: Zxid,
    },
    Configured {
        version: Index,
        voters: usize,
        learners: usize,
        joint: bool,
    },
    SessionCreated {
        session: SessionId,
    },
    SessionExpired {
        session: SessionId,
    },
    SessionClosed {
        session: SessionId,
    },
    Answered(Answered),
    /// A command was applied, this many milliseconds after its leader proposed it.
    Applied {
        millis: u64,
    },
    /// A change fired this many watches here.
    Fired {
        kind: EventType,
        watches: usize,
    },
    /// A client could not prove who it is.
    AuthFailed {
        conn: ConnId,
        scheme: String,
        why: &'static str,
    },
    PeerRefused {
        member: MemberId,
        why: &'static str,
    },
    /// The disk is of a member that lives elsewhere; what follows.
    Elsewhere {
        why: String,
    },
    /// Nothing was made of it.
    Implausible {
        member: MemberId,
        what: Implausible,
    },
    SnapshotInstalled {
        index: Index,
    },
    /// Whose rules hold from now on.
    EnsembleVersion {
        version: EnsembleVersion,
    },
    /// On the leader: a write went beyond a quota's soft limit, or was refused for a hard one.
    OverQuota(Overrun),
    Paused {
        millis: u64,
    },
    /// Wall time was set: it gained this much on monotonic time, or lost it.
    WallJumped {
        millis: i64,
    },
}
