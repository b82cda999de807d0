//! The znodes: an arena of chunks that images share, and an index from (parent, name) to place.
//!
//! The index is outside the image, so that a parent with a million children costs nothing to
//! copy; it is rebuilt from the znodes when an image is restored.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::Arc;

use bytes::Bytes;

use super::access_lists::AccessLists;
use super::ledger::{Amount, Ledger, length};
use super::znode::{Lifetime, ROOT, Znode};
use super::{acl, path};
use crate::core::op::Acl;
use crate::core::types::SessionId;

/// Znodes in one chunk. The first change in each after an image was taken copies all of them, so
/// they are few; an image costs a reference for each chunk, so they are not fewer.
const CHUNK: usize = 64;

/// A part of the arena.
#[derive(Clone, Debug, Default)]
pub struct Chunk {
    /// Free places are `None`.
    pub znodes: Vec<Option<Znode>>,
}

/// All znodes.
#[derive(Debug)]
pub(crate) struct Tree {
    chunks: Vec<Arc<Chunk>>,
    free: BTreeSet<u32>,
    index: BTreeMap<u32, BTreeMap<Arc<str>, u32>>,
    ephemerals: BTreeMap<SessionId, BTreeSet<u32>>,
    ephemeral_count: usize,
    /// Containers and TTL znodes.
    mortal: BTreeSet<u32>,
    len: usize,
    data_bytes: u64,
    acls: AccessLists,
    ledger: Ledger,
}

impl Tree {
    /// The root and ZooKeeper's reserved znodes.
    pub(crate) fn new() -> Tree {
        let mut tree = Tree {
            chunks: Vec::new(),
            free: BTreeSet::new(),
            index: BTreeMap::new(),
            ephemerals: BTreeMap::new(),
            ephemeral_count: 0,
            mortal: BTreeSet::new(),
            len: 0,
            data_bytes: 0,
            acls: AccessLists::default(),
            ledger: Ledger::default(),
        };
        let blank = |name: &str, parent: u32, acl: Arc<[Acl]>| Znode {
            data: Some(Bytes::new()),
            acl,
            ..Znode::blank(parent, name.into())
        };
        let root = tree.place(blank("", ROOT, acl::anyone(acl::ALL)));
        let own = tree.insert(root, blank("zookeeper", root, acl::anyone(acl::ALL)));
        tree.insert(own, blank("quota", own, acl::anyone(acl::ALL)));
        let config = tree.insert(own, blank("config", own, acl::anyone(acl::READ)));
        tree.change(root, |znode| znode.creates = 0);
        tree.change(own, |znode| znode.creates = 0);
        // As ZooKeeper's, which sets the list without a version.
        tree.change(config, |znode| znode.aversion = -1);
        tree
    }

    /// The tree of an image.
    pub(crate) fn from_chunks(chunks: Vec<Arc<Chunk>>) -> Tree {
        let mut tree = Tree { chunks: Vec::new(), ..Tree::new() };
        tree.index.clear();
        tree.acls = AccessLists::default();
        tree.ledger = Ledger::default();
        tree.len = 0;
        tree.data_bytes = 0;
        for (number, chunk) in chunks.iter().enumerate() {
            for (offset, znode) in chunk.znodes.iter().enumerate() {
                let place = (number * CHUNK + offset) as u32;
                match znode {
                    None => {
                        tree.free.insert(place);
                    }
                    Some(znode) => {
                        tree.index(place, znode);
                        tree.acls.intern(Arc::clone(&znode.acl));
                    }
                }
            }
        }
        tree.chunks = chunks;
        tree.make_ledger();
        tree
    }

    /// Enters all znodes, each after its parent.
    fn make_ledger(&mut self) {
        let mut ledger = Ledger::default();
        let mut all = Vec::with_capacity(self.len);
        all.push(ROOT);
        let mut next = 0;
        while let Some(place) = all.get(next).copied() {
            next += 1;
            if let Some(znode) = self.get(place) {
                ledger.enter_alone(place, znode, self.acls.hash(&znode.acl));
                all.extend(self.children(place).map(|(_, child)| child));
            }
        }
        ledger.sum_up(&all);
        self.ledger = ledger;
    }

    /// The arena, to be shared.
    pub(crate) fn chunks(&self) -> &[Arc<Chunk>] {
        &self.chunks
    }

    /// How many znodes.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// How many of them are ephemeral.
    pub(crate) fn ephemeral_count(&self) -> usize {
        self.ephemeral_count
    }

    /// Names and data, in bytes.
    pub(crate) fn data_bytes(&self) -> u64 {
        self.data_bytes
    }

    /// The znode at a place.
    pub(crate) fn get(&self, place: u32) -> Option<&Znode> {
        let place = place as usize;
        self.chunks.get(place / CHUNK)?.znodes.get(place % CHUNK)?.as_ref()
    }

    /// Where a path leads. `""` is the root.
    pub(crate) fn find(&self, path: &str) -> Option<u32> {
        let rest = path::normal(path).strip_prefix('/')?;
        if rest.is_empty() {
            return Some(ROOT);
        }
        rest.split('/').try_fold(ROOT, |at, name| self.child(at, name))
    }

    /// A child's place.
    pub(crate) fn child(&self, parent: u32, name: &str) -> Option<u32> {
        self.index.get(&parent)?.get(name).copied()
    }

    /// The children's names, sorted.
    pub(crate) fn children(&self, parent: u32) -> impl Iterator<Item = (&Arc<str>, u32)> {
        self.index.get(&parent).into_iter().flatten().map(|(name, place)| (name, *place))
    }

    /// The full path of a place.
    pub(crate) fn path_of(&self, place: u32) -> String {
        let (mut names, mut length, mut at) = (Vec::new(), 0, place);
        while at != ROOT {
            let Some(znode) = self.get(at) else { break };
            names.push(&*znode.name);
            length += 1 + znode.name.len();
            at = znode.parent;
        }
        if names.is_empty() {
            return "/".to_owned();
        }
        let mut path = String::with_capacity(length);
        for name in names.iter().rev() {
            path.push('/');
            path += name;
        }
        path
    }

    /// How many znodes are below a place.
    pub(crate) fn count_below(&self, place: u32) -> usize {
        usize::try_from(self.ledger.holds(place).znodes - 1).unwrap_or(0)
    }

    /// What a subtree has, its own znode included.
    pub(super) fn holds(&self, place: u32) -> Amount {
        self.ledger.holds(place)
    }

    /// Changes a znode in place; an image that shares its chunk keeps the old one. Lifetime, name
    /// and parent never change, and data is for [`Tree::set_data`].
    pub(crate) fn change<T>(
        &mut self,
        place: u32,
        change: impl FnOnce(&mut Znode) -> T,
    ) -> Option<T> {
        let znode = slot(&mut self.chunks, place)?.as_mut()?;
        let (before, list) = (data_in_memory(znode), Arc::clone(&znode.acl));
        let result = change(znode);
        debug_assert_eq!(data_in_memory(znode), before, "data is for set_data");
        self.ledger.changed(place, znode);
        if !Arc::ptr_eq(&znode.acl, &list) {
            self.ledger.access_changed(place, self.acls.hash(&znode.acl));
        }
        Some(result)
    }

    /// Gives a znode other data, and whatever else is to change with it.
    pub(crate) fn set_data<T>(
        &mut self,
        place: u32,
        data: Option<Bytes>,
        change: impl FnOnce(&mut Znode) -> T,
    ) -> Option<T> {
        let znode = slot(&mut self.chunks, place)?.as_mut()?;
        let grown = length(data.as_ref()) - length(znode.data.as_ref());
        znode.data = data;
        let list = Arc::clone(&znode.acl);
        let result = change(znode);
        if !Arc::ptr_eq(&znode.acl, &list) {
            self.ledger.access_changed(place, self.acls.hash(&znode.acl));
        }
        self.data_bytes = self.data_bytes.saturating_add_signed(grown);
        self.ledger.data_changed(place, znode, grown);
        Some(result)
    }

    /// Makes a znode what it was (a multi is undone).
    pub(crate) fn revert(&mut self, place: u32, before: Znode) {
        let Some(now) = self.get(place) else {
            return self.put_back(place, before);
        };
        // Both are alive, so equal places in memory are equal data.
        if data_in_memory(now) == data_in_memory(&before) {
            self.change(place, |now| *now = before);
        } else {
            self.set_data(place, before.data.clone(), |now| *now = before);
        }
    }

    /// Adds a child; the parent's counters move.
    pub(crate) fn insert(&mut self, parent: u32, znode: Znode) -> u32 {
        let place = self.place(znode);
        self.change(parent, |parent| {
            // Numbers end at the largest one: a negative count says that they are used up, and
            // stays, for names that begin anew would sort before the rest.
            if parent.creates >= 0 {
                parent.creates = parent.creates.wrapping_add(1);
            }
            parent.children += 1;
        });
        place
    }

    /// Removes a childless znode; the parent's counters move.
    pub(crate) fn remove(&mut self, place: u32) -> Option<Znode> {
        let znode = self.erase(place)?;
        self.change(znode.parent, |parent| parent.children -= 1);
        Some(znode)
    }

    /// Removes a znode and nothing else: the parent's counters are the caller's business.
    pub(crate) fn erase(&mut self, place: u32) -> Option<Znode> {
        let znode = self.vacate(place)?;
        self.ledger.leave(place);
        if let Some(children) = self.index.get_mut(&znode.parent) {
            children.remove(&znode.name);
            if children.is_empty() {
                self.index.remove(&znode.parent);
            }
        }
        if let Lifetime::Ephemeral(session) = znode.lifetime {
            self.ephemeral_count -= 1;
            if let Some(own) = self.ephemerals.get_mut(&session) {
                own.remove(&place);
                if own.is_empty() {
                    self.ephemerals.remove(&session);
                }
            }
        }
        Some(znode)
    }

    /// Removes all ephemerals of a session, and nothing else. Siblings are given one after the
    /// other.
    pub(super) fn remove_ephemerals(&mut self, session: SessionId) -> Vec<Znode> {
        let places = self.ephemerals.remove(&session).unwrap_or_default();
        self.ephemeral_count -= places.len();
        let by_parent = |place: u32| Some((self.get(place)?.parent, place));
        let mut order: Vec<(u32, u32)> = places.into_iter().filter_map(by_parent).collect();
        order.sort_unstable();
        let mut gone = Vec::with_capacity(order.len());
        for siblings in order.chunk_by(|one, other| one.0 == other.0) {
            let from = gone.len();
            for (_, place) in siblings {
                self.ledger.leave_unsettled(*place);
                gone.extend(self.vacate(*place));
            }
            let Some(first) = gone.get(from) else {
                continue;
            };
            let parent = first.parent;
            if let Some(children) = self.index.get_mut(&parent) {
                // All of them: nothing has to be looked for.
                if children.len() == siblings.len() {
                    self.index.remove(&parent);
                } else {
                    for znode in gone.iter().skip(from) {
                        children.remove(&znode.name);
                    }
                }
            }
        }
        self.ledger.settle();
        gone
    }

    fn vacate(&mut self, place: u32) -> Option<Znode> {
        let znode = slot(&mut self.chunks, place)?.take()?;
        self.free.insert(place);
        self.len -= 1;
        self.data_bytes -= znode.weight();
        self.mortal.remove(&place);
        Some(znode)
    }

    /// Puts a znode back as it was; the parent's counters are put back by whoever undoes.
    fn put_back(&mut self, place: u32, znode: Znode) {
        self.free.remove(&place);
        self.register(place, &znode);
        if let Some(slot) = slot(&mut self.chunks, place) {
            *slot = Some(znode);
        }
    }

    fn place(&mut self, znode: Znode) -> u32 {
        let place = match self.free.pop_first() {
            Some(place) => place,
            None => self.grow(),
        };
        self.register(place, &znode);
        if let Some(slot) = slot(&mut self.chunks, place) {
            *slot = Some(znode);
        }
        place
    }

    fn grow(&mut self) -> u32 {
        if self.chunks.last().is_none_or(|chunk| chunk.znodes.len() == CHUNK) {
            self.chunks.push(Arc::default());
        }
        let number = self.chunks.len() - 1;
        let chunk = Arc::make_mut(&mut self.chunks[number]);
        chunk.znodes.push(None);
        (number * CHUNK + chunk.znodes.len() - 1) as u32
    }

    /// Everything that is derived from a znode being there.
    fn register(&mut self, place: u32, znode: &Znode) {
        self.index(place, znode);
        self.ledger.enter(place, znode, self.acls.hash(&znode.acl));
    }

    fn index(&mut self, place: u32, znode: &Znode) {
        self.len += 1;
        self.data_bytes += znode.weight();
        if place != ROOT {
            let children = self.index.entry(znode.parent).or_default();
            children.insert(Arc::clone(&znode.name), place);
        }
        match znode.lifetime {
            Lifetime::Persistent => {}
            Lifetime::Ephemeral(session) => {
                self.ephemeral_count += 1;
                self.ephemerals.entry(session).or_default().insert(place);
            }
            Lifetime::Container | Lifetime::Ttl(_) => {
                self.mortal.insert(place);
            }
        }
    }

    /// One shared copy of an access list.
    pub(crate) fn intern(&mut self, acl: Arc<[Acl]>) -> Arc<[Acl]> {
        self.acls.intern(acl)
    }

    /// Places of a session's ephemerals.
    pub(crate) fn ephemeral_places(&self, session: SessionId) -> impl Iterator<Item = u32> {
        self.ephemerals.get(&session).into_iter().flatten().copied()
    }

    /// Sessions that own ephemerals.
    pub(crate) fn ephemeral_owners(&self) -> usize {
        self.ephemerals.len()
    }

    /// Ephemerals by session and place, those after this one.
    pub(crate) fn ephemerals_after(
        &self,
        last: Option<(SessionId, u32)>,
    ) -> impl Iterator<Item = (SessionId, u32, String)> {
        let from = last.map_or(SessionId(i64::MIN), |(session, _)| session);
        let owners = self.ephemerals.range(from..);
        owners.flat_map(move |(session, places)| {
            let same = last.filter(|(last, _)| last == session);
            let from = same.map_or(Bound::Unbounded, |(_, place)| Bound::Excluded(place));
            let rest = places.range((from, Bound::Unbounded));
            rest.map(|place| (*session, *place, self.path_of(*place)))
        })
    }

    /// Places of containers and TTL znodes, from this one on.
    pub(crate) fn mortal_from(&self, place: u32) -> impl Iterator<Item = u32> {
        self.mortal.range(place..).copied()
    }

    /// The digest of all znodes.
    pub(crate) fn digest(&self) -> u64 {
        self.ledger.digest()
    }

    /// The digest of what all access lists say.
    pub(super) fn access_digest(&self) -> u64 {
        self.ledger.access_digest()
    }
}

impl Default for Tree {
    fn default() -> Self {
        Tree::new()
    }
}

fn data_in_memory(znode: &Znode) -> Option<(*const u8, usize)> {
    let data = znode.data.as_ref();
    data.map(|data| (data.as_ptr(), data.len()))
}

/// A place of the arena; an image that shares its chunk keeps what is there.
fn slot(chunks: &mut [Arc<Chunk>], place: u32) -> Option<&mut Option<Znode>> {
    let at = place as usize;
    let chunk = Arc::make_mut(chunks.get_mut(at / CHUNK)?);
    chunk.znodes.get_mut(at % CHUNK)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn znodes_are_counted_however_deep_a_client_nests_them() {
        let mut tree = Tree::new();
        let blank = tree.get(ROOT).unwrap().clone();
        let mut at = ROOT;
        for _ in 0..10_000 {
            let (parent, name) = (at, "a".into());
            let znode = Znode { parent, name, ..blank.clone() };
            at = tree.insert(parent, znode);
        }
        let own = tree.child(ROOT, "zookeeper").unwrap();
        assert_eq!(tree.count_below(own), 2);
        assert_eq!(tree.count_below(at), 0);
        assert_eq!(tree.count_below(ROOT), 10_003);
        let restored = Tree::from_chunks(tree.chunks().to_vec());
        assert_eq!(restored.count_below(ROOT), 10_003);
        assert_eq!(restored.digest(), tree.digest());
    }
}
