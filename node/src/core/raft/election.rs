//! Who leads (Raft §5.2, §5.4.1; pre-vote and check-quorum: dissertation §6.2 and §9.6).

use std::collections::BTreeMap;

use super::event::{HardState, Implausible, LogWrite, Message, Output};
use super::leader::Leading;
use super::server_state::ElectionState;
use super::writes::Deferred;
use super::{Raft, plausible, quorum};
use crate::core::types::{Index, MemberId, Mono, Term};

impl Raft {
    /// Whether this member could lead: it votes, and its log is whole.
    ///
    /// A voter that an uncommitted configuration drops may lead, too, until that is committed: the
    /// voters of the new one may lack the entry, and then cannot win against the logs that have it
    /// (dissertation §4.2.2). Votes are counted by the new configuration all the same. After a start
    /// nobody knows what is committed, so that counts as not known to be.
    fn may_campaign(&self) -> bool {
        let (log, me) = (&self.log, self.settings.id);
        let voted = log.config_before().is_some_and(|it| it.votes(me));
        let votes = log.config().votes(me) || voted;
        !self.repairing() && votes
    }

    /// Whether a leader was heard so lately that nobody should be elected now.
    fn leader_is_fresh(&self, now: Mono) -> bool {
        match self.state {
            ElectionState::Leader(_) => true,
            ElectionState::Follower
            | ElectionState::PreCandidate { .. }
            | ElectionState::Candidate { .. } => {
                let election = self.settings.timing.election;
                self.leader.is_some() && self.heard.is_some_and(|at| now.since(at) < election)
            }
        }
    }

    /// Whether a log that ends there holds all that this one holds (Raft §5.4.1).
    fn up_to_date(&self, end: (Term, Index)) -> bool {
        end >= (self.log.last_term(), self.log.last_index())
    }

    /// Nobody was heard for long enough.
    pub(super) fn election_timeout(&mut self, now: Mono, out: &mut Vec<Output>) {
        self.timer.reset(now);
        if self.leader.take().is_some() {
            out.push(Output::RoleChanged);
        }
        if self.may_campaign() {
            self.ask_for_votes(now, out);
        }
    }

    /// A link that breaks may be the end of the leader, and one that comes up the last that was
    /// missing for an election: neither is waited out. If there is a leader after all, its next
    /// heartbeat puts the election off, and those that hear it refuse the pre-vote.
    pub(super) fn link_changed(&mut self, now: Mono, member: MemberId, up: bool) {
        match self.state {
            ElectionState::Follower | ElectionState::PreCandidate { .. } => {}
            ElectionState::Candidate { .. } | ElectionState::Leader(_) => return,
        }
        let lost = !up && self.leader == Some(member);
        if lost {
            self.heard = None;
        }
        let linked = |id| id == self.settings.id || self.linked.contains(&id);
        let missing = up && self.leader.is_none() && quorum::reached(self.log.config(), linked);
        if lost || missing {
            self.timer.shorten(now);
        }
    }

    /// Whether another member can be in that term.
    pub(super) fn may_be(&self, from: MemberId, term: Term) -> Result<(), Implausible> {
        if from == self.settings.id {
            return Err(Implausible::OwnName);
        }
        plausible::in_reach(self.hard.term, term)
    }

    /// Whether another member can lead in that term. There is one leader a term: whoever else says
    /// that it leads is broken.
    pub(super) fn may_lead(&self, from: MemberId, term: Term) -> Result<(), Implausible> {
        self.may_be(from, term)?;
        let other = self.leader.is_some_and(|leader| leader != from);
        if term == self.hard.term && other { Err(Implausible::SecondLeader) } else { Ok(()) }
    }

    /// Moves to a term and follows whoever leads in it, if that is known.
    pub(super) fn follow(
        &mut self,
        now: Mono,
        term: Term,
        leader: Option<MemberId>,
        out: &mut Vec<Output>,
    ) {
        let before = (self.hard.term, self.leader);
        if term > self.hard.term {
            self.hard = HardState { term, vote: None };
            self.writes.write(LogWrite::Hard(self.hard), out);
            self.following.new_term();
            self.heard = None;
        }
        if !matches!(self.state, ElectionState::Follower) {
            self.step_down(out);
            self.timer.reset(now);
        }
        self.leader = leader;
        if let Some(leader) = leader {
            self.heard = Some(now);
            self.timer.reset(now);
            if let Some(transfer) = self.handed_over.take() {
                transfer.handed_over_to(leader, out);
            }
        }
        if before != (self.hard.term, self.leader) {
            out.push(Output::RoleChanged);
        }
    }

    /// Follows from now on, whatever this member was.
    pub(super) fn step_down(&mut self, out: &mut Vec<Output>) {
        let state = std::mem::replace(&mut self.state, ElectionState::Follower);
        if let ElectionState::Leader(leading) = state {
            self.leader = None;
            if let Some(transfer) = leading.end(out) {
                self.handed_over = Some(transfer);
            }
            out.push(Output::RoleChanged);
        }
    }

    /// Asks the voters whether they would elect this member.
    fn ask_for_votes(&mut self, now: Mono, out: &mut Vec<Output>) {
        let Some(term) = self.hard.term.next() else {
            return;
        };
        self.state = ElectionState::PreCandidate { votes: BTreeMap::new() };
        let message = Message::PreVote {
            term,
            last_index: self.log.last_index(),
            last_term: self.log.last_term(),
        };
        for to in self.other_voters() {
            out.push(Output::Send { to, message: message.clone() });
        }
        self.count_pre_vote(now, self.settings.id, true, out);
    }

    /// Stands for election in a new term. Its requests leave, and its own vote counts, once the
    /// vote is durable.
    fn campaign(&mut self, now: Mono, transfer: bool, out: &mut Vec<Output>) {
        let Some(term) = self.hard.term.next() else {
            return;
        };
        self.hard = HardState { term, vote: Some(self.settings.id) };
        self.leader = None;
        self.heard = None;
        self.following.new_term();
        self.state = ElectionState::Candidate { votes: BTreeMap::new() };
        self.timer.reset(now);
        self.writes.write(LogWrite::Hard(self.hard), out);
        let message = Message::Vote {
            term,
            last_index: self.log.last_index(),
            last_term: self.log.last_term(),
            transfer,
        };
        for to in self.other_voters() {
            self.writes.when_durable(Deferred::Send { to, message: message.clone() });
        }
        self.writes.when_durable(Deferred::OwnVote { term });
        out.push(Output::RoleChanged);
    }

    fn other_voters(&self) -> Vec<MemberId> {
        let config = self.log.config();
        let mut voters = config.voters();
        voters.extend(&config.outgoing);
        voters.sort();
        voters.dedup();
        voters.retain(|voter| *voter != self.settings.id);
        voters
    }

    pub(super) fn on_pre_vote(
        &mut self,
        now: Mono,
        from: MemberId,
        term: Term,
        end: (Term, Index),
        out: &mut Vec<Output>,
    ) {
        let granted = term > self.hard.term
            && !self.leader_is_fresh(now)
            && !self.repairing()
            && self.up_to_date(end);
        if granted {
            self.timer.back_off(now);
        }
        let term = if granted { term } else { self.hard.term };
        out.push(Output::Send { to: from, message: Message::PreVoteReply { term, granted } });
    }

    pub(super) fn on_pre_vote_reply(
        &mut self,
        now: Mono,
        from: MemberId,
        term: Term,
        granted: bool,
        out: &mut Vec<Output>,
    ) {
        if granted {
            if Some(term) == self.hard.term.next() {
                self.count_pre_vote(now, from, true, out);
            }
        } else if term > self.hard.term {
            self.follow(now, term, None, out);
        } else {
            self.count_pre_vote(now, from, false, out);
        }
    }

    fn count_pre_vote(&mut self, now: Mono, from: MemberId, yes: bool, out: &mut Vec<Output>) {
        let ElectionState::PreCandidate { votes } = &mut self.state else {
            return;
        };
        votes.insert(from, yes);
        if quorum::reached(self.log.config(), |id| votes.get(&id) == Some(&true)) {
            self.campaign(now, false, out);
        }
    }

    pub(super) fn on_vote(
        &mut self,
        now: Mono,
        from: MemberId,
        term: Term,
        end: (Term, Index),
        transfer: bool,
        out: &mut Vec<Output>,
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
                self.writes.write(LogWrite::Hard(self.hard), out);
            }
            self.timer.reset(now);
        }
        let message = Message::VoteReply { term: self.hard.term, granted };
        self.writes.when_durable(Deferred::Send { to: from, message });
        self.release(now, out);
    }

    pub(super) fn on_vote_reply(
        &mut self,
        now: Mono,
        from: MemberId,
        term: Term,
        granted: bool,
        out: &mut Vec<Output>,
    ) {
        if term > self.hard.term {
            self.follow(now, term, None, out);
        } else if term == self.hard.term {
            self.count_vote(now, from, granted, out);
        }
    }

    fn count_vote(&mut self, now: Mono, from: MemberId, yes: bool, out: &mut Vec<Output>) {
        let ElectionState::Candidate { votes } = &mut self.state else {
            return;
        };
        votes.insert(from, yes);
        if quorum::reached(self.log.config(), |id| votes.get(&id) == Some(&true)) {
            self.lead(now, out);
        }
    }

    /// Elected.
    fn lead(&mut self, now: Mono, out: &mut Vec<Output>) {
        self.leader = Some(self.settings.id);
        self.heard = Some(now);
        let start = self.log.last_index().next();
        let leading = Leading::new(now, start, &self.settings);
        self.state = ElectionState::Leader(Box::new(leading));
        if let Some(mut leader) = self.as_leader(now, out) {
            leader.start_term();
        }
    }

    /// The old leader hands over: no pre-vote, and the others' loyalty to it does not count
    /// (dissertation §3.10).
    pub(super) fn on_timeout_now(
        &mut self,
        now: Mono,
        from: MemberId,
        term: Term,
        out: &mut Vec<Output>,
    ) {
        if term == self.hard.term && self.leader == Some(from) && self.may_campaign() {
            self.campaign(now, true, out);
        }
    }

    /// Sends, or counts, what waits for nothing that is not durable yet.
    pub(super) fn release(&mut self, now: Mono, out: &mut Vec<Output>) {
        while let Some(deferred) = self.writes.pop_due() {
            match deferred {
                Deferred::Send { to, message } => out.push(Output::Send { to, message }),
                Deferred::OwnVote { term } if term == self.hard.term => {
                    self.count_vote(now, self.settings.id, true, out);
                }
                // Of an election that is over.
                Deferred::OwnVote { .. } => {}
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
    use crate::core::raft::config::{Config, Member, Role};
    use crate::core::raft::event::{Boot, Event, SnapshotMeta};
    use crate::core::types::ServerId;

    fn member(id: u64, role: Role) -> Member {
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
                member(1, Role::Voter),
                member(2, Role::Learner),
                member(3, Role::Learner),
            ],
            outgoing: vec![MemberId(1), MemberId(2), MemberId(3)],
            leaving: vec![MemberId(2), MemberId(3)],
        };
        let last =
            Config { index: Index(2), members: vec![member(1, Role::Voter)], ..Config::default() };
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
            Output::Send { to, message: Message::PreVote { .. } } => Some(to),
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
