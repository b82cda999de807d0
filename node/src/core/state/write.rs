//! The effect of each client write. The order of the checks decides which error wins; it is
//! ZooKeeper's (`PrepRequestProcessor.pRequest2Txn`).

use std::sync::Arc;

use super::acl::{self, ADMIN, CREATE, DELETE, READ, WRITE};
use super::changes::At;
use super::ledger::length;
use super::quota::Quotas;
use super::reconfig::CONFIG;
use super::txn::Txn;
use super::znode::{Lifetime, Znode};
use super::{State, path};
use crate::core::op::flags::{CONTAINER_SEQUENTIAL, TTL_MAX};
use crate::core::op::{Acl, Body, Create, ErrorCode, EventType, MultiResult, Write};
use crate::core::types::SessionId;

impl State {
    pub(super) fn write(&mut self, write: &Write, txn: &mut Txn<'_>) -> Result<Body, ErrorCode> {
        match write {
            Write::Create(create) => self.create(create, txn),
            Write::Delete { path, version } => self.delete(path, *version, txn),
            Write::SetData { path, data, version } => {
                self.set_data(path, data.as_ref(), *version, txn)
            }
            Write::SetAcl { path, acl, version } => {
                self.set_acl(path, acl.as_deref(), *version, txn)
            }
            Write::Check { path, version } => self.check(path, *version, txn),
            Write::Multi(writes) => Ok(self.multi(writes, txn)),
            Write::Reconfig(request) => self.reconfig(request, txn),
        }
    }

    /// All or nothing. A failure is told op by op inside an answer that is itself no error:
    /// 0 before the failing op, its code, then RuntimeInconsistency.
    fn multi(&mut self, writes: &[Write], txn: &mut Txn<'_>) -> Body {
        txn.before = Some(Vec::new());
        let mut results = Vec::with_capacity(writes.len());
        let mut failed = None;
        for (at, write) in writes.iter().enumerate() {
            match self.write(write, txn) {
                Ok(body) => results.push(MultiResult::Done { op: wire_op(write), body }),
                Err(error) => {
                    failed = Some((at, error));
                    break;
                }
            }
        }
        let before = txn.before.take().unwrap_or_default();
        let Some((at, error)) = failed else {
            return Body::Multi(results);
        };
        for (place, znode) in before.into_iter().rev() {
            match znode {
                None => {
                    self.tree.erase(place);
                }
                Some(znode) => self.tree.revert(place, znode),
            }
        }
        if std::mem::take(&mut txn.quotas_changed) {
            self.quotas = Quotas::of(&self.tree);
        }
        txn.changes.clear();
        let code = |n: usize| match n.cmp(&at) {
            std::cmp::Ordering::Less => ErrorCode::Ok,
            std::cmp::Ordering::Equal => error,
            std::cmp::Ordering::Greater => ErrorCode::RuntimeInconsistency,
        };
        Body::Multi((0..writes.len()).map(|n| MultiResult::Failed(code(n))).collect())
    }

    fn create(&mut self, create: &Create, txn: &mut Txn<'_>) -> Result<Body, ErrorCode> {
        let sequential = matches!(create.flags, 2 | 3 | 6 | CONTAINER_SEQUENTIAL);
        let lifetime = lifetime_of(create, txn.session)?;
        let (parent_path, name) = path::split_new(&create.path).ok_or(ErrorCode::BadArguments)?;
        if create.path.contains('\0') {
            return Err(ErrorCode::BadArguments);
        }
        let acl = acl::fix_up(create.acl.as_deref(), txn.caller.ids())?;
        let parent = self.tree.find(parent_path).ok_or(ErrorCode::NoNode)?;
        let above = self.tree.get(parent).ok_or(ErrorCode::NoNode)?;
        txn.caller.permit(&above.acl, CREATE)?;
        let number = sequential.then(|| format!("{:010}", above.creates));
        let number = number.as_deref().unwrap_or_default();
        let (path, name) = (create.path.clone() + number, name.to_owned() + number);
        if !path::is_valid(&path) {
            return Err(ErrorCode::BadArguments);
        }
        if path == "/" || self.tree.child(parent, &name).is_some() {
            return Err(ErrorCode::NodeExists);
        }
        if matches!(above.lifetime, Lifetime::Ephemeral(_)) {
            return Err(ErrorCode::NoChildrenForEphemerals);
        }
        if sequential && above.creates < 0 {
            // As ZooKeeper answers when its numbers are used up.
            return Err(ErrorCode::NodeExists);
        }
        let bytes = length(create.data.as_ref());
        self.check_quota(&path, bytes, 1)?;
        let znode = Znode {
            parent,
            name: name.as_str().into(),
            data: own(create.data.as_ref()),
            acl: self.tree.intern(acl),
            lifetime,
            czxid: txn.zxid,
            mzxid: txn.zxid,
            pzxid: txn.zxid,
            ctime: txn.wall.0,
            mtime: txn.wall.0,
            version: 0,
            aversion: 0,
            creates: 0,
            children: 0,
        };
        let stat = znode.stat();
        let list = Arc::clone(&znode.acl);
        self.keep(parent, txn);
        let place = self.tree.insert(parent, znode);
        self.record_new(place, txn);
        self.tree.change(parent, |above| above.pzxid = above.pzxid.max(txn.zxid));
        let above = txn.changes.path(parent_path);
        let at = txn.changes.below(above, name.as_str().into());
        txn.changes.push(EventType::Created, at, list);
        self.children_changed(parent, above, txn);
        self.quota_made(parent_path, &name, txn);
        self.use_quota(&path, bytes, 1, txn);
        Ok(if create.with_stat { Body::Created { path, stat } } else { Body::Path(path) })
    }

    fn delete(&mut self, path: &str, version: i32, txn: &mut Txn<'_>) -> Result<Body, ErrorCode> {
        if path::is_special(path) || path.contains('\0') {
            return Err(ErrorCode::BadArguments);
        }
        let (parent_path, name) = path::split(path).ok_or(ErrorCode::BadArguments)?;
        let parent = self.tree.find(parent_path).ok_or(ErrorCode::NoNode)?;
        let above = self.tree.get(parent).ok_or(ErrorCode::NoNode)?;
        txn.caller.permit(&above.acl, DELETE)?;
        let place = self.tree.child(parent, name).ok_or(ErrorCode::NoNode)?;
        let znode = self.tree.get(place).ok_or(ErrorCode::NoNode)?;
        matches_version(znode.version, version)?;
        if znode.children > 0 {
            return Err(ErrorCode::NotEmpty);
        }
        self.remove(place, txn);
        Ok(Body::Empty)
    }

    /// Removes a childless znode, whoever asked.
    pub(super) fn remove(&mut self, place: u32, txn: &mut Txn<'_>) {
        let path = self.tree.path_of(place);
        let Some((parent_path, name)) = path::split(&path) else {
            return;
        };
        let Some(parent) = self.tree.get(place).map(|znode| znode.parent) else {
            return;
        };
        self.keep(place, txn);
        self.keep(parent, txn);
        let Some(znode) = self.tree.remove(place) else {
            return;
        };
        self.tree.change(parent, |above| above.pzxid = above.pzxid.max(txn.zxid));
        let above = txn.changes.path(parent_path);
        let at = txn.changes.below(above, Arc::clone(&znode.name));
        txn.changes.push(EventType::Deleted, at, znode.acl);
        self.children_changed(parent, above, txn);
        self.quota_gone(parent_path, name, txn);
        self.use_quota(&path, -length(znode.data.as_ref()), -1, txn);
    }

    fn set_data(
        &mut self,
        path: &str,
        data: Option<&bytes::Bytes>,
        version: i32,
        txn: &mut Txn<'_>,
    ) -> Result<Body, ErrorCode> {
        let place = self.writable(path, WRITE, txn)?;
        let znode = self.tree.get(place).ok_or(ErrorCode::NoNode)?;
        let (now, acl) = (znode.version, Arc::clone(&znode.acl));
        let growth = length(data) - length(znode.data.as_ref());
        self.check_quota(path, growth, 0)?;
        matches_version(now, version)?;
        if path == CONFIG {
            // Members are taken from it: reconfigs alone write it.
            return Err(ErrorCode::BadArguments);
        }
        self.keep(place, txn);
        let stat = self.tree.set_data(place, own(data), |znode| {
            znode.version = next_version(now);
            znode.mzxid = txn.zxid;
            znode.mtime = txn.wall.0;
            znode.stat()
        });
        let at = txn.changes.path(path);
        txn.changes.push(EventType::DataChanged, at, acl);
        self.use_quota(path, growth, 0, txn);
        Ok(Body::Stat(stat.unwrap_or_default()))
    }

    /// Writes a reserved znode of the server's own. Its version stays -1, as in ZooKeeper: the zxid
    /// tells one text from another.
    pub(super) fn set_reserved(&mut self, path: &str, data: Vec<u8>, txn: &mut Txn<'_>) {
        let Some(place) = self.tree.find(path) else {
            return;
        };
        let acl = self.tree.set_data(place, Some(data.into()), |znode| {
            znode.version = -1;
            znode.mzxid = txn.zxid;
            znode.mtime = txn.wall.0;
            Arc::clone(&znode.acl)
        });
        if let Some(acl) = acl {
            let at = txn.changes.path(path);
            txn.changes.push(EventType::DataChanged, at, acl);
        }
    }

    fn set_acl(
        &mut self,
        path: &str,
        acl: Option<&[Acl]>,
        version: i32,
        txn: &mut Txn<'_>,
    ) -> Result<Body, ErrorCode> {
        if !path::is_valid(path) {
            return Err(ErrorCode::BadArguments);
        }
        let acl = acl::fix_up(acl, txn.caller.ids())?;
        let place = self.writable(path, ADMIN, txn)?;
        let znode = self.tree.get(place).ok_or(ErrorCode::NoNode)?;
        matches_version(znode.aversion, version)?;
        let acl = self.tree.intern(acl);
        self.keep(place, txn);
        let stat = self.tree.change(place, |znode| {
            znode.acl = acl;
            znode.aversion = next_version(znode.aversion);
            znode.stat()
        });
        Ok(Body::Stat(stat.unwrap_or_default()))
    }

    fn check(&mut self, path: &str, version: i32, txn: &mut Txn<'_>) -> Result<Body, ErrorCode> {
        let place = self.writable(path, READ, txn)?;
        let znode = self.tree.get(place).ok_or(ErrorCode::NoNode)?;
        matches_version(znode.version, version)?;
        Ok(Body::Empty)
    }

    fn writable(&self, path: &str, perm: i32, txn: &mut Txn<'_>) -> Result<u32, ErrorCode> {
        if !path::is_valid(path) {
            return Err(ErrorCode::BadArguments);
        }
        let place = self.tree.find(path).ok_or(ErrorCode::NoNode)?;
        let znode = self.tree.get(place).ok_or(ErrorCode::NoNode)?;
        txn.caller.permit(&znode.acl, perm)?;
        Ok(place)
    }

    fn children_changed(&self, parent: u32, at: At, txn: &mut Txn<'_>) {
        if let Some(above) = self.tree.get(parent) {
            let acl = Arc::clone(&above.acl);
            txn.changes.push(EventType::ChildrenChanged, at, acl);
        }
    }

    /// Keeps a znode as it was, before it changes.
    pub(super) fn keep(&self, place: u32, txn: &mut Txn<'_>) {
        if let (Some(before), Some(znode)) = (&mut txn.before, self.tree.get(place)) {
            before.push((place, Some(znode.clone())));
        }
    }

    fn record_new(&mut self, place: u32, txn: &mut Txn<'_>) {
        if let Some(before) = &mut txn.before {
            before.push((place, None));
        }
    }
}

/// Data in memory of its own: as a slice of what the network or the disk brought, a small znode
/// would keep all of that.
fn own(data: Option<&bytes::Bytes>) -> Option<bytes::Bytes> {
    data.map(|data| bytes::Bytes::copy_from_slice(data))
}

/// The version after this one. -1 is none: a client could not ask for it (ZOOKEEPER-4743).
fn next_version(now: i32) -> i32 {
    match now.wrapping_add(1) {
        -1 => 0,
        next => next,
    }
}

/// -1 matches any.
fn matches_version(now: i32, wanted: i32) -> Result<(), ErrorCode> {
    if wanted == -1 || wanted == now { Ok(()) } else { Err(ErrorCode::BadVersion) }
}

fn lifetime_of(create: &Create, session: SessionId) -> Result<Lifetime, ErrorCode> {
    match (create.flags, create.ttl) {
        (0 | 2, None) => Ok(Lifetime::Persistent),
        (1 | 3, None) => Ok(Lifetime::Ephemeral(session)),
        (4 | CONTAINER_SEQUENTIAL, None) => Ok(Lifetime::Container),
        (5 | 6, Some(ttl)) if (1..=TTL_MAX).contains(&ttl) => Ok(Lifetime::Ttl(ttl)),
        _ => Err(ErrorCode::BadArguments),
    }
}

/// The wire type that a multi's answer shows for an op: every create with a Stat shows create2.
fn wire_op(write: &Write) -> i32 {
    match write {
        Write::Create(Create { with_stat: false, .. }) => 1,
        Write::Create(_) => 15,
        Write::Delete { .. } => 2,
        Write::SetData { .. } => 5,
        Write::SetAcl { .. } => 7,
        Write::Check { .. } => 13,
        Write::Multi(_) => 14,
        Write::Reconfig(_) => 16,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::state::changes::Changes;
    use crate::core::state::verdicts::Verdicts;
    use crate::core::state::znode::ROOT;
    use crate::core::types::{Wall, Zxid};

    fn txn(zxid: i64) -> Txn<'static> {
        Txn {
            zxid: Zxid(zxid),
            wall: Wall(0),
            session: SessionId(1),
            caller: Verdicts::of(&[]),
            changes: Changes::default(),
            before: None,
            quotas_changed: false,
            accepted: None,
        }
    }

    fn create(state: &mut State, zxid: i64, path: &str, flags: i32) -> Result<Body, ErrorCode> {
        let create = Create {
            path: path.to_owned(),
            data: None,
            acl: Some(acl::anyone(acl::ALL).to_vec()),
            flags,
            ttl: None,
            with_stat: false,
        };
        state.create(&create, &mut txn(zxid))
    }

    #[test]
    fn numbers_end_at_the_largest_one_which_is_given_once_and_the_parent_is_not_stuck() {
        let mut state = State::new();
        state.tree.change(ROOT, |root| root.creates = i32::MAX - 1);
        for number in [i32::MAX - 1, i32::MAX] {
            let named = create(&mut state, 1, "/n", 2);
            assert_eq!(named, Ok(Body::Path(format!("/n{number}"))));
        }
        let last = format!("/n{}", i32::MAX);
        assert!(state.delete(&last, -1, &mut txn(2)).is_ok());
        assert_eq!(create(&mut state, 2, "/n", 2), Err(ErrorCode::NodeExists));
        assert_eq!(create(&mut state, 2, "/m", 2), Err(ErrorCode::NodeExists));
        assert!(create(&mut state, 3, "/plain", 0).is_ok());
        assert_eq!(create(&mut state, 4, "/n", 2), Err(ErrorCode::NodeExists));
        assert_eq!(state.stat("/").map(|stat| stat.pzxid), Some(Zxid(3)));
    }

    #[test]
    fn a_version_wraps_and_is_never_the_one_that_matches_any() {
        assert_eq!(next_version(0), 1);
        assert_eq!(next_version(i32::MAX), i32::MIN);
        assert_eq!(next_version(-2), 0);
    }
}
