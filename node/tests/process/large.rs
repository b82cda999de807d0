//! More than fits into a packet, on a real ensemble.

use quorate_zk::Code;

use crate::support::client::{Client, EPHEMERAL, Failure, PERSISTENT_SEQUENTIAL};
use crate::support::ensemble::Ensemble;
use crate::support::wait_until;

/// ZooKeeper's default for the longest packet.
const PACKET: usize = 0xF_FFFF;

/// How many ephemerals a session has. Their paths together are much longer than a packet.
const OWNED: usize = 100_000;

/// Gives a session its ephemerals.
fn fill(client: &mut Client, parent: &str) {
    client.create(parent, b"", 0).expect("create");
    let name = "n".repeat(120);
    let paths: Vec<String> = (0..OWNED).map(|n| format!("{parent}/{name}{n:06}")).collect();
    assert!(paths.iter().map(String::len).sum::<usize>() > PACKET);
    for some in paths.chunks(500) {
        client.create_all(some, EPHEMERAL).expect("multi");
    }
}

#[test]
fn sessions_with_a_hundred_thousand_ephemerals_close_and_expire_while_others_are_served() {
    let ensemble = Ensemble::serving(3, "maxSessionTimeout=30000\n");
    let mut other = ensemble.members[1].connect();
    let mut closes = ensemble.members[0].connect();
    fill(&mut closes, "/closes");
    let mut expires = Client::connect_for(ensemble.members[2].client, 6_000).expect("connect");
    fill(&mut expires, "/expires");
    other.sync().expect("sync");
    assert_eq!(other.children("/closes").expect("read").len(), OWNED);
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

fn num_children(client: &mut Client, path: &str) -> i32 {
    client.stat(path).expect("exists").num_children
}

#[test]
fn a_parent_with_a_million_children_is_listed_counted_changed_and_there_after_a_crash() {
    const MANY: usize = 1_000_000;
    const AT_ONCE: usize = 10_000;
    let mut ensemble = Ensemble::serving(1, "maxSessionTimeout=60000\n");
    let member = &mut ensemble.members[0];
    let mut client = member.connect();
    client.create("/p", b"", 0).expect("create");
    let names = vec!["/p/child-".to_owned(); AT_ONCE];
    for _ in 0..MANY / AT_ONCE {
        let made = client.create_all(&names, PERSISTENT_SEQUENTIAL);
        made.expect("multi");
    }
    let check = |client: &mut Client, count: usize, next: usize| {
        // Longer than any packet that is taken: ZooKeeper sends it as well, and a client that
        // cannot read so much closes.
        let mut names = client.children("/p").expect("children");
        assert_eq!(names.len(), count);
        assert!(names.iter().map(String::len).sum::<usize>() > PACKET);
        names.sort_unstable();
        assert_eq!(names.last(), Some(&format!("child-{:010}", next - 1)));
        assert_eq!(num_children(client, "/p"), count as i32);
    };
    check(&mut client, MANY, MANY);
    client.delete("/p/child-0000000000").expect("delete");
    let refused = client.delete("/p").expect_err("it has children");
    assert!(matches!(refused, Failure::Code(Code::NotEmpty)), "{refused:?}");
    check(&mut client, MANY - 1, MANY);
    member.kill();
    member.start();
    let member = &ensemble.members[0];
    wait_until("it is back", || member.ready());
    let mut client = member.connect();
    check(&mut client, MANY - 1, MANY);
    let made = client.create("/p/child-", b"", PERSISTENT_SEQUENTIAL);
    assert_eq!(made.expect("create"), format!("/p/child-{MANY:010}"));
    check(&mut client, MANY, MANY + 1);
}
