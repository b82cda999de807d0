//! How a server goes: leadership is handed over first, then clients are let go in small batches.

use super::super::ctx::Ctx;
use super::Ensemble;
use crate::core::effect::Effect;
use crate::core::raft::config::Role;
use crate::core::raft::event::Event;
use crate::core::raft::{PeerView, Raft};
use crate::core::types::{CallId, Index, MemberId, Mono};

/// After this long, a drain closes what is left, in milliseconds.
const DRAIN_MS: u64 = 8_000;
/// How often a drain closes a batch, in milliseconds.
const DRAIN_STEP_MS: u64 = 100;
/// How often a drain asks again to hand leadership over, in milliseconds.
const HAND_OVER_MS: u64 = 1_000;

/// One that is under way; it never ends but with the process.
#[derive(Debug)]
pub(super) struct Drain {
    calls: Vec<CallId>,
    since: Mono,
    stepped: Mono,
    asked: Option<Mono>,
}

/// Clients that are to be let go now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::core::node) enum LetGo {
    /// A batch of them.
    Some,
    /// All: it has taken too long.
    All,
}

impl Ensemble {
    /// An operator wants this server to go; answered when no client is left.
    pub(in crate::core::node) fn start_drain(&mut self, cx: &Ctx<'_>, call: CallId) {
        let drain = self.readiness.drain.get_or_insert(Drain {
            calls: Vec::new(),
            since: cx.now.mono,
            stepped: Mono(0),
            asked: None,
        });
        drain.calls.push(call);
    }

    /// Hands leadership over, then says whom to let go.
    pub(in crate::core::node) fn tick_drain(&mut self, cx: &mut Ctx<'_>) -> Option<LetGo> {
        let drain = self.readiness.drain.as_mut()?;
        let now = cx.now.mono;
        let late = now.since(drain.since) >= DRAIN_MS;
        let successor = cx.leading().filter(|_| !late).and_then(|raft| best_successor(raft, now));
        if let Some(target) = successor {
            if drain.asked.is_none_or(|asked| now.since(asked) >= HAND_OVER_MS) {
                drain.asked = Some(now);
                let id = cx.numbers.call();
                cx.events.push_back(Event::Transfer { id, target });
            }
            return None;
        }
        if now.since(drain.stepped) < DRAIN_STEP_MS {
            return None;
        }
        drain.stepped = now;
        Some(if late { LetGo::All } else { LetGo::Some })
    }

    /// No client is left.
    pub(in crate::core::node) fn drained(&mut self, cx: &mut Ctx<'_>) {
        let calls = self.readiness.drain.as_mut().map(|drain| std::mem::take(&mut drain.calls));
        for call in calls.unwrap_or_default() {
            cx.out.push(Effect::AnswerAdmin { call, result: Ok(Index(0)) });
        }
    }
}

/// The voter to hand leadership to: connected, and the furthest.
fn best_successor(raft: &Raft, now: Mono) -> Option<MemberId> {
    let config = raft.config();
    let voter = |id: MemberId| config.member(id).is_some_and(|member| member.role == Role::Voter);
    let fit = |view: &PeerView| view.id != raft.id() && view.connected && voter(view.id);
    raft.peers(now).into_iter().filter(fit).max_by_key(|view| view.matched).map(|view| view.id)
}
