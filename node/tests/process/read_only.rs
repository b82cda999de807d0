//! `readonlymode.enabled`: what a server that is cut off from the quorum does for read-only clients.

use quorate_zk::{Code, Request};

use crate::support::client::{Client, Failure, Session, word};
use crate::support::ensemble::Ensemble;
use crate::support::{wait_for, wait_until};

const MODE: &str = "readonlymode.enabled=true\nsyncLimit=5\n";

fn nobody() -> Session {
    Session { id: 0, password: vec![0; 16], timeout_ms: 60_000 }
}

/// An ensemble that is down but for its first member, with one znode.
fn cut_off(more: &str) -> (Ensemble, Session) {
    let mut ensemble = Ensemble::serving(3, more);
    let mut client = ensemble.members[0].connect();
    client.create("/a", b"old", 0).expect("create");
    client.sync().expect("sync");
    ensemble.members[1].kill();
    ensemble.members[2].kill();
    wait_until("it lets its clients go", || client.ping().is_err());
    (ensemble, client.session)
}

#[test]
fn a_member_that_is_cut_off_serves_reads_to_clients_that_can_do_with_them() {
    let (mut ensemble, global) = cut_off(MODE);
    let port = ensemble.members[0].client;
    let mut client =
        wait_for("it takes a read-only client", || Client::attach_read_only(port, &nobody()).ok());
    assert!(client.read_only);
    assert_ne!(client.session.id, 0);
    assert_eq!(client.get("/a").expect("read"), "old");
    assert!(client.exists("/a", true).expect("read and watch"));
    assert!(client.ping().is_ok());
    for refused in
        [client.create("/b", b"", 0).err(), client.set("/a", b"new").err(), client.sync().err()]
    {
        assert!(matches!(refused, Some(Failure::Code(Code::NotReadOnly))), "{refused:?}");
    }
    assert_eq!(word(port, "isro"), "ro");
    assert!(word(port, "srvr").contains("Mode: read-only\n"));

    // Clients that want to write, and sessions of the ensemble, have to look elsewhere.
    assert!(Client::connect(port).is_err());
    assert!(Client::attach_read_only(port, &global).is_err());

    // Once it can write, those who may not are sent to look for it.
    ensemble.members[1].start();
    wait_until("the read-only client is let go", || client.ping().is_err());
    let mut client = Client::attach_read_only(port, &global).expect("take the session over");
    assert!(!client.read_only);
    assert_eq!(client.session.id, global.id);
    client.set("/a", b"new").expect("write");
    assert_eq!(word(port, "isro"), "rw");
}

#[test]
fn a_read_only_client_says_farewell() {
    let (ensemble, _) = cut_off(MODE);
    let mut client = wait_for("it takes a read-only client", || {
        Client::attach_read_only(ensemble.members[0].client, &nobody()).ok()
    });
    client.call(&Request::Close).expect("close");
    assert!(matches!(client.ping(), Err(Failure::Broken(_))));
}

#[test]
fn without_the_mode_nobody_is_served_without_a_quorum() {
    let (ensemble, _) = cut_off("syncLimit=5\n");
    let port = ensemble.members[0].client;
    wait_until("it does not serve", || word(port, "isro") == "null");
    assert!(Client::attach_read_only(port, &nobody()).is_err());
}
