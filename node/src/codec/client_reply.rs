//! ZooKeeper's client protocol, what the server says: the handshake's answer, replies, events.

use bytes::BytesMut;

use super::jute::Writer;
use crate::core::op::{
    Acl, Body, ConnectResponse, ErrorCode, Id, MultiResult, Reply, ServerFrame, Stat, WatchEvent,
};

/// Appends a frame, its length first.
pub(crate) fn server_frame(frame: &ServerFrame, out: BytesMut) -> BytesMut {
    let mut writer = Writer::over(out);
    let start = writer.len();
    writer.int(0);
    match frame {
        ServerFrame::Connect(response) => connect_response(response, &mut writer),
        ServerFrame::Reply(reply) => encode_reply(reply, &mut writer),
        ServerFrame::Event(event) => encode_event(event, &mut writer),
    }
    writer.patch_length(start);
    writer.into_inner()
}

fn connect_response(response: &ConnectResponse, writer: &mut Writer) {
    writer.int(0);
    writer.int(response.timeout_ms);
    writer.long(response.session.0);
    writer.buffer(Some(&response.password.0));
    if let Some(read_only) = response.read_only {
        writer.bool(read_only);
    }
}

fn encode_event(event: &WatchEvent, writer: &mut Writer) {
    const NOTIFICATION_XID: i32 = -1;
    const SYNC_CONNECTED: i32 = 3;
    writer.int(NOTIFICATION_XID);
    writer.long(event.zxid.0);
    writer.int(ErrorCode::Ok as i32);
    writer.int(event.kind as i32);
    writer.int(SYNC_CONNECTED);
    writer.ustring(&event.path);
}

fn encode_reply(reply: &Reply, writer: &mut Writer) {
    writer.int(reply.xid);
    writer.long(reply.zxid.0);
    writer.int(reply.err as i32);
    // A failed SASL step is the one error that is followed by something: its null token.
    if reply.err == ErrorCode::Ok || matches!(reply.body, Body::Token(_)) {
        encode_body(&reply.body, writer);
    }
}

fn encode_body(body: &Body, writer: &mut Writer) {
    match body {
        Body::Empty => {}
        Body::Path(path) => writer.ustring(path),
        Body::Created { path, stat } => {
            writer.ustring(path);
            encode_stat(stat, writer);
        }
        Body::Stat(stat) => encode_stat(stat, writer),
        Body::Data { data, stat } => {
            writer.buffer(data.as_deref());
            encode_stat(stat, writer);
        }
        Body::Acl { acl, stat } => {
            encode_acl(acl, writer);
            encode_stat(stat, writer);
        }
        Body::Children(names) => strings(names.list(), writer),
        Body::Paths(paths) => strings(paths, writer),
        Body::ChildrenStat { children, stat } => {
            strings(children.list(), writer);
            encode_stat(stat, writer);
        }
        Body::Count(count) => writer.int(*count),
        Body::Ids(ids) => {
            writer.count(ids.len());
            for id in ids {
                writer.ustring(&id.scheme);
                writer.ustring(shown_id(id));
            }
        }
        Body::Zero => writer.int(0),
        Body::Token(token) => writer.buffer(token.as_deref()),
        Body::Multi(results) => encode_multi(results, writer),
    }
}

/// `whoAmI` shows users, not their hashes.
fn shown_id(id: &Id) -> &str {
    match id.scheme.as_str() {
        "digest" => id.id.split(':').next().unwrap_or_default(),
        _ => &id.id,
    }
}

fn strings(list: &[impl AsRef<str>], writer: &mut Writer) {
    writer.count(list.len());
    for text in list {
        writer.ustring(text.as_ref());
    }
}

/// Appends access list lines.
pub(crate) fn encode_acl(acl: &[Acl], writer: &mut Writer) {
    writer.count(acl.len());
    for line in acl {
        writer.int(line.perms);
        writer.ustring(&line.id.scheme);
        writer.ustring(&line.id.id);
    }
}

fn encode_stat(stat: &Stat, writer: &mut Writer) {
    writer.long(stat.czxid.0);
    writer.long(stat.mzxid.0);
    writer.long(stat.ctime);
    writer.long(stat.mtime);
    writer.int(stat.version);
    writer.int(stat.cversion);
    writer.int(stat.aversion);
    writer.long(stat.ephemeral_owner);
    writer.int(stat.data_length);
    writer.int(stat.num_children);
    writer.long(stat.pzxid.0);
}

fn encode_multi(results: &[MultiResult], writer: &mut Writer) {
    const ERROR: i32 = -1;
    for result in results {
        match result {
            MultiResult::Done { op, body } => {
                writer.int(*op);
                writer.bool(false);
                writer.int(0);
                encode_body(body, writer);
            }
            MultiResult::Failed(code) => {
                writer.int(ERROR);
                writer.bool(false);
                writer.int(*code as i32);
                writer.int(*code as i32);
            }
        }
    }
    writer.int(ERROR);
    writer.bool(true);
    writer.int(-1);
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::core::names::Names;
    use crate::core::op::EventType;
    use crate::core::types::Zxid;

    /// Bytes as ZooKeeper 3.9.5 sends them for a multi that fails at its second op.
    #[test]
    fn a_failed_multi_tells_every_op() {
        let codes = [ErrorCode::Ok, ErrorCode::NoNode, ErrorCode::RuntimeInconsistency];
        let results = codes.map(MultiResult::Failed).to_vec();
        let mut writer = Writer::new();
        encode_multi(&results, &mut writer);
        let mut expected = Vec::new();
        for code in [0i32, -101, -2] {
            expected.extend((-1i32).to_be_bytes());
            expected.push(0);
            expected.extend(code.to_be_bytes());
            expected.extend(code.to_be_bytes());
        }
        expected.extend((-1i32).to_be_bytes());
        expected.push(1);
        expected.extend((-1i32).to_be_bytes());
        assert_eq!(writer.into_inner(), expected);
    }

    fn names(count: usize) -> Names {
        let all: Vec<Arc<str>> = (0..count).map(|n| format!("n{n:09}").into()).collect();
        Names::gather(all.iter(), usize::MAX).unwrap()
    }

    #[test]
    fn nothing_is_larger_on_the_wire_than_it_weighs() {
        let stat = Stat::default();
        let who = |n: usize| Id { scheme: "digest".into(), id: "x".repeat(n) };
        let acl: Vec<Acl> = (0..9).map(|n| Acl { perms: 1, id: who(n) }).collect();
        let data = |n: usize| Body::Data { data: Some(vec![7; n].into()), stat };
        let done = |body: Body| MultiResult::Done { op: 4, body };
        let many = vec![
            done(data(5_000)),
            MultiResult::Failed(ErrorCode::NoNode),
            done(Body::Children(names(100))),
            done(Body::Empty),
        ];
        let bodies = [
            Body::Empty,
            Body::Zero,
            Body::Count(3),
            Body::Path("/a".repeat(100)),
            Body::Created { path: "/a".into(), stat },
            Body::Stat(stat),
            data(0),
            data(10_000),
            Body::Acl { acl, stat },
            Body::Children(names(1_000)),
            Body::ChildrenStat { children: names(1_000), stat },
            Body::Paths(vec!["/e".repeat(50); 100]),
            Body::Ids((0..9).map(who).collect()),
            Body::Token(Some(vec![1; 100].into())),
            Body::Multi(many),
        ];
        let mut frames: Vec<ServerFrame> = bodies
            .into_iter()
            .map(|body| {
                ServerFrame::Reply(Reply { xid: 1, zxid: Zxid(1), err: ErrorCode::Ok, body })
            })
            .collect();
        frames.push(ServerFrame::Event(WatchEvent {
            zxid: Zxid(1),
            kind: EventType::Created,
            path: "/a".repeat(100).into(),
        }));
        for frame in frames {
            let wire = server_frame(&frame, BytesMut::new()).len();
            let weight = frame.weight();
            assert!(wire <= weight && weight <= wire + 400, "{wire} {weight} {frame:?}");
        }
    }
}
