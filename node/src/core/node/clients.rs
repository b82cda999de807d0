//! Requests and their answers.

use std::net::IpAddr;
use std::sync::Arc;

use super::Node;
use super::connection::{Held, Item, Stage, Waits, Work};
use crate::core::effect::{Answered, CloseReason, Effect, Note};
use crate::core::entry::Action;
use crate::core::op::{
    Body, ErrorCode, Id, Op, Read, Reply, Request, ServerFrame, WatchKind, Write,
};
use crate::core::op_name;
use crate::core::types::{ConnId, Now, Zxid};

/// The client protocol's number of a ping's reply.
const PING_XID: i32 = -2;

impl Node {
    pub(super) fn connected(
        &mut self,
        conn: ConnId,
        ip: IpAddr,
        subject: Option<String>,
        entropy: [u8; 30],
        out: &mut Vec<Effect>,
    ) {
        self.connections.open(conn, ip, entropy);
        if let Some(subject) = subject {
            self.certified(conn, &subject);
        }
        if self.standing.draining() {
            self.close(conn, CloseReason::Draining, out);
        }
    }

    /// Forgets a connection that is gone. What it submitted may still come to pass; what was not
    /// submitted yet never will.
    pub(super) fn forget_connection(&mut self, conn: ConnId) {
        if self.connections.remove(conn).is_some() {
            self.watches.drop_conn(conn);
            self.queue.drop_conn(conn);
            self.barriers.drop_conn(conn);
            self.reconfigs.drop_conn(conn);
        }
    }

    /// Closes a connection from our side.
    pub(super) fn close(&mut self, conn: ConnId, reason: CloseReason, out: &mut Vec<Effect>) {
        self.connections.closing(conn);
        self.watches.drop_conn(conn);
        self.queue.drop_conn(conn);
        self.barriers.drop_conn(conn);
        self.reconfigs.drop_conn(conn);
        out.push(Effect::Close { conn, reason });
    }

    pub(super) fn close_all(&mut self, reason: CloseReason, out: &mut Vec<Effect>) {
        let open = |stage: &Stage| *stage != Stage::Closing;
        let all: Vec<ConnId> = self
            .connections
            .iter()
            .filter(|(_, connection)| open(&connection.stage))
            .map(|(conn, _)| conn)
            .collect();
        for conn in all {
            self.close(conn, reason, out);
        }
    }

    pub(super) fn request(
        &mut self,
        now: Now,
        conn: ConnId,
        request: Request,
        out: &mut Vec<Effect>,
    ) {
        let Some(connection) = self.connections.get_mut(conn) else {
            return;
        };
        match connection.stage {
            Stage::Closing => {}
            Stage::New => self.close(conn, CloseReason::Protocol, out),
            _ if connection.outstanding() >= self.options.max_outstanding => {
                self.close(conn, CloseReason::TooManyOutstanding, out);
            }
            Stage::Connecting { .. } => connection.early.push(request),
            Stage::ReadOnly { .. } => self.request_read_only(now, conn, request, out),
            Stage::Attached { session, .. } => {
                let out_of_order =
                    matches!(request.op, Op::Ping | Op::Auth { .. } | Op::Sasl { .. });
                // As in ZooKeeper a request has the rights that its connection had when it came,
                // whatever auth packet overtakes it.
                let ids = Arc::clone(&connection.ids);
                if !out_of_order && connection.holds(&request.op) {
                    connection.held.push_back(Held { request, ids });
                } else {
                    self.dispatch(now, conn, Held { request, ids }, out);
                }
                self.expiry.touch(session, now.mono);
            }
        }
    }

    /// Puts a request in line and answers whatever can be answered.
    pub(super) fn dispatch(
        &mut self,
        now: Now,
        conn: ConnId,
        Held { request, ids }: Held,
        out: &mut Vec<Effect>,
    ) {
        let (xid, name) = (request.xid, op_name::of(&request.op));
        if self.lacks_authentication(conn, &request.op) {
            return self.demand_authentication(conn, xid, out);
        }
        // Its effect comes later than its place in the log: writes behind it must not overtake it.
        let reconfig = matches!(request.op, Op::Reconfig { .. });
        let (waits, work) = match request.op {
            Op::Ping => return self.answer_ping(conn, out),
            Op::Auth { scheme, auth } => {
                return self.authenticate(conn, xid, &scheme, auth.as_deref(), out);
            }
            Op::Sasl { token } => return self.sasl(conn, xid, token.as_deref(), out),
            // In read-only mode there is no quorum to ask.
            Op::Read(read) if self.options.linearizable_reads && self.standing.serving() => {
                (Waits::Barrier(self.barrier(now, conn, out)), Work::Read(read))
            }
            Op::Read(read) => (Waits::Nothing, Work::Read(read)),
            Op::Sync { path } => {
                (Waits::Barrier(self.barrier(now, conn, out)), Work::Sync { path })
            }
            Op::Write(write) => match self.submit_write(conn, &ids, write) {
                Ok(request) => (Waits::Outcome(request), Work::Write(None)),
                Err(error) => (Waits::Nothing, Work::Fail(error)),
            },
            Op::Close => match self.submit_close(conn) {
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
            op @ Op::Reconfig { .. } => match self.submit_reconfig(conn, &ids, op) {
                Ok(request) => (Waits::Outcome(request), Work::Write(None)),
                Err(error) => (Waits::Nothing, Work::Fail(error)),
            },
            Op::Invalid(error) => (Waits::Nothing, Work::Fail(error)),
            Op::Unknown(_) => (Waits::Nothing, Work::Unknown),
        };
        let heavy = reconfig || self.is_heavy(&work);
        if let Some(connection) = self.connections.get_mut(conn) {
            connection.push(Item { xid, name, arrived: now.mono, ids, waits, work, heavy });
            self.pump(now, conn, out);
        }
    }

    /// Pings are answered out of order: a client whose write waits for a new leader must not take
    /// its server for dead.
    fn answer_ping(&mut self, conn: ConnId, out: &mut Vec<Effect>) {
        let reply =
            Reply { xid: PING_XID, zxid: self.state.zxid(), err: ErrorCode::Ok, body: Body::Empty };
        let answered = Answered {
            conn,
            name: op_name::PING,
            xid: PING_XID,
            zxid: reply.zxid,
            millis: 0,
            write: false,
        };
        self.tell(conn, ServerFrame::Reply(reply), out);
        out.push(Effect::Note(Note::Answered(answered)));
    }

    /// Submits a write with these rights.
    pub(super) fn submit_write(
        &mut self,
        conn: ConnId,
        ids: &Arc<[Id]>,
        write: Write,
    ) -> Result<u64, ErrorCode> {
        let low = self.standing.disk_low || self.standing.memory_low;
        if low && adds_data(&write) {
            return Err(ErrorCode::QuotaExceeded);
        }
        let connection = self.connections.get(conn).ok_or(ErrorCode::SystemError)?;
        let Stage::Attached { session, attach } = connection.stage else {
            return Err(ErrorCode::SystemError);
        };
        let write = self.name_only_known_schemes(write);
        let ids = self.rights(ids);
        Ok(self.queue.push(Some(conn), Action::Write { session, attach, ids, write }))
    }

    fn submit_close(&mut self, conn: ConnId) -> Option<u64> {
        let Stage::Attached { session, attach } = self.connections.get(conn)?.stage else {
            return None;
        };
        let action = Action::CloseSession { session, attach: Some(attach) };
        Some(self.queue.push(Some(conn), action))
    }

    /// Answers from the head of the queue for as long as nothing is waited for.
    pub(super) fn pump(&mut self, now: Now, conn: ConnId, out: &mut Vec<Effect>) {
        while self.may_answer(conn) {
            let connection = self.connections.get_mut(conn);
            let Some(item) = connection.and_then(|connection| connection.next_ready()) else {
                break;
            };
            let answered = Answered {
                conn,
                name: item.name,
                xid: item.xid,
                zxid: self.state.zxid(),
                millis: now.mono.since(item.arrived),
                write: matches!(item.work, Work::Write(_) | Work::Close),
            };
            self.answer(conn, item, out);
            out.push(Effect::Note(Note::Answered(answered)));
        }
    }

    /// Goes on with requests that were held back.
    pub(super) fn release_held(&mut self, now: Now, conn: ConnId, out: &mut Vec<Effect>) {
        while let Some(held) = self.connections.get_mut(conn).and_then(|it| it.next_held()) {
            self.dispatch(now, conn, held, out);
        }
    }

    /// Takes what came before the handshake was answered as if it came now.
    pub(super) fn begin_requests(&mut self, now: Now, conn: ConnId, out: &mut Vec<Effect>) {
        let early = self.connections.get_mut(conn);
        let early = early.map(|it| std::mem::take(&mut it.early));
        for request in early.unwrap_or_default() {
            self.request(now, conn, request, out);
        }
    }

    fn answer(&mut self, conn: ConnId, item: Item, out: &mut Vec<Effect>) {
        let zxid = self.state.zxid();
        let (zxid, result) = match item.work {
            Work::Read(read) => (zxid, self.read(conn, &item.ids, &read)),
            Work::Write(Some((zxid, result))) => (zxid, result),
            Work::Write(None) => (zxid, Err(ErrorCode::SystemError)),
            Work::Sync { path } => (zxid, Ok(Body::Path(path))),
            Work::SetWatches(set) => (zxid, self.set_watches(conn, set, out)),
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
            return self.close(conn, CloseReason::SessionMoved, out);
        }
        let unknown = zxid == Zxid(-1);
        let (err, body) = match result {
            Ok(body) => (ErrorCode::Ok, body),
            Err(error) => (error, Body::Empty),
        };
        let reply = Reply { xid: item.xid, zxid, err, body };
        self.tell(conn, ServerFrame::Reply(reply), out);
        self.bound_watches(out);
        if unknown {
            self.close(conn, CloseReason::UnknownOp, out);
        }
    }

    /// Answers a read and registers its watch in the same step, so that no change falls between.
    fn read(&mut self, conn: ConnId, ids: &Arc<[Id]>, read: &Read) -> Result<Body, ErrorCode> {
        let session = self.connections.get(conn).and_then(|connection| connection.session());
        let session = session.ok_or(ErrorCode::SessionExpired)?;
        if *read == Read::WhoAmI {
            // The implicit id is shown too, an assumed `super` is not.
            return Ok(Body::Ids(ids.to_vec()));
        }
        let ids = self.rights(ids);
        let result = self.state.read_within(read, session, &ids, self.options.max_reply);
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
