//! A change of the membership, from its first entry to its last (Raft §6). As soon as a joint
//! configuration is committed, the final one follows.

use std::sync::Arc;

use super::membership;
use super::{Leader, Leads, StepDown};
use crate::core::entry::Payload;
use crate::core::raft::config::{Config, Member};
use crate::core::raft::event::{Change, Message, Output, Refusal};
use crate::core::types::{Index, MemberId};

impl Leader<'_> {
    /// The membership is to change, under the version on which that was decided.
    pub(in crate::core::raft) fn change(&mut self, id: u64, expected: Index, change: Change) {
        match self.next_config(expected, change) {
            Err(refusal) => self.out.push(Output::ChangeRefused { id, refusal }),
            Ok(None) => {
                self.out.push(Output::ChangeDone { id, version: self.log.config().index });
            }
            Ok(Some(config)) => {
                self.leading.change = Some(id);
                let before = self.log.config().members.iter();
                let gone = before.filter(|it| config.member(it.id).is_none());
                let gone: Vec<Member> = gone.cloned().collect();
                self.linger(gone);
                self.propose(vec![Payload::Config(Arc::new(config))]);
            }
        }
    }

    /// The configuration that a change leads to; `None` if it is in force already.
    fn next_config(&self, expected: Index, change: Change) -> Result<Option<Config>, Refusal> {
        let config = self.log.config();
        let settled = !config.joint() && config.index <= self.log.commit_index();
        let busy = self.leading.transferring() || !self.leading.ready_to_serve(self.log);
        if !settled || busy {
            return Err(Refusal::InProgress);
        }
        let caught_up = |id| self.leading.caught_up(self.now, self.settings, self.log, id);
        let next = membership::next(config, change, caught_up)?;
        if next.members == config.members && next.outgoing.is_empty() {
            return Ok(None);
        }
        if expected != config.index {
            return Err(Refusal::VersionConflict);
        }
        Ok(Some(next))
    }

    /// After a commit: the joint phase ends by itself, and whoever waits is told.
    pub(super) fn configuration_committed(&mut self) -> Leads {
        let config = self.log.config();
        if config.index > self.log.commit_index() {
            return Leads::Continue(());
        }
        if config.joint() {
            let last = config.clone();
            let leaves = |id: MemberId| last.leaving.contains(&id);
            let (gone, stay): (Vec<Member>, Vec<Member>) =
                last.members.iter().cloned().partition(|member| leaves(member.id));
            self.linger(gone);
            let next = Config { members: stay, ..Config::default() };
            self.propose(vec![Payload::Config(Arc::new(next))]);
            return Leads::Continue(());
        }
        let (version, leads_on) = (config.index, config.votes(self.settings.id));
        if let Some(id) = self.leading.change.take() {
            self.out.push(Output::ChangeDone { id, version });
        }
        if leads_on {
            return Leads::Continue(());
        }
        self.say_goodbye();
        Leads::Break(StepDown)
    }

    /// These are dropped by what is proposed next, and are told so for a while: a server that does
    /// not know would wait for its leader and keep a place for clients.
    fn linger(&mut self, gone: Vec<Member>) {
        let until = self.now.plus(5 * self.settings.timing.election);
        self.leading.lingering.extend(gone.into_iter().map(|member| (member, until)));
    }

    pub(super) fn forget_lingering(&mut self) {
        let before = self.leading.lingering.len();
        self.leading.lingering.retain(|(_, until)| *until > self.now);
        if self.leading.lingering.len() != before {
            self.refresh_peers(None);
            self.out.push(Output::Configured);
        }
    }

    /// A leader that is no voter any more tells the others of the commit and lets the most advanced
    /// voter campaign at once.
    fn say_goodbye(&mut self) {
        self.replicate_all(true);
        let config = self.log.config();
        let voters = self.leading.peers.iter().filter(|(id, _)| config.votes(**id));
        if let Some((to, _)) = voters.max_by_key(|(_, peer)| peer.matched()) {
            let message = Message::TimeoutNow { term: self.term };
            self.out.push(Output::Send { to: *to, message });
        }
    }
}
