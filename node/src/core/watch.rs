//! Watches of this server's own connections. Source of the rules: ZooKeeper's `WatchManager`.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use super::op::{EventType, WatchKind, WatcherType};
use super::state::Change;
use super::types::ConnId;

/// How much is watched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Counts {
    pub connections: usize,
    pub paths: usize,
    pub watches: usize,
}

/// One armed watch, and the place of the next one after it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Armed {
    pub path: String,
    pub kind: WatchKind,
    pub conn: ConnId,
}

/// Who watches what.
#[derive(Debug, Default)]
pub struct Watches {
    by_path: BTreeMap<String, BTreeSet<(WatchKind, ConnId)>>,
    by_conn: BTreeMap<ConnId, BTreeSet<(String, WatchKind)>>,
    /// How many recursive watches there are, by a hash of their paths.
    recursive: BTreeMap<u64, usize>,
}

impl Watches {
    /// Arms a watch; the same one again changes nothing.
    pub fn add(&mut self, conn: ConnId, path: &str, kind: WatchKind) {
        if self
            .by_path
            .entry(path.to_owned())
            .or_default()
            .insert((kind, conn))
        {
            self.by_conn
                .entry(conn)
                .or_default()
                .insert((path.to_owned(), kind));
            if kind == WatchKind::PersistentRecursive {
                *self.recursive.entry(hash(path)).or_default() += 1;
            }
        }
    }

    fn disarm(&mut self, conn: ConnId, path: &str, kind: WatchKind) -> bool {
        let Some(armed) = self.by_path.get_mut(path) else {
            return false;
        };
        if !armed.remove(&(kind, conn)) {
            return false;
        }
        if armed.is_empty() {
            self.by_path.remove(path);
        }
        if let Some(own) = self.by_conn.get_mut(&conn) {
            own.remove(&(path.to_owned(), kind));
            if own.is_empty() {
                self.by_conn.remove(&conn);
            }
        }
        if kind == WatchKind::PersistentRecursive {
            let hash = hash(path);
            if let Some(count) = self.recursive.get_mut(&hash) {
                *count -= 1;
                if *count == 0 {
                    self.recursive.remove(&hash);
                }
            }
        }
        true
    }

    /// Removes watches of a type; false if there was none.
    pub fn remove(&mut self, conn: ConnId, path: &str, kind: WatcherType) -> bool {
        let mut found = false;
        for kind in kinds(kind) {
            found |= self.disarm(conn, path, *kind);
        }
        found
    }

    /// Whether a watch of a type is armed.
    pub fn has(&self, conn: ConnId, path: &str, kind: WatcherType) -> bool {
        let armed = self.by_path.get(path);
        armed.is_some_and(|armed| {
            kinds(kind)
                .iter()
                .any(|kind| armed.contains(&(*kind, conn)))
        })
    }

    /// Forgets a connection.
    pub fn drop_conn(&mut self, conn: ConnId) {
        for (path, kind) in self.by_conn.get(&conn).cloned().unwrap_or_default() {
            self.disarm(conn, &path, kind);
        }
    }

    /// Who is to be told of a change: each connection once. One-shot watches that fired are gone.
    pub fn fire(&mut self, change: &Change) -> Vec<ConnId> {
        let mut told = BTreeSet::new();
        let mut spent = Vec::new();
        for (kind, conn) in self.by_path.get(&change.path).into_iter().flatten() {
            if concerns(*kind, change.kind) {
                told.insert(*conn);
                if one_shot(*kind) {
                    spent.push((*kind, *conn));
                }
            }
        }
        for (kind, conn) in spent {
            self.disarm(conn, &change.path, kind);
        }
        if !self.recursive.is_empty() && change.kind != EventType::ChildrenChanged {
            self.fire_above(&change.path, &mut told);
        }
        told.into_iter().collect()
    }

    /// Recursive watches of the ancestors. Each ancestor is looked up only if the hash of its path
    /// is that of a watched one, for clients choose the depth: ten thousand look-ups, each by a
    /// long text, at each change below would be most of what a server does.
    fn fire_above(&self, path: &str, told: &mut BTreeSet<ConnId>) {
        for ancestor in self.above(path) {
            let armed = self.by_path.get(ancestor).into_iter().flatten();
            let recursive = armed.filter(|(kind, _)| *kind == WatchKind::PersistentRecursive);
            told.extend(recursive.map(|(_, conn)| *conn));
        }
    }

    /// The ancestors that may have a recursive watch, found in one walk over the path.
    fn above<'a>(&'a self, path: &'a str) -> impl Iterator<Item = &'a str> {
        let mut so_far = SEED;
        path.bytes().enumerate().filter_map(move |(at, byte)| {
            let before = so_far;
            so_far = step(so_far, byte);
            let (hash, end) = match (byte, at) {
                (b'/', 0) => (so_far, 1),
                (b'/', _) => (before, at),
                _ => return None,
            };
            let ancestor = path.get(..end)?;
            (ancestor.len() < path.len() && self.recursive.contains_key(&hash)).then_some(ancestor)
        })
    }

    /// How much is watched.
    pub fn counts(&self) -> Counts {
        Counts {
            connections: self.by_conn.len(),
            paths: self.by_path.len(),
            watches: self.by_conn.values().map(BTreeSet::len).sum(),
        }
    }

    /// Watches by path, those after this one.
    pub fn by_path_after(&self, last: Option<&Armed>) -> impl Iterator<Item = Armed> {
        let from = last.map_or_else(String::new, |last| last.path.clone());
        let last = last.cloned();
        self.by_path.range(from..).flat_map(move |(path, armed)| {
            let same = last.as_ref().filter(|last| last.path == *path);
            let from = same.map_or(Bound::Unbounded, |last| {
                Bound::Excluded((last.kind, last.conn))
            });
            let rest = armed.range((from, Bound::Unbounded));
            rest.map(|(kind, conn)| Armed {
                path: path.clone(),
                kind: *kind,
                conn: *conn,
            })
        })
    }

    /// Watches by connection, those after this one.
    pub fn by_conn_after(&self, last: Option<&Armed>) -> impl Iterator<Item = Armed> {
        let from = last.map_or(ConnId(0), |last| last.conn);
        let last = last.cloned();
        self.by_conn.range(from..).flat_map(move |(conn, armed)| {
            let same = last.as_ref().filter(|last| last.conn == *conn);
            let from = same.map_or(Bound::Unbounded, |last| {
                Bound::Excluded((last.path.clone(), last.kind))
            });
            let rest = armed.range((from, Bound::Unbounded));
            rest.map(|(path, kind)| Armed {
                path: path.clone(),
                kind: *kind,
                conn: *conn,
            })
        })
    }
}

const SEED: u64 = 0xCBF2_9CE4_8422_2325;

/// FNV-1a: the hash of a path is a step from that of its parent.
fn step(hash: u64, byte: u8) -> u64 {
    (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01B3)
}

fn hash(path: &str) -> u64 {
    path.bytes().fold(SEED, step)
}

fn one_shot(kind: WatchKind) -> bool {
    matches!(kind, WatchKind::Data | WatchKind::Exist | WatchKind::Child)
}

/// Whether a watch on the very znode fires.
fn concerns(kind: WatchKind, change: EventType) -> bool {
    match kind {
        WatchKind::Data | WatchKind::Exist => change != EventType::ChildrenChanged,
        WatchKind::Child => matches!(change, EventType::Deleted | EventType::ChildrenChanged),
        WatchKind::Persistent => true,
        WatchKind::PersistentRecursive => change != EventType::ChildrenChanged,
    }
}

fn kinds(kind: WatcherType) -> &'static [WatchKind] {
    match kind {
        WatcherType::Children => &[WatchKind::Child],
        WatcherType::Data => &[WatchKind::Data, WatchKind::Exist],
        WatcherType::Any => &[
            WatchKind::Data,
            WatchKind::Exist,
            WatchKind::Child,
            WatchKind::Persistent,
            WatchKind::PersistentRecursive,
        ],
        WatcherType::Persistent => &[WatchKind::Persistent],
        WatcherType::PersistentRecursive => &[WatchKind::PersistentRecursive],
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn change(kind: EventType, path: &str) -> Change {
        Change {
            kind,
            path: path.to_owned(),
            acl: Arc::new([]),
        }
    }

    #[test]
    fn a_connection_is_told_once_however_many_watches_it_has() {
        let mut watches = Watches::default();
        for kind in [
            WatchKind::Data,
            WatchKind::Exist,
            WatchKind::Child,
            WatchKind::Persistent,
        ] {
            watches.add(ConnId(1), "/a", kind);
        }
        assert_eq!(watches.fire(&change(EventType::Deleted, "/a")), [ConnId(1)]);
        assert_eq!(
            watches.counts().watches,
            1,
            "only the persistent one is left"
        );
        assert_eq!(watches.fire(&change(EventType::Created, "/a")), [ConnId(1)]);
    }

    #[test]
    fn a_recursive_watch_sees_descendants_and_never_children_changed() {
        let mut watches = Watches::default();
        watches.add(ConnId(1), "/a", WatchKind::PersistentRecursive);
        assert_eq!(
            watches.fire(&change(EventType::Created, "/a/b/c")),
            [ConnId(1)]
        );
        assert!(
            watches
                .fire(&change(EventType::ChildrenChanged, "/a"))
                .is_empty()
        );
        assert!(watches.fire(&change(EventType::Created, "/ab")).is_empty());
        watches.drop_conn(ConnId(1));
        assert_eq!(watches.counts(), Counts::default());
        assert!(watches.recursive.is_empty());
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
        assert!(
            watches
                .fire(&change(EventType::DataChanged, "/a"))
                .is_empty()
        );
        assert_eq!(watches.fire(&change(EventType::Deleted, "/a")), [ConnId(1)]);
        assert!(watches.fire(&change(EventType::Deleted, "/a")).is_empty());
    }

    /// ZooKeeper's reads take the empty path for the root; its watches do not.
    #[test]
    fn a_watch_on_the_empty_path_is_not_on_the_root() {
        let mut watches = Watches::default();
        watches.add(ConnId(1), "", WatchKind::Data);
        assert!(!watches.has(ConnId(1), "/", WatcherType::Data));
        let fired = watches.fire(&change(EventType::DataChanged, "/"));
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
        assert_eq!(
            watches.above(&below).collect::<Vec<_>>(),
            ["/", "/a/a", &deep]
        );
        assert_eq!(watches.above("/a/a").collect::<Vec<_>>(), ["/"]);
        assert_eq!(watches.above("/").count(), 0);
        assert_eq!(
            watches.fire(&change(EventType::Created, &below)),
            [ConnId(1)]
        );
        for path in ["/", "/a/a", &deep] {
            assert!(watches.remove(ConnId(1), path, WatcherType::Any));
        }
        assert_eq!(watches.above(&below).count(), 0);
        assert!(watches.fire(&change(EventType::Created, &below)).is_empty());
        watches.drop_conn(ConnId(1));
        assert!(watches.recursive.is_empty());
    }
}
