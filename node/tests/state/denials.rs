//! What a caller without the permission is answered, and which error wins when several apply.
//! Source: ZooKeeper 3.9, `PrepRequestProcessor` and `FinalRequestProcessor`.
use std::sync::Arc;

use quorate_node::model::{Acl, Body, Create, ErrorCode, Id, MultiResult, Read, Write};

use crate::support::World;

const READ: i32 = 1;
const WRITE: i32 = 2;
const CREATE: i32 = 4;
const DELETE: i32 = 8;
const ADMIN: i32 = 16;
const ALL: i32 = 31;

fn id(scheme: &str, id: &str) -> Id {
    Id { scheme: scheme.into(), id: id.into() }
}

fn line(perms: i32, scheme: &str, name: &str) -> Acl {
    let id = id(scheme, name);
    Acl { perms, id }
}

/// Whoever has all rights makes what the others ask for.
fn super_world() -> World {
    let mut world = World::new();
    world.ids = Arc::new([id("super", "")]);
    world
}

fn create_with(path: &str, flags: i32, acl: Vec<Acl>) -> Write {
    Write::Create(Create {
        path: path.into(),
        data: None,
        acl: Some(acl),
        flags,
        ttl: None,
        with_stat: false,
    })
}

fn create(path: &str) -> Write {
    create_with(path, 0, vec![line(ALL, "world", "anyone")])
}

fn set_data(path: &str, version: i32) -> Write {
    let path = path.into();
    Write::SetData { path, data: None, version }
}

fn set_acl(path: &str, acl: Vec<Acl>, version: i32) -> Write {
    let (path, acl) = (path.into(), Some(acl));
    Write::SetAcl { path, acl, version }
}

fn delete(path: &str, version: i32) -> Write {
    let path = path.into();
    Write::Delete { path, version }
}

fn check(path: &str, version: i32) -> Write {
    let path = path.into();
    Write::Check { path, version }
}

/// `/closed` grants nobody anything, `/p<n>` grants everybody just the permission n, and each has
/// a child `open` that grants everything.
fn tree() -> World {
    let mut world = super_world();
    let mut lists = vec![("/closed".to_owned(), line(ALL, "digest", "owner:x"))];
    for perm in [READ, WRITE, CREATE, DELETE, ADMIN] {
        lists.push((format!("/p{perm}"), line(perm, "world", "anyone")));
    }
    for (path, acl) in lists {
        world.write(create_with(&path, 0, vec![acl])).expect("made");
        world.write(create(&format!("{path}/open"))).expect("made");
    }
    let ephemeral = create_with("/closed-ephemeral", 1, vec![line(READ, "world", "anyone")]);
    world.write(ephemeral).expect("made");
    world.ids = Arc::new([id("ip", "10.0.0.1"), id("digest", "other:y")]);
    world
}

fn reads(path: &str) -> Vec<(&'static str, Read)> {
    let path = || path.to_owned();
    vec![
        ("exists", Read::Exists { path: path(), watch: false }),
        ("getData", Read::GetData { path: path(), watch: false }),
        ("getACL", Read::GetAcl { path: path() }),
        ("getChildren", Read::GetChildren { path: path(), watch: false, with_stat: false }),
        ("getChildren2", Read::GetChildren { path: path(), watch: false, with_stat: true }),
        ("getAllChildrenNumber", Read::GetAllChildrenNumber { path: path() }),
    ]
}

#[test]
fn each_read_needs_its_permission_and_a_missing_znode_comes_first() {
    let world = tree();
    for perm in [READ, WRITE, CREATE, DELETE, ADMIN] {
        for (name, read) in reads(&format!("/p{perm}")) {
            let enough = perm == READ || (name == "getACL" && perm == ADMIN);
            let result = world.read(&read);
            let denied = result == Err(ErrorCode::NoAuth);
            assert_eq!(denied, !enough, "{name} with {perm}: {result:?}");
        }
    }
    for (name, read) in reads("/closed") {
        assert_eq!(world.read(&read), Err(ErrorCode::NoAuth), "{name}");
    }
    for (name, read) in reads("/closed/missing") {
        assert_eq!(world.read(&read), Err(ErrorCode::NoNode), "{name}");
    }
    for (name, read) in reads("/closed/open") {
        assert!(world.read(&read).is_ok(), "{name}: lists are not inherited");
    }
    let ephemerals = Read::GetEphemerals { prefix: "/closed".into() };
    let own = Body::Paths(vec!["/closed-ephemeral".into()]);
    assert_eq!(world.read(&ephemerals), Ok(own), "getEphemerals asks nothing");
    let path = "/closed".to_owned();
    let many = Read::MultiRead(vec![Read::GetData { path, watch: false }]);
    let each = Body::Multi(vec![MultiResult::Failed(ErrorCode::NoAuth)]);
    assert_eq!(world.read(&many), Ok(each));
}

#[test]
fn each_write_needs_its_permission() {
    for (perm, allowed) in [
        (READ, "check"),
        (WRITE, "setData"),
        (CREATE, "create"),
        (DELETE, "delete"),
        (ADMIN, "setACL"),
    ] {
        let path = format!("/p{perm}");
        let writes = [
            ("setData", set_data(&path, -1)),
            ("create", create(&format!("{path}/new"))),
            ("delete", delete(&format!("{path}/open"), -1)),
            ("setACL", set_acl(&path, vec![line(perm, "world", "anyone")], -1)),
            ("check", check(&path, -1)),
        ];
        for (name, write) in writes {
            let expected = if name == allowed { None } else { Some(ErrorCode::NoAuth) };
            let mut world = tree();
            let result = world.write(write.clone());
            assert_eq!(result.clone().err(), expected, "{name} with {perm}");
            let mut world = tree();
            let before = world.state.stat(&path);
            let Ok(Body::Multi(parts)) = world.write(Write::Multi(vec![write])) else {
                panic!("{name}: a multi always has an answer of its parts");
            };
            let failed = expected.map(MultiResult::Failed);
            let denied = parts.first().filter(|_| expected.is_some()).cloned();
            assert_eq!(denied, failed, "{name} in a multi with {perm}");
            if expected.is_some() {
                assert_eq!(world.state.stat(&path), before, "{name} changed something");
            }
        }
    }
}

#[test]
fn the_first_error_in_zookeepers_order_wins() {
    let bad = || vec![line(ALL, "digest", "no-colon")];
    let good = || vec![line(ALL, "world", "anyone")];
    let cases = [
        // create: flags, path, list, parent, permission, whole path, existing, ephemeral parent.
        ("bad flags", create_with("/closed/x", 9, bad()), ErrorCode::BadArguments),
        ("relative", create_with("x", 0, bad()), ErrorCode::BadArguments),
        ("bad list", create_with("/none/x", 0, bad()), ErrorCode::InvalidAcl),
        ("bad list, denied", create_with("/closed/x", 0, bad()), ErrorCode::InvalidAcl),
        ("no parent", create("/none/x"), ErrorCode::NoNode),
        ("denied, bad path", create("/closed/."), ErrorCode::NoAuth),
        ("denied, exists", create("/closed/open"), ErrorCode::NoAuth),
        ("denied, ephemeral", create("/closed-ephemeral/x"), ErrorCode::NoAuth),
        ("bad path", create("/p4/."), ErrorCode::BadArguments),
        ("exists", create("/p4/open"), ErrorCode::NodeExists),
        // delete: special path, parent, permission on the parent, znode, version, children.
        ("root", delete("/", -1), ErrorCode::BadArguments),
        ("reserved", delete("/zookeeper/config", -1), ErrorCode::BadArguments),
        ("delete, no parent", delete("/none/x", -1), ErrorCode::NoNode),
        ("delete, denied, missing", delete("/closed/x", -1), ErrorCode::NoAuth),
        ("delete, missing", delete("/p8/x", -1), ErrorCode::NoNode),
        ("delete, denied, version", delete("/closed/open", 7), ErrorCode::NoAuth),
        ("delete, version", delete("/p8/open", 7), ErrorCode::BadVersion),
        // setData: path, znode, permission, version.
        ("set, bad path", set_data("/closed/", -1), ErrorCode::BadArguments),
        ("set, missing", set_data("/closed/x", -1), ErrorCode::NoNode),
        ("set, denied, version", set_data("/closed", 7), ErrorCode::NoAuth),
        ("set, version", set_data("/p2", 7), ErrorCode::BadVersion),
        ("config", set_data("/zookeeper/config", -1), ErrorCode::NoAuth),
        // setACL: path, list, znode, permission, version.
        ("acl, bad path", set_acl("/closed/", bad(), -1), ErrorCode::BadArguments),
        ("acl, bad list", set_acl("/none", bad(), -1), ErrorCode::InvalidAcl),
        ("acl, missing", set_acl("/none", good(), -1), ErrorCode::NoNode),
        ("acl, bad list, denied", set_acl("/closed", bad(), -1), ErrorCode::InvalidAcl),
        ("acl, denied, version", set_acl("/closed", good(), 7), ErrorCode::NoAuth),
        ("acl, version", set_acl("/p16", good(), 7), ErrorCode::BadVersion),
        // check: path, znode, permission, version.
        ("check, bad path", check("/closed/", -1), ErrorCode::BadArguments),
        ("check, missing", check("/none", -1), ErrorCode::NoNode),
        ("check, denied, version", check("/closed", 7), ErrorCode::NoAuth),
        ("check, version", check("/p1", 7), ErrorCode::BadVersion),
    ];
    for (name, write, expected) in cases {
        assert_eq!(tree().write(write), Err(expected), "{name}");
    }
}

#[test]
fn super_may_do_anything() {
    let mut world = tree();
    world.ids = Arc::new([id("ip", "10.0.0.1"), id("super", "")]);
    for (name, read) in reads("/closed") {
        assert!(world.read(&read).is_ok(), "{name}");
    }
    for write in [set_data("/closed", -1), create("/closed/x"), delete("/closed/x", -1)] {
        assert!(world.write(write.clone()).is_ok(), "{write:?}");
    }
}

#[test]
fn lines_of_each_scheme_let_in_whom_they_name() {
    let cases = [
        ("ip", "10.0.0.0/8", id("ip", "10.0.0.1"), true),
        ("ip", "11.0.0.0/8", id("ip", "10.0.0.1"), false),
        ("digest", "u:h", id("digest", "u:h"), true),
        ("digest", "u:h", id("digest", "u:g"), false),
        ("digest", "u:h", id("sasl", "u:h"), false),
        ("sasl", "bob", id("sasl", "bob"), true),
        ("sasl", "bob", id("sasl", "eve"), false),
        ("sasl", "bob", id("sasl", "super"), true),
        ("x509", "CN=a,O=b", id("x509", "CN=a,O=b"), true),
        ("x509", "CN=a,O=b", id("x509", "CN=a"), false),
        ("x509", "CN=a,O=b", id("digest", "CN=a,O=b"), false),
    ];
    for (scheme, listed, own, expected) in cases {
        let mut world = super_world();
        let list = vec![line(ALL, scheme, listed)];
        world.write(create_with("/x", 0, list)).expect("made");
        world.ids = Arc::new([own.clone()]);
        let result = world.write(set_data("/x", -1));
        assert_eq!(result.is_ok(), expected, "{scheme}:{listed} for {own:?}");
    }
}

#[test]
fn only_who_may_change_a_list_sees_its_hashes() {
    let mut world = super_world();
    let list = vec![
        line(READ, "world", "anyone"),
        line(READ, "digest", "u:hash"),
        line(ADMIN, "sasl", "bob"),
        line(READ, "ip", "::1"),
    ];
    world.write(create_with("/x", 0, list.clone())).expect("made");
    let path = "/x".to_owned();
    let seen = |world: &World| match world.read(&Read::GetAcl { path: path.clone() }) {
        Ok(Body::Acl { acl, .. }) => acl,
        other => panic!("{other:?}"),
    };
    assert_eq!(seen(&world), list, "super");
    world.ids = Arc::new([id("sasl", "bob")]);
    assert_eq!(seen(&world), list, "with ADMIN");
    world.ids = Arc::new([id("sasl", "eve")]);
    let mut masked = list;
    masked[1] = line(READ, "digest", "u:x");
    assert_eq!(seen(&world), masked);
}

/// ZooKeeper takes what is written there and shows it until the next reconfig. Here members would be
/// taken from it.
#[test]
fn the_configuration_is_written_by_reconfigs_alone_whoever_asks() {
    let mut world = super_world();
    const CONFIG: &str = "/zookeeper/config";
    assert_eq!(world.write(set_data(CONFIG, 7)), Err(ErrorCode::BadVersion));
    assert_eq!(world.write(set_data(CONFIG, -1)), Err(ErrorCode::BadArguments));
    let multi = Write::Multi(vec![create("/a"), set_data(CONFIG, -1)]);
    let Ok(Body::Multi(results)) = world.write(multi) else {
        panic!("no answers");
    };
    let refused = MultiResult::Failed(ErrorCode::BadArguments);
    assert_eq!(results.last(), Some(&refused));
}
