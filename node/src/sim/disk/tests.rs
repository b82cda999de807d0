use bytes::{Bytes, BytesMut};

use super::model::{Model, name_of};
use super::*;
use crate::codec::record::{HEADER, Header, Record, Seal};
use crate::core::entry::Payload;
use crate::core::raft::config::{Config, Member, Role};
use crate::core::raft::event::{HardState, SnapshotMeta};
use crate::core::recovery::Change;
use crate::core::state::State;
use crate::core::types::{ServerId, Term};

const SEGMENT: Header = Header { nonce: 5, number: 1 };

fn disk(seed: u64) -> Model {
    Model::new(seed, 16_384, 1)
}

/// How often something holds of a hundred disks after a power cut.
fn after_power_cuts(prepare: impl Fn(&mut Model), holds: impl Fn(&Model) -> bool) -> usize {
    let one = |seed| {
        let mut disk = disk(seed);
        prepare(&mut disk);
        disk.power_cut();
        holds(&disk)
    };
    (0..100).filter(|seed| one(*seed)).count()
}

fn content(disk: &Model, file: File) -> Option<Vec<u8>> {
    disk.content().remove(&name_of(file))
}

#[test]
fn what_is_done_survives_every_power_cut_and_what_is_not_some() {
    let appended = |disk: &Model| {
        let log = content(disk, File::Segment(1)).expect("it was made");
        log[HEADER..HEADER + 9_000].iter().filter(|byte| **byte == 7).count()
    };
    let write = |fuel| {
        move |disk: &mut Model| {
            disk.create(SEGMENT).expect("the power is on");
            disk.fuel = fuel;
            let _ = disk.append(1, HEADER as u64, &[7; 9_000]);
        }
    };
    assert_eq!(after_power_cuts(write(None), |disk| appended(disk) == 9_000), 100);
    let whole = after_power_cuts(write(Some(1)), |disk| appended(disk) == 9_000);
    let none = after_power_cuts(write(Some(1)), |disk| appended(disk) == 0);
    assert!(whole > 5 && none > 5 && whole + none < 95, "{whole} whole, {none} lost, others torn");
}

#[test]
fn a_small_file_holds_the_old_or_the_new_whenever_the_power_goes() {
    let replace = |fuel| {
        move |disk: &mut Model| {
            disk.replace(File::Vote, b"old").expect("the power is on");
            disk.fuel = Some(fuel);
            let _ = disk.replace(File::Vote, b"new");
        }
    };
    let mut lost = Vec::new();
    for fuel in 0..6 {
        let old = after_power_cuts(replace(fuel), |it| content(it, File::Vote).unwrap() == b"old");
        let new = after_power_cuts(replace(fuel), |it| content(it, File::Vote).unwrap() == b"new");
        assert_eq!(old + new, 100, "after {fuel} operations");
        lost.push(old);
    }
    assert_eq!((lost[0], lost[5]), (100, 0));
    assert!(lost[4] > 20 && lost[4] < 80, "a name that is not synced is lost at times: {lost:?}");
}

#[test]
fn of_removed_segments_none_outlives_a_later_one() {
    let remove = |disk: &mut Model| {
        for number in 1..5 {
            disk.create(Header { number, ..SEGMENT }).expect("the power is on");
        }
        for number in 1..4 {
            disk.drop_later(File::Segment(number)).expect("the power is on");
        }
    };
    let numbers = |disk: &Model| disk.files();
    let last_ones = |disk: &Model| {
        let there = numbers(disk);
        there.windows(2).all(|two| match two {
            [File::Segment(one), File::Segment(next)] => one + 1 == *next,
            _ => false,
        }) && there.contains(&File::Segment(4))
    };
    assert_eq!(after_power_cuts(remove, last_ones), 100);
    let all = after_power_cuts(remove, |disk| numbers(disk).len() == 4);
    assert!(all > 5 && all < 95, "{all}");
}

/// What a start makes of a disk.
fn decided(disk: &Model, alone: bool) -> Result<Recovery, Refusal> {
    let Ok(facts) = survey::survey(disk, start(alone, MemberId(7)));
    recovery::decide(facts)
}

fn append(term: u64, index: u64) -> LogWrite {
    let (term, payload) = (Term(term), Payload::NewLeader);
    LogWrite::Append(vec![Arc::new(Entry { term, index: Index(index), payload })])
}

/// A snapshot of an ensemble of three, of a state that nobody has written to.
fn snapshot(index: u64, term: u64) -> Arc<Snapshot> {
    let voter = |id| Member {
        id: MemberId(id),
        server: ServerId(id as u8),
        role: Role::Voter,
        peer: String::new(),
        client: String::new(),
    };
    let members = (7..10).map(voter).collect();
    let config = Config { index: Index(1), members, ..Config::default() };
    let meta = SnapshotMeta { index: Index(index), term: Term(term), config };
    Arc::new(Snapshot { meta, image: State::new().image() })
}

/// The disk of a member that has voted, and what has been written to it since.
struct Written {
    disk: Model,
    journal: Journal,
}

impl Written {
    fn new(seed: u64) -> Written {
        let mut disk = Model::new(seed, 300, 2);
        let recovery = decided(&disk, false).expect("a blank disk");
        let journal = Journal::begin(&recovery, 300, &mut disk).expect("the power is on");
        let mut written = Written { disk, journal };
        let (seq, ensemble) = (WriteSeq(1), EnsembleId(9));
        written.op(DiskOp::Adopt { seq, ensemble });
        written.write(LogWrite::Hard(HardState { term: Term(1), vote: Some(MemberId(8)) }));
        written
    }

    fn op(&mut self, op: DiskOp) {
        let written = self.journal.write(VecDeque::from([op]), &mut self.disk, &mut |_, _| {});
        written.expect("the power is on");
    }

    /// Durable before the next.
    fn write(&mut self, write: LogWrite) {
        self.op(DiskOp::Write { seq: WriteSeq(1), write });
    }

    fn append(&mut self, term: u64, indexes: std::ops::Range<u64>) {
        indexes.for_each(|index| self.write(append(term, index)));
    }

    /// A snapshot of its own is stored, and the log before it goes.
    fn save(&mut self, index: u64) {
        self.disk.save(&snapshot(index, 1)).expect("the power is on");
        self.write(LogWrite::Compact(Index(index)));
    }

    /// A leader's snapshot replaces the log.
    fn install(&mut self, index: u64, term: u64) {
        let snapshot = snapshot(index, term);
        self.disk.receive(&snapshot);
        self.write(LogWrite::InstallSnapshot(snapshot.meta.clone()));
    }

    fn spoil(&mut self, file: File, at: usize) {
        self.disk.data(file).expect("it is there")[at] ^= 0x41;
    }
}

fn last(recovery: &Recovery) -> Option<u64> {
    recovery.entries.last().map(|it| it.index.0)
}

fn damage(disk: &Model) -> String {
    match decided(disk, false).expect("others have the data").verdict {
        Verdict::Repairing(damage) => damage.to_string(),
        verdict => panic!("{verdict:?}"),
    }
}

/// A member's disk whose first segment is damaged.
fn damaged(seed: u64) -> Model {
    let mut written = Written::new(seed);
    written.append(1, 1..20);
    assert!(written.disk.files().contains(&File::Segment(3)));
    written.spoil(File::Segment(1), HEADER + 60);
    written.disk
}

#[test]
fn a_damage_is_known_to_every_later_start_wherever_the_power_goes_in_the_first() {
    let mut cut = 0;
    for (seed, fuel) in (0..20).flat_map(|seed| (0..60).map(move |fuel| (seed, fuel))) {
        let mut disk = damaged(seed);
        for first in [true, false] {
            let recovery = decided(&disk, false).expect("others have the data");
            let Verdict::Repairing(_) = recovery.verdict else {
                panic!("{:?} after {fuel} operations of seed {seed}", recovery.verdict);
            };
            assert_eq!((recovery.hard.term, recovery.hard.vote), (Term(1), Some(MemberId(8))));
            disk.fuel = first.then_some(fuel);
            if Journal::begin(&recovery, 300, &mut disk).is_err() {
                disk.power_cut();
                cut += 1;
            }
        }
        disk.fuel = None;
    }
    assert!(cut > 300, "{cut} power cuts");
}

#[test]
fn a_sealed_segment_that_ends_in_no_record_is_damaged_where_that_begins() {
    let mut written = Written::new(1);
    written.append(1, 1..20);
    let bytes = Bytes::from(content(&written.disk, File::Segment(1)).expect("it is there"));
    let nonce = record::decode_header(&bytes).expect("its header").nonce;
    let end = record::scan(&bytes, nonce).length;
    written.spoil(File::Segment(1), end - 1);
    let spoilt = Bytes::from(content(&written.disk, File::Segment(1)).expect("it is there"));
    let scan = record::scan(&spoilt, nonce);
    assert_eq!(scan.end, record::End::Torn, "nothing within the segment tells");
    let told = damage(&written.disk);
    assert!(told.contains(&format!("byte {}", scan.length)), "{told}");
    assert!(told.contains(&File::Segment(1).to_string()), "{told}");
}

#[test]
fn a_damaged_snapshot_is_a_damage_unless_an_older_one_and_the_log_reach_as_far() {
    let newest = File::Snapshot(Index(12), Term(1));
    let with_log_to = |last: u64, oldest: bool| {
        let mut written = Written::new(2);
        written.append(1, 1..last + 1);
        if oldest {
            written.save(4);
        }
        written.disk.save(&snapshot(12, 1)).expect("the power is on");
        if !oldest {
            written.write(LogWrite::Compact(Index(12)));
        }
        written.spoil(newest, 40);
        written.disk
    };
    let reaches = decided(&with_log_to(12, true), false).expect("it starts");
    assert_eq!((&reaches.verdict, last(&reaches)), (&Verdict::Member, Some(12)));
    assert!(reaches.changes.contains(&Change::SetAside(newest)), "lest it is sent");
    let told = damage(&with_log_to(11, true));
    assert!(told.contains(&newest.to_string()), "{told}");
    damage(&with_log_to(30, false));
}

#[test]
fn who_forgot_its_ensemble_or_has_nobody_to_repair_from_does_not_start() {
    let mut written = Written::new(3);
    written.append(1, 1..20);
    let named = written.disk.data(File::Identity).expect("it is there").clone();
    let before = written.disk.replaced[&File::Identity].clone();
    *written.disk.data(File::Identity).expect("it is there") = before;
    let refusal = decided(&written.disk, false).map(|it| it.verdict);
    assert_eq!(refusal, Err(Refusal::ForgottenEnsemble));
    *written.disk.data(File::Identity).expect("it is there") = named;
    assert_eq!(decided(&written.disk, true).map(|it| it.verdict), Ok(Verdict::Member));
    written.spoil(File::Segment(1), HEADER + 60);
    let refusal = decided(&written.disk, true).map(|it| it.verdict);
    assert!(matches!(refusal, Err(Refusal::Alone(_))), "{refusal:?}");
}

#[test]
fn what_a_leaders_snapshot_replaced_never_comes_back_and_its_loss_is_noticed() {
    let mut written = Written::new(4);
    // What the leader does not have is still in the log.
    written.append(1, 1..20);
    written.install(10, 2);
    let whole = decided(&written.disk, false).expect("it starts");
    assert_eq!((&whole.verdict, last(&whole)), (&Verdict::Member, None));
    assert_eq!(whole.snapshot.map(|it| it.meta.index), Some(Index(10)));
    // All up to there was acknowledged, though nothing was written behind it.
    written.disk.lose_name(File::Snapshot(Index(10), Term(2)), false);
    let told = damage(&written.disk);
    assert!(told.contains("10"), "{told}");
}

#[test]
fn rot_of_the_last_batch_is_noticed_once_the_tail_is_sealed() {
    let rotten = |rests: &[Rest]| {
        let mut written = Written::new(5);
        written.append(1, 1..5);
        for rest in rests {
            written.journal.seal_tail(*rest, &mut written.disk).expect("the power is on");
            let sound = decided(&written.disk, false).expect("it starts");
            assert_eq!((&sound.verdict, last(&sound)), (&Verdict::Member, Some(4)));
            assert_eq!(sound.hard, HardState { term: Term(1), vote: Some(MemberId(8)) });
        }
        let bytes = Bytes::from(content(&written.disk, File::Segment(1)).expect("it is there"));
        let nonce = record::decode_header(&bytes).expect("its header").nonce;
        let of =
            |it: &Record| record::encode(it, Seal { nonce, synced: 0, entry: 1 }, BytesMut::new());
        let records = record::scan(&bytes, nonce).records;
        let before: usize = records[..4].iter().map(|it| of(it).len()).sum();
        written.spoil(File::Segment(1), HEADER + before + 20);
        written.disk
    };
    // Nothing tells it from a write that power cut short.
    let torn = decided(&rotten(&[]), false).expect("it starts");
    assert_eq!((&torn.verdict, last(&torn)), (&Verdict::Member, Some(3)));
    for rests in [&[Rest::Short][..], &[Rest::Long], &[Rest::Short, Rest::Long]] {
        let told = damage(&rotten(rests));
        assert!(told.contains("damaged at byte"), "{told}");
        assert!(matches!(decided(&rotten(rests), true), Err(Refusal::Alone(_))));
    }
}

#[test]
fn a_seal_of_a_long_rest_stands_in_a_sector_of_its_own_and_each_is_made_once() {
    let ends = |rests: &[Rest]| {
        let mut written = Written::new(6);
        written.append(1, 1..4);
        for rest in rests {
            written.journal.seal_tail(*rest, &mut written.disk).expect("the power is on");
        }
        let bytes = Bytes::from(content(&written.disk, File::Segment(1)).expect("it is there"));
        let nonce = record::decode_header(&bytes).expect("its header").nonce;
        let scan = record::scan(&bytes, nonce);
        (scan.length, scan.records.len())
    };
    let (bare, records) = ends(&[]);
    assert_eq!(ends(&[Rest::Short]), (bare + 33, records + 1));
    assert_eq!(ends(&[Rest::Short, Rest::Short]), (bare + 33, records + 1));
    // Of 300 bytes a sector is 66.
    let (long, _) = ends(&[Rest::Long]);
    assert_eq!((long - 33) % 66, 0, "{long}");
    assert!(long > bare + 33, "{long}");
    assert_eq!(ends(&[Rest::Long, Rest::Short, Rest::Long]), ends(&[Rest::Long]));
}
