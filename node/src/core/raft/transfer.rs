//! Handing leadership over (dissertation §3.10): stop taking proposals, bring the target up to
//! date, tell it to campaign.

use super::config::Role as MemberRole;
use super::event::{Action, Message, Refusal};
use super::{Raft, Role};
use crate::core::types::{MemberId, Mono};

/// A transfer under way.
#[derive(Clone, Copy, Debug)]
pub(super) struct Transfer {
    id: u64,
    target: MemberId,
    until: Mono,
    told: bool,
}

impl Raft {
    pub(super) fn start_transfer(
        &mut self,
        now: Mono,
        id: u64,
        target: MemberId,
        out: &mut Vec<Action>,
    ) {
        let until = now.plus(self.timing.election);
        let voter =
            self.log.config().member(target).is_some_and(|member| member.role == MemberRole::Voter);
        let Role::Leader(leading) = &mut self.role else {
            out.push(Action::TransferRefused { id, refusal: Refusal::NotLeader });
            return;
        };
        if target == self.id {
            out.push(Action::TransferDone { id });
        } else if !voter {
            out.push(Action::TransferRefused { id, refusal: Refusal::UnknownMember });
        } else if leading.transfer.is_some() {
            out.push(Action::TransferRefused { id, refusal: Refusal::InProgress });
        } else {
            leading.transfer = Some(Transfer { id, target, until, told: false });
            self.push_transfer(target, out);
        }
    }

    /// The target may have caught up: tells it to campaign.
    pub(super) fn push_transfer(&mut self, from: MemberId, out: &mut Vec<Action>) {
        let last = self.log.last_index();
        let Role::Leader(leading) = &mut self.role else {
            return;
        };
        let Some(transfer) = leading.transfer.as_mut() else {
            return;
        };
        let caught_up = leading.peers.get(&from).is_some_and(|peer| peer.matched == last);
        if transfer.target == from && caught_up && !transfer.told {
            transfer.told = true;
            let message = Message::TimeoutNow { term: self.hard.term };
            out.push(Action::Send { to: from, message });
        }
    }

    pub(super) fn tick_transfer(&mut self, now: Mono, out: &mut Vec<Action>) {
        let Role::Leader(leading) = &mut self.role else {
            return;
        };
        if let Some(transfer) = leading.transfer
            && now >= transfer.until
        {
            leading.transfer = None;
            let refusal = Refusal::TransferTimedOut;
            out.push(Action::TransferRefused { id: transfer.id, refusal });
        }
    }

    /// Somebody leads now: the one that was meant, or another.
    pub(super) fn handed_over_to(&mut self, leader: MemberId, out: &mut Vec<Action>) {
        if let Some(transfer) = self.handed_over.take() {
            out.push(if transfer.target == leader {
                Action::TransferDone { id: transfer.id }
            } else {
                let refusal = Refusal::LostLeadership;
                Action::TransferRefused { id: transfer.id, refusal }
            });
        }
    }
}
