//! Lists that can be long, in pages: whoever asks holds the server up for one page at a time, and
//! what changes between two pages is seen or not. Each page begins after the last line of the one
//! before; an empty page is the end.

use super::Clients;
use super::connection::Connection as Held;
use crate::core::status::Connection;
use crate::core::types::{ConnId, SessionId};
use crate::core::watch::Armed;

/// Lines of a page.
const PAGE: usize = 2_000;

impl Clients {
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
}
