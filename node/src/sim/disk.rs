//! A disk that keeps what was synced, perhaps some of what was not, and nothing else.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use super::rng::Rng;
use crate::core::entry::Entry;
use crate::core::input::Snapshot;
use crate::core::node::Recovered;
use crate::core::raft::event::{HardState, LogWrite};
use crate::core::types::{EnsembleId, Index, MemberId, WriteSeq};

/// A write on its way.
#[derive(Clone, Debug)]
pub(super) enum DiskOp {
    /// The identity file.
    Adopt(EnsembleId),
    /// A log record.
    Write(LogWrite),
}

/// One server's disk.
#[derive(Debug)]
pub(super) struct SimDisk {
    /// This incarnation.
    pub member: MemberId,
    ensemble: Option<EnsembleId>,
    hard: HardState,
    entries: Vec<Arc<Entry>>,
    /// Durable snapshots, newest last.
    snapshots: Vec<Arc<Snapshot>>,
    /// Arrived from a leader, waiting for `InstallSnapshot`.
    pub received: BTreeMap<Index, Arc<Snapshot>>,
    pending: VecDeque<(WriteSeq, DiskOp)>,
    /// How many of `pending` the sync in flight covers.
    syncing: usize,
    /// Damage was found, and is not repaired.
    repairing: bool,
}

impl SimDisk {
    /// A blank one.
    pub(super) fn blank(member: MemberId) -> SimDisk {
        SimDisk {
            member,
            ensemble: None,
            hard: HardState::default(),
            entries: Vec::new(),
            snapshots: Vec::new(),
            received: BTreeMap::new(),
            pending: VecDeque::new(),
            syncing: 0,
            repairing: false,
        }
    }

    /// The ensemble that it belongs to, durably.
    pub(super) fn ensemble(&self) -> Option<EnsembleId> {
        self.ensemble
    }

    /// Sectors go bad: entries are lost that may have been acknowledged. Recovery notices, keeps the
    /// highest term, and takes a vote that it cannot read for given.
    pub(super) fn damage(&mut self, rng: &mut Rng) {
        let keep = rng.below(self.entries.len() as u64) as usize;
        self.entries.truncate(keep);
        self.hard.vote = self.hard.vote.or(Some(self.member));
        self.repairing = true;
    }

    /// The server is whole again.
    pub(super) fn repaired(&mut self) {
        self.repairing = false;
    }

    /// Whether damage is not repaired yet.
    pub(super) fn repairing(&self) -> bool {
        self.repairing
    }

    /// Queues a write; true if a sync must be started.
    pub(super) fn push(&mut self, seq: WriteSeq, op: DiskOp) -> bool {
        self.pending.push_back((seq, op));
        self.start_sync()
    }

    /// Starts a sync of all that is queued, unless one runs.
    pub(super) fn start_sync(&mut self) -> bool {
        let start = self.syncing == 0 && !self.pending.is_empty();
        if start {
            self.syncing = self.pending.len();
        }
        start
    }

    /// The sync in flight is done; gives the last number it covers.
    pub(super) fn sync_done(&mut self) -> Option<WriteSeq> {
        let mut last = None;
        for _ in 0..std::mem::take(&mut self.syncing) {
            let Some((seq, op)) = self.pending.pop_front() else {
                break;
            };
            self.apply(op);
            last = Some(seq);
        }
        last
    }

    /// Power fails: of what was not synced, a random prefix survives.
    pub(super) fn crash(&mut self, rng: &mut Rng) {
        let survive = rng.below(self.pending.len() as u64 + 1) as usize;
        for _ in 0..survive {
            let Some((_, op)) = self.pending.pop_front() else {
                break;
            };
            self.apply(op);
        }
        self.pending.clear();
        self.syncing = 0;
        self.received.clear();
    }

    fn apply(&mut self, op: DiskOp) {
        match op {
            DiskOp::Adopt(ensemble) => self.ensemble = Some(ensemble),
            DiskOp::Write(LogWrite::Hard(hard)) => self.hard = hard,
            DiskOp::Write(LogWrite::Truncate(from)) => {
                self.entries.retain(|entry| entry.index < from);
            }
            DiskOp::Write(LogWrite::Append(entries)) => {
                if let (Some(last), Some(first)) = (self.entries.last(), entries.first())
                    && last.index.next() != first.index
                {
                    // A snapshot may be durable before the entries it covers were.
                    let covered = self.newest().map_or(Index(0), |it| it.meta.index);
                    assert!(first.index <= covered.next(), "appended with a gap");
                    self.entries.clear();
                }
                self.entries.extend(entries);
            }
            DiskOp::Write(LogWrite::InstallSnapshot(meta)) => {
                let snapshot = self.received.remove(&meta.index);
                let snapshot = snapshot.expect("install follows a received snapshot");
                self.store(snapshot);
                self.entries.clear();
            }
            DiskOp::Write(LogWrite::Compact(index)) => {
                let covered = self.snapshots.last().map_or(Index(0), |it| it.meta.index);
                assert!(index <= covered, "cut beyond the snapshot");
                self.entries.retain(|entry| entry.index > index);
            }
        }
    }

    /// A snapshot of this server's own became durable.
    pub(super) fn store(&mut self, snapshot: Arc<Snapshot>) {
        self.snapshots.push(snapshot);
        self.snapshots.sort_by_key(|snapshot| snapshot.meta.index);
    }

    /// The newest durable snapshot.
    pub(super) fn newest(&self) -> Option<Arc<Snapshot>> {
        self.snapshots.last().cloned()
    }

    /// What a start finds.
    pub(super) fn recover(&self) -> Recovered {
        Recovered {
            member: self.member,
            ensemble: self.ensemble,
            hard: self.hard,
            snapshot: self.newest(),
            entries: self.entries.clone(),
            repairing: self.repairing,
        }
    }
}
