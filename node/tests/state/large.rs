//! The replicated state with as much in it as clients make: many children, many ephemerals, deep
//! paths. What takes time for each of them would not let these tests end.
use std::collections::BTreeSet;
use std::sync::Arc;

use quorate_node::model::Action;
use quorate_node::model::{Body, Create, EventType, Read, Write};
use quorate_node::model::{Outcome, State};

use crate::support::{EPHEMERAL, SEQUENTIAL, World, create, delete};

/// Paths to which this happened.
fn changed(outcome: &Outcome, kind: EventType) -> BTreeSet<String> {
    let changes = &outcome.changes;
    let those = changes.iter().filter(|change| change.kind == kind);
    those.map(|change| changes.text(change.at)).collect()
}

fn children(world: &World, path: &str) -> Vec<Arc<str>> {
    let read = Read::GetChildren { path: path.to_owned(), watch: false, with_stat: false };
    match world.read(&read) {
        Ok(Body::Children(children)) => children.list().to_vec(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_parent_may_have_a_million_children() {
    const MANY: usize = 1_000_000;
    const AT_ONCE: usize = 1_000;
    let mut world = World::new();
    world.create("/p", "", 0).unwrap();
    let child = Write::Multi(vec![create("/p/c-", "", SEQUENTIAL); AT_ONCE]);
    let mut images = Vec::new();
    for n in 0..MANY / AT_ONCE {
        world.write(child.clone()).unwrap();
        if n % 250 == 0 {
            // A snapshot that is being stored meanwhile.
            images.push(world.state.image());
        }
    }
    let names = children(&world, "/p");
    assert_eq!(names.len(), MANY);
    assert_eq!(&**names.last().unwrap(), format!("c-{:010}", MANY - 1));
    let all = Read::GetAllChildrenNumber { path: "/".to_owned() };
    // The reserved ones and the parent, too.
    assert_eq!(world.read(&all), Ok(Body::Count(MANY as i32 + 4)));
    world.assert_whole("with all of them");
    // From all over the arena, while an image shares it.
    images.push(world.state.image());
    let mut gone = 0;
    for some in names.iter().step_by(100).collect::<Vec<_>>().chunks(AT_ONCE) {
        let path = |name: &&Arc<str>| delete(&format!("/p/{name}"));
        world.write(Write::Multi(some.iter().map(path).collect())).unwrap();
        gone += some.len();
    }
    let stat = world.state.stat("/p").unwrap();
    assert_eq!(stat.num_children as usize, MANY - gone);
    assert_eq!(stat.cversion as usize, MANY + gone);
    assert_eq!(world.read(&all), Ok(Body::Count((MANY - gone) as i32 + 4)));
    world.create("/p/c-", "", SEQUENTIAL).unwrap();
    assert!(world.state.stat(&format!("/p/c-{MANY:010}")).is_some());
    let shown = State::restore(images.last().unwrap());
    assert_eq!(shown.stat("/p").unwrap().num_children as usize, MANY);
    world.assert_whole("without some of them");
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
        world.create(&format!("{parent}/e{n:06}"), "", EPHEMERAL).unwrap();
    }
    let (zxid, counts) = (world.state.zxid(), world.state.counts());
    assert_eq!(counts.ephemerals, MANY);
    let close = Action::CloseSession { session: world.session, attach: None };
    assert!(close.weight() < 100, "its entry does not name them");
    let outcome = world.apply(close);
    assert_eq!(outcome.zxid.0, zxid.0 + 1);
    let deleted = changed(&outcome, EventType::Deleted);
    assert_eq!(deleted.len(), MANY);
    assert!(deleted.contains("/a/e000000") && deleted.contains("/b/e099999"));
    assert_eq!(changed(&outcome, EventType::ChildrenChanged).len(), 2);
    assert_eq!(outcome.changes.len(), 2 * MANY, "each changes its parent");
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
    let all = Read::GetAllChildrenNumber { path: "/d".to_owned() };
    let count = world.read(&all);
    assert_eq!(count, Ok(Body::Count(DEEP as i32)));
    world.assert_whole("it is large");
    let outcome = world.close();
    let deleted = changed(&outcome, EventType::Deleted);
    assert!(deleted.contains(&(path + "/e")), "{}", deleted.len());
}

#[test]
fn what_changes_beside_a_znodes_data_costs_the_same_however_much_data_there_is() {
    let mut world = World::new();
    world.create("/p", &"x".repeat(1_000_000), 0).unwrap();
    let other = |n: usize| create(&format!("/p/{n}"), "", 0);
    world.write(Write::Multi((0..15_000).map(other).collect())).unwrap();
    let Write::Create(Create { acl, .. }) = create("/p", "", 0) else {
        panic!("it is a create");
    };
    let set_acl = |_| Write::SetAcl { path: "/p".to_owned(), acl: acl.clone(), version: -1 };
    world.write(Write::Multi((0..15_000).map(set_acl).collect())).unwrap();
    let stat = world.state.stat("/p").unwrap();
    assert_eq!((stat.num_children, stat.aversion), (15_000, 15_000));
    world.assert_whole("after changes beside the data");
}

/// The tree keeps the names above a znode once; what is told of its end must do the same.
#[test]
fn ephemerals_far_down_cost_no_more_than_their_names_when_their_session_ends() {
    const DEEP: usize = 200;
    const MANY: usize = 5_000;
    let mut world = World::new();
    let mut path = String::new();
    for _ in 0..DEEP {
        path = format!("{path}/{}", "d".repeat(200));
        world.create(&path, "", 0).unwrap();
    }
    let each = path.len();
    // One in a place of its own, so that no other has its parent.
    for n in 0..MANY {
        let parent = format!("{path}/{n}");
        world.create(&parent, "", 0).unwrap();
        world.create(&(parent + "/e"), "", EPHEMERAL).unwrap();
    }
    assert!(MANY * each > 200_000_000, "their paths take as much");
    let outcome = world.close();
    assert_eq!(outcome.changes.len(), 2 * MANY);
    assert!(outcome.changes.paths() < DEEP + 2 * MANY + 10);
    world.assert_whole("after they are gone");
}
