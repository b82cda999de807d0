//! Answers from the state as it is.

use super::State;
use super::acl::{self, ADMIN, READ};
use super::verdicts::Verdicts;
use super::znode::Lifetime;
use crate::core::names::Names;
use crate::core::op::{Body, ErrorCode, Id, MultiResult, Read, Stat};
use crate::core::types::SessionId;

/// Wire numbers of the two ops that a multiRead may hold.
const GET_DATA: i32 = 4;
const GET_CHILDREN: i32 = 8;

impl State {
    /// Answers a read, however large the answer.
    ///
    /// # Errors
    /// As ZooKeeper's `FinalRequestProcessor`.
    pub fn read(&self, read: &Read, session: SessionId, ids: &[Id]) -> Result<Body, ErrorCode> {
        self.read_within(read, session, ids, usize::MAX)
    }

    /// Answers a read with at most `room` bytes. Watches are not this module's business, and
    /// neither is `whoAmI`.
    ///
    /// # Errors
    /// As ZooKeeper's `FinalRequestProcessor`; and `MarshallingError`, a code that every client
    /// knows, if the answer has no room. In a multiRead that is told of the ops that have none.
    pub fn read_within(
        &self,
        read: &Read,
        session: SessionId,
        ids: &[Id],
        room: usize,
    ) -> Result<Body, ErrorCode> {
        self.answer(read, session, &mut Verdicts::of(ids), room)
    }

    fn answer(
        &self,
        read: &Read,
        session: SessionId,
        caller: &mut Verdicts<'_>,
        room: usize,
    ) -> Result<Body, ErrorCode> {
        let body = match read {
            // The one read that looks at its path.
            Read::Exists { path, .. } if path.contains('\0') => {
                return Err(ErrorCode::BadArguments);
            }
            Read::Exists { path, .. } => {
                let place = self.readable(path, caller, READ)?;
                Body::Stat(self.stat_at(place))
            }
            Read::GetData { path, .. } => {
                let place = self.readable(path, caller, READ)?;
                let data = self.tree.get(place).and_then(|znode| znode.data.clone());
                Body::Data { data, stat: self.stat_at(place) }
            }
            Read::GetAcl { path } => self.access_list(path, caller)?,
            Read::GetChildren { path, with_stat, .. } => {
                let place = self.readable(path, caller, READ)?;
                let names = self.tree.children(place).map(|(name, _)| name);
                let children = Names::gather(names, room).ok_or(ErrorCode::MarshallingError)?;
                if *with_stat {
                    Body::ChildrenStat { children, stat: self.stat_at(place) }
                } else {
                    Body::Children(children)
                }
            }
            Read::GetAllChildrenNumber { path } => {
                let place = self.readable(path, caller, READ)?;
                Body::Count(i32::try_from(self.tree.count_below(place)).unwrap_or(i32::MAX))
            }
            Read::GetEphemerals { prefix } => self.ephemerals(prefix, session, room)?,
            Read::MultiRead(reads) => return Ok(self.many(reads, session, caller, room)),
            Read::WhoAmI => Body::Ids(caller.ids().to_vec()),
        };
        if body.weight() > room {
            return Err(ErrorCode::MarshallingError);
        }
        Ok(body)
    }

    /// Hashes of passwords are shown to those alone who may change them.
    fn access_list(&self, path: &str, caller: &mut Verdicts<'_>) -> Result<Body, ErrorCode> {
        let place = self.readable(path, caller, READ | ADMIN)?;
        let znode = self.tree.get(place).ok_or(ErrorCode::NoNode)?;
        let acl = if caller.allowed(&znode.acl, ADMIN) {
            znode.acl.to_vec()
        } else {
            acl::masked(&znode.acl)
        };
        Ok(Body::Acl { acl, stat: znode.stat() })
    }

    /// The session's own ephemerals whose paths begin so.
    fn ephemerals(&self, prefix: &str, session: SessionId, room: usize) -> Result<Body, ErrorCode> {
        // What Java's trim() leaves.
        let all = matches!(prefix.trim_matches(|c| c <= ' '), "" | "/");
        let (mut own, mut bytes) = (Vec::new(), 0);
        for place in self.tree.ephemeral_places(session) {
            let path = self.tree.path_of(place);
            if all || path.starts_with(prefix) {
                bytes += path.len();
                if bytes > room {
                    return Err(ErrorCode::MarshallingError);
                }
                own.push(path);
            }
        }
        own.sort_unstable();
        Ok(Body::Paths(own))
    }

    /// Each read of a multiRead for itself.
    fn many(
        &self,
        reads: &[Read],
        session: SessionId,
        caller: &mut Verdicts<'_>,
        mut room: usize,
    ) -> Body {
        let results = reads.iter().map(|read| {
            let result = self.one_of_many(read, session, caller, room);
            // What follows is not even gathered: it might be as much, for each op.
            room = match result {
                MultiResult::Failed(ErrorCode::MarshallingError) => 0,
                _ => room.saturating_sub(result.weight()),
            };
            result
        });
        Body::Multi(results.collect())
    }

    fn one_of_many(
        &self,
        read: &Read,
        session: SessionId,
        caller: &mut Verdicts<'_>,
        room: usize,
    ) -> MultiResult {
        let op = if matches!(read, Read::GetData { .. }) { GET_DATA } else { GET_CHILDREN };
        match self.answer(read, session, caller, room) {
            Ok(body) => MultiResult::Done { op, body },
            Err(error) => MultiResult::Failed(error),
        }
    }

    fn readable(&self, path: &str, caller: &mut Verdicts<'_>, perm: i32) -> Result<u32, ErrorCode> {
        let place = self.tree.find(path).ok_or(ErrorCode::NoNode)?;
        let znode = self.tree.get(place).ok_or(ErrorCode::NoNode)?;
        caller.permit(&znode.acl, perm)?;
        Ok(place)
    }

    fn stat_at(&self, place: u32) -> Stat {
        self.tree.get(place).map(|znode| znode.stat()).unwrap_or_default()
    }

    /// A znode's Stat, whoever asks.
    pub fn stat(&self, path: &str) -> Option<Stat> {
        self.tree.find(path).map(|place| self.stat_at(place))
    }

    /// Whether a znode ends with a session.
    pub fn is_ephemeral(&self, path: &str) -> bool {
        let znode = self.tree.find(path).and_then(|place| self.tree.get(place));
        znode.is_some_and(|znode| matches!(znode.lifetime, Lifetime::Ephemeral(_)))
    }
}
