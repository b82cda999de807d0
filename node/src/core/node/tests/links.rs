//! Who is heard on a link that claims to be a member's.

use bytes::Bytes;

use super::formation::{START, founder};
use crate::core::effect::{Effect, Link, Note};
use crate::core::input::Input;
use crate::core::message::{Capabilities, Hello, PROOF_MS};
use crate::core::node::ensemble::proof::{secret, voucher};
use crate::core::node::{Luck, Node};
use crate::core::types::{
    EnsembleId, EnsembleVersion, LinkId, MemberId, Micros, Mono, Now, ServerId, Wall, WriteSeq,
};

const ME: MemberId = MemberId(1);
const OTHER: MemberId = MemberId(2);

/// A member of three, whose others have processes with secrets of their own.
struct World {
    node: Node,
    at: u64,
}

impl World {
    fn new() -> World {
        let (node, _) = founder();
        let mut world = World { node, at: 0 };
        world.step(Input::Durable(WriteSeq(3)));
        world
    }

    fn step(&mut self, input: Input) -> Vec<Effect> {
        let now = Now { mono: Mono(self.at), wall: Wall(1), micros: Micros(self.at * 1_000) };
        let mut out = Vec::new();
        self.node.step(now, input, &mut out);
        out
    }

    /// Dialled in the other member's name, from anywhere, with this proof. Gives the answer's.
    fn hello(&mut self, link: u64, proof: Bytes) -> (Option<Bytes>, bool) {
        let link = LinkId(link);
        let hello = Hello {
            ensemble: Some(EnsembleId(7)),
            from: OTHER,
            server: ServerId(2),
            address: "elsewhere:2888".to_owned(),
            to: Some(ME),
            can: Capabilities::default(),
            version: EnsembleVersion(1),
            proof,
            imported: None,
        };
        let out = self.step(Input::PeerHello { link, hello });
        let answer = out.iter().find_map(|effect| match effect {
            Effect::AcceptPeer { hello, .. } => Some(hello.proof.clone()),
            _ => None,
        });
        (answer, heard(&out).contains(&link))
    }

    /// Its dial of the other member's address was answered by that member.
    fn answered(&mut self, voucher: Bytes) -> Vec<LinkId> {
        heard(&self.step(Input::LinkUp { member: OTHER, voucher }))
    }
}

fn heard(effects: &[Effect]) -> Vec<LinkId> {
    let link = |effect: &Effect| match effect {
        Effect::HearPeer { link } => Some(*link),
        _ => None,
    };
    effects.iter().filter_map(link).collect()
}

/// Of the process at the other member's address, and of one on a copy of its disk.
fn secrets() -> (Bytes, Bytes) {
    (secret([2; 16], OTHER, ME), secret([3; 16], OTHER, ME))
}

#[test]
fn a_copy_of_a_member_is_not_heard_and_the_member_is_in_whatever_order_they_dial() {
    let (its_own, of_a_copy) = secrets();
    let mut world = World::new();
    assert!(!world.hello(1, of_a_copy.clone()).1, "nobody has vouched yet");
    assert!(!world.hello(2, its_own.clone()).1);
    assert_eq!(world.answered(voucher(&its_own)), [LinkId(2)]);
    assert!(world.hello(3, its_own.clone()).1);
    assert!(!world.hello(4, of_a_copy.clone()).1);
    assert!(!world.hello(5, Bytes::new()).1, "nor who proves nothing");
    // The member goes: nobody speaks for it until it is back, then only its new process.
    world.step(Input::LinkDown(OTHER));
    assert!(!world.hello(6, its_own).1);
    let anew = secret([4; 16], OTHER, ME);
    assert_eq!(world.answered(voucher(&anew)), []);
    assert!(world.hello(7, anew).1);
}

#[test]
fn a_link_without_a_voucher_is_told_and_forgotten() {
    let (its_own, of_a_copy) = secrets();
    let mut world = World::new();
    world.answered(voucher(&its_own));
    world.hello(1, of_a_copy.clone());
    let told = |out: Vec<Effect>| {
        let refused = |it: &Effect| matches!(it, Effect::Note(Note::PeerRefused { member, .. }) if *member == OTHER);
        out.iter().filter(|it| refused(it)).count()
    };
    world.at = PROOF_MS - 1;
    assert_eq!(told(world.step(Input::Tick)), 0);
    world.at = PROOF_MS;
    assert_eq!(told(world.step(Input::Tick)), 1);
    assert_eq!(world.answered(voucher(&of_a_copy)), []);
}

#[test]
fn a_member_whose_program_proves_nothing_is_heard_as_long_as_it_answers_at_its_address() {
    let mut world = World::new();
    world.hello(1, Bytes::new());
    assert_eq!(world.answered(Bytes::new()), [LinkId(1)]);
    assert!(world.hello(2, Bytes::new()).1);
    world.step(Input::LinkDown(OTHER));
    assert!(!world.hello(3, Bytes::new()).1);
}

#[test]
fn strangers_who_claim_to_be_a_member_do_not_displace_the_links_of_another() {
    let (its_own, of_a_copy) = secrets();
    let mut world = World::new();
    for link in 1..1_000 {
        world.hello(link, of_a_copy.clone());
    }
    world.hello(1_000, its_own.clone());
    assert_eq!(world.answered(voucher(&its_own)), [LinkId(1_000)]);
}

#[test]
fn each_member_is_told_another_secret_and_an_answer_gives_none_away() {
    let (its_own, _) = secrets();
    let mut world = World::new();
    let (answer, _) = world.hello(1, its_own);
    let luck = Luck { boot: 1, secret: [1; 16] };
    let said = secret(luck.secret, ME, OTHER);
    assert_eq!(answer, Some(voucher(&said)));
    assert_ne!(answer, Some(said.clone()));
    assert_ne!(said, secret(luck.secret, ME, MemberId(3)));
    // And it is what is said on the link to that member.
    let (mut founder, mut out) = founder();
    founder.step(START, Input::Durable(WriteSeq(3)), &mut out);
    let links = out.iter().rev().find_map(|effect| match effect {
        Effect::Links { links, .. } => Some(links.clone()),
        _ => None,
    });
    let to_it = |link: &&Link| link.member == Some(OTHER);
    assert_eq!(links.expect("links").iter().find(to_it).map(|it| it.secret.clone()), Some(said));
}
