//! How far a member is, as its leader knows.

use std::collections::VecDeque;

use super::behind::Behind;
use crate::core::raft::event::Window;
use crate::core::types::{Index, Mono};

/// How to send to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    /// Where its log meets ours is not known: one message at a time.
    Probe {
        /// One is on its way.
        waiting: bool,
    },
    /// In step: a stream within the window.
    Replicate,
    /// It gets a snapshot that covers this.
    Snapshot(Index),
}

/// One member.
#[derive(Clone, Debug)]
pub(super) struct Progress {
    /// Known to be equal and durable there up to here. Invariant: matched < next.
    matched: Index,
    /// The next entry to send.
    next: Index,
    /// Whether messages can reach it.
    connected: bool,
    /// When it was last heard.
    heard: Option<Mono>,
    /// The newest round that it echoed.
    round: u64,
    behind: Behind,
    mode: Mode,
    /// Unacknowledged batches: last index and weight.
    flight: VecDeque<(Index, usize)>,
    flight_bytes: usize,
}

impl Progress {
    /// A member about which nothing is known yet.
    pub(super) fn new(next: Index, connected: bool, heard: Option<Mono>) -> Progress {
        Progress {
            matched: Index(0),
            next,
            connected,
            heard,
            round: 0,
            behind: Behind::default(),
            mode: Mode::Probe { waiting: false },
            flight: VecDeque::new(),
            flight_bytes: 0,
        }
    }

    /// Up to here its log is known to be equal, and durable there.
    pub(super) fn matched(&self) -> Index {
        self.matched
    }

    /// The next entry to send.
    pub(super) fn next(&self) -> Index {
        self.next
    }

    /// Whether messages can reach it.
    pub(super) fn connected(&self) -> bool {
        self.connected
    }

    /// When it was last heard.
    pub(super) fn heard(&self) -> Option<Mono> {
        self.heard
    }

    /// The newest round that it echoed.
    pub(super) fn round(&self) -> u64 {
        self.round
    }

    /// It has everything that the leader had so many milliseconds ago; `None`: nobody knows.
    pub(super) fn behind_ms(&self, now: Mono, last: Index) -> Option<u64> {
        self.behind.ms(now, self.matched, last)
    }

    /// Whether a snapshot is on its way.
    pub(super) fn snapshotting(&self) -> bool {
        matches!(self.mode, Mode::Snapshot(_))
    }

    /// What comes after this it still has to be sent.
    pub(super) fn awaits(&self) -> Index {
        match self.mode {
            Mode::Snapshot(index) => index,
            Mode::Probe { .. } | Mode::Replicate => self.matched,
        }
    }

    /// Whether it is in step.
    pub(super) fn replicating(&self) -> bool {
        self.mode == Mode::Replicate
    }

    /// Whether another batch may be sent now.
    pub(super) fn may_send(&self, window: &Window) -> bool {
        match self.mode {
            Mode::Probe { waiting } => !waiting,
            Mode::Replicate => {
                let flying = self.next.0.saturating_sub(self.matched.0 + 1);
                flying < window.flight_entries && self.flight_bytes < window.flight_bytes
            }
            Mode::Snapshot(_) => false,
        }
    }

    /// A batch that ends at `last` was sent.
    pub(super) fn sent(&mut self, last: Index, weight: usize) {
        match &mut self.mode {
            Mode::Probe { waiting } => *waiting = true,
            Mode::Replicate if last >= self.next => {
                self.next = last.next();
                self.flight.push_back((last, weight));
                self.flight_bytes += weight;
            }
            Mode::Replicate | Mode::Snapshot(_) => {}
        }
    }

    /// A heartbeat may take a lost probe's place.
    pub(super) fn probe_again(&mut self) {
        if let Mode::Probe { waiting } = &mut self.mode {
            *waiting = false;
        }
    }

    /// It answered, and echoed this round.
    pub(super) fn answered(&mut self, now: Mono, round: u64) {
        self.heard = Some(now);
        self.round = self.round.max(round);
    }

    /// It has everything up to `matched`, of a log that ends at `last`. Gives whether that is news.
    pub(super) fn accepted(&mut self, now: Mono, matched: Index, last: Index) -> bool {
        let news = matched > self.matched;
        self.matched = self.matched.max(matched);
        self.behind.acknowledged(now, self.matched, last);
        self.next = self.next.max(self.matched.next());
        while self.flight.front().is_some_and(|(last, _)| *last <= self.matched) {
            let (_, weight) = self.flight.pop_front().unwrap_or_default();
            self.flight_bytes -= weight;
        }
        let caught = match self.mode {
            Mode::Snapshot(index) => self.matched >= index,
            Mode::Probe { .. } | Mode::Replicate => true,
        };
        if caught {
            self.mode = Mode::Replicate;
        }
        news
    }

    /// It does not have the entry at `prev`; the logs may meet at `meets`. Gives whether to send
    /// again: an answer to what was sent long ago says nothing.
    pub(super) fn rejected(&mut self, prev: Index, meets: Index) -> bool {
        if prev <= self.matched {
            return self.regressed(prev, meets);
        }
        let about_now = prev < self.next && !self.snapshotting();
        if about_now {
            self.next = meets.next().min(prev).max(self.matched.next());
            self.restart();
        }
        about_now
    }

    /// It does not have what it once acknowledged: its disk was damaged, and it repairs itself.
    /// Only the answer to the present probe says so; to believe a late one would do no harm.
    fn regressed(&mut self, prev: Index, meets: Index) -> bool {
        let probed = matches!(self.mode, Mode::Probe { .. }) && prev.next() == self.next;
        if probed && prev > Index(0) {
            self.matched = Index(0);
            self.behind = Behind::default();
            self.next = meets.next().min(prev);
            self.restart();
        }
        probed && prev > Index(0)
    }

    /// It gets a snapshot that covers `index`.
    pub(super) fn snapshot(&mut self, index: Index) {
        self.mode = Mode::Snapshot(index);
        self.flight.clear();
        self.flight_bytes = 0;
    }

    /// The snapshot arrived, or did not.
    pub(super) fn snapshot_done(&mut self, index: Index, ok: bool) {
        if self.snapshotting() {
            if ok {
                self.next = self.next.max(index.next());
            }
            self.restart();
        }
    }

    /// The link broke or was made: what was in flight may be lost.
    pub(super) fn relinked(&mut self, up: bool) {
        self.connected = up;
        if !self.snapshotting() {
            if self.matched > Index(0) {
                self.next = self.matched.next();
            }
            self.restart();
        }
    }

    fn restart(&mut self) {
        self.mode = Mode::Probe { waiting: false };
        self.flight.clear();
        self.flight_bytes = 0;
    }
}
