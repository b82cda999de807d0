//! Entries. Total: any entry is applied, and what is wrong with it is its answer.

use super::changes::Changes;
use super::session::Session;
use super::txn::Txn;
use super::verdicts::Verdicts;
use super::{Opened, Outcome, State};
use crate::core::entry::{Action, Command, Entry, Payload};
use crate::core::op::{Body, ErrorCode, Id, Write};
use crate::core::types::{Index, Password, Reckoning, ServerId, SessionId, Wall, Zxid};

impl State {
    /// Applies the next entry.
    pub fn apply(&mut self, entry: &Entry) -> Outcome {
        self.applied = entry.index;
        match &entry.payload {
            Payload::NewLeader => {
                self.new_epoch();
                self.done(Ok(Body::Empty))
            }
            Payload::Config(config) => self.configured(config),
            Payload::Command(command) => self.command(entry.index, command),
        }
    }

    fn command(&mut self, index: Index, command: &Command) -> Outcome {
        let wall = command.wall;
        match &command.action {
            Action::Write { session, attach, ids, write } => {
                self.client_write(wall, *session, *attach, ids, write)
            }
            Action::CreateSession { server, timeout_ms, password } => {
                self.create_session(index, wall, *server, *timeout_ms, *password)
            }
            Action::Attach { session, password, timeout_ms } => {
                self.attach(index, *session, *password, *timeout_ms)
            }
            Action::CloseSession { session, attach } => self.close_session(wall, *session, *attach),
            Action::Reap(paths) => self.reap(wall, paths),
            Action::EpochRoll => {
                self.new_epoch();
                self.done(Ok(Body::Empty))
            }
            Action::RefuseReconfig(error) => self.done(Err(*error)),
            Action::SetVersion(version) => {
                // Never lowered: what was written since may not mean anything under older rules.
                self.version = self.version.max(*version);
                self.done(Ok(Body::Empty))
            }
        }
    }

    pub(super) fn done(&self, result: Result<Body, ErrorCode>) -> Outcome {
        Outcome {
            zxid: self.zxid,
            result,
            changes: Changes::default(),
            opened: None,
            ended: None,
            accepted: None,
        }
    }

    fn new_epoch(&mut self) {
        self.zxid = Zxid::new(self.zxid.epoch().wrapping_add(1), 0);
    }

    /// Every transaction has a zxid of its own, a failed one too.
    fn next_zxid(&mut self) -> Zxid {
        self.zxid = Zxid(self.zxid.0 + 1);
        self.zxid
    }

    pub(super) fn txn<'a>(&mut self, wall: Wall, session: SessionId, ids: &'a [Id]) -> Txn<'a> {
        let zxid = self.next_zxid();
        Txn {
            zxid,
            wall,
            session,
            caller: Verdicts::of(ids),
            changes: Changes::default(),
            before: None,
            quotas_changed: false,
            accepted: None,
        }
    }

    fn client_write(
        &mut self,
        wall: Wall,
        session: SessionId,
        attach: Index,
        ids: &[Id],
        write: &Write,
    ) -> Outcome {
        let mut txn = self.txn(wall, session, ids);
        let result = match self.sessions.get(session) {
            None => Err(ErrorCode::SessionExpired),
            Some(known) if known.attach != attach => Err(ErrorCode::SessionMoved),
            Some(_) => self.write(write, &mut txn),
        };
        let changes = if result.is_ok() { txn.changes } else { Changes::default() };
        Outcome {
            zxid: txn.zxid,
            result,
            changes,
            opened: None,
            ended: None,
            accepted: txn.accepted,
        }
    }

    fn create_session(
        &mut self,
        index: Index,
        wall: Wall,
        server: ServerId,
        timeout_ms: i32,
        password: Password,
    ) -> Outcome {
        self.next_zxid();
        let session = Session { timeout_ms, password, attach: index };
        let session = self.sessions.create(server, wall, session);
        let opened = Some(Opened { session, timeout_ms, password, attach: index });
        Outcome { opened, ..self.done(Ok(Body::Empty)) }
    }

    /// Unknown and wrong password look alike.
    fn attach(
        &mut self,
        index: Index,
        id: SessionId,
        password: Password,
        timeout_ms: i32,
    ) -> Outcome {
        if self.sessions.get(id).is_none_or(|it| it.password != password) {
            return self.done(Err(ErrorCode::SessionExpired));
        }
        self.sessions.put(id, Session { timeout_ms, password, attach: index });
        let opened = Some(Opened { session: id, timeout_ms, password, attach: index });
        Outcome { opened, ..self.done(Ok(Body::Empty)) }
    }

    /// Judged again here: since the leader looked, a child or a change may have come.
    fn reap(&mut self, wall: Wall, paths: &[String]) -> Outcome {
        let mut changes = Changes::default();
        for path in paths {
            if let Some(place) = self.tree.find(path)
                && self.tree.is_due(place, Reckoning::by(wall))
            {
                let mut txn = self.txn(wall, SessionId(0), &[]);
                txn.changes = changes;
                self.remove(place, &mut txn);
                changes = txn.changes;
            }
        }
        Outcome { changes, ..self.done(Ok(Body::Empty)) }
    }
}
