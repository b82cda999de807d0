//! Clients that ask for more than they take.

use std::io::Write;
use std::net::TcpStream;

use quorate_zk::{Jute, Reader, Request, op, raw};

use crate::support::client::{Client, Session, handshake, open};
use crate::support::ensemble::Ensemble;
use crate::support::facts::{memory, metric};
use crate::support::wait_until;

const BIG: usize = 1_000_000;

/// A connection with a session, whose requests are written by hand.
fn greeted(port: u16) -> TcpStream {
    let mut stream = open(port).expect("connect");
    let hello = handshake(&Session { id: 0, password: vec![0; 16], timeout_ms: 60_000 });
    stream.write_all(&hello).expect("send");
    frame(&mut stream);
    stream
}

fn frame(stream: &mut TcpStream) -> Vec<u8> {
    quorate_zk::frame::read(stream).expect("read a frame")
}

fn get(xid: i32, path: &str) -> Vec<u8> {
    let mut out = Vec::new();
    Request::GetData { path, watch: false }.encode(xid, &mut out);
    out
}

/// Puts a large znode there; gives the client.
fn with_a_large_znode(ensemble: &Ensemble) -> Client {
    let mut client = ensemble.members[0].connect();
    client.create("/big", &vec![7; BIG], 0).expect("create");
    client.create("/a", b"", 0).expect("create");
    client
}

fn assert_served(client: &mut Client) {
    client.set("/a", b"x").expect("write");
    assert_eq!(client.get("/a").expect("read"), "x");
}

#[test]
fn one_request_for_more_than_a_reply_may_hold_is_answered_as_far_as_there_is_room() {
    const OPS: usize = 40_000;
    let mut ensemble = Ensemble::serving(1, "maxSessionTimeout=60000\n");
    let mut client = with_a_large_znode(&ensemble);
    let mut stream = greeted(ensemble.members[0].client);
    let mut many = Vec::new();
    raw(&mut many, 1, op::MULTI_READ, |body| {
        for _ in 0..OPS {
            body.int(op::GET_DATA);
            body.bool(false);
            body.int(-1);
            body.text("/big");
            body.bool(false);
        }
        body.int(-1);
        body.bool(true);
        body.int(-1);
    });
    assert!(many.len() < 0xF_FFFF);
    stream.write_all(&many).expect("send");
    let answer = frame(&mut stream);
    assert!(answer.len() < 70 << 20, "{}", answer.len());
    let mut reply = Reader::new(&answer);
    assert_eq!(reply.int().unwrap(), 1);
    reply.long().unwrap();
    assert_eq!(reply.int().unwrap(), 0);
    let (mut whole, mut refused) = (0, 0);
    loop {
        let (op, done, code) = (reply.int().unwrap(), reply.bool().unwrap(), reply.int().unwrap());
        if done {
            break;
        }
        if op == op::GET_DATA {
            assert_eq!(reply.buffer().unwrap().map(|it| it.len()), Some(BIG));
            reply.take(68).unwrap();
            whole += 1;
        } else {
            assert_eq!((op, code, reply.int().unwrap()), (-1, -5, -5));
            refused += 1;
        }
    }
    assert_eq!(whole + refused, OPS);
    assert!(whole >= 60 && refused > 0, "{whole} {refused}");
    // The connection is as good as before.
    stream.write_all(&get(2, "/a")).expect("send");
    assert_eq!(frame(&mut stream)[..4], 2i32.to_be_bytes());
    assert_served(&mut client);
    let most = memory(&mut ensemble.members[0], "VmHWM");
    assert!(most < 400 << 10, "{most} KiB");
}

#[test]
fn clients_that_read_nothing_cost_a_bounded_amount_and_nobody_else_anything() {
    let mut ensemble = Ensemble::serving(1, "maxSessionTimeout=60000\n");
    let mut client = with_a_large_znode(&ensemble);
    let port = ensemble.members[0].client;
    let before = memory(&mut ensemble.members[0], "VmRSS");
    let mut lazy = Vec::new();
    for _ in 0..50 {
        let mut stream = greeted(port);
        let all: Vec<u8> = (0..1_000).flat_map(|xid| get(xid, "/big")).collect();
        stream.write_all(&all).expect("send");
        lazy.push(stream);
    }
    // 50 GB were asked for. All requests have come when the last is in line or answered.
    wait_until("the requests are in line", || {
        metric(&ensemble.members[0], "outstanding_requests") > 49_000.0
    });
    for _ in 0..20 {
        assert_served(&mut client);
    }
    let grown = memory(&mut ensemble.members[0], "VmRSS").saturating_sub(before);
    assert!(grown < 300 << 10, "{grown} KiB");
    // Whoever does read gets all of it, in order.
    let eager = &mut lazy[0];
    for xid in 0..1_000i32 {
        let reply = frame(eager);
        assert_eq!(reply[..4], xid.to_be_bytes());
        assert!(reply.len() > BIG);
    }
    drop(lazy);
    wait_until("what they had is given back", || {
        metric(&ensemble.members[0], "quorate_node_client_memory_bytes") == 0.0
            && metric(&ensemble.members[0], "num_alive_connections") == 1.0
    });
    assert_served(&mut client);
}
