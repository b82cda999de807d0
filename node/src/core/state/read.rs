//! Answers from the state as it is.

use super::State;
use super::acl::{self, ADMIN, READ, allowed};
use super::tree::Lifetime;
use crate::core::op::{Body, ErrorCode, Id, MultiResult, Read, Stat};
use crate::core::types::SessionId;

/// Wire numbers of the two ops that a multiRead may hold.
const GET_DATA: i32 = 4;
const GET_CHILDREN: i32 = 8;

impl State {
    /// Answers a read. Watches are not this module's business, and neither is `whoAmI`.
    ///
    /// # Errors
    /// As ZooKeeper's `FinalRequestProcessor`.
    pub fn read(&self, read: &Read, session: SessionId, ids: &[Id]) -> Result<Body, ErrorCode> {
        match read {
            // The one read that looks at its path.
            Read::Exists { path, .. } if path.contains('\0') => Err(ErrorCode::BadArguments),
            Read::Exists { path, .. } => {
                let place = self.readable(path, ids, READ)?;
                Ok(Body::Stat(self.stat_at(place)))
            }
            Read::GetData { path, .. } => {
                let place = self.readable(path, ids, READ)?;
                let data = self.tree.get(place).and_then(|znode| znode.data.clone());
                Ok(Body::Data {
                    data,
                    stat: self.stat_at(place),
                })
            }
            Read::GetAcl { path } => {
                let place = self.readable(path, ids, READ | ADMIN)?;
                let znode = self.tree.get(place).ok_or(ErrorCode::NoNode)?;
                let acl = if allowed(&znode.acl, ids, ADMIN) {
                    znode.acl.to_vec()
                } else {
                    acl::masked(&znode.acl)
                };
                Ok(Body::Acl {
                    acl,
                    stat: znode.stat(),
                })
            }
            Read::GetChildren {
                path, with_stat, ..
            } => {
                let place = self.readable(path, ids, READ)?;
                let children = self
                    .tree
                    .children(place)
                    .map(|(name, _)| name.to_string())
                    .collect();
                Ok(if *with_stat {
                    Body::ChildrenStat {
                        children,
                        stat: self.stat_at(place),
                    }
                } else {
                    Body::Children(children)
                })
            }
            Read::GetAllChildrenNumber { path } => {
                let place = self.readable(path, ids, READ)?;
                Ok(Body::Count(
                    i32::try_from(self.tree.count_below(place)).unwrap_or(i32::MAX),
                ))
            }
            Read::GetEphemerals { prefix } => {
                let mut own = self.tree.ephemerals_of(session);
                // What Java's trim() leaves.
                let all = matches!(prefix.trim_matches(|c| c <= ' '), "" | "/");
                own.retain(|path| all || path.starts_with(prefix));
                Ok(Body::Paths(own))
            }
            Read::MultiRead(reads) => {
                let results = reads
                    .iter()
                    .map(|read| self.one_of_many(read, session, ids));
                Ok(Body::Multi(results.collect()))
            }
            Read::WhoAmI => Ok(Body::Ids(ids.to_vec())),
        }
    }

    fn one_of_many(&self, read: &Read, session: SessionId, ids: &[Id]) -> MultiResult {
        let op = if matches!(read, Read::GetData { .. }) {
            GET_DATA
        } else {
            GET_CHILDREN
        };
        match self.read(read, session, ids) {
            Ok(body) => MultiResult::Done { op, body },
            Err(error) => MultiResult::Failed(error),
        }
    }

    fn readable(&self, path: &str, ids: &[Id], perm: i32) -> Result<u32, ErrorCode> {
        let place = self.tree.find(path).ok_or(ErrorCode::NoNode)?;
        let znode = self.tree.get(place).ok_or(ErrorCode::NoNode)?;
        if allowed(&znode.acl, ids, perm) {
            Ok(place)
        } else {
            Err(ErrorCode::NoAuth)
        }
    }

    fn stat_at(&self, place: u32) -> Stat {
        self.tree
            .get(place)
            .map(|znode| znode.stat())
            .unwrap_or_default()
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
