//! A server alone, its clients, and how much they are sent at once.

use std::collections::BTreeMap;
use std::net::IpAddr;

use bytes::Bytes;

use crate::core::effect::{CloseReason, Effect};
use crate::core::input::{AdminRequest, Input};
use crate::core::node::{Luck, Node, Recovered};

use crate::core::op::{
    Acl, Body, ConnectRequest, Create, ErrorCode, Id, MultiResult, Op, Read, Reply, Request,
    ServerFrame, Write,
};
use crate::core::options::Options;
use crate::core::raft::config::{Member, Role};
use crate::core::raft::event::{HardState, SnapshotMeta};
use crate::core::types::{
    CallId, ConnId, EnsembleId, MemberId, Micros, Mono, Now, ServerId, SessionId, Wall, WriteSeq,
    Zxid,
};

mod shortage;
mod watches;

struct Alone {
    node: Node,
    now: u64,
    /// What each client was sent, marks included, until it is taken.
    sent: Vec<Effect>,
    /// How much the last step asked for.
    again: bool,
    /// Snapshots that are to be stored.
    saving: Vec<SnapshotMeta>,
}

impl Alone {
    fn new(options: Options) -> Alone {
        let blank = Recovered {
            member: MemberId(1),
            ensemble: None,
            hard: HardState::default(),
            snapshot: None,
            entries: Vec::new(),
            repairing: false,
            elsewhere: None,
            imported: None,
        };
        let now = Now::default();
        let mut out = Vec::new();
        let mut alone = Alone {
            node: Node::new(options, blank, Luck { boot: 1, secret: [1; 16] }, now, &mut out),
            now: 0,
            sent: Vec::new(),
            again: false,
            saving: Vec::new(),
        };
        let member = Member {
            id: MemberId(1),
            server: ServerId(1),
            role: Role::Voter,
            peer: "zk-1:2888".to_owned(),
            client: String::new(),
        };
        let request = AdminRequest::Form {
            ensemble: EnsembleId(7),
            seed: MemberId(1),
            members: vec![member],
        };
        let call = CallId(1);
        alone.step(Input::Admin { call, request });
        for _ in 0..1_000 {
            alone.now += 10;
            alone.step(Input::Tick);
        }
        assert!(alone.node.status(now).serving, "it serves");
        alone
    }

    /// One step; what it writes is durable at once.
    fn step(&mut self, input: Input) {
        self.again = false;
        let mut inputs = vec![input];
        while let Some(input) = inputs.pop() {
            let micros = Micros(self.now * 1_000);
            let now = Now { mono: Mono(self.now), wall: Wall(self.now as i64), micros };
            let mut out = Vec::new();
            self.node.step(now, input, &mut out);
            for effect in out {
                match effect {
                    Effect::Write { seq, .. } | Effect::Adopt { seq, .. } => {
                        inputs.push(Input::Durable(WriteSeq(seq.0)));
                    }
                    Effect::Again => self.again = true,
                    Effect::SaveSnapshot(snapshot) => self.saving.push(snapshot.meta.clone()),
                    Effect::Client { .. } | Effect::Mark { .. } | Effect::Close { .. } => {
                        self.sent.push(effect);
                    }
                    _ => {}
                }
            }
        }
        self.node.check_invariants();
    }

    fn connect(&mut self, number: u64) -> ConnId {
        let conn = ConnId(number);
        let ip = IpAddr::from([127, 0, 0, 1]);
        let entropy = [number as u8; 16];
        self.step(Input::Connected { conn, ip, subject: None, entropy: Default::default() });
        let request = ConnectRequest {
            last_zxid_seen: Zxid(0),
            timeout_ms: 30_000,
            session: SessionId(0),
            password: None,
            read_only: None,
        };
        self.step(Input::Connect { conn, request, entropy });
        self.sent.clear();
        conn
    }

    fn ask(&mut self, conn: ConnId, ops: Vec<Op>) {
        let request = |(n, op): (usize, Op)| Input::Request {
            conn,
            request: Request { xid: n as i32, op, size: 0 },
        };
        let all = ops.into_iter().enumerate().map(request);
        self.step(Input::Batch(all.collect()));
    }

    fn create(&mut self, conn: ConnId, path: &str, data: usize) {
        self.ask(conn, vec![Op::Write(create(path, data))]);
        self.sent.clear();
    }

    /// Numbers of the replies that this client was sent since it was last asked.
    fn replies(&mut self, to: ConnId) -> Vec<i32> {
        let sent = std::mem::take(&mut self.sent);
        let own = sent.iter().filter_map(|effect| match effect {
            Effect::Client { conn, frame } if *conn == to => Some(frame),
            _ => None,
        });
        let xid = |frame: &ServerFrame| match frame {
            ServerFrame::Reply(Reply { xid, .. }) => Some(*xid),
            _ => None,
        };
        let xids = own.filter_map(xid).collect();
        let marks = |it: &Effect| matches!(it, Effect::Mark { .. } | Effect::Close { .. });
        self.sent = sent.into_iter().filter(marks).collect();
        xids
    }

    /// All that was sent before marks is taken by the clients.
    fn flush(&mut self) {
        for effect in std::mem::take(&mut self.sent) {
            if let Effect::Mark { conn, sent } = effect {
                self.step(Input::Flushed { conn, sent });
            }
        }
    }
}

fn create(path: &str, data: usize) -> Write {
    let id = Id { scheme: "world".to_owned(), id: "anyone".to_owned() };
    Write::Create(Create {
        path: path.to_owned(),
        data: Some(Bytes::from(vec![7; data])),
        acl: Some(vec![Acl { perms: 31, id }]),
        flags: 0,
        ttl: None,
        with_stat: false,
    })
}

fn get(path: &str) -> Read {
    Read::GetData { path: path.to_owned(), watch: false }
}

fn options(change: impl FnOnce(&mut Options)) -> Options {
    let mut options = Options::new(ServerId(1));
    change(&mut options);
    options
}

#[test]
fn a_step_answers_a_bounded_weight_and_others_are_answered_in_between() {
    let mut alone = Alone::new(options(|it| it.turn_weight = 10_000));
    let (heavy, light) = (alone.connect(1), alone.connect(2));
    alone.create(heavy, "/a", 4_000);
    alone.ask(heavy, (0..20).map(|_| Op::Read(get("/a"))).collect());
    let first = alone.replies(heavy);
    assert_eq!(first, [0, 1, 2], "what the step may, and the reply that ends it");
    assert!(alone.again);
    // Somebody else does not wait for the rest.
    alone.ask(light, vec![Op::Read(get("/a"))]);
    assert_eq!(alone.replies(light), [0]);
    let mut rest = alone.replies(heavy);
    for _ in 0..20 {
        alone.step(Input::Again);
        rest.extend(alone.replies(heavy));
    }
    assert!(!alone.again);
    assert_eq!(rest.last(), Some(&19), "{rest:?}");
    assert!(rest.is_sorted());
}

#[test]
fn connections_in_line_take_turns() {
    let mut alone = Alone::new(options(|it| it.turn_weight = 5_000));
    let conns = [alone.connect(1), alone.connect(2), alone.connect(3)];
    alone.create(conns[0], "/a", 4_000);
    let mut answered = [0; 3];
    for conn in conns {
        alone.ask(conn, (0..30).map(|_| Op::Read(get("/a"))).collect());
    }
    for _ in 0..18 {
        alone.step(Input::Again);
    }
    for effect in std::mem::take(&mut alone.sent) {
        if let Effect::Client { conn, .. } = effect {
            answered[conn.0 as usize - 1] += 1;
        }
    }
    let (least, most) = (answered.iter().min(), answered.iter().max());
    assert!(*least.unwrap() >= 6, "{answered:?}");
    assert!(most.unwrap() - least.unwrap() <= 4, "{answered:?}");
}

#[test]
fn a_client_that_takes_nothing_is_sent_a_window_and_the_rest_when_it_does() {
    let mut alone = Alone::new(options(|it| it.reply_window = 20_000));
    let conn = alone.connect(1);
    alone.create(conn, "/a", 4_000);
    alone.flush();
    alone.ask(conn, (0..50).map(|_| Op::Read(get("/a"))).collect());
    let mut replies = alone.replies(conn);
    assert!(replies.len() <= 6, "{replies:?}");
    for _ in 0..20 {
        alone.step(Input::Again);
    }
    assert_eq!(alone.replies(conn), [0; 0]);
    assert_eq!(alone.node.clients.outstanding(), 50 - replies.len());
    for _ in 0..50 {
        alone.flush();
        replies.extend(alone.replies(conn));
    }
    assert_eq!(replies, (0..50).collect::<Vec<i32>>());
}

#[test]
fn a_goodbye_is_answered_after_all_that_was_asked_before_it() {
    let mut alone = Alone::new(options(|it| it.reply_window = 20_000));
    let conn = alone.connect(1);
    alone.create(conn, "/a", 4_000);
    alone.flush();
    let reads = (0..20).map(|_| Op::Read(get("/a")));
    alone.ask(conn, reads.chain([Op::Close]).collect());
    let closed = |alone: &Alone| {
        let close = |it: &Effect| matches!(it, Effect::Close { .. });
        alone.sent.iter().any(close)
    };
    assert!(!closed(&alone));
    let mut replies = alone.replies(conn);
    for _ in 0..20 {
        let close = closed(&alone);
        alone.flush();
        if close {
            break;
        }
        replies.extend(alone.replies(conn));
    }
    assert_eq!(replies, (0..21).collect::<Vec<i32>>());
    assert_eq!(alone.node.state().counts().sessions, 0);
}

#[test]
fn a_client_that_takes_no_events_is_let_go() {
    let mut alone = Alone::new(options(|it| it.event_window = 10_000));
    let (lazy, busy) = (alone.connect(1), alone.connect(2));
    alone.create(busy, "/a", 1);
    let watch = Op::AddWatch { path: "/a".to_owned(), recursive: false };
    alone.ask(lazy, vec![watch]);
    alone.sent.clear();
    let write = Write::SetData { path: "/a".to_owned(), data: None, version: -1 };
    for _ in 0..1_000 {
        alone.ask(busy, vec![Op::Write(write.clone())]);
    }
    let to_lazy = |it: &&Effect| matches!(it, Effect::Client { conn, .. } if *conn == lazy);
    let events = alone.sent.iter().filter(to_lazy).count();
    assert!((100..200).contains(&events), "{events}");
    let close = |it: &Effect| matches!(it, Effect::Close { conn, reason: CloseReason::SlowReader } if *conn == lazy);
    assert_eq!(alone.sent.iter().filter(|it| close(it)).count(), 1);
    assert_eq!(alone.node.clients.watch_counts().watches, 0);
}

#[test]
fn a_multi_read_says_what_its_reply_had_no_room_for() {
    let mut alone = Alone::new(options(|it| it.max_reply = 10_000));
    let conn = alone.connect(1);
    alone.create(conn, "/a", 4_000);
    alone.create(conn, "/b", 1);
    let reads = [get("/a"), get("/a"), get("/a"), get("/b"), get("/none")];
    alone.ask(conn, vec![Op::Read(Read::MultiRead(reads.to_vec()))]);
    let Some(Effect::Client { frame: ServerFrame::Reply(reply), .. }) = alone.sent.pop() else {
        panic!("no reply");
    };
    let Body::Multi(results) = reply.body else {
        panic!("another reply");
    };
    let failed: Vec<Option<ErrorCode>> = results
        .iter()
        .map(|result| match result {
            MultiResult::Done { .. } => None,
            MultiResult::Failed(code) => Some(*code),
        })
        .collect();
    let no_room = Some(ErrorCode::MarshallingError);
    assert_eq!(failed, [None, None, no_room, no_room, Some(ErrorCode::NoNode)]);
}

#[test]
fn children_that_do_not_fit_into_a_reply_are_an_error_and_the_connection_goes_on() {
    let mut alone = Alone::new(options(|it| it.max_reply = 1_000));
    let conn = alone.connect(1);
    for n in 0..100 {
        alone.create(conn, &format!("/{n:08}"), 1);
    }
    let children =
        |path: &str| Read::GetChildren { path: path.to_owned(), watch: false, with_stat: true };
    let reads = ["/", "/zookeeper"].map(|path| Op::Read(children(path)));
    alone.ask(conn, reads.to_vec());
    let codes: Vec<ErrorCode> = alone
        .sent
        .iter()
        .filter_map(|effect| match effect {
            Effect::Client { frame: ServerFrame::Reply(reply), .. } => Some(reply.err),
            _ => None,
        })
        .collect();
    assert_eq!(codes, [ErrorCode::MarshallingError, ErrorCode::Ok]);
}

/// As in ZooKeeper, where a request takes the ids of its connection along when it comes.
#[test]
fn what_waits_has_the_rights_that_its_client_had_when_it_asked() {
    let mut alone = Alone::new(options(|it| it.reply_window = 20_000));
    let conn = alone.connect(1);
    alone.create(conn, "/a", 4_000);
    alone.flush();
    // A list for whoever is authenticated: invalid for those who are not.
    let Write::Create(mut own) = create("/own", 1) else {
        panic!("it makes a create");
    };
    for line in own.acl.iter_mut().flatten() {
        (line.id.scheme, line.id.id) = ("auth".to_owned(), String::new());
    }
    let asks = [Op::Read(Read::WhoAmI), Op::Write(Write::Create(own.clone()))];
    let mut ops: Vec<Op> = (0..10).map(|_| Op::Read(get("/a"))).collect();
    ops.extend(asks.clone());
    ops.push(Op::Auth {
        scheme: "digest".to_owned(),
        auth: Some(Bytes::from_static(b"bob:secret")),
    });
    ops.extend(asks);
    alone.ask(conn, ops);
    let mut outcomes = BTreeMap::new();
    for _ in 0..20 {
        for effect in &alone.sent {
            if let Effect::Client { frame: ServerFrame::Reply(reply), .. } = effect {
                let ids = match &reply.body {
                    Body::Ids(ids) => ids.len(),
                    _ => 0,
                };
                outcomes.insert(reply.xid, (reply.err, ids));
            }
        }
        alone.flush();
    }
    let found: Vec<(ErrorCode, usize)> = outcomes.into_values().skip(10).collect();
    let (ok, invalid) = (ErrorCode::Ok, ErrorCode::InvalidAcl);
    assert_eq!(
        found,
        [(ok, 1), (invalid, 0), (ok, 0), (ok, 2), (ok, 0)],
        "before, the packet, and after"
    );
}
