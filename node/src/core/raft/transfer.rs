//! Handing leadership over (dissertation §3.10): the leader stops taking proposals, brings the
//! target up to date and tells it to campaign.

use super::event::{Output, Refusal};
use crate::core::types::{MemberId, Mono};

/// A transfer under way.
#[derive(Debug)]
pub(super) struct Transfer {
    id: u64,
    target: MemberId,
    until: Mono,
    /// Whether the target was told to campaign.
    told: bool,
}

impl Transfer {
    pub(super) fn new(id: u64, target: MemberId, until: Mono) -> Transfer {
        Transfer { id, target, until, told: false }
    }

    /// A member has all that the leader has. Gives whether it is to be told to campaign now.
    pub(super) fn caught_up(&mut self, member: MemberId) -> bool {
        let tell = self.target == member && !self.told;
        self.told |= tell;
        tell
    }

    pub(super) fn overdue(&self, now: Mono) -> bool {
        now >= self.until
    }

    /// The target did not take over in time.
    pub(super) fn timed_out(self, out: &mut Vec<Output>) {
        out.push(Output::TransferRefused { id: self.id, refusal: Refusal::TransferTimedOut });
    }

    /// Somebody leads now: the one that was meant, or another.
    pub(super) fn handed_over_to(self, leader: MemberId, out: &mut Vec<Output>) {
        out.push(if self.target == leader {
            Output::TransferDone { id: self.id }
        } else {
            Output::TransferRefused { id: self.id, refusal: Refusal::LostLeadership }
        });
    }
}
