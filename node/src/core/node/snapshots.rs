//! When a snapshot is taken and the log behind it cut, and what arrives from a leader.

use std::sync::Arc;

use super::Node;
use crate::core::effect::Effect;
use crate::core::input::Snapshot;
use crate::core::raft::event::{Event, Keep, SnapshotMeta};
use crate::core::types::{Index, MemberId, Now, Term};

/// Entries of this weight call for a snapshot, however few they are.
const LOG_BYTES: u64 = 64 << 20;

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
    not_before: Index,
    /// One is being stored.
    saving: bool,
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
            not_before: Index(0),
            saving: false,
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
        self.received
            .take()
            .filter(|snapshot| snapshot.meta.index == index)
    }

    pub(super) fn installed(&mut self, index: Index) {
        self.last = index;
    }
}

impl Node {
    /// Takes a snapshot when enough was applied since the last one. An image costs no time that
    /// anybody would notice; encoding and storing it happen elsewhere.
    pub(super) fn maybe_snapshot(&mut self, out: &mut Vec<Effect>) {
        let Some(raft) = &self.raft else { return };
        let index = self.state.applied();
        let since = index.0.saturating_sub(self.snapshots.last.0);
        // The log is held in memory: it may grow as large as the tree, but not without bound.
        let heavy = self.snapshots.weight >= LOG_BYTES.max(self.state.counts().data_bytes);
        let due =
            since >= self.options.snapshot_every || heavy || (self.snapshots.demanded && since > 0);
        if self.snapshots.saving || !due || index < self.snapshots.not_before {
            return;
        }
        let Some(term) = raft.term_at(index) else {
            return;
        };
        self.snapshots.saving = true;
        self.snapshots.weight = 0;
        self.snapshots.demanded = false;
        let meta = SnapshotMeta {
            index,
            term,
            config: raft.committed_config().clone(),
        };
        out.push(Effect::SaveSnapshot(Arc::new(Snapshot {
            meta,
            image: self.state.image(),
        })));
    }

    pub(super) fn snapshot_saved(&mut self, meta: SnapshotMeta, bytes: Option<u64>) {
        self.snapshots.saving = false;
        if bytes.is_none() {
            // Trying at once would only fail again.
            let pause = self.options.snapshot_every / 16 + 1;
            self.snapshots.not_before = Index(self.state.applied().0 + pause);
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
        self.events
            .push_back(Event::SnapshotReceived { from, term, meta });
        self.run(now, out);
        // One that was not wanted is a whole state that nobody needs.
        self.snapshots.received = None;
    }
}
