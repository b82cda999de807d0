//! The tree of a snapshot, and what transactions make of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;

use super::secret::password;
use super::{Change, StoredZnode, Transaction};
use crate::core::op::Acl;
use crate::core::state::CONFIG;
use crate::core::state::image::Image;
use crate::core::state::rules;
use crate::core::state::session::Session;
use crate::core::state::tree::Tree;
use crate::core::state::znode::{Lifetime, ROOT, Znode};
use crate::core::types::{Index, SessionId, Zxid};

/// A state on its way.
#[derive(Debug)]
pub(crate) struct Replay {
    tree: Tree,
    /// With their timeouts.
    sessions: BTreeMap<SessionId, i32>,
    zxid: Zxid,
}

impl Replay {
    /// What a server starts from that has no snapshot.
    pub(crate) fn new() -> Replay {
        Replay { tree: Tree::new(), sessions: BTreeMap::new(), zxid: Zxid(0) }
    }

    /// A session of the snapshot.
    pub(crate) fn session(&mut self, id: SessionId, timeout_ms: i32) {
        self.sessions.insert(id, timeout_ms);
    }

    /// A znode of the snapshot, after its parent.
    ///
    /// # Errors
    /// When the parent is not there: the snapshot is not whole.
    pub(crate) fn znode(&mut self, found: StoredZnode) -> Result<(), String> {
        if found.path == CONFIG {
            return Ok(());
        }
        let place = match self.tree.find(&found.path) {
            Some(place) => place,
            None => {
                let (parent, name) = self
                    .parent(&found.path)
                    .ok_or_else(|| format!("the znode above {} is not in it", found.path))?;
                let znode = Znode { lifetime: found.lifetime, ..Znode::blank(parent, name) };
                self.add(znode)
            }
        };
        let acl = self.tree.intern(found.acl);
        self.tree.set_data(place, found.data, |znode| {
            znode.acl = acl;
            (znode.czxid, znode.mzxid, znode.pzxid) = (found.czxid, found.mzxid, found.pzxid);
            (znode.ctime, znode.mtime) = (found.ctime, found.mtime);
            (znode.version, znode.aversion) = (found.version, found.aversion);
            znode.creates = found.cversion;
        });
        Ok(())
    }

    /// All znodes and sessions of the snapshot are there; it was begun at this transaction.
    pub(crate) fn loaded(&mut self, zxid: Zxid) {
        self.zxid = zxid;
    }

    /// The last transaction that is in it.
    pub(crate) fn zxid(&self) -> Zxid {
        self.zxid
    }

    /// A transaction of the log.
    pub(crate) fn apply(&mut self, txn: &Transaction) {
        match &txn.change {
            Change::OpenSession(timeout_ms) => self.session(txn.session, *timeout_ms),
            Change::CloseSession(paths) => self.close(txn.session, paths, txn.zxid),
            Change::Multi(changes) => changes.iter().for_each(|it| self.change(it, txn)),
            change => self.change(change, txn),
        }
        self.zxid = self.zxid.max(txn.zxid);
    }

    fn change(&mut self, change: &Change, txn: &Transaction) {
        match change {
            Change::Create { path, data, acl, lifetime, parent } => {
                let (data, lifetime) = (data.clone(), *lifetime);
                self.create(path, New { data, acl, lifetime, parent: *parent }, txn);
            }
            Change::Delete(path) => self.delete(path, txn.zxid),
            Change::SetData { path, data, version } => {
                let Some(place) = self.tree.find(path).filter(|_| path != CONFIG) else { return };
                self.tree.set_data(place, data.clone(), |znode| {
                    (znode.mzxid, znode.mtime) = (txn.zxid, txn.time);
                    znode.version = *version;
                });
            }
            Change::SetAcl { path, acl, version } => {
                let Some(place) = self.tree.find(path) else { return };
                let acl = self.tree.intern(Arc::clone(acl));
                self.tree.change(place, |znode| (znode.acl, znode.aversion) = (acl, *version));
            }
            // Of no part of a multi.
            Change::OpenSession(_) | Change::CloseSession(_) | Change::Multi(_) => {}
            Change::Nothing => {}
        }
    }

    fn create(&mut self, path: &str, new: New<'_>, txn: &Transaction) {
        let Some((parent, name)) = self.parent(path) else { return };
        let creates = self.tree.get(parent).map_or(0, |above| above.creates);
        let creates = new.parent.unwrap_or_else(|| creates.wrapping_add(1));
        if self.tree.child(parent, &name).is_none() {
            let znode = Znode {
                data: new.data,
                acl: self.tree.intern(Arc::clone(new.acl)),
                lifetime: new.lifetime,
                czxid: txn.zxid,
                mzxid: txn.zxid,
                pzxid: txn.zxid,
                ctime: txn.time,
                mtime: txn.time,
                ..Znode::blank(parent, name)
            };
            self.add(znode);
        }
        // Whether it was in the snapshot already or not: the parent may not know of it yet, and never
        // counts back.
        self.tree.change(parent, |above| {
            if creates > above.creates {
                (above.creates, above.pzxid) = (creates, txn.zxid);
            }
        });
    }

    /// A znode goes, and with it what a fuzzy snapshot has below it: that was made later, and is made
    /// again by what follows.
    fn delete(&mut self, path: &str, zxid: Zxid) {
        let Some((parent, name)) = self.parent(path) else { return };
        if let Some(place) = self.tree.child(parent, &name) {
            let mut all = vec![place];
            let mut next = 0;
            while let Some(at) = all.get(next).copied() {
                next += 1;
                all.extend(self.tree.children(at).map(|(_, child)| child));
            }
            for place in all.into_iter().rev() {
                self.tree.remove(place);
            }
        }
        self.tree.change(parent, |above| above.pzxid = above.pzxid.max(zxid));
    }

    fn close(&mut self, session: SessionId, paths: &[String], zxid: Zxid) {
        self.sessions.remove(&session);
        let own: Vec<String> =
            self.tree.ephemeral_places(session).map(|place| self.tree.path_of(place)).collect();
        for path in own.iter().chain(paths) {
            self.delete(path, zxid);
        }
    }

    /// The state that it came to, as the first of an ensemble. What belongs to a session that is not
    /// there any more goes, as at ZooKeeper's start; and every zxid that follows is of an epoch above
    /// this one, and above that of the last one shown.
    pub(crate) fn finish(mut self, epoch: u32) -> Image {
        let mut owners: Vec<SessionId> =
            self.tree.ephemerals_after(None).map(|(owner, _, _)| owner).collect();
        owners.dedup();
        for owner in owners {
            if !self.sessions.contains_key(&owner) {
                self.close(owner, &[], self.zxid);
            }
        }
        let session = |(id, timeout_ms): (SessionId, i32)| {
            (id, Session { timeout_ms, password: password(id), attach: Index(1) })
        };
        Image {
            chunks: self.tree.chunks().to_vec(),
            sessions: self.sessions.into_iter().map(session).collect(),
            session_counter: 0,
            applied: Index(1),
            zxid: self.zxid.max(Zxid::new(epoch, 0)),
            version: rules::FIRST,
        }
    }

    /// Where the znode of that path is or would be.
    fn parent(&self, path: &str) -> Option<(u32, Arc<str>)> {
        let (above, name) = path.rsplit_once('/').filter(|(_, name)| !name.is_empty())?;
        let parent = if above.is_empty() { ROOT } else { self.tree.find(above)? };
        Some((parent, name.into()))
    }

    /// Adds a znode. How many children its parent ever had is what a snapshot or a transaction says.
    fn add(&mut self, znode: Znode) -> u32 {
        let parent = znode.parent;
        let before = self.tree.get(parent).map_or(0, |above| above.creates);
        let place = self.tree.insert(parent, znode);
        self.tree.change(parent, |above| above.creates = before);
        place
    }
}

/// A znode that is to be made.
struct New<'a> {
    data: Option<Bytes>,
    acl: &'a Arc<[Acl]>,
    lifetime: Lifetime,
    parent: Option<i32>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::op::Id;
    use crate::core::state::State;
    use crate::core::state::acl;

    const SESSION: SessionId = SessionId(0x0100_0000_0000_0001);

    fn stored(path: &str, cversion: i32, lifetime: Lifetime) -> StoredZnode {
        StoredZnode {
            path: path.to_owned(),
            data: Some(Bytes::from_static(b"stored")),
            acl: acl::anyone(acl::ALL),
            czxid: Zxid(3),
            mzxid: Zxid(4),
            pzxid: Zxid(5),
            ctime: 30,
            mtime: 40,
            version: 1,
            cversion,
            aversion: 2,
            lifetime,
        }
    }

    /// A root, `/a` and `/a/b`, begun at zxid 10.
    fn snapshot() -> Replay {
        let mut replay = Replay::new();
        for (path, cversion) in [("", 7), ("/a", 4), ("/a/b", 0)] {
            replay.znode(stored(path, cversion, Lifetime::Persistent)).unwrap();
        }
        replay.loaded(Zxid(10));
        replay
    }

    fn txn(zxid: i64, change: Change) -> Transaction {
        Transaction { session: SESSION, zxid: Zxid(zxid), time: zxid * 10, change }
    }

    fn create(path: &str, parent: i32) -> Change {
        let (data, acl) = (Some(Bytes::from_static(b"new")), acl::anyone(acl::ALL));
        Change::Create {
            path: path.to_owned(),
            data,
            acl,
            lifetime: Lifetime::Persistent,
            parent: Some(parent),
        }
    }

    fn of<'a>(replay: &'a Replay, path: &str) -> Option<&'a Znode> {
        replay.tree.get(replay.tree.find(path)?)
    }

    #[test]
    fn a_stored_znode_is_shown_with_all_that_was_stored_of_it() {
        let replay = snapshot();
        let a = of(&replay, "/a").unwrap();
        assert_eq!((a.czxid, a.mzxid, a.pzxid), (Zxid(3), Zxid(4), Zxid(5)));
        assert_eq!((a.ctime, a.mtime, a.version, a.aversion), (30, 40, 1, 2));
        // As `DataNode.copyStat` shows it: what was ever created, twice, less what is there.
        assert_eq!(a.stat().cversion, 7);
        let lost = Replay::new().znode(stored("/a/b", 0, Lifetime::Persistent));
        assert!(lost.unwrap_err().contains("/a/b"), "a znode without its parent");
    }

    #[test]
    fn what_a_fuzzy_snapshot_has_already_is_not_done_twice() {
        // `/a/b` was made by 11, and is in the snapshot that was begun at 10; its parent is from before.
        let mut replay = snapshot();
        replay.apply(&txn(11, create("/a/b", 5)));
        let (a, b) = (of(&replay, "/a").unwrap(), of(&replay, "/a/b").unwrap());
        assert_eq!((a.creates, a.children, a.pzxid), (5, 1, Zxid(11)));
        assert_eq!(b.data.as_deref(), Some(b"stored".as_slice()));
        // And a parent that is from later does not count back.
        replay.apply(&txn(12, create("/a/c", 3)));
        assert_eq!(of(&replay, "/a").unwrap().creates, 5);
        assert!(of(&replay, "/a/c").is_some());
    }

    #[test]
    fn what_is_removed_takes_along_what_the_snapshot_has_below_it_from_later() {
        let mut replay = snapshot();
        replay.apply(&txn(11, Change::Delete("/a".to_owned())));
        assert!(of(&replay, "/a/b").is_none());
        replay.apply(&txn(12, create("/a", 8)));
        let a = of(&replay, "/a").unwrap();
        assert_eq!((a.children, a.czxid, a.ctime), (0, Zxid(12), 120));
        assert!(of(&replay, "/a/b").is_none(), "it is not there again");
        assert_eq!(of(&replay, "/").unwrap().creates, 8);
    }

    #[test]
    fn a_session_takes_its_ephemerals_along_and_one_that_is_not_there_leaves_none() {
        let mut replay = Replay::new();
        let owners = [SESSION, SessionId(0x0200_0000_0000_0009)];
        for (path, owner) in [("/own", owners[0]), ("/lost", owners[1])] {
            replay.znode(stored(path, 0, Lifetime::Ephemeral(owner))).unwrap();
        }
        replay.session(SESSION, 4_000);
        replay.loaded(Zxid(10));
        let image = replay.finish(0);
        let state = State::restore(&image);
        assert_eq!(state.counts().ephemerals, 1, "the one of a session that is there");
        assert_eq!(state.session(SESSION).map(|it| it.timeout_ms), Some(4_000));

        let mut replay = Replay::new();
        replay.znode(stored("/own", 0, Lifetime::Ephemeral(SESSION))).unwrap();
        replay.session(SESSION, 4_000);
        replay.apply(&txn(11, Change::CloseSession(Vec::new())));
        assert!(of(&replay, "/own").is_none());
        assert_eq!(of(&replay, "/").unwrap().pzxid, Zxid(11));
    }

    #[test]
    fn every_later_zxid_is_above_the_last_one_and_above_every_epoch_that_was_shown() {
        assert_eq!(snapshot().finish(0).zxid, Zxid(10));
        let mut replay = snapshot();
        replay.apply(&txn((2 << 32) + 9, Change::Nothing));
        assert_eq!(replay.finish(2).zxid, Zxid::new(2, 9));
        assert_eq!(snapshot().finish(3).zxid, Zxid::new(3, 0));
    }

    #[test]
    fn equal_access_lists_are_one() {
        let id = Id { scheme: "digest".to_owned(), id: "u:h".to_owned() };
        let list = || Arc::from([Acl { perms: 31, id: id.clone() }]);
        let mut replay = snapshot();
        for path in ["/a", "/a/b"] {
            let change = Change::SetAcl { path: path.to_owned(), acl: list(), version: 3 };
            replay.apply(&txn(11, change));
        }
        let (a, b) = (of(&replay, "/a").unwrap(), of(&replay, "/a/b").unwrap());
        assert!(Arc::ptr_eq(&a.acl, &b.acl));
        assert_eq!(a.aversion, 3);
    }
}
