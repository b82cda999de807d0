//! Who is told of what.

use std::sync::Arc;

use super::*;

fn above<'a>(watches: &'a Watches, path: &'a str) -> Vec<&'a str> {
    watches.watched_above(path).map(|(_, path)| path).collect()
}

/// Who is told of a change.
fn fire(watches: &mut Watches, kind: EventType, path: &str) -> Vec<ConnId> {
    let mut changes = Changes::default();
    let at = changes.path(path);
    changes.push(kind, at, Arc::new([]));
    let mut paths = Paths::of(&changes);
    let mut told = Vec::new();
    for change in changes.iter() {
        let fired = watches.fire(change, &mut paths);
        told.extend(fired.into_iter().flat_map(|fired| fired.conns));
    }
    told
}

#[test]
fn a_connection_is_told_once_however_many_watches_it_has() {
    let mut watches = Watches::default();
    for kind in [WatchKind::Data, WatchKind::Exist, WatchKind::Child, WatchKind::Persistent] {
        watches.add(ConnId(1), "/a", kind);
    }
    assert_eq!(fire(&mut watches, EventType::Deleted, "/a"), [ConnId(1)]);
    assert_eq!(watches.counts().watches, 1, "only the persistent one is left");
    assert_eq!(fire(&mut watches, EventType::Created, "/a"), [ConnId(1)]);
}

#[test]
fn a_recursive_watch_sees_descendants_and_never_children_changed() {
    let mut watches = Watches::default();
    watches.add(ConnId(1), "/a", WatchKind::PersistentRecursive);
    assert_eq!(fire(&mut watches, EventType::Created, "/a/b/c"), [ConnId(1)]);
    for path in ["/a", "/a/b"] {
        let told = fire(&mut watches, EventType::ChildrenChanged, path);
        assert!(told.is_empty(), "{path}");
    }
    assert!(fire(&mut watches, EventType::Created, "/ab").is_empty());
    watches.drop_conn(ConnId(1));
    assert_eq!(watches.counts(), Counts::default());
    assert!(watches.hashes.is_empty());
}

#[test]
fn watches_are_listed_from_any_place_on_both_ways() {
    let mut watches = Watches::default();
    for conn in [1, 2, 3] {
        for path in ["/a", "/b"] {
            for kind in [WatchKind::Data, WatchKind::Child] {
                watches.add(ConnId(conn), path, kind);
            }
        }
    }
    let by_path: Vec<Armed> = watches.by_path_after(None).collect();
    let by_conn: Vec<Armed> = watches.by_conn_after(None).collect();
    assert_eq!((by_path.len(), by_conn.len()), (12, 12));
    assert!(by_path.iter().take(6).all(|armed| armed.path == "/a"));
    assert!(by_conn.iter().take(4).all(|armed| armed.conn == ConnId(1)));
    for (at, last) in by_path.iter().enumerate() {
        let rest: Vec<Armed> = watches.by_path_after(Some(last)).collect();
        assert_eq!(rest, by_path[at + 1..]);
    }
    for (at, last) in by_conn.iter().enumerate() {
        let rest: Vec<Armed> = watches.by_conn_after(Some(last)).collect();
        assert_eq!(rest, by_conn[at + 1..]);
    }
}

#[test]
fn a_child_watch_fires_when_its_znode_goes() {
    let mut watches = Watches::default();
    watches.add(ConnId(1), "/a", WatchKind::Child);
    assert!(fire(&mut watches, EventType::DataChanged, "/a").is_empty());
    assert_eq!(fire(&mut watches, EventType::Deleted, "/a"), [ConnId(1)]);
    assert!(fire(&mut watches, EventType::Deleted, "/a").is_empty());
}

/// ZooKeeper's reads take the empty path for the root; its watches do not.
#[test]
fn a_watch_on_the_empty_path_is_not_on_the_root() {
    let mut watches = Watches::default();
    watches.add(ConnId(1), "", WatchKind::Data);
    assert!(!watches.has(ConnId(1), "/", WatcherType::Data));
    let fired = fire(&mut watches, EventType::DataChanged, "/");
    assert!(fired.is_empty());
    assert!(watches.remove(ConnId(1), "", WatcherType::Data));
}

#[test]
fn of_a_deep_paths_ancestors_only_watched_ones_are_looked_up() {
    let mut watches = Watches::default();
    let deep = "/a".repeat(100_000);
    for path in ["/", "/a/a", "/a/b", &deep] {
        watches.add(ConnId(1), path, WatchKind::PersistentRecursive);
    }
    let below = deep.clone() + "/z";
    assert_eq!(above(&watches, &below), ["/", "/a/a", &deep]);
    assert_eq!(above(&watches, "/a/a"), ["/"]);
    assert_eq!(above(&watches, "/").len(), 0);
    assert_eq!(fire(&mut watches, EventType::Created, &below), [ConnId(1)]);
    for path in ["/", "/a/a", &deep] {
        assert!(watches.remove(ConnId(1), path, WatcherType::Any));
    }
    assert_eq!(above(&watches, &below).len(), 0);
    assert!(fire(&mut watches, EventType::Created, &below).is_empty());
    watches.drop_conn(ConnId(1));
    assert!(watches.hashes.is_empty());
}

#[test]
fn siblings_are_told_apart_and_what_is_above_them_hears_of_each() {
    let mut watches = Watches::default();
    watches.add(ConnId(1), "/", WatchKind::PersistentRecursive);
    watches.add(ConnId(2), "/p", WatchKind::PersistentRecursive);
    watches.add(ConnId(3), "/p/a", WatchKind::Exist);
    watches.add(ConnId(4), "/p", WatchKind::Child);
    watches.add(ConnId(5), "/p", WatchKind::Persistent);
    watches.add(ConnId(6), "/q", WatchKind::PersistentRecursive);
    let mut changes = Changes::default();
    let root = changes.path("/");
    let parent = changes.below(root, "p".into());
    for name in ["a", "b"] {
        let at = changes.below(parent, name.into());
        changes.push(EventType::Deleted, at, Arc::new([]));
        changes.push(EventType::ChildrenChanged, parent, Arc::new([]));
    }
    let mut paths = Paths::of(&changes);
    let told = changes.iter().filter_map(|change| {
        let fired = watches.fire(change, &mut paths)?;
        let conns: Vec<u64> = fired.conns.into_iter().map(|conn| conn.0).collect();
        Some((fired.path.to_string(), conns))
    });
    let told: Vec<(String, Vec<u64>)> = told.collect();
    let expected =
        [("/p/a", vec![1, 2, 3]), ("/p", vec![4, 5]), ("/p/b", vec![1, 2]), ("/p", vec![5])];
    assert_eq!(told, expected.map(|(path, conns)| (path.to_owned(), conns)));
}

#[test]
fn very_many_watches_are_forgotten_some_at_a_time_and_count_no_more_at_once() {
    const MANY: usize = 10 * AT_ONCE;
    let mut watches = Watches::default();
    for n in 0..MANY {
        watches.add(ConnId(1), &format!("/{n}"), WatchKind::Exist);
    }
    watches.add(ConnId(2), "/0", WatchKind::Exist);
    assert_eq!(watches.heaviest(), Some(ConnId(1)));
    watches.drop_conn(ConnId(1));
    assert!(watches.by_path.len() > MANY / 2, "not all at once");
    assert_eq!(watches.counts().watches, 1);
    assert_eq!(watches.bytes(), weight("/0"));
    let told = fire(&mut watches, EventType::Created, "/0");
    assert_eq!(told, [ConnId(2)]);
    assert!(fire(&mut watches, EventType::Created, "/1").is_empty());
    let sweeps = (0..MANY).take_while(|_| watches.sweep()).count();
    assert!((5..50).contains(&sweeps), "{sweeps}");
    assert!(watches.by_path.is_empty() && watches.hashes.is_empty());
    assert_eq!((watches.bytes(), watches.heaviest()), (0, None));
}
