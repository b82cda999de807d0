//! Reads of a leader that wait for a heartbeat round to prove that it still led when they came.

use std::collections::VecDeque;

use crate::core::raft::event::{Output, Refusal};
use crate::core::types::Index;

/// A read that waits.
#[derive(Debug)]
struct Waiting {
    id: u64,
    /// The round that must be confirmed.
    round: u64,
    /// The commit index at the request. `None`: no entry of this term was committed yet.
    index: Option<Index>,
}

/// The reads that wait, in the order in which they came.
#[derive(Debug, Default)]
pub(super) struct Reads {
    waiting: VecDeque<Waiting>,
    confirmed: u64,
}

impl Reads {
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    pub(super) fn push(&mut self, id: u64, round: u64, index: Option<Index>) {
        self.waiting.push_back(Waiting { id, round, index });
    }

    /// A quorum has echoed this round.
    pub(super) fn echoed(&mut self, round: u64) {
        self.confirmed = self.confirmed.max(round);
    }

    /// Lets through what has its round: at the index of its request, or else at `commit`.
    pub(super) fn release(&mut self, commit: Index, out: &mut Vec<Output>) {
        let confirmed = self.confirmed;
        let due = self.waiting.iter().take_while(|read| read.round <= confirmed).count();
        for read in self.waiting.drain(..due) {
            out.push(Output::ReadReady { id: read.id, index: read.index.unwrap_or(commit) });
        }
    }

    /// Whether the oldest waits for a round after this one.
    pub(super) fn need_round_after(&self, round: u64) -> bool {
        self.waiting.front().is_some_and(|read| read.round > round)
    }

    /// Leadership is gone.
    pub(super) fn refuse_all(&mut self, out: &mut Vec<Output>) {
        for read in self.waiting.drain(..) {
            out.push(Output::ReadRefused { id: read.id, refusal: Refusal::LostLeadership });
        }
    }
}
