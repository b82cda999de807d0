//! What strangers send. It must cost nobody else anything.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

use quorate_zk::Code;

use crate::support::PATIENCE;
use crate::support::client::{Client, Failure, Session, handshake, open};
use crate::support::ensemble::{Ensemble, Member};
use crate::support::facts::{memory, metric};

/// Whether the other side closes before the patience is over.
fn is_closed(stream: &mut TcpStream, patience: Duration) -> bool {
    stream.set_read_timeout(Some(patience)).expect("set a timeout");
    let began = Instant::now();
    let mut bytes = [0; 4096];
    while began.elapsed() < patience {
        match stream.read(&mut bytes) {
            Ok(0) => return true,
            Ok(_) => {}
            Err(error) => return error.kind() == std::io::ErrorKind::ConnectionReset,
        }
    }
    false
}

/// The others are served, and nothing crashed.
fn assert_unharmed(member: &mut Member, client: &mut Client) {
    assert!(member.alive());
    client.set("/a", b"x").expect("write");
    client.get("/a").expect("read");
}

/// A handshake of a new session.
fn hello() -> Vec<u8> {
    handshake(&Session { id: 0, password: vec![0; 16], timeout_ms: 4_000 })
}

#[test]
fn a_frame_that_lies_about_its_length_is_refused_before_its_body_and_allocates_nothing() {
    let mut ensemble = Ensemble::serving(1, "");
    let member = &mut ensemble.members[0];
    let mut client = member.connect();
    client.create("/a", b"", 0).expect("create");
    let before = memory(member, "VmPeak");
    for length in [i32::MAX, 0x10_0000, -1, i32::MIN] {
        for greeting in [Vec::new(), hello()] {
            for _ in 0..10 {
                let mut stream = open(member.client).expect("connect");
                stream.write_all(&greeting).expect("send");
                stream.write_all(&length.to_be_bytes()).expect("send");
                assert!(is_closed(&mut stream, PATIENCE), "{length}");
            }
        }
        assert_unharmed(member, &mut client);
    }
    // For what they said, none for what was waited for in vain.
    let closed = |reason: &str| {
        let name = "quorate_node_connections_closed_total";
        metric(member, &format!("{name}{{reason=\"{reason}\"}}"))
    };
    assert_eq!((closed("bad_frame"), closed("slow_frame")), (80.0, 0.0));
    // Claimed by members, within the bounds of their frames.
    let mut strangers = Vec::new();
    for _ in 0..40 {
        let mut stream = open(member.peer).expect("connect");
        stream.write_all(&[3, 0, 0, 0, 1, 2, 3, 4, 9]).expect("send");
        strangers.push(stream);
    }
    let mut liar = open(member.peer).expect("connect");
    liar.write_all(&[0x7F, 0xFF, 0xFF, 0xFF, 1, 2, 3, 4]).expect("send");
    assert!(is_closed(&mut liar, PATIENCE));
    assert_unharmed(member, &mut client);
    let grown = memory(member, "VmPeak").saturating_sub(before);
    assert!(grown < 256 << 10, "{grown} KiB more of address space");
    for stream in &mut strangers {
        assert!(is_closed(stream, PATIENCE), "no hello in time");
    }
}

#[test]
fn garbage_and_half_frames_close_their_own_connection_only() {
    let mut ensemble = Ensemble::serving(1, "");
    let member = &mut ensemble.members[0];
    let mut client = member.connect();
    client.create("/a", b"", 0).expect("create");
    let mut state = 0x9E37_79B9_u32;
    let mut random = |length: usize| -> Vec<u8> {
        let mut byte = || {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            (state >> 11) as u8
        };
        (0..length).map(|_| byte()).collect()
    };
    for round in 0..60 {
        let body = random(1 + round * 3);
        let frame = [(body.len() as u32).to_be_bytes().to_vec(), body].concat();
        let texts = [
            frame.clone(),
            [hello(), frame.clone()].concat(),
            [hello(), hello(), hello()].concat(),
            frame[..frame.len() - 1].to_vec(),
            b"GET / HTTP/1.1\r\n\r\n".to_vec(),
        ];
        for port in [member.client, member.peer] {
            for text in &texts {
                let mut stream = open(port).expect("connect");
                // It may be closed already while we still send.
                let _ = stream.write_all(text);
                let _ = stream.shutdown(Shutdown::Write);
                assert!(is_closed(&mut stream, PATIENCE), "round {round}");
            }
        }
    }
    assert_unharmed(member, &mut client);
}

#[test]
fn slow_and_silent_connections_are_let_go_while_others_are_served() {
    let mut ensemble = Ensemble::serving(1, "");
    let member = &mut ensemble.members[0];
    let mut client = member.connect();
    client.create("/a", b"", 0).expect("create");
    let mut silent = open(member.client).expect("connect");
    let mut drips = Vec::new();
    for greeting in [Vec::new(), hello()] {
        let mut stream = open(member.client).expect("connect");
        stream.write_all(&greeting).expect("send");
        stream.write_all(&1_000_i32.to_be_bytes()).expect("send");
        drips.push((stream, false));
    }
    // Half a frame, then nothing, with the connection left open.
    let mut half = open(member.client).expect("connect");
    half.write_all(&[hello(), vec![0, 0, 0, 50, 1, 2, 3]].concat()).expect("send");
    let began = Instant::now();
    while drips.iter().any(|(_, closed)| !closed) {
        assert!(began.elapsed() < PATIENCE, "a slow frame is waited for without end");
        for (stream, closed) in &mut drips {
            *closed = *closed || stream.write_all(&[1]).is_err();
        }
        assert_unharmed(member, &mut client);
        std::thread::sleep(Duration::from_millis(100));
    }
    for stream in [&mut silent, &mut half] {
        assert!(is_closed(stream, PATIENCE));
    }
    assert_unharmed(member, &mut client);
}

/// Reads take it for the root; writes judge it as a path.
#[test]
fn an_empty_path_can_be_read_and_not_written() {
    let ensemble = Ensemble::serving(1, "");
    let mut client = ensemble.members[0].connect();
    assert!(client.exists("", false).expect("read"));
    let refused = client.set("", b"x").expect_err("no path");
    assert!(matches!(refused, Failure::Code(Code::BadArguments)), "{refused:?}");
    let root = client.get("/").expect("read");
    assert!(root.is_empty(), "nothing was written");
}
