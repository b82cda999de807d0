//! Whether this server serves clients, whether it is ready, and whether it could be spared.

use super::super::ctx::{Ctx, Service};
use super::{Ensemble, drain};
use crate::core::effect::Note;
use crate::core::options::Options;
use crate::core::raft::{Raft, ServerState};
use crate::core::types::{Index, MemberId, Mono, Now, Term};

/// What the leader said about sparing us is worth this long, in milliseconds.
const SPARED_MS: u64 = 3_000;

/// What is known of the service that this server can give.
#[derive(Debug)]
pub(super) struct Readiness {
    serving: bool,
    /// When a leader was last known to be alive.
    good: Mono,
    pub(super) drain: Option<drain::Drain>,
    disk_low: bool,
    memory_low: bool,
    leader: Option<MemberId>,
    term: Term,
    leading_since: Option<Mono>,
}

/// Leadership came to this server, or is elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::core::node) enum Leadership {
    Taken,
    Elsewhere,
}

impl Readiness {
    pub(super) fn new(now: Mono) -> Readiness {
        Readiness {
            serving: false,
            good: now,
            drain: None,
            disk_low: false,
            memory_low: false,
            leader: None,
            term: Term(0),
            leading_since: None,
        }
    }
}

impl Ensemble {
    /// The consensus core was started: its leader has not failed us yet.
    pub(in crate::core::node) fn started(&mut self, now: Mono) {
        self.readiness.good = now;
    }

    /// Free space fell below the watermark, or rose above it again.
    pub(in crate::core::node) fn disk_low(&mut self, low: bool) {
        self.readiness.disk_low = low;
    }

    /// Memory runs short, or there is enough again.
    pub(in crate::core::node) fn memory_low(&mut self, low: bool) {
        self.readiness.memory_low = low;
    }

    /// Whom this server serves now.
    pub(in crate::core::node) fn service(&self, options: &Options, raft: Option<&Raft>) -> Service {
        let Readiness { serving, disk_low, memory_low, .. } = self.readiness;
        let draining = self.readiness.drain.is_some();
        // What is here is old, but it is a state that was.
        let whole = |raft: &Raft| !raft.repairing() && raft.server_state() != ServerState::Removed;
        let read_only = options.read_only_mode && !serving && !draining && raft.is_some_and(whole);
        Service { serving, draining, read_only, disk_low, memory_low }
    }

    /// Role, leader or term may have changed.
    pub(in crate::core::node) fn role_changed(&mut self, cx: &mut Ctx<'_>) -> Option<Leadership> {
        let raft = cx.raft?;
        let (leader, term) = (raft.leader(), raft.term());
        let known = &mut self.readiness;
        if (leader, term) == (known.leader, known.term) {
            return None;
        }
        known.leader = leader;
        known.term = term;
        known.leading_since = None;
        self.peers.forget_pulse();
        self.versions.abandon(cx);
        match leader {
            Some(leader) if leader == cx.me.member => {
                self.readiness.leading_since = Some(cx.now.mono);
                cx.note(Note::BecameLeader { term });
                return Some(Leadership::Taken);
            }
            Some(leader) => cx.note(Note::Following { leader, term }),
            None => cx.note(Note::NoLeader { term }),
        }
        Some(Leadership::Elsewhere)
    }

    /// Serving starts when all that was committed before the present leader is applied here
    /// (`settled`: the newest term of which that holds), and ends when no leader was heard for too long: a
    /// server that is cut off must let its clients go while their sessions still live. True: it has just
    /// ended.
    pub(in crate::core::node) fn refresh_serving(&mut self, cx: &Ctx<'_>, settled: Term) -> bool {
        let Some(raft) = cx.raft else { return false };
        let removed = raft.server_state() == ServerState::Removed;
        let contact = raft.leader_contact(cx.now.mono);
        let alive = raft.leader().is_some()
            && contact.is_some_and(|ms| ms <= 2 * cx.options.timing.election);
        let known = &mut self.readiness;
        if alive {
            known.good = cx.now.mono;
        }
        let settled = settled == raft.term() && !raft.repairing();
        if known.serving {
            let lost = cx.now.mono.since(known.good) > cx.options.leaderless_grace_ms;
            known.serving = !(lost || removed);
            return !known.serving;
        }
        known.serving = alive && settled && !removed;
        false
    }

    /// Why this server is not ready, if it is not.
    pub(in crate::core::node) fn readiness(
        &self,
        now: Now,
        options: &Options,
        raft: Option<&Raft>,
        applied: Index,
    ) -> Result<(), String> {
        if let Some(why) = self.elsewhere() {
            return Err(why.to_owned());
        }
        if let Some(why) = self.versions.too_old(now, options) {
            return Err(why);
        }
        let Some(raft) = raft else {
            return Err("blank: waiting to be formed or adopted".to_owned());
        };
        if self.readiness.drain.is_some() {
            return Err("draining".to_owned());
        }
        if raft.server_state() == ServerState::Removed {
            return Err("removed from the ensemble".to_owned());
        }
        if raft.repairing() {
            return Err("repairing a damaged log from the other members".to_owned());
        }
        if !self.readiness.serving {
            return Err("not in contact with a live leader yet".to_owned());
        }
        let contact = raft.leader_contact(now.mono);
        if contact.is_none_or(|ms| ms > 2 * options.timing.election) {
            return Err("no leader heard lately".to_owned());
        }
        let lag = raft.commit_index().0.saturating_sub(applied.0);
        if lag > options.ready_lag {
            return Err(format!("{lag} entries behind"));
        }
        Ok(())
    }

    /// Why the ensemble would lose its quorum without this member, if it would.
    pub(in crate::core::node) fn safety_of_stopping(
        &self,
        now: Now,
        member: MemberId,
        raft: Option<&Raft>,
    ) -> Result<(), String> {
        let Some(raft) = raft.filter(|raft| raft.config().votes(member)) else {
            return Ok(());
        };
        let spared = if raft.leader() == Some(member) {
            raft.quorum_without(now.mono, member)
        } else {
            match self.peers.spared() {
                Some((spared, at)) => spared && now.mono.since(at) <= SPARED_MS,
                None => return Err("no leader has confirmed it lately".to_owned()),
            }
        };
        if spared { Ok(()) } else { Err("the others would not be a quorum".to_owned()) }
    }

    /// Milliseconds for which this server has led, if it leads.
    pub(in crate::core::node) fn leading_ms(&self, now: Mono) -> Option<u64> {
        self.readiness.leading_since.map(|since| now.since(since))
    }
}
