//! Sessions and connections: a new session, or an old one taken over. Both go through the log, so
//! that exactly one connection of the ensemble holds a session at any position of the log.

use super::Node;
use super::connection::Stage;
use crate::core::effect::{Answered, CloseReason, Effect, Note};
use crate::core::entry::Action;
use crate::core::op::{ConnectRequest, ConnectResponse, ServerFrame};
use crate::core::op_name;
use crate::core::state::Opened;
use crate::core::types::{ConnId, Now, Password, SessionId};

impl Node {
    /// The first frame of a connection. Order of the checks: ZooKeeper's `processConnectRequest`.
    pub(super) fn connect(
        &mut self,
        now: Now,
        conn: ConnId,
        request: ConnectRequest,
        entropy: [u8; 16],
        out: &mut Vec<Effect>,
    ) {
        let Some(connection) = self.connections.get_mut(conn) else {
            return;
        };
        match connection.stage {
            Stage::New => {}
            Stage::Closing => return,
            _ => return self.close(conn, CloseReason::Protocol, out),
        }
        connection.greeted = now.mono;
        connection.knows_read_only = request.read_only.is_some();
        if self.standing.draining() {
            return self.close(conn, CloseReason::Draining, out);
        }
        if self.reads_only() {
            return self.connect_read_only(now, conn, &request, entropy, out);
        }
        if !self.standing.serving() {
            return self.close(conn, CloseReason::NotServing, out);
        }
        if request.last_zxid_seen > self.state.zxid() {
            return self.close(conn, CloseReason::ClientAhead, out);
        }
        let timeout_ms = request
            .timeout_ms
            .clamp(self.options.min_session_timeout_ms, self.options.max_session_timeout_ms);
        let action = if request.session == SessionId(0) {
            let password = Password(entropy);
            Action::CreateSession { server: self.options.server, timeout_ms, password }
        } else {
            let Some(password) = self.offered_password(&request) else {
                return self.refuse_session(conn, out);
            };
            Action::Attach { session: request.session, password, timeout_ms }
        };
        // Where the session is not known yet, nobody has judged the password: a stranger must not
        // keep it alive.
        if self.state.session(request.session).is_some() {
            self.expiry.touch(request.session, now.mono);
        }
        let number = self.queue.push(Some(conn), action);
        if let Some(connection) = self.connections.get_mut(conn) {
            connection.stage = Stage::Connecting { request: number };
        }
    }

    /// The password of a reattach. One that is wrong for a session known here is refused without
    /// a log entry; the log decides about all others.
    fn offered_password(&self, request: &ConnectRequest) -> Option<Password> {
        let offered: [u8; 16] = request.password.as_deref()?.try_into().ok()?;
        match self.state.session(request.session) {
            Some(session) if session.password.0 != offered => None,
            _ => Some(Password(offered)),
        }
    }

    /// The outcome of a connection's handshake, at its place in the log.
    pub(super) fn handshake_done(
        &mut self,
        now: Now,
        conn: ConnId,
        opened: Option<&Opened>,
        out: &mut Vec<Effect>,
    ) {
        let Some(connection) = self.connections.get_mut(conn) else {
            return;
        };
        let Some(opened) = opened else {
            return self.refuse_session(conn, out);
        };
        connection.timeout_ms = opened.timeout_ms;
        let millis = now.mono.since(connection.greeted);
        let response = ConnectResponse {
            timeout_ms: opened.timeout_ms,
            session: opened.session,
            password: opened.password,
            read_only: connection.knows_read_only.then_some(false),
        };
        self.connections.attach(conn, opened.session, opened.attach);
        self.expiry.touch(opened.session, now.mono);
        self.tell(conn, ServerFrame::Connect(response), out);
        out.push(Effect::Note(Note::Answered(Answered {
            conn,
            name: op_name::SESSION,
            xid: 0,
            zxid: self.state.zxid(),
            millis,
            write: true,
        })));
        self.begin_requests(now, conn, out);
    }

    /// Unknown, expired, wrong password: all look alike.
    pub(super) fn refuse_session(&mut self, conn: ConnId, out: &mut Vec<Effect>) {
        let read_only = self
            .connections
            .get(conn)
            .and_then(|connection| connection.knows_read_only.then_some(false));
        let response = ConnectResponse {
            timeout_ms: 0,
            session: SessionId(0),
            password: Password::default(),
            read_only,
        };
        self.tell(conn, ServerFrame::Connect(response), out);
        self.close(conn, CloseReason::SessionRefused, out);
    }
}
