//! What a leader shows of the other members.

use crate::core::types::{Index, MemberId};

/// A leader's view of another member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub(crate) struct PeerView {
    pub id: MemberId,
    pub matched: Index,
    pub connected: bool,
    pub last_contact_ms: Option<u64>,
    pub snapshotting: bool,
    pub behind_ms: Option<u64>,
}
