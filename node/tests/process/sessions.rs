//! Sessions over several members.

use crate::support::client::{Client, EPHEMERAL, Failure, Session};
use crate::support::ensemble::Ensemble;
use crate::support::{wait_for, wait_until};

#[test]
fn a_session_moves_to_another_member_with_its_password_and_with_no_other() {
    let ensemble = Ensemble::serving(3, "");
    let mut first = ensemble.members[0].connect();
    first.create("/e", b"", EPHEMERAL).expect("create");
    let session = first.session.clone();

    let wrong = Session { password: vec![7; 16], ..session.clone() };
    let refused = Client::attach(ensemble.members[1].client, &wrong).expect("an answer");
    assert_eq!((refused.session.id, refused.session.timeout_ms), (0, 0), "told as expired");
    assert_eq!(refused.session.password, [0; 16]);
    first.ping().expect("the rightful connection lives on");

    let mut moved =
        wait_for("the session moves", || Client::attach(ensemble.members[1].client, &session).ok());
    assert_eq!(moved.session, session);
    assert!(moved.exists("/e", false).expect("read"));
    moved.set("/e", b"x").expect("write");
    wait_until("the old connection is closed", || matches!(first.ping(), Err(Failure::Broken(_))));
    assert!(moved.exists("/e", false).expect("read"));
    moved.close().expect("close");
    let mut other = ensemble.members[2].connect();
    other.sync().expect("sync");
    assert!(!other.exists("/e", false).expect("read"), "it goes with its session");
    let late = Client::attach(ensemble.members[2].client, &session).expect("an answer");
    assert_eq!(late.session.id, 0, "a closed session does not come back");
}

#[test]
fn the_ephemeral_of_a_silent_session_vanishes_and_watchers_are_told() {
    let ensemble = Ensemble::serving(3, "");
    let mut silent = Client::connect_for(ensemble.members[0].client, 400).expect("connect");
    let mut watcher = ensemble.members[2].connect();
    silent.create("/e", b"", EPHEMERAL).expect("create");
    watcher.sync().expect("sync");
    assert!(watcher.exists("/e", true).expect("read"));
    wait_until("the ephemeral vanishes", || !watcher.exists("/e", false).expect("read"));
    assert_eq!(watcher.events, ["/e"], "one event, no later than the change is seen");
    let late = Client::attach(ensemble.members[1].client, &silent.session).expect("an answer");
    assert_eq!(late.session.id, 0, "expired");
}

#[test]
fn sequential_names_count_up_whatever_member_is_asked() {
    let ensemble = Ensemble::serving(3, "");
    let mut clients: Vec<Client> = ensemble.members.iter().map(|it| it.connect()).collect();
    clients[0].create("/q", b"", 0).expect("create");
    let mut names = Vec::new();
    for n in 0..9 {
        let client = &mut clients[n % 3];
        names.push(client.create("/q/n-", b"", 2).expect("create"));
    }
    assert!(names.is_sorted() && names.len() == 9, "{names:?}");
    clients[1].sync().expect("sync");
    assert_eq!(clients[1].children("/q").expect("read").len(), 9);
}
