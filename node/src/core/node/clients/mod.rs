//! This server's own clients: their connections, their requests in line, what they watch.
//!
//! `connection` one connection and its queue · `requests` requests and answers · `handshake` sessions and
//! connections · `auth` who is on one · `read_only` service without a quorum · `flow` how much of it at
//! once, `window` what waits to be sent · `watching` what clients watch · `listing` long lists in pages.
//!
//! What is to come of a request elsewhere (the log, a quorum, the leader's view of sessions) leaves as
//! an [`Ask`], in order; the hub hands it on.

mod auth;
mod connection;
mod flow;
mod handshake;
mod listing;
mod read_only;
mod requests;
mod watching;
mod window;

use self::connection::{Connections, Stage};
use self::window::Turn;
use super::ctx::Ctx;
use crate::core::effect::CloseReason;
use crate::core::entry::{Action, Entry, Payload};
use crate::core::state::{Opened, Outcome, State};
use crate::core::status::WatchCounts;
use crate::core::types::{ConnId, SessionId};
use crate::core::watch::Watches;

/// What clients want of the other wings.
#[derive(Debug)]
pub(super) enum Ask {
    /// Bring this into the log.
    Submit { request: u64, conn: ConnId, action: Action },
    /// A barrier was asked for; this connection waits for it.
    Barrier { id: u64, conn: ConnId },
    /// A session spoke.
    Touch(SessionId),
    /// Nobody waits on this connection any more.
    Left(ConnId),
}

/// The clients of this server.
#[derive(Debug, Default)]
pub(super) struct Clients {
    connections: Connections,
    watches: Watches,
    turn: Turn,
    asks: Vec<Ask>,
}

impl Clients {
    /// What was asked since the last time, in order.
    pub(super) fn take_asks(&mut self) -> Vec<Ask> {
        std::mem::take(&mut self.asks)
    }

    fn ask(&mut self, ask: Ask) {
        self.asks.push(ask);
    }

    fn submit(&mut self, cx: &mut Ctx<'_>, conn: ConnId, action: Action) -> u64 {
        let request = cx.numbers.request();
        self.ask(Ask::Submit { request, conn, action });
        request
    }

    fn barrier(&mut self, cx: &mut Ctx<'_>, conn: ConnId) -> u64 {
        let id = cx.numbers.barrier();
        self.ask(Ask::Barrier { id, conn });
        cx.ask_barrier(id);
        id
    }

    /// A request of this connection has its outcome.
    pub(super) fn resolve(
        &mut self,
        cx: &mut Ctx<'_>,
        state: &State,
        (request, conn): (u64, ConnId),
        entry: &Entry,
        outcome: &Outcome,
    ) {
        let Some(connection) = self.connections.get_mut(conn) else {
            return;
        };
        if connection.stage == (Stage::Connecting { request }) {
            return self.handshake_done(cx, state, conn, outcome.opened.as_ref());
        }
        connection.resolve(request, outcome.zxid, outcome.result.clone());
        self.go_on(cx, state, conn);
        if outcome.result.is_ok() && is_farewell(entry) {
            self.close(cx, conn, CloseReason::Goodbye);
        }
    }

    /// A reconfig of this connection came to pass: it is answered with the configuration.
    pub(super) fn reconfigured(
        &mut self,
        cx: &mut Ctx<'_>,
        state: &State,
        conn: ConnId,
        request: u64,
    ) {
        if let Some(connection) = self.connections.get_mut(conn) {
            connection.resolve(request, state.zxid(), state.configuration_shown());
            self.go_on(cx, state, conn);
        }
    }

    /// The leader that was to carry this connection's reconfig out is lost: nobody knows how far it was.
    pub(super) fn abandon(&mut self, cx: &mut Ctx<'_>, conn: ConnId) {
        if self.connections.get(conn).is_some_and(|it| it.stage != Stage::Closing) {
            self.close(cx, conn, CloseReason::NotServing);
        }
    }

    /// A barrier that this connection waits for was passed.
    pub(super) fn pass(&mut self, cx: &mut Ctx<'_>, state: &State, conn: ConnId, barrier: u64) {
        if let Some(connection) = self.connections.get_mut(conn) {
            connection.pass(barrier);
            self.go_on(cx, state, conn);
        }
    }

    /// A session was made or taken over: its connection here, if any, lost it to another one, here or
    /// elsewhere.
    pub(super) fn session_opened(&mut self, cx: &mut Ctx<'_>, opened: &Opened) {
        if let Some(conn) = self.connections.of_session(opened.session) {
            self.close(cx, conn, CloseReason::SessionMoved);
        }
    }

    /// A session is over, by this entry.
    pub(super) fn session_ended(&mut self, cx: &mut Ctx<'_>, session: SessionId, entry: &Entry) {
        if let Some(conn) = self.connections.of_session(session) {
            let farewell = is_farewell(entry);
            let reason = if farewell { CloseReason::Goodbye } else { CloseReason::SessionExpired };
            self.close(cx, conn, reason);
        }
    }

    /// Closes a tenth of the connections, those without requests in progress first, so that clients move
    /// without a storm; all of them when it is `late`. False: none was left.
    pub(super) fn drain(&mut self, cx: &mut Ctx<'_>, late: bool) -> bool {
        let open: Vec<(ConnId, bool)> = self
            .connections
            .iter()
            .filter(|(_, connection)| connection.stage != Stage::Closing)
            .map(|(conn, connection)| (conn, connection.outstanding() == 0))
            .collect();
        let batch = if late { open.len() } else { open.len().div_ceil(10) };
        let idle = open.iter().filter(|(_, idle)| *idle || late).map(|(conn, _)| *conn);
        for conn in idle.take(batch).collect::<Vec<ConnId>>() {
            self.close(cx, conn, CloseReason::Draining);
        }
        !open.is_empty()
    }

    /// How many connections there are.
    pub(super) fn count(&self) -> usize {
        self.connections.iter().count()
    }

    /// Requests in progress, all connections together.
    pub(super) fn outstanding(&self) -> usize {
        self.connections.outstanding()
    }

    pub(super) fn watch_counts(&self) -> WatchCounts {
        let counts = self.watches.counts();
        WatchCounts {
            connections: counts.connections,
            paths: counts.paths,
            watches: counts.watches,
        }
    }

    /// Checks what must hold between steps.
    ///
    /// # Panics
    /// When a session is registered to a connection that does not hold it, or a count is wrong.
    #[cfg(any(test, feature = "sim"))]
    pub(super) fn check_invariants(&self) {
        self.connections.check_invariants();
    }
}

/// Whether the entry is a client's own farewell.
fn is_farewell(entry: &Entry) -> bool {
    let Payload::Command(command) = &entry.payload else {
        return false;
    };
    matches!(command.action, Action::CloseSession { attach: Some(_), .. })
}
