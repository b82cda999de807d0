//! Quotas of the replicated state: what is counted, what is refused, and that a failed multi and
//! a restart leave the count right.
use std::sync::Arc;

use bytes::Bytes;
use quorate_node::core::entry::{Action, Command, Entry, Payload};
use quorate_node::core::op::{Acl, Body, Create, ErrorCode, Id, MultiResult, Read, Write};
use quorate_node::core::state::{Overrun, State};
use quorate_node::core::types::{Index, Password, ServerId, SessionId, Term, Wall};

const EPHEMERAL: i32 = 1;

struct World {
    state: State,
    session: SessionId,
    index: u64,
}

impl World {
    fn new() -> World {
        let mut world = World {
            state: State::new(),
            session: SessionId(0),
            index: 0,
        };
        world.session = world.open();
        world
    }

    fn open(&mut self) -> SessionId {
        let action = Action::CreateSession {
            server: ServerId(1),
            timeout_ms: 10_000,
            password: Password([1; 16]),
        };
        let outcome = self.state.apply(&self.entry(action));
        self.index += 1;
        outcome.opened.expect("a session").session
    }

    fn entry(&self, action: Action) -> Entry {
        let command = Command {
            wall: Wall(1_000),
            origin: None,
            action,
        };
        Entry {
            term: Term(1),
            index: Index(self.index + 1),
            payload: Payload::Command(Arc::new(command)),
        }
    }

    fn write(&mut self, write: Write) -> Result<Body, ErrorCode> {
        let action = Action::Write {
            session: self.session,
            attach: Index(1),
            ids: Arc::new([]),
            write,
        };
        let outcome = self.state.apply(&self.entry(action));
        self.index += 1;
        outcome.result
    }

    fn create(&mut self, path: &str, data: &str) -> Result<Body, ErrorCode> {
        self.write(create(path, data, 0))
    }

    /// As `setquota` of zkCli does: the path of the quota, then its two znodes.
    fn quota(&mut self, path: &str, limits: &str) {
        let mut branch = "/zookeeper/quota".to_owned();
        for name in path[1..].split('/') {
            branch = format!("{branch}/{name}");
            // Another quota may have made it.
            let _ = self.create(&branch, "");
        }
        let branch = format!("/zookeeper/quota{path}");
        self.create(&format!("{branch}/zookeeper_limits"), limits)
            .expect("set a limit");
        self.create(&format!("{branch}/zookeeper_stats"), "count=0,bytes=0")
            .expect("make room for the usage");
    }

    fn usage(&self, path: &str) -> String {
        let path = format!("/zookeeper/quota{path}/zookeeper_stats");
        let read = Read::GetData { path, watch: false };
        let Ok(Body::Data { data, .. }) = self.state.read(&read, self.session, &[]) else {
            panic!("no usage of {path:?}", path = read);
        };
        String::from_utf8_lossy(&data.unwrap_or_default()).into_owned()
    }
}

fn create(path: &str, data: &str, flags: i32) -> Write {
    let anyone = Id {
        scheme: "world".into(),
        id: "anyone".into(),
    };
    Write::Create(Create {
        path: path.into(),
        data: Some(Bytes::copy_from_slice(data.as_bytes())),
        acl: Some(vec![Acl {
            perms: 31,
            id: anyone,
        }]),
        flags,
        ttl: None,
        with_stat: false,
    })
}

fn set(path: &str, data: &str) -> Write {
    Write::SetData {
        path: path.into(),
        data: Some(Bytes::copy_from_slice(data.as_bytes())),
        version: -1,
    }
}

fn delete(path: &str) -> Write {
    Write::Delete {
        path: path.into(),
        version: -1,
    }
}

#[test]
fn a_quota_counts_what_is_there_and_what_changes_its_own_znode_included() {
    let mut world = World::new();
    world.create("/a", "12345").unwrap();
    world.create("/a/b", "12").unwrap();
    world.create("/ab", "not of it").unwrap();
    world.quota("/a", "count=100,bytes=100");
    assert_eq!(world.usage("/a"), "count=2,bytes=7");
    world.create("/a/b/c", "123").unwrap();
    world.write(set("/a", "1")).unwrap();
    assert_eq!(world.usage("/a"), "count=3,bytes=6");
    world.write(delete("/a/b/c")).unwrap();
    world.create("/ab/c", "nor this").unwrap();
    assert_eq!(world.usage("/a"), "count=2,bytes=3");
}

#[test]
fn the_nearest_quota_counts_alone() {
    let mut world = World::new();
    for path in ["/a", "/a/b"] {
        world.create(path, "1").unwrap();
        world.quota(path, "count=100,bytes=100");
    }
    world.create("/a/b/c", "12").unwrap();
    assert_eq!(world.usage("/a/b"), "count=2,bytes=3");
    // As in ZooKeeper: what was made before the inner quota is counted in both.
    assert_eq!(world.usage("/a"), "count=2,bytes=2");
}

#[test]
fn a_session_that_ends_gives_its_ephemerals_back() {
    let mut world = World::new();
    world.create("/a", "").unwrap();
    world.quota("/a", "count=100,bytes=100");
    world.write(create("/a/e", "12", EPHEMERAL)).unwrap();
    assert_eq!(world.usage("/a"), "count=2,bytes=2");
    let close = Action::CloseSession {
        session: world.session,
        attach: None,
    };
    let entry = world.entry(close);
    world.state.apply(&entry);
    world.index += 1;
    assert_eq!(world.usage("/a"), "count=1,bytes=0");
}

#[test]
fn a_hard_limit_refuses_and_a_soft_one_tells() {
    let mut world = World::new();
    world.create("/a", "").unwrap();
    let limits = "count=-1,bytes=3=;byteHardLimit=-1;countHardLimit=2";
    world.quota("/a", limits);
    world.create("/a/b", "123").unwrap();
    assert_eq!(world.state.take_overrun(), None);
    assert_eq!(world.create("/a/c", ""), Err(ErrorCode::QuotaExceeded));
    let overrun = |hard| {
        let path = "/a".to_owned();
        Some(Overrun { path, hard })
    };
    assert_eq!(world.state.take_overrun(), overrun(true));
    assert!(world.write(set("/a/b", "1234")).is_ok());
    assert_eq!(world.state.take_overrun(), overrun(false));
    world.write(delete("/a/b")).unwrap();
    world.create("/a/c", "").unwrap();
    assert_eq!(world.usage("/a"), "count=2,bytes=0");
}

#[test]
fn a_hard_limit_of_bytes_goes_before_a_wrong_version() {
    let mut world = World::new();
    world.create("/a", "").unwrap();
    world.quota("/a", "count=-1,bytes=-1=;byteHardLimit=3;countHardLimit=-1");
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
    world.create("/a", "").unwrap();
    world.create("/b", "").unwrap();
    world.quota("/a", "count=-1,bytes=-1=;byteHardLimit=-1;countHardLimit=2");
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
    assert_eq!(world.usage("/a"), "count=1,bytes=0");
    world.create("/a/b", "1").unwrap();
    assert_eq!(world.create("/a/c", ""), Err(ErrorCode::QuotaExceeded));
}

#[test]
fn a_lifted_quota_neither_refuses_nor_counts() {
    let mut world = World::new();
    world.create("/a", "").unwrap();
    world.quota("/a", "count=-1,bytes=-1=;byteHardLimit=-1;countHardLimit=1");
    assert_eq!(world.create("/a/b", ""), Err(ErrorCode::QuotaExceeded));
    world
        .write(delete("/zookeeper/quota/a/zookeeper_limits"))
        .unwrap();
    world.create("/a/b", "").unwrap();
    assert_eq!(world.usage("/a"), "count=1,bytes=0");
}

#[test]
fn a_restored_image_goes_on_counting_and_refusing() {
    let mut world = World::new();
    world.create("/a", "").unwrap();
    world.quota("/a", "count=-1,bytes=-1=;byteHardLimit=-1;countHardLimit=2");
    world.create("/a/b", "1").unwrap();
    world.state = State::restore(&world.state.image());
    assert_eq!(world.usage("/a"), "count=2,bytes=1");
    assert_eq!(world.create("/a/c", ""), Err(ErrorCode::QuotaExceeded));
}
