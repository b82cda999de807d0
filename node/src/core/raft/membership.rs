//! Membership changes: one at a time, each under the version it was decided on (Raft §6).
//!
//! Learners come and go by one entry. Voters change by a joint configuration, which needs a
//! majority of both halves, and, as soon as that is committed, the final one. Operators keep the
//! number of voters odd; who changes the members as a whole may have any.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::config::{Config, Member, Role as MemberRole};
use super::event::{Action, Change, Message, Refusal};
use super::{Raft, Role, quorum};
use crate::core::entry::Payload;
use crate::core::types::{Index, MemberId, Mono};

/// Somebody waits for a change.
#[derive(Debug)]
pub(super) struct Pending {
    id: u64,
}

impl Pending {
    pub(super) fn lost(self, out: &mut Vec<Action>) {
        let refusal = Refusal::LostLeadership;
        out.push(Action::ChangeRefused { id: self.id, refusal });
    }
}

impl Raft {
    pub(super) fn change(
        &mut self,
        now: Mono,
        id: u64,
        expected: Index,
        change: Change,
        out: &mut Vec<Action>,
    ) {
        match self.next_config(now, expected, change) {
            Err(refusal) => out.push(Action::ChangeRefused { id, refusal }),
            Ok(None) => out.push(Action::ChangeDone { id, version: self.log.config().index }),
            Ok(Some(config)) => {
                if let Role::Leader(leading) = &mut self.role {
                    leading.change = Some(Pending { id });
                }
                let before = self.log.config().members.iter();
                let gone = before.filter(|it| config.member(it.id).is_none());
                self.linger(now, gone.cloned().collect());
                self.propose(now, vec![Payload::Config(Arc::new(config))], out);
            }
        }
    }

    /// The configuration that a change leads to; `None` if it is in force already.
    fn next_config(
        &self,
        now: Mono,
        expected: Index,
        change: Change,
    ) -> Result<Option<Config>, Refusal> {
        let Role::Leader(leading) = &self.role else {
            return Err(Refusal::NotLeader);
        };
        let config = self.log.config();
        let settled = !config.joint() && config.index <= self.log.commit_index();
        if !settled || leading.transfer.is_some() || !self.ready_to_serve() {
            return Err(Refusal::InProgress);
        }
        let next = match change {
            Change::AddLearners(members) => add_learners(config, members)?,
            Change::RemoveLearners(ids) => remove_learners(config, &ids)?,
            Change::Voters(voters) => self.joint(now, config, voters)?,
            Change::Members(members) => self.reshaped(now, config, members)?,
        };
        if next.members == config.members && next.outgoing.is_empty() {
            return Ok(None);
        }
        if expected != config.index {
            return Err(Refusal::VersionConflict);
        }
        Ok(Some(next))
    }

    /// The joint configuration towards exactly these voters.
    fn joint(
        &self,
        now: Mono,
        config: &Config,
        mut voters: Vec<MemberId>,
    ) -> Result<Config, Refusal> {
        voters.sort();
        voters.dedup();
        let old = config.voters();
        if voters == old {
            return Ok(Config { leaving: Vec::new(), ..config.clone() });
        }
        if voters.len().is_multiple_of(2) {
            return Err(Refusal::Invalid);
        }
        for id in &voters {
            let member = config.member(*id).ok_or(Refusal::UnknownMember)?;
            if member.role == MemberRole::Observer {
                return Err(Refusal::Invalid);
            }
        }
        self.can_vote(now, config, &voters)?;
        let mut next = config.clone();
        next.leaving = old.iter().copied().filter(|id| !voters.contains(id)).collect();
        next.outgoing = old;
        for member in &mut next.members {
            if voters.contains(&member.id) {
                member.role = MemberRole::Voter;
            } else if member.role == MemberRole::Voter {
                member.role = MemberRole::Learner;
            }
        }
        Ok(next)
    }

    /// Whether these could commit at once.
    fn can_vote(&self, now: Mono, config: &Config, voters: &[MemberId]) -> Result<(), Refusal> {
        for id in voters {
            let member = config.member(*id).ok_or(Refusal::UnknownMember)?;
            if member.role != MemberRole::Voter && !self.caught_up(now, *id) {
                return Err(Refusal::LearnerBehind);
            }
        }
        let ready = voters.iter().filter(|id| self.caught_up(now, **id)).count();
        if ready < quorum::majority(voters.len()) {
            return Err(Refusal::NoQuorum);
        }
        Ok(())
    }

    /// The configuration towards exactly these members.
    fn reshaped(
        &self,
        now: Mono,
        config: &Config,
        mut members: Vec<Member>,
    ) -> Result<Config, Refusal> {
        members.sort_by_key(|member| member.id);
        let mut next = Config { members, ..Config::default() };
        let (old, voters) = (config.voters(), next.voters());
        let mut servers: Vec<_> = next.members.iter().map(|member| member.server).collect();
        servers.sort();
        servers.dedup();
        let (count, ids) = (next.members.len(), next.members.iter().map(|it| it.id));
        let distinct = servers.len() == count && ids.collect::<BTreeSet<_>>().len() == count;
        let learns = next.members.iter().any(|it| it.role == MemberRole::Learner);
        if voters.is_empty() || !distinct || learns {
            return Err(Refusal::Invalid);
        }
        self.can_vote(now, config, &voters)?;
        if voters == old {
            next.index = config.index;
            return Ok(next);
        }
        let known: BTreeSet<MemberId> = next.members.iter().map(|it| it.id).collect();
        for member in &config.members {
            if !known.contains(&member.id) {
                next.leaving.push(member.id);
                next.members.push(Member { role: MemberRole::Learner, ..member.clone() });
            }
        }
        next.members.sort_by_key(|member| member.id);
        next.outgoing = old;
        Ok(next)
    }

    /// Whether this member could be counted on at once: within reach, heard lately and in step, so
    /// that with its vote commits are not held up.
    pub(super) fn caught_up(&self, now: Mono, id: MemberId) -> bool {
        let Role::Leader(leading) = &self.role else {
            return false;
        };
        let near = self.log.last_index().0.saturating_sub(self.window.promotion_lag);
        id == self.id
            || leading.peers.get(&id).is_some_and(|peer| {
                let heard = peer.heard.is_some_and(|at| now.since(at) <= self.timing.election);
                peer.connected && heard && peer.replicating() && peer.matched.0 >= near.max(1)
            })
    }

    /// After a commit: the joint phase ends by itself, and whoever waits is told.
    pub(super) fn configuration_committed(&mut self, now: Mono, out: &mut Vec<Action>) {
        let config = self.log.config();
        if config.index > self.log.commit_index() {
            return;
        }
        if config.joint() {
            let last = config.clone();
            let leaves = |id: MemberId| last.leaving.contains(&id);
            let (gone, stay): (Vec<Member>, Vec<Member>) =
                last.members.iter().cloned().partition(|member| leaves(member.id));
            self.linger(now, gone);
            let next = Config { members: stay, ..Config::default() };
            return self.propose(now, vec![Payload::Config(Arc::new(next))], out);
        }
        let version = config.index;
        let leads_on = config.votes(self.id);
        if let Role::Leader(leading) = &mut self.role
            && let Some(change) = leading.change.take()
        {
            out.push(Action::ChangeDone { id: change.id, version });
        }
        if !leads_on {
            self.leave(now, out);
        }
    }

    /// These are dropped by what is proposed next, and are told so for a while: a server that does
    /// not know would wait for its leader and keep a place for clients.
    fn linger(&mut self, now: Mono, gone: Vec<Member>) {
        let until = now.plus(5 * self.timing.election);
        if let Role::Leader(leading) = &mut self.role {
            let gone = gone.into_iter().map(|member| (member, until));
            leading.lingering.extend(gone);
        }
    }

    /// A leader that is no voter any more: tells the others of the commit, lets the most advanced
    /// voter campaign at once, and steps down.
    fn leave(&mut self, now: Mono, out: &mut Vec<Action>) {
        self.replicate_all(now, true, out);
        let config = self.log.config();
        if let Role::Leader(leading) = &self.role {
            let voters = leading.peers.iter().filter(|(id, _)| config.votes(**id));
            if let Some((to, _)) = voters.max_by_key(|(_, peer)| peer.matched) {
                let message = Message::TimeoutNow { term: self.hard.term };
                out.push(Action::Send { to: *to, message });
            }
        }
        self.step_down(out);
        self.rest(now);
    }
}

fn add_learners(config: &Config, members: Vec<Member>) -> Result<Config, Refusal> {
    let mut next = config.clone();
    for member in members {
        if next.member(member.id).is_some() {
            continue;
        }
        if member.role == MemberRole::Voter || member.id == MemberId(0) {
            return Err(Refusal::Invalid);
        }
        next.members.push(member);
    }
    next.members.sort_by_key(|member| member.id);
    Ok(next)
}

fn remove_learners(config: &Config, ids: &[MemberId]) -> Result<Config, Refusal> {
    if ids.iter().any(|id| config.votes(*id)) {
        return Err(Refusal::Invalid);
    }
    let mut next = config.clone();
    next.members.retain(|member| !ids.contains(&member.id));
    Ok(next)
}
