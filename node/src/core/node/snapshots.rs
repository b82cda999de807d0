//! When a snapshot is taken and the log behind it cut, and what arrives from a leader.

use std::sync::Arc;

use super::Node;
use crate::core::effect::Effect;
use crate::core::input::Snapshot;
use crate::core::raft::event::{Event, Keep, SnapshotMeta};
use crate::core::types::{Index, MemberId, Mono, Now, Term};

/// Entries of this weight call for a snapshot, however few they are.
const LOG_BYTES: u64 = 64 << 20;

/// The same while memory or disk is short: what is deleted helps nobody as long as the log still
/// holds how it was made.
const LOG_BYTES_SHORT: u64 = 4 << 20;

/// After a snapshot that could not be stored, the next one is tried so much later: at once it would
/// only fail again.
const PAUSE_MS: u64 = 10_000;

/// A leader keeps entries of this weight for members that are catching up; more if the tree is
/// larger, for then the transfer takes longer.
const AWAITED_BYTES: usize = 128 << 20;

/// What is known about snapshots.
#[derive(Debug)]
pub(super) struct Snapshots {
    /// The newest durable one covers this.
    last: Index,
    /// What entries applied since the last one was asked for weigh.
    weight: u64,
    /// None before this: the last one could not be stored.
    not_before: Mono,
    /// One is being stored, of entries of this weight.
    saving: Option<u64>,
    /// One was asked for.
    demanded: bool,
    /// Arrived from the leader, not installed yet.
    received: Option<Arc<Snapshot>>,
}

impl Snapshots {
    pub(super) fn new(last: Index) -> Snapshots {
        Snapshots {
            last,
            weight: 0,
            not_before: Mono(0),
            saving: None,
            demanded: false,
            received: None,
        }
    }

    pub(super) fn applied(&mut self, weight: usize) {
        self.weight += weight as u64;
    }

    pub(super) fn demand(&mut self) {
        self.demanded = true;
    }

    pub(super) fn take_received(&mut self, index: Index) -> Option<Arc<Snapshot>> {
        self.received.take().filter(|snapshot| snapshot.meta.index == index)
    }

    pub(super) fn installed(&mut self, index: Index) {
        self.last = index;
    }
}

impl Node {
    /// Takes a snapshot when enough was applied since the last one. An image costs no time that
    /// anybody would notice; encoding and storing it happen elsewhere.
    pub(super) fn maybe_snapshot(&mut self, now: Now, out: &mut Vec<Effect>) {
        let Some(raft) = &self.raft else { return };
        let index = self.state.applied();
        let since = index.0.saturating_sub(self.snapshots.last.0);
        let heavy = self.snapshots.weight >= self.bearable();
        let due =
            since >= self.options.snapshot_every || heavy || (self.snapshots.demanded && since > 0);
        let early = now.mono < self.snapshots.not_before;
        if self.snapshots.saving.is_some() || !due || early {
            return;
        }
        let Some(term) = raft.term_at(index) else {
            return;
        };
        self.snapshots.saving = Some(std::mem::take(&mut self.snapshots.weight));
        self.snapshots.demanded = false;
        let meta = SnapshotMeta { index, term, config: raft.committed_config().clone() };
        out.push(Effect::SaveSnapshot(Arc::new(Snapshot { meta, image: self.state.image() })));
    }

    /// What the entries behind the last snapshot may weigh. The log is held in memory and on the
    /// disk: it may grow as large as the tree, but not without bound. Where the disk is short, a
    /// snapshot has to be worth its own space.
    fn bearable(&self) -> u64 {
        let data = self.state.counts().data_bytes;
        if self.standing.memory_low {
            LOG_BYTES_SHORT
        } else if self.standing.disk_low {
            LOG_BYTES_SHORT.max(data)
        } else {
            LOG_BYTES.max(data)
        }
    }

    pub(super) fn snapshot_saved(&mut self, now: Now, meta: SnapshotMeta, bytes: Option<u64>) {
        let covered = self.snapshots.saving.take().unwrap_or_default();
        if bytes.is_none() {
            self.snapshots.weight += covered;
            self.snapshots.not_before = Mono(now.mono.0 + PAUSE_MS);
        }
        if bytes.is_some() && meta.index > self.snapshots.last {
            self.snapshots.last = meta.index;
            let keep = Keep {
                entries: self.options.snapshot_keep,
                awaited_bytes: AWAITED_BYTES.max(self.state.counts().data_bytes as usize),
            };
            self.events.push_back(Event::SnapshotSaved { meta, keep });
        }
    }

    pub(super) fn snapshot_received(
        &mut self,
        now: Now,
        from: MemberId,
        term: Term,
        snapshot: Arc<Snapshot>,
        out: &mut Vec<Effect>,
    ) {
        let meta = snapshot.meta.clone();
        self.snapshots.received = Some(snapshot);
        self.events.push_back(Event::SnapshotReceived { from, term, meta });
        self.run(now, out);
        // One that was not wanted is a whole state that nobody needs.
        self.snapshots.received = None;
    }
}
