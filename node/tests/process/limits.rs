//! What connections may take of a server, and what it does without descriptors for more.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use rustix::process::{Pid, Resource, Rlimit, prlimit};

use crate::support::client::{Client, Failure, open};
use crate::support::ensemble::{Ensemble, Member};
use crate::support::facts::descriptors;
use crate::support::{http, stays, wait_until};

const LONG: &str = "maxSessionTimeout=60000\n";

fn told(member: &Member, text: &str) -> usize {
    member.log().matches(text).count()
}

#[test]
fn one_address_has_sixty_connections_as_in_zookeeper_unless_the_file_says_otherwise() {
    let ensemble = Ensemble::serving(1, LONG);
    let member = &ensemble.members[0];
    let mut held: Vec<Client> = (0..60).map(|_| member.connect()).collect();
    for _ in 0..20 {
        let refused = Client::connect(member.client);
        assert!(matches!(refused, Err(Failure::Broken(_))), "{refused:?}");
    }
    assert_eq!(told(member, "too many connections"), 1, "not for each");
    held.pop().expect("one").close().expect("close");
    held.push(member.connect());
    for client in &mut held {
        client.ping().expect("those that are there stay");
    }
    drop(ensemble);
    let ensemble = Ensemble::serving(1, &format!("{LONG}maxClientCnxns=0\n"));
    let member = &ensemble.members[0];
    let held: Vec<Client> = (0..61).map(|_| member.connect()).collect();
    drop(held);
}

/// Opens a connection and says this much.
fn half(port: u16, text: &str) -> TcpStream {
    let mut stream = open(port).expect("connect");
    stream.write_all(text.as_bytes()).expect("send");
    stream
}

/// Waits until the server has closed it; gives what it said before.
fn farewell(mut stream: TcpStream) -> String {
    let patience = Some(crate::support::PATIENCE);
    stream.set_read_timeout(patience).expect("set a timeout");
    let mut answer = Vec::new();
    match stream.read_to_end(&mut answer) {
        Ok(_) => {}
        Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset),
    }
    String::from_utf8_lossy(&answer).into_owned()
}

#[test]
fn the_admin_port_lets_go_who_does_not_finish_a_request() {
    let ensemble = Ensemble::serving(1, "");
    let port = ensemble.members[0].admin;
    let head = half(port, "GET /readyz HTTP/1.1\r\nHos");
    let silent = half(port, "");
    let body = half(port, "POST /admin/drain HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{");
    farewell(head);
    farewell(silent);
    let answer = farewell(body);
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
}

#[test]
fn a_crowd_at_the_admin_port_costs_few_descriptors_and_no_probe() {
    let mut ensemble = Ensemble::serving(1, "");
    let member = &mut ensemble.members[0];
    let before = descriptors(member);
    let crowd: Vec<TcpStream> = (0..400).map(|_| half(member.admin, "GET /")).collect();
    for _ in 0..5 {
        let (code, _) = http::get(member.admin, "/livez").expect("an answer");
        assert_eq!(code, 200);
    }
    let open = descriptors(member);
    // 256, and what the log may be preparing.
    assert!(open <= before + 260, "{before} {open}");
    drop(crowd);
}

#[test]
fn a_crowd_at_the_members_port_costs_few_descriptors_and_no_link() {
    let mut ensemble = Ensemble::serving(3, LONG);
    let leader = ensemble.leader();
    let member = &mut ensemble.members[leader];
    let mut client = member.connect();
    client.create("/a", b"", 0).expect("create");
    let before = descriptors(member);
    let crowd: Vec<TcpStream> = (0..300).map(|_| half(member.peer, "")).collect();
    stays("it is at few descriptors, and writes go on", Duration::from_secs(2), || {
        client.set("/a", b"x").is_ok() && descriptors(member) < before + 100
    });
    drop(crowd);
    ensemble.wait_ready();
}

#[test]
fn a_stranger_at_the_members_port_is_not_read_from_beyond_a_hello() {
    let ensemble = Ensemble::serving(1, "");
    let mut stream = open(ensemble.members[0].peer).expect("connect");
    let (claimed, crc) = (64_u32 << 20, [0; 4]);
    stream.write_all(&claimed.to_be_bytes()).expect("send");
    stream.write_all(&crc).expect("send");
    let piece = vec![0; 64 << 10];
    // More than the system keeps of what nobody reads.
    let refused = (0..512).any(|_| stream.write_all(&piece).is_err());
    assert!(refused, "32 MiB were taken of somebody who has not said who it is");
}

/// Lets the server have this many descriptors; gives how many it might have before.
fn allow(member: &mut Member, current: Option<u64>) -> Option<u64> {
    let pid = Pid::from_child(&member.process().0);
    let limit = rustix::process::getrlimit(Resource::Nofile);
    let wanted = Rlimit { current, maximum: limit.maximum };
    let before = prlimit(Some(pid), Resource::Nofile, wanted).expect("set a limit");
    before.current
}

#[test]
fn without_a_descriptor_for_another_connection_it_serves_on_complains_now_and_then_and_recovers() {
    let mut ensemble = Ensemble::serving(1, LONG);
    let member = &mut ensemble.members[0];
    let mut client = member.connect();
    client.create("/a", b"x", 0).expect("create");
    let few = descriptors(member) as u64;
    let before = allow(member, Some(few));
    let crowd: Vec<TcpStream> = (0..20).map(|_| half(member.client, "")).collect();
    wait_until("it runs out of descriptors", || told(member, "cannot be accepted") > 0);
    // Twenty times a second it fails again.
    stays("it says so once", Duration::from_secs(3), || {
        client.get("/a").is_ok() && told(member, "cannot be accepted") == 1
    });
    allow(member, before);
    drop(crowd);
    let mut another = member.connect();
    another.set("/a", b"y").expect("write");
    assert_eq!(client.get("/a").expect("read"), "y");
}
