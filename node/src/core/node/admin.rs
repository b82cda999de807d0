//! What operators ask. Every call is idempotent: asked again, it finds its work done.

use std::collections::BTreeMap;

use super::Node;
use crate::core::effect::Effect;
use crate::core::input::{AdminError, AdminRequest};
use crate::core::raft::event::{Event, Refusal};
use crate::core::raft::{Raft, ServerState};
use crate::core::types::{CallId, EnsembleId, Index, MemberId, Now, WriteSeq};

/// Calls that wait for the consensus core, under its numbers for them.
#[derive(Debug, Default)]
pub(super) struct Calls {
    last: u64,
    /// `None`: this server's own (a drain's transfer).
    waiting: BTreeMap<u64, Option<CallId>>,
}

impl Calls {
    pub(super) fn number(&mut self, call: Option<CallId>) -> u64 {
        self.last += 1;
        self.waiting.insert(self.last, call);
        self.last
    }
}

impl Node {
    pub(super) fn admin(
        &mut self,
        now: Now,
        call: CallId,
        request: AdminRequest,
        out: &mut Vec<Effect>,
    ) {
        let answer = match request {
            AdminRequest::Form { ensemble, seed, members } => {
                self.form_call(now, call, (ensemble, seed), members, out)
            }
            AdminRequest::Change { ensemble, expected, change } => {
                self.of_ensemble(ensemble).map(drop).map(|()| {
                    let id = self.calls.number(Some(call));
                    self.events.push_back(Event::Change { id, expected, change });
                    None
                })
            }
            AdminRequest::Transfer { ensemble, target } => {
                self.transfer_call(call, ensemble, target)
            }
            AdminRequest::Drain => {
                self.start_drain(now, call, out);
                Ok(None)
            }
            AdminRequest::Snapshot => {
                self.snapshots.demand();
                self.maybe_snapshot(now, out);
                Ok(Some(self.state.applied()))
            }
            AdminRequest::Wipe { ensemble, member } => self.wipe_call(ensemble, member, out),
        };
        match answer {
            Ok(None) => {}
            Ok(Some(version)) => out.push(Effect::AnswerAdmin { call, result: Ok(version) }),
            Err(error) => out.push(Effect::AnswerAdmin { call, result: Err(error) }),
        }
    }

    fn of_ensemble(&self, ensemble: EnsembleId) -> Result<&Raft, AdminError> {
        match &self.raft {
            Some(raft) if self.ensemble == Some(ensemble) => Ok(raft),
            _ => Err(AdminError::WrongEnsemble),
        }
    }

    fn transfer_call(
        &mut self,
        call: CallId,
        ensemble: EnsembleId,
        target: MemberId,
    ) -> Result<Option<Index>, AdminError> {
        let raft = self.of_ensemble(ensemble)?;
        if raft.leader() == Some(target) {
            return Ok(Some(raft.config().index));
        }
        let id = self.calls.number(Some(call));
        self.events.push_back(Event::Transfer { id, target });
        Ok(None)
    }

    /// Only what a committed configuration has dropped may be forgotten.
    fn wipe_call(
        &mut self,
        ensemble: EnsembleId,
        member: MemberId,
        out: &mut Vec<Effect>,
    ) -> Result<Option<Index>, AdminError> {
        let raft = self.of_ensemble(ensemble)?;
        if member != self.member {
            return Err(AdminError::UnknownMember);
        }
        if raft.server_state() != ServerState::Removed {
            return Err(AdminError::NotRemoved);
        }
        let version = raft.config().index;
        out.push(Effect::Wipe);
        Ok(Some(version))
    }

    pub(super) fn call_done(&mut self, id: u64, version: Index, out: &mut Vec<Effect>) {
        if let Some(Some(call)) = self.calls.waiting.remove(&id) {
            out.push(Effect::AnswerAdmin { call, result: Ok(version) });
        }
    }

    pub(super) fn call_refused(&mut self, id: u64, refusal: Refusal, out: &mut Vec<Effect>) {
        if let Some(Some(call)) = self.calls.waiting.remove(&id) {
            let error = match refusal {
                Refusal::NotLeader => AdminError::NotLeader,
                Refusal::VersionConflict => AdminError::ConfigVersionConflict,
                Refusal::InProgress => AdminError::ChangeInProgress,
                Refusal::NoQuorum => AdminError::NoQuorum,
                Refusal::LearnerBehind => AdminError::LearnerBehind,
                Refusal::UnknownMember => AdminError::UnknownMember,
                Refusal::Invalid => AdminError::InvalidRequest,
                Refusal::LostLeadership | Refusal::TransferTimedOut => AdminError::Timeout,
            };
            out.push(Effect::AnswerAdmin { call, result: Err(error) });
        }
    }

    pub(super) fn transfer_done(&mut self, id: u64, out: &mut Vec<Effect>) {
        let version = self.raft.as_ref().map_or(Index(0), |raft| raft.config().index);
        self.call_done(id, version, out);
    }

    /// Log writes reached the disk.
    pub(super) fn durable(&mut self, _now: Now, seq: WriteSeq, out: &mut Vec<Effect>) {
        let (formed, call) = self.formation.durable(seq);
        if formed {
            self.refresh_links(out);
        }
        if let Some(call) = call {
            out.push(Effect::AnswerAdmin { call, result: Ok(Index(1)) });
        }
        self.events.push_back(Event::Durable(seq));
    }
}
