use super::*;
use crate::core::raft::config::Config;
use crate::core::state::State;

/// A data folder of its own, removed at the end.
struct Disk(DiskConfig);

impl Disk {
    fn new() -> Disk {
        let name = u64::from_be_bytes(files::entropy().unwrap());
        let disk = Disk(DiskConfig {
            dir: std::env::temp_dir().join(format!("quorate-snapshots-{name:016x}")),
            log_home: None,
            segment_bytes: 4_096,
            retain: 3,
            reserve: 0,
        });
        std::fs::create_dir_all(disk.0.snap_dir()).unwrap();
        disk
    }

    fn names(&self) -> Vec<String> {
        let files = std::fs::read_dir(self.0.snap_dir()).unwrap();
        let mut names: Vec<String> =
            files.map(|it| it.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    fn put(&self, name: &str, bytes: &[u8]) {
        std::fs::write(self.0.snap_dir().join(name), bytes).unwrap();
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0.dir);
    }
}

fn meta(index: u64) -> SnapshotMeta {
    SnapshotMeta { index: Index(index), term: Term(1), config: Config::default() }
}

fn snap(index: u64) -> String {
    format!("{index:016x}-{:016x}.snap", 1)
}

fn part(index: u64) -> String {
    format!("{index:016x}.part")
}

#[test]
fn a_snapshot_that_cannot_be_stored_leaves_nothing() {
    let disk = Disk::new();
    let snapshot = Arc::new(Snapshot { meta: meta(5), image: State::new().image() });
    // The last step fails: its name is taken.
    let taken = disk.0.snap_dir().join(snap(5));
    std::fs::create_dir(&taken).unwrap();
    assert!(save(&disk.0, &snapshot).is_err());
    assert_eq!(disk.names(), [snap(5)]);
    std::fs::remove_dir(&taken).unwrap();
    save(&disk.0, &snapshot).unwrap();
    assert_eq!(disk.names(), [snap(5)]);
    assert!(load(&taken).is_ok());
}

#[test]
fn a_snapshot_leaves_the_log_what_is_reserved_for_it() {
    let mut disk = Disk::new();
    let snapshot = Arc::new(Snapshot { meta: meta(5), image: State::new().image() });
    disk.0.reserve = u64::MAX;
    let refused = save(&disk.0, &snapshot);
    assert!(matches!(refused, Err(DiskError::Short { .. })));
    assert!(disk.names().is_empty());
}

#[test]
fn what_an_earlier_process_did_not_finish_to_store_goes_and_the_rest_stays() {
    let disk = Disk::new();
    disk.put("0000000000000007-0000000000000001.tmp", b"half");
    disk.put(&snap(5), b"whole");
    disk.put(&part(9), b"half");
    remove_unfinished(&disk.0).unwrap();
    assert_eq!(disk.names(), [snap(5), part(9)]);
}

#[test]
fn what_arrived_of_a_snapshot_before_a_break_is_kept() {
    let disk = Disk::new();
    let mut first = Incoming::open(&disk.0, Index(7), 10).unwrap();
    assert!(first.push(0, b"abc").unwrap());
    drop(first);
    let again = Incoming::open(&disk.0, Index(7), 10).unwrap();
    assert_eq!(again.offset(), 3);
}

#[test]
fn an_adopted_snapshot_leaves_no_older_one_on_its_way() {
    let disk = Disk::new();
    disk.put(&part(7), b"whole");
    disk.put(&part(5), b"half");
    disk.put(&part(9), b"half");
    adopt_incoming(&disk.0, &meta(7)).unwrap();
    assert_eq!(disk.names(), [snap(7), part(9)]);
    disk.put(&part(5), b"half");
    adopt_incoming(&disk.0, &meta(7)).unwrap();
    assert_eq!(disk.names(), [snap(7), part(9)], "also when it is adopted already");
}
