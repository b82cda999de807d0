//! Read-only mode: a server that is cut off from the quorum serves what it has to clients that
//! said they can do with that. Their sessions are known here alone and end with their connections,
//! or with the mode. Source: ZooKeeper's `ReadOnlyZooKeeperServer` and `ReadOnlyRequestProcessor`.

use std::sync::Arc;

use super::super::ctx::Ctx;
use super::Clients;
use super::connection::{Held, Stage};
use crate::core::effect::{CloseReason, Effect};
use crate::core::op::{
    Body, ConnectRequest, ConnectResponse, ErrorCode, Op, Reply, Request, ServerFrame,
};
use crate::core::state::State;
use crate::core::types::{ConnId, Password, SessionId};

impl Clients {
    /// The first frame of a connection to a server in this mode.
    pub(super) fn connect_read_only(
        &mut self,
        cx: &mut Ctx<'_>,
        state: &State,
        conn: ConnId,
        request: &ConnectRequest,
        entropy: [u8; 16],
    ) {
        // One that can write belongs elsewhere, and a session of the ensemble does so as well: only
        // the ensemble may say that it lives.
        if request.read_only != Some(true) || state.session(request.session).is_some() {
            return self.close(cx, conn, CloseReason::NotServing);
        }
        if request.last_zxid_seen > state.zxid() {
            return self.close(cx, conn, CloseReason::ClientAhead);
        }
        if request.session != SessionId(0) {
            return self.refuse_session(cx, conn);
        }
        let session = self.local_session(cx, state, entropy);
        let timeout_ms = request
            .timeout_ms
            .clamp(cx.options.min_session_timeout_ms, cx.options.max_session_timeout_ms);
        let Some(connection) = self.connections.get_mut(conn) else {
            return;
        };
        connection.timeout_ms = timeout_ms;
        connection.stage = Stage::ReadOnly { session, heard: cx.now.mono };
        let response = ConnectResponse {
            timeout_ms,
            session,
            password: Password(entropy),
            read_only: Some(true),
        };
        cx.out.push(Effect::Client { conn, frame: ServerFrame::Connect(response) });
    }

    /// An id that no session of the ensemble has here: this server's number, then chance.
    fn local_session(&self, cx: &Ctx<'_>, state: &State, entropy: [u8; 16]) -> SessionId {
        let chance = u128::from_be_bytes(entropy) as i64 & 0x00FF_FFFF_FFFF_FFFF;
        let mut id = (i64::from(cx.options.server.0) << 56) | chance;
        while id == 0 || state.session(SessionId(id)).is_some() {
            id = id.wrapping_add(1);
        }
        SessionId(id)
    }

    /// A request on such a connection: what needs the quorum is refused. Nothing waits here, so
    /// each is answered at once.
    pub(super) fn request_read_only(
        &mut self,
        cx: &mut Ctx<'_>,
        state: &State,
        conn: ConnId,
        mut request: Request,
    ) {
        let Some(connection) = self.connections.get_mut(conn) else {
            return;
        };
        if let Stage::ReadOnly { heard, .. } = &mut connection.stage {
            *heard = cx.now.mono;
        }
        let ids = Arc::clone(&connection.ids);
        if request.op == Op::Close {
            let reply = Reply {
                xid: request.xid,
                zxid: state.zxid(),
                err: ErrorCode::Ok,
                body: Body::Empty,
            };
            cx.out.push(Effect::Client { conn, frame: ServerFrame::Reply(reply) });
            return self.close(cx, conn, CloseReason::Goodbye);
        }
        if matches!(request.op, Op::Write(_) | Op::Sync { .. } | Op::Reconfig { .. }) {
            request.op = Op::Invalid(ErrorCode::NotReadOnly);
        }
        self.dispatch(cx, state, conn, Held { request, ids });
    }

    /// Ends sessions that have gone silent, and all of them once the quorum is back: their clients
    /// look for a server that can write.
    pub(in crate::core::node) fn tick_read_only(&mut self, cx: &mut Ctx<'_>) {
        let over = !cx.service.read_only;
        let ended = |stage: &Stage, timeout_ms: i32| match stage {
            Stage::ReadOnly { heard, .. } => {
                let silent = cx.now.mono.since(*heard);
                let patience = u64::try_from(timeout_ms).unwrap_or_default();
                if over {
                    Some(CloseReason::NotServing)
                } else {
                    (silent > patience).then_some(CloseReason::SessionExpired)
                }
            }
            _ => None,
        };
        let all: Vec<(ConnId, CloseReason)> = self
            .connections
            .iter()
            .filter_map(|(conn, it)| Some((conn, ended(&it.stage, it.timeout_ms)?)))
            .collect();
        for (conn, reason) in all {
            self.close(cx, conn, reason);
        }
    }
}
