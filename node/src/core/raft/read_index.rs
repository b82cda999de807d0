//! Reads at a position that is certainly committed: the leader proves, by a heartbeat round that
//! began after the request, that it still led (dissertation §6.4). One round serves many reads.

use std::collections::VecDeque;

use super::event::{Action, Refusal};
use super::{Raft, Role, quorum};
use crate::core::types::{Index, Mono};

/// Reads of a leader that wait for their round.
#[derive(Debug, Default)]
pub(super) struct Reads {
    /// Number, the round that must be confirmed, and the commit index at the request. `None`: no
    /// entry of this term was committed yet.
    waiting: VecDeque<(u64, u64, Option<Index>)>,
    confirmed: u64,
}

impl Reads {
    /// Leadership is gone.
    pub(super) fn refuse_all(&mut self, out: &mut Vec<Action>) {
        for (id, _, _) in self.waiting.drain(..) {
            out.push(Action::ReadRefused { id, refusal: Refusal::LostLeadership });
        }
    }
}

impl Raft {
    pub(super) fn read_index(&mut self, now: Mono, id: u64, out: &mut Vec<Action>) {
        let ready = self.ready_to_serve();
        let commit = self.log.commit_index();
        let Role::Leader(leading) = &mut self.role else {
            out.push(Action::ReadRefused { id, refusal: Refusal::NotLeader });
            return;
        };
        let idle = leading.reads.waiting.is_empty();
        let round = leading.round + 1;
        leading.reads.waiting.push_back((id, round, ready.then_some(commit)));
        if idle {
            self.begin_round(now, out);
        }
    }

    fn begin_round(&mut self, now: Mono, out: &mut Vec<Action>) {
        let Role::Leader(leading) = &mut self.role else {
            return;
        };
        leading.round += 1;
        self.replicate_all(now, true, out);
        self.confirm_reads(now, out);
    }

    /// Lets through what a quorum has confirmed, and starts the next round for the rest.
    pub(super) fn confirm_reads(&mut self, now: Mono, out: &mut Vec<Action>) {
        let ready = self.ready_to_serve();
        let commit = self.log.commit_index();
        let Role::Leader(leading) = &mut self.role else {
            return;
        };
        if leading.reads.waiting.is_empty() {
            return;
        }
        let own = leading.round;
        let peers = &leading.peers;
        let confirmed = quorum::agreed(self.log.config(), |id| {
            if id == self.id { own } else { peers.get(&id).map_or(0, |peer| peer.round) }
        });
        leading.reads.confirmed = leading.reads.confirmed.max(confirmed);
        while let Some((id, round, index)) = leading.reads.waiting.front().copied() {
            if round > leading.reads.confirmed || !ready {
                break;
            }
            leading.reads.waiting.pop_front();
            out.push(Action::ReadReady { id, index: index.unwrap_or(commit) });
        }
        let later = leading.reads.waiting.front().is_some_and(|(_, round, _)| *round > own);
        if later && ready {
            self.begin_round(now, out);
        }
    }
}
