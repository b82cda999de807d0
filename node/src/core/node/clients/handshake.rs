//! Sessions and connections: a new session, or an old one taken over. Both go through the log, so
//! that exactly one connection of the ensemble holds a session at any position of the log.

use super::super::ctx::Ctx;
use super::connection::Stage;
use super::{Ask, Clients};
use crate::core::effect::{Answered, CloseReason, Effect, Note};
use crate::core::entry::Action;
use crate::core::op::{ConnectRequest, ConnectResponse, ServerFrame};
use crate::core::op_name;
use crate::core::state::{Opened, State};
use crate::core::types::{ConnId, Password, SessionId};

impl Clients {
    /// The first frame of a connection. Order of the checks: ZooKeeper's `processConnectRequest`.
    pub(in crate::core::node) fn connect(
        &mut self,
        cx: &mut Ctx<'_>,
        state: &State,
        conn: ConnId,
        request: ConnectRequest,
        entropy: [u8; 16],
    ) {
        let Some(connection) = self.connections.get_mut(conn) else {
            return;
        };
        match connection.stage {
            Stage::New => {}
            Stage::Closing => return,
            _ => return self.close(cx, conn, CloseReason::Protocol),
        }
        connection.greeted = cx.now.micros;
        connection.knows_read_only = request.read_only.is_some();
        if cx.service.draining {
            return self.close(cx, conn, CloseReason::Draining);
        }
        if cx.service.read_only {
            return self.connect_read_only(cx, state, conn, &request, entropy);
        }
        if !cx.service.serving {
            return self.close(cx, conn, CloseReason::NotServing);
        }
        if request.last_zxid_seen > state.zxid() {
            return self.close(cx, conn, CloseReason::ClientAhead);
        }
        let timeout_ms = request
            .timeout_ms
            .clamp(cx.options.min_session_timeout_ms, cx.options.max_session_timeout_ms);
        let action = if request.session == SessionId(0) {
            let password = Password(entropy);
            Action::CreateSession { server: cx.options.server, timeout_ms, password }
        } else {
            let Some(password) = self.offered_password(state, &request) else {
                return self.refuse_session(cx, conn);
            };
            Action::Attach { session: request.session, password, timeout_ms }
        };
        // Where the session is not known yet, nobody has judged the password: a stranger must not
        // keep it alive.
        if state.session(request.session).is_some() {
            self.ask(Ask::Touch(request.session));
        }
        let number = self.submit(cx, conn, action);
        if let Some(connection) = self.connections.get_mut(conn) {
            connection.stage = Stage::Connecting { request: number };
        }
    }

    /// The password of a reattach. One that is wrong for a session known here is refused without
    /// a log entry; the log decides about all others.
    fn offered_password(&self, state: &State, request: &ConnectRequest) -> Option<Password> {
        let offered: [u8; 16] = request.password.as_deref()?.try_into().ok()?;
        match state.session(request.session) {
            Some(session) if session.password.0 != offered => None,
            _ => Some(Password(offered)),
        }
    }

    /// The outcome of a connection's handshake, at its place in the log.
    pub(super) fn handshake_done(
        &mut self,
        cx: &mut Ctx<'_>,
        state: &State,
        conn: ConnId,
        opened: Option<&Opened>,
    ) {
        let Some(connection) = self.connections.get_mut(conn) else {
            return;
        };
        let Some(opened) = opened else {
            return self.refuse_session(cx, conn);
        };
        connection.timeout_ms = opened.timeout_ms;
        let waited = cx.now.micros.since(connection.greeted);
        let response = ConnectResponse {
            timeout_ms: opened.timeout_ms,
            session: opened.session,
            password: opened.password,
            read_only: connection.knows_read_only.then_some(false),
        };
        self.connections.attach(conn, opened.session, opened.attach);
        self.ask(Ask::Touch(opened.session));
        self.tell(cx, conn, ServerFrame::Connect(response));
        cx.out.push(Effect::Note(Note::Answered(Answered {
            conn,
            name: op_name::SESSION,
            xid: 0,
            zxid: state.zxid(),
            waited,
            write: true,
        })));
        self.begin_requests(cx, state, conn);
    }

    /// Unknown, expired, wrong password: all look alike.
    pub(super) fn refuse_session(&mut self, cx: &mut Ctx<'_>, conn: ConnId) {
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
        self.tell(cx, conn, ServerFrame::Connect(response));
        self.close(cx, conn, CloseReason::SessionRefused);
    }
}
