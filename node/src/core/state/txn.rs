//! One transaction on its way through the checks and changes of a write.

use super::changes::Changes;
use super::server_list::Target;
use super::verdicts::Verdicts;
use super::znode::Znode;
use crate::core::types::{SessionId, Wall, Zxid};

/// One transaction being applied.
pub(super) struct Txn<'a> {
    pub(super) zxid: Zxid,
    pub(super) wall: Wall,
    pub(super) session: SessionId,
    /// Whose rights it has.
    pub(super) caller: Verdicts<'a>,
    /// What watches may be waiting for, in order.
    pub(super) changes: Changes,
    /// Znodes as they were before, newest last; only kept for what can be undone.
    pub(super) before: Option<Vec<(u32, Option<Znode>)>>,
    /// A quota was set or lifted.
    pub(super) quotas_changed: bool,
    /// What an accepted reconfig asks for.
    pub(super) accepted: Option<Target>,
}
