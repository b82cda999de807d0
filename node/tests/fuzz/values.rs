//! A value of every variant of what is put into bytes, and the proof that none is forgotten: a new
//! variant does not compile until it has a name here, and has no name in the samples until it is
//! among them.

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;
use quorate_node::model::{Acl, Create, ErrorCode, Id, Reconfig, Write};
use quorate_node::model::{Action, Command, Entry, Origin, Payload};
use quorate_node::model::{Capabilities, FormatRange, Hello, PeerMessage, Submission};
use quorate_node::model::{Config, Member, Role};
use quorate_node::model::{
    EnsembleId, EnsembleVersion, Index, MemberId, Password, ServerId, SessionId, Term, Wall,
};
use quorate_node::model::{HardState, Message};
use quorate_node::wire::peer::Frame;
use quorate_node::wire::record::Record;

/// Names of variants, and all of the names.
macro_rules! variants {
    ($name:ident of $type:ty: $($pattern:pat => $variant:literal),+ $(,)?) => {
        pub(crate) mod $name {
            use super::*;
            pub(crate) const ALL: &[&str] = &[$($variant),+];
            pub(crate) fn of(value: &$type) -> &'static str {
                match value { $($pattern => $variant),+ }
            }
        }
    };
}
pub(crate) use variants;

variants!(payload of Payload:
    Payload::NewLeader => "new leader",
    Payload::Config(_) => "config",
    Payload::Command(_) => "command",
);
variants!(action of Action:
    Action::Write { .. } => "write",
    Action::CreateSession { .. } => "create session",
    Action::Attach { .. } => "attach",
    Action::CloseSession { attach: None, .. } => "expire session",
    Action::CloseSession { attach: Some(_), .. } => "close session",
    Action::Reap(_) => "reap",
    Action::EpochRoll => "epoch roll",
    Action::RefuseReconfig(_) => "refuse reconfig",
    Action::SetVersion(_) => "set version",
);
variants!(write of Write:
    Write::Create(_) => "create",
    Write::Delete { .. } => "delete",
    Write::SetData { .. } => "set data",
    Write::SetAcl { .. } => "set acl",
    Write::Check { .. } => "check",
    Write::Multi(_) => "multi",
    Write::Reconfig(_) => "reconfig",
);
variants!(frame of Frame:
    Frame::Hello(_) => "hello",
    Frame::Message(_) => "message",
    Frame::SnapshotOffer { .. } => "snapshot offer",
    Frame::SnapshotResume { .. } => "snapshot resume",
    Frame::SnapshotChunk { .. } => "snapshot chunk",
    Frame::SnapshotDone => "snapshot done",
);
variants!(peer_message of PeerMessage:
    PeerMessage::Raft(_) => "raft",
    PeerMessage::Submit { .. } => "submit",
    PeerMessage::SubmitRefused { .. } => "submit refused",
    PeerMessage::Barrier { .. } => "barrier",
    PeerMessage::BarrierReply { .. } => "barrier reply",
    PeerMessage::Touch { .. } => "touch",
    PeerMessage::Pulse { .. } => "pulse",
);
variants!(message of Message:
    Message::PreVote { .. } => "pre-vote",
    Message::PreVoteReply { .. } => "pre-vote reply",
    Message::Vote { .. } => "vote",
    Message::VoteReply { .. } => "vote reply",
    Message::Append { .. } => "append",
    Message::Accepted { .. } => "accepted",
    Message::Rejected { .. } => "rejected",
    Message::TimeoutNow { .. } => "timeout now",
);
variants!(record of Record:
    Record::Hard(_) => "hard",
    Record::Entry(_) => "entry",
    Record::Truncate(_) => "truncate",
    Record::Reset(_) => "reset",
);

/// # Panics
/// If the values are not of all variants.
pub(crate) fn complete<T>(values: &[T], name: fn(&T) -> &'static str, all: &[&str]) {
    let found: BTreeSet<&str> = values.iter().map(name).collect();
    assert_eq!(found, all.iter().copied().collect());
}

fn acl() -> Vec<Acl> {
    let line = |perms, scheme: &str, id: &str| Acl {
        perms,
        id: Id { scheme: scheme.into(), id: id.into() },
    };
    vec![line(31, "world", "anyone"), line(3, "digest", "u:h")]
}

pub(crate) fn writes() -> Vec<Write> {
    let create = |flags, ttl| {
        Write::Create(Create {
            path: "/a/n".into(),
            data: Some(Bytes::from_static(b"data")),
            acl: Some(acl()),
            flags,
            ttl,
            with_stat: true,
        })
    };
    let delete = Write::Delete { path: "/a".into(), version: -1 };
    let set = Write::SetData { path: "/a".into(), data: None, version: 3 };
    let check = Write::Check { path: "/a".into(), version: 1 };
    let simple = vec![create(1, None), create(5, Some(7)), delete, set, check];
    let mut all = simple.clone();
    all.extend([
        Write::SetAcl { path: "/".into(), acl: None, version: 0 },
        Write::Multi(simple),
        Write::Multi(Vec::new()),
        Write::Reconfig(Reconfig {
            joining: Some("server.4=d:2888:3888;2181".into()),
            leaving: None,
            members: Some(String::new()),
            version: 0x2_0000_0001,
            least_voters: 2,
        }),
    ]);
    all
}

pub(crate) fn actions() -> Vec<Action> {
    let session = SessionId(-5);
    let by = |write| Action::Write {
        session,
        attach: Index(9),
        ids: acl().into_iter().map(|line| line.id).collect(),
        write,
    };
    let mut all: Vec<Action> = writes().into_iter().map(by).collect();
    let password = Password([7; 16]);
    all.extend([
        Action::CreateSession { server: ServerId(3), timeout_ms: 4, password },
        Action::Attach { session, password, timeout_ms: 5 },
        Action::CloseSession { session, attach: None },
        Action::CloseSession { session, attach: Some(Index(4)) },
        Action::Reap(vec!["/c".into(), "/t".into()]),
        Action::EpochRoll,
        Action::RefuseReconfig(ErrorCode::NewConfigNoQuorum),
        Action::RefuseReconfig(ErrorCode::ReconfigInProgress),
        Action::SetVersion(EnsembleVersion(2)),
    ]);
    all
}

pub(crate) fn config() -> Config {
    let member = |id, role| Member {
        id: MemberId(id),
        server: ServerId(id as u8),
        role,
        peer: format!("h{id}:2888"),
        client: format!("h{id}:2181"),
    };
    Config {
        index: Index(3),
        members: vec![member(1, Role::Voter), member(2, Role::Learner), member(3, Role::Observer)],
        outgoing: vec![MemberId(1)],
        leaving: vec![MemberId(2)],
    }
}

pub(crate) fn entries() -> Vec<Entry> {
    let command =
        |action, origin| Payload::Command(Arc::new(Command { wall: Wall(-1), origin, action }));
    let origin = Origin { member: MemberId(1), boot: 2, request: 3 };
    let mut payloads = vec![
        Payload::NewLeader,
        Payload::Config(Arc::new(config())),
        command(Action::EpochRoll, None),
    ];
    payloads.extend(actions().into_iter().map(|it| command(it, Some(origin))));
    let entry = |payload| Entry { term: Term(5), index: Index(6), payload };
    payloads.into_iter().map(entry).collect()
}

pub(crate) fn messages() -> Vec<Message> {
    let (term, index) = (Term(3), Index(4));
    vec![
        Message::PreVote { term, last_index: index, last_term: term },
        Message::PreVoteReply { term, granted: true },
        Message::Vote { term, last_index: index, last_term: term, transfer: true },
        Message::VoteReply { term, granted: false },
        Message::Append {
            term,
            prev_index: index,
            prev_term: term,
            entries: entries().into_iter().map(Arc::new).collect(),
            commit: index,
            last: index,
            round: 1,
        },
        Message::Append {
            term,
            prev_index: index,
            prev_term: term,
            entries: Vec::new(),
            commit: index,
            last: index,
            round: 2,
        },
        Message::Accepted { term, matched: index, round: 3 },
        Message::Rejected { term, prev_index: index, hint_index: index, hint_term: term, round: 5 },
        Message::TimeoutNow { term },
    ]
}

pub(crate) fn peer_messages() -> Vec<PeerMessage> {
    let (term, index) = (Term(3), Index(4));
    let numbered = actions().into_iter().zip(1..);
    let submissions = numbered.map(|(action, request)| Submission { request, action });
    let mut all: Vec<PeerMessage> = messages().into_iter().map(PeerMessage::Raft).collect();
    all.extend([
        PeerMessage::Submit { term, boot: 1, stream: 2, submissions: submissions.collect() },
        PeerMessage::SubmitRefused { term, stream: 1, from_request: 2 },
        PeerMessage::Barrier { id: 1 },
        PeerMessage::BarrierReply { id: 1, index: None },
        PeerMessage::BarrierReply { id: 1, index: Some(index) },
        PeerMessage::Touch { sessions: vec![SessionId(-1), SessionId(7)] },
        PeerMessage::Pulse { index, digest: 7, spared: true },
    ]);
    all
}

pub(crate) fn frames() -> Vec<Frame> {
    let hello = |ensemble, to| Hello {
        ensemble,
        from: MemberId(1),
        server: ServerId(2),
        address: "h:1".into(),
        to,
        can: Capabilities {
            newest: EnsembleVersion(2),
            formats: vec![FormatRange { format: 3, oldest: 1, newest: 2 }],
            program: "0.1.0".into(),
        },
        version: EnsembleVersion(2),
        proof: Bytes::from_static(b"proof"),
        imported: None,
    };
    let known = hello(Some(EnsembleId(9)), Some(MemberId(2)));
    let mut all = vec![
        Frame::Hello(hello(None, None)),
        Frame::Hello(known.clone()),
        Frame::SnapshotOffer { hello: known, term: Term(3), index: Index(4), bytes: 1 },
        Frame::SnapshotResume { offset: 9 },
        Frame::SnapshotChunk { offset: 1, data: Bytes::from_static(b"some of it") },
        Frame::SnapshotDone,
    ];
    all.extend(peer_messages().into_iter().map(Frame::Message));
    all
}

pub(crate) fn records() -> Vec<Record> {
    let hard = |vote| Record::Hard(HardState { term: Term(1), vote });
    let mut all = vec![
        hard(None),
        hard(Some(MemberId(3))),
        Record::Truncate(Index(2)),
        Record::Reset(Index(9)),
    ];
    all.extend(entries().into_iter().map(|it| Record::Entry(Arc::new(it))));
    all
}

#[test]
fn every_variant_is_among_the_samples() {
    let payloads: Vec<Payload> = entries().into_iter().map(|it| it.payload).collect();
    complete(&payloads, payload::of, payload::ALL);
    complete(&actions(), action::of, action::ALL);
    complete(&writes(), write::of, write::ALL);
    complete(&frames(), frame::of, frame::ALL);
    complete(&peer_messages(), peer_message::of, peer_message::ALL);
    complete(&messages(), message::of, message::ALL);
    complete(&records(), record::of, record::ALL);
}
