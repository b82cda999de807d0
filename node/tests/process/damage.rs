//! Damaged logs: repaired from the others, refused alone; torn tails: cut.

use std::io::{Seek, SeekFrom, Write};
use std::path::PathBuf;
use std::time::Duration;

use quorate_node::wire::record::Record;

use crate::support::client::Client;
use crate::support::ensemble::{Ensemble, Member};
use crate::support::log_file::{active, damage, rot_last_entry, scan, segments};
use crate::support::{stays, wait_until};

const A_WHILE: Duration = Duration::from_secs(2);

/// Enough data for several segments.
fn fill(client: &mut Client) {
    client.create("/d", b"", 0).expect("create");
    for n in 0..25u8 {
        client.create(&format!("/d/{n}"), &[n; 9_000], 0).expect("create");
    }
}

fn assert_filled(client: &mut Client) {
    client.sync().expect("sync");
    for n in 0..25u8 {
        assert_eq!(client.get(&format!("/d/{n}")).expect("read"), [n; 9_000].as_slice());
    }
}

fn marker(member: &Member) -> PathBuf {
    member.data.join("repair")
}

/// An ensemble with data, whose third member is stopped.
fn with_data() -> Ensemble {
    let mut ensemble = Ensemble::serving(3, "");
    fill(&mut ensemble.members[0].connect());
    let third = &mut ensemble.members[2];
    assert_filled(&mut third.connect());
    third.kill();
    assert!(segments(&third.data).len() >= 3);
    ensemble
}

#[test]
fn a_damaged_member_does_not_vote_until_it_is_repaired_not_even_after_a_restart() {
    let mut ensemble = with_data();
    let sealed = segments(&ensemble.members[2].data)[1].clone();
    damage(&sealed);
    ensemble.members[0].kill();
    ensemble.members[1].kill();

    // With a healthy one it would be a quorum.
    ensemble.members[0].start();
    for life in ["first", "second"] {
        ensemble.members[2].start();
        let third = &ensemble.members[2];
        wait_until("the damaged one answers", || third.status().is_some());
        stays("nobody leads", A_WHILE, || {
            third.says("dataState") == "Corrupt"
                && !third.ready()
                && Client::connect(ensemble.members[0].client).is_err()
        });
        assert!(marker(third).exists(), "{life} life");
        assert!(third.log().contains("this member does not vote until repaired"));
        ensemble.members[2].kill();
    }

    ensemble.members[1].start();
    ensemble.members[2].start();
    ensemble.wait_ready();
    let third = &ensemble.members[2];
    wait_until("it is repaired", || third.says("dataState") == "Member");
    wait_until("the marker is gone", || !marker(third).exists());
    assert_filled(&mut third.connect());

    // Now its vote counts.
    ensemble.members[1].kill();
    let mut client = ensemble.members[0].connect();
    client.create("/after", b"", 0).expect("create");
    assert_filled(&mut client);
}

#[test]
fn damage_in_the_active_segment_is_repaired_too() {
    let mut ensemble = with_data();
    let third = &mut ensemble.members[2];
    damage(&active(&third.data));
    third.start();
    wait_until("it is ready", || third.ready());
    wait_until("the marker is gone", || !marker(third).exists());
    assert!(third.log().contains("the log is damaged"), "{}", third.log());
    assert_filled(&mut third.connect());
}

#[test]
fn a_log_that_is_gone_altogether_is_a_damaged_one() {
    let mut ensemble = with_data();
    let third = &mut ensemble.members[2];
    std::fs::remove_dir_all(third.data.join("log")).expect("lose the log");
    third.start();
    wait_until("it is ready", || third.ready());
    assert!(third.log().contains("this member does not vote"), "{}", third.log());
    assert_filled(&mut third.connect());
}

#[test]
fn a_damaged_server_on_its_own_refuses_to_start_and_says_what_to_do() {
    let mut ensemble = Ensemble::serving(1, "");
    fill(&mut ensemble.members[0].connect());
    let member = &mut ensemble.members[0];
    member.kill();
    damage(&segments(&member.data)[0]);
    for life in 1..=2 {
        member.start();
        let status = member.process().exit();
        assert_eq!(status.code(), Some(1), "{}", member.log());
        let refusals = member.log().matches("Restore the folder from a copy").count();
        assert_eq!(refusals, life, "{}", member.log());
        assert!(member.log().contains("damaged at byte"), "{}", member.log());
    }
}

/// Waits until what is in the log shows that it was durable.
fn wait_sealed(member: &Member) {
    let last = |path: &PathBuf| scan(path).records.pop();
    wait_until("the log's tail is sealed", || {
        matches!(last(&active(&member.data)), Some(Record::Hard(_)))
    });
}

#[test]
fn rot_of_the_last_acknowledged_write_is_no_torn_write() {
    let mut alone = Ensemble::serving(1, "");
    alone.members[0].connect().create("/a", b"1", 0).expect("create");
    let member = &mut alone.members[0];
    wait_sealed(member);
    member.kill();
    rot_last_entry(&active(&member.data));
    member.start();
    assert_eq!(member.process().exit().code(), Some(1), "{}", member.log());
    assert!(member.log().contains("Restore the folder from a copy"), "{}", member.log());

    let mut ensemble = with_data();
    let third = &mut ensemble.members[2];
    third.start();
    wait_until("it is ready", || third.ready());
    wait_sealed(third);
    third.kill();
    rot_last_entry(&active(&third.data));
    third.start();
    wait_until("it is ready", || third.ready());
    assert!(third.log().contains("this member does not vote until repaired"), "{}", third.log());
    wait_until("the marker is gone", || !marker(third).exists());
    assert_filled(&mut third.connect());
}

#[test]
fn a_torn_tail_is_cut_and_told() {
    let mut ensemble = Ensemble::serving(1, "");
    ensemble.members[0].connect().create("/a", b"1", 0).expect("create");
    let member = &mut ensemble.members[0];
    member.kill();
    let path = active(&member.data);
    let end = scan(&path).length as u64;
    let mut file = std::fs::File::options().write(true).open(&path).expect("open");
    file.seek(SeekFrom::Start(end)).expect("seek");
    file.write_all(&[0, 0, 0, 90, 1, 2, 3, 4, 2, 7, 7, 7]).expect("tear");
    drop(file);
    member.start();
    let mut client = member.connect();
    assert_eq!(client.get("/a").expect("read"), "1");
    client.create("/b", b"2", 0).expect("create");
    assert!(member.log().contains("cut short"), "{}", member.log());
    member.kill();
    member.start();
    assert_eq!(member.connect().get("/b").expect("read"), "2");
    assert_eq!(member.log().matches("cut short").count(), 1, "{}", member.log());
}
