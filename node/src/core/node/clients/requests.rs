//! Requests and their answers.

use std::net::IpAddr;
use std::sync::Arc;

use super::super::ctx::Ctx;
use super::connection::{Held, Item, Stage, Waits, Work};
use super::{Ask, Clients};
use crate::core::effect::{Answered, CloseReason, Effect, Note};
use crate::core::entry::Action;
use crate::core::op::{
    Body, ErrorCode, Id, Op, Read, Reconfig, Reply, Request, ServerFrame, WatchKind, Write,
};
use crate::core::op_name;
use crate::core::options::ReconfigPolicy;
use crate::core::raft::config::Config;
use crate::core::state::State;
use crate::core::types::{ConnId, Zxid};

/// The client protocol's number of a ping's reply.
const PING_XID: i32 = -2;

impl Clients {
    pub(in crate::core::node) fn connected(
        &mut self,
        cx: &mut Ctx<'_>,
        conn: ConnId,
        ip: IpAddr,
        subject: Option<String>,
        entropy: [u8; 30],
    ) {
        self.connections.open(conn, ip, entropy);
        if let Some(subject) = subject {
            self.certified(cx, conn, &subject);
        }
        if cx.service.draining {
            self.close(cx, conn, CloseReason::Draining);
        }
    }

    /// Forgets a connection that is gone. What it submitted may still come to pass; what was not
    /// submitted yet never will.
    pub(in crate::core::node) fn forget(&mut self, conn: ConnId) {
        if self.connections.remove(conn).is_some() {
            self.watches.drop_conn(conn);
            self.ask(Ask::Left(conn));
        }
    }

    /// Closes a connection from our side.
    pub(super) fn close(&mut self, cx: &mut Ctx<'_>, conn: ConnId, reason: CloseReason) {
        self.connections.closing(conn);
        self.watches.drop_conn(conn);
        self.ask(Ask::Left(conn));
        cx.out.push(Effect::Close { conn, reason });
    }

    pub(in crate::core::node) fn close_all(&mut self, cx: &mut Ctx<'_>, reason: CloseReason) {
        let open = |stage: &Stage| *stage != Stage::Closing;
        let all: Vec<ConnId> = self
            .connections
            .iter()
            .filter(|(_, connection)| open(&connection.stage))
            .map(|(conn, _)| conn)
            .collect();
        for conn in all {
            self.close(cx, conn, reason);
        }
    }

    pub(in crate::core::node) fn request(
        &mut self,
        cx: &mut Ctx<'_>,
        state: &State,
        conn: ConnId,
        request: Request,
    ) {
        let Some(connection) = self.connections.get_mut(conn) else {
            return;
        };
        match connection.stage {
            Stage::Closing => {}
            Stage::New => self.close(cx, conn, CloseReason::Protocol),
            _ if connection.outstanding() >= cx.options.max_outstanding => {
                self.close(cx, conn, CloseReason::TooManyOutstanding);
            }
            Stage::Connecting { .. } => connection.early.push(request),
            Stage::ReadOnly { .. } => self.request_read_only(cx, state, conn, request),
            Stage::Attached { session, .. } => {
                let out_of_order =
                    matches!(request.op, Op::Ping | Op::Auth { .. } | Op::Sasl { .. });
                // As in ZooKeeper a request has the rights that its connection had when it came,
                // whatever auth packet overtakes it.
                let ids = Arc::clone(&connection.ids);
                if !out_of_order && connection.holds(&request.op) {
                    connection.held.push_back(Held { request, ids });
                } else {
                    self.dispatch(cx, state, conn, Held { request, ids });
                }
                self.ask(Ask::Touch(session));
            }
        }
    }

    /// Puts a request in line and answers whatever can be answered.
    pub(super) fn dispatch(
        &mut self,
        cx: &mut Ctx<'_>,
        state: &State,
        conn: ConnId,
        Held { request, ids }: Held,
    ) {
        let (xid, name) = (request.xid, op_name::of(&request.op));
        if self.lacks_authentication(cx, conn, &request.op) {
            return self.demand_authentication(cx, conn, xid);
        }
        // Its effect comes later than its place in the log: writes behind it must not overtake it.
        let reconfig = matches!(request.op, Op::Reconfig { .. });
        let (waits, work) = match request.op {
            Op::Ping => return self.answer_ping(cx, state, conn),
            Op::Auth { scheme, auth } => {
                return self.authenticate(cx, conn, xid, &scheme, auth.as_deref());
            }
            Op::Sasl { token } => return self.sasl(cx, conn, xid, token.as_deref()),
            // In read-only mode there is no quorum to ask.
            Op::Read(read) if cx.options.linearizable_reads && cx.service.serving => {
                (Waits::Barrier(self.barrier(cx, conn)), Work::Read(read))
            }
            Op::Read(read) => (Waits::Nothing, Work::Read(read)),
            Op::Sync { path } => (Waits::Barrier(self.barrier(cx, conn)), Work::Sync { path }),
            Op::Write(write) => match self.submit_write(cx, conn, &ids, write) {
                Ok(request) => (Waits::Outcome(request), Work::Write(None)),
                Err(error) => (Waits::Nothing, Work::Fail(error)),
            },
            Op::Close => match self.submit_close(cx, conn) {
                Some(request) => (Waits::Outcome(request), Work::Close),
                None => return,
            },
            Op::SetWatches(set) => (Waits::Nothing, Work::SetWatches(set)),
            Op::AddWatch { path, recursive } => {
                (Waits::Nothing, Work::AddWatch { path, recursive })
            }
            Op::RemoveWatches { path, kind } => {
                (Waits::Nothing, Work::RemoveWatches { path, kind })
            }
            Op::CheckWatches { path, kind } => (Waits::Nothing, Work::CheckWatches { path, kind }),
            op @ Op::Reconfig { .. } => match self.submit_reconfig(cx, conn, &ids, op) {
                Ok(request) => (Waits::Outcome(request), Work::Write(None)),
                Err(error) => (Waits::Nothing, Work::Fail(error)),
            },
            Op::Invalid(error) => (Waits::Nothing, Work::Fail(error)),
            Op::Unknown(_) => (Waits::Nothing, Work::Unknown),
        };
        let heavy = reconfig || self.is_heavy(state, &work);
        if let Some(connection) = self.connections.get_mut(conn) {
            connection.push(Item { xid, name, arrived: cx.now.micros, ids, waits, work, heavy });
            self.pump(cx, state, conn);
        }
    }

    /// Pings are answered out of order: a client whose write waits for a new leader must not take
    /// its server for dead.
    fn answer_ping(&mut self, cx: &mut Ctx<'_>, state: &State, conn: ConnId) {
        let reply =
            Reply { xid: PING_XID, zxid: state.zxid(), err: ErrorCode::Ok, body: Body::Empty };
        let answered = Answered {
            conn,
            name: op_name::PING,
            xid: PING_XID,
            zxid: reply.zxid,
            waited: 0,
            write: false,
        };
        self.tell(cx, conn, ServerFrame::Reply(reply));
        cx.note(Note::Answered(answered));
    }

    /// Submits a write with these rights.
    pub(super) fn submit_write(
        &mut self,
        cx: &mut Ctx<'_>,
        conn: ConnId,
        ids: &Arc<[Id]>,
        write: Write,
    ) -> Result<u64, ErrorCode> {
        let low = cx.service.disk_low || cx.service.memory_low;
        if low && adds_data(&write) {
            return Err(ErrorCode::QuotaExceeded);
        }
        let connection = self.connections.get(conn).ok_or(ErrorCode::SystemError)?;
        let Stage::Attached { session, attach } = connection.stage else {
            return Err(ErrorCode::SystemError);
        };
        let write = self.name_only_known_schemes(cx, write);
        let ids = self.rights(cx, ids);
        Ok(self.submit(cx, conn, Action::Write { session, attach, ids, write }))
    }

    fn submit_close(&mut self, cx: &mut Ctx<'_>, conn: ConnId) -> Option<u64> {
        let Stage::Attached { session, attach } = self.connections.get(conn)?.stage else {
            return None;
        };
        let action = Action::CloseSession { session, attach: Some(attach) };
        Some(self.submit(cx, conn, action))
    }

    /// Puts a client's reconfig in line, as any write.
    pub(super) fn submit_reconfig(
        &mut self,
        cx: &mut Ctx<'_>,
        conn: ConnId,
        ids: &Arc<[Id]>,
        op: Op,
    ) -> Result<u64, ErrorCode> {
        let ReconfigPolicy::Clients { least_voters } = cx.options.reconfig else {
            return Err(ErrorCode::ReconfigDisabled);
        };
        let alone = |config: &Config| config.members.len() == 1 && least_voters > 1;
        if cx.raft.is_none_or(|raft| alone(raft.config())) {
            // As a standalone ZooKeeper.
            return Err(ErrorCode::Unimplemented);
        }
        let Op::Reconfig { joining, leaving, members, version } = op else {
            return Err(ErrorCode::SystemError);
        };
        let request = Reconfig { joining, leaving, members, version, least_voters };
        self.submit_write(cx, conn, ids, Write::Reconfig(request))
    }

    /// Answers from the head of the queue for as long as nothing is waited for.
    fn pump(&mut self, cx: &mut Ctx<'_>, state: &State, conn: ConnId) {
        while self.may_answer(cx, conn) {
            let connection = self.connections.get_mut(conn);
            let Some(item) = connection.and_then(|connection| connection.next_ready()) else {
                break;
            };
            let answered = Answered {
                conn,
                name: item.name,
                xid: item.xid,
                zxid: state.zxid(),
                waited: cx.now.micros.since(item.arrived),
                write: matches!(item.work, Work::Write(_) | Work::Close),
            };
            self.answer(cx, state, conn, item);
            cx.note(Note::Answered(answered));
        }
    }

    /// Something that a connection waited for is there: answers and held requests go on.
    pub(super) fn go_on(&mut self, cx: &mut Ctx<'_>, state: &State, conn: ConnId) {
        self.pump(cx, state, conn);
        self.release_held(cx, state, conn);
    }

    /// Goes on with requests that were held back.
    fn release_held(&mut self, cx: &mut Ctx<'_>, state: &State, conn: ConnId) {
        while let Some(held) = self.connections.get_mut(conn).and_then(|it| it.next_held()) {
            self.dispatch(cx, state, conn, held);
        }
    }

    /// Takes what came before the handshake was answered as if it came now.
    pub(super) fn begin_requests(&mut self, cx: &mut Ctx<'_>, state: &State, conn: ConnId) {
        let early = self.connections.get_mut(conn);
        let early = early.map(|it| std::mem::take(&mut it.early));
        for request in early.unwrap_or_default() {
            self.request(cx, state, conn, request);
        }
    }

    fn answer(&mut self, cx: &mut Ctx<'_>, state: &State, conn: ConnId, item: Item) {
        let zxid = state.zxid();
        let (zxid, result) = match item.work {
            Work::Read(read) => (zxid, self.read(cx, state, conn, &item.ids, &read)),
            Work::Write(Some((zxid, result))) => (zxid, result),
            Work::Write(None) => (zxid, Err(ErrorCode::SystemError)),
            Work::Sync { path } => (zxid, Ok(Body::Path(path))),
            Work::SetWatches(set) => (zxid, self.set_watches(cx, state, conn, set)),
            Work::AddWatch { path, recursive } => {
                let kind =
                    if recursive { WatchKind::PersistentRecursive } else { WatchKind::Persistent };
                self.watches.add(conn, &path, kind);
                (zxid, Ok(Body::Zero))
            }
            Work::RemoveWatches { path, kind } => {
                let found = self.watches.remove(conn, &path, kind);
                (zxid, if found { Ok(Body::Empty) } else { Err(ErrorCode::NoWatcher) })
            }
            Work::CheckWatches { path, kind } => {
                let found = self.watches.has(conn, &path, kind);
                (zxid, if found { Ok(Body::Empty) } else { Err(ErrorCode::NoWatcher) })
            }
            Work::Fail(error) => (zxid, Err(error)),
            Work::Unknown => (Zxid(-1), Err(ErrorCode::Unimplemented)),
            Work::Close => (zxid, Ok(Body::Empty)),
        };
        let moved = result == Err(ErrorCode::SessionMoved);
        if moved {
            // ZooKeeper never sends this code either: the client is on another server by now.
            return self.close(cx, conn, CloseReason::SessionMoved);
        }
        let unknown = zxid == Zxid(-1);
        let (err, body) = match result {
            Ok(body) => (ErrorCode::Ok, body),
            Err(error) => (error, Body::Empty),
        };
        let reply = Reply { xid: item.xid, zxid, err, body };
        self.tell(cx, conn, ServerFrame::Reply(reply));
        self.bound_watches(cx);
        if unknown {
            self.close(cx, conn, CloseReason::UnknownOp);
        }
    }

    /// Answers a read and registers its watch in the same step, so that no change falls between.
    fn read(
        &mut self,
        cx: &Ctx<'_>,
        state: &State,
        conn: ConnId,
        ids: &Arc<[Id]>,
        read: &Read,
    ) -> Result<Body, ErrorCode> {
        let session = self.connections.get(conn).and_then(|connection| connection.session());
        let session = session.ok_or(ErrorCode::SessionExpired)?;
        if *read == Read::WhoAmI {
            // The implicit id is shown too, an assumed `super` is not.
            return Ok(Body::Ids(ids.to_vec()));
        }
        let ids = self.rights(cx, ids);
        let result = state.read_within(read, session, &ids, cx.options.max_reply);
        match (read, &result) {
            (Read::Exists { path, watch: true }, Ok(_)) => {
                self.watches.add(conn, path, WatchKind::Data);
            }
            (Read::Exists { path, watch: true }, Err(ErrorCode::NoNode)) => {
                self.watches.add(conn, path, WatchKind::Exist);
            }
            (Read::GetData { path, watch: true }, Ok(_)) => {
                self.watches.add(conn, path, WatchKind::Data);
            }
            (Read::GetChildren { path, watch: true, .. }, Ok(_)) => {
                self.watches.add(conn, path, WatchKind::Child);
            }
            _ => {}
        }
        result
    }
}

/// Whether a write can make the data grow.
fn adds_data(write: &Write) -> bool {
    match write {
        Write::Create(_) | Write::SetData { .. } | Write::SetAcl { .. } => true,
        Write::Delete { .. } | Write::Check { .. } | Write::Reconfig(_) => false,
        Write::Multi(writes) => writes.iter().any(adds_data),
    }
}
