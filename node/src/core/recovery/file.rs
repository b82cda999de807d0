//! Names of the data folder's files.

use std::fmt;

use crate::core::types::{Index, Term};

/// A file of the data folder, by what it is for. Its text is its path below the folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum File {
    /// Who this disk is.
    Identity,
    /// Term and vote, which the log has as well.
    Vote,
    /// There while a damaged log is being repaired: no vote till then.
    Repair,
    /// Asks the next start to archive all there is and to begin blank.
    Wipe,
    /// A part of the log, by its number.
    Segment(u64),
    /// A snapshot, by its last entry and that entry's term.
    Snapshot(Index, Term),
}

impl File {
    /// The segment of that name in the log's folder.
    pub(crate) fn segment(name: &str) -> Option<File> {
        let number = u64::from_str_radix(name.strip_suffix(".log")?, 16).ok()?;
        Some(File::Segment(number))
    }

    /// The snapshot of that name in the snapshots' folder.
    pub(crate) fn snapshot(name: &str) -> Option<File> {
        let (index, term) = name.strip_suffix(".snap")?.split_once('-')?;
        let index = Index(u64::from_str_radix(index, 16).ok()?);
        Some(File::Snapshot(index, Term(u64::from_str_radix(term, 16).ok()?)))
    }
}

impl fmt::Display for File {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            File::Identity => f.write_str("identity"),
            File::Vote => f.write_str("vote"),
            File::Repair => f.write_str("repair"),
            File::Wipe => f.write_str("wipe"),
            File::Segment(number) => write!(f, "log/{number:016x}.log"),
            File::Snapshot(index, term) => write!(f, "snap/{:016x}-{:016x}.snap", index.0, term.0),
        }
    }
}
