//! Containers and TTL znodes on a real ensemble.

use quorate_zk::Code;

use crate::support::client::Failure;
use crate::support::ensemble::Ensemble;
use crate::support::wait_until;

/// ZooKeeper's code for a znode that has children.

#[test]
fn what_is_due_is_removed_everywhere_and_nothing_else() {
    let pace = "znode.container.checkIntervalMs=100\nznode.container.maxPerMinute=600000\n";
    let mut ensemble = Ensemble::serving(3, pace);
    let mut client = ensemble.members[0].connect();
    for path in ["/used", "/unused", "/held"] {
        client.create_container(path).expect("createContainer");
    }
    client.create_ttl("/short", 1).expect("createTTL");
    client.create_ttl("/long", 3_600_000).expect("createTTL");
    wait_until("a TTL znode has a child before it is due", || {
        // It is there still, or it is due already: both are well.
        let _ = client.create_ttl("/kept", 1);
        client.create("/kept/child", b"", 0).is_ok()
    });
    for path in ["/used/child", "/held/child"] {
        client.create(path, b"", 0).expect("create");
    }
    // More than one look of the leader takes.
    for n in 0..250 {
        client.create_ttl(&format!("/many-{n}"), 1).expect("createTTL");
    }
    client.delete("/used/child").expect("delete");
    match client.delete("/held") {
        Err(Failure::Code(Code::NotEmpty)) => {}
        other => panic!("{other:?}"),
    }
    let left = ["held", "kept", "long", "unused", "zookeeper"];
    for member in &ensemble.members {
        let mut other = member.connect();
        wait_until("what is due is gone", || {
            let mut names = other.children("/").expect("read");
            names.sort();
            names == left
        });
    }
    // Another leader removes what is due, too.
    let leader = ensemble.leader();
    ensemble.members[leader].kill();
    let survivor = (leader + 1) % 3;
    let mut client = ensemble.members[survivor].connect();
    client.delete("/held/child").expect("delete");
    wait_until("a container without its last child is gone", || {
        !client.exists("/held", false).expect("read")
    });
    assert!(client.exists("/unused", false).expect("read"));
}
