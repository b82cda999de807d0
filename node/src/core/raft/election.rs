//! Who leads (Raft §5.2, §5.4.1; pre-vote and check-quorum: dissertation §6.2 and §9.6).

use std::collections::BTreeMap;

use super::event::{Action, HardState, LogWrite, Message};
use super::{Deferred, Raft, Role, quorum};
use crate::core::types::{Index, MemberId, Mono, Term};

impl Raft {
    /// Whether this member could lead: it votes, and its log is whole.
    ///
    /// A voter that an uncommitted configuration drops may lead, too, until that is committed: the
    /// voters of the new one may lack the entry, and then cannot win against the logs that have it
    /// (dissertation §4.2.2). Votes are counted by the new configuration all the same. After a start
    /// nobody knows what is committed, so that counts as not known to be.
    pub(super) fn may_campaign(&self) -> bool {
        let log = &self.log;
        let voted = log.config_before().is_some_and(|it| it.votes(self.id));
        let votes = log.config().votes(self.id) || voted;
        !self.repairing() && votes
    }

    /// Whether a leader was heard so lately that nobody should be elected now.
    fn leader_is_fresh(&self, now: Mono) -> bool {
        match self.role {
            Role::Leader(_) => true,
            _ => {
                self.leader.is_some()
                    && self.heard.is_some_and(|at| now.since(at) < self.timing.election)
            }
        }
    }

    /// Whether a log that ends there holds all that this one holds (Raft §5.4.1).
    fn up_to_date(&self, end: (Term, Index)) -> bool {
        end >= (self.log.last_term(), self.log.last_index())
    }

    pub(super) fn leader_is_lost(&mut self, out: &mut Vec<Action>) {
        if self.leader.take().is_some() {
            out.push(Action::Turned);
        }
    }

    /// Moves to a term and follows whoever leads in it, if that is known.
    pub(super) fn follow(
        &mut self,
        now: Mono,
        term: Term,
        leader: Option<MemberId>,
        out: &mut Vec<Action>,
    ) {
        let before = (self.hard.term, self.leader);
        if term > self.hard.term {
            self.hard = HardState { term, vote: None };
            self.write(LogWrite::Hard(self.hard), out);
            self.verified = Index(0);
            self.round = 0;
            self.heard = None;
        }
        if !matches!(self.role, Role::Follower) {
            self.step_down(out);
            self.rest(now);
        }
        self.leader = leader;
        if let Some(leader) = leader {
            self.heard = Some(now);
            self.rest(now);
            self.handed_over_to(leader, out);
        }
        if before != (self.hard.term, self.leader) {
            out.push(Action::Turned);
        }
    }

    /// Leaves whatever role this is; answers what only a leader could have answered.
    pub(super) fn step_down(&mut self, out: &mut Vec<Action>) {
        let role = std::mem::replace(&mut self.role, Role::Follower);
        if let Role::Leader(mut leading) = role {
            self.leader = None;
            leading.reads.refuse_all(out);
            if let Some(change) = leading.change.take() {
                change.lost(out);
            }
            if let Some(transfer) = leading.transfer.take() {
                self.handed_over = Some(transfer);
            }
            out.push(Action::Turned);
        }
    }

    /// Asks the voters whether they would elect this member.
    pub(super) fn ask_votes(&mut self, now: Mono, out: &mut Vec<Action>) {
        self.role = Role::PreCandidate { votes: BTreeMap::new() };
        let message = Message::PreVote {
            term: self.hard.term.next(),
            last_index: self.log.last_index(),
            last_term: self.log.last_term(),
        };
        for to in self.other_voters() {
            out.push(Action::Send { to, message: message.clone() });
        }
        let id = self.id;
        self.count_pre_vote(now, id, true, out);
    }

    /// Stands for election in a new term. Its requests leave, and its own vote counts, once the
    /// vote is durable.
    fn campaign(&mut self, now: Mono, transfer: bool, out: &mut Vec<Action>) {
        let term = self.hard.term.next();
        self.hard = HardState { term, vote: Some(self.id) };
        self.leader = None;
        self.heard = None;
        self.verified = Index(0);
        self.round = 0;
        self.role = Role::Candidate { votes: BTreeMap::new() };
        self.rest(now);
        self.write(LogWrite::Hard(self.hard), out);
        let message = Message::Vote {
            term,
            last_index: self.log.last_index(),
            last_term: self.log.last_term(),
            transfer,
        };
        for to in self.other_voters() {
            self.when_durable(Deferred::Send { to, message: message.clone() });
        }
        self.when_durable(Deferred::OwnVote { term });
        out.push(Action::Turned);
    }

    fn other_voters(&self) -> Vec<MemberId> {
        let config = self.log.config();
        let mut voters = config.voters();
        voters.extend(&config.outgoing);
        voters.sort();
        voters.dedup();
        voters.retain(|voter| *voter != self.id);
        voters
    }

    pub(super) fn asked_pre_vote(
        &mut self,
        now: Mono,
        from: MemberId,
        term: Term,
        end: (Term, Index),
        out: &mut Vec<Action>,
    ) {
        let granted = term > self.hard.term
            && !self.leader_is_fresh(now)
            && !self.repairing()
            && self.up_to_date(end);
        if granted {
            self.give_way(now);
        }
        let term = if granted { term } else { self.hard.term };
        out.push(Action::Send { to: from, message: Message::PreVoteReply { term, granted } });
    }

    pub(super) fn pre_vote_answered(
        &mut self,
        now: Mono,
        from: MemberId,
        term: Term,
        granted: bool,
        out: &mut Vec<Action>,
    ) {
        if granted {
            if term == self.hard.term.next() {
                self.count_pre_vote(now, from, true, out);
            }
        } else if term > self.hard.term {
            self.follow(now, term, None, out);
        } else {
            self.count_pre_vote(now, from, false, out);
        }
    }

    fn count_pre_vote(&mut self, now: Mono, from: MemberId, yes: bool, out: &mut Vec<Action>) {
        let Role::PreCandidate { votes } = &mut self.role else {
            return;
        };
        votes.insert(from, yes);
        let config = self.log.config();
        if quorum::reached(config, |id| votes.get(&id) == Some(&true)) {
            self.campaign(now, false, out);
        }
    }

    pub(super) fn asked_vote(
        &mut self,
        now: Mono,
        from: MemberId,
        term: Term,
        end: (Term, Index),
        transfer: bool,
        out: &mut Vec<Action>,
    ) {
        if term > self.hard.term {
            if !transfer && self.leader_is_fresh(now) {
                // A member that was away, or was removed, must not depose a working leader.
                return;
            }
            self.follow(now, term, None, out);
        }
        let free = self.hard.vote.is_none_or(|vote| vote == from) && self.leader.is_none();
        let granted = term == self.hard.term && free && !self.repairing() && self.up_to_date(end);
        if granted {
            if self.hard.vote.is_none() {
                self.hard.vote = Some(from);
                self.write(LogWrite::Hard(self.hard), out);
            }
            self.rest(now);
        }
        let message = Message::VoteReply { term: self.hard.term, granted };
        self.when_durable(Deferred::Send { to: from, message });
        self.release(out);
    }

    pub(super) fn vote_answered(
        &mut self,
        now: Mono,
        from: MemberId,
        term: Term,
        granted: bool,
        out: &mut Vec<Action>,
    ) {
        if term > self.hard.term {
            self.follow(now, term, None, out);
        } else if term == self.hard.term {
            self.count_vote(now, from, granted, out);
        }
    }

    pub(super) fn count_vote(
        &mut self,
        now: Mono,
        from: MemberId,
        yes: bool,
        out: &mut Vec<Action>,
    ) {
        let Role::Candidate { votes } = &mut self.role else {
            return;
        };
        votes.insert(from, yes);
        if quorum::reached(self.log.config(), |id| votes.get(&id) == Some(&true)) {
            self.lead(now, out);
        }
    }

    /// The old leader hands over: no pre-vote, and the others' loyalty to it does not count
    /// (dissertation §3.10).
    pub(super) fn told_to_campaign(
        &mut self,
        now: Mono,
        from: MemberId,
        term: Term,
        out: &mut Vec<Action>,
    ) {
        if term == self.hard.term && self.leader == Some(from) && self.may_campaign() {
            self.campaign(now, true, out);
        }
    }

    /// Sends what waits for nothing that is not durable yet.
    fn release(&mut self, out: &mut Vec<Action>) {
        while self.deferred.front().is_some_and(|(needs, _)| *needs <= self.durable_seq) {
            if let Some((_, Deferred::Send { to, message })) = self.deferred.pop_front() {
                out.push(Action::Send { to, message });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::core::entry::{Entry, Payload};
    use crate::core::options::Options;
    use crate::core::raft::config::{Config, Member, Role as MemberRole};
    use crate::core::raft::event::{Boot, Event, SnapshotMeta};
    use crate::core::types::ServerId;

    fn member(id: u64, role: MemberRole) -> Member {
        Member {
            id: MemberId(id),
            server: ServerId(id as u8),
            role,
            peer: String::new(),
            client: String::new(),
        }
    }

    /// Member 2 of a shrink from {1, 2, 3} to {1}, with the final configuration in its log.
    fn dropped(committed: Index) -> Raft {
        let joint = Config {
            index: Index(1),
            members: vec![
                member(1, MemberRole::Voter),
                member(2, MemberRole::Learner),
                member(3, MemberRole::Learner),
            ],
            outgoing: vec![MemberId(1), MemberId(2), MemberId(3)],
            leaving: vec![MemberId(2), MemberId(3)],
        };
        let last = Config {
            index: Index(2),
            members: vec![member(1, MemberRole::Voter)],
            ..Config::default()
        };
        let entries = [joint, last].map(|config| {
            Arc::new(Entry {
                term: Term(1),
                index: config.index,
                payload: Payload::Config(Arc::new(config)),
            })
        });
        let options = Options::new(ServerId(2));
        let mut raft = Raft::new(Boot {
            id: MemberId(2),
            timing: options.timing,
            window: options.window,
            seed: 1,
            hard: HardState { term: Term(1), vote: None },
            snapshot: SnapshotMeta::default(),
            entries: entries.to_vec(),
            repairing: false,
            next_seq: 1,
            now: Mono(0),
        });
        raft.commit_to(committed, &mut Vec::new());
        raft
    }

    fn asks(raft: &mut Raft) -> Vec<MemberId> {
        let mut out = Vec::new();
        raft.step(Mono(10_000), Event::Tick, &mut out);
        let asked = |action| match action {
            Action::Send { to, message: Message::PreVote { .. } } => Some(to),
            _ => None,
        };
        out.into_iter().filter_map(asked).collect()
    }

    #[test]
    fn a_dropped_voter_campaigns_until_the_entry_that_drops_it_is_committed() {
        for committed in [Index(0), Index(1)] {
            assert_eq!(asks(&mut dropped(committed)), [MemberId(1)]);
        }
        assert!(asks(&mut dropped(Index(2))).is_empty());
    }
}
