//! A server under thousands of requests that somebody has tampered with.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};

use quorate_zk::{Jute, Request, op, raw, xid};

use crate::requests::{self, create, part};
use crate::support::client::{Client, Session, handshake, open, word};
use crate::support::ensemble::{Ensemble, Member};
use crate::support::facts::{descriptors, metric};
use crate::support::wait_until;

/// xorshift: the same bytes in every run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, most: usize) -> usize {
        (self.next() >> 16) as usize % most.max(1)
    }
}

/// Creates, a write and a check that may all come to pass.
fn multi(body: &mut Vec<u8>) {
    part(body, op::CREATE);
    create(body, "/h/m-", 2);
    part(body, op::CREATE2);
    create(body, "/h/s-", 3);
    part(body, op::SET_DATA);
    body.text("/h");
    body.buffer(None);
    body.int(-1);
    part(body, op::CHECK);
    body.text("/h");
    body.int(-1);
    part(body, -1);
}

/// The body of a good request of every kind.
fn good(op: i32) -> Vec<u8> {
    let mut body = Vec::new();
    match op {
        op::MULTI => multi(&mut body),
        _ => requests::body(op, "/h/n", &mut body),
    }
    body
}

/// A frame that was good before it was tampered with.
fn tampered(random: &mut Random, xid: i32) -> Vec<u8> {
    let number = match random.below(20) {
        0 => random.next() as i32,
        1 => [-11, -10, 0, 10, 20, 13][random.below(6)],
        _ => [
            1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 14, 15, 16, 17, 18, 19, 21, 22, 100, 101, 102, 103,
            104, 105, 106, 107,
        ][random.below(27)],
    };
    let mut bytes = good(number);
    for _ in 0..random.below(4) {
        let at = random.below(bytes.len());
        match random.below(6) {
            0 if !bytes.is_empty() => bytes[at] ^= 1 << random.below(8),
            1 => bytes.truncate(at),
            // Somebody's length, most likely.
            2 if bytes.len() >= 4 => {
                let at = random.below(bytes.len() - 3);
                let extremes = [i32::MAX, i32::MIN, -1, -2, 0, 1, 0x10_0000, 1 << 24];
                bytes[at..at + 4].copy_from_slice(&extremes[random.below(8)].to_be_bytes());
            }
            3 => {
                let other = good([1, 14, 22, 105][random.below(4)]);
                bytes.splice(at..at, other.iter().copied());
            }
            4 => bytes.splice(at..at, [0, 0xFF, 0xC0, b'/', b'.']).for_each(drop),
            _ => bytes.extend(vec![0; random.below(64)]),
        }
    }
    let mut frame = Vec::new();
    let xid = if number == op::PING { xid::PING } else { xid };
    raw(&mut frame, xid, number, |body| body.extend_from_slice(&bytes));
    match random.below(60) {
        0 => frame.truncate(random.below(frame.len())),
        1 => frame[random.below(4)] ^= 1 << random.below(8),
        _ => {}
    }
    frame
}

/// One connection's life; gives how many bytes came back.
fn attack(port: u16, random: &mut Random) -> usize {
    let mut stream = open(port).expect("connect");
    let session = Session { id: 0, password: vec![0; 16], timeout_ms: 4_000 };
    let mut hello = handshake(&session);
    if random.below(10) == 0 {
        let at = random.below(hello.len());
        hello[at] ^= 1 << random.below(8);
    }
    // The server may have hung up already, and says why it does only by that.
    let mut sent = stream.write_all(&hello);
    for xid in 0..20 {
        sent = sent.and_then(|()| stream.write_all(&tampered(random, xid)));
    }
    // A farewell, unless the server takes it for the rest of a frame: then we hang up.
    let mut farewell = Vec::new();
    Request::Close.encode(20, &mut farewell);
    let _ = sent.and_then(|()| stream.write_all(&farewell));
    drain(&mut stream)
}

fn drain(stream: &mut TcpStream) -> usize {
    let (mut all, mut bytes) = (0, [0; 4096]);
    let patience = Some(std::time::Duration::from_millis(500));
    stream.set_read_timeout(patience).expect("set a timeout");
    while let Ok(some @ 1..) = stream.read(&mut bytes) {
        all += some;
    }
    all
}

/// Of the password `test`.
const SUPER: &str = "DigestAuthenticationProvider.superDigest=super:D/InIHSb7yEEbrWz8b9l71RjZJU=\n";

/// A client that may see everything, whatever rights a tampered request has taken away.
fn reader(member: &Member) -> Client {
    let mut client = member.connect();
    client.authenticate("digest", b"super:test").expect("authenticate");
    client
}

/// All that there is below a path, but for what ends by itself.
fn tree(client: &mut Client, path: &str) -> Vec<(String, Vec<u8>)> {
    // What ends by itself may do so between two requests.
    let data = client.get(path).unwrap_or_default().to_vec();
    let mut seen = vec![(path.to_owned(), data)];
    for name in client.children(path).unwrap_or_default() {
        let child = format!("{}/{name}", path.trim_end_matches('/'));
        seen.extend(tree(client, &child));
    }
    let stays = |path: &str| ["/m-", "/good"].iter().any(|it| path.contains(it));
    seen.retain(|(path, _)| stays(path));
    seen.sort();
    seen
}

/// The line of `srvr` about the last change.
fn zxid(port: u16) -> Option<String> {
    let text = word(port, "srvr");
    text.lines().find(|line| line.starts_with("Zxid")).map(str::to_owned)
}

#[test]
fn tampered_requests_harm_nobody_leave_nothing_behind_and_can_be_replayed() {
    let mut ensemble = Ensemble::serving(1, SUPER);
    let member = &mut ensemble.members[0];
    let port = member.client;
    let mut client = member.connect();
    client.create("/h", b"", 0).expect("create");
    client.create("/good", b"", 0).expect("create");
    wait_until("only we are connected", || metric(member, "num_alive_connections") == 1.0);
    let before = descriptors(member);
    let (done, mut writes) = (AtomicBool::new(false), 0u64);
    let answered: usize = std::thread::scope(|scope| {
        let attackers: Vec<_> = (1..=4)
            .map(|seed| {
                scope.spawn(move || {
                    let mut random = Random(0x9E37_79B9_7F4A_7C15_u64.wrapping_mul(seed));
                    (0..150).map(|_| attack(port, &mut random)).sum::<usize>()
                })
            })
            .collect();
        let good = scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                writes += 1;
                let text = writes.to_string();
                client.set("/good", text.as_bytes()).expect("write");
                assert_eq!(client.get("/good").expect("read"), text);
            }
            client.ping().expect("ping");
        });
        let ended: Vec<_> = attackers.into_iter().map(|it| it.join()).collect();
        done.store(true, Ordering::Relaxed);
        good.join().expect("a good client is served");
        let answered = ended.into_iter().map(|it| it.expect("an attacker ends"));
        answered.sum()
    });
    assert!(answered > 100_000 && writes > 10, "{answered} {writes}");
    assert!(member.alive(), "{}", member.log());
    assert!(!member.log().contains("panicked"), "{}", member.log());
    let mut settles = |name: &str, value: f64| {
        wait_until(name, || {
            client.ping().expect("ping");
            metric(member, name) == value
        });
    };
    settles("num_alive_connections", 1.0);
    settles("global_sessions", 1.0);
    settles("ephemerals_count", 0.0);
    settles("outstanding_requests", 0.0);
    settles("quorate_node_client_memory_bytes", 0.0);
    // The connection that asked, and a segment of the log that is being prepared.
    wait_until("descriptors are given back", || {
        client.ping().expect("ping");
        descriptors(member) <= before + 2
    });
    client.close().expect("close");
    let mut client = reader(member);
    let seen = tree(&mut client, "/");
    assert!(seen.len() > 10, "requests among them were good: {seen:?}");
    client.close().expect("close");
    let last = zxid(port);
    member.kill();
    member.start();
    wait_until("it serves again", || member.ready());
    let mut client = reader(member);
    assert_eq!(tree(&mut client, "/"), seen, "as before, from the log");
    assert!(zxid(port) > last, "{last:?}");
}
