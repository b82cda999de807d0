//! What a start decides: what this member is, and what is done to its files.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

use super::damage::Damage;
use super::facts::{Flaw, Identity, Record};
use super::file::File;
use super::place::Residence;
use crate::core::entry::Entry;
use crate::core::input::Snapshot;
use crate::core::raft::event::HardState;
use crate::core::types::Index;

/// What a member starts as.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It belongs to no ensemble: it neither votes nor forms one by itself.
    Blank,
    /// It belongs to an ensemble and holds all that it ever acknowledged.
    Member,
    /// It may have acknowledged what it does not hold any more: no vote until it is repaired.
    Repairing(Damage),
    /// It does not live here but there: it says nothing in its member's name.
    Elsewhere(Residence),
}

/// One change of files. Each is durable before the next is begun, and a power cut within it leaves
/// the state before it or the one after it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// Make an empty archive, in the place of the one that is there.
    EmptyArchive,
    /// Move this into the archive, if it is there.
    Archive(Archived),
    /// Remove a file, if it is there.
    Remove(File),
    /// Write the identity file.
    Identify(Identity),
    /// Write the vote file.
    Vote(HardState),
    /// Note that a repair is due, and why.
    Mark(Damage),
    /// Fill a segment with zeros from this byte on.
    CutTail {
        /// Which.
        segment: u64,
        /// Where its last record ends.
        at: usize,
    },
    /// Make the segment that the log goes on in, with these records.
    Begin {
        /// Its first records.
        records: Vec<Record>,
    },
    /// Rename a damaged file, so that no start takes it for a part of the log.
    SetAside(File),
}

/// What a wipe moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Archived {
    /// The identity file.
    Identity,
    /// The vote file.
    Vote,
    /// All segments.
    Log,
    /// All snapshots.
    Snapshots,
    /// The mark of a repair.
    Repair,
}

/// Where the log goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Tail {
    /// Older segments: number and highest entry.
    pub sealed: VecDeque<(u64, Index)>,
    /// The segment to append to.
    pub segment: u64,
    /// Where, in bytes; `None`: behind the records that it is begun with.
    pub at: Option<usize>,
    /// The highest entry in it.
    pub highest: Index,
}

/// Something to be logged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Note {
    /// A write that was never acknowledged is dropped.
    TornTail {
        /// In this segment.
        segment: u64,
        /// From this byte on.
        at: usize,
    },
    /// An older snapshot is used, if the log covers the gap.
    PassOver(File, Flaw),
    /// The log alone tells term and vote.
    FlawedVote(Flaw),
    /// It had been adopted by an ensemble that it never spoke for.
    BlankAgain,
    /// Its address is another one than before, and is taken over.
    Moved {
        /// Where it lived.
        from: Residence,
        /// Where it lives now.
        to: Residence,
    },
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Note::TornTail { segment, at } => {
                let file = File::Segment(*segment);
                write!(
                    f,
                    "{file}: cut off a write that was cut short, the log's last, at byte {at}"
                )
            }
            Note::PassOver(file, flaw) => write!(f, "{file}: {flaw}; pass over this snapshot"),
            Note::FlawedVote(flaw) => {
                write!(f, "{}: {flaw}; term and vote are taken from the log", File::Vote)
            }
            Note::BlankAgain => f.write_str(
                "adopted by an ensemble, but stopped before the first record: blank again",
            ),
            Note::Moved { from, to } => write!(
                f,
                "this is the data of {from}, and this server is {to}: the address is taken for a new \
                 one of the same server. If this folder is a copy, stop here: it must not run beside \
                 its original"
            ),
        }
    }
}

/// What a start makes of a disk.
#[derive(Clone, Debug)]
pub(crate) struct Recovery {
    /// What this member is.
    pub verdict: Verdict,
    /// Who it is.
    pub identity: Identity,
    /// Term and vote.
    pub hard: HardState,
    /// The newest sound snapshot.
    pub snapshot: Option<Arc<Snapshot>>,
    /// The log behind it.
    pub entries: Vec<Arc<Entry>>,
    /// What to do to the files, in this order, before the member says anything.
    pub changes: Vec<Change>,
    /// Where the log goes on once that is done.
    pub tail: Tail,
    /// What to log.
    pub notes: Vec<Note>,
}
