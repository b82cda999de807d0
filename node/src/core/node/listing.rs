//! Lists that can be long, in pages: whoever asks holds the server up for one page at a time, and
//! what changes between two pages is seen or not. Each page begins after the last line of the one
//! before; an empty page is the end.

use super::Node;
use super::connection::Connection as Held;
use crate::core::status::Connection;
use crate::core::types::{ConnId, Mono, SessionId, Zxid};
use crate::core::watch::Armed;

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

impl Node {
    /// Client connections, by number.
    pub(crate) fn connections_page(&self, after: Option<ConnId>) -> Vec<Connection> {
        let describe = |(conn, connection): (ConnId, &Held)| Connection {
            conn,
            session: connection.session().unwrap_or_default(),
            outstanding: connection.outstanding(),
            timeout_ms: connection.timeout_ms,
        };
        let page = self.connections.after(after).take(PAGE);
        page.map(describe).collect()
    }

    /// Watches by path or by connection, each with the session of its connection.
    pub(crate) fn watches_page(
        &self,
        by_path: bool,
        after: Option<&Armed>,
    ) -> Vec<(Armed, SessionId)> {
        let page: Vec<Armed> = if by_path {
            self.watches.by_path_after(after).take(PAGE).collect()
        } else {
            self.watches.by_conn_after(after).take(PAGE).collect()
        };
        let session = |conn| self.connections.get(conn).and_then(Held::session);
        let line = |armed: Armed| {
            let session = session(armed.conn).unwrap_or_default();
            (armed, session)
        };
        page.into_iter().map(line).collect()
    }

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
