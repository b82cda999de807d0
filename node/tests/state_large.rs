//! The replicated state with as much in it as clients make: many children, many ephemerals, deep
//! paths. What takes time for each of them would not let these tests end.
use std::sync::Arc;

use quorate_node::core::entry::{Action, Command, Entry, Payload};
use quorate_node::core::op::{Acl, Body, Create, ErrorCode, EventType, Id, Read, Write};
use quorate_node::core::state::{Outcome, State};
use quorate_node::core::types::{Index, Password, ServerId, SessionId, Term, Wall};

const EPHEMERAL: i32 = 1;
const SEQUENTIAL: i32 = 2;

struct World {
    state: State,
    session: SessionId,
    attach: Index,
}

impl World {
    fn new() -> World {
        let mut world = World {
            state: State::new(),
            session: SessionId(0),
            attach: Index(1),
        };
        let opened = world.apply(Action::CreateSession {
            server: ServerId(1),
            timeout_ms: 10_000,
            password: Password([1; 16]),
        });
        world.session = opened.opened.expect("a session").session;
        world
    }

    fn apply(&mut self, action: Action) -> Outcome {
        let command = Command {
            wall: Wall(1_000),
            origin: None,
            action,
        };
        let entry = Entry {
            term: Term(1),
            index: self.state.applied().next(),
            payload: Payload::Command(Arc::new(command)),
        };
        self.state.apply(&entry)
    }

    fn write(&mut self, write: Write) -> Outcome {
        let (session, attach, ids) = (self.session, self.attach, Arc::new([]));
        self.apply(Action::Write {
            session,
            attach,
            ids,
            write,
        })
    }

    fn create(&mut self, path: &str, flags: i32) -> Result<Body, ErrorCode> {
        let anyone = Id {
            scheme: "world".into(),
            id: "anyone".into(),
        };
        let create = Create {
            path: path.into(),
            data: None,
            acl: Some(vec![Acl {
                perms: 31,
                id: anyone,
            }]),
            flags,
            ttl: None,
            with_stat: false,
        };
        self.write(Write::Create(create)).result
    }

    fn children(&self, path: &str) -> Vec<Arc<str>> {
        let read = Read::GetChildren {
            path: path.to_owned(),
            watch: false,
            with_stat: false,
        };
        match self.state.read(&read, self.session, &[]) {
            Ok(Body::Children(children)) => children.list().to_vec(),
            other => panic!("{other:?}"),
        }
    }

    /// What was kept up to date is what a restart would find.
    fn assert_whole(&self) {
        let restored = State::restore(&self.state.image());
        assert_eq!(restored.digest(), self.state.digest());
        assert_eq!(restored.counts(), self.state.counts());
    }
}

#[test]
fn a_parent_may_have_very_many_children_and_lose_them_again() {
    const MANY: usize = 200_000;
    let mut world = World::new();
    world.create("/p", 0).unwrap();
    let mut images = Vec::new();
    for n in 0..MANY {
        world.create("/p/c-", SEQUENTIAL).unwrap();
        if n % 50_000 == 0 {
            // A snapshot that is being stored meanwhile.
            images.push(world.state.image());
        }
    }
    let names = world.children("/p");
    assert_eq!(names.len(), MANY);
    assert_eq!(&**names.last().unwrap(), format!("c-{:010}", MANY - 1));
    let stat = world.state.stat("/p").unwrap();
    assert_eq!(
        (stat.num_children, stat.cversion),
        (MANY as i32, MANY as i32)
    );
    world.assert_whole();
    for name in names {
        let path = format!("/p/{name}");
        assert!(
            world
                .write(Write::Delete { path, version: -1 })
                .result
                .is_ok()
        );
    }
    let stat = world.state.stat("/p").unwrap();
    assert_eq!((stat.num_children, stat.cversion), (0, 2 * MANY as i32));
    world.assert_whole();
    let path = "/p".to_owned();
    assert!(
        world
            .write(Write::Delete { path, version: -1 })
            .result
            .is_ok()
    );
}

#[test]
fn a_hundred_thousand_ephemerals_go_with_their_session_at_one_zxid() {
    const MANY: usize = 100_000;
    let mut world = World::new();
    for parent in ["/a", "/b"] {
        world.create(parent, 0).unwrap();
    }
    for n in 0..MANY {
        let parent = if n % 2 == 0 { "/a" } else { "/b" };
        world
            .create(&format!("{parent}/e{n:06}"), EPHEMERAL)
            .unwrap();
    }
    let (zxid, counts) = (world.state.zxid(), world.state.counts());
    assert_eq!(counts.ephemerals, MANY);
    let close = Action::CloseSession {
        session: world.session,
        attach: None,
    };
    assert!(close.weight() < 100, "its entry does not name them");
    let outcome = world.apply(close);
    assert_eq!(outcome.zxid.0, zxid.0 + 1);
    let deleted = outcome
        .changes
        .iter()
        .filter(|it| it.kind == EventType::Deleted);
    let paths: Vec<&str> = deleted.map(|it| it.path.as_str()).collect();
    assert_eq!(paths.len(), MANY);
    assert!(paths.is_sorted());
    let counts = world.state.counts();
    assert_eq!((counts.ephemerals, counts.sessions), (0, 0));
    for parent in ["/a", "/b"] {
        let stat = world.state.stat(parent).unwrap();
        assert_eq!((stat.num_children, stat.pzxid), (0, outcome.zxid));
        assert_eq!(stat.cversion, MANY as i32);
    }
    world.assert_whole();
}

#[test]
fn a_path_may_be_as_deep_as_a_request_is_long() {
    const DEEP: usize = 3_000;
    let mut world = World::new();
    let mut path = String::new();
    for _ in 0..DEEP {
        path += "/d";
        world.create(&path, 0).unwrap();
    }
    world.create(&(path.clone() + "/e"), EPHEMERAL).unwrap();
    let all = Read::GetAllChildrenNumber {
        path: "/d".to_owned(),
    };
    let count = world.state.read(&all, world.session, &[]);
    assert_eq!(count, Ok(Body::Count(DEEP as i32)));
    world.assert_whole();
    let close = Action::CloseSession {
        session: world.session,
        attach: None,
    };
    let outcome = world.apply(close);
    assert_eq!(outcome.changes[0].path, path + "/e");
}
