//! What is committed and what is acknowledged: only what cannot be lost any more.

use super::{NONE, Script, acknowledged, boot, member};
use crate::core::entry::Payload;
use crate::core::raft::config::{Config, Role};
use crate::core::raft::event::{Event, HardState, Message, Output, SnapshotMeta};
use crate::core::types::{Index, MemberId, Term};

/// The indexes committed in these.
fn committed(out: &[Output]) -> Vec<u64> {
    let entries = |output: &Output| match output {
        Output::Commit(entries) => entries.iter().map(|entry| entry.index.0).collect(),
        _ => Vec::new(),
    };
    out.iter().flat_map(entries).collect()
}

#[test]
fn entries_of_earlier_terms_are_committed_only_by_one_of_the_leaders_own() {
    // Raft 5.4.2, figure 8: a majority holds 2 and 3, and yet they could be overwritten.
    let mut script = Script::of_three(2, &[1, 2]).elected();
    script.sync();
    for from in [2, 3] {
        assert_eq!(committed(&script.accepted(from, 3, 0)), NONE);
    }
    assert_eq!(committed(&script.accepted(2, 4, 0)), [1, 2, 3, 4]);
}

#[test]
fn a_leader_counts_its_own_entries_only_when_they_are_durable() {
    let mut script = Script::of_three(1, &[]).elected();
    assert_eq!(committed(&script.accepted(2, 2, 0)), NONE);
    assert_eq!(committed(&script.sync()), [1, 2]);
    // Without its own disk it needs both others.
    script.step(Event::Propose(vec![Payload::NewLeader]));
    assert_eq!(committed(&script.accepted(2, 3, 0)), NONE);
    assert_eq!(committed(&script.accepted(3, 3, 0)), [3]);
}

/// How many milliseconds a leader knows member 2 to be behind.
fn behind(script: &Script) -> Option<u64> {
    let views = script.raft.peers(script.now);
    views.into_iter().find(|view| view.id == MemberId(2)).and_then(|view| view.behind_ms)
}

#[test]
fn how_long_a_member_is_behind_is_known_until_it_loses_what_it_had() {
    let mut script = Script::of_three(1, &[]).elected();
    script.sync();
    assert_eq!(behind(&script), None);
    script.accepted(2, 2, 0);
    assert_eq!(behind(&script), Some(0));
    script.step(Event::Propose(vec![Payload::NewLeader]));
    script.now = script.now.plus(500);
    assert_eq!(behind(&script), Some(500));
    // Its disk was damaged: what it acknowledged once says nothing any more.
    script.step(Event::LinkDown(MemberId(2)));
    script.step(Event::LinkUp(MemberId(2)));
    let term = script.raft.term();
    let (prev_index, hint_index, hint_term) = (Index(2), Index(0), Term(0));
    script.hear(2, Message::Rejected { term, prev_index, hint_index, hint_term, round: 0 });
    assert_eq!(behind(&script), None);
}

#[test]
fn entries_are_acknowledged_only_when_they_are_durable() {
    let mut script = Script::of_three(1, &[]);
    assert_eq!(acknowledged(&script.append(2, 1, (1, 0), 2)), [1]);
    assert_eq!(
        acknowledged(&script.append(2, 1, (3, 1), 0)),
        NONE,
        "what is written is not synced"
    );
    assert_eq!(acknowledged(&script.sync()), [3]);
}

#[test]
fn a_received_snapshot_is_acknowledged_only_when_it_is_on_the_disk() {
    let mut script = Script::of_three(1, &[]);
    let config = script.raft.config().clone();
    let meta = SnapshotMeta { index: Index(10), term: Term(1), config };
    let out = script.step(Event::SnapshotReceived { from: MemberId(2), term: Term(1), meta });
    assert!(out.iter().any(|output| matches!(output, Output::Restore(_))));
    assert_eq!(acknowledged(&out), NONE);
    assert_eq!(acknowledged(&script.append(2, 1, (10, 1), 0)), [0]);
    assert_eq!(acknowledged(&script.sync()), [10]);
}

#[test]
fn what_equalled_the_log_of_one_leader_is_not_acknowledged_to_the_next() {
    let mut script = Script::of_three(1, &[]);
    script.append(2, 1, (1, 0), 2);
    assert_eq!(acknowledged(&script.sync()), [3]);
    // The next leader has not said yet what its log holds at 2 and 3.
    assert_eq!(acknowledged(&script.append(3, 2, (1, 0), 0)), [1]);
}

#[test]
fn a_joint_change_commits_by_a_majority_of_the_old_voters_and_of_the_new() {
    // Member 1 counts in both halves, 2 and 3 in the old one only, 4 and 5 in the new one only.
    let role = |id| if [2, 3].contains(&id) { Role::Learner } else { Role::Voter };
    let config = Config {
        index: Index(1),
        members: (1..=5).map(|id| member(MemberId(id), role(id))).collect(),
        outgoing: [1, 2, 3].map(MemberId).to_vec(),
        leaving: Vec::new(),
    };
    let hard = HardState { term: Term(1), vote: None };
    let mut script = Script::new(boot(config, &[], hard, false));
    for id in 2..=5 {
        script.step(Event::LinkUp(MemberId(id)));
    }
    let (term, granted) = (Term(2), true);
    script.step(Event::Tick);
    for id in [4, 5] {
        script.hear(id, Message::PreVoteReply { term, granted });
    }
    assert_eq!(script.raft.term(), Term(1), "the new voters alone elect nobody");
    script.hear(2, Message::PreVoteReply { term, granted });
    script.sync();
    for id in [2, 3] {
        script.hear(id, Message::VoteReply { term, granted });
    }
    assert!(script.raft.leader().is_none(), "the old voters alone elect nobody");
    script.hear(4, Message::VoteReply { term, granted });
    script.sync();
    assert_eq!(committed(&script.accepted(4, 2, 0)), NONE);
    assert_eq!(committed(&script.accepted(5, 2, 0)), NONE, "the new voters alone");
    assert_eq!(committed(&script.accepted(3, 2, 0)), [1, 2]);
}
