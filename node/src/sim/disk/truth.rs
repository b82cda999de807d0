//! What a disk must still hold, whatever happens to it: followed beside it, in values.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::codec::disk::journal::DiskOp;
use crate::core::entry::Entry;
use crate::core::raft::event::{HardState, LogWrite};
use crate::core::recovery::{Recovery, Verdict};
use crate::core::types::{EnsembleId, Index, Term};

/// What is durable, and was told so.
#[derive(Clone, Debug, Default)]
pub(super) struct Truth {
    pub(super) ensemble: Option<EnsembleId>,
    pub(super) hard: HardState,
    entries: BTreeMap<Index, Arc<Entry>>,
    /// The newest snapshot.
    covered: Index,
    /// A damage was found, and is not repaired.
    pub(super) repairing: bool,
}

impl Truth {
    /// What a start found is what there is.
    pub(super) fn of(recovery: &Recovery) -> Truth {
        let entries = recovery.entries.iter().map(|it| (it.index, Arc::clone(it))).collect();
        Truth {
            ensemble: recovery.identity.ensemble,
            hard: recovery.hard,
            entries,
            covered: recovery.snapshot.as_ref().map_or(Index(0), |it| it.meta.index),
            repairing: matches!(recovery.verdict, Verdict::Repairing(_)),
        }
    }

    /// A snapshot of this server's own is there.
    pub(super) fn saved(&mut self, index: Index) {
        self.covered = self.covered.max(index);
    }

    pub(super) fn apply(&mut self, op: &DiskOp) {
        match op {
            DiskOp::Adopt { ensemble, .. } => self.ensemble = Some(*ensemble),
            DiskOp::Repaired => self.repairing = false,
            DiskOp::Version(_) => {}
            DiskOp::Found { snapshot, .. } => {
                self.saved(snapshot.meta.index);
                self.entries.clear();
            }
            DiskOp::Write { write, .. } => match write {
                LogWrite::Hard(hard) => self.hard = *hard,
                LogWrite::Truncate(from) => {
                    self.entries.split_off(from);
                }
                LogWrite::Append(entries) => entries.iter().for_each(|entry| self.append(entry)),
                LogWrite::InstallSnapshot(meta) => {
                    self.saved(meta.index);
                    self.entries.clear();
                }
                LogWrite::Compact(index) => {
                    assert!(*index <= self.covered, "cut beyond the snapshot");
                    self.entries = self.entries.split_off(&index.next());
                }
            },
        }
    }

    fn append(&mut self, entry: &Arc<Entry>) {
        if self.entries.keys().next_back().is_none_or(|last| last.next() != entry.index) {
            // A snapshot may be durable before the entries it covers were.
            assert!(entry.index <= self.covered.next(), "appended with a gap");
            self.entries.clear();
        }
        self.entries.insert(entry.index, Arc::clone(entry));
    }

    fn last(&self) -> Index {
        self.entries.keys().next_back().copied().unwrap_or_default().max(self.covered)
    }

    /// Whether this is all there, and nothing besides.
    fn is(&self, found: &Truth) -> bool {
        let behind = self.covered.max(found.covered).next();
        self.last() == found.last()
            && found.entries.keys().next().is_none_or(|first| *first <= found.covered.next())
            && self.entries.range(behind..).eq(found.entries.range(behind..))
    }

    /// Whether this and the first few of these, each durable or not, amount to what was found.
    pub(super) fn may_be(&self, under_way: &[DiskOp], found: &Truth) -> bool {
        let mut state = self.clone();
        if state.is(found) {
            return true;
        }
        under_way.iter().any(|op| match op {
            DiskOp::Write { write: LogWrite::Append(entries), .. } => entries.iter().any(|entry| {
                state.append(entry);
                state.is(found)
            }),
            DiskOp::Write { write: LogWrite::InstallSnapshot(meta), .. } => {
                state.reset_may_be(meta.index, op, found)
            }
            DiskOp::Found { snapshot, .. } => state.reset_may_be(snapshot.meta.index, op, found),
            DiskOp::Write { .. } | DiskOp::Adopt { .. } | DiskOp::Repaired | DiskOp::Version(_) => {
                state.apply(op);
                state.is(found)
            }
        })
    }

    /// Does this, which resets the log to a snapshot; whether what was found is a state on the way: the
    /// snapshot has its name before the log is reset.
    fn reset_may_be(&mut self, index: Index, op: &DiskOp, found: &Truth) -> bool {
        self.saved(index);
        let named = self.is(found);
        self.apply(op);
        named || self.is(found)
    }

    /// Whether a start may take term and vote for these.
    pub(super) fn may_hold(&self, under_way: &[DiskOp], hard: HardState) -> bool {
        let asked = under_way.iter().any(|op| match op {
            DiskOp::Write { write: LogWrite::Hard(it), .. } => *it == hard,
            DiskOp::Write { .. }
            | DiskOp::Adopt { .. }
            | DiskOp::Found { .. }
            | DiskOp::Repaired
            | DiskOp::Version(_) => false,
        });
        self.hard == hard || asked
    }

    /// Whether a start may take the disk for one of that ensemble, or of none.
    pub(super) fn may_belong(&self, under_way: &[DiskOp], to: Option<EnsembleId>) -> bool {
        let adopts = |op: &DiskOp| match op {
            DiskOp::Adopt { ensemble, .. } => Some(*ensemble) == to,
            DiskOp::Write { .. } | DiskOp::Found { .. } | DiskOp::Repaired | DiskOp::Version(_) => {
                false
            }
        };
        let silent = self.hard.vote.is_none()
            && self.hard.term <= Term(1)
            && self.last() == Index(0)
            && !self.repairing;
        self.ensemble == to || under_way.iter().any(adopts) || (silent && to.is_none())
    }

    /// The entries, for whoever compares them.
    pub(super) fn entries(&self) -> impl Iterator<Item = &Arc<Entry>> {
        self.entries.values()
    }
}
