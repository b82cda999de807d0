//! ZooKeeper's own data made a state of this server: the znodes of one of its snapshots, and the
//! transactions of its log replayed on them as ZooKeeper does at a start (`DataTree.processTxn` of 3.9).
//!
//! A snapshot is fuzzy: it was written while transactions were applied, so some that follow it are in it
//! already, in part. Replayed in order they give what ZooKeeper had, whatever was in it.
//!
//! `replay` the tree that grows · `secret` the passwords of sessions, which ZooKeeper does not store.

mod replay;
mod secret;

use std::sync::Arc;

use bytes::Bytes;

pub(crate) use self::replay::Replay;
use super::op::Acl;
use super::state::znode::Lifetime;
use super::types::{SessionId, Zxid};

/// A znode of a snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StoredZnode {
    /// `""` or `/`: the root.
    pub path: String,
    pub data: Option<Bytes>,
    pub acl: Arc<[Acl]>,
    pub czxid: Zxid,
    pub mzxid: Zxid,
    pub pzxid: Zxid,
    pub ctime: i64,
    pub mtime: i64,
    pub version: i32,
    /// Children ever created, as ZooKeeper stores it; clients are shown another number.
    pub cversion: i32,
    pub aversion: i32,
    pub lifetime: Lifetime,
}

/// A logged transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Transaction {
    pub session: SessionId,
    pub zxid: Zxid,
    /// Milliseconds since the epoch.
    pub time: i64,
    pub change: Change,
}

/// What a transaction does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    Create {
        path: String,
        data: Option<Bytes>,
        acl: Arc<[Acl]>,
        lifetime: Lifetime,
        /// The parent's `cversion` after it; `None`: one more than before.
        parent: Option<i32>,
    },
    Delete(String),
    SetData {
        path: String,
        data: Option<Bytes>,
        version: i32,
    },
    SetAcl {
        path: String,
        acl: Arc<[Acl]>,
        version: i32,
    },
    /// With this timeout, in milliseconds.
    OpenSession(i32),
    /// With the ephemerals that it had, as far as the log names them.
    CloseSession(Vec<String>),
    Multi(Vec<Change>),
    /// It failed, or it only checked something.
    Nothing,
}
