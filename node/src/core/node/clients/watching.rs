//! What clients watch: how it is armed again, who is told, and how much of it there may be.

use std::sync::Arc;

use super::super::ctx::Ctx;
use super::Clients;
use crate::core::effect::{CloseReason, Note};
use crate::core::op::{Body, ErrorCode, EventType, ServerFrame, SetWatches, WatchEvent, WatchKind};
use crate::core::state::changes::Changes;
use crate::core::state::{State, allowed};
use crate::core::types::{ConnId, Zxid};
use crate::core::watch::Paths;

/// ZooKeeper's READ permission.
const READ: i32 = 1;

impl Clients {
    /// Sends the events of one transaction. A watcher that may not read the znode is not told
    /// (ZooKeeper 3.9.2, CVE-2024-23944).
    pub(in crate::core::node) fn fire(&mut self, cx: &mut Ctx<'_>, zxid: Zxid, changes: &Changes) {
        if self.watches.is_empty() {
            return;
        }
        let mut paths = Paths::of(changes);
        for change in changes.iter() {
            let Some(fired) = self.watches.fire(change, &mut paths) else {
                continue;
            };
            cx.note(Note::Fired { kind: change.kind, watches: fired.conns.len() });
            for conn in fired.conns {
                let ids = self.connections.get(conn).map(|it| self.rights(cx, &it.ids));
                if !allowed(&change.acl, &ids.unwrap_or_default(), READ) {
                    continue;
                }
                let event = WatchEvent { zxid, kind: change.kind, path: Arc::clone(&fired.path) };
                self.tell(cx, conn, ServerFrame::Event(event));
            }
        }
    }

    /// Re-arms what a client watched before it reconnected, or tells it at once what it missed.
    /// The events come before the reply. Rules: ZooKeeper's `DataTree.setWatches`.
    pub(super) fn set_watches(
        &mut self,
        cx: &mut Ctx<'_>,
        state: &State,
        conn: ConnId,
        set: SetWatches,
    ) -> Result<Body, ErrorCode> {
        let since = set.relative_zxid;
        let mut events = Vec::new();
        for path in set.data {
            match state.stat(&path) {
                None => events.push((EventType::Deleted, path)),
                Some(stat) if stat.mzxid > since => events.push((EventType::DataChanged, path)),
                Some(_) => self.watches.add(conn, &path, WatchKind::Data),
            }
        }
        for path in set.exist {
            match state.stat(&path) {
                Some(_) => events.push((EventType::Created, path)),
                None => self.watches.add(conn, &path, WatchKind::Exist),
            }
        }
        for path in set.child {
            match state.stat(&path) {
                None => events.push((EventType::Deleted, path)),
                Some(stat) if stat.pzxid > since => {
                    events.push((EventType::ChildrenChanged, path));
                }
                Some(_) => self.watches.add(conn, &path, WatchKind::Child),
            }
        }
        for path in set.persistent {
            self.watches.add(conn, &path, WatchKind::Persistent);
        }
        for path in set.persistent_recursive {
            self.watches.add(conn, &path, WatchKind::PersistentRecursive);
        }
        for (kind, path) in events {
            let event = WatchEvent { zxid: Zxid(-1), kind, path: path.into() };
            self.tell(cx, conn, ServerFrame::Event(event));
        }
        if set.ends_early {
            return Err(ErrorCode::MarshallingError);
        }
        Ok(Body::Empty)
    }

    /// Whoever watches most is let go when all together watch too much: a client that never stops
    /// must not take the memory of all others.
    pub(super) fn bound_watches(&mut self, cx: &mut Ctx<'_>) {
        while self.watches.bytes() > cx.options.watch_bytes {
            let Some(conn) = self.watches.heaviest() else {
                return;
            };
            self.close(cx, conn, CloseReason::TooManyWatches);
        }
    }
}
