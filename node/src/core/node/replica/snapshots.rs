//! When a snapshot is taken and the log behind it cut, and what arrives from a leader.

use std::sync::Arc;

use super::super::ctx::Ctx;
use crate::core::effect::Effect;
use crate::core::input::Snapshot;
use crate::core::raft::event::{Event, Keep, SnapshotMeta};
use crate::core::state::State;
use crate::core::types::{Index, MemberId, Mono, Term};

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

    /// Takes a snapshot when enough was applied since the last one. An image costs no time that
    /// anybody would notice; encoding and storing it happen elsewhere.
    pub(super) fn take_if_due(&mut self, cx: &mut Ctx<'_>, state: &State) {
        let Some(raft) = cx.raft else { return };
        let index = state.applied();
        let since = index.0.saturating_sub(self.last.0);
        let heavy = self.weight >= bearable(cx, state);
        let due = since >= cx.options.snapshot_every || heavy || (self.demanded && since > 0);
        let early = cx.now.mono < self.not_before;
        if self.saving.is_some() || !due || early {
            return;
        }
        let Some(term) = raft.term_at(index) else {
            return;
        };
        self.saving = Some(std::mem::take(&mut self.weight));
        self.demanded = false;
        let meta = SnapshotMeta { index, term, config: raft.committed_config().clone() };
        cx.out.push(Effect::SaveSnapshot(Arc::new(Snapshot { meta, image: state.image() })));
    }

    pub(super) fn saved(
        &mut self,
        cx: &mut Ctx<'_>,
        state: &State,
        meta: SnapshotMeta,
        bytes: Option<u64>,
    ) {
        let covered = self.saving.take().unwrap_or_default();
        if bytes.is_none() {
            self.weight += covered;
            self.not_before = Mono(cx.now.mono.0 + PAUSE_MS);
        }
        if bytes.is_some() && meta.index > self.last {
            self.last = meta.index;
            let keep = Keep {
                entries: cx.options.snapshot_keep,
                awaited_bytes: AWAITED_BYTES.max(state.counts().data_bytes as usize),
            };
            cx.events.push_back(Event::SnapshotSaved { meta, keep });
        }
    }

    /// One arrived. Gives what the consensus core is to be told.
    pub(super) fn arrived(&mut self, from: MemberId, term: Term, snapshot: Arc<Snapshot>) -> Event {
        let meta = snapshot.meta.clone();
        self.received = Some(snapshot);
        Event::SnapshotReceived { from, term, meta }
    }

    /// One that was not wanted is a whole state that nobody needs.
    pub(super) fn forget_received(&mut self) {
        self.received = None;
    }
}

/// What the entries behind the last snapshot may weigh. The log is held in memory and on the
/// disk: it may grow as large as the tree, but not without bound. Where the disk is short, a
/// snapshot has to be worth its own space.
fn bearable(cx: &Ctx<'_>, state: &State) -> u64 {
    let data = state.counts().data_bytes;
    if cx.service.memory_low {
        LOG_BYTES_SHORT
    } else if cx.service.disk_low {
        LOG_BYTES_SHORT.max(data)
    } else {
        LOG_BYTES.max(data)
    }
}
