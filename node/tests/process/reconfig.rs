//! Clients change the membership, as ZooKeeper's `reconfig` does.

use std::net::TcpListener;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::support::client::{Client, PERSISTENT_SEQUENTIAL};
use crate::support::ensemble::Ensemble;
use crate::support::reconfig::{CONFIG, OPEN, three_of, wait_shown};
use crate::support::rights::code;
use crate::support::{stays, wait_until};

/// Creates sequential znodes on one server until told to stop; gives those that were acknowledged.
fn write_on(port: u16, stop: std::sync::Arc<AtomicBool>) -> JoinHandle<Vec<String>> {
    std::thread::spawn(move || {
        let mut acknowledged = Vec::new();
        let mut client = None;
        while !stop.load(Ordering::Relaxed) {
            let Some(writer) = &mut client else {
                client = Client::connect(port).ok();
                continue;
            };
            match writer.create("/w/n-", b"", PERSISTENT_SEQUENTIAL) {
                Ok(path) => acknowledged.push(path),
                Err(_) => client = None,
            }
        }
        acknowledged
    })
}

/// Has a server of a running ensemble of so many join, asked on another; every client that watches
/// is told. Gives the new version.
fn join(ensemble: &mut Ensemble, joiner: usize, asked: usize, last: i64) -> i64 {
    ensemble.members[joiner].start();
    let watching: Vec<Client> = (0..joiner)
        .map(|n| {
            let mut client = ensemble.members[n].connect();
            client.config().expect("watch the configuration");
            client
        })
        .collect();
    let line = ensemble.members[joiner].line("participant");
    let mut client = ensemble.members[asked].connect();
    let (text, version, stat) =
        client.reconfig(Some(&line), None, None, last).expect("add a server");
    assert!(text.contains(&line), "{text}");
    assert!(version > last && stat == -1);
    assert!(text.ends_with(&format!("\nversion={version:x}")), "{text}");
    for mut client in watching {
        client.sync().expect("sync");
        assert_eq!(client.events, [CONFIG]);
        assert_eq!(client.config().expect("read"), (text.clone(), version, stat));
    }
    let joiner = &ensemble.members[joiner];
    wait_until("the new member is ready", || joiner.ready());
    let mut client = joiner.connect();
    client.sync().expect("sync");
    assert_eq!(client.config().expect("read").0, text);
    version
}

/// Removes the leader and another of five, asked on the leader itself; the rest elect one of them,
/// and those that are out do not disturb it.
fn leave(ensemble: &mut Ensemble, leader: usize, other: usize) {
    let gone = [leader, other].map(|n| ensemble.members[n].number.to_string());
    let mut client = ensemble.members[leader].connect();
    let (text, _, _) =
        client.reconfig(None, Some(&gone.join(",")), None, -1).expect("remove two servers");
    assert_eq!(text.lines().count(), 4, "{text}");
    let rest: Vec<usize> = (0..5).filter(|n| *n != leader && *n != other).collect();
    for n in &rest {
        wait_shown(&ensemble.members[*n], &text);
    }
    let term = |ensemble: &Ensemble| {
        let status = ensemble.members[rest[0]].status();
        status.map(|it| it["term"].to_string())
    };
    wait_until("the rest has a leader", || {
        rest.iter().any(|n| ensemble.members[*n].says("role") == "Leader")
    });
    let before = term(ensemble);
    for n in [leader, other] {
        let member = &ensemble.members[n];
        wait_until("it is out", || member.says("role") == "Removed");
    }
    stays("the removed ones let it be", Duration::from_secs(3), || term(ensemble) == before);
    for n in [leader, other] {
        assert!(ensemble.members[n].alive());
        ensemble.members[n].kill();
    }
}

#[test]
fn an_ensemble_grows_and_shrinks_without_its_leader_under_writes() {
    let mut ensemble = three_of(5, OPEN);
    let mut client = ensemble.members[0].connect();
    client.create("/w", b"", 0).expect("create");
    let (first, mut version, stat) = client.config().expect("read the configuration");
    assert_eq!(stat, -1);
    let three: Vec<String> = (0..3).map(|n| ensemble.members[n].line("participant")).collect();
    assert_eq!(first, format!("{}\nversion={version:x}", three.join("\n")));

    let stop = std::sync::Arc::new(AtomicBool::new(false));
    let leader = ensemble.leader();
    let stays_on = (0..3).find(|n| *n != leader).expect("a follower");
    let writer = write_on(ensemble.members[stays_on].client, stop.clone());
    for joiner in [3, 4] {
        version = join(&mut ensemble, joiner, stays_on, version);
    }

    // Back to three, without the leader and one more.
    let leader = ensemble.leader();
    let other = (0..5).find(|n| *n != leader && *n != stays_on).expect("one");
    leave(&mut ensemble, leader, other);
    stop.store(true, Ordering::Relaxed);
    let acknowledged = writer.join().expect("the writer ends");
    assert!(!acknowledged.is_empty());
    let mut client = ensemble.members[stays_on].connect();
    client.sync().expect("sync");
    let names = client.children("/w").expect("children");
    for path in acknowledged {
        assert!(names.iter().any(|name| path == format!("/w/{name}")), "{path}");
    }

    // One that was removed comes back as it is, by a whole list.
    ensemble.members[other].start();
    let list: Vec<String> = (0..5)
        .filter(|n| *n != leader && *n != other)
        .chain([other])
        .map(|n| ensemble.members[n].line("participant"))
        .collect();
    let (text, _, _) =
        client.reconfig(None, None, Some(&list.join(",")), -1).expect("bring one back");
    assert!(text.contains(&list[3]), "{text}");
    let back = &ensemble.members[other];
    wait_until("it is back", || back.ready());
}

#[test]
fn a_reconfig_that_cannot_be_is_refused_with_zookeepers_code_and_leaves_nothing_behind() {
    let mut ensemble = three_of(4, OPEN);
    let absent = ensemble.members[3].line("participant");
    let follower = (0..3).find(|n| *n != ensemble.leader()).expect("one");
    let mut client = ensemble.members[follower].connect();
    let before = client.config().expect("read");
    let wrong = client.reconfig(Some(&absent), None, None, before.1 - 1);
    assert_eq!(code(wrong), -103);
    assert_eq!(code(client.reconfig(Some("server.4=x"), None, None, -1)), -8);
    assert_eq!(code(client.reconfig(None, Some("1,2"), None, -1)), -8);

    // Nobody answers there; meanwhile nobody else's turn comes. The leader dials the newcomer only
    // when the first one's turn has come.
    let silent = TcpListener::bind(("127.0.0.1", ensemble.members[3].peer)).expect("a port");
    silent.set_nonblocking(true).expect("a socket that does not wait");
    let mut other = ensemble.members[follower].connect();
    let waits = std::thread::spawn(move || code(client.reconfig(Some(&absent), None, None, -1)));
    wait_until("the first one is under way", || silent.accept().is_ok());
    drop(silent);
    let second = other.reconfig(None, Some("3"), None, before.1);
    assert_eq!(code(second), -14);
    assert_eq!(waits.join().expect("it is answered"), -13);
    assert_eq!(other.config().expect("read"), before);

    ensemble.members[3].start();
    let joiner = ensemble.members[3].line("participant");
    let (text, version, _) =
        other.reconfig(Some(&joiner), None, None, before.1).expect("add a server that is there");
    // The same again changes nothing but the version, as in ZooKeeper.
    let (again, newer, _) = other.reconfig(Some(&joiner), None, None, -1).expect("add it again");
    assert!(newer > version);
    assert_eq!(again.lines().take(4).collect::<Vec<_>>(), text.lines().take(4).collect::<Vec<_>>());
}

#[test]
fn a_reconfig_needs_the_setting_and_the_permission() {
    let ensemble = Ensemble::serving(3, "");
    let mut client = ensemble.members[0].connect();
    assert_eq!(code(client.reconfig(None, Some("3"), None, -1)), -123);
    drop(ensemble);
    let ensemble = Ensemble::serving(3, "reconfigEnabled=true\n");
    let mut client = ensemble.members[0].connect();
    assert_eq!(code(client.reconfig(None, Some("3"), None, -1)), -102);
    drop(ensemble);
    let ensemble = Ensemble::serving(1, OPEN);
    let mut client = ensemble.members[0].connect();
    assert_eq!(code(client.reconfig(None, Some("3"), None, -1)), -6);
}
