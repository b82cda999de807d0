//! Somebody on the peer port in the name of a member who says what no member can.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use quorate_node::model::{
    Capabilities, EnsembleId, EnsembleVersion, Hello, Index, MemberId, Message, PeerMessage,
    ServerId, Term,
};
use quorate_node::wire::peer::{self, Frame, HEADER};

use crate::support::ensemble::{Ensemble, Member};
use crate::support::facts::metric;
use crate::support::{PATIENCE, wait_until};

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

/// A link to a member that was accepted in the name of another one.
fn link(to: &Member, from: &Member) -> TcpStream {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, to.peer)).expect("dial");
    stream.set_read_timeout(Some(PATIENCE)).expect("set a timeout");
    let hello = Hello {
        ensemble: EnsembleId::parse(&to.says("ensembleId")),
        from: member_id(from),
        server: ServerId(from.number),
        address: format!("127.0.0.1:{}", from.peer),
        to: Some(member_id(to)),
        can: Capabilities::default(),
        version: EnsembleVersion(1),
        proof: Bytes::new(),
    };
    let bytes = peer::encode(&Frame::Hello(hello), BytesMut::new());
    stream.write_all(&bytes).expect("say hello");
    let Frame::Hello(answer) = frame(&mut stream) else { panic!("no answer to a hello") };
    assert_eq!(answer.to, Some(member_id(from)), "it is accepted");
    stream
}

fn send(stream: &mut TcpStream, message: Message) {
    let frame = Frame::Message(PeerMessage::Raft(message));
    stream.write_all(&peer::encode(&frame, BytesMut::new())).expect("send");
}

#[test]
fn who_says_what_no_member_can_loses_the_link_and_is_named_and_the_ensemble_goes_on() {
    const REFUSED: &str = "quorate_node_implausible_messages_total";
    let mut ensemble = Ensemble::new(3, "");
    ensemble.start_all();
    ensemble.wait_ready();
    let (to, from) = (&ensemble.members[0], &ensemble.members[1]);
    let term = to.status().expect("a status")["term"].clone();
    let (last_index, last_term, transfer) = (Index(1 << 40), Term(1), true);
    let vote = |term| Message::Vote { term: Term(term), last_index, last_term, transfer };
    let mut stream = link(to, from);
    send(&mut stream, vote(u64::MAX));
    assert_eq!(stream.read(&mut [0; 16]).expect("the end of the link"), 0);
    wait_until("it is counted", || metric(to, REFUSED) == 1.0);
    wait_until("it is said", || to.log().contains("what no sound member of this ensemble can"));
    let log = to.log();
    assert!(log.contains("its term is one that no elections can have led to"), "{log}");
    assert!(log.contains(&from.says("memberId")), "{log}");
    // It may dial again, and is heard while it makes sense.
    let mut stream = link(to, from);
    send(&mut stream, vote(0));
    stream.set_read_timeout(Some(Duration::from_millis(300))).expect("set a timeout");
    assert!(stream.read(&mut [0; 16]).is_err(), "the link holds");
    assert_eq!(metric(to, REFUSED), 1.0);
    assert_eq!(to.status().expect("a status")["term"], term);
    for member in &ensemble.members {
        member.connect().create(&format!("/m-{}", member.number), b"x", 0).expect("a write");
    }
}
