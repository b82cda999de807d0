//! The log on disk: sealed records, segments, and the recovery of a whole disk of which one file was
//! tampered with. The recovery may give up, or say that the disk is damaged, or cut off a batch at the
//! end that looks as if power had cut it short. It never gives anything that was not written.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use quorate_node::disk::recovery::{self, Found};
use quorate_node::disk::writer::{DiskOp, LogQueue, Told, start};
use quorate_node::disk::{DiskConfig, DiskError, files, snapshots};
use quorate_node::model::Snapshot;
use quorate_node::model::State;
use quorate_node::model::{Action, Command, Entry, Payload};
use quorate_node::model::{EnsembleId, Index, MemberId, Password, ServerId, Term, Wall, WriteSeq};
use quorate_node::model::{HardState, LogWrite, Residence, SnapshotMeta, Surroundings};
use quorate_node::wire::record::{self as codec, HEADER, Header, Record, Seal};

use crate::mutate::Random;
use crate::{alone, random, rounds, values};

const NONCE: u64 = 7;
/// Bytes before what a record's checksum covers.
const PREFIX: usize = 8;

/// Where the disks are.
fn place() -> Surroundings {
    let here = Residence { server: ServerId(1), peer: "zk-1:2888".to_owned() };
    Surroundings { here, listed: Vec::new() }
}

/// What checksums cover of records; they are always made to fit.
pub(crate) fn records() -> Vec<Vec<u8>> {
    let content = |(entry, record)| {
        let seal = Seal { nonce: NONCE, synced: 0, entry };
        codec::encode(&record, seal, BytesMut::new())[PREFIX..].to_vec()
    };
    let of = |entry| values::records().into_iter().map(move |record| (entry, record));
    of(1).chain(of(2)).map(content).collect()
}

fn header() -> BytesMut {
    let header = Header { nonce: NONCE, number: 1 };
    codec::encode_header(header, BytesMut::new())
}

pub(crate) fn record(content: &[u8]) {
    let mut bytes = header();
    let crc = crc32c::crc32c_append(crc32c::crc32c(&NONCE.to_be_bytes()), content);
    bytes.extend_from_slice(&(content.len() as u32).to_be_bytes());
    bytes.extend_from_slice(&crc.to_be_bytes());
    bytes.extend_from_slice(content);
    let scan = codec::scan(&bytes.freeze(), NONCE);
    let mut again = header();
    for record in &scan.records {
        let synced = again.len() as u64;
        let seal = Seal { nonce: NONCE, synced, entry: 2 };
        again = codec::encode(record, seal, again);
    }
    assert_eq!(codec::scan(&again.freeze(), NONCE).records, scan.records);
}

/// Each record durable before the next, all in one batch, and none.
pub(crate) fn segments() -> Vec<Vec<u8>> {
    let segment = |batch: usize, entry: u32| {
        let mut bytes = header();
        for records in values::records().chunks(batch) {
            let synced = bytes.len() as u64;
            for record in records {
                let seal = Seal { nonce: NONCE, synced, entry };
                bytes = codec::encode(record, seal, bytes);
            }
        }
        bytes.resize(bytes.len() + 200, 0);
        bytes.to_vec()
    };
    vec![segment(1, 1), segment(1_000, 1), segment(1, 2), segment(1_000, 2), header().to_vec()]
}

pub(crate) fn segment(bytes: &[u8]) {
    let bytes = Bytes::copy_from_slice(bytes);
    let _ = codec::decode_header(&bytes);
    let scan = codec::scan(&bytes, NONCE);
    let written = values::records();
    for record in &scan.records {
        assert!(written.contains(record), "nobody wrote {record:?}");
    }
}

/// How far the log goes, and of what its snapshots are.
const LAST: u64 = 300;
const SNAPSHOTS: [u64; 2] = [60, 90];

/// A disk as it was before anybody touched it.
struct Original {
    /// By their paths below the folder.
    files: BTreeMap<PathBuf, Vec<u8>>,
    entries: BTreeMap<u64, Arc<Entry>>,
    digests: BTreeMap<u64, u64>,
    hard: HardState,
}

/// A folder that goes with what is in it.
struct Folder(DiskConfig);

impl Folder {
    fn new() -> Folder {
        let name = u64::from_be_bytes(files::entropy().expect("the system has randomness"));
        Folder(DiskConfig {
            dir: std::env::temp_dir().join(format!("quorate-fuzz-{name:016x}")),
            log_home: None,
            segment_bytes: 4_096,
            retain: 3,
            reserve: 0,
        })
    }

    fn of(files: &BTreeMap<PathBuf, Vec<u8>>) -> Folder {
        let folder = Folder::new();
        for (path, bytes) in files {
            let path = folder.0.dir.join(path);
            let parent = path.parent().expect("it lies in the folder");
            std::fs::create_dir_all(parent).expect("a folder");
            std::fs::write(path, bytes).expect("a file");
        }
        folder
    }

    fn files(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut files = BTreeMap::new();
        let mut open = vec![self.0.dir.clone()];
        while let Some(folder) = open.pop() {
            for found in std::fs::read_dir(&folder).expect("a folder") {
                let path = found.expect("an entry of it").path();
                if path.is_dir() {
                    open.push(path);
                    continue;
                }
                let name = path.strip_prefix(&self.0.dir).expect("it lies below");
                files.insert(name.to_owned(), std::fs::read(&path).expect("a file"));
            }
        }
        files
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0.dir);
    }
}

struct Tell(Mutex<Sender<()>>);

impl Told for Tell {
    fn durable(&self, _: WriteSeq, _: Duration) {
        let told = self.0.lock().expect("nobody panics with it").send(());
        told.expect("somebody listens");
    }

    fn failed(&self, error: DiskError) {
        panic!("{error}");
    }
}

fn entry(index: u64) -> Entry {
    let payload = match index {
        1 => Payload::Config(Arc::new(values::config())),
        2 => Payload::NewLeader,
        _ => Payload::Command(Arc::new(Command {
            wall: Wall(index as i64),
            origin: None,
            action: Action::CreateSession {
                server: ServerId(1),
                timeout_ms: index as i32,
                password: Password([index as u8; 16]),
            },
        })),
    };
    Entry { term: Term(1), index: Index(index), payload }
}

impl Original {
    /// One record a batch, over several segments, with two snapshots.
    fn new() -> Original {
        let folder = Folder::new();
        let hard = HardState { term: Term(1), vote: Some(MemberId(2)) };
        let mut state = State::new();
        let (mut entries, mut digests) = (BTreeMap::new(), BTreeMap::new());
        let mut writes = vec![LogWrite::Hard(hard)];
        let (_found, log) = recovery::open(&folder.0, false, place()).expect("a blank folder");
        for index in 1..=LAST {
            let entry = Arc::new(entry(index));
            state.apply(&entry);
            digests.insert(index, state.digest());
            if SNAPSHOTS.contains(&index) {
                let meta =
                    SnapshotMeta { index: Index(index), term: Term(1), config: values::config() };
                let image = state.image();
                snapshots::save(&folder.0, &Arc::new(Snapshot { meta, image })).expect("a save");
            }
            writes.push(LogWrite::Append(vec![Arc::clone(&entry)]));
            entries.insert(index, entry);
        }
        writes.push(LogWrite::Compact(Index(SNAPSHOTS[0])));
        let queue = LogQueue::default();
        let (told, heard) = channel();
        let thread = start(log, queue.clone(), Tell(Mutex::new(told))).expect("a thread");
        let seq = WriteSeq(1);
        let mut ops = vec![DiskOp::Adopt { seq, ensemble: EnsembleId(9) }];
        ops.extend(writes.into_iter().map(|write| DiskOp::Write { seq, write }));
        for op in ops {
            queue.push(op);
            heard.recv().expect("it becomes durable");
        }
        queue.stop();
        thread.join().expect("it ends");
        Original { files: folder.files(), entries, digests, hard }
    }

    /// The segments with records in them, in order.
    fn log(&self) -> Vec<&Path> {
        let holds = |bytes: &Vec<u8>| records_of(bytes).is_some_and(|it| !it.is_empty());
        let logs = self.files.iter().filter(|it| is_log(it.0) && holds(it.1));
        logs.map(|it| it.0.as_path()).collect()
    }
}

fn is_log(path: &Path) -> bool {
    path.extension().is_some_and(|it| it == "log")
}

/// The records of a segment with where each begins and ends.
fn records_of(bytes: &[u8]) -> Option<Vec<(usize, usize, Record)>> {
    let nonce = codec::decode_header(bytes).ok()?.nonce;
    let scan = codec::scan(&Bytes::copy_from_slice(bytes), nonce);
    let mut at = HEADER;
    let seal = Seal { nonce, synced: 0, entry: 1 };
    let placed = scan.records.into_iter().map(|record| {
        let start = at;
        at += codec::encode(&record, seal, BytesMut::new()).len();
        (start, at, record)
    });
    Some(placed.collect())
}

/// Where a file was changed: all changes lie between these bytes.
fn changed(before: &[u8], after: &[u8]) -> Option<(usize, usize)> {
    let long = before.len().max(after.len());
    let differs = |at: &usize| before.get(*at) != after.get(*at);
    Some(((0..long).find(differs)?, (0..long).rfind(differs)? + 1))
}

fn tamper(random: &mut Random, bytes: &mut Vec<u8>) {
    let at = random.below(bytes.len());
    let to = (at + 1 + random.below(3_000)).min(bytes.len());
    match random.below(6) {
        0 | 1 => bytes[at] ^= 1 << random.below(8),
        2 => bytes[at..to].fill(0),
        3 => bytes[at..to].fill_with(|| random.byte()),
        4 => bytes.truncate(at),
        _ => {
            // A part of it once more, elsewhere.
            let part = bytes[at..to].to_vec();
            let place = random.below(bytes.len() - part.len() + 1);
            bytes[place..place + part.len()].copy_from_slice(&part);
        }
    }
}

/// What must be there of a disk of which that file now has that content: the highest entry at least,
/// and whether the damage must be told.
fn promised(original: &Original, path: &Path, after: Option<&[u8]>) -> (u64, bool) {
    let before = &original.files[path];
    let log = original.log();
    let (Some((from, to)), true) = (changed(before, after.unwrap_or_default()), is_log(path))
    else {
        return (LAST, false);
    };
    let records = records_of(before).unwrap_or_default();
    let Some((last_record, ..)) = records.last() else {
        return (LAST, false);
    };
    if log.last() != Some(&path) {
        // All of it was durable before the next segment was.
        return (LAST, from <= *last_record);
    }
    let mut whole = records.iter().filter_map(|(_, end, record)| match record {
        Record::Entry(entry) if *end <= from => Some(entry.index.0),
        _ => None,
    });
    let first = records.iter().find_map(|(.., record)| match record {
        Record::Entry(entry) => Some(entry.index.0),
        _ => None,
    });
    let before_it = first.map_or(0, |first| first - 1);
    (whole.next_back().unwrap_or(before_it), to <= *last_record)
}

fn check(original: &Original, found: &Found, (least, told): (u64, bool), what: &str) {
    for entry in &found.entries {
        let written = original.entries.get(&entry.index.0);
        assert_eq!(Some(entry), written, "{what}");
    }
    let mut last = 0;
    if let Some(snapshot) = &found.snapshot {
        last = snapshot.meta.index.0;
        let digest = State::restore(&snapshot.image).digest();
        assert_eq!(original.digests.get(&last), Some(&digest), "{what}");
    }
    assert_eq!(found.hard, original.hard, "a vote is forgotten: {what}");
    if found.damage.is_some() {
        return;
    }
    assert!(!told, "nothing is said of the damage: {what}");
    for entry in &found.entries {
        let index = entry.index.0;
        assert!(index <= last + 1, "a gap before {index}: {what}");
        last = last.max(index);
    }
    assert!(last >= least, "{last} of {least} are left: {what}");
}

#[test]
fn a_disk_that_was_tampered_with_never_gives_what_was_not_written() {
    let _turn = alone();
    let original = Original::new();
    assert!(original.log().len() > 2, "a few segments");
    let mut random = random();
    let paths: Vec<&PathBuf> = original.files.keys().collect();
    for round in 0..rounds(15_000) / 50 {
        let path = paths[random.below(paths.len())];
        let mut files = original.files.clone();
        let bytes = files.get_mut(path).expect("one of them");
        // What is deleted behind everything that is left cannot be missed.
        let gone = random.below(12) == 0 && original.log().last() != Some(&path.as_path());
        let promise = if gone {
            files.remove(path);
            (0, false)
        } else if bytes.is_empty() {
            continue;
        } else {
            tamper(&mut random, bytes);
            promised(&original, path, Some(bytes))
        };
        let what = format!("round {round}, {}, gone: {gone}", path.display());
        let folder = Folder::of(&files);
        let Ok((found, _)) = recovery::open(&folder.0, false, place()) else {
            continue;
        };
        check(&original, &found, promise, &what);
        let (entries, damaged) = (found.entries.clone(), found.damage.is_some());
        drop(found);
        let (again, _) = recovery::open(&folder.0, false, place()).expect("as before");
        assert_eq!(again.entries, entries, "{what}");
        assert_eq!(again.damage.is_some(), damaged, "{what}");
    }
}
