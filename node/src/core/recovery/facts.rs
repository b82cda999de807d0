//! What was found on the disk, as values.

use std::fmt;
use std::sync::Arc;

use super::place::{Residence, Surroundings};
use crate::core::entry::Entry;
use crate::core::input::Snapshot;
use crate::core::raft::event::HardState;
use crate::core::types::{EnsembleId, Index, MemberId, Term};

/// A record of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Record {
    Hard(HardState),
    Entry(Arc<Entry>),
    /// Entries from here on were dropped.
    Truncate(Index),
    /// A snapshot at this index replaced the log.
    Reset(Index),
}

/// What follows a segment's last good record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SegmentEnd {
    /// Zeros, or the end of the file, follow the last record.
    Clean,
    /// What follows is no record, and nothing shows that it ever was durable: a write that power
    /// cut short.
    Torn,
    /// What follows is no record, but was durable when a later one was written: this was damaged
    /// afterwards.
    Corrupt,
}

/// A segment's content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Content {
    /// Good records, in order.
    pub records: Vec<Record>,
    /// Where the next one would begin, in bytes.
    pub length: usize,
    /// What is there instead.
    pub end: SegmentEnd,
}

/// Who a disk is: the content of the identity file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// This incarnation of the disk.
    pub member: MemberId,
    /// `None`: blank.
    pub ensemble: Option<EnsembleId>,
    /// Where its member lives. `None`: a program wrote it that did not say so yet.
    pub lives: Option<Residence>,
}

/// Why a file that is there cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Flaw {
    /// Its content is not what a server wrote; what shows it.
    Damaged(String),
    /// The operating system does not give its content; what it says.
    Unreadable(String),
    /// It is sound, but of a version that this program does not read; a sentence that says so.
    OtherVersion(String),
}

/// A file that there is at most one of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Single<T> {
    /// There is none.
    Missing,
    /// What it holds.
    Sound(T),
    /// It holds nothing of use.
    Flawed(Flaw),
}

impl<T> Single<T> {
    /// Why it cannot be used, if that is so.
    pub(super) fn flaw(&self) -> Option<&Flaw> {
        match self {
            Single::Flawed(flaw) => Some(flaw),
            Single::Missing | Single::Sound(_) => None,
        }
    }
}

/// A log file that was found.
#[derive(Clone, Debug)]
pub(crate) struct FoundSegment {
    /// Its place in the order of segments.
    pub number: u64,
    /// Its records, if it can be read up to them.
    pub content: Result<Content, Flaw>,
}

/// A snapshot file that was found.
#[derive(Clone, Debug)]
pub(crate) struct FoundSnapshot {
    /// The last entry it covers.
    pub index: Index,
    /// That entry's term.
    pub term: Term,
    /// What it holds. `None`: not looked at, for a newer one is sound.
    pub content: Option<Result<Arc<Snapshot>, Flaw>>,
}

/// All that a start finds.
#[derive(Clone, Debug)]
pub(crate) struct Facts {
    /// The identity file.
    pub identity: Single<Identity>,
    /// The vote file.
    pub vote: Single<HardState>,
    /// The log, in the order of its numbers.
    pub segments: Vec<FoundSegment>,
    /// The snapshots, newest first.
    pub snapshots: Vec<FoundSnapshot>,
    /// An earlier start found a damage that is not repaired yet.
    pub repairing: bool,
    /// The last process was asked to give all this up.
    pub wipe: bool,
    /// The settings know of no other member. It counts only where no configuration can be read.
    pub alone: bool,
    /// A random id, in case that this disk needs one.
    pub fresh: MemberId,
    /// Where it was found.
    pub place: Surroundings,
}

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Flaw::Damaged(what) | Flaw::Unreadable(what) | Flaw::OtherVersion(what) => {
                f.write_str(what)
            }
        }
    }
}
