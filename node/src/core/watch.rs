//! Watches of this server's own connections. Source of the rules: ZooKeeper's `WatchManager`.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::Arc;

use super::op::{EventType, WatchKind, WatcherType};
use super::state::changes::{At, Change, Changes};
use super::types::ConnId;

/// How much is watched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)]
pub(crate) struct Counts {
    pub connections: usize,
    pub paths: usize,
    pub watches: usize,
}

/// One armed watch, and the place of the next one after it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub(crate) struct Armed {
    pub path: String,
    pub kind: WatchKind,
    pub conn: ConnId,
}

/// What one watch costs beside its path: entries of four maps.
const WATCH: usize = 256;

/// Watches of a gone connection that are forgotten at once, in one step.
const AT_ONCE: usize = 1_000;

/// What is watched, and how.
type Watched = BTreeSet<(Arc<str>, WatchKind)>;

/// One connection's watches.
#[derive(Debug, Default)]
struct Own {
    all: Watched,
    bytes: usize,
}

/// How many watches there are on paths of one hash.
#[derive(Clone, Copy, Debug, Default)]
struct Hashed {
    all: usize,
    recursive: usize,
}

/// Who watches what.
#[derive(Debug, Default)]
pub(crate) struct Watches {
    by_path: BTreeMap<Arc<str>, BTreeSet<(WatchKind, ConnId)>>,
    by_conn: BTreeMap<ConnId, Own>,
    /// Of connections that are gone; they count no more, and are forgotten some at a time.
    leaving: Vec<(ConnId, Watched)>,
    /// A path is only looked for if something is watched by its hash.
    hashes: BTreeMap<u64, Hashed>,
    /// How many recursive watches there are.
    recursive: usize,
    bytes: usize,
}

/// A change that somebody is to be told of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fired {
    /// To which znode.
    pub path: Arc<str>,
    /// Each once.
    pub conns: BTreeSet<ConnId>,
}

impl Watches {
    /// Arms a watch; the same one again changes nothing.
    pub(crate) fn add(&mut self, conn: ConnId, path: &str, kind: WatchKind) {
        let own = self.by_conn.entry(conn).or_default();
        let known = self.by_path.get_key_value(path);
        let path = known.map_or_else(|| Arc::from(path), |(path, _)| Arc::clone(path));
        if !own.all.insert((Arc::clone(&path), kind)) {
            return;
        }
        own.bytes += weight(&path);
        self.bytes += weight(&path);
        let hashed = self.hashes.entry(hash(SEED, &path)).or_default();
        hashed.all += 1;
        if kind == WatchKind::PersistentRecursive {
            hashed.recursive += 1;
            self.recursive += 1;
        }
        self.by_path.entry(path).or_default().insert((kind, conn));
    }

    fn disarm(&mut self, conn: ConnId, path: &Arc<str>, kind: WatchKind) -> bool {
        let Some(own) = self.by_conn.get_mut(&conn) else {
            return false;
        };
        if !own.all.remove(&(Arc::clone(path), kind)) {
            return false;
        }
        own.bytes -= weight(path);
        self.bytes -= weight(path);
        if own.all.is_empty() {
            self.by_conn.remove(&conn);
        }
        self.forget(conn, path, kind);
        true
    }

    /// Takes a watch that its connection no longer has from those of its path.
    fn forget(&mut self, conn: ConnId, path: &Arc<str>, kind: WatchKind) {
        if let Some(armed) = self.by_path.get_mut(path) {
            armed.remove(&(kind, conn));
            if armed.is_empty() {
                self.by_path.remove(path);
            }
        }
        let hash = hash(SEED, path);
        if let Some(hashed) = self.hashes.get_mut(&hash) {
            hashed.all -= 1;
            if kind == WatchKind::PersistentRecursive {
                hashed.recursive -= 1;
                self.recursive -= 1;
            }
            if hashed.all == 0 {
                self.hashes.remove(&hash);
            }
        }
    }

    /// Removes watches of a type; false if there was none.
    pub(crate) fn remove(&mut self, conn: ConnId, path: &str, kind: WatcherType) -> bool {
        let path = Arc::from(path);
        let mut found = false;
        for kind in kinds(kind) {
            found |= self.disarm(conn, &path, *kind);
        }
        found
    }

    /// Whether a watch of a type is armed.
    pub(crate) fn has(&self, conn: ConnId, path: &str, kind: WatcherType) -> bool {
        let armed = self.by_path.get(path);
        armed.is_some_and(|armed| kinds(kind).iter().any(|kind| armed.contains(&(*kind, conn))))
    }

    /// Forgets a connection, whose number never comes back. It may have had very many watches: the
    /// rest of what they took is given back by [`Watches::sweep`].
    pub(crate) fn drop_conn(&mut self, conn: ConnId) {
        if let Some(own) = self.by_conn.remove(&conn) {
            self.bytes -= own.bytes;
            self.leaving.push((conn, own.all));
            self.sweep();
        }
    }

    /// Forgets some of what gone connections watched. Whether there is more.
    pub(crate) fn sweep(&mut self) -> bool {
        for _ in 0..AT_ONCE {
            let Some((conn, all)) = self.leaving.last_mut() else {
                return false;
            };
            let conn = *conn;
            match all.pop_last() {
                Some((path, kind)) => self.forget(conn, &path, kind),
                None => drop(self.leaving.pop()),
            }
        }
        !self.leaving.is_empty()
    }

    /// What all watches take, in bytes.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// The connection whose watches take most.
    pub(crate) fn heaviest(&self) -> Option<ConnId> {
        let most = self.by_conn.iter().max_by_key(|(_, own)| own.bytes);
        most.map(|(conn, _)| *conn)
    }

    /// Whether nobody watches anything.
    pub(crate) fn is_empty(&self) -> bool {
        self.by_conn.is_empty()
    }

    /// Who is to be told of a change. One-shot watches that fired are gone.
    pub(crate) fn fire(&mut self, change: &Change, paths: &mut Paths<'_>) -> Option<Fired> {
        let (mut conns, mut spent) = (BTreeSet::new(), Vec::new());
        if self.hashes.contains_key(&paths.hash(change.at)) {
            let path = paths.text(change.at);
            for (kind, conn) in self.by_path.get(&path).into_iter().flatten() {
                if concerns(*kind, change.kind) && self.by_conn.contains_key(conn) {
                    conns.insert(*conn);
                    if one_shot(*kind) {
                        spent.push((*kind, *conn));
                    }
                }
            }
            for (kind, conn) in spent {
                self.disarm(conn, &path, kind);
            }
        }
        if self.recursive > 0 && change.kind != EventType::ChildrenChanged {
            let above = self.above(change.at, paths);
            conns.extend(above.iter().filter(|conn| self.by_conn.contains_key(*conn)));
        }
        (!conns.is_empty()).then(|| Fired { path: paths.text(change.at), conns })
    }

    /// Recursive watches of the ancestors. Siblings have the same: they are looked for once.
    fn above(&self, at: At, paths: &mut Paths<'_>) -> Arc<BTreeSet<ConnId>> {
        let (mut open, mut next) = (Vec::new(), at);
        let mut found = loop {
            match paths.changes.parts(next) {
                (None, whole) => break Arc::new(self.above_text(whole)),
                (Some(above), _) => {
                    let seen = paths.seen.get(above.number());
                    if let Some(found) = seen.and_then(|seen| seen.covered.as_ref()) {
                        break Arc::clone(found);
                    }
                    open.push(above);
                    next = above;
                }
            }
        };
        while let Some(at) = open.pop() {
            self.add_recursive(paths.hash(at), || paths.text(at), &mut found);
            if let Some(seen) = paths.seen.get_mut(at.number()) {
                seen.covered = Some(Arc::clone(&found));
            }
        }
        found
    }

    /// The same for a text. Each ancestor is looked up only if the hash of its path is that of a
    /// watched one, for clients choose the depth: ten thousand look-ups, each by a long text, at
    /// each change below would be most of what a server does.
    fn above_text(&self, path: &str) -> BTreeSet<ConnId> {
        let mut found = Arc::default();
        for (hash, ancestor) in self.watched_above(path) {
            self.add_recursive(hash, || Arc::from(ancestor), &mut found);
        }
        Arc::unwrap_or_clone(found)
    }

    fn add_recursive(
        &self,
        hash: u64,
        path: impl FnOnce() -> Arc<str>,
        to: &mut Arc<BTreeSet<ConnId>>,
    ) {
        if self.hashes.get(&hash).is_none_or(|it| it.recursive == 0) {
            return;
        }
        let armed = self.by_path.get(&path()).into_iter().flatten();
        let recursive = armed.filter(|(kind, _)| *kind == WatchKind::PersistentRecursive);
        Arc::make_mut(to).extend(recursive.map(|(_, conn)| *conn));
    }

    /// The ancestors that may have a recursive watch, found in one walk over the path.
    fn watched_above<'a>(&'a self, path: &'a str) -> impl Iterator<Item = (u64, &'a str)> {
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
            let watched = self.hashes.get(&hash).is_some_and(|it| it.recursive > 0);
            (ancestor.len() < path.len() && watched).then_some((hash, ancestor))
        })
    }

    /// How much is watched.
    pub(crate) fn counts(&self) -> Counts {
        Counts {
            connections: self.by_conn.len(),
            paths: self.by_path.len(),
            watches: self.by_conn.values().map(|own| own.all.len()).sum(),
        }
    }

    /// Watches by path, those after this one.
    pub(crate) fn by_path_after(&self, last: Option<&Armed>) -> impl Iterator<Item = Armed> {
        let from = last.map_or_else(|| Arc::from(""), |last| Arc::from(&*last.path));
        let last = last.cloned();
        self.by_path.range::<Arc<str>, _>(from..).flat_map(move |(path, armed)| {
            let same = last.as_ref().filter(|last| *last.path == **path);
            let from =
                same.map_or(Bound::Unbounded, |last| Bound::Excluded((last.kind, last.conn)));
            let rest = armed.range((from, Bound::Unbounded));
            let rest = rest.filter(|(_, conn)| self.by_conn.contains_key(conn));
            rest.map(|(kind, conn)| Armed { path: path.to_string(), kind: *kind, conn: *conn })
        })
    }

    /// Watches by connection, those after this one.
    pub(crate) fn by_conn_after(&self, last: Option<&Armed>) -> impl Iterator<Item = Armed> {
        let from = last.map_or(ConnId(0), |last| last.conn);
        let last = last.cloned();
        self.by_conn.range(from..).flat_map(move |(conn, own)| {
            let same = last.as_ref().filter(|last| last.conn == *conn);
            let from = same.map_or(Bound::Unbounded, |last| {
                Bound::Excluded((Arc::from(&*last.path), last.kind))
            });
            let rest = own.all.range((from, Bound::Unbounded));
            rest.map(|(path, kind)| Armed { path: path.to_string(), kind: *kind, conn: *conn })
        })
    }
}

const SEED: u64 = 0xCBF2_9CE4_8422_2325;

/// FNV-1a: the hash of a path is a step from that of its parent.
fn step(hash: u64, byte: u8) -> u64 {
    (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01B3)
}

fn hash(above: u64, text: &str) -> u64 {
    text.bytes().fold(above, step)
}

fn weight(path: &str) -> usize {
    WATCH + path.len()
}

/// The paths of some changes, and what was found out about them while they fire.
#[derive(Debug)]
pub(crate) struct Paths<'a> {
    changes: &'a Changes,
    seen: Vec<Seen>,
}

#[derive(Clone, Debug, Default)]
struct Seen {
    hash: Option<u64>,
    text: Option<Arc<str>>,
    /// Recursive watches there and above.
    covered: Option<Arc<BTreeSet<ConnId>>>,
}

impl Paths<'_> {
    /// Nothing is found out yet. While these fire no watch may be added.
    pub(crate) fn of(changes: &Changes) -> Paths<'_> {
        let seen = vec![Seen::default(); changes.paths()];
        Paths { changes, seen }
    }

    fn hash(&mut self, at: At) -> u64 {
        let (mut open, mut next) = (Vec::new(), Some(at));
        let mut so_far = SEED;
        while let Some(at) = next {
            if let Some(known) = self.seen.get(at.number()).and_then(|seen| seen.hash) {
                so_far = known;
                break;
            }
            open.push(at);
            next = self.changes.parts(at).0;
        }
        while let Some(at) = open.pop() {
            let (above, text) = self.changes.parts(at);
            let below_root = above.is_some_and(|above| self.changes.parts(above) == (None, "/"));
            if above.is_some() && !below_root {
                so_far = step(so_far, b'/');
            }
            so_far = hash(so_far, text);
            if let Some(seen) = self.seen.get_mut(at.number()) {
                seen.hash = Some(so_far);
            }
        }
        so_far
    }

    fn text(&mut self, at: At) -> Arc<str> {
        let Some(seen) = self.seen.get_mut(at.number()) else {
            return Arc::default();
        };
        let text = || self.changes.text(at).into();
        Arc::clone(seen.text.get_or_insert_with(text))
    }
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
mod tests;
