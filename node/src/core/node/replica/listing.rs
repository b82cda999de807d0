//! Lists of the replicated state that can be long, in pages: whoever asks holds the server up for one
//! page at a time, and what changes between two pages is seen or not. Each page begins after the last
//! line of the one before; an empty page is the end.

use super::Replica;
use crate::core::types::{Mono, SessionId, Zxid};

/// Lines of a page.
const PAGE: usize = 2_000;

/// A session, as `dump` shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SessionLine {
    /// Which.
    pub session: SessionId,
    /// Negotiated, in milliseconds.
    pub timeout_ms: i32,
    /// Leader only: milliseconds until it ends, should it stay silent.
    pub ends_in_ms: Option<u64>,
}

/// An ephemeral znode and the place to go on after it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct EphemeralLine {
    /// Whose.
    pub session: SessionId,
    /// Its path.
    pub path: String,
    /// Where the tree keeps it.
    pub place: u32,
}

impl Replica {
    /// Sessions of the ensemble, by id.
    pub(crate) fn sessions_page(&self, now: Mono, after: Option<SessionId>) -> Vec<SessionLine> {
        let page = self.state.sessions_after(after).take(PAGE);
        page.map(|(session, details)| SessionLine {
            session,
            timeout_ms: details.timeout_ms,
            ends_in_ms: self.expiry.left(session, now),
        })
        .collect()
    }

    /// Ephemeral znodes, by session.
    pub(crate) fn ephemerals_page(&self, after: Option<(SessionId, u32)>) -> Vec<EphemeralLine> {
        let page = self.state.ephemerals_after(after).take(PAGE);
        page.map(|(session, place, path)| EphemeralLine { session, path, place }).collect()
    }

    /// Digests of the replicated state at every 128th transaction, oldest first; for a comparison
    /// with the other members'.
    pub(crate) fn digest_history(&self) -> Vec<(Zxid, u64)> {
        self.digests.iter().collect()
    }
}
