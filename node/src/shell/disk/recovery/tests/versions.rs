//! What another version of Quorate wrote is refused as a whole, in words, and stays as it is.

use std::collections::BTreeMap;
use std::path::Path;

use super::*;
use crate::codec::versions::Format;

/// Every file of a folder but the lock.
fn files_of(dir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files_of(&path));
        } else if path.file_name().is_some_and(|name| name != "lock") {
            found.insert(path.clone(), std::fs::read(&path).unwrap());
        }
    }
    found
}

/// Refused with these words, also with others to repair from, and nothing is touched.
fn refused(disk: &Disk, words: &[&str]) {
    let before = files_of(&disk.0.dir);
    for alone in [false, true] {
        let error = open(&disk.0, alone, home()).map(drop).unwrap_err();
        assert!(matches!(error, DiskError::OtherVersion { .. }), "{error}");
        let text = error.to_string();
        for word in words {
            assert!(text.contains(word), "{text}");
        }
        assert!(text.contains("start a version of Quorate that reads it"), "{text}");
        assert!(!text.contains("move"), "no advice to move anything: {text}");
    }
    assert_eq!(files_of(&disk.0.dir), before);
}

fn adopt_and_write(disk: &Disk, writes: Vec<LogWrite>) {
    let adopt = DiskOp::Adopt { seq: WriteSeq(1), ensemble: EnsembleId(7) };
    let writes = writes.into_iter().map(|write| DiskOp::Write { seq: WriteSeq(2), write });
    disk.run(std::iter::once(adopt).chain(writes).collect());
}

/// A member's disk: a few segments, the last of them unused, a snapshot, one on its way out.
fn full() -> Disk {
    let disk = Disk::new();
    let mut writes = vec![hard(1, 2), config(3)];
    writes.extend(long(1, 2));
    adopt_and_write(&disk, writes);
    let meta = SnapshotMeta { index: Index(2), term: Term(1), config: voters(3) };
    let snapshot = Snapshot { meta, image: State::new().image() };
    snapshots::save(&disk.0, &Arc::new(snapshot)).unwrap();
    std::fs::write(disk.0.snap_dir().join("5-1.tmp"), "unfinished").unwrap();
    let last = *disk.segments().last().unwrap();
    Segment::create(&disk.0, Header { nonce: 9, number: last + 1 }).unwrap();
    disk
}

/// Puts a record behind a segment's last.
fn append(disk: &Disk, number: u64, kind_and_content: &[u8]) {
    let path = disk.path(number);
    let mut bytes = std::fs::read(&path).unwrap();
    let nonce = record::decode_header(&bytes).unwrap().nonce;
    let at = record::scan(&Bytes::from(bytes.clone()), nonce).length;
    let content = [&(at as u64).to_be_bytes(), kind_and_content].concat();
    let crc = crc32c::crc32c_append(crc32c::crc32c(&nonce.to_be_bytes()), &content);
    let record = [&(content.len() as u32).to_be_bytes(), &crc.to_be_bytes(), &content[..]].concat();
    bytes.truncate(at);
    bytes.extend(record);
    bytes.resize(bytes.len().max(4_096), 0);
    std::fs::write(path, bytes).unwrap();
}

fn reseal(path: &Path, from: &str, to: &str) {
    let text = std::fs::read_to_string(path).unwrap();
    let body = small::unseal(&text).unwrap().replace(from, to);
    std::fs::write(path, small::seal(body)).unwrap();
}

#[test]
fn a_newer_identity_or_vote_refuses_the_whole_disk() {
    for name in ["identity", "vote"] {
        let disk = full();
        let title = format!("quorate-{name} 1\n");
        reseal(&disk.0.dir.join(name), &title, &format!("quorate-{name} 9\nmore things\n"));
        refused(&disk, &[&format!("{name} file of version 9"), "reads version 1"]);
    }
}

#[test]
fn a_newer_segment_refuses_the_whole_disk_wherever_it_is() {
    let last = full().segments().len() as u64;
    for number in 1..=last {
        let disk = full();
        let path = disk.path(number);
        let mut bytes = std::fs::read(&path).unwrap();
        bytes[8] = 9;
        let end = record::HEADER - 4;
        let crc = crc32c::crc32c(&bytes[..end]).to_be_bytes();
        bytes[end..record::HEADER].copy_from_slice(&crc);
        std::fs::write(&path, bytes).unwrap();
        refused(&disk, &["log segment of version 9"]);
    }
}

#[test]
fn a_newer_record_refuses_the_whole_disk_wherever_it_is() {
    let last = full().segments().len() as u64;
    let newer = Format::Entry.known().written as u8 + 1;
    for number in 1..=last {
        let disk = full();
        append(&disk, number, &[77, 1, 2, 3]);
        refused(&disk, &["log record of kind 77"]);
        let disk = full();
        append(&disk, number, &[2, newer, 1, 2, 3]);
        refused(&disk, &[&format!("log entry of version {newer}")]);
    }
}

#[test]
fn a_newer_snapshot_refuses_the_whole_disk_though_an_older_one_is_sound() {
    let newer = Format::Snapshot.known().written + 1;
    for (of_file, words) in [(true, "snapshot file of version 9"), (false, "a snapshot of version")]
    {
        let disk = full();
        let (_, _, sound) = snapshots::list(&disk.0).remove(0);
        let mut bytes = std::fs::read(sound).unwrap();
        if of_file {
            bytes[6] = b'9';
        } else {
            // The version is the first byte of the first block.
            bytes[16] = newer as u8;
            let length = u32::from_be_bytes(bytes[8..12].try_into().unwrap()) as usize;
            let crc = crc32c::crc32c(&bytes[16..16 + length]).to_be_bytes();
            bytes[12..16].copy_from_slice(&crc);
        }
        let path = disk.0.snap_dir().join(format!("{:016x}-{:016x}.snap", 200, 1));
        std::fs::write(path, bytes).unwrap();
        refused(&disk, &[words]);
    }
}

fn golden_disk(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name)
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for (path, bytes) in files_of(from) {
        let target = to.join(path.strip_prefix(from).unwrap());
        std::fs::create_dir_all(target.parent().unwrap()).unwrap();
        std::fs::write(target, bytes).unwrap();
    }
}

/// A disk as the programs wrote it whose version of everything but snapshots was 1. Made once.
#[test]
fn a_disk_of_version_1_is_read() {
    let golden = golden_disk("disk-1");
    if !golden.exists() && std::env::var_os("UPDATE").is_some() {
        let disk = Disk::new();
        let mut writes = vec![hard(1, 2), config(3)];
        writes.extend((2..20).map(|index| noop(1, index)));
        writes.extend([LogWrite::Truncate(Index(15)), hard(3, 2), noop(3, 15)]);
        adopt_and_write(&disk, writes);
        let mut state = State::new();
        for index in 1..=5 {
            let (term, payload) = (Term(1), Payload::NewLeader);
            state.apply(&Entry { term, index: Index(index), payload });
        }
        let meta = SnapshotMeta { index: Index(5), term: Term(1), config: voters(3) };
        let snapshot = Snapshot { meta, image: state.image() };
        snapshots::save(&disk.0, &Arc::new(snapshot)).unwrap();
        copy(&disk.0.dir, &golden);
    }
    let disk = Disk::new();
    copy(&golden, &disk.0.dir);
    let found = disk.open();
    assert_eq!(found.damage, None);
    assert_eq!(found.identity.ensemble, Some(EnsembleId(7)));
    assert_eq!((found.hard.term, found.hard.vote), (Term(3), Some(MemberId(2))));
    assert_eq!(indexes(&found), (1..=15).collect::<Vec<_>>());
    let state = State::restore(&found.snapshot.as_ref().unwrap().image);
    assert_eq!(state.applied(), Index(5));
    assert_eq!(state.counts().znodes, 4);
}
