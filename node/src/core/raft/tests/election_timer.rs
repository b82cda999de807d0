//! When an election begins without waiting out the timeout.

use super::{first_of, member};
use crate::core::raft::Raft;
use crate::core::raft::config::Role;
use crate::core::raft::event::{Event, Message, Output};
use crate::core::types::{Index, MemberId, Mono, Term};

const LEADER: MemberId = MemberId(2);
const OTHER: MemberId = MemberId(3);

/// A follower of member 2 among three, at 0; the next is as late as any election may be.
fn led() -> Raft {
    let voters = [1, 2, 3].map(|id| member(MemberId(id), Role::Voter));
    let mut raft = first_of(voters.to_vec()).0;
    for peer in [LEADER, OTHER] {
        raft.step(Mono(0), Event::LinkUp(peer), &mut Vec::new());
    }
    heartbeat(&mut raft, 0);
    raft
}

fn heartbeat(raft: &mut Raft, at: u64) {
    let message = Message::Append {
        term: Term(1),
        prev_index: Index(1),
        prev_term: Term(0),
        entries: Vec::new(),
        commit: Index(0),
        last: Index(1),
        round: at,
    };
    let from = LEADER;
    raft.step(Mono(at), Event::Message { from, message }, &mut Vec::new());
}

/// When it asks for votes, if it ticks from one time until another.
fn asks_at(raft: &mut Raft, mut times: std::ops::Range<u64>) -> Option<u64> {
    times.find(|at| {
        let mut out = Vec::new();
        raft.step(Mono(*at), Event::Tick, &mut out);
        let asked = |action: &Output| match action {
            Output::Send { message, .. } => matches!(message, Message::PreVote { .. }),
            _ => false,
        };
        out.iter().any(asked)
    })
}

fn grants(raft: &mut Raft, at: u64) -> bool {
    let message = Message::PreVote { term: Term(2), last_index: Index(1), last_term: Term(0) };
    let (from, mut out) = (OTHER, Vec::new());
    raft.step(Mono(at), Event::Message { from, message }, &mut out);
    let granted = |action: &Output| match action {
        Output::Send { message, .. } => {
            matches!(message, Message::PreVoteReply { granted: true, .. })
        }
        _ => false,
    };
    out.iter().any(granted)
}

#[test]
fn a_leader_whose_link_breaks_is_replaced_without_waiting_out_the_election_timeout() {
    let mut raft = led();
    assert!(!grants(&mut raft, 10), "it hears its leader");
    assert_eq!(asks_at(&mut raft, 0..999), None);
    let mut raft = led();
    raft.step(Mono(0), Event::LinkDown(OTHER), &mut Vec::new());
    assert_eq!(asks_at(&mut raft, 0..999), None, "not the leader's link");
    let mut raft = led();
    raft.step(Mono(0), Event::LinkDown(LEADER), &mut Vec::new());
    assert!(asks_at(&mut raft, 0..401).is_some_and(|at| at >= 200));
    let mut raft = led();
    raft.step(Mono(0), Event::LinkDown(LEADER), &mut Vec::new());
    assert!(grants(&mut raft, 199));
    let asked = asks_at(&mut raft, 199..600);
    assert!(asked.is_some_and(|at| at >= 399), "{asked:?}: its turn");
}

#[test]
fn a_leader_that_is_heard_after_its_link_broke_is_kept() {
    let mut raft = led();
    raft.step(Mono(0), Event::LinkDown(LEADER), &mut Vec::new());
    heartbeat(&mut raft, 100);
    assert!(!grants(&mut raft, 101));
    assert_eq!(asks_at(&mut raft, 101..1_099), None);
}

#[test]
fn members_that_start_ask_as_soon_as_a_quorum_is_linked() {
    let voters = [1, 2, 3].map(|id| member(MemberId(id), Role::Voter));
    let mut raft = first_of(voters.to_vec()).0;
    assert_eq!(asks_at(&mut raft, 0..500), None);
    raft.step(Mono(500), Event::LinkUp(OTHER), &mut Vec::new());
    let asked = asks_at(&mut raft, 500..901);
    assert!(asked.is_some_and(|at| at >= 700), "{asked:?}");
}
