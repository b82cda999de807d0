//! Accepting a leader's log (Raft §5.3). Only what is durable here is acknowledged.

use std::sync::Arc;

use super::event::{Action, LogWrite, Message};
use super::{Raft, Role};
use crate::core::entry::{Entry, Payload};
use crate::core::types::{Index, MemberId, Mono, Term};

/// What a leader offers in an append.
pub(super) struct Offer {
    /// The entry before the first offered one.
    pub(super) before: (Index, Term),
    pub(super) entries: Vec<Arc<Entry>>,
    pub(super) commit: Index,
    /// Where the leader's log ends.
    pub(super) last: Index,
    pub(super) round: u64,
}

impl Raft {
    pub(super) fn append(
        &mut self,
        now: Mono,
        from: MemberId,
        term: Term,
        offer: Offer,
        out: &mut Vec<Action>,
    ) {
        let Offer { before, entries, commit, last: end, round } = offer;
        if term < self.hard.term {
            // Tells a deposed leader of the newer term.
            let message = Message::Rejected {
                term: self.hard.term,
                prev_index: before.0,
                hint_index: Index(0),
                hint_term: Term(0),
                round,
            };
            out.push(Action::Send { to: from, message });
            return;
        }
        assert!(
            !(term == self.hard.term && matches!(self.role, Role::Leader(_))),
            "two leaders in term {term}"
        );
        self.follow(now, term, Some(from), out);
        self.round = self.round.max(round);
        self.repair_until(end);
        let (prev, entries) = self.beyond_commit(before, entries);
        if self.log.term_at(prev.0) != Some(prev.1) {
            return self.reject(from, prev, round, out);
        }
        let last = Index(prev.0.0 + entries.len() as u64);
        self.take_entries(entries, out);
        self.verified = self.verified.max(last);
        self.commit_to(commit.min(self.verified), out);
        self.acknowledge(out);
    }

    /// What is committed here is equal everywhere: only what follows needs a look.
    fn beyond_commit(
        &self,
        before: (Index, Term),
        mut entries: Vec<Arc<Entry>>,
    ) -> ((Index, Term), Vec<Arc<Entry>>) {
        let commit = self.log.commit_index();
        if before.0 >= commit {
            return (before, entries);
        }
        let known = (commit.0 - before.0.0) as usize;
        if known >= entries.len() {
            entries.clear();
        } else {
            entries.drain(..known);
        }
        let term = self.log.term_at(commit).unwrap_or(before.1);
        ((commit, term), entries)
    }

    fn reject(&mut self, to: MemberId, prev: (Index, Term), round: u64, out: &mut Vec<Action>) {
        let (hint_index, hint_term) = self.log.last_not_above(prev.0.prev(), prev.1);
        let message = Message::Rejected {
            term: self.hard.term,
            prev_index: prev.0,
            hint_index,
            hint_term,
            round,
        };
        out.push(Action::Send { to, message });
    }

    /// Appends what is new, after dropping what contradicts it.
    fn take_entries(&mut self, mut entries: Vec<Arc<Entry>>, out: &mut Vec<Action>) {
        let known = |entry: &Arc<Entry>| self.log.term_at(entry.index) == Some(entry.term);
        let fresh = entries.iter().position(|entry| !known(entry)).unwrap_or(entries.len());
        entries.drain(..fresh);
        let Some(first) = entries.first().map(|entry| entry.index) else {
            return;
        };
        let mut configured = false;
        if first <= self.log.last_index() {
            configured = self.log.truncate(first);
            self.write(LogWrite::Truncate(first), out);
        }
        configured |= entries.iter().any(|entry| matches!(entry.payload, Payload::Config(_)));
        let seq = self.next_seq;
        self.log.append(&entries, seq);
        self.write(LogWrite::Append(entries), out);
        if configured {
            out.push(Action::Configured);
        }
    }

    /// Tells the leader what is both equal to its log and durable here, if that is news to it. One
    /// batch has this member act three times: as it comes, is durable, is committed. Should the
    /// leader miss the one message of it, its next heartbeat is a new round.
    pub(super) fn acknowledge(&mut self, out: &mut Vec<Action>) {
        let Some(to) = self.leader.filter(|leader| *leader != self.id) else {
            return;
        };
        let matched = self.verified.min(self.log.durable_index());
        let news = (self.hard.term, matched, self.round);
        if self.told.replace(news) == Some(news) {
            return;
        }
        let message = Message::Accepted { term: self.hard.term, matched, round: self.round };
        out.push(Action::Send { to, message });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::raft::config::Role as MemberRole;
    use crate::core::raft::event::Event;
    use crate::core::raft::testing::{first_of, member};
    use crate::core::types::WriteSeq;

    const LEADER: MemberId = MemberId(2);

    fn follower() -> Raft {
        let voters = [1, 2, 3].map(|id| member(MemberId(id), MemberRole::Voter));
        first_of(voters.to_vec()).0
    }

    /// The entries behind `prev`, and how far all is committed.
    fn append(prev: (u64, u64), entries: u64, commit: u64, round: u64) -> Event {
        let entry =
            |index| Entry { term: Term(1), index: Index(index), payload: Payload::NewLeader };
        let indexes = prev.0 + 1..=prev.0 + entries;
        let message = Message::Append {
            term: Term(1),
            prev_index: Index(prev.0),
            prev_term: Term(prev.1),
            entries: indexes.map(|index| Arc::new(entry(index))).collect(),
            commit: Index(commit),
            last: Index(prev.0 + entries),
            round,
        };
        Event::Message { from: LEADER, message }
    }

    /// What the leader is told in a step: the end of the log, and the round.
    fn told(raft: &mut Raft, event: Event) -> Vec<(u64, u64)> {
        let mut out = Vec::new();
        raft.step(Mono(0), event, &mut out);
        let told = |action| match action {
            Action::Send { to: LEADER, message: Message::Accepted { matched, round, .. } } => {
                Some((matched.0, round))
            }
            _ => None,
        };
        out.into_iter().filter_map(told).collect()
    }

    #[test]
    fn a_batch_is_acknowledged_once_and_each_round_is_answered() {
        let mut raft = follower();
        assert_eq!(told(&mut raft, append((1, 0), 0, 0, 1)), [(1, 1)]);
        assert_eq!(told(&mut raft, append((1, 0), 2, 0, 1)), [], "not durable");
        let durable = Event::Durable(WriteSeq(9));
        assert_eq!(told(&mut raft, durable), [(3, 1)]);
        assert_eq!(told(&mut raft, append((3, 1), 0, 3, 1)), [], "is committed");
        assert_eq!(told(&mut raft, append((3, 1), 0, 3, 2)), [(3, 2)]);
    }

    #[test]
    fn what_may_have_been_lost_with_a_link_is_told_again() {
        let mut raft = follower();
        assert_eq!(told(&mut raft, append((1, 0), 0, 0, 1)), [(1, 1)]);
        for event in [Event::LinkDown(LEADER), Event::LinkUp(LEADER)] {
            assert_eq!(told(&mut raft, event), []);
        }
        assert_eq!(told(&mut raft, append((1, 0), 0, 0, 1)), [(1, 1)]);
    }
}
