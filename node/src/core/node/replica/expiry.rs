//! When sessions end. The leader alone decides, on monotonic time, and gives every session its
//! full timeout after it was elected or was itself paused.

use std::collections::{BTreeMap, BTreeSet};

use super::super::ctx::Ctx;
use crate::core::effect::{Effect, Note};
use crate::core::entry::Action;
use crate::core::message::PeerMessage;
use crate::core::state::State;
use crate::core::types::{Mono, SessionId};

#[derive(Clone, Copy, Debug)]
struct Life {
    heard: Mono,
    timeout_ms: u64,
}

/// Sessions that spoke, and, on the leader, when each ends.
#[derive(Debug, Default)]
pub(super) struct Expiry {
    /// Leader only.
    lives: BTreeMap<SessionId, Life>,
    /// Leader only: when to look at a session next; never later than its end.
    look: BTreeSet<(Mono, SessionId)>,
    /// Spoke here since the leader was last told.
    touched: BTreeSet<SessionId>,
    told: Mono,
    last_tick: Option<Mono>,
}

impl Expiry {
    /// A session spoke.
    pub(super) fn touch(&mut self, session: SessionId, now: Mono) {
        if session == SessionId(0) {
            return;
        }
        self.touched.insert(session);
        self.heard(session, now);
    }

    /// As leader: a session spoke somewhere.
    pub(super) fn heard(&mut self, session: SessionId, now: Mono) {
        if let Some(life) = self.lives.get_mut(&session) {
            life.heard = life.heard.max(now);
        }
    }

    /// As leader: a session that is to be watched from now on.
    pub(super) fn open(&mut self, session: SessionId, timeout_ms: i32, now: Mono) {
        let timeout_ms = u64::try_from(timeout_ms).unwrap_or(0);
        self.lives.insert(session, Life { heard: now, timeout_ms });
        self.look.insert((now.plus(timeout_ms), session));
    }

    /// A session is over.
    pub(super) fn end(&mut self, session: SessionId) {
        self.lives.remove(&session);
        self.touched.remove(&session);
    }

    /// Sessions whose time was up `grace_ms` ago. Each is given again after another timeout, should
    /// it still be there then.
    pub(super) fn due(&mut self, now: Mono, grace_ms: u64) -> Vec<SessionId> {
        let Some(now) = now.0.checked_sub(grace_ms).map(Mono) else {
            return Vec::new();
        };
        let mut due = Vec::new();
        while let Some((at, session)) = self.look.first().copied() {
            if at > now {
                break;
            }
            self.look.pop_first();
            let Some(life) = self.lives.get_mut(&session) else {
                continue;
            };
            let end = life.heard.plus(life.timeout_ms);
            if end > now {
                self.look.insert((end, session));
            } else {
                due.push(session);
                life.heard = now;
                self.look.insert((now.plus(life.timeout_ms.max(1)), session));
            }
        }
        due
    }

    /// As leader: milliseconds until a session ends, should it stay silent.
    pub(super) fn left(&self, session: SessionId, now: Mono) -> Option<u64> {
        let life = self.lives.get(&session)?;
        Some(life.heard.plus(life.timeout_ms).since(now))
    }

    /// Not the leader (any more).
    pub(super) fn stop(&mut self) {
        self.lives.clear();
        self.look.clear();
    }

    /// Every watched session gets its full timeout again.
    fn renew(&mut self, now: Mono) {
        for life in self.lives.values_mut() {
            life.heard = now;
        }
    }

    /// Newly elected: every session has its full timeout from now on.
    pub(super) fn watch_all(&mut self, state: &State, now: Mono) {
        self.stop();
        for (session, details) in state.sessions() {
            self.open(session, details.timeout_ms, now);
        }
    }

    pub(super) fn tick(&mut self, cx: &mut Ctx<'_>) {
        let gap = self.last_tick.map_or(0, |last| cx.now.mono.since(last));
        self.last_tick = Some(cx.now.mono);
        if gap > cx.options.timing.election {
            // This process did not run: whatever clients said meanwhile is still in the sockets.
            self.renew(cx.now.mono);
            cx.note(Note::Paused { millis: gap });
        }
        if cx.raft.is_none() {
            return;
        }
        if cx.proposing().is_some() {
            for session in self.due(cx.now.mono, grace_ms(cx)) {
                cx.note(Note::SessionExpired { session });
                cx.propose(Action::CloseSession { session, attach: None });
            }
        }
        if cx.now.mono.since(self.told) >= cx.options.tick_ms / 4 {
            self.told = cx.now.mono;
            self.pass_on_touches(cx);
        }
    }

    fn pass_on_touches(&mut self, cx: &mut Ctx<'_>) {
        let Some(leader) = cx.leader() else { return };
        let touched = std::mem::take(&mut self.touched);
        if leader != cx.me.member && !touched.is_empty() {
            let message = PeerMessage::Touch { sessions: touched.into_iter().collect() };
            cx.out.push(Effect::Peer { to: leader, message });
        }
    }
}

/// How long a session lives on after its timeout: the leader may hear from a client's server
/// so much later that it spoke. A session that was never silent for its timeout must not end,
/// and one that was ends within a tick: a quarter goes by until it is passed on, half of one
/// here, and what is left is for the network and for this server's own steps.
fn grace_ms(cx: &Ctx<'_>) -> u64 {
    cx.options.tick_ms / 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_ends_when_it_was_silent_for_its_timeout_and_not_before() {
        let mut expiry = Expiry::default();
        expiry.open(SessionId(1), 100, Mono(0));
        assert!(expiry.due(Mono(99), 0).is_empty());
        expiry.heard(SessionId(1), Mono(60));
        assert!(expiry.due(Mono(100), 0).is_empty());
        assert!(expiry.due(Mono(159), 0).is_empty());
        assert_eq!(expiry.due(Mono(160), 0), [SessionId(1)]);
    }

    #[test]
    fn a_pause_of_the_leader_itself_ends_no_session() {
        let mut expiry = Expiry::default();
        expiry.open(SessionId(1), 100, Mono(0));
        expiry.renew(Mono(5_000));
        assert!(expiry.due(Mono(5_099), 0).is_empty());
        assert_eq!(expiry.due(Mono(5_100), 0), [SessionId(1)]);
    }

    #[test]
    fn grace_is_given_on_top_of_the_timeout_once() {
        let mut expiry = Expiry::default();
        expiry.open(SessionId(1), 100, Mono(0));
        assert!(expiry.due(Mono(49), 50).is_empty());
        assert!(expiry.due(Mono(149), 50).is_empty());
        assert_eq!(expiry.due(Mono(150), 50), [SessionId(1)]);
        assert!(expiry.due(Mono(249), 50).is_empty(), "not asked for at every tick");
        assert_eq!(expiry.due(Mono(250), 50), [SessionId(1)]);
    }
}
