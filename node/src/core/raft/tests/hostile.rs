//! What a broken or hostile member says: it is not taken, and neither ends the process nor makes the
//! member unusable.

use std::sync::Arc;

use super::{Script, acknowledged, append, member, noop};
use crate::core::entry::{Entry, Payload};
use crate::core::raft::ServerState;
use crate::core::raft::config::{Config, Role};
use crate::core::raft::event::{Event, Implausible, Message, Output, SnapshotMeta};
use crate::core::types::{Index, MemberId, Term};

/// How far ahead a term may be.
const LEAP: u64 = 1 << 32;

/// All that comes of what a member said.
fn refused(from: u64, what: Implausible) -> [Output; 1] {
    [Output::Implausible { from: MemberId(from), what }]
}

/// One message of each kind, all of one term.
fn messages(term: Term) -> [Message; 8] {
    let (last_index, last_term) = (Index(9), term);
    let (prev_index, hint_index, hint_term) = (Index(1), Index(0), Term(0));
    [
        Message::PreVote { term, last_index, last_term },
        Message::PreVoteReply { term, granted: false },
        Message::Vote { term, last_index, last_term, transfer: true },
        Message::VoteReply { term, granted: false },
        append(term.0, (1, 0), 1, 1),
        Message::Accepted { term, matched: Index(1), round: 0 },
        Message::Rejected { term, prev_index, hint_index, hint_term, round: 0 },
        Message::TimeoutNow { term },
    ]
}

#[test]
fn one_message_of_the_highest_term_does_not_use_up_all_terms() {
    for term in [Term(u64::MAX), Term(1 + LEAP + 1)] {
        for message in messages(term) {
            let mut script = Script::of_three(1, &[]);
            let out = script.hear(2, message.clone());
            assert_eq!(out, refused(2, Implausible::Term), "{message:?}");
            assert_eq!(script.raft.term(), Term(1), "{message:?}");
            script.elected();
        }
    }
}

#[test]
fn a_member_that_was_away_for_long_takes_a_term_that_elections_may_have_reached() {
    let mut script = Script::of_three(1, &[]);
    script.append(2, 1 + LEAP, (1, 0), 0);
    assert_eq!(script.raft.term(), Term(1 + LEAP));
    assert_eq!(script.raft.leader(), Some(MemberId(2)));
}

#[test]
fn after_the_last_term_nobody_stands_and_nothing_breaks() {
    let mut script = Script::of_three(u64::MAX, &[]);
    assert_eq!(script.step(Event::Tick), []);
    script.append(2, u64::MAX, (1, 0), 0);
    assert_eq!(script.raft.leader(), Some(MemberId(2)));
    for message in messages(Term(u64::MAX)) {
        script.hear(2, message);
    }
    assert_eq!(script.raft.term(), Term(u64::MAX));
    assert_eq!(script.raft.server_state(), ServerState::Follower);
}

#[test]
fn a_leader_does_not_follow_another_of_its_own_term() {
    let mut script = Script::of_three(1, &[]).elected();
    let config = script.raft.config().clone();
    let meta = SnapshotMeta { index: Index(10), term: Term(2), config };
    let own = (1, Implausible::OwnName);
    for (id, what) in [own, (2, Implausible::SecondLeader), (3, Implausible::SecondLeader)] {
        assert_eq!(script.append(id, 2, (1, 0), 0), refused(id, what));
        assert_eq!(script.append(id, 2, (1, 0), 2), refused(id, what));
        let (from, term, meta) = (MemberId(id), Term(2), meta.clone());
        let out = script.step(Event::SnapshotReceived { from, term, meta });
        assert_eq!(out, refused(id, what));
        assert_eq!(script.raft.server_state(), ServerState::Leader);
    }
}

#[test]
fn a_follower_takes_nothing_from_a_second_leader_of_a_term() {
    let mut script = Script::of_three(1, &[]);
    script.append(2, 1, (1, 0), 0);
    let config = script.raft.config().clone();
    let meta = SnapshotMeta { index: Index(10), term: Term(1), config };
    let second = refused(3, Implausible::SecondLeader);
    assert_eq!(script.append(3, 1, (1, 0), 1), second);
    let (from, term) = (MemberId(3), Term(1));
    let out = script.step(Event::SnapshotReceived { from, term, meta: meta.clone() });
    assert_eq!(out, second);
    assert_eq!(script.raft.leader(), Some(MemberId(2)));
    assert_eq!(script.raft.last_index(), Index(1));
    // It is taken from the one that leads.
    let from = MemberId(2);
    script.step(Event::SnapshotReceived { from, term, meta });
    assert_eq!(script.raft.last_index(), Index(10));
}

#[test]
fn entries_that_cannot_stand_behind_each_other_are_not_taken() {
    let config = |index: u64| {
        let members = (1..=3).map(|id| member(MemberId(id), Role::Voter)).collect();
        let config = Config { index: Index(7), members, ..Config::default() };
        let payload = Payload::Config(Arc::new(config));
        Arc::new(Entry { term: Term(3), index: Index(index), payload })
    };
    let wrong = [
        vec![noop(3, 4)],
        vec![noop(3, 2)],
        vec![noop(3, 3), noop(3, 5)],
        vec![noop(3, 3), noop(3, 3)],
        vec![noop(3, 3), noop(2, 4)],
        vec![noop(1, 3)],
        vec![noop(4, 3)],
        vec![config(3)],
        vec![noop(3, u64::MAX)],
    ];
    for wrong in wrong {
        let mut script = Script::of_three(2, &[2]);
        let mut message = append(3, (2, 2), 0, 0);
        if let Message::Append { entries, .. } = &mut message {
            *entries = wrong.clone();
        }
        assert_eq!(script.hear(2, message), refused(2, Implausible::Entries), "{wrong:?}");
        assert_eq!(script.raft.last_index(), Index(2), "{wrong:?}");
        // The member is as good as before.
        script.append(2, 3, (2, 2), 2);
        assert_eq!(acknowledged(&script.sync()), [4], "{wrong:?}");
    }
}

#[test]
fn an_answer_about_what_was_never_sent_counts_for_nothing() {
    let mut script = Script::of_three(1, &[]).elected();
    script.sync();
    let read = Event::ReadIndex { id: 1 };
    script.step(read);
    let (term, hint_index, hint_term) = (script.raft.term(), Index(u64::MAX), Term(u64::MAX));
    for index in [3, u64::MAX - 1, u64::MAX] {
        let out = script.accepted(2, index, 0);
        assert_eq!(out, refused(2, Implausible::BeyondLog), "{index}");
        for round in [0, u64::MAX] {
            let prev_index = Index(index);
            let message = Message::Rejected { term, prev_index, hint_index, hint_term, round };
            script.hear(2, message);
        }
    }
    assert_eq!(script.accepted(2, 2, u64::MAX), refused(2, Implausible::Round));
    assert_eq!(script.raft.commit_index(), Index(0));
    // What it says truly counts as before.
    let out = script.accepted(2, 2, 1);
    assert!(out.iter().any(|output| matches!(output, Output::Commit(_))), "{out:?}");
    assert!(out.iter().any(|output| matches!(output, Output::ReadReady { .. })), "{out:?}");
}

#[test]
fn a_snapshot_that_no_leader_can_have_made_is_not_taken() {
    let config = Script::of_three(1, &[]).raft.config().clone();
    let cases = [
        (10, 2, 1, Implausible::Snapshot),
        (u64::MAX, 1, 1, Implausible::Snapshot),
        (10, 1, 1 + LEAP + 1, Implausible::Term),
    ];
    for (index, term, of, what) in cases {
        let mut script = Script::of_three(1, &[]);
        let meta = SnapshotMeta { index: Index(index), term: Term(term), config: config.clone() };
        let (from, of) = (MemberId(2), Term(of));
        let out = script.step(Event::SnapshotReceived { from, term: of, meta });
        assert_eq!(out, refused(2, what), "{index} {term} {of}");
        assert_eq!(script.raft.last_index(), Index(1));
        script.elected();
    }
}
