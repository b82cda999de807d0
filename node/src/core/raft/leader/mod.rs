//! The leader's code: whoever holds a [`Leader`] leads. What ends a leadership is a value
//! ([`StepDown`]) that the core acts on.
//!
//! `state` what only a leader has · `progress` how far each member is, and `behind` in time · `replication` sending ·
//! `read_index` confirmed reads, whose queue is `reads` · `change` one of the membership, to a
//! configuration that `membership` makes · `handover` of leadership.

mod behind;
mod change;
mod handover;
mod membership;
mod progress;
mod read_index;
mod reads;
mod replication;
mod state;

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use self::progress::Progress;
pub(super) use self::state::Leading;
use super::event::{Implausible, Output};
use super::log::Log;
use super::quorum;
use super::settings::Settings;
use super::writes::Writes;
use crate::core::types::{Index, MemberId, Mono, Term};

/// This member must not lead any longer.
#[derive(Debug)]
pub(super) struct StepDown;

/// Whether it leads on.
pub(super) type Leads = ControlFlow<StepDown>;

/// The parts of the core that a leader works on.
pub(super) struct Leader<'a> {
    pub(super) now: Mono,
    pub(super) settings: &'a Settings,
    pub(super) term: Term,
    /// Members whom our messages can reach now.
    pub(super) linked: &'a BTreeSet<MemberId>,
    pub(super) leading: &'a mut Leading,
    pub(super) log: &'a mut Log,
    pub(super) writes: &'a mut Writes,
    pub(super) out: &'a mut Vec<Output>,
}

/// Why a follower did not take an append.
pub(super) struct Rejection {
    /// The entry that it does not have as the leader has it.
    pub(super) prev_index: Index,
    /// The last entry of its own that may be the leader's, too.
    pub(super) hint: (Index, Term),
    pub(super) round: u64,
}

impl Leader<'_> {
    /// Time passed.
    pub(super) fn tick(&mut self) -> Leads {
        self.check_quorum()?;
        self.end_overdue_transfer();
        self.forget_lingering();
        if self.now >= self.leading.next_heartbeat {
            self.leading.next_heartbeat = self.now.plus(self.settings.timing.heartbeat);
            for peer in self.leading.peers.values_mut() {
                peer.probe_again();
            }
            self.begin_round();
        }
        Leads::Continue(())
    }

    /// A leader that a quorum does not answer may have been replaced, and must not keep others
    /// waiting (dissertation §6.2).
    fn check_quorum(&mut self) -> Leads {
        if self.now < self.leading.next_check {
            return Leads::Continue(());
        }
        let election = self.settings.timing.election;
        self.leading.next_check = self.now.plus(election / 4);
        let fresh = |id: MemberId| {
            id == self.settings.id || self.leading.heard_within(self.now, id, election)
        };
        if quorum::reached(self.log.config(), fresh) {
            Leads::Continue(())
        } else {
            Leads::Break(StepDown)
        }
    }

    /// A link to a member was made, or broke.
    pub(super) fn relinked(&mut self, member: MemberId, up: bool) {
        let Some(progress) = self.leading.peers.get_mut(&member) else {
            return;
        };
        progress.relinked(up);
        if up {
            // A new round, for then the member answers whatever it has told before.
            self.leading.round += 1;
            self.replicate(member, true);
        }
    }

    /// More of this member's own log is durable.
    pub(super) fn durable(&mut self) -> Leads {
        self.advance_commit()
    }

    /// A member has everything up to `matched`, durably.
    pub(super) fn accepted(&mut self, from: MemberId, matched: Index, round: u64) -> Leads {
        if matched > self.log.last_index() {
            self.out.push(Output::Implausible { from, what: Implausible::BeyondLog });
            return Leads::Continue(());
        }
        let (now, last) = (self.now, self.log.last_index());
        let Some(peer) = self.answered(from, round) else {
            return Leads::Continue(());
        };
        if peer.accepted(now, matched, last) {
            self.advance_commit()?;
            self.push_transfer(from);
        }
        self.replicate(from, false);
        self.confirm_reads();
        Leads::Continue(())
    }

    /// A member does not have the entry before those that were sent.
    pub(super) fn rejected(&mut self, from: MemberId, rejection: &Rejection) {
        let Rejection { prev_index, hint, round } = *rejection;
        let meets = self.log.last_not_above(hint.0, hint.1).0;
        let Some(peer) = self.answered(from, round) else {
            return;
        };
        if peer.rejected(prev_index, meets) {
            self.replicate(from, false);
        }
        self.confirm_reads();
    }

    /// A member answered in our term: it hears us. Not one that echoes what nobody said.
    fn answered(&mut self, from: MemberId, round: u64) -> Option<&mut Progress> {
        if round > self.leading.round {
            self.out.push(Output::Implausible { from, what: Implausible::Round });
            return None;
        }
        let peer = self.leading.peers.get_mut(&from)?;
        peer.answered(self.now, round);
        Some(peer)
    }

    /// The transport finished (or gave up) streaming a snapshot to a member.
    pub(super) fn snapshot_sent(&mut self, to: MemberId, index: Index, ok: bool) {
        if let Some(peer) = self.leading.peers.get_mut(&to) {
            peer.snapshot_done(index, ok);
            if ok {
                self.replicate(to, false);
            }
        }
    }

    /// Commits what a quorum holds durably, but only by counting entries of this term
    /// (Raft §5.4.2).
    fn advance_commit(&mut self) -> Leads {
        let (me, own) = (self.settings.id, self.log.durable_index());
        let peers = &self.leading.peers;
        let matched = |id: MemberId| {
            if id == me { own.0 } else { peers.get(&id).map_or(0, |it| it.matched().0) }
        };
        let index = Index(quorum::agreed(self.log.config(), matched));
        if index <= self.log.commit_index() || self.log.term_at(index) != Some(self.term) {
            return Leads::Continue(());
        }
        let entries = self.log.commit_to(index);
        if !entries.is_empty() {
            self.out.push(Output::Commit(entries));
        }
        self.configuration_committed()?;
        self.replicate_all(true);
        self.confirm_reads();
        Leads::Continue(())
    }
}
