//! More than fits into a packet, on a real ensemble.

use crate::support::client::{Client, EPHEMERAL};
use crate::support::ensemble::Ensemble;
use crate::support::wait_until;

/// ZooKeeper's default for the longest packet.
const PACKET: usize = 0xF_FFFF;

/// Gives a session ephemerals whose paths together are longer than a packet.
fn fill(client: &mut Client, parent: &str) {
    client.create(parent, b"", 0).expect("create");
    let name = "n".repeat(120);
    let paths: Vec<String> = (0..10_000)
        .map(|n| format!("{parent}/{name}{n:05}"))
        .collect();
    assert!(paths.iter().map(String::len).sum::<usize>() > PACKET);
    for some in paths.chunks(500) {
        client.create_all(some, EPHEMERAL).expect("multi");
    }
}

#[test]
fn a_session_with_more_ephemerals_than_fit_into_a_packet_closes_and_expires_while_others_are_served()
 {
    let ensemble = Ensemble::serving(3, "maxSessionTimeout=30000\n");
    let mut other = ensemble.members[1].connect();
    let mut closes = ensemble.members[0].connect();
    fill(&mut closes, "/closes");
    let mut expires = Client::connect_for(ensemble.members[2].client, 6_000).expect("connect");
    fill(&mut expires, "/expires");
    other.sync().expect("sync");
    assert_eq!(other.children("/closes").expect("read").len(), 10_000);
    closes.close().expect("close");
    other.sync().expect("sync");
    assert!(other.children("/closes").expect("read").is_empty());
    let session = expires.session.clone();
    drop(expires);
    wait_until("the ephemerals of a silent session are gone", || {
        other.children("/expires").expect("read").is_empty()
    });
    let late = Client::attach(ensemble.members[0].client, &session).expect("an answer");
    assert_eq!(late.session.id, 0, "expired");
    for member in &ensemble.members {
        let mut client = member.connect();
        client.sync().expect("sync");
        for parent in ["/closes", "/expires"] {
            assert!(client.children(parent).expect("read").is_empty());
        }
    }
}
