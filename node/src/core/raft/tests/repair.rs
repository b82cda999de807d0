//! When a member whose log was damaged votes again.

use std::sync::Arc;

use super::{member, noop};
use crate::core::entry::{Entry, Payload};
use crate::core::options::Options;
use crate::core::raft::Raft;
use crate::core::raft::config::{Config, Role};
use crate::core::raft::event::{Boot, Event, HardState, Message, SnapshotMeta};
use crate::core::types::{Index, MemberId, Mono, ServerId, Term, WriteSeq};

const LEADER: MemberId = MemberId(2);

/// A voter that has seen term 2 and holds its entry 2; what it held behind that is lost.
fn damaged() -> Raft {
    let options = Options::new(ServerId(1));
    let config = Config {
        index: Index(1),
        members: (1..=3).map(|n| member(MemberId(n), Role::Voter)).collect(),
        ..Config::default()
    };
    let formed =
        Entry { term: Term(1), index: Index(1), payload: Payload::Config(Arc::new(config)) };
    Raft::new(Boot {
        id: MemberId(1),
        timing: options.timing,
        window: options.window,
        seed: 1,
        hard: HardState { term: Term(2), vote: Some(LEADER) },
        snapshot: SnapshotMeta::default(),
        entries: vec![Arc::new(formed), noop(2, 2)],
        repairing: true,
        next_seq: 1,
        now: Mono(0),
    })
}

/// Entries of the leader in `term` behind the one at `before`, all committed but the last few.
fn hears(raft: &mut Raft, term: u64, before: Arc<Entry>, count: u64, commit: u64, last: u64) {
    let from = before.index.0 + 1;
    let message = Message::Append {
        term: Term(term),
        prev_index: before.index,
        prev_term: before.term,
        entries: (from..from + count).map(|index| noop(term, index)).collect(),
        commit: Index(commit),
        last: Index(last),
        round: 1,
    };
    let from = LEADER;
    let event = Event::Message { from, message };
    raft.step(Mono(1), event, &mut Vec::new());
}

fn durable(raft: &mut Raft) {
    let mut out = Vec::new();
    raft.step(Mono(1), Event::Durable(WriteSeq(raft.writes.next().0 - 1)), &mut out);
}

#[test]
fn what_was_acknowledged_to_the_leader_of_the_same_term_is_durable_before_a_vote() {
    let mut raft = damaged();
    // It had acknowledged 3: with the leader, that was a quorum.
    hears(&mut raft, 2, noop(2, 2), 1, 3, 3);
    assert!(raft.repairing());
    durable(&mut raft);
    assert!(!raft.repairing());
}

#[test]
fn an_entry_that_is_committed_later_on_its_old_word_is_waited_for() {
    let mut raft = damaged();
    // Its acknowledgement of 3 is still on its way to the leader.
    hears(&mut raft, 2, noop(2, 2), 0, 2, 3);
    assert!(raft.repairing());
    hears(&mut raft, 2, noop(2, 2), 1, 3, 3);
    durable(&mut raft);
    assert!(!raft.repairing());
}

#[test]
fn the_leader_of_a_later_term_need_not_be_caught_up_with() {
    let mut raft = damaged();
    hears(&mut raft, 3, noop(2, 2), 1, 3, 9);
    assert!(raft.repairing());
    durable(&mut raft);
    assert!(!raft.repairing());
}
