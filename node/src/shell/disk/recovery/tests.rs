use std::collections::VecDeque;
use std::path::PathBuf;
use std::time::Duration;

use bytes::BytesMut;

use super::*;
use crate::codec::disk::small;
use crate::codec::record::{self, End, Header, Seal};
use crate::core::entry::Payload;
use crate::core::raft::config::{Config, Member, Role};
use crate::core::raft::event::{LogWrite, SnapshotMeta};
use crate::core::state::State;
use crate::core::types::{EnsembleId, Index, ServerId, Term, WriteSeq};
use crate::shell::disk::segment::Segment;
use crate::shell::disk::writer::{DiskOp, Told};

mod versions;
mod votes;

/// Where all these folders are.
fn home() -> Surroundings {
    let here = Residence { server: ServerId(1), peer: "h1:1".to_owned() };
    Surroundings { here, listed: Vec::new() }
}

/// A data folder of its own, removed at the end.
struct Disk(DiskConfig);

impl Disk {
    fn new() -> Disk {
        let name = u64::from_be_bytes(files::entropy().unwrap());
        Disk(DiskConfig {
            dir: std::env::temp_dir().join(format!("quorate-recovery-{name:016x}")),
            log_home: None,
            segment_bytes: 4_096,
            retain: 3,
            reserve: 0,
        })
    }

    fn open(&self) -> Found {
        open(&self.0, false, home()).unwrap().0
    }

    /// Opens it, makes one write after the other durable, and closes it.
    fn write(&self, writes: Vec<LogWrite>) {
        let ops = writes.into_iter().map(|write| DiskOp::Write { seq: WriteSeq(1), write });
        self.run(ops.collect());
    }

    fn run(&self, ops: VecDeque<DiskOp>) {
        self.batches(ops.into_iter().map(|op| VecDeque::from([op])));
    }

    fn batches(&self, batches: impl IntoIterator<Item = VecDeque<DiskOp>>) {
        let (found, mut log) = open(&self.0, false, home()).unwrap();
        if found.identity.ensemble.is_none() {
            let (seq, ensemble) = (WriteSeq(1), EnsembleId(7));
            log.write(VecDeque::from([DiskOp::Adopt { seq, ensemble }]), &Silent).unwrap();
        }
        for batch in batches {
            log.write(batch, &Silent).unwrap();
        }
        drop(found);
    }

    fn segments(&self) -> Vec<u64> {
        let mut files: Vec<File> =
            self.0.log_names().unwrap().iter().filter_map(|name| File::segment(name)).collect();
        files.sort();
        let number = |file| if let File::Segment(number) = file { Some(number) } else { None };
        files.into_iter().filter_map(number).collect()
    }

    /// What the identity file says.
    fn identity(&self) -> Identity {
        small::decode_identity(&self.0.read(File::Identity).unwrap().unwrap()).unwrap()
    }

    /// What the vote file says.
    fn vote(&self) -> Option<HardState> {
        let bytes = self.0.read(File::Vote).unwrap()?;
        Some(small::decode_vote(&bytes).unwrap())
    }

    fn put_vote(&self, hard: HardState) {
        files::replace(&self.0.path(File::Vote), small::encode_vote(hard).as_bytes()).unwrap();
    }

    fn path(&self, number: u64) -> PathBuf {
        self.0.path(File::Segment(number))
    }

    /// Damages the content of a segment's record, counted from 0.
    fn damage(&self, number: u64, record: usize) {
        let path = self.path(number);
        let bytes = Bytes::from(std::fs::read(&path).unwrap());
        let nonce = record::decode_header(&bytes).unwrap().nonce;
        let mut at = record::HEADER;
        let seal = Seal { nonce, synced: 0, entry: 1 };
        for whole in &record::scan(&bytes, nonce).records[..record] {
            at += record::encode(whole, seal, BytesMut::new()).len();
        }
        let mut bytes = bytes.to_vec();
        bytes[at + 17] ^= 0x41;
        std::fs::write(path, bytes).unwrap();
    }

    /// Puts the beginning of a record behind a segment's last.
    fn tear(&self, number: u64) {
        let mut bytes = std::fs::read(self.path(number)).unwrap();
        let nonce = record::decode_header(&bytes).unwrap().nonce;
        let at = record::scan(&Bytes::from(bytes.clone()), nonce).length;
        bytes[at..at + 12].copy_from_slice(&[0, 0, 0, 50, 1, 2, 3, 4, 2, 9, 9, 9]);
        std::fs::write(self.path(number), bytes).unwrap();
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0.dir);
    }
}

struct Silent;

impl Told for Silent {
    fn durable(&self, _: WriteSeq, _: Duration) {}

    fn failed(&self, error: DiskError) {
        panic!("{error}");
    }
}

fn hard(term: u64, vote: u64) -> LogWrite {
    LogWrite::Hard(HardState {
        term: Term(term),
        vote: Some(MemberId(vote)).filter(|vote| vote.0 > 0),
    })
}

fn entry(term: u64, index: u64, payload: Payload) -> LogWrite {
    LogWrite::Append(vec![Arc::new(Entry { term: Term(term), index: Index(index), payload })])
}

fn noop(term: u64, index: u64) -> LogWrite {
    entry(term, index, Payload::NewLeader)
}

/// A configuration of so many voters.
fn voters(count: u64) -> Config {
    let member = |id| Member {
        id: MemberId(id),
        server: ServerId(id as u8),
        role: Role::Voter,
        peer: format!("h{id}:1"),
        client: String::new(),
    };
    Config { index: Index(1), members: (1..=count).map(member).collect(), ..Config::default() }
}

fn config(count: u64) -> LogWrite {
    entry(1, 1, Payload::Config(Arc::new(voters(count))))
}

fn indexes(found: &Found) -> Vec<u64> {
    found.entries.iter().map(|entry| entry.index.0).collect()
}

/// So many entries that a few segments are full.
fn long(term: u64, from: u64) -> Vec<LogWrite> {
    (from..from + 300).map(|index| noop(term, index)).collect()
}

#[test]
fn a_blank_folder_gets_an_identity_that_stays() {
    let disk = Disk::new();
    let first = disk.open();
    let identity = first.identity.clone();
    assert_eq!(identity.ensemble, None);
    drop(first);
    assert_eq!(disk.open().identity, identity);
}

#[test]
fn what_was_written_last_is_found_over_several_segments() {
    let disk = Disk::new();
    let mut writes = vec![hard(1, 0), config(3)];
    writes.extend(long(1, 2));
    writes.extend([LogWrite::Truncate(Index(250)), hard(2, 7), noop(2, 250)]);
    disk.write(writes);
    let found = disk.open();
    assert!(disk.segments().len() > 2);
    assert_eq!(found.damage, None);
    assert_eq!((found.hard.term, found.hard.vote), (Term(2), Some(MemberId(7))));
    assert_eq!(indexes(&found), (1..=250).collect::<Vec<_>>());
    assert_eq!(found.entries.last().unwrap().term, Term(2));
}

#[test]
fn a_torn_tail_is_cut_once_and_costs_nothing() {
    let disk = Disk::new();
    disk.write(vec![hard(1, 0), config(3), noop(1, 2)]);
    disk.tear(1);
    let found = disk.open();
    assert_eq!((found.damage.clone(), indexes(&found)), (None, vec![1, 2]));
    drop(found);
    let bytes = Bytes::from(std::fs::read(disk.path(1)).unwrap());
    let nonce = record::decode_header(&bytes).unwrap().nonce;
    assert_eq!(record::scan(&bytes, nonce).end, End::Clean);
}

#[test]
fn a_batch_that_lost_its_beginning_to_a_power_cut_is_cut_off_even_alone() {
    let disk = Disk::new();
    disk.write(vec![hard(1, 0), config(1), noop(1, 2)]);
    let batch = (3..6).map(|index| DiskOp::Write { seq: WriteSeq(1), write: noop(1, index) });
    disk.batches([batch.collect()]);
    // Its first record, of which nothing was acknowledged.
    disk.damage(1, 3);
    let (found, _) = open(&disk.0, true, home()).unwrap();
    assert_eq!((found.damage.clone(), indexes(&found)), (None, vec![1, 2]));
}

#[test]
fn a_damage_is_known_until_it_is_repaired_though_the_log_is_sound_again() {
    let disk = Disk::new();
    disk.write(vec![hard(3, 2), config(3), noop(3, 2), noop(3, 3)]);
    disk.damage(1, 2);
    let first = disk.open();
    let hard = first.hard;
    drop(first);
    let second = disk.open();
    assert!(second.damage.as_ref().unwrap().to_string().contains("not repaired yet"));
    assert_eq!((second.hard, indexes(&second)), (hard, vec![1]));
    drop(second);
    disk.run(VecDeque::from([DiskOp::Repaired]));
    assert_eq!(disk.open().damage, None);
}

#[test]
fn a_next_segment_without_a_record_is_taken_away_and_the_one_before_is_the_last() {
    let disk = Disk::new();
    disk.write(vec![hard(1, 0), config(3), noop(1, 2)]);
    Segment::create(&disk.0, Header { nonce: 9, number: 2 }).unwrap();
    disk.tear(1);
    let found = disk.open();
    assert_eq!(disk.segments(), [1]);
    assert_eq!((found.damage.clone(), indexes(&found)), (None, vec![1, 2]));
}

#[test]
fn a_sealed_segment_that_ends_in_a_torn_write_is_damaged() {
    let disk = Disk::new();
    let mut writes = vec![hard(1, 0), config(3)];
    writes.extend(long(1, 2));
    disk.write(writes);
    let path = disk.path(1);
    let mut bytes = std::fs::read(&path).unwrap();
    let nonce = record::decode_header(&bytes).unwrap().nonce;
    let end = record::scan(&Bytes::from(bytes.clone()), nonce).length;
    bytes[end - 2] ^= 0x41;
    std::fs::write(&path, bytes).unwrap();
    assert!(disk.open().damage.is_some());
}

#[test]
fn a_missing_file_is_a_damage() {
    let disk = Disk::new();
    let mut writes = vec![hard(1, 0), config(3)];
    writes.extend(long(1, 2));
    disk.write(writes);
    std::fs::remove_file(disk.path(2)).unwrap();
    let found = disk.open();
    assert!(found.damage.as_ref().unwrap().to_string().contains("missing"));
    assert!(found.entries.len() > 10, "what is before it is kept");
}

#[test]
fn a_snapshot_that_the_log_counts_on_and_that_is_gone_is_a_damage() {
    let disk = Disk::new();
    disk.write(vec![hard(1, 0), config(3), noop(1, 2)]);
    let mut found = disk.open();
    let meta = SnapshotMeta { index: Index(2), term: Term(1), config: voters(3) };
    let image = State::new().image();
    let snapshot = Arc::new(Snapshot { meta, image });
    snapshots::save(&disk.0, &snapshot).unwrap();
    found.locks.clear();
    let mut batch = vec![noop(1, 3)];
    batch.push(LogWrite::InstallSnapshot(snapshot.meta.clone()));
    batch.push(noop(1, 3));
    disk.write(batch);
    assert_eq!(disk.open().damage, None);
    let (_, _, path) = snapshots::list(&disk.0).remove(0);
    std::fs::remove_file(path).unwrap();
    let damage = disk.open().damage.unwrap().to_string();
    assert!(damage.contains("the snapshot at 2 is missing"), "{damage}");
}

#[test]
fn alone_a_damaged_log_is_refused_and_left_as_it_is() {
    for (count, alone, refused) in [(1, true, true), (1, false, true), (3, true, false)] {
        let disk = Disk::new();
        disk.write(vec![hard(1, 0), config(count), noop(1, 2), noop(1, 3)]);
        disk.damage(1, 2);
        let before = std::fs::read(disk.path(1)).unwrap();
        let opened = open(&disk.0, alone, home());
        assert_eq!(opened.is_err(), refused, "{count} voters");
        if let Err(error) = opened {
            assert!(error.to_string().contains("Restore the folder from a copy"));
            assert_eq!(std::fs::read(disk.path(1)).unwrap(), before);
            assert!(!disk.0.dir.join("repair").exists());
        }
    }
}

#[test]
fn a_folder_in_use_is_refused_and_so_is_a_log_folder() {
    let (mut first, mut second) = (Disk::new(), Disk::new());
    let shared = first.0.dir.join("shared");
    first.0.log_home = Some(shared.clone());
    second.0.log_home = Some(shared);
    let held = first.open();
    assert!(matches!(open(&first.0, false, home()), Err(DiskError::Locked(_))));
    assert!(matches!(open(&second.0, false, home()), Err(DiskError::Locked(_))));
    drop(held);
    let foreign = open(&second.0, false, home()).map(drop);
    assert!(matches!(foreign, Err(DiskError::Damaged(_))), "a log of another disk");
}

#[test]
fn a_wipe_that_was_asked_for_archives_all_and_begins_blank() {
    let mut disk = Disk::new();
    disk.0.log_home = Some(disk.0.dir.join("apart"));
    let (seq, ensemble) = (WriteSeq(1), EnsembleId(7));
    disk.run(VecDeque::from([DiskOp::Adopt { seq, ensemble }]));
    disk.write(vec![hard(4, 1), config(3)]);
    let before = disk.open().identity;
    folder::ask_wipe(&disk.0).unwrap();
    let found = disk.open();
    assert_ne!(found.identity.member, before.member);
    assert_eq!((found.identity.ensemble, found.hard), (None, HardState::default()));
    assert!(found.entries.is_empty());
    let kept = |path: &Path| path.exists();
    assert!(kept(&disk.0.dir.join("archive/identity")));
    assert!(kept(&disk.0.dir.join("apart/archive/log")));
    drop(found);
    assert_eq!(disk.open().hard, HardState::default(), "once");
}

#[test]
fn a_disk_killed_between_its_ensemble_and_its_first_record_is_blank_again() {
    let disk = Disk::new();
    let adopt = || DiskOp::Adopt { seq: WriteSeq(1), ensemble: EnsembleId(7) };
    disk.run(VecDeque::from([adopt()]));
    let blank = disk.open().identity;
    assert_eq!(blank.ensemble, None);
    assert_eq!(
        disk.identity(),
        blank,
        "it is saved, and the incarnation stays: it never spoke for the ensemble"
    );
    disk.run(VecDeque::from([adopt()]));
    disk.tear(1);
    assert_eq!(disk.open().identity.ensemble, None, "nor with a torn write");
    disk.run(VecDeque::from([adopt()]));
    let founding = HardState { term: Term(1), vote: None };
    disk.put_vote(founding);
    let found = disk.open();
    assert_eq!((found.identity.ensemble, found.hard), (None, HardState::default()));
    assert_eq!(disk.vote(), None, "the term goes with it");
}

#[test]
fn a_disk_that_may_have_voted_or_acknowledged_stays_in_its_ensemble() {
    let adopted = |then: Option<LogWrite>| {
        let disk = Disk::new();
        let mut ops = VecDeque::from([DiskOp::Adopt { seq: WriteSeq(1), ensemble: EnsembleId(7) }]);
        ops.extend(then.map(|write| DiskOp::Write { seq: WriteSeq(2), write }));
        disk.run(ops);
        disk
    };
    let ensemble = |disk: &Disk| disk.open().identity.ensemble;
    let kept = Some(EnsembleId(7));
    assert_eq!(ensemble(&adopted(Some(hard(1, 0)))), kept, "a term");
    assert_eq!(ensemble(&adopted(Some(config(3)))), kept, "an entry");
    let disk = adopted(None);
    let voted = HardState { term: Term(1), vote: Some(MemberId(9)) };
    disk.put_vote(voted);
    assert_eq!(ensemble(&disk), kept, "a vote");
    let disk = adopted(None);
    std::fs::write(disk.0.dir.join("repair"), "").unwrap();
    assert_eq!(ensemble(&disk), kept, "a repair that goes on");
    let disk = adopted(None);
    disk.put_vote(HardState { term: Term(1), vote: None });
    let snapshot = disk.0.snap_dir().join(format!("{:016x}-{:016x}.snap", 5, 1));
    std::fs::write(snapshot, "damaged").unwrap();
    assert_eq!(ensemble(&disk), kept, "a snapshot, readable or not");
    let disk = adopted(None);
    std::fs::rename(disk.path(1), disk.path(2)).unwrap();
    let mut bytes = BytesMut::new();
    let nonce = 9;
    bytes = record::encode_header(Header { nonce, number: 2 }, bytes);
    bytes.resize(4_096, 0);
    std::fs::write(disk.path(2), bytes).unwrap();
    assert_eq!(ensemble(&disk), kept, "a log that had an earlier file");
}
