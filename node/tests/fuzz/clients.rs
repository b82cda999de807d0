//! What clients say. Whatever a request asks for has to go through the log and be applied.

use std::sync::Arc;

use bytes::Bytes;
use quorate_node::model::SaslUsers;
use quorate_node::model::State;
use quorate_node::model::{Action, Command, Entry, Payload};
use quorate_node::model::{ErrorCode, Id, Op, Read, Reconfig, Write};
use quorate_node::model::{Exchange, Step};
use quorate_node::model::{Index, Password, ServerId, SessionId, Term, Wall};
use quorate_node::wire::client;
use quorate_node::wire::x500;
use quorate_zk::{Jute, op};

use crate::members;
use crate::requests::{self, create, part};
use crate::values::{complete, variants};

variants!(ops of Op:
    Op::Read(_) => "read",
    Op::Write(_) => "write",
    Op::Sync { .. } => "sync",
    Op::Ping => "ping",
    Op::Auth { .. } => "auth",
    Op::SetWatches(_) => "set watches",
    Op::AddWatch { .. } => "add watch",
    Op::RemoveWatches { .. } => "remove watches",
    Op::CheckWatches { .. } => "check watches",
    Op::Reconfig { .. } => "reconfig",
    Op::Sasl { .. } => "sasl",
    Op::Close => "close",
    Op::Invalid(_) => "invalid",
    Op::Unknown(_) => "unknown",
);
variants!(reads of Read:
    Read::Exists { .. } => "exists",
    Read::GetData { .. } => "get data",
    Read::GetAcl { .. } => "get acl",
    Read::GetChildren { with_stat: false, .. } => "get children",
    Read::GetChildren { with_stat: true, .. } => "get children with stat",
    Read::GetAllChildrenNumber { .. } => "get all children number",
    Read::GetEphemerals { .. } => "get ephemerals",
    Read::MultiRead(_) => "multi read",
    Read::WhoAmI => "who am I",
);
/// Of what clients can ask for.
fn write_of(write: &Write) -> &'static str {
    match write {
        Write::Create(_) => "create",
        Write::Delete { .. } => "delete",
        Write::SetData { .. } => "set data",
        Write::SetAcl { .. } => "set acl",
        Write::Multi(_) => "multi",
        // Only inside of a multi, and an op of its own.
        Write::Check { .. } | Write::Reconfig(_) => "not alone",
    }
}

pub(crate) fn handshakes() -> Vec<Vec<u8>> {
    let frame = |password: Option<&[u8]>, flag: Option<bool>| {
        let mut writer = Vec::new();
        writer.int(0);
        writer.long(7);
        writer.int(10_000);
        writer.long(0);
        writer.buffer(password);
        if let Some(flag) = flag {
            writer.bool(flag);
        }
        writer
    };
    vec![frame(Some(&[0; 16]), Some(true)), frame(Some(&[0; 16]), None), frame(None, Some(false))]
}

pub(crate) fn handshake(bytes: &[u8]) {
    let _ = client::connect_request(Bytes::copy_from_slice(bytes));
}

fn multi(body: &mut Vec<u8>) {
    part(body, op::CREATE);
    create(body, "/h/m-", 2);
    part(body, op::CREATE2);
    create(body, "/h/s-", 3);
    part(body, op::CREATE_CONTAINER);
    create(body, "/h/c", 4);
    part(body, op::CREATE_TTL);
    create(body, "/h/t", 5);
    body.long(60_000);
    part(body, op::SET_DATA);
    body.text("/h");
    body.buffer(None);
    body.int(-1);
    for check in [op::CHECK, op::DELETE] {
        part(body, check);
        body.text("/h/c");
        body.int(-1);
    }
    part(body, -1);
}

/// A good body of an op.
fn body(number: i32, body: &mut Vec<u8>) {
    match number {
        op::MULTI => multi(body),
        _ => requests::body(number, "/h", body),
    }
}

/// A good request of every number that is an op, and of some that are none.
pub(crate) fn requests() -> Vec<Vec<u8>> {
    let request = |number| {
        let mut writer = Vec::new();
        writer.int(1);
        writer.int(number);
        body(number, &mut writer);
        writer
    };
    (-12..=108).map(request).collect()
}

pub(crate) fn request(bytes: &[u8]) {
    let Ok(request) = client::request(Bytes::copy_from_slice(bytes)) else {
        assert!(bytes.len() < 8, "only a header can be too short");
        return;
    };
    let write = match request.op {
        Op::Write(write) => write,
        Op::Reconfig { joining, leaving, members, version } => {
            Write::Reconfig(Reconfig { joining, leaving, members, version, least_voters: 2 })
        }
        _ => return,
    };
    let mut state = State::new();
    let open = Action::CreateSession {
        server: ServerId(1),
        timeout_ms: 10_000,
        password: Password([9; 16]),
    };
    let opened = apply(&mut state, open).expect("sessions are opened");
    let root = client::request(Bytes::from(sample(op::CREATE, "/h")));
    let Ok(Op::Write(root)) = root.map(|it| it.op) else {
        panic!("a good create");
    };
    for write in [root, write] {
        let write = Action::Write {
            session: opened,
            attach: Index(1),
            ids: Arc::new([Id { scheme: "ip".to_owned(), id: "::1".to_owned() }]),
            write,
        };
        apply(&mut state, write);
    }
}

fn sample(number: i32, path: &str) -> Vec<u8> {
    let mut writer = Vec::new();
    writer.int(1);
    writer.int(number);
    create(&mut writer, path, 0);
    writer
}

/// Takes an action through the bytes of the log; gives the session that it opened.
pub(crate) fn apply(state: &mut State, action: Action) -> Option<SessionId> {
    let command = Command { wall: Wall(7), origin: None, action };
    let entry = Entry {
        term: Term(3),
        index: state.applied().next(),
        payload: Payload::Command(Arc::new(command)),
    };
    members::kept(&entry);
    state.apply(&entry).opened.map(|it| it.session)
}

/// What a client of DIGEST-MD5 answers, by RFC 2831.
pub(crate) fn tokens() -> Vec<Vec<u8>> {
    let response = "charset=utf-8,username=\"bob\",realm=\"zk-sasl-md5\",nonce=\"x\",nc=00000001,\
                    cnonce=\"abc\",digest-uri=\"zookeeper/zk-sasl-md5\",maxbuf=65536,\
                    response=0123456789abcdef0123456789abcdef,qop=auth,authzid=\"bob\"";
    vec![Vec::new(), response.as_bytes().to_vec(), b"username=\"a\\\"b\\\\\",response=,,=".to_vec()]
}

/// It comes behind the challenge.
pub(crate) fn token(bytes: &[u8]) {
    let users = SaslUsers([("bob".to_owned(), "secret".to_owned())].into());
    let mut exchange = Exchange::Fresh([7; 30]);
    let first = exchange.step(b"", &users);
    assert!(matches!(first, Ok(Step::Challenge(_))));
    let second = exchange.step(bytes, &users);
    assert!(!matches!(second, Ok(Step::Done { .. })), "nobody gets in who does not know the nonce");
}

/// Names in DER: one attribute, two in one part, and one of every string type.
pub(crate) fn subjects() -> Vec<Vec<u8>> {
    let attribute = |kind: u8, tag: u8, text: &[u8]| {
        let mut value = vec![0x06, 0x03, 0x55, 0x04, kind, tag, text.len() as u8];
        value.extend(text);
        let mut sequence = vec![0x30, value.len() as u8];
        sequence.extend(value);
        sequence
    };
    let part = |attributes: &[Vec<u8>]| {
        let content = attributes.concat();
        let mut set = vec![0x31, content.len() as u8];
        set.extend(content);
        set
    };
    let texts: Vec<Vec<u8>> = [0x0C, 0x13, 0x14, 0x16, 0x1E, 0x1C]
        .map(|tag| part(&[attribute(3, tag, b"ab,=+ \\")]))
        .to_vec();
    let two = part(&[attribute(10, 0x0C, b"Org"), attribute(11, 0x0C, b"\xc3\xa9")]);
    vec![texts[0].clone(), texts.concat(), two]
}

pub(crate) fn subject(bytes: &[u8]) {
    let _ = x500::name(bytes);
}

#[test]
fn every_kind_of_request_is_among_the_samples() {
    let mut ops: Vec<Op> = requests()
        .into_iter()
        .map(|bytes| client::request(Bytes::from(bytes)).unwrap().op)
        .collect();
    let short = client::request(Bytes::from_static(&[0, 0, 0, 1, 0, 0, 0, 1]));
    let short = short.unwrap().op;
    assert_eq!(short, Op::Invalid(ErrorCode::MarshallingError));
    ops.push(short);
    complete(&ops, self::ops::of, self::ops::ALL);
    let reads: Vec<Read> = ops
        .iter()
        .filter_map(|op| match op {
            Op::Read(read) => Some(read.clone()),
            _ => None,
        })
        .collect();
    complete(&reads, self::reads::of, self::reads::ALL);
    let writes: Vec<Write> = ops
        .into_iter()
        .filter_map(|op| match op {
            Op::Write(write) => Some(write),
            _ => None,
        })
        .collect();
    let all = ["create", "delete", "set data", "set acl", "multi"];
    complete(&writes, write_of, &all);
}
