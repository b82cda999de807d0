//! Follows a log's records to what they amount to.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::damage::Damage;
use super::facts::Record;
use crate::core::entry::Entry;
use crate::core::raft::event::HardState;
use crate::core::types::Index;

/// Follows the records.
#[derive(Debug)]
pub(super) struct Replay {
    /// Term and vote.
    pub(super) hard: HardState,
    /// The log behind the newest snapshot.
    pub(super) entries: BTreeMap<Index, Arc<Entry>>,
    /// Where that snapshot stands.
    covered: Index,
    /// The first damage.
    pub(super) damage: Option<Damage>,
}

impl Replay {
    /// Begins behind the newest snapshot.
    pub(super) fn new(covered: Index) -> Replay {
        Replay { hard: HardState::default(), entries: BTreeMap::new(), covered, damage: None }
    }

    /// The first damage is what is told; the rest follows from it.
    pub(super) fn damaged(&mut self, what: Damage) {
        self.damage.get_or_insert(what);
    }

    /// Up to where all is there.
    pub(super) fn last(&self) -> Index {
        self.entries.keys().next_back().copied().unwrap_or_default().max(self.covered)
    }

    /// Follows good records; gives the highest index among them.
    pub(super) fn take(&mut self, records: Vec<Record>) -> Index {
        let mut highest = Index(0);
        for record in records {
            match record {
                Record::Hard(hard) => self.hard = hard,
                Record::Truncate(from) => {
                    self.entries.split_off(&from);
                }
                Record::Reset(index) => {
                    self.entries.clear();
                    highest = highest.max(index);
                    if index > self.covered {
                        self.damage = Some(Damage::NoSnapshot(index));
                        return highest;
                    }
                }
                Record::Entry(entry) => {
                    highest = highest.max(entry.index);
                    if !self.fits(entry.index) {
                        self.damage = Some(Damage::NoEntries { before: entry.index });
                        return highest;
                    }
                    self.entries.insert(entry.index, entry);
                }
            }
        }
        highest
    }

    /// An entry follows the one before it, or a snapshot that was durable earlier than the
    /// entries it covers.
    fn fits(&mut self, index: Index) -> bool {
        match self.entries.keys().next_back() {
            Some(last) if last.next() == index => true,
            _ if index <= self.covered.next() => {
                self.entries.clear();
                true
            }
            _ => false,
        }
    }
}
