//! Everything that can happen to a server.

use std::net::IpAddr;
use std::sync::Arc;

use bytes::Bytes;

use super::message::{Hello, PeerMessage};
use super::op::{ConnectRequest, Request};
use super::raft::config::Member;
use super::raft::event::{Change, SnapshotMeta};
use super::sent::Sent;
use super::state::image::Image;
use super::types::{
    CallId, ConnId, EnsembleId, EnsembleVersion, Index, LinkId, MemberId, Term, WriteSeq,
};

/// A complete snapshot in memory: where it stands and an image that shares structure with the
/// state it was taken from.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// Its place in the log.
    pub meta: SnapshotMeta,
    /// The replicated state.
    pub image: Image,
}

/// An event of the outside world.
#[derive(Clone, Debug)]
pub(crate) enum Input {
    /// Several that arrived together: the writes among them travel as one batch.
    Batch(Vec<Input>),
    /// Time passed; at least every 10 ms or so while anything can be due.
    Tick,
    /// Asked for by `Effect::Again`: answers are due that the last step had no time for.
    Again,
    /// What was sent to a client before a mark has left.
    Flushed {
        /// To which.
        conn: ConnId,
        /// The mark's.
        sent: Sent,
    },
    /// A client connected.
    Connected {
        /// Its number.
        conn: ConnId,
        /// Where from: the implicit `ip` id.
        ip: IpAddr,
        /// The subject of its certificate, verified; in RFC 2253's form.
        subject: Option<String>,
        /// Fresh randomness for a challenge.
        entropy: [u8; 30],
    },
    /// Its handshake.
    Connect {
        /// Which connection.
        conn: ConnId,
        /// What it asks.
        request: ConnectRequest,
        /// Fresh randomness for a password.
        entropy: [u8; 16],
    },
    /// A request.
    Request {
        /// From which connection.
        conn: ConnId,
        /// What.
        request: Request,
    },
    /// The connection is gone (or the shell refuses to go on with it).
    Disconnected {
        /// Which.
        conn: ConnId,
    },
    /// Another member dialled us and said who it is: answered by `AcceptPeer` or `RefusePeer`.
    PeerHello {
        /// The inbound connection.
        link: LinkId,
        /// What it said.
        hello: Hello,
    },
    /// A dial of ours was answered (also when refused: `hello.to` is `None` then).
    PeerAnswer {
        /// Whom we dialled, an address of the last `Links`.
        address: String,
        /// What it said.
        hello: Hello,
    },
    /// Our outbound link to this member is usable.
    LinkUp {
        /// Which.
        member: MemberId,
        /// What it answered for proof of the links that it dials.
        voucher: Bytes,
    },
    /// It broke.
    LinkDown(MemberId),
    /// From an accepted link.
    Peer {
        /// The handshake's identity.
        from: MemberId,
        /// What it says.
        message: PeerMessage,
    },
    /// All log writes up to this number are durable.
    Durable(WriteSeq),
    /// The snapshot asked for by `SaveSnapshot` is durable.
    SnapshotSaved {
        /// Of that snapshot.
        meta: SnapshotMeta,
        /// Bytes of the file; `None`: it failed, try again later.
        bytes: Option<u64>,
    },
    /// Streaming a snapshot ended.
    SnapshotSent {
        /// To whom.
        to: MemberId,
        /// Which.
        index: Index,
        /// Whether all of it arrived.
        ok: bool,
    },
    /// A whole snapshot from the leader arrived and passed its checksums.
    SnapshotReceived {
        /// From whom.
        from: MemberId,
        /// The leader's term.
        term: Term,
        /// Decoded.
        snapshot: Arc<Snapshot>,
    },
    /// An authenticated admin call.
    Admin {
        /// To be answered by `AnswerAdmin`.
        call: CallId,
        /// What.
        request: AdminRequest,
    },
    /// Free space fell below the watermark (`true`) or rose above it again.
    DiskLow(bool),
    /// Memory runs short (`true`), or there is enough again.
    MemoryLow(bool),
}

/// What an operator may ask.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub(crate) enum AdminRequest {
    /// Write the first configuration. Only a blank member whose id is `seed`.
    Form {
        ensemble: EnsembleId,
        seed: MemberId,
        members: Vec<Member>,
    },
    Change {
        ensemble: EnsembleId,
        expected: Index,
        change: Change,
    },
    Transfer {
        ensemble: EnsembleId,
        target: MemberId,
    },
    /// Stop taking sessions, close the present ones in batches, hand leadership off.
    Drain,
    Snapshot,
    /// Raise the ensemble's version. There is no way back: older programs refuse its disks.
    SetVersion {
        ensemble: EnsembleId,
        expected: Index,
        version: EnsembleVersion,
    },
    /// A removed member forgets its data (the shell archives it and starts blank).
    Wipe {
        ensemble: EnsembleId,
        member: MemberId,
    },
}

/// Why an admin call failed. The names are the `error` field of the HTTP answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub(crate) enum AdminError {
    NotLeader,
    ConfigVersionConflict,
    ChangeInProgress,
    NoQuorum,
    LearnerBehind,
    UnknownMember,
    WrongEnsemble,
    NotBlank,
    NotRemoved,
    PeerHasEnsemble,
    InvalidRequest,
    Timeout,
    /// This program does not know the version's rules.
    VersionUnknown,
    /// The ensemble's version is higher already.
    VersionLowered,
    /// A member's program does not know the version's rules, or it is not in touch.
    MembersTooOld,
}
