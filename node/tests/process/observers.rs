//! Servers that are listed as observers: they serve, and count in no quorum.

use std::time::Duration;

use crate::support::client::{Client, word};
use crate::support::ensemble::Ensemble;
use crate::support::{stays, wait_until};

/// Four servers of which the last one only observes; it is not started.
fn with_observer() -> Ensemble {
    let mut ensemble = Ensemble::new(4, "");
    let (peer, client) = (ensemble.members[3].peer, ensemble.members[3].client);
    for member in &ensemble.members {
        let line = format!("server.4=127.0.0.1:{peer}:{peer}");
        let client = format!(";127.0.0.1:{client}");
        member.edit(&format!("{line}{client}"), &format!("{line}:observer{client}"));
    }
    for member in &mut ensemble.members[..3] {
        member.start();
    }
    for member in &ensemble.members[..3] {
        wait_until("a participant is ready", || member.ready());
    }
    ensemble
}

#[test]
fn an_observer_serves_and_forwards_and_counts_in_no_quorum() {
    let mut ensemble = with_observer();
    let mut client = ensemble.members[0].connect();
    client.create("/a", b"1", 0).expect("create");

    ensemble.members[3].start();
    let observer = &ensemble.members[3];
    wait_until("the observer is ready", || observer.ready());
    assert!(word(observer.client, "srvr").contains("Mode: observer\n"));
    let mut observing = observer.connect();
    observing.sync().expect("sync");
    assert_eq!(observing.get("/a").expect("read"), "1");
    observing.set("/a", b"2").expect("a forwarded write");
    client.sync().expect("sync");
    assert_eq!(client.get("/a").expect("read"), "2");
    let (text, ..) = client.config().expect("read the configuration");
    assert!(text.contains(&observer.line("observer")), "{text}");

    // Without it nothing is missing,
    ensemble.members[3].kill();
    client.set("/a", b"3").expect("write without the observer");
    ensemble.members[3].start();
    let observer = &ensemble.members[3];
    wait_until("the observer is back", || observer.ready());
    // a lost disk of it is as good as a new one,
    ensemble.members[3].kill();
    ensemble.members[3].wipe();
    ensemble.members[3].start();
    let observer = &ensemble.members[3];
    wait_until("the observer is back without its disk", || observer.ready());
    assert_eq!(observer.connect().get("/a").expect("read"), "3");
    // and it makes up for nobody.
    for n in [1, 2] {
        ensemble.members[n].kill();
    }
    let [first, .., observer] = &ensemble.members[..] else {
        panic!("four servers");
    };
    wait_until("the rest is no quorum", || {
        Client::connect(first.client).is_err() && Client::connect(observer.client).is_err()
    });
    stays("an observer does not vote", Duration::from_secs(2), || {
        first.says("role") != "Leader" && observer.says("role") != "Leader"
    });
}
