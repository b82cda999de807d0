//! What operators ask. Every call is idempotent: asked again, it finds its work done.

use super::Node;
use super::ctx::Ctx;
use super::ensemble::{Formed, LetGo};
use crate::core::effect::Effect;
use crate::core::input::{AdminError, AdminRequest};
use crate::core::types::{CallId, Index, Now};

impl Node {
    /// A call, answered at once or when what it asks for is done.
    pub(super) fn admin(
        &mut self,
        now: Now,
        call: CallId,
        request: AdminRequest,
        out: &mut Vec<Effect>,
    ) {
        let result = self.admin_call(now, call, request, out);
        if let Some(result) = result.transpose() {
            out.push(Effect::AnswerAdmin { call, result });
        }
    }

    /// `Ok(None)`: answered later.
    fn admin_call(
        &mut self,
        now: Now,
        call: CallId,
        request: AdminRequest,
        out: &mut Vec<Effect>,
    ) -> Result<Option<Index>, AdminError> {
        let mut cx = cx!(self, now, out);
        match request {
            AdminRequest::Form { ensemble, seed, members } => {
                match self.ensemble.form_call(&mut cx, call, (ensemble, seed), members)? {
                    Formed::Before(version) => return Ok(Some(version)),
                    Formed::Now(birth) => self.begin(now, Some(birth)),
                }
            }
            AdminRequest::Change { ensemble, expected, change } => {
                self.ensemble.meant(&cx, ensemble)?;
                self.requests.change(&mut cx, call, expected, change);
            }
            AdminRequest::Transfer { ensemble, target } => {
                let raft = self.ensemble.meant(&cx, ensemble)?;
                if raft.leader() == Some(target) {
                    return Ok(Some(raft.config().index));
                }
                self.requests.transfer(&mut cx, call, target);
            }
            AdminRequest::Drain => {
                self.ensemble.start_drain(&cx, call);
                self.drain(now, out);
            }
            AdminRequest::Snapshot => return Ok(Some(self.replica.demand_snapshot(&mut cx))),
            AdminRequest::SetVersion { ensemble, expected, version } => {
                self.ensemble.meant(&cx, ensemble)?;
                return self.ensemble.version_call(&mut cx, call, expected, version);
            }
            AdminRequest::Wipe { ensemble, member } => {
                return self.ensemble.wipe(&mut cx, ensemble, member).map(Some);
            }
        }
        Ok(None)
    }

    /// Lets clients go, if this server is on its way out and somebody else leads.
    pub(super) fn drain(&mut self, now: Now, out: &mut Vec<Effect>) {
        let Some(let_go) = self.ensemble.tick_drain(&mut cx!(self, now, out)) else {
            return;
        };
        let all = let_go == LetGo::All;
        if !self.clients.drain(&mut cx!(self, now, out), all) {
            self.ensemble.drained(&mut cx!(self, now, out));
        }
    }
}
