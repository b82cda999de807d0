//! Accepting a leader's log (Raft §5.3). Only what is durable here is acknowledged.

use std::sync::Arc;

use super::event::{LogWrite, Message, Output};
use super::following::Append;
use super::{Raft, plausible};
use crate::core::entry::{Entry, Payload};
use crate::core::types::{Index, MemberId, Mono, Term};

impl Raft {
    pub(super) fn on_append(
        &mut self,
        now: Mono,
        from: MemberId,
        term: Term,
        append: Append,
        out: &mut Vec<Output>,
    ) {
        let sound = self.may_lead(from, term).and_then(|()| plausible::entries(term, &append));
        if let Err(what) = sound {
            return out.push(Output::Implausible { from, what });
        }
        let Append { prev, entries, commit, last: end, round } = append;
        if term < self.hard.term {
            // Tells a deposed leader of the newer term. It may lead in that as well by now, and its old
            // round would prove nothing there.
            let message = Message::Rejected {
                term: self.hard.term,
                prev_index: prev.0,
                hint_index: Index(0),
                hint_term: Term(0),
                round: 0,
            };
            out.push(Output::Send { to: from, message });
            return;
        }
        self.follow(now, term, Some(from), out);
        self.following.round_heard(round);
        if let Some(repair) = &mut self.repair {
            repair.leader_heard(self.hard.term, end);
        }
        let (prev, entries) = self.beyond_commit(prev, entries);
        if self.log.term_at(prev.0) != Some(prev.1) {
            return self.reject(from, prev, round, out);
        }
        let last = Index(prev.0.0 + entries.len() as u64);
        self.take_entries(entries, out);
        self.following.equal_up_to(last);
        self.commit_to(commit.min(self.following.matched()), out);
        self.acknowledge(out);
    }

    /// What is committed here is equal everywhere: only what follows needs a look.
    fn beyond_commit(
        &self,
        prev: (Index, Term),
        mut entries: Vec<Arc<Entry>>,
    ) -> ((Index, Term), Vec<Arc<Entry>>) {
        let commit = self.log.commit_index();
        if prev.0 >= commit {
            return (prev, entries);
        }
        let known = (commit.0 - prev.0.0) as usize;
        if known >= entries.len() {
            entries.clear();
        } else {
            entries.drain(..known);
        }
        let term = self.log.term_at(commit).unwrap_or(prev.1);
        ((commit, term), entries)
    }

    fn reject(&mut self, to: MemberId, prev: (Index, Term), round: u64, out: &mut Vec<Output>) {
        let (hint_index, hint_term) = self.log.last_not_above(prev.0.prev(), prev.1);
        let message = Message::Rejected {
            term: self.hard.term,
            prev_index: prev.0,
            hint_index,
            hint_term,
            round,
        };
        out.push(Output::Send { to, message });
    }

    /// Appends what is new, after dropping what contradicts it.
    fn take_entries(&mut self, mut entries: Vec<Arc<Entry>>, out: &mut Vec<Output>) {
        let known = |entry: &Arc<Entry>| self.log.term_at(entry.index) == Some(entry.term);
        let fresh = entries.iter().position(|entry| !known(entry)).unwrap_or(entries.len());
        entries.drain(..fresh);
        let Some(first) = entries.first().map(|entry| entry.index) else {
            return;
        };
        let mut configured = false;
        if first <= self.log.last_index() {
            configured = self.log.truncate(first);
            self.writes.write(LogWrite::Truncate(first), out);
        }
        configured |= entries.iter().any(|entry| matches!(entry.payload, Payload::Config(_)));
        self.log.append(&entries, self.writes.next());
        self.writes.write(LogWrite::Append(entries), out);
        if configured {
            out.push(Output::Configured);
        }
    }

    pub(super) fn commit_to(&mut self, index: Index, out: &mut Vec<Output>) {
        let entries = self.log.commit_to(index);
        if !entries.is_empty() {
            out.push(Output::Commit(entries));
            self.end_repair(out);
        }
    }

    /// Tells the leader what is both equal to its log and durable here, if that is news to it.
    pub(super) fn acknowledge(&mut self, out: &mut Vec<Output>) {
        let Some(to) = self.leader.filter(|leader| *leader != self.settings.id) else {
            return;
        };
        let durable = self.log.durable_index();
        if let Some(message) = self.following.acknowledgement(self.hard.term, durable) {
            out.push(Output::Send { to, message });
        }
    }

    /// A damaged log is whole again when it holds, durably, a committed entry of the present term
    /// and what [`Repair`](super::repair::Repair) asks for beside that.
    pub(super) fn end_repair(&mut self, out: &mut Vec<Output>) {
        let Some(repair) = &self.repair else {
            return;
        };
        let whole = self.log.commit_index().min(self.log.durable_index());
        let current = self.log.term_at(whole) == Some(self.hard.term);
        if repair.complete(self.hard.term, whole) && current && self.leader.is_some() {
            self.repair = None;
            out.push(Output::Repaired);
            out.push(Output::RoleChanged);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::raft::config::Role;
    use crate::core::raft::event::Event;
    use crate::core::raft::tests::{first_of, member};
    use crate::core::types::WriteSeq;

    const LEADER: MemberId = MemberId(2);

    fn follower() -> Raft {
        let voters = [1, 2, 3].map(|id| member(MemberId(id), Role::Voter));
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
            Output::Send { to: LEADER, message: Message::Accepted { matched, round, .. } } => {
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
