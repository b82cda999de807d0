//! Which versions of each format this program reads, and which it writes.
//!
//! What was written by a newer program is refused in words, as a whole and untouched. It is never
//! taken for damage: whoever is told that sound files are damaged moves them away. Bytes of every
//! version that was ever written are kept in `tests/golden`, and are read by tests for ever.

use std::fmt;

use crate::core::message::{Capabilities, FormatRange};
use crate::core::state::rules;
use crate::core::types::EnsembleVersion;

/// What outlives the program that wrote it, or crosses to another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Format {
    /// A segment of the log: its header, which has the same layout in every version.
    Segment,
    /// A record of a segment. Has the version of its segment.
    Record,
    /// A log entry, on the disk and between members.
    Entry,
    /// A snapshot's file: blocks and checksums.
    SnapshotFile,
    /// A snapshot's content.
    Snapshot,
    /// What members say to each other.
    Peer,
    /// The file that has term and vote once more.
    Vote,
    /// The file that says who a disk is.
    Identity,
    /// The admin port's `/status`.
    Status,
    /// The rules of the replicated state: the ensemble's version.
    Ensemble,
}

/// The versions of a format that this program knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Known {
    /// The oldest that it reads.
    pub oldest_read: u32,
    /// The newest that it reads, and the one that it writes once the ensemble's version says so.
    pub written: u32,
}

impl Format {
    /// All of them.
    pub const ALL: [Format; 10] = [
        Format::Segment,
        Format::Record,
        Format::Entry,
        Format::SnapshotFile,
        Format::Snapshot,
        Format::Peer,
        Format::Vote,
        Format::Identity,
        Format::Status,
        Format::Ensemble,
    ];

    /// What this program reads and writes of it.
    pub const fn known(self) -> Known {
        match self {
            Format::Segment | Format::Record => Known { oldest_read: 1, written: 1 },
            Format::Entry => Known { oldest_read: 1, written: 2 },
            Format::SnapshotFile => Known { oldest_read: 1, written: 1 },
            // 1 had chunks of another size, and was never released.
            Format::Snapshot => Known { oldest_read: 2, written: 3 },
            // What is in a frame of version 2 are entries and actions of version 2.
            Format::Peer => Known { oldest_read: 1, written: 2 },
            Format::Vote => Known { oldest_read: 1, written: 1 },
            Format::Identity => Known { oldest_read: 1, written: 1 },
            Format::Status => Known { oldest_read: 1, written: 1 },
            Format::Ensemble => Known { oldest_read: rules::FIRST.0, written: rules::NEWEST.0 },
        }
    }

    /// The version, if it is one that this program reads.
    pub fn check(self, version: u32) -> Result<u32, OtherVersion> {
        let Known { oldest_read, written } = self.known();
        let read = (oldest_read..=written).contains(&version);
        let found = Found::Version(version);
        if read { Ok(version) } else { Err(OtherVersion { format: self, found }) }
    }

    /// Something of a known version that has no meaning there, though its checksum is right.
    pub fn unknown_kind(self, kind: u8) -> OtherVersion {
        OtherVersion { format: self, found: Found::Kind(kind) }
    }

    /// The version that members of an ensemble store: what all programs read that know the
    /// ensemble's version.
    pub fn written_in(self, ensemble: EnsembleVersion) -> u32 {
        match self {
            Format::Snapshot if ensemble < EnsembleVersion(2) => 2,
            Format::Entry if ensemble < EnsembleVersion(3) => 1,
            _ => self.known().written,
        }
    }

    /// Its number in hellos.
    pub(crate) const fn number(self) -> u8 {
        match self {
            Format::Segment => 1,
            Format::Record => 2,
            Format::Entry => 3,
            Format::SnapshotFile => 4,
            Format::Snapshot => 5,
            Format::Peer => 6,
            Format::Vote => 7,
            Format::Identity => 8,
            Format::Status => 9,
            Format::Ensemble => 10,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Format::Segment => "a log segment",
            Format::Record => "a log record",
            Format::Entry => "a log entry",
            Format::SnapshotFile => "a snapshot file",
            Format::Snapshot => "a snapshot",
            Format::Peer => "a member's message",
            Format::Vote => "a vote file",
            Format::Identity => "an identity file",
            Format::Status => "a status",
            Format::Ensemble => "an ensemble",
        }
    }
}

/// What this program tells others that it can.
pub(crate) fn capabilities() -> Capabilities {
    let range = |format: Format| {
        let Known { oldest_read, written } = format.known();
        FormatRange { format: format.number(), oldest: oldest_read, newest: written }
    };
    Capabilities {
        newest: rules::NEWEST,
        formats: Format::ALL.map(range).to_vec(),
        program: env!("CARGO_PKG_VERSION").to_owned(),
    }
}

/// The newest version of frames that a program reads, of those that this one writes. A link speaks it
/// whatever the ensemble's version is: nothing of it outlives the link.
///
/// # Errors
/// When there is none.
pub(crate) fn spoken_with(can: &Capabilities) -> Result<u32, OtherVersion> {
    let Known { oldest_read, written } = Format::Peer.known();
    let said = can.formats.iter().find(|range| range.format == Format::Peer.number());
    // A program that does not say what it reads is of the first ones.
    let (oldest, newest) = said.map_or((1, 1), |range| (range.oldest, range.newest));
    let spoken = newest.min(written);
    let common = spoken >= oldest && spoken >= oldest_read;
    let found = Found::Version(if newest < oldest_read { newest } else { oldest });
    if common { Ok(spoken) } else { Err(OtherVersion { format: Format::Peer, found }) }
}

/// What shows that another program wrote it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// Its version, by number.
    Version(u32),
    /// A kind that the known versions do not have.
    Kind(u8),
    /// The checksum is right, and the content means nothing here.
    Content,
}

/// Sound, but of a version that this program does not read: neither torn nor damaged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub struct OtherVersion {
    /// Of which format.
    pub format: Format,
    /// What shows it.
    pub found: Found,
}

impl fmt::Display for OtherVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Known { oldest_read, written } = self.format.known();
        f.write_str(self.format.name())?;
        match self.found {
            Found::Version(version) => write!(f, " of version {version}")?,
            Found::Kind(kind) => write!(f, " of kind {kind}")?,
            Found::Content => {
                f.write_str(" whose checksum is right and whose content is unknown")?
            }
        }
        let (older, all) = match self.found {
            Found::Version(version) => (version < oldest_read, "version"),
            Found::Kind(_) | Found::Content => (false, "what there is in version"),
        };
        let age = if older { "an older" } else { "a newer" };
        write!(f, " was written by {age} Quorate: this one reads {all} {oldest_read}")?;
        if written > oldest_read {
            write!(f, " to {written}")?;
        }
        f.write_str("; start a version of Quorate that reads it. Nothing is damaged")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_stored_is_what_every_program_reads_that_knows_the_ensembles_version() {
        let stored = |format: Format| [1, 2, 3].map(|it| format.written_in(EnsembleVersion(it)));
        for format in Format::ALL {
            let expected = match format {
                Format::Snapshot => [2, 3, 3],
                Format::Entry => [1, 1, 2],
                // Said on links, each by its own rule.
                Format::Peer | Format::Ensemble => continue,
                _ => [1, 1, 1],
            };
            assert_eq!(stored(format), expected, "{format:?}");
        }
    }

    #[test]
    fn a_link_speaks_the_newest_that_both_ends_read_or_says_why_there_is_none() {
        let Known { oldest_read, written } = Format::Peer.known();
        let reads = |oldest, newest| Capabilities {
            formats: vec![
                FormatRange { format: Format::Entry.number(), oldest: 99, newest: 99 },
                FormatRange { format: Format::Peer.number(), oldest, newest },
            ],
            ..Capabilities::default()
        };
        assert_eq!(spoken_with(&Capabilities::default()), Ok(1), "of the first programs");
        assert_eq!(spoken_with(&capabilities()), Ok(written));
        for newest in oldest_read..=written {
            assert_eq!(spoken_with(&reads(oldest_read, newest)), Ok(newest));
        }
        assert_eq!(spoken_with(&reads(oldest_read, written + 5)), Ok(written));
        assert_eq!(spoken_with(&reads(written, written + 5)), Ok(written));
        let newer = spoken_with(&reads(written + 1, written + 5)).unwrap_err();
        assert_eq!(Err(newer), Format::Peer.check(written + 1));
        let older = spoken_with(&reads(oldest_read - 1, oldest_read - 1)).unwrap_err();
        assert_eq!(Err(older), Format::Peer.check(oldest_read - 1));
    }

    #[test]
    fn what_is_newer_is_refused_in_words_that_name_both_versions() {
        for format in Format::ALL {
            let Known { oldest_read, written } = format.known();
            assert!(oldest_read <= written, "{format:?} is read as it is written");
            for version in oldest_read..=written {
                assert_eq!(format.check(version), Ok(version));
            }
            let newer = format.check(written + 1).unwrap_err().to_string();
            assert!(newer.contains(&format!("of version {}", written + 1)), "{newer}");
            assert!(newer.contains(&format!("reads version {oldest_read}")), "{newer}");
            assert!(newer.contains("a newer Quorate"), "{newer}");
            assert!(newer.contains("start a version of Quorate that reads it"), "{newer}");
            let older = format.check(oldest_read - 1).unwrap_err().to_string();
            assert!(older.contains("an older Quorate"), "{older}");
        }
    }
}
