//! A server on a disk that has just become part of an ensemble.

use crate::core::effect::Effect;
use crate::core::input::{AdminRequest, Input};
use crate::core::node::{Luck, Node, Recovered};
use crate::core::options::Options;
use crate::core::raft::config::{Member, Role};
use crate::core::raft::event::HardState;
use crate::core::types::{
    CallId, EnsembleId, MemberId, Micros, Mono, Now, ServerId, Wall, WriteSeq,
};

const SELF: MemberId = MemberId(1);

pub(super) const START: Now = Now { mono: Mono(0), wall: Wall(0), micros: Micros(0) };

fn blank(repairing: bool) -> (Node, Vec<Effect>) {
    let blank = Recovered {
        member: SELF,
        ensemble: None,
        hard: HardState::default(),
        snapshot: None,
        entries: Vec::new(),
        repairing,
        elsewhere: None,
    };
    let mut out = Vec::new();
    let node = Node::new(
        Options::new(ServerId(1)),
        blank,
        Luck { boot: 1, secret: [1; 16] },
        START,
        &mut out,
    );
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
