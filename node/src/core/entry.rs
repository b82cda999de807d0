//! What the log holds. Entries are requests, evaluated when they are applied, identically on every
//! member: whatever they need (wall time, the caller's ids) is stamped into them.

use std::sync::Arc;

use super::op::{Acl, ErrorCode, Id, Write};
use super::raft::config::Config;
use super::types::{EnsembleVersion, Index, MemberId, Password, ServerId, SessionId, Term, Wall};

/// One position of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Of the leader that proposed it.
    pub term: Term,
    /// Its position.
    pub index: Index,
    /// What it says.
    pub payload: Payload,
}

/// What an entry says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Payload {
    /// The first entry of a term: starts a new zxid epoch.
    NewLeader,
    /// A new configuration of the ensemble; in force on each member from when it is in its log.
    Config(Arc<Config>),
    /// A command for the replicated state.
    Command(Arc<Command>),
}

/// A command for the replicated state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// The leader's wall clock when it was proposed.
    pub wall: Wall,
    /// Who waits for the outcome; `None` for the leader's own commands.
    pub origin: Option<Origin>,
    /// What to do.
    pub action: Action,
}

/// Which request of which process a command came from, so that its outcome finds its way back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The member whose client asked.
    pub member: MemberId,
    /// That process's own random number: a restart forgets who waited.
    pub boot: u64,
    /// Rises by one with every command of that process.
    pub request: u64,
}

/// What a command does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// A client's write. Consumes a zxid also when it fails.
    Write {
        /// Whose.
        session: SessionId,
        /// The connection's claim on the session, from [`Action::CreateSession`] or
        /// [`Action::Attach`]: the index of that entry. Another one attached since: the write
        /// fails with SESSIONMOVED and changes nothing.
        attach: Index,
        /// The caller's authenticated ids (with the implicit `ip`).
        ids: Arc<[Id]>,
        /// What.
        write: Write,
    },
    /// A new session. Its id is chosen when applied. Consumes a zxid.
    CreateSession {
        /// The server whose number goes into the id's high byte.
        server: ServerId,
        /// Negotiated, in milliseconds.
        timeout_ms: i32,
        /// Random.
        password: Password,
    },
    /// A client takes its session to another connection. Consumes no zxid.
    Attach {
        /// Which.
        session: SessionId,
        /// Must equal the session's; otherwise refused as if the session did not exist.
        password: Password,
        /// Negotiated anew, in milliseconds.
        timeout_ms: i32,
    },
    /// The session and all its ephemerals end, under one zxid.
    CloseSession {
        /// Which.
        session: SessionId,
        /// `Some`: asked by the client on the connection with this claim, obeyed only while it
        /// still holds the session. `None`: expired by the leader.
        attach: Option<Index>,
    },
    /// Remove container and TTL znodes that are still due when applied; one zxid each.
    Reap(Vec<String>),
    /// Starts a new zxid epoch before the counter runs out. Consumes no zxid of its own.
    EpochRoll,
    /// The answer to an accepted reconfig that did not come to pass. Changes nothing.
    RefuseReconfig(ErrorCode),
    /// The ensemble's version is this from now on, unless it is higher. Changes nothing that
    /// clients see.
    SetVersion(EnsembleVersion),
}

impl Payload {
    /// Roughly how many bytes the entry takes, for windows and batches.
    pub fn weight(&self) -> usize {
        match self {
            Payload::NewLeader => 32,
            Payload::Config(config) => 64 + 160 * config.members.len(),
            Payload::Command(command) => 96 + command.action.weight(),
        }
    }
}

/// Of access lists and ids, whose texts clients choose.
fn text(schemes_and_ids: impl Iterator<Item = usize>) -> usize {
    schemes_and_ids.map(|bytes| 48 + bytes).sum()
}

fn acl(list: Option<&Vec<Acl>>) -> usize {
    let lines = list.into_iter().flatten();
    text(lines.map(|line| line.id.scheme.len() + line.id.id.len()))
}

impl Action {
    /// Roughly how many bytes it takes in a message or in the log.
    pub fn weight(&self) -> usize {
        match self {
            Action::Write { ids, write, .. } => {
                text(ids.iter().map(|id| id.scheme.len() + id.id.len())) + write.weight()
            }
            Action::Reap(paths) => paths.iter().map(|path| 8 + path.len()).sum(),
            _ => 32,
        }
    }
}

impl Write {
    /// Roughly how many bytes the request takes.
    pub fn weight(&self) -> usize {
        let bytes = |data: &Option<bytes::Bytes>| data.as_ref().map_or(0, |data| data.len());
        match self {
            Write::Create(create) => {
                64 + create.path.len() + bytes(&create.data) + acl(create.acl.as_ref())
            }
            Write::SetData { path, data, .. } => 32 + path.len() + bytes(data),
            Write::Delete { path, .. } | Write::Check { path, .. } => 32 + path.len(),
            Write::SetAcl { path, acl: list, .. } => 32 + path.len() + acl(list.as_ref()),
            Write::Multi(writes) => writes.iter().map(Write::weight).sum(),
            Write::Reconfig(request) => {
                let lists = [&request.joining, &request.leaving, &request.members];
                let bytes = |list: &&Option<String>| list.as_ref().map_or(0, String::len);
                64 + lists.iter().map(bytes).sum::<usize>()
            }
        }
    }
}
