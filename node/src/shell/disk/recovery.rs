//! What a start finds.
//!
//! A last batch that power cut short is cut off. Damage to what was durable when a later record was
//! written, or in a file that was sealed, is something else: entries that may have been acknowledged are gone. The member
//! then keeps what is good, does not vote, and repairs itself from the others; alone it refuses to
//! start. What another version of Quorate wrote is none of both: the start is refused, and the folder
//! stays as it is.

use std::collections::VecDeque;
use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};

use super::identity::{self, Identity};
use super::replay::Replay;
use super::segment::{self, Segment};
use super::writer::Log;
use super::{DiskConfig, DiskError, files, folder, io, other_version, snapshots, vote};
use crate::codec::record::{self, End, Record};
use crate::core::entry::Entry;
use crate::core::input::Snapshot;
use crate::core::raft::event::HardState;
use crate::core::types::{Index, Term};

/// What is there.
#[derive(Debug)]
pub struct Found {
    /// Who this disk is.
    pub identity: Identity,
    /// Term and vote.
    pub hard: HardState,
    /// The newest good snapshot.
    pub snapshot: Option<Arc<Snapshot>>,
    /// The log behind it.
    pub entries: Vec<Arc<Entry>>,
    /// What is damaged, if anything that may have been acknowledged is.
    pub damage: Option<String>,
    /// Keep other processes out for as long as they live.
    pub locks: Vec<File>,
}

/// Opens the folder. `alone`: the settings know of no other member; it counts only where no
/// configuration can be read.
pub fn open(config: &DiskConfig, alone: bool) -> Result<(Found, Log), DiskError> {
    let locks = folder::open(config)?;
    let voted = vote::load(&config.dir)?;
    let (numbers, unused) = without_unused(config, segment::list(&config.log_dir())?)?;
    let mut identity = identity::load_or_create(&config.dir, !numbers.is_empty())?;
    let snapshot = newest_good_snapshot(config)?;
    let mut replay = Replay::new(snapshot.as_ref().map_or(Index(0), |it| it.meta.index));
    if numbers.is_empty() && identity.ensemble.is_some() {
        // Term and vote were in it: to begin anew would be to vote twice.
        replay.damaged(format!("there is no log in {}", config.log_dir().display()));
    }
    let Segments { mut sealed, last } = read_segments(config, &numbers, &mut replay)?;
    snapshots::remove_unfinished(config)?;
    remove_unused(config, &unused)?;
    let silent = never_spoke(config, &numbers, &replay);
    replay.hard = vote::later(replay.hard, voted.unwrap_or_default());
    let current = match (&replay.damage, last) {
        (None, Some(last)) => {
            let (segment, at) = (last.header.number, last.at);
            if last.torn {
                tracing::warn!(segment, at, "cut off a write that was cut short: the log's last");
            }
            Segment::reopen(&config.log_dir(), last.header, at, last.highest, last.torn)?
        }
        (None, None) => Segment::create(&config.log_dir(), 1, config.segment_bytes)?,
        (Some(damage), _) => {
            refuse_if_alone(&replay, snapshot.as_deref(), alone)?;
            if voted.is_none() && identity.ensemble.is_some() {
                return Err(DiskError::Damaged(format!(
                    "{damage}, and {} does not tell either what this member voted: move the data \
                     folder aside; the member then joins as a new one",
                    config.dir.join("vote").display()
                )));
            }
            // Before the damaged files go: a start that finds only what is good must still know
            // that something is missing.
            files::replace(&repair_marker(config), damage.as_bytes())?;
            sealed.clear();
            rewrite(config, &numbers, &replay)?
        }
    };
    if replay.damage.is_none() && repair_marker(config).exists() {
        replay.damage = Some("an earlier damage is not repaired yet".to_owned());
    }
    // A founder's first term, in which nobody votes, may have been saved before it was logged.
    let founding = voted.is_none_or(|it| it.vote.is_none() && it.term <= Term(1));
    if identity.ensemble.is_some() && silent && founding && replay.damage.is_none() {
        tracing::warn!("adopted by an ensemble, but stopped before the first record: blank again");
        vote::remove(&config.dir)?;
        replay.hard = HardState::default();
        identity.ensemble = None;
        identity::save(&config.dir, identity)?;
    }
    let hard = replay.hard;
    if voted != Some(hard) && hard != HardState::default() {
        vote::save(&config.dir, hard)?;
    }
    let damage = replay.damage.clone();
    let found = Found { identity, hard, snapshot, entries: replay.into_entries(), damage, locks };
    let config = config.clone();
    Ok((found, Log { config, identity, hard, sealed, current, ahead: None }))
}

/// The sound segments of a log.
#[derive(Default)]
struct Segments {
    /// Number and highest entry.
    sealed: VecDeque<(u64, Index)>,
    last: Option<Last>,
}

/// The last segment: where its records end, the highest entry in it, and whether a torn write follows.
struct Last {
    header: record::Header,
    at: u64,
    highest: Index,
    torn: bool,
}

/// Follows the segments up to the first damage: what is before it is kept.
fn read_segments(
    config: &DiskConfig,
    numbers: &[u64],
    replay: &mut Replay,
) -> Result<Segments, DiskError> {
    let mut found = Segments::default();
    let mut before = None;
    for (place, number) in numbers.iter().enumerate() {
        let is_last = place + 1 == numbers.len();
        let path = segment::path(&config.log_dir(), *number);
        let bytes = Bytes::from(std::fs::read(&path).map_err(io("read", &path))?);
        let header = match record::decode_header(&bytes) {
            Ok(header) => header,
            Err(error) => {
                if let Some(other) = error.other_version() {
                    return Err(other_version(&path)(other));
                }
                replay.damaged(format!("{}: its header is damaged", path.display()));
                break;
            }
        };
        if before.is_some_and(|before| before + 1 != *number) {
            replay.damaged(format!("a file before {} is missing", path.display()));
            break;
        }
        let scan = record::scan(&bytes, header.nonce);
        if let End::OtherVersion(other) = scan.end {
            return Err(other_version(&path)(other));
        }
        let highest = replay.take(&scan.records);
        let at = scan.length as u64;
        if scan.end == End::Corrupt || (scan.end == End::Torn && !is_last) {
            replay.damaged(format!("{}: damaged at byte {at}", path.display()));
        }
        if replay.damage.is_some() {
            break;
        }
        if is_last {
            let torn = scan.end == End::Torn;
            found.last = Some(Last { header, at, highest, torn });
        } else {
            found.sealed.push_back((*number, highest));
        }
        before = Some(*number);
    }
    Ok(found)
}

/// Whether the process ended between saving the ensemble's id and the first record. A vote or an
/// acknowledgement leaves only after its record, so there was none, and without a configuration
/// this disk would wait for ever. Only the first segment shows it: a later one followed records
/// that are gone.
fn never_spoke(config: &DiskConfig, numbers: &[u64], replay: &Replay) -> bool {
    numbers == [1]
        && replay.hard == HardState::default()
        && replay.entries.is_empty()
        && snapshots::list(config).is_empty()
}

fn repair_marker(config: &DiskConfig) -> PathBuf {
    config.dir.join("repair")
}

/// The damage is repaired: this member may vote after the next start, too.
pub(super) fn end_repair(config: &DiskConfig) -> Result<(), DiskError> {
    files::remove(&repair_marker(config))?;
    files::sync_dir(&config.dir)
}

/// A segment is made before it is needed. One without a record is to be taken away: the one before
/// it is still the last, may end in a torn write, and holds the vote. Gives the others and those.
fn without_unused(
    config: &DiskConfig,
    mut numbers: Vec<u64>,
) -> Result<(Vec<u64>, Vec<u64>), DiskError> {
    let mut unused = Vec::new();
    while let [_, .., last] = numbers[..] {
        let path = segment::path(&config.log_dir(), last);
        let bytes = Bytes::from(std::fs::read(&path).map_err(io("read", &path))?);
        let blank = record::decode_header(&bytes).is_ok_and(|header| {
            let scan = record::scan(&bytes, header.nonce);
            scan.records.is_empty() && matches!(scan.end, End::Clean | End::Torn)
        });
        if !blank {
            break;
        }
        unused.extend(numbers.pop());
    }
    Ok((numbers, unused))
}

fn remove_unused(config: &DiskConfig, unused: &[u64]) -> Result<(), DiskError> {
    for number in unused {
        files::remove(&segment::path(&config.log_dir(), *number))?;
        files::sync_dir(&config.log_dir())?;
    }
    Ok(())
}

/// A damaged snapshot is passed over: an older one will do if the log covers the gap. One of another
/// version is not: what the log needs may be in it.
fn newest_good_snapshot(config: &DiskConfig) -> Result<Option<Arc<Snapshot>>, DiskError> {
    for (_, _, path) in snapshots::list(config) {
        match snapshots::load(&path) {
            Ok(snapshot) => return Ok(Some(Arc::new(snapshot))),
            Err(error @ DiskError::OtherVersion { .. }) => return Err(error),
            Err(error) => tracing::warn!(%error, "pass over a damaged snapshot"),
        }
    }
    Ok(None)
}

/// With nobody to repair from, starting would mean to lose acknowledged writes silently.
fn refuse_if_alone(
    replay: &Replay,
    snapshot: Option<&Snapshot>,
    alone: bool,
) -> Result<(), DiskError> {
    if replay.voters(snapshot).map_or(!alone, |voters| voters > 1) {
        return Ok(());
    }
    let what = replay.damage.as_deref().unwrap_or("damage");
    Err(DiskError::Damaged(format!(
        "{what}. No other member has this data. Restore the folder from a copy; or, to go on with \
         what is readable and lose what is not, move the damaged log file away"
    )))
}

/// Puts damaged files aside and begins a new one with what is good.
fn rewrite(config: &DiskConfig, numbers: &[u64], replay: &Replay) -> Result<Segment, DiskError> {
    let dir = config.log_dir();
    let number = numbers.last().map_or(1, |last| last + 1);
    let mut batch = BytesMut::new();
    let mut fresh = Segment::create(&dir, number, config.segment_bytes)?;
    let seal = fresh.seal();
    batch = record::encode(&Record::Hard(replay.hard), seal, batch);
    for entry in replay.entries.values() {
        batch = record::encode(&Record::Entry(Arc::clone(entry)), seal, batch);
        fresh.last = fresh.last.max(entry.index);
    }
    fresh.append(&batch)?;
    for old in numbers {
        let path = segment::path(&dir, *old);
        files::rename(&path, &path.with_extension("damaged"))?;
    }
    Ok(fresh)
}

#[cfg(test)]
mod tests;
