//! A data folder in which a ZooKeeper server left its files. They are written here by hand, as ZooKeeper's
//! `FileTxnLog` writes them; files of a real one are taken in by the end-to-end tests.

use std::fs;
use std::path::Path;
use std::process::Output;

use quorate_zk::Jute;

use super::support::ensemble::{Ensemble, Folder, program};

const CREATE: i32 = 1;

/// The Adler-32 of these.
fn adler(bytes: &[u8]) -> i64 {
    let (a, b) = bytes.iter().fold((1_u32, 0_u32), |(a, b), byte| {
        let a = (a + u32::from(*byte)) % 65_521;
        (a, (b + a) % 65_521)
    });
    i64::from((b << 16) | a)
}

/// A log of so many transactions from this counter of epoch 1 on, each of which creates a znode, and the
/// zeros of a file that was made longer in advance.
fn log(first: i64, count: i64) -> Vec<u8> {
    let mut out = b"ZKLG".to_vec();
    out.int(2);
    out.long(0);
    for counter in first..first + count {
        let mut txn = Vec::new();
        txn.long(7);
        txn.int(1);
        txn.long((1 << 32) + counter);
        txn.long(1_000 + counter);
        txn.int(CREATE);
        txn.text(&format!("/n{counter}"));
        txn.buffer(Some(format!("data {counter}").as_bytes()));
        txn.int(1);
        txn.int(31);
        txn.text("world");
        txn.text("anyone");
        txn.push(0);
        txn.int(counter as i32);
        out.long(adler(&txn));
        out.buffer(Some(&txn));
        out.push(b'B');
    }
    out.resize(out.len() + 4_096, 0);
    out
}

fn leave(folder: &Path, name: &str, content: &[u8]) {
    let folder = folder.join("version-2");
    fs::create_dir_all(&folder).expect("make a folder");
    fs::write(folder.join(name), content).expect("write a file");
}

fn import(from: &Path, to: &Path) -> Output {
    let mut command = program();
    command.arg("import").arg("--from").arg(from).arg("--data-dir").arg(to);
    command.output().expect("run the program")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn assert_served(ensemble: &Ensemble, count: i64) {
    for member in &ensemble.members {
        let mut client = member.connect();
        client.sync().expect("sync");
        for counter in 1..=count {
            let path = format!("/n{counter}");
            let data = client.get(&path).expect("it was taken in");
            assert_eq!(data, format!("data {counter}").as_bytes());
            let stat = client.stat(&path).expect("it was taken in");
            assert_eq!((stat.czxid, stat.ctime), ((1 << 32) + counter, 1_000 + counter));
        }
        client.create(&format!("/after-{}", member.number), b"", 0).expect("writes go on");
        let after = client.stat(&format!("/after-{}", member.number)).expect("it is there");
        assert!(after.czxid > (1 << 32) + count, "{:#x}", after.czxid);
    }
}

#[test]
fn a_zookeepers_data_are_never_passed_over_and_moved_away_they_do_not_matter() {
    let mut ensemble = Ensemble::new(1, "");
    let member = &mut ensemble.members[0];
    leave(&member.data, "log.100000001", &log(1, 3));
    member.start();
    assert_eq!(member.process().exit().code(), Some(1), "{}", member.log());
    for word in ["log.100000001", "quorate-node import --from", "--import-zookeeper"] {
        assert!(member.log().contains(word), "{word}: {}", member.log());
    }
    fs::rename(member.data.join("version-2"), member.data.join("elsewhere")).expect("move it");
    member.start();
    ensemble.wait_ready();
}

#[test]
fn of_a_static_list_the_newest_of_what_zookeepers_left_is_served_by_all_also_after_restarts() {
    let mut ensemble = Ensemble::new(3, "");
    // Who forms an ensemble otherwise has less, and one has nothing.
    leave(&ensemble.members[0].data, "log.100000001", &log(1, 5));
    leave(&ensemble.members[1].data, "log.100000001", &log(1, 4));
    leave(&ensemble.members[1].data, "log.100000005", &log(5, 4));
    for member in &mut ensemble.members {
        member.arguments.push("--import-zookeeper".to_owned());
    }
    ensemble.start_all();
    ensemble.wait_ready();
    assert_served(&ensemble, 8);
    ensemble.kill_all();
    ensemble.start_all();
    ensemble.wait_ready();
    let mut client = ensemble.members[0].connect();
    client.sync().expect("sync");
    assert_eq!(client.get("/n8").expect("it is there"), b"data 8".as_slice());
    assert!(client.get("/after-3").is_ok(), "what was written since is there as well");
    // A disk that is wiped later must not begin with it again.
    for member in &ensemble.members {
        assert!(!member.data.join("import.snap").exists());
    }
}

#[test]
fn what_is_damaged_or_missing_is_named_and_nothing_is_written() {
    let folder = Folder::new();
    let target = folder.path().join("data");
    let mut damaged = log(1, 3);
    damaged[60] ^= 1;
    let cases: [(&str, Vec<u8>, &[&str]); 3] = [
        ("log.100000001", damaged, &["log.100000001", "damaged", "byte 16"]),
        ("log.100000004", log(4, 3), &["log.100000004", "0x100000004", "missing"]),
        ("snapshot.100000003", b"ZKSN\0\0\0\x02".to_vec(), &["snapshot.100000003", "too short"]),
    ];
    for (at, (name, content, words)) in cases.into_iter().enumerate() {
        let from = folder.path().join(format!("zookeeper-{at}"));
        leave(&from, name, &content);
        let output = import(&from, &target);
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{name}: {said}");
        words.iter().for_each(|word| assert!(said.contains(word), "{name}: {word} in {said}"));
        assert!(!target.join("import.snap").exists(), "{name}");
    }
}

#[test]
fn an_import_is_made_once_into_a_blank_folder_only() {
    let mut ensemble = Ensemble::new(1, "");
    let (folder, data) = (Folder::new(), ensemble.members[0].data.clone());
    leave(folder.path(), "log.100000001", &log(1, 3));
    let output = import(folder.path(), &data);
    assert!(output.status.success(), "{}", text(&output.stderr));
    // The root, ZooKeeper's own three, and what was created.
    assert!(text(&output.stdout).contains("7 znodes"), "{}", text(&output.stdout));
    let again = import(folder.path(), &data);
    assert!(text(&again.stderr).contains("waits here already"), "{}", text(&again.stderr));
    ensemble.start_all();
    ensemble.wait_ready();
    assert_served(&ensemble, 3);
    ensemble.kill_all();
    let late = import(folder.path(), &data);
    assert!(text(&late.stderr).contains("belongs to an ensemble"), "{}", text(&late.stderr));
}
