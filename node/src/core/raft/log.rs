//! The log in memory: what is behind the last compaction, what of it is committed and what is
//! durable here, and every configuration in it.
//!
//! Invariant: base <= commit <= last, durable <= last.

use std::collections::VecDeque;
use std::sync::Arc;

use super::config::Config;
use super::event::SnapshotMeta;
use crate::core::entry::{Entry, Payload};
use crate::core::types::{Index, Term, WriteSeq};

/// The log.
#[derive(Debug)]
pub(crate) struct Log {
    /// The last compacted entry.
    base: (Index, Term),
    entries: VecDeque<Arc<Entry>>,
    commit: Index,
    durable: Index,
    /// Appends on their way to the disk: number and last index.
    writing: VecDeque<(WriteSeq, Index)>,
    /// Configurations in the log, oldest first; the first is as of `base` or older.
    configs: Vec<Config>,
    /// The newest durable snapshot.
    snapshot: Index,
}

impl Log {
    /// Continues a snapshot by durable entries (see [`super::event::Boot::entries`]).
    pub(crate) fn new(snapshot: SnapshotMeta, entries: Vec<Arc<Entry>>) -> Log {
        let mut entries: VecDeque<Arc<Entry>> = entries.into();
        let mut base = (snapshot.index, snapshot.term);
        // A snapshot that replaces the log is durable a moment before the log is reset. What is left
        // of a log that it contradicts was never committed (Raft §7).
        let contradicted = entries
            .iter()
            .any(|entry| entry.index == snapshot.index && entry.term != snapshot.term);
        if contradicted || entries.back().is_none_or(|last| last.index < snapshot.index) {
            entries.clear();
        } else if entries.front().is_some_and(|first| first.index <= snapshot.index)
            && let Some(first) = entries.pop_front()
        {
            // Its predecessor's term is gone, so it can only serve as the base itself.
            base = (first.index, first.term);
        }
        let last = entries.back().map_or(base.0, |entry| entry.index);
        let mut configs = vec![snapshot.config];
        for entry in &entries {
            if let Payload::Config(config) = &entry.payload
                && configs.last().is_none_or(|known| known.index < config.index)
            {
                configs.push(Config::clone(config));
            }
        }
        Log {
            base,
            entries,
            commit: snapshot.index,
            durable: last,
            writing: VecDeque::new(),
            configs,
            snapshot: snapshot.index,
        }
    }

    /// The end.
    pub(crate) fn last_index(&self) -> Index {
        self.entries.back().map_or(self.base.0, |entry| entry.index)
    }

    /// The end's term.
    pub(crate) fn last_term(&self) -> Term {
        self.entries.back().map_or(self.base.1, |entry| entry.term)
    }

    /// The first entry that is still there (or would be).
    pub(crate) fn first_index(&self) -> Index {
        self.base.0.next()
    }

    /// The last compacted position.
    pub(crate) fn base_index(&self) -> Index {
        self.base.0
    }

    /// The newest durable snapshot's position.
    pub(crate) fn snapshot_index(&self) -> Index {
        self.snapshot
    }

    /// Committed.
    pub(crate) fn commit_index(&self) -> Index {
        self.commit
    }

    /// Durable here.
    pub(crate) fn durable_index(&self) -> Index {
        self.durable
    }

    fn position(&self, index: Index) -> Option<usize> {
        usize::try_from(index.0.checked_sub(self.base.0.0 + 1)?).ok()
    }

    /// The entry at an index.
    pub(crate) fn entry(&self, index: Index) -> Option<&Arc<Entry>> {
        self.entries.get(self.position(index)?)
    }

    /// The term at an index, the base included.
    pub(crate) fn term_at(&self, index: Index) -> Option<Term> {
        if index == self.base.0 {
            return Some(self.base.1);
        }
        self.entry(index).map(|entry| entry.term)
    }

    /// Entries from `from` on, within these bounds but at least one.
    pub(crate) fn batch(&self, from: Index, entries: usize, bytes: usize) -> Vec<Arc<Entry>> {
        let Some(start) = self.position(from) else {
            return Vec::new();
        };
        let mut weight = 0;
        let mut batch = Vec::new();
        for entry in self.entries.iter().skip(start).take(entries) {
            weight += entry.payload.weight();
            if !batch.is_empty() && weight > bytes {
                break;
            }
            batch.push(Arc::clone(entry));
        }
        batch
    }

    /// The last index, not above `index`, whose term is not above `term` (to skip whole terms of
    /// a diverged log).
    pub(crate) fn last_not_above(&self, index: Index, term: Term) -> (Index, Term) {
        let mut at = index.min(self.last_index());
        while at > self.base.0 {
            match self.term_at(at) {
                Some(known) if known <= term => return (at, known),
                _ => at = at.prev(),
            }
        }
        self.base
    }

    /// Appends contiguous entries; they count as durable when `seq` is.
    pub(crate) fn append(&mut self, entries: &[Arc<Entry>], seq: WriteSeq) {
        for entry in entries {
            assert_eq!(entry.index, self.last_index().next(), "appended with a gap");
            if let Payload::Config(config) = &entry.payload {
                self.configs.push(Config::clone(config));
            }
            self.entries.push_back(Arc::clone(entry));
        }
        self.writing.push_back((seq, self.last_index()));
    }

    /// Drops everything from `from` on. Gives whether a configuration went with it.
    pub(crate) fn truncate(&mut self, from: Index) -> bool {
        assert!(from > self.commit, "truncating committed entries: {from} <= {}", self.commit);
        if let Some(position) = self.position(from) {
            self.entries.truncate(position);
        }
        self.durable = self.durable.min(from.prev());
        for (_, last) in &mut self.writing {
            *last = (*last).min(from.prev());
        }
        let before = self.configs.len();
        self.configs.retain(|config| config.index < from);
        self.configs.len() != before
    }

    /// Writes up to `seq` are durable. Gives whether more of the log is.
    pub(crate) fn durable(&mut self, seq: WriteSeq) -> bool {
        let before = self.durable;
        while let Some((needs, last)) = self.writing.front().copied() {
            if needs > seq {
                break;
            }
            self.writing.pop_front();
            self.durable = self.durable.max(last);
        }
        self.durable > before
    }

    /// Commits up to `index` (or to the end); gives what is newly committed.
    pub(crate) fn commit_to(&mut self, index: Index) -> Vec<Arc<Entry>> {
        let index = index.min(self.last_index());
        let mut entries = Vec::new();
        while self.commit < index {
            self.commit = self.commit.next();
            if let Some(entry) = self.entry(self.commit) {
                entries.push(Arc::clone(entry));
            }
        }
        entries
    }

    /// The least index from `from` on such that the entries behind it, up to `until`, weigh no more
    /// than this.
    pub(crate) fn lightest(&self, from: Index, until: Index, bytes: usize) -> Index {
        let mut weight = 0;
        let mut at = until;
        while at > from
            && let Some(entry) = self.entry(at)
        {
            weight += entry.payload.weight();
            if weight > bytes {
                break;
            }
            at = Index(at.0 - 1);
        }
        at
    }

    /// A durable snapshot covers `meta.index`; entries up to `until` may go.
    pub(crate) fn compact(&mut self, meta: SnapshotMeta, until: Index) {
        self.snapshot = self.snapshot.max(meta.index);
        while self.base.0 < until
            && let Some(entry) = self.entries.pop_front()
        {
            self.base = (entry.index, entry.term);
        }
        // Everything at or before the base is committed, so only the newest such configuration
        // can still matter.
        let base = self.base.0;
        let old = self.configs.iter().filter(|config| config.index <= base).count();
        self.configs.drain(..old.saturating_sub(1));
    }

    /// A received snapshot replaces everything; durable when `seq` is.
    pub(crate) fn install(&mut self, meta: SnapshotMeta, seq: WriteSeq) {
        assert!(meta.index > self.commit, "installing what is committed already");
        self.base = (meta.index, meta.term);
        self.entries.clear();
        self.commit = meta.index;
        self.durable = Index(0);
        self.writing.clear();
        self.writing.push_back((seq, meta.index));
        self.snapshot = meta.index;
        self.configs = vec![meta.config];
    }

    /// The newest configuration.
    pub(crate) fn config(&self) -> &Config {
        self.configs.last().expect("there is always one, if only the empty one")
    }

    /// The newest committed configuration.
    pub(crate) fn committed_config(&self) -> &Config {
        let committed = self.configs.iter().rev().find(|config| config.index <= self.commit);
        committed.unwrap_or_else(|| self.configs.first().expect("there is always one"))
    }

    /// What was in force before the newest configuration, if that may still be lost. It is committed,
    /// though this member need not know: nobody proposes a configuration before the last one is.
    pub(crate) fn config_before(&self) -> Option<&Config> {
        let before = self.configs.iter().rev().nth(1);
        before.filter(|_| self.config().index > self.commit)
    }

    /// Checks what must hold between events.
    ///
    /// # Panics
    /// When the order of positions is broken.
    #[cfg(any(test, feature = "sim"))]
    pub(crate) fn check_invariants(&self) {
        let last = self.last_index();
        assert!(self.base.0 <= self.commit, "base {} beyond commit {}", self.base.0, self.commit);
        assert!(self.commit <= last, "commit {} beyond the end {last}", self.commit);
        assert!(self.durable <= last, "durable {} beyond the end {last}", self.durable);
        let ordered = self.configs.windows(2).all(|pair| pair[0].index < pair[1].index);
        assert!(ordered, "configurations out of order");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(snapshot_term: u64) -> Log {
        let meta =
            SnapshotMeta { index: Index(5), term: Term(snapshot_term), ..SnapshotMeta::default() };
        let entry =
            |n| Arc::new(Entry { term: Term(3), index: Index(n), payload: Payload::NewLeader });
        Log::new(meta, (1..=8).map(entry).collect())
    }

    #[test]
    fn a_log_that_its_snapshot_contradicts_is_dropped() {
        let log = log(4);
        assert_eq!((log.last_index(), log.last_term()), (Index(5), Term(4)));
        assert_eq!(log.term_at(Index(4)), None);
    }

    #[test]
    fn what_is_kept_behind_a_snapshot_is_bounded_by_weight_and_by_number() {
        let log = log(3);
        let weight = log.entry(Index(4)).map(|it| it.payload.weight()).unwrap();
        let kept = |bytes| log.lightest(Index(2), Index(5), bytes);
        assert_eq!(kept(weight * 100), Index(2), "by number");
        assert_eq!(kept(weight * 2), Index(3), "by weight");
        assert_eq!(kept(0), Index(5), "nothing");
    }

    #[test]
    fn a_log_that_agrees_with_its_snapshot_is_kept() {
        let log = log(3);
        assert_eq!((log.last_index(), log.commit_index()), (Index(8), Index(5)));
        assert_eq!(log.term_at(Index(4)), Some(Term(3)));
    }
}
