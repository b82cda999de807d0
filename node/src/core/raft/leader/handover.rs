//! The leader's part of handing leadership over; see [`Transfer`].

use super::Leader;
use crate::core::raft::config::Role;
use crate::core::raft::event::{Message, Output, Refusal};
use crate::core::raft::transfer::Transfer;
use crate::core::types::MemberId;

impl Leader<'_> {
    /// Leadership is to go to this voter.
    pub(in crate::core::raft) fn transfer(&mut self, id: u64, target: MemberId) {
        let member = self.log.config().member(target);
        let refusal = if target == self.settings.id {
            self.out.push(Output::TransferDone { id });
            return;
        } else if member.is_none_or(|member| member.role != Role::Voter) {
            Refusal::UnknownMember
        } else if self.leading.transferring() {
            Refusal::InProgress
        } else {
            let until = self.now.plus(self.settings.timing.election);
            self.leading.transfer = Some(Transfer::new(id, target, until));
            self.push_transfer(target);
            return;
        };
        self.out.push(Output::TransferRefused { id, refusal });
    }

    /// The target may have caught up: tells it to campaign.
    pub(super) fn push_transfer(&mut self, from: MemberId) {
        let (last, leading) = (self.log.last_index(), &mut *self.leading);
        let caught_up = leading.peers.get(&from).is_some_and(|peer| peer.matched() == last);
        let transfer = leading.transfer.as_mut().filter(|_| caught_up);
        if transfer.is_some_and(|transfer| transfer.caught_up(from)) {
            let message = Message::TimeoutNow { term: self.term };
            self.out.push(Output::Send { to: from, message });
        }
    }

    pub(super) fn end_overdue_transfer(&mut self) {
        let now = self.now;
        if let Some(transfer) = self.leading.transfer.take_if(|it| it.overdue(now)) {
            transfer.timed_out(self.out);
        }
    }
}
