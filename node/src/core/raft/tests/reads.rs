//! Confirmed reads (`sync`): what they show is what was committed when they were asked for, and by
//! a leader that still led.

use super::{NONE, Script, sent};
use crate::core::raft::event::{Event, Message, Output, Refusal};
use crate::core::types::{Index, Term};

/// Where the reads that are let through in these are to be served.
fn ready(out: &[Output]) -> Vec<u64> {
    let index = |output: &Output| match output {
        Output::ReadReady { index, .. } => Some(index.0),
        _ => None,
    };
    out.iter().filter_map(index).collect()
}

/// The heartbeat round that is sent in these.
fn round(out: &[Output]) -> u64 {
    let round = |message: &Message| match message {
        Message::Append { round, .. } => Some(*round),
        _ => None,
    };
    sent(out).find_map(round).expect("a heartbeat")
}

/// A leader whose first entry, at 2, is committed.
fn leader() -> Script {
    let mut script = Script::of_three(1, &[]).elected();
    script.sync();
    script.accepted(2, 2, 0);
    assert!(script.raft.ready_to_serve());
    script
}

#[test]
fn a_read_is_answered_when_a_majority_has_answered_a_round_that_began_after_it() {
    let mut script = leader();
    script.now = script.now.plus(script.raft.settings.timing.heartbeat);
    let before = round(&script.step(Event::Tick));
    let asked = script.step(Event::ReadIndex { id: 1 });
    assert_eq!(ready(&asked), NONE, "nobody has confirmed anything");
    let after = round(&asked);
    assert!(after > before);
    assert_eq!(ready(&script.accepted(2, 2, before)), NONE, "it led before the read was asked for");
    assert_eq!(ready(&script.accepted(3, 2, before)), NONE);
    assert_eq!(ready(&script.accepted(2, 2, after)), [2]);
}

#[test]
fn a_read_that_comes_during_a_round_waits_for_the_next() {
    let mut script = leader();
    let first = round(&script.step(Event::ReadIndex { id: 1 }));
    script.step(Event::ReadIndex { id: 2 });
    let answered = script.accepted(2, 2, first);
    assert_eq!(ready(&answered), [2], "the first alone");
    let second = round(&answered);
    assert_eq!(ready(&script.accepted(3, 2, first)), NONE);
    assert_eq!(ready(&script.accepted(3, 2, second)), [2]);
}

#[test]
fn a_read_is_not_answered_before_an_entry_of_the_leaders_own_term_is_committed() {
    let mut script = Script::of_three(1, &[1]).elected();
    script.sync();
    let round = round(&script.step(Event::ReadIndex { id: 1 }));
    // Both hear it, but do not have its entry yet: what earlier leaders committed is not known.
    for from in [2, 3] {
        assert_eq!(ready(&script.accepted(from, 2, round)), NONE);
    }
    assert_eq!(ready(&script.accepted(2, 3, round)), [3], "all that was committed before");
}

#[test]
fn an_append_of_an_earlier_term_is_answered_without_its_round() {
    // It comes late, over a link that broke, and its sender leads again by now: the answer would
    // confirm a read that was asked for since.
    let mut script = Script::of_three(1, &[]);
    script.append(2, 2, (1, 0), 0);
    let out = script.append(2, 1, (1, 0), 0);
    let round = |message: &Message| match message {
        Message::Rejected { term: Term(2), round, .. } => Some(*round),
        _ => None,
    };
    assert_eq!(sent(&out).map(round).collect::<Vec<_>>(), [Some(0)]);
}

#[test]
fn a_read_of_a_leader_that_is_deposed_is_refused() {
    let mut script = leader();
    script.step(Event::ReadIndex { id: 7 });
    let term = Term(script.raft.term().0 + 1);
    let out = script.hear(3, Message::Accepted { term, matched: Index(0), round: 0 });
    let refusal = Refusal::LostLeadership;
    assert!(out.contains(&Output::ReadRefused { id: 7, refusal }), "{out:?}");
    let out = script.step(Event::ReadIndex { id: 8 });
    assert_eq!(out, [Output::ReadRefused { id: 8, refusal: Refusal::NotLeader }]);
}
