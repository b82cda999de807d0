//! A client connection and its queue: replies leave in the order of the requests, and a read waits
//! for the writes of its session before it.

use std::collections::{BTreeMap, VecDeque};
use std::net::IpAddr;
use std::ops::Bound;
use std::sync::Arc;

use super::window::Flow;
use crate::core::auth::digest_md5::Exchange;
use crate::core::op::{Body, ErrorCode, Id, Op, Read, Request, SetWatches, WatcherType};
use crate::core::types::{ConnId, Index, Micros, Mono, SessionId, Zxid};

/// How far a connection's handshake is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Nothing was said yet.
    New,
    /// A session is being made or taken over by the submitted request of this number; requests
    /// that came meanwhile wait in `early`.
    Connecting {
        /// That number.
        request: u64,
    },
    /// It holds a session under this claim.
    Attached {
        /// The session.
        session: SessionId,
        /// Where the claim is in the log; a later claim takes the session away.
        attach: Index,
    },
    /// It holds a session that only this server knows, in read-only mode.
    ReadOnly {
        /// That session.
        session: SessionId,
        /// When its client was last heard.
        heard: Mono,
    },
    /// It is being closed; nothing of it counts any more.
    Closing,
}

/// What an item at the head of the queue waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Waits {
    /// Nothing: it is answered when it is at the head.
    Nothing,
    /// The outcome of a submitted request.
    Outcome(u64),
    /// A read barrier.
    Barrier(u64),
}

/// What there is to answer.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub(crate) enum Work {
    Read(Read),
    /// A submitted write; its outcome once known.
    Write(Option<(Zxid, Result<Body, ErrorCode>)>),
    Sync {
        path: String,
    },
    SetWatches(SetWatches),
    AddWatch {
        path: String,
        recursive: bool,
    },
    RemoveWatches {
        path: String,
        kind: WatcherType,
    },
    CheckWatches {
        path: String,
        kind: WatcherType,
    },
    Fail(ErrorCode),
    Unknown,
    Close,
}

impl Work {
    fn is_write(&self) -> bool {
        matches!(self, Work::Write(_) | Work::Close)
    }
}

/// One request in progress.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub(crate) struct Item {
    pub xid: i32,
    /// Its short name.
    pub name: &'static str,
    pub arrived: Micros,
    /// Who was on the connection when it came.
    pub ids: Arc<[Id]>,
    pub waits: Waits,
    pub work: Work,
    /// Answering it may take long.
    pub heavy: bool,
}

/// A request that is not looked at yet.
#[derive(Clone, Debug)]
pub(crate) struct Held {
    /// The request.
    pub request: Request,
    /// Who was on the connection when it came.
    pub ids: Arc<[Id]>,
}

/// A client connection.
#[derive(Clone, Debug)]
pub(crate) struct Connection {
    /// How far the handshake is.
    pub stage: Stage,
    /// Negotiated, in milliseconds.
    pub timeout_ms: i32,
    /// When it asked for a session.
    pub greeted: Micros,
    /// Whether the handshake carried the read-only flag, so the answer must too.
    pub knows_read_only: bool,
    /// Who is on it; the implicit `ip` id first.
    pub ids: Arc<[Id]>,
    /// Its SASL exchange.
    pub sasl: Exchange,
    /// Requests in progress, oldest first.
    items: VecDeque<Item>,
    /// How many of them are writes,
    writes: usize,
    /// how many wait for a barrier,
    barriers: usize,
    /// and how many are heavy.
    heavy: usize,
    /// What came before the handshake was answered.
    pub early: Vec<Request>,
    /// Requests that may not be looked at yet: a write follows what is not to be answered at once:
    /// a read behind a barrier, a heavy one, or one for which there is no room. What reads before
    /// the write must not see it.
    pub held: VecDeque<Held>,
    /// How much may wait to be sent.
    pub(super) flow: Flow,
}

/// Bytes of a connection's ids. Few have more than three; each is compared with every line of an
/// access list, and an `auth` line becomes as many lines.
const IDS_MAX: usize = 8 << 10;

/// An address as Java writes it: that of IPv6 with all its zeros.
fn shown(ip: IpAddr) -> String {
    match ip.to_canonical() {
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => ip.segments().map(|group| format!("{group:x}")).join(":"),
    }
}

impl Connection {
    fn new(ip: IpAddr, entropy: [u8; 30]) -> Connection {
        let ip = Id { scheme: "ip".to_owned(), id: shown(ip) };
        Connection {
            stage: Stage::New,
            timeout_ms: 0,
            greeted: Micros::default(),
            knows_read_only: false,
            ids: Arc::new([ip]),
            sasl: Exchange::Fresh(entropy),
            items: VecDeque::new(),
            writes: 0,
            barriers: 0,
            heavy: 0,
            early: Vec::new(),
            held: VecDeque::new(),
            flow: Flow::default(),
        }
    }

    /// The session it holds.
    pub(crate) fn session(&self) -> Option<SessionId> {
        match self.stage {
            Stage::Attached { session, .. } | Stage::ReadOnly { session, .. } => Some(session),
            _ => None,
        }
    }

    /// Adds an authenticated id, unless there are too many: each write carries all of them.
    #[must_use]
    pub(crate) fn add_id(&mut self, id: Id) -> bool {
        if self.ids.contains(&id) {
            return true;
        }
        let bytes = |id: &Id| id.scheme.len() + id.id.len() + 16;
        let fits = self.ids.iter().map(bytes).sum::<usize>() + bytes(&id) <= IDS_MAX;
        if fits {
            self.ids = self.ids.iter().cloned().chain([id]).collect();
        }
        fits
    }

    /// Records the outcome of a submitted request.
    pub(crate) fn resolve(&mut self, request: u64, zxid: Zxid, result: Result<Body, ErrorCode>) {
        let waits = Waits::Outcome(request);
        if let Some(item) = self.items.iter_mut().find(|item| item.waits == waits) {
            item.waits = Waits::Nothing;
            if let Work::Write(outcome) = &mut item.work {
                *outcome = Some((zxid, result));
            }
        }
    }

    /// Records that a barrier was passed.
    pub(crate) fn pass(&mut self, barrier: u64) {
        for item in &mut self.items {
            if item.waits == Waits::Barrier(barrier) {
                item.waits = Waits::Nothing;
                self.barriers -= 1;
            }
        }
    }

    /// Whether a request must be held back for now.
    pub(crate) fn holds(&self, op: &Op) -> bool {
        let behind = || self.is_ready() || self.heavy > 0 || self.barriers > 0;
        !self.held.is_empty()
            || (matches!(op, Op::Write(_) | Op::Reconfig { .. } | Op::Close) && behind())
    }

    /// Takes the oldest held request if its time has come.
    pub(crate) fn next_held(&mut self) -> Option<Held> {
        let next = self.held.pop_front()?;
        let rest = std::mem::take(&mut self.held);
        let wait = self.holds(&next.request.op);
        self.held = rest;
        if wait {
            self.held.push_front(next);
            return None;
        }
        Some(next)
    }

    /// How many requests are in progress.
    pub(crate) fn outstanding(&self) -> usize {
        self.items.len() + self.early.len() + self.held.len()
    }

    /// Whether the oldest item waits for nothing.
    pub(crate) fn is_ready(&self) -> bool {
        let first = self.items.front();
        first.is_some_and(|item| item.waits == Waits::Nothing)
    }

    /// Whether the oldest item must be answered now: it is a write, or comes before one that is
    /// submitted. The client would see the order broken if anything happened in between.
    pub(crate) fn is_urgent(&self) -> bool {
        self.writes > 0
    }

    /// Puts a request in line.
    pub(crate) fn push(&mut self, item: Item) {
        self.writes += usize::from(item.work.is_write());
        self.barriers += usize::from(matches!(item.waits, Waits::Barrier(_)));
        self.heavy += usize::from(item.heavy);
        self.items.push_back(item);
    }

    /// Takes the oldest item if it waits for nothing.
    pub(crate) fn next_ready(&mut self) -> Option<Item> {
        if !self.is_ready() {
            return None;
        }
        let item = self.items.pop_front()?;
        self.writes -= usize::from(item.work.is_write());
        self.heavy -= usize::from(item.heavy);
        Some(item)
    }
}

/// All client connections of this server.
#[derive(Debug, Default)]
pub(crate) struct Connections {
    all: BTreeMap<ConnId, Connection>,
    by_session: BTreeMap<SessionId, ConnId>,
}

impl Connections {
    /// A new connection from this address, with randomness for a challenge.
    pub(crate) fn open(&mut self, conn: ConnId, ip: IpAddr, entropy: [u8; 30]) {
        self.all.insert(conn, Connection::new(ip, entropy));
    }

    /// Forgets a connection.
    pub(crate) fn remove(&mut self, conn: ConnId) -> Option<Connection> {
        let connection = self.all.remove(&conn)?;
        if let Some(session) = connection.session() {
            self.detach(session, conn);
        }
        Some(connection)
    }

    /// The connection of that number.
    pub(crate) fn get(&self, conn: ConnId) -> Option<&Connection> {
        self.all.get(&conn)
    }

    /// The same, to change it.
    pub(crate) fn get_mut(&mut self, conn: ConnId) -> Option<&mut Connection> {
        self.all.get_mut(&conn)
    }

    /// Which connection holds the session.
    pub(crate) fn of_session(&self, session: SessionId) -> Option<ConnId> {
        self.by_session.get(&session).copied()
    }

    /// Gives a session to a connection.
    pub(crate) fn attach(&mut self, conn: ConnId, session: SessionId, attach: Index) {
        if let Some(connection) = self.all.get_mut(&conn) {
            connection.stage = Stage::Attached { session, attach };
            self.by_session.insert(session, conn);
        }
    }

    /// Marks a connection as closing; its session is no longer on it.
    pub(crate) fn closing(&mut self, conn: ConnId) {
        let Some(connection) = self.all.get_mut(&conn) else {
            return;
        };
        let session = connection.session();
        connection.stage = Stage::Closing;
        connection.items.clear();
        (connection.writes, connection.barriers, connection.heavy) = (0, 0, 0);
        connection.early.clear();
        connection.held.clear();
        if let Some(session) = session {
            self.detach(session, conn);
        }
    }

    fn detach(&mut self, session: SessionId, conn: ConnId) {
        if self.by_session.get(&session) == Some(&conn) {
            self.by_session.remove(&session);
        }
    }

    /// All of them, by number.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (ConnId, &Connection)> {
        self.all.iter().map(|(conn, connection)| (*conn, connection))
    }

    /// Those with higher numbers than this one, by number.
    pub(crate) fn after(
        &self,
        conn: Option<ConnId>,
    ) -> impl Iterator<Item = (ConnId, &Connection)> {
        let from = conn.map_or(Bound::Unbounded, Bound::Excluded);
        let rest = self.all.range((from, Bound::Unbounded));
        rest.map(|(conn, connection)| (*conn, connection))
    }

    /// Requests in progress, all together.
    pub(crate) fn outstanding(&self) -> usize {
        self.all.values().map(|connection| connection.outstanding()).sum()
    }

    /// Checks what must hold between steps.
    ///
    /// # Panics
    /// When a session is registered to a connection that does not hold it, or a count is wrong.
    #[cfg(any(test, feature = "sim"))]
    pub(crate) fn check_invariants(&self) {
        for connection in self.all.values() {
            let barrier = |item: &&Item| matches!(item.waits, Waits::Barrier(_));
            let barriers = connection.items.iter().filter(barrier).count();
            assert_eq!(barriers, connection.barriers, "count of barriers");
        }
        for (session, conn) in &self.by_session {
            let holder = self.all.get(conn).and_then(Connection::session);
            assert_eq!(holder, Some(*session), "session registered to a connection without it");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_written_as_java_does() {
        let cases = [
            ("127.0.0.1", "127.0.0.1"),
            ("::ffff:10.1.2.3", "10.1.2.3"),
            ("::1", "0:0:0:0:0:0:0:1"),
            ("fd00::a:0:b", "fd00:0:0:0:0:a:0:b"),
        ];
        for (address, expected) in cases {
            assert_eq!(shown(address.parse().unwrap()), expected);
        }
    }

    #[test]
    fn ids_are_taken_until_they_would_burden_every_write() {
        let mut connection = Connection::new(IpAddr::from([127, 0, 0, 1]), [0; 30]);
        let id = |n: usize, bytes: usize| Id {
            scheme: "digest".to_owned(),
            id: format!("{n}{}", "x".repeat(bytes)),
        };
        assert!(connection.add_id(id(1, 100)));
        assert!(connection.add_id(id(1, 100)), "known already");
        assert!(!connection.add_id(id(2, IDS_MAX)));
        assert!(connection.add_id(id(3, 100)), "a shorter one still fits");
        assert_eq!(connection.ids.len(), 3);
    }
}
