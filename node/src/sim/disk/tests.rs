use super::model::{Model, name_of};
use super::*;
use crate::codec::record::{HEADER, Header};
use crate::core::entry::Payload;
use crate::core::raft::event::HardState;
use crate::core::types::Term;

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

/// A member's disk whose first segment is damaged.
fn damaged(seed: u64) -> Model {
    let mut disk = Model::new(seed, 300, 1);
    let Ok(facts) = survey::survey(&disk, false, MemberId(7));
    let recovery = recovery::decide(facts).expect("a blank disk");
    let mut journal = Journal::begin(&recovery, 300, &mut disk).expect("the power is on");
    let seq = WriteSeq(1);
    let hard = HardState { term: Term(1), vote: Some(MemberId(8)) };
    let entry = |index| {
        let (term, payload) = (Term(1), Payload::NewLeader);
        LogWrite::Append(vec![Arc::new(Entry { term, index: Index(index), payload })])
    };
    let writes = std::iter::once(LogWrite::Hard(hard)).chain((1..20).map(entry));
    let ops = writes.map(|write| DiskOp::Write { seq, write });
    for op in std::iter::once(DiskOp::Adopt { seq, ensemble: EnsembleId(9) }).chain(ops) {
        let written = journal.write(VecDeque::from([op]), &mut disk, &mut |_, _| {});
        written.expect("the power is on");
    }
    assert!(disk.files().contains(&File::Segment(3)));
    disk.data(File::Segment(1)).expect("it is there")[HEADER + 60] ^= 0x41;
    disk
}

#[test]
fn a_damage_is_known_to_every_later_start_wherever_the_power_goes_in_the_first() {
    let mut cut = 0;
    for (seed, fuel) in (0..20).flat_map(|seed| (0..60).map(move |fuel| (seed, fuel))) {
        let mut disk = damaged(seed);
        for first in [true, false] {
            let Ok(facts) = survey::survey(&disk, false, MemberId(7));
            let recovery = recovery::decide(facts).expect("others have the data");
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
