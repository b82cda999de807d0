//! What a member is to its ensemble at the moment (Raft §5.1), inside and as others see it.

use std::collections::BTreeMap;

use super::leader::Leading;
use crate::core::types::MemberId;

/// Where this member stands in the elections, with what only that state has.
#[derive(Debug)]
pub(super) enum ElectionState {
    Follower,
    /// Asks whether it would be elected (dissertation §9.6).
    PreCandidate {
        votes: BTreeMap<MemberId, bool>,
    },
    Candidate {
        votes: BTreeMap<MemberId, bool>,
    },
    Leader(Box<Leading>),
}

/// What a member is, as others see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub(crate) enum ServerState {
    Leader,
    Follower,
    Candidate,
    /// Receives the log and does not vote (learners, observers, freshly adopted disks).
    Learner,
    /// The committed configuration does not have it any more.
    Removed,
}
