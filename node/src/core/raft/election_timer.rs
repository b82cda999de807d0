//! When to campaign.

use crate::core::prng::Prng;
use crate::core::types::Mono;

/// Runs out when no leader was heard for long enough.
#[derive(Debug)]
pub(super) struct ElectionTimer {
    prng: Prng,
    /// Milliseconds; see [`Timing::election`](super::event::Timing::election).
    timeout: u64,
    deadline: Mono,
}

impl ElectionTimer {
    /// Started now.
    pub(super) fn new(timeout: u64, seed: u64, now: Mono) -> ElectionTimer {
        let mut timer = ElectionTimer { prng: Prng::new(seed), timeout, deadline: now };
        timer.reset(now);
        timer
    }

    /// Starts anew, with a fresh random time each time, so that split votes do not repeat
    /// (Raft §5.2).
    pub(super) fn reset(&mut self, now: Mono) {
        let wait = self.timeout + self.prng.below(self.timeout);
        self.deadline = now.plus(wait);
    }

    pub(super) fn elapsed(&self, now: Mono) -> bool {
        now >= self.deadline
    }

    /// There is no reason to wait.
    pub(super) fn run_out(&mut self, now: Mono) {
        self.deadline = now;
    }

    /// An election need not wait for the timeout that tells for certain that nobody leads.
    pub(super) fn shorten(&mut self, now: Mono) {
        let short = self.timeout / 5;
        let wait = short + self.prng.below(short);
        self.deadline = self.deadline.min(now.plus(wait));
    }

    /// Somebody else was told that it would be elected. Two that stand at the same time would split
    /// the votes.
    pub(super) fn back_off(&mut self, now: Mono) {
        self.deadline = self.deadline.max(now.plus(self.timeout / 5));
    }
}
