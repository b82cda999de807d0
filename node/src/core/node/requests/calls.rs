//! Calls of operators that wait for the consensus core. Every call is idempotent: asked again, it finds
//! its work done.

use std::collections::BTreeMap;

use super::super::ctx::Ctx;
use crate::core::effect::Effect;
use crate::core::input::AdminError;
use crate::core::raft::event::Refusal;
use crate::core::types::{CallId, Index};

/// Those that wait, under the consensus core's numbers for what they ask.
#[derive(Debug, Default)]
pub(super) struct Calls {
    waiting: BTreeMap<u64, CallId>,
}

impl Calls {
    /// A number under which this call is asked of the consensus core.
    pub(super) fn number(&mut self, cx: &mut Ctx<'_>, call: CallId) -> u64 {
        let id = cx.numbers.call();
        self.waiting.insert(id, call);
        id
    }

    /// What was asked under this number is done, as of this version of the configuration.
    pub(super) fn done(&mut self, cx: &mut Ctx<'_>, id: u64, version: Index) {
        if let Some(call) = self.waiting.remove(&id) {
            cx.out.push(Effect::AnswerAdmin { call, result: Ok(version) });
        }
    }

    /// It was refused.
    pub(super) fn refused(&mut self, cx: &mut Ctx<'_>, id: u64, refusal: Refusal) {
        if let Some(call) = self.waiting.remove(&id) {
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
            cx.out.push(Effect::AnswerAdmin { call, result: Err(error) });
        }
    }
}
