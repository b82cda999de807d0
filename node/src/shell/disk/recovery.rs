//! What a start finds.
//!
//! A last write that power cut short is cut off. Damage before a good record, or in a file that
//! was sealed, is something else: entries that may have been acknowledged are gone. The member
//! then keeps what is good, does not vote, and repairs itself from the others; alone it refuses to
//! start.

use std::collections::{BTreeMap, VecDeque};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::{Bytes, BytesMut};

use super::identity::{self, Identity};
use super::segment::{self, Segment};
use super::writer::Log;
use super::{DiskConfig, DiskError, files, io, snapshots};
use crate::codec::record::{self, End, Record};
use crate::core::entry::{Entry, Payload};
use crate::core::input::Snapshot;
use crate::core::raft::event::HardState;
use crate::core::types::Index;

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
    /// Keeps other processes out for as long as it lives.
    pub lock: File,
}

/// Opens the folder.
pub fn open(config: &DiskConfig) -> Result<(Found, Log), DiskError> {
    files::make_dir(&config.dir)?;
    let lock = lock(&config.dir)?;
    wipe_if_asked(&config.dir)?;
    files::make_dir(&config.log_dir())?;
    files::make_dir(&config.snap_dir())?;
    let numbers = without_unused(config, segment::list(&config.log_dir())?)?;
    let identity = identity::load_or_create(&config.dir, !numbers.is_empty())?;
    let snapshot = newest_good_snapshot(config);
    let mut replay = Replay::new(snapshot.as_ref().map_or(Index(0), |it| it.meta.index));
    let mut sealed = VecDeque::new();
    let mut last = None;
    for (place, number) in numbers.iter().enumerate() {
        let is_last = place + 1 == numbers.len();
        let path = segment::path(&config.log_dir(), *number);
        let bytes = Bytes::from(std::fs::read(&path).map_err(io("read", &path))?);
        let Ok(header) = record::decode_header(&bytes) else {
            replay.damaged(format!("{}: its header is damaged", path.display()));
            continue;
        };
        if replay.damage.is_some() {
            replay.salvage(&record::salvage(&bytes, record::HEADER, header.nonce));
            continue;
        }
        let scan = record::scan(&bytes, header.nonce);
        let highest = replay.take(&scan.records);
        let expected = place.checked_sub(1).map(|before| numbers[before] + 1);
        if expected.is_some_and(|expected| expected != *number) {
            replay.damaged(format!("a file before {} is missing", path.display()));
        } else if scan.end == End::Corrupt || (scan.end == End::Torn && !is_last) {
            let at = scan.length;
            replay.damaged(format!("{}: damaged at byte {at}", path.display()));
        }
        if replay.damage.is_some() {
            replay.salvage(&scan.records);
            replay.salvage(&record::salvage(&bytes, scan.length, header.nonce));
        } else if is_last {
            last = Some((header, scan.length as u64, highest, scan.end == End::Torn));
        } else {
            sealed.push_back((*number, highest));
        }
    }
    let current = match (&replay.damage, last) {
        (None, Some((header, at, highest, torn))) => {
            Segment::reopen(&config.log_dir(), header, at, highest, torn)?
        }
        (None, None) => Segment::create(&config.log_dir(), 1, config.segment_bytes)?,
        (Some(damage), _) => {
            refuse_if_alone(&replay, snapshot.as_deref())?;
            // Before the damaged files go: a start that finds only what is good must still know
            // that something is missing.
            files::replace(&repair_marker(config), damage.as_bytes())?;
            // A vote that cannot be read any more counts as given.
            replay.hard.vote = replay.hard.vote.or(Some(identity.member));
            sealed.clear();
            rewrite(config, &numbers, &replay)?
        }
    };
    if replay.damage.is_none() && repair_marker(config).exists() {
        replay.damage = Some("an earlier damage is not repaired yet".to_owned());
    }
    let hard = replay.hard;
    let damage = replay.damage.clone();
    let found = Found {
        identity,
        hard,
        snapshot,
        entries: replay.into_entries(),
        damage,
        lock,
    };
    let config = config.clone();
    Ok((
        found,
        Log {
            config,
            identity,
            hard,
            sealed,
            current,
            ahead: None,
        },
    ))
}

fn repair_marker(config: &DiskConfig) -> PathBuf {
    config.dir.join("repair")
}

/// The damage is repaired: this member may vote after the next start, too.
pub(super) fn end_repair(config: &DiskConfig) -> Result<(), DiskError> {
    files::remove(&repair_marker(config))?;
    files::sync_dir(&config.dir)
}

/// A segment is made before it is needed. One without a record is taken away: the one before it
/// is still the last, may end in a torn write, and holds the vote.
fn without_unused(config: &DiskConfig, mut numbers: Vec<u64>) -> Result<Vec<u64>, DiskError> {
    while let [_, .., last] = numbers[..] {
        let path = segment::path(&config.log_dir(), last);
        let bytes = Bytes::from(std::fs::read(&path).map_err(io("read", &path))?);
        let unused = record::decode_header(&bytes).is_ok_and(|header| {
            let scan = record::scan(&bytes, header.nonce);
            scan.records.is_empty() && scan.end != End::Corrupt
        });
        if !unused {
            break;
        }
        files::remove(&path)?;
        files::sync_dir(&config.log_dir())?;
        numbers.pop();
    }
    Ok(numbers)
}

fn lock(dir: &Path) -> Result<File, DiskError> {
    let path = dir.join("lock");
    let file = File::create(&path).map_err(io("create", &path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(std::fs::TryLockError::WouldBlock) => Err(DiskError::Locked(dir.to_owned())),
        Err(std::fs::TryLockError::Error(error)) => Err(io("lock", &path)(error)),
    }
}

/// Asks the next start to archive everything and begin blank.
pub fn ask_wipe(config: &DiskConfig) -> Result<(), DiskError> {
    files::replace(&config.dir.join("wipe"), b"")
}

/// One archive is kept: the newest.
fn wipe_if_asked(dir: &Path) -> Result<(), DiskError> {
    let marker = dir.join("wipe");
    if !marker.exists() {
        return Ok(());
    }
    let archive = dir.join("archive");
    if archive.exists() {
        std::fs::remove_dir_all(&archive).map_err(io("remove", &archive))?;
    }
    files::make_dir(&archive)?;
    // The identity goes first: without it the rest could only be refused, never be voted with.
    for name in ["identity", "log", "snap", "repair"] {
        let from = dir.join(name);
        if from.exists() {
            files::rename(&from, &archive.join(name))?;
            files::sync_dir(dir)?;
        }
    }
    files::remove(&marker)?;
    files::sync_dir(dir)
}

/// A damaged snapshot is passed over: an older one will do if the log covers the gap.
fn newest_good_snapshot(config: &DiskConfig) -> Option<Arc<Snapshot>> {
    for (_, _, path) in snapshots::list(config) {
        match snapshots::load(&path) {
            Ok(snapshot) => return Some(Arc::new(snapshot)),
            Err(error) => tracing::warn!(%error, "pass over a damaged snapshot"),
        }
    }
    None
}

/// Follows the records.
struct Replay {
    hard: HardState,
    entries: BTreeMap<Index, Arc<Entry>>,
    /// The newest snapshot.
    covered: Index,
    damage: Option<String>,
}

impl Replay {
    fn new(covered: Index) -> Replay {
        Replay {
            hard: HardState::default(),
            entries: BTreeMap::new(),
            covered,
            damage: None,
        }
    }

    /// The first damage is what is told; the rest follows from it.
    fn damaged(&mut self, what: String) {
        self.damage.get_or_insert(what);
    }

    /// Of what is behind a damage, only the term and the vote still count: a member must not vote
    /// twice in a term. An entry shows that its term was reached.
    fn salvage(&mut self, records: &[Record]) {
        for record in records {
            let seen = match record {
                Record::Hard(hard) => *hard,
                Record::Entry(entry) => HardState {
                    term: entry.term,
                    vote: None,
                },
                Record::Truncate(_) | Record::Reset(_) => continue,
            };
            if seen.term > self.hard.term || (seen.term == self.hard.term && seen.vote.is_some()) {
                self.hard = seen;
            }
        }
    }

    /// Gives the highest index among them.
    fn take(&mut self, records: &[Record]) -> Index {
        let mut highest = Index(0);
        for record in records {
            match record {
                Record::Hard(hard) => self.hard = *hard,
                Record::Truncate(from) => {
                    self.entries.split_off(from);
                }
                Record::Reset(index) => {
                    self.entries.clear();
                    highest = highest.max(*index);
                    if *index > self.covered {
                        self.damage = Some(format!("the snapshot at {index} is missing"));
                        return highest;
                    }
                }
                Record::Entry(entry) => {
                    highest = highest.max(entry.index);
                    if !self.fits(entry.index) {
                        let index = entry.index;
                        self.damage = Some(format!("entries before {index} are missing"));
                        return highest;
                    }
                    self.entries.insert(entry.index, Arc::clone(entry));
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

    fn into_entries(self) -> Vec<Arc<Entry>> {
        self.entries.into_values().collect()
    }

    fn voters(&self, snapshot: Option<&Snapshot>) -> usize {
        let config = |entry: &Arc<Entry>| match &entry.payload {
            Payload::Config(config) => Some(config.voters().len()),
            _ => None,
        };
        let newest = self.entries.values().rev().find_map(config);
        newest
            .or(snapshot.map(|it| it.meta.config.voters().len()))
            .unwrap_or(1)
    }
}

/// With nobody to repair from, starting would mean to lose acknowledged writes silently.
fn refuse_if_alone(replay: &Replay, snapshot: Option<&Snapshot>) -> Result<(), DiskError> {
    if replay.voters(snapshot) > 1 {
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
    let nonce = fresh.header.nonce;
    batch = record::encode(&Record::Hard(replay.hard), nonce, batch);
    for entry in replay.entries.values() {
        batch = record::encode(&Record::Entry(Arc::clone(entry)), nonce, batch);
        fresh.last = fresh.last.max(entry.index);
    }
    fresh.append(&batch)?;
    for old in numbers {
        let path = segment::path(&dir, *old);
        files::rename(&path, &path.with_extension("damaged"))?;
    }
    Ok(fresh)
}
