//! Quotas of the replicated state: what is counted, what is refused, and that a failed multi and
//! a restart leave the count right.

use bytes::Bytes;
use quorate_node::model::{Body, ErrorCode, MultiResult, Read, Write};
use quorate_node::model::{Overrun, State};

use crate::support::{EPHEMERAL, World, create, delete, set};

/// As `setquota` of zkCli does: the path of the quota, then its two znodes.
fn put_quota(world: &mut World, path: &str, limits: &str) {
    let mut branch = "/zookeeper/quota".to_owned();
    for name in path[1..].split('/') {
        branch = format!("{branch}/{name}");
        // Another quota may have made it.
        let _ = world.create(&branch, "", 0);
    }
    let branch = format!("/zookeeper/quota{path}");
    world.create(&format!("{branch}/zookeeper_limits"), limits, 0).expect("set a limit");
    world
        .create(&format!("{branch}/zookeeper_stats"), "count=0,bytes=0", 0)
        .expect("make room for the usage");
}

fn usage(world: &World, path: &str) -> String {
    let path = format!("/zookeeper/quota{path}/zookeeper_stats");
    let read = Read::GetData { path, watch: false };
    let Ok(Body::Data { data, .. }) = world.read(&read) else {
        panic!("no usage of {path:?}", path = read);
    };
    String::from_utf8_lossy(&data.unwrap_or_default()).into_owned()
}

#[test]
fn a_quota_counts_what_is_there_and_what_changes_its_own_znode_included() {
    let mut world = World::new();
    world.create("/a", "12345", 0).unwrap();
    world.create("/a/b", "12", 0).unwrap();
    world.create("/ab", "not of it", 0).unwrap();
    put_quota(&mut world, "/a", "count=100,bytes=100");
    assert_eq!(usage(&world, "/a"), "count=2,bytes=7");
    world.create("/a/b/c", "123", 0).unwrap();
    world.write(set("/a", "1")).unwrap();
    assert_eq!(usage(&world, "/a"), "count=3,bytes=6");
    world.write(delete("/a/b/c")).unwrap();
    world.create("/ab/c", "nor this", 0).unwrap();
    assert_eq!(usage(&world, "/a"), "count=2,bytes=3");
}

#[test]
fn the_nearest_quota_counts_alone() {
    let mut world = World::new();
    for path in ["/a", "/a/b"] {
        world.create(path, "1", 0).unwrap();
        put_quota(&mut world, path, "count=100,bytes=100");
    }
    world.create("/a/b/c", "12", 0).unwrap();
    assert_eq!(usage(&world, "/a/b"), "count=2,bytes=3");
    // As in ZooKeeper: what was made before the inner quota is counted in both.
    assert_eq!(usage(&world, "/a"), "count=2,bytes=2");
}

#[test]
fn a_session_that_ends_gives_its_ephemerals_back() {
    let mut world = World::new();
    world.create("/a", "", 0).unwrap();
    put_quota(&mut world, "/a", "count=100,bytes=100");
    world.write(create("/a/e", "12", EPHEMERAL)).unwrap();
    assert_eq!(usage(&world, "/a"), "count=2,bytes=2");
    world.close();
    assert_eq!(usage(&world, "/a"), "count=1,bytes=0");
}

#[test]
fn a_hard_limit_refuses_and_a_soft_one_tells() {
    let mut world = World::new();
    world.create("/a", "", 0).unwrap();
    let limits = "count=-1,bytes=3=;byteHardLimit=-1;countHardLimit=2";
    put_quota(&mut world, "/a", limits);
    world.create("/a/b", "123", 0).unwrap();
    assert_eq!(world.state.take_overrun(), None);
    assert_eq!(world.create("/a/c", "", 0), Err(ErrorCode::QuotaExceeded));
    let overrun = |hard| {
        let path = "/a".to_owned();
        Some(Overrun { path, hard })
    };
    assert_eq!(world.state.take_overrun(), overrun(true));
    assert!(world.write(set("/a/b", "1234")).is_ok());
    assert_eq!(world.state.take_overrun(), overrun(false));
    world.write(delete("/a/b")).unwrap();
    world.create("/a/c", "", 0).unwrap();
    assert_eq!(usage(&world, "/a"), "count=2,bytes=0");
}

#[test]
fn a_hard_limit_of_bytes_goes_before_a_wrong_version() {
    let mut world = World::new();
    world.create("/a", "", 0).unwrap();
    put_quota(&mut world, "/a", "count=-1,bytes=-1=;byteHardLimit=3;countHardLimit=-1");
    let write = |data: &str| Write::SetData {
        path: "/a".into(),
        data: Some(Bytes::copy_from_slice(data.as_bytes())),
        version: 7,
    };
    assert_eq!(world.write(write("1234")), Err(ErrorCode::QuotaExceeded));
    assert_eq!(world.write(write("123")), Err(ErrorCode::BadVersion));
    assert!(world.write(set("/a", "123")).is_ok());
}

#[test]
fn a_multi_that_fails_leaves_usage_and_quotas_as_they_were() {
    let mut world = World::new();
    world.create("/a", "", 0).unwrap();
    world.create("/b", "", 0).unwrap();
    put_quota(&mut world, "/a", "count=-1,bytes=-1=;byteHardLimit=-1;countHardLimit=2");
    let limits = "/zookeeper/quota/a/zookeeper_limits";
    let all = |mut writes: Vec<Write>| {
        writes.push(delete("/missing"));
        Write::Multi(writes)
    };
    let failing = all(vec![
        create("/a/b", "1", 0),
        delete(limits),
        create("/a/c", "1", 0),
        create("/zookeeper/quota/b", "", 0),
        create("/zookeeper/quota/b/zookeeper_limits", "count=1", 0),
    ]);
    let Ok(Body::Multi(results)) = world.write(failing) else {
        panic!("a multi is answered op by op");
    };
    assert_eq!(results[4], MultiResult::Failed(ErrorCode::Ok));
    assert_eq!(usage(&world, "/a"), "count=1,bytes=0");
    world.create("/a/b", "1", 0).unwrap();
    assert_eq!(world.create("/a/c", "", 0), Err(ErrorCode::QuotaExceeded));
}

#[test]
fn a_lifted_quota_neither_refuses_nor_counts() {
    let mut world = World::new();
    world.create("/a", "", 0).unwrap();
    put_quota(&mut world, "/a", "count=-1,bytes=-1=;byteHardLimit=-1;countHardLimit=1");
    assert_eq!(world.create("/a/b", "", 0), Err(ErrorCode::QuotaExceeded));
    world.write(delete("/zookeeper/quota/a/zookeeper_limits")).unwrap();
    world.create("/a/b", "", 0).unwrap();
    assert_eq!(usage(&world, "/a"), "count=1,bytes=0");
}

#[test]
fn a_restored_image_goes_on_counting_and_refusing() {
    let mut world = World::new();
    world.create("/a", "", 0).unwrap();
    put_quota(&mut world, "/a", "count=-1,bytes=-1=;byteHardLimit=-1;countHardLimit=2");
    world.create("/a/b", "1", 0).unwrap();
    world.state = State::restore(&world.state.image());
    assert_eq!(usage(&world, "/a"), "count=2,bytes=1");
    assert_eq!(world.create("/a/c", "", 0), Err(ErrorCode::QuotaExceeded));
}

#[test]
fn what_a_quota_is_to_count_is_known_already_however_much_that_is() {
    const MANY: usize = 100_000;
    let mut world = World::new();
    world.create("/a", "1", 0).unwrap();
    for n in 0..MANY {
        world.create(&format!("/a/{n}"), "12", 0).unwrap();
    }
    put_quota(&mut world, "/a", "count=-1,bytes=-1");
    let stats = "/zookeeper/quota/a/zookeeper_stats";
    // As many as fit into one request.
    let again = (0..5_000).flat_map(|_| [delete(stats), create(stats, "", 0)]);
    world.write(Write::Multi(again.collect())).unwrap();
    let counted = format!("count={},bytes={}", MANY + 1, 2 * MANY + 1);
    assert_eq!(usage(&world, "/a"), counted);
}
