//! What can be wrong with a disk, and why a start is refused; in sentences that say what to do.

use std::fmt;

use super::file::File;
use crate::core::types::Index;

/// What was durable once and cannot be read any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Damage {
    /// The disk belongs to an ensemble, and there is no log at all.
    NoLog,
    /// A segment's first bytes are not what was written.
    Header(File),
    /// A segment is gone from the middle of the log.
    NoFileBefore(File),
    /// Records were there that cannot be read, from this byte of the segment on.
    At(File, usize),
    /// The log goes on from a snapshot that is not there.
    NoSnapshot(Index),
    /// A snapshot cannot be read, and what else is there does not reach as far.
    Snapshot(File),
    /// Nothing that is there leads up to an entry.
    NoEntries {
        /// The first that is there.
        before: Index,
    },
    /// An earlier start found some; the log is sound by itself.
    Earlier,
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Damage::NoLog => f.write_str("there is no log"),
            Damage::Header(file) => write!(f, "{file}: its header is damaged"),
            Damage::NoFileBefore(file) => write!(f, "a file before {file} is missing"),
            Damage::At(file, byte) => write!(f, "{file}: damaged at byte {byte}"),
            Damage::NoSnapshot(index) => write!(f, "the snapshot at {index} is missing"),
            Damage::Snapshot(file) => {
                write!(f, "{file}: damaged, and nothing else that is there reaches as far")
            }
            Damage::NoEntries { before } => write!(f, "entries before {before} are missing"),
            Damage::Earlier => f.write_str("an earlier damage is not repaired yet"),
        }
    }
}

/// Why this disk must not be started with. Nothing of it was changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// Nobody can tell who this disk is.
    DamagedIdentity,
    /// The same: there is a log of somebody.
    NoIdentity,
    /// The identity names no ensemble, but the disk has spoken for one.
    ForgottenEnsemble,
    /// The log is damaged, and what was voted in it stands nowhere else.
    ForgottenVote(Damage),
    /// Nobody has what is lost: to start would be to lose acknowledged writes silently.
    Alone(Damage),
    /// A file was written by another version; a sentence that says so.
    OtherVersion(File, String),
    /// The operating system does not give a file; what it says.
    Unreadable(File, String),
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refusal::DamagedIdentity => write!(
                f,
                "{} is damaged: move the data folder aside; the member then joins as a new one",
                File::Identity
            ),
            Refusal::NoIdentity => write!(
                f,
                "{} is missing but there is a log beside it: restore the file, or move the data \
                 folder aside; the member then joins as a new one",
                File::Identity
            ),
            Refusal::ForgottenEnsemble => write!(
                f,
                "{} names no ensemble, but what is beside it was written for one: restore the \
                 file, or move the data folder aside; the member then joins as a new one",
                File::Identity
            ),
            Refusal::ForgottenVote(damage) => write!(
                f,
                "{damage}, and {} does not tell either what this member voted: move the data \
                 folder aside; the member then joins as a new one",
                File::Vote
            ),
            Refusal::Alone(damage) => write!(
                f,
                "{damage}. No other member has this data. Restore the folder from a copy; or, to \
                 go on with what is readable and lose what is not, move the damaged file away"
            ),
            Refusal::OtherVersion(file, sentence) => write!(f, "{file}: {sentence}"),
            Refusal::Unreadable(file, why) => write!(f, "read {file}: {why}"),
        }
    }
}
