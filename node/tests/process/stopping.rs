//! SIGTERM.

use std::time::Instant;

use rustix::fs::{CWD, FileType, Mode, OFlags, mknodat, open};

use crate::support::client::{Client, Failure};
use crate::support::ensemble::Ensemble;
use crate::support::{PATIENCE, wait_for, wait_until};

#[test]
fn a_leader_that_is_told_to_stop_hands_over_and_no_session_is_lost() {
    let mut ensemble = Ensemble::serving(3, "");
    let leader = ensemble.leader();
    let (other, third) = ((leader + 1) % 3, (leader + 2) % 3);
    let mut there = ensemble.members[other].connect();
    let mut here = ensemble.members[leader].connect();
    there.create("/there", b"", 1).expect("create");
    here.create("/here", b"", 1).expect("create");
    let term = |ensemble: &Ensemble, at: usize| {
        ensemble.members[at].status().unwrap_or_default()["term"].as_u64()
    };
    let before = term(&ensemble, other);

    ensemble.members[leader].process().terminate();
    let began = Instant::now();
    // The same connection all the time.
    let mut writes = 0;
    let status = loop {
        there.set("/there", b"x").expect("a write on another member goes on");
        writes += 1;
        if let Some(status) = ensemble.members[leader].process().ended() {
            break status;
        }
        assert!(began.elapsed() < PATIENCE, "it does not end");
    };
    assert_eq!(status.code(), Some(0), "{}", ensemble.members[leader].log());
    assert!(ensemble.members[leader].log().contains("stopped"));
    assert!(writes > 0);
    // Handed over, not lost and found: one more term is all it took, and the one that stopped
    // lived to follow who has it.
    let after = before.map(|term| term + 1);
    assert_eq!(term(&ensemble, other), after);
    let (successor, term) = (ensemble.members[other].says("leaderId"), after.unwrap_or(0));
    let followed = format!("this member follows a leader leader={successor} term={term}");
    let log = ensemble.members[leader].log();
    assert!(log.contains(&followed), "{followed}: {log}");

    // The client that was let go takes its session, and its ephemeral, elsewhere.
    assert!(matches!(here.ping(), Err(Failure::Broken(_))));
    let moved = wait_for("its session is taken over", || {
        Client::attach(ensemble.members[third].client, &here.session).ok()
    });
    assert_eq!(moved.session.id, here.session.id);
    there.sync().expect("sync");
    assert!(there.exists("/here", false).expect("read"));
}

#[test]
fn a_stopped_server_starts_again_with_all_it_had() {
    let mut ensemble = Ensemble::serving(1, "");
    let member = &mut ensemble.members[0];
    let mut client = member.connect();
    client.create("/a", b"1", 0).expect("create");
    member.process().terminate();
    wait_until("it ends", || !member.alive());
    member.start();
    assert_eq!(member.connect().get("/a").expect("read"), "1");
}

#[test]
fn a_server_that_still_recovers_stops_when_told() {
    let mut ensemble = Ensemble::new(1, "");
    let member = &mut ensemble.members[0];
    // A disk that takes for ever to answer.
    let identity = member.data.join("identity");
    let (fifo, mode) = (FileType::Fifo, Mode::RUSR | Mode::WUSR);
    mknodat(CWD, &identity, fifo, mode, 0).expect("make a fifo");
    member.start();
    let flags = OFlags::WRONLY | OFlags::NONBLOCK;
    let _never_written =
        wait_for("recovery reads the disk", || open(&identity, flags, Mode::empty()).ok());
    member.process().terminate();
    let status = member.process().exit();
    assert_eq!(status.code(), Some(0), "{status:?}\n{}", member.log());
}
