//! Changes of the membership: one at a time.

use super::{Script, member};
use crate::core::raft::config::Role;
use crate::core::raft::event::{Change, Event, Output, Refusal};
use crate::core::types::{Index, MemberId};

/// What becomes of a change to these voters, or of one that adds a learner.
fn change(script: &mut Script, change: Change) -> Option<Refusal> {
    let expected = script.raft.config().index;
    let out = script.step(Event::Change { id: 1, expected, change });
    out.iter().find_map(|output| match output {
        Output::ChangeRefused { refusal, .. } => Some(*refusal),
        _ => None,
    })
}

fn learner(id: u64) -> Change {
    Change::AddLearners(vec![member(MemberId(id), Role::Learner)])
}

/// A leader whose first entry, at 2, is committed and held by all.
fn leader() -> Script {
    let mut script = Script::of_three(1, &[]).elected();
    script.sync();
    for from in [2, 3] {
        script.accepted(from, 2, 0);
    }
    script
}

#[test]
fn a_change_waits_until_the_one_before_is_committed() {
    let mut script = leader();
    assert_eq!(change(&mut script, learner(4)), None);
    script.sync();
    for next in [learner(5), Change::Voters(vec![MemberId(1)])] {
        assert_eq!(change(&mut script, next), Some(Refusal::InProgress));
    }
    script.accepted(2, 3, 0);
    assert_eq!(change(&mut script, learner(5)), None);
}

#[test]
fn a_change_waits_until_a_joint_phase_is_over() {
    let mut script = leader();
    let shrink = Change::Voters(vec![MemberId(1)]);
    assert_eq!(change(&mut script, shrink), None);
    assert!(script.raft.config().joint());
    script.sync();
    assert_eq!(change(&mut script, learner(5)), Some(Refusal::InProgress));
    // The joint configuration is committed; the final one is not.
    script.accepted(2, 3, 0);
    assert!(!script.raft.config().joint());
    assert_eq!(change(&mut script, learner(5)), Some(Refusal::InProgress));
    script.sync();
    assert_eq!(change(&mut script, learner(5)), None);
}

#[test]
fn a_change_waits_until_an_entry_of_the_leaders_own_term_is_committed() {
    // The configuration is committed, but an earlier leader's next one may be on a majority, and this
    // leader need not know.
    let mut script = Script::of_three(1, &[]);
    script.committed(2, 1, (1, 0));
    script.now = script.now.plus(10_000);
    let mut script = script.elected();
    assert_eq!(script.raft.committed_config().index, Index(1));
    script.sync();
    assert_eq!(change(&mut script, learner(4)), Some(Refusal::InProgress));
    script.accepted(2, 2, 0);
    assert_eq!(change(&mut script, learner(4)), None);
}
