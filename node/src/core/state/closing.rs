//! A session's end: it and all its ephemerals go under one zxid. What that takes for each of them
//! is little, and nothing of it is done anew for siblings: there may be a hundred thousand.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::changes::{At, Changes};
use super::ledger::{Amount, length};
use super::quota::LIMITS;
use super::tree::Tree;
use super::txn::Txn;
use super::znode::{ROOT, Znode};
use super::{Outcome, State};
use crate::core::op::{Body, ErrorCode, EventType};
use crate::core::types::{Index, SessionId, Wall};

/// Where the znodes above are among the changes.
type Known = BTreeMap<u32, At>;

impl State {
    pub(super) fn close_session(
        &mut self,
        wall: Wall,
        id: SessionId,
        attach: Option<Index>,
    ) -> Outcome {
        match self.sessions.get(id) {
            None => return self.done(Err(ErrorCode::SessionExpired)),
            Some(session) if attach.is_some_and(|attach| attach != session.attach) => {
                return self.done(Err(ErrorCode::SessionMoved));
            }
            Some(_) => {}
        }
        let mut txn = self.txn(wall, id, &[]);
        self.remove_ephemerals(id, &mut txn);
        self.sessions.remove(id);
        Outcome {
            zxid: txn.zxid,
            result: Ok(Body::Empty),
            changes: txn.changes,
            opened: None,
            ended: Some(id),
            accepted: None,
        }
    }

    fn remove_ephemerals(&mut self, id: SessionId, txn: &mut Txn<'_>) {
        let gone = self.tree.remove_ephemerals(id);
        let (mut known, mut usage) = (Known::new(), BTreeMap::new());
        for siblings in gone.chunk_by(|one, other| one.parent == other.parent) {
            let Some(parent) = siblings.first().map(|znode| znode.parent) else {
                continue;
            };
            let acl = self.tree.change(parent, |above| {
                above.children -= siblings.len() as i32;
                above.pzxid = above.pzxid.max(txn.zxid);
                Arc::clone(&above.acl)
            });
            let above = place_of(&self.tree, parent, &mut known, &mut txn.changes);
            for znode in siblings {
                let at = txn.changes.below(above, Arc::clone(&znode.name));
                let list = Arc::clone(&znode.acl);
                txn.changes.push(EventType::Deleted, at, list);
                if let Some(acl) = &acl {
                    let acl = Arc::clone(acl);
                    txn.changes.push(EventType::ChildrenChanged, above, acl);
                }
                self.note_gone(znode, above, at, txn, &mut usage);
            }
        }
        for (quota, amount) in usage {
            self.use_quota(&quota, amount.bytes, amount.znodes, txn);
        }
    }

    /// Whether it was a quota's, and which quota it counted for.
    fn note_gone(
        &mut self,
        znode: &Znode,
        above: At,
        at: At,
        txn: &mut Txn<'_>,
        usage: &mut BTreeMap<String, Amount>,
    ) {
        if &*znode.name == LIMITS {
            let parent = txn.changes.text(above);
            self.quota_gone(&parent, LIMITS, txn);
        }
        if self.quotas.is_empty() {
            return;
        }
        let path = txn.changes.text(at);
        if let Some(quota) = self.quotas.nearest(&path) {
            let amount = usage.entry(quota.to_owned()).or_default();
            amount.znodes -= 1;
            amount.bytes -= length(znode.data.as_ref());
        }
    }
}

/// The path of a place. Those above it are entered once, however many are below.
fn place_of(tree: &Tree, place: u32, known: &mut Known, changes: &mut Changes) -> At {
    let (mut names, mut at) = (Vec::new(), place);
    let mut above = loop {
        if let Some(above) = known.get(&at) {
            break *above;
        }
        let znode = tree.get(at).filter(|_| at != ROOT);
        let Some(znode) = znode else {
            let root = changes.path("/");
            known.insert(ROOT, root);
            break root;
        };
        names.push((at, Arc::clone(&znode.name)));
        at = znode.parent;
    };
    while let Some((place, name)) = names.pop() {
        above = changes.below(above, name);
        known.insert(place, above);
    }
    above
}
