//! Somebody on the peer port in the name of a member: from elsewhere, or in its place and saying what no
//! member can.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{JoinHandle, spawn};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use quorate_node::model::{
    Capabilities, EnsembleId, EnsembleVersion, Hello, Index, MemberId, Message, PeerMessage,
    ServerId, Term,
};
use quorate_node::wire::peer::{self, Frame, HEADER};

use crate::support::ensemble::{Ensemble, Member};
use crate::support::facts::metric;
use crate::support::{PATIENCE, wait_for, wait_until};

fn member_id(member: &Member) -> MemberId {
    MemberId::parse(&member.says("memberId")).expect("a member's id")
}

fn frame(stream: &mut TcpStream) -> Frame {
    let mut head = [0; HEADER];
    stream.read_exact(&mut head).expect("a frame's header");
    let (length, crc) = peer::header(&head).expect("a sound header");
    let mut content = vec![0; length];
    stream.read_exact(&mut content).expect("a frame's content");
    peer::decode(Bytes::from(content), crc).expect("a sound frame")
}

/// Who a member is, in a hello.
#[derive(Clone, Debug)]
struct Name {
    ensemble: Option<EnsembleId>,
    member: MemberId,
    server: u8,
    peer: u16,
}

impl Name {
    fn of(member: &Member) -> Name {
        Name {
            ensemble: EnsembleId::parse(&member.says("ensembleId")),
            member: member_id(member),
            server: member.number,
            peer: member.peer,
        }
    }

    /// Nothing is proven with it.
    fn hello(&self, to: MemberId) -> BytesMut {
        let hello = Hello {
            ensemble: self.ensemble,
            from: self.member,
            server: ServerId(self.server),
            address: format!("127.0.0.1:{}", self.peer),
            to: Some(to),
            can: Capabilities::default(),
            version: EnsembleVersion(1),
            proof: Bytes::new(),
            imported: None,
        };
        peer::encode(&Frame::Hello(hello), BytesMut::new())
    }
}

/// A link to a member that was accepted in the name of another one.
fn link(to: &Member, from: &Name) -> TcpStream {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, to.peer)).expect("dial");
    stream.set_read_timeout(Some(PATIENCE)).expect("set a timeout");
    stream.write_all(&from.hello(member_id(to))).expect("say hello");
    let Frame::Hello(answer) = frame(&mut stream) else { panic!("no answer to a hello") };
    assert_eq!(answer.to, Some(from.member), "it is accepted");
    stream
}

/// Answers at a member's address in its name, as a program does that says nothing of its links.
struct InItsPlace {
    address: (Ipv4Addr, u16),
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl InItsPlace {
    fn of(name: &Name) -> InItsPlace {
        let address = (Ipv4Addr::LOCALHOST, name.peer);
        let listener = wait_for("the port is free", || TcpListener::bind(address).ok());
        let over = Arc::new(AtomicBool::new(false));
        let (name, ended) = (name.clone(), Arc::clone(&over));
        let answer = move || {
            let mut held = Vec::new();
            for stream in listener.incoming() {
                let mut stream = stream.expect("a dial");
                if ended.load(Ordering::SeqCst) {
                    return;
                }
                if let Frame::Hello(hello) = frame(&mut stream) {
                    stream.write_all(&name.hello(hello.from)).expect("answer");
                }
                held.push(stream);
            }
        };
        InItsPlace { address, over, thread: Some(spawn(answer)) }
    }
}

impl Drop for InItsPlace {
    fn drop(&mut self) {
        self.over.store(true, Ordering::SeqCst);
        let woken = TcpStream::connect(self.address);
        if let (Ok(_), Some(thread)) = (woken, self.thread.take()) {
            let _ = thread.join();
        }
    }
}

fn vote(term: u64) -> Message {
    let (last_index, last_term, transfer) = (Index(1 << 40), Term(1), true);
    Message::Vote { term: Term(term), last_index, last_term, transfer }
}

fn send(stream: &mut TcpStream, message: Message) {
    let frame = Frame::Message(PeerMessage::Raft(message));
    stream.write_all(&peer::encode(&frame, BytesMut::new())).expect("send");
}

const REFUSED: &str = "quorate_node_implausible_messages_total";

#[test]
fn who_claims_to_be_a_member_from_elsewhere_is_not_heard_while_the_member_is_there() {
    let ensemble = Ensemble::serving(3, "");
    let (to, from) = (&ensemble.members[0], Name::of(&ensemble.members[1]));
    let term = to.status().expect("a status")["term"].clone();
    let mut stream = link(to, &from);
    // One that would be counted, and one that would depose the leader.
    send(&mut stream, vote(u64::MAX));
    let mut other = link(to, &from);
    send(&mut other, vote(term.as_u64().expect("a term") + 1));
    assert_eq!(stream.read(&mut [0; 16]).expect("the end of the link"), 0);
    assert_eq!(other.read(&mut [0; 16]).expect("the end of the link"), 0);
    wait_until("it is said", || to.log().contains("does not know of this link"));
    assert_eq!(metric(to, REFUSED), 0.0);
    assert_eq!(to.status().expect("a status")["term"], term);
    for member in &ensemble.members {
        member.connect().create(&format!("/m-{}", member.number), b"x", 0).expect("a write");
    }
}

#[test]
fn who_says_what_no_member_can_loses_the_link_and_is_named_and_the_ensemble_goes_on() {
    let mut ensemble = Ensemble::serving(3, "");
    let leader = ensemble.leader();
    let (to, from) = (leader, (leader + 1) % 3);
    let name = Name::of(&ensemble.members[from]);
    ensemble.members[from].kill();
    let instead = InItsPlace::of(&name);
    let to = &ensemble.members[to];
    let term = to.status().expect("a status")["term"].clone();
    // Until its dial is answered the link waits; then it is heard.
    let mut stream = link(to, &name);
    send(&mut stream, vote(u64::MAX));
    assert_eq!(stream.read(&mut [0; 16]).expect("the end of the link"), 0);
    wait_until("it is counted", || metric(to, REFUSED) == 1.0);
    wait_until("it is said", || to.log().contains("what no sound member of this ensemble can"));
    let log = to.log();
    assert!(log.contains("its term is one that no elections can have led to"), "{log}");
    assert!(log.contains(&name.member.to_string()), "{log}");
    // It may dial again, and is heard while it makes sense.
    let mut stream = link(to, &name);
    send(&mut stream, vote(0));
    stream.set_read_timeout(Some(Duration::from_millis(300))).expect("set a timeout");
    assert!(stream.read(&mut [0; 16]).is_err(), "the link holds");
    assert_eq!(metric(to, REFUSED), 1.0);
    assert_eq!(to.status().expect("a status")["term"], term);
    drop(instead);
    ensemble.members[from].start();
    ensemble.wait_ready();
    for member in &ensemble.members {
        member.connect().create(&format!("/m-{}", member.number), b"x", 0).expect("a write");
    }
}
