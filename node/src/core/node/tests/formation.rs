//! A server on a disk that has just become part of an ensemble.

use std::sync::Arc;

use bytes::Bytes;

use crate::core::effect::Effect;
use crate::core::input::{AdminRequest, Input};
use crate::core::message::{Capabilities, Hello};
use crate::core::node::{Luck, Node, Recovered};
use crate::core::options::{Options, StaticServer};
use crate::core::raft::config::{Member, Role};
use crate::core::raft::event::HardState;
use crate::core::state::State;
use crate::core::state::image::Image;
use crate::core::types::{
    CallId, EnsembleId, EnsembleVersion, Index, LinkId, MemberId, Micros, Mono, Now, ServerId,
    Wall, WriteSeq, Zxid,
};

const SELF: MemberId = MemberId(1);

pub(super) const START: Now = Now { mono: Mono(0), wall: Wall(0), micros: Micros(0) };

fn blank(repairing: bool) -> (Node, Vec<Effect>) {
    blank_of(Options::new(ServerId(1)), repairing)
}

fn blank_of(options: Options, repairing: bool) -> (Node, Vec<Effect>) {
    let blank = Recovered {
        member: SELF,
        ensemble: None,
        hard: HardState::default(),
        snapshot: None,
        entries: Vec::new(),
        repairing,
        elsewhere: None,
        imported: None,
    };
    let mut out = Vec::new();
    let node = Node::new(options, blank, Luck { boot: 1, secret: [1; 16] }, START, &mut out);
    (node, out)
}

pub(super) fn founder() -> (Node, Vec<Effect>) {
    let (mut node, mut out) = blank(false);
    let members = (1..=3)
        .map(|n| Member {
            id: MemberId(n),
            server: ServerId(n as u8),
            role: Role::Voter,
            peer: format!("zk-{n}:2888"),
            client: format!("zk-{n}:2181"),
        })
        .collect();
    let request = AdminRequest::Form { ensemble: EnsembleId(7), seed: SELF, members };
    let call = CallId(1);
    let input = Input::Admin { call, request };
    node.step(START, input, &mut out);
    (node, out)
}

fn dialled(effects: &[Effect]) -> usize {
    let links = |effect: &Effect| match effect {
        Effect::Links { hello, links } if hello.ensemble.is_some() => links.len(),
        _ => 0,
    };
    effects.iter().map(links).sum()
}

#[test]
fn a_founder_dials_nobody_before_its_ensemble_is_durable() {
    let (mut node, out) = founder();
    let forms = |effect: &Effect| matches!(effect, Effect::Adopt { .. });
    assert!(out.iter().any(forms));
    assert_eq!(dialled(&out), 0);
    for (written, expected) in [(1, 0), (2, 0), (3, 2)] {
        let mut out = Vec::new();
        let now = Now { mono: Mono(1), wall: Wall(1), micros: Micros(1_000) };
        node.step(now, Input::Durable(WriteSeq(written)), &mut out);
        assert_eq!(dialled(&out), expected, "after write {written}");
    }
}

#[test]
fn a_damaged_disk_of_no_ensemble_has_nothing_to_repair() {
    let repaired = |effects: &[Effect]| {
        let told = |effect: &Effect| matches!(effect, Effect::Repaired);
        effects.iter().any(told)
    };
    assert!(repaired(&blank(true).1));
    assert!(!repaired(&blank(false).1));
}

/// A blank server 1 of a list of three.
fn listed() -> Node {
    let mut options = Options::new(ServerId(1));
    let server = |n: u8| StaticServer {
        server: ServerId(n),
        peer: format!("zk-{n}:2888"),
        client: String::new(),
        role: Role::Voter,
    };
    options.static_list = (1..=3).map(server).collect();
    blank_of(options, false).0
}

fn hello(server: u8, ensemble: Option<u128>, to: Option<MemberId>) -> Hello {
    Hello {
        ensemble: ensemble.map(EnsembleId),
        from: MemberId(u64::from(server)),
        server: ServerId(server),
        address: format!("zk-{server}:2888"),
        to,
        can: Capabilities::default(),
        version: EnsembleVersion(1),
        proof: Bytes::new(),
        imported: None,
    }
}

fn at(ms: u64) -> Now {
    Now { mono: Mono(ms), wall: Wall(1), micros: Micros(ms * 1_000) }
}

/// Somebody names an ensemble to it; whether it is adopted.
fn named(node: &mut Node, ms: u64, ensemble: u128) -> bool {
    let mut out = Vec::new();
    let hello = hello(2, Some(ensemble), Some(SELF));
    node.step(at(ms), Input::PeerHello { link: LinkId(ms), hello }, &mut out);
    out.iter().any(|it| matches!(it, Effect::Adopt { .. }))
}

/// Its dial of a listed server was answered.
fn answered(node: &mut Node, ms: u64, server: u8, ensemble: Option<u128>) {
    let address = format!("zk-{server}:2888");
    let input = Input::PeerAnswer { address, hello: hello(server, ensemble, None) };
    node.step(at(ms), input, &mut Vec::new());
}

#[test]
fn a_listed_blank_server_believes_in_no_ensemble_that_is_not_found_at_a_listed_address() {
    let mut node = listed();
    assert!(!named(&mut node, 1, 9), "nobody was asked yet");
    answered(&mut node, 2, 2, None);
    assert!(!named(&mut node, 3, 9), "the one that was is blank");
    answered(&mut node, 4, 3, Some(7));
    assert!(!named(&mut node, 5, 9), "it is of another one");
    let stale = 4 + 5_001;
    assert!(!named(&mut node, stale, 7), "that was long ago");
    answered(&mut node, stale, 3, Some(7));
    assert!(named(&mut node, stale + 1, 7));
}

#[test]
fn listed_servers_that_disagree_are_not_believed_and_a_server_alone_or_of_an_operator_is() {
    let mut node = listed();
    answered(&mut node, 1, 2, Some(9));
    answered(&mut node, 1, 3, Some(7));
    assert!(!named(&mut node, 2, 7) && !named(&mut node, 2, 9));
    assert!(named(&mut blank(false).0, 1, 7));
}

/// Three blank servers of one static list, who imported up to these transactions, and what each of them
/// does once all have answered the others.
fn three(imported: [Option<i64>; 3]) -> Vec<Vec<Effect>> {
    let list: Vec<StaticServer> = (1..=3)
        .map(|n| StaticServer {
            server: ServerId(n),
            peer: format!("zk-{n}:2888"),
            client: format!("zk-{n}:2181"),
            role: Role::Voter,
        })
        .collect();
    let mut nodes: Vec<(Node, Vec<Effect>)> = (1..=3)
        .zip(imported)
        .map(|(n, imported)| {
            let image = imported.map(|zxid| Arc::new(Image { zxid: Zxid(zxid), ..founding() }));
            let mut options = Options::new(ServerId(n));
            options.static_list = list.clone();
            options.peer_address = format!("zk-{n}:2888");
            let blank = Recovered {
                member: MemberId(u64::from(n)),
                ensemble: None,
                hard: HardState::default(),
                snapshot: None,
                entries: Vec::new(),
                repairing: false,
                elsewhere: None,
                imported: image,
            };
            let mut out = Vec::new();
            (Node::new(options, blank, Luck { boot: 1, secret: [1; 16] }, START, &mut out), out)
        })
        .collect();
    let hello = |effect: &Effect| match effect {
        Effect::Links { hello, .. } => Some(hello.clone()),
        _ => None,
    };
    let hellos: Vec<Hello> =
        nodes.iter().map(|(_, out)| out.iter().find_map(hello).expect("it dials")).collect();
    let mut done = Vec::new();
    for (at, (node, _)) in nodes.iter_mut().enumerate() {
        let mut out = Vec::new();
        for (other, said) in hellos.iter().enumerate().filter(|(other, _)| *other != at) {
            let address = list[other].peer.clone();
            let input = Input::PeerAnswer { address, hello: said.clone() };
            node.step(START, input, &mut out);
            node.step(START, Input::Tick, &mut out);
        }
        done.push(out);
    }
    done
}

fn founding() -> Image {
    Image { applied: Index(1), ..State::new().image() }
}

#[test]
fn of_a_static_list_who_imported_the_newest_data_forms_the_ensemble_and_begins_with_them() {
    let founder = |imported| {
        let forms = |out: &Vec<Effect>| out.iter().any(|it| matches!(it, Effect::Adopt { .. }));
        let all = three(imported);
        let who: Vec<usize> = (0..3).filter(|at| forms(&all[*at])).collect();
        assert_eq!(who.len(), 1, "{imported:?}");
        let begins = all[who[0]].iter().find_map(|it| match it {
            Effect::Found { snapshot, .. } => Some(snapshot.image.zxid.0),
            _ => None,
        });
        (who[0], begins)
    };
    assert_eq!(founder([None, None, None]), (0, None));
    assert_eq!(founder([None, None, Some(7)]), (2, Some(7)));
    assert_eq!(founder([Some(7), Some(9), Some(8)]), (1, Some(9)));
    assert_eq!(founder([Some(7), Some(9), Some(9)]), (1, Some(9)), "of equals, the lowest");
}
