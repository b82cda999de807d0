//! Term and vote outlive the log.

use super::*;

fn remove_file(path: &Path) {
    std::fs::remove_file(path).expect("remove");
}

fn damage_text(path: &Path) {
    let text = std::fs::read_to_string(path).expect("read");
    std::fs::write(path, text.replace("term 5", "term 4")).expect("write");
}

#[test]
fn a_term_and_a_vote_behind_a_damage_still_count_and_entries_do_not() {
    let disk = Disk::new();
    let mut writes = vec![hard(1, 0), config(3), noop(1, 2), noop(1, 3)];
    writes.extend(long(1, 4));
    writes.push(hard(8, 4));
    disk.write(writes);
    disk.damage(1, 2);
    let found = disk.open();
    assert!(found.damage.as_ref().unwrap().to_string().contains("damaged at byte"));
    assert_eq!(indexes(&found), [1]);
    assert_eq!((found.hard.term, found.hard.vote), (Term(8), Some(MemberId(4))));
    assert!(disk.path(1).with_extension("damaged").exists(), "it is put aside");
}

#[test]
fn a_vote_counts_though_its_record_is_lost_as_a_torn_write_would_be() {
    let disk = Disk::new();
    disk.write(vec![hard(1, 0), config(3), hard(5, 9)]);
    disk.damage(1, 2);
    let found = disk.open();
    assert_eq!((found.damage.clone(), indexes(&found)), (None, vec![1]));
    assert_eq!((found.hard.term, found.hard.vote), (Term(5), Some(MemberId(9))));
}

#[test]
fn a_lost_vote_file_is_made_anew_from_a_sound_log() {
    for spoil in [remove_file, damage_text] {
        let disk = Disk::new();
        disk.write(vec![hard(5, 9), config(3)]);
        spoil(&disk.0.dir.join("vote"));
        let hard = disk.open().hard;
        assert_eq!((hard.term, hard.vote), (Term(5), Some(MemberId(9))));
        assert_eq!(disk.vote(), Some(hard));
    }
}

#[test]
fn a_damaged_log_without_its_vote_file_is_refused_and_left_as_it_is() {
    for spoil in [remove_file, damage_text] {
        let disk = Disk::new();
        let (seq, ensemble) = (WriteSeq(1), EnsembleId(7));
        let writes = [hard(5, 9), config(3), noop(5, 2), noop(5, 3)];
        let mut ops = VecDeque::from([DiskOp::Adopt { seq, ensemble }]);
        ops.extend(writes.map(|write| DiskOp::Write { seq, write }));
        disk.run(ops);
        disk.damage(1, 2);
        spoil(&disk.0.dir.join("vote"));
        let before = std::fs::read(disk.path(1)).unwrap();
        let refusal = open(&disk.0, false, home()).map(drop).unwrap_err().to_string();
        assert!(refusal.contains("move the data folder aside"), "{refusal}");
        assert_eq!(std::fs::read(disk.path(1)).unwrap(), before);
        assert!(!disk.0.dir.join("repair").exists());
    }
}

#[test]
fn a_disk_of_an_ensemble_without_its_log_is_damaged_and_its_vote_still_counts() {
    let disk = Disk::new();
    let (seq, ensemble) = (WriteSeq(1), EnsembleId(7));
    let write = hard(5, 9);
    disk.run(VecDeque::from([DiskOp::Adopt { seq, ensemble }, DiskOp::Write { seq, write }]));
    std::fs::remove_dir_all(disk.0.log_dir()).unwrap();
    assert!(open(&disk.0, true, home()).is_err(), "alone it refuses");
    assert!(!disk.path(1).exists(), "and changes nothing");
    let found = disk.open();
    assert!(found.damage.as_ref().unwrap().to_string().contains("there is no log"));
    assert_eq!((found.hard.term, found.hard.vote), (Term(5), Some(MemberId(9))));
}

#[test]
fn of_several_votes_in_one_batch_the_last_counts() {
    let disk = Disk::new();
    let writes = [hard(4, 7), config(3), hard(5, 0), hard(5, 9)];
    let seq = WriteSeq(1);
    let ops = writes.map(|write| DiskOp::Write { seq, write });
    disk.batches([VecDeque::from(ops)]);
    assert_eq!(disk.vote(), Some(HardState { term: Term(5), vote: Some(MemberId(9)) }));
}
