//! The replicated state with as much in it as clients make: many children, many ephemerals, deep
//! paths. What takes time for each of them would not let these tests end.
use std::sync::Arc;

use quorate_node::core::entry::Action;
use quorate_node::core::op::{Body, Create, EventType, Read, Write};

use crate::support::{EPHEMERAL, SEQUENTIAL, World, create, delete};

fn children(world: &World, path: &str) -> Vec<Arc<str>> {
    let read = Read::GetChildren {
        path: path.to_owned(),
        watch: false,
        with_stat: false,
    };
    match world.read(&read) {
        Ok(Body::Children(children)) => children.list().to_vec(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_parent_may_have_very_many_children_and_lose_them_again() {
    const MANY: usize = 200_000;
    let mut world = World::new();
    world.create("/p", "", 0).unwrap();
    let mut images = Vec::new();
    for n in 0..MANY {
        world.create("/p/c-", "", SEQUENTIAL).unwrap();
        if n % 50_000 == 0 {
            // A snapshot that is being stored meanwhile.
            images.push(world.state.image());
        }
    }
    let names = children(&world, "/p");
    assert_eq!(names.len(), MANY);
    assert_eq!(&**names.last().unwrap(), format!("c-{:010}", MANY - 1));
    let stat = world.state.stat("/p").unwrap();
    assert_eq!(
        (stat.num_children, stat.cversion),
        (MANY as i32, MANY as i32)
    );
    world.assert_whole("it is large");
    for name in names {
        let path = format!("/p/{name}");
        world.write(delete(&path)).unwrap();
    }
    let stat = world.state.stat("/p").unwrap();
    assert_eq!((stat.num_children, stat.cversion), (0, 2 * MANY as i32));
    world.assert_whole("it is large");
    world.write(delete("/p")).unwrap();
}

#[test]
fn a_hundred_thousand_ephemerals_go_with_their_session_at_one_zxid() {
    const MANY: usize = 100_000;
    let mut world = World::new();
    for parent in ["/a", "/b"] {
        world.create(parent, "", 0).unwrap();
    }
    for n in 0..MANY {
        let parent = if n % 2 == 0 { "/a" } else { "/b" };
        world
            .create(&format!("{parent}/e{n:06}"), "", EPHEMERAL)
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
    world.assert_whole("it is large");
}

#[test]
fn a_path_may_be_as_deep_as_a_request_is_long() {
    const DEEP: usize = 3_000;
    let mut world = World::new();
    let mut path = String::new();
    for _ in 0..DEEP {
        path += "/d";
        world.create(&path, "", 0).unwrap();
    }
    world.create(&(path.clone() + "/e"), "", EPHEMERAL).unwrap();
    let all = Read::GetAllChildrenNumber {
        path: "/d".to_owned(),
    };
    let count = world.read(&all);
    assert_eq!(count, Ok(Body::Count(DEEP as i32)));
    world.assert_whole("it is large");
    let outcome = world.close();
    assert_eq!(outcome.changes[0].path, path + "/e");
}

#[test]
fn what_changes_beside_a_znodes_data_costs_the_same_however_much_data_there_is() {
    let mut world = World::new();
    world.create("/p", &"x".repeat(1_000_000), 0).unwrap();
    let other = |n: usize| create(&format!("/p/{n}"), "", 0);
    world
        .write(Write::Multi((0..15_000).map(other).collect()))
        .unwrap();
    let Write::Create(Create { acl, .. }) = create("/p", "", 0) else {
        panic!("it is a create");
    };
    let set_acl = |_| Write::SetAcl {
        path: "/p".to_owned(),
        acl: acl.clone(),
        version: -1,
    };
    world
        .write(Write::Multi((0..15_000).map(set_acl).collect()))
        .unwrap();
    let stat = world.state.stat("/p").unwrap();
    assert_eq!((stat.num_children, stat.aversion), (15_000, 15_000));
    world.assert_whole("after changes beside the data");
}
