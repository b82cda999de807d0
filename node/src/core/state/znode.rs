//! A znode, and what clients see of it.

use std::sync::Arc;

use bytes::Bytes;

use crate::core::op::{Acl, Stat};
use crate::core::types::{SessionId, Zxid};

/// The place of the root.
pub(crate) const ROOT: u32 = 0;

/// How a znode ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Lifetime {
    Persistent,
    Ephemeral(SessionId),
    Container,
    /// Milliseconds without a change and without children.
    Ttl(i64),
}

/// A znode.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Znode {
    pub parent: u32,
    pub name: Arc<str>,
    pub data: Option<Bytes>,
    pub acl: Arc<[Acl]>,
    pub lifetime: Lifetime,
    pub czxid: Zxid,
    pub mzxid: Zxid,
    pub pzxid: Zxid,
    pub ctime: i64,
    pub mtime: i64,
    pub version: i32,
    pub aversion: i32,
    /// Children ever created; the next sequential name. Negative: those are used up.
    pub creates: i32,
    pub children: i32,
}

impl Znode {
    /// A persistent one of that name that nothing was done to yet: no data, no access list.
    pub(crate) fn blank(parent: u32, name: Arc<str>) -> Znode {
        Znode {
            parent,
            name,
            data: None,
            acl: Arc::new([]),
            lifetime: Lifetime::Persistent,
            czxid: Zxid(0),
            mzxid: Zxid(0),
            pzxid: Zxid(0),
            ctime: 0,
            mtime: 0,
            version: 0,
            aversion: 0,
            creates: 0,
            children: 0,
        }
    }

    /// What clients see (ZooKeeper's `DataNode.copyStat`).
    pub fn stat(&self) -> Stat {
        let owner = match self.lifetime {
            Lifetime::Ephemeral(session) => session.0,
            _ => 0,
        };
        Stat {
            czxid: self.czxid,
            mzxid: self.mzxid,
            ctime: self.ctime,
            mtime: self.mtime,
            version: self.version,
            cversion: self.creates.wrapping_mul(2).wrapping_sub(self.children),
            aversion: self.aversion,
            ephemeral_owner: owner,
            data_length: self.data.as_ref().map_or(0, |data| data.len() as i32),
            num_children: self.children,
            pzxid: self.pzxid,
        }
    }

    /// Name and data, in bytes.
    pub fn weight(&self) -> u64 {
        (self.name.len() + self.data.as_ref().map_or(0, |data| data.len())) as u64
    }
}
