//! Who is elected, and when: what keeps two leaders out of one term.

use super::{Script, boot, member, sent};
use crate::core::raft::ServerState;
use crate::core::raft::config::{Config, Role};
use crate::core::raft::event::{Event, HardState, LogWrite, Message, Output};
use crate::core::types::{Index, MemberId, Term};

const NO_VOTE: [bool; 0] = [];

/// Member 2 stands for election, with a log that ends there.
fn vote(term: u64, last: (u64, u64)) -> Message {
    let (last_index, last_term) = (Index(last.0), Term(last.1));
    Message::Vote { term: Term(term), last_index, last_term, transfer: false }
}

fn pre_vote(term: u64, last: (u64, u64)) -> Message {
    let (last_index, last_term) = (Index(last.0), Term(last.1));
    Message::PreVote { term: Term(term), last_index, last_term }
}

/// The votes given in these: whether they are granted.
fn votes(out: &[Output]) -> Vec<bool> {
    let granted = |message: &Message| match message {
        Message::VoteReply { granted, .. } | Message::PreVoteReply { granted, .. } => {
            Some(*granted)
        }
        _ => None,
    };
    sent(out).filter_map(granted).collect()
}

fn writes_a_term(out: &[Output]) -> bool {
    out.iter().any(|output| matches!(output, Output::Write { write: LogWrite::Hard(_), .. }))
}

#[test]
fn a_vote_leaves_only_when_it_is_durable() {
    let mut script = Script::of_three(1, &[]);
    let asked = script.hear(2, vote(2, (1, 0)));
    assert!(writes_a_term(&asked));
    assert_eq!(votes(&asked), NO_VOTE);
    assert_eq!(votes(&script.hear(2, vote(2, (1, 0)))), NO_VOTE, "asked again");
    assert_eq!(votes(&script.hear(3, vote(2, (1, 0)))), NO_VOTE, "asked by another");
    assert_eq!(votes(&script.sync()), [true, true, false]);
}

#[test]
fn a_vote_that_was_given_is_not_given_to_another_after_a_restart() {
    let members = (1..=3).map(|id| member(MemberId(id), Role::Voter)).collect();
    let config = Config { index: Index(1), members, ..Config::default() };
    let hard = HardState { term: Term(2), vote: Some(MemberId(2)) };
    let mut script = Script::new(boot(config, &[], hard, false));
    assert_eq!(votes(&script.hear(3, vote(2, (9, 1)))), [false]);
    assert_eq!(votes(&script.hear(2, vote(2, (9, 1)))), [true]);
}

#[test]
fn a_candidate_asks_and_counts_itself_only_when_its_own_vote_is_durable() {
    let mut script = Script::of_three(1, &[]);
    let (term, granted) = (Term(2), true);
    script.step(Event::Tick);
    let stands = script.hear(2, Message::PreVoteReply { term, granted });
    assert!(writes_a_term(&stands));
    assert_eq!(sent(&stands).count(), 0);
    // One more vote would be a majority, but its own might still be forgotten.
    script.hear(3, Message::VoteReply { term, granted });
    assert_eq!(script.raft.server_state(), ServerState::Candidate);
    let durable = script.sync();
    assert!(sent(&durable).any(|message| matches!(message, Message::Vote { .. })));
    assert_eq!(script.raft.server_state(), ServerState::Leader);
}

#[test]
fn an_only_voter_leads_when_its_vote_is_durable() {
    let members = vec![member(MemberId(1), Role::Voter)];
    let config = Config { index: Index(1), members, ..Config::default() };
    let mut script = Script::new(boot(config, &[], HardState::default(), false));
    script.step(Event::Tick);
    assert_eq!(script.raft.server_state(), ServerState::Candidate);
    script.sync();
    assert_eq!(script.raft.server_state(), ServerState::Leader);
}

#[test]
fn a_member_that_nobody_would_elect_does_not_raise_its_term() {
    let mut script = Script::of_three(1, &[]);
    for _ in 0..20 {
        script.now = script.now.plus(10_000);
        let out = script.step(Event::Tick);
        assert!(!writes_a_term(&out));
        let pre_vote = |message: &Message| matches!(message, Message::PreVote { .. });
        assert_eq!(sent(&out).filter(|message| pre_vote(message)).count(), 2);
        script.hear(2, Message::PreVoteReply { term: Term(1), granted: false });
    }
    assert_eq!(script.raft.term(), Term(1));
}

#[test]
fn a_member_that_hears_its_leader_elects_nobody_else() {
    let mut script = Script::of_three(1, &[]);
    script.append(3, 1, (1, 0), 0);
    let election = script.raft.settings.timing.election;
    script.now = script.now.plus(election - 1);
    assert_eq!(votes(&script.hear(2, pre_vote(2, (9, 1)))), [false]);
    script.hear(2, vote(2, (9, 1)));
    assert_eq!(votes(&script.sync()), NO_VOTE);
    assert_eq!(script.raft.term(), Term(1));
    // The leader was silent for long enough.
    script.now = script.now.plus(1);
    assert_eq!(votes(&script.hear(2, pre_vote(2, (9, 1)))), [true]);
    script.hear(2, vote(2, (9, 1)));
    assert_eq!(votes(&script.sync()), [true]);
}

#[test]
fn a_leader_elects_nobody_else() {
    let mut script = Script::of_three(1, &[]).elected();
    assert_eq!(votes(&script.hear(3, pre_vote(3, (9, 2)))), [false]);
    script.hear(3, vote(3, (9, 2)));
    assert_eq!(votes(&script.sync()), NO_VOTE);
    assert_eq!(script.raft.server_state(), ServerState::Leader);
}

#[test]
fn a_leader_that_hears_no_majority_steps_down() {
    let mut script = Script::of_three(1, &[]).elected();
    let election = script.raft.settings.timing.election;
    for _ in 0..8 {
        script.now = script.now.plus(election / 2);
        script.accepted(3, 1, 0);
        script.step(Event::Tick);
        assert_eq!(script.raft.server_state(), ServerState::Leader, "with one of the two");
    }
    script.now = script.now.plus(election);
    script.step(Event::Tick);
    assert_eq!(script.raft.server_state(), ServerState::Leader);
    script.now = script.now.plus(election / 4);
    script.step(Event::Tick);
    assert_eq!(script.raft.server_state(), ServerState::Follower);
    assert_eq!(script.raft.leader(), None);
}

#[test]
fn a_log_that_lacks_what_may_be_committed_gets_no_vote() {
    // Longer, but of an earlier term; of the same term, but shorter.
    for (last, granted) in [((9, 1), false), ((3, 3), false), ((4, 3), true), ((2, 4), true)] {
        let mut script = Script::of_three(4, &[1, 1, 3]);
        assert_eq!(votes(&script.hear(2, pre_vote(5, last))), [granted], "{last:?}");
        script.hear(2, vote(5, last));
        assert_eq!(votes(&script.sync()), [granted], "{last:?}");
    }
}

#[test]
fn a_member_under_repair_neither_votes_nor_stands() {
    let members = (1..=3).map(|id| member(MemberId(id), Role::Voter)).collect();
    let config = Config { index: Index(1), members, ..Config::default() };
    let mut script = Script::new(boot(config, &[], HardState::default(), true));
    assert_eq!(sent(&script.step(Event::Tick)).count(), 0);
    assert_eq!(votes(&script.hear(2, pre_vote(1, (9, 1)))), [false]);
    script.hear(2, vote(1, (9, 1)));
    assert_eq!(votes(&script.sync()), [false]);
    script.append(2, 1, (1, 0), 0);
    script.hear(2, Message::TimeoutNow { term: Term(1) });
    assert_eq!(script.raft.term(), Term(1));
}
