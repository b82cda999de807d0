//! Model clients: sessions that write, read, watch, lose their server and come back.
//!
//! `writes` what they write · `mortal` znodes that end · `reconfig` changes of the membership.

mod mortal;
mod reconfig;
mod writes;

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;

use self::writes::{create, set};
use super::ask::Ask;
use super::net::Slot;
use super::oracle::Oracle;
use super::rng::Rng;
use crate::core::op::{
    Body, ConnectRequest, ErrorCode, EventType, Op, Read, Reply, Request, ServerFrame, SetWatches,
    Write,
};
use crate::core::types::{ConnId, Password, SessionId, Zxid};

/// The client protocol's number of a ping.
const PING_XID: i32 = -2;

/// A request without an answer.
#[derive(Clone, Debug)]
struct Issued {
    xid: i32,
    at: u64,
    /// The highest zxid answered to anybody before this was sent.
    floor: Zxid,
    what: What,
}

#[derive(Clone, Debug)]
enum What {
    /// The data is the write's serial.
    Write(Vec<u8>),
    /// A write that must succeed.
    Probe(Vec<u8>),
    Delete,
    Reconfig(Ask),
    Sync,
    /// `fresh`: right behind a sync of the same session, so the sync's floor holds.
    Read {
        key: String,
        watch: bool,
        fresh: bool,
    },
    SetWatches,
    Ping,
}

/// How far the connection is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Link {
    /// None; try again at this time.
    Down {
        /// When.
        until: u64,
    },
    /// Handshake sent.
    Connecting {
        /// To whom.
        slot: Slot,
        /// Under which number.
        conn: ConnId,
        /// When it was sent.
        since: u64,
    },
    /// In use.
    Up {
        /// With whom.
        slot: Slot,
        /// Under which number.
        conn: ConnId,
    },
}

/// Counters of one client.
#[derive(Clone, Copy, Debug, Default)]
#[allow(missing_docs)]
pub(super) struct Tally {
    pub acknowledged: u64,
    pub reconfigs: u64,
    pub unknown: u64,
    pub reads: u64,
    pub watches: u64,
    pub sessions_lost: u64,
}

/// One client.
#[derive(Debug)]
pub(super) struct SimClient {
    name: usize,
    /// Its connection.
    pub link: Link,
    session: SessionId,
    password: Password,
    timeout_ms: i32,
    xid: i32,
    serial: u64,
    issued: VecDeque<Issued>,
    last_zxid: Zxid,
    sync_floor: Zxid,
    heard: u64,
    /// Data watches: key to the zxid of the reply that armed it.
    armed: BTreeMap<String, Zxid>,
    keys: Vec<String>,
    linearizable: bool,
    /// Containers and TTL znodes that it made last, if it makes any.
    mortals: Vec<String>,
    /// Whether it does.
    pub makes_mortals: bool,
    /// Its counters.
    pub tally: Tally,
}

impl SimClient {
    /// A client that works on these keys.
    pub(super) fn new(
        name: usize,
        keys: &[String],
        timeout_ms: i32,
        linearizable: bool,
    ) -> SimClient {
        SimClient {
            name,
            link: Link::Down { until: 0 },
            session: SessionId(0),
            password: Password::default(),
            timeout_ms,
            xid: 0,
            serial: 0,
            issued: VecDeque::new(),
            last_zxid: Zxid(0),
            sync_floor: Zxid(0),
            heard: 0,
            armed: BTreeMap::new(),
            keys: keys.to_vec(),
            linearizable,
            mortals: Vec::new(),
            makes_mortals: false,
            tally: Tally::default(),
        }
    }

    /// The handshake for a fresh connection.
    pub(super) fn connect(&mut self, slot: Slot, conn: ConnId, now: u64) -> ConnectRequest {
        self.link = Link::Connecting { slot, conn, since: now };
        self.heard = now;
        ConnectRequest {
            last_zxid_seen: self.last_zxid,
            timeout_ms: self.timeout_ms,
            session: self.session,
            password: (self.session != SessionId(0))
                .then(|| Bytes::copy_from_slice(&self.password.0)),
            read_only: Some(false),
        }
    }

    /// The connection is gone: whatever was unanswered has an unknown outcome.
    pub(super) fn lost(&mut self, now: u64, rng: &mut Rng) {
        let writes = |issued: &&Issued| {
            matches!(
                issued.what,
                What::Write(_) | What::Probe(_) | What::Delete | What::Reconfig(_)
            )
        };
        self.tally.unknown += self.issued.iter().filter(writes).count() as u64;
        self.issued.clear();
        self.link = Link::Down { until: now + rng.between(10, 300) };
    }

    /// Whether it should give its server up.
    pub(super) fn gives_up(&self, now: u64) -> bool {
        let patience = self.timeout_ms.unsigned_abs() as u64 * 2 / 3;
        match self.link {
            Link::Down { .. } => false,
            Link::Connecting { since, .. } => now.saturating_sub(since) > 1_000,
            Link::Up { .. } => now.saturating_sub(self.heard) > patience,
        }
    }

    /// Requests that it sends now.
    pub(super) fn act(&mut self, now: u64, oracle: &Oracle, rng: &mut Rng) -> Vec<Request> {
        let mut requests = Vec::new();
        if self.issued.len() < 8 {
            for _ in 0..rng.between(0, 2) {
                self.one(now, oracle, rng, &mut requests);
            }
        }
        if requests.is_empty() && (self.issued.is_empty() || self.waits_long()) {
            self.issue(now, Zxid(0), What::Ping, Op::Ping, &mut requests);
        }
        requests
    }

    /// A ping, and the session that sends it.
    pub(super) fn ping(&mut self, now: u64) -> (SessionId, Request) {
        let (at, floor, what) = (now, Zxid(0), What::Ping);
        self.issued.push_back(Issued { xid: PING_XID, at, floor, what });
        let ping = Request { xid: PING_XID, op: Op::Ping, size: 64 };
        (self.session, ping)
    }

    /// In the calm at the end: a write and a fresh read of every key must succeed.
    pub(super) fn probe(&mut self, now: u64, oracle: &Oracle) -> Vec<Request> {
        let mut requests = Vec::new();
        let floor = oracle.acknowledged();
        for key in self.keys.clone() {
            // It may be there.
            let data = self.next_serial();
            let op = Op::Write(create(&key, &data, 0));
            self.issue(now, floor, What::Write(data), op, &mut requests);
            let data = self.next_serial();
            let op = Op::Write(set(&key, &data));
            self.issue(now, floor, What::Probe(data), op, &mut requests);
            self.issue(now, floor, What::Sync, Op::Sync { path: key.clone() }, &mut requests);
            self.read(now, floor, &key, true, false, &mut requests);
        }
        requests
    }

    /// Whether nothing is unanswered.
    pub(super) fn idle(&self) -> bool {
        self.issued.is_empty()
    }

    fn one(&mut self, now: u64, oracle: &Oracle, rng: &mut Rng, out: &mut Vec<Request>) {
        let floor = oracle.acknowledged();
        if self.makes_mortals && rng.chance(15) {
            return self.mortal(now, floor, rng, out);
        }
        let key = rng.pick(&self.keys).cloned().unwrap_or_default();
        match rng.below(100) {
            0..=24 => {
                let data = self.next_serial();
                let op = Op::Write(set(&key, &data));
                self.issue(now, floor, What::Write(data), op, out);
            }
            25..=39 => {
                let data = self.next_serial();
                let op = Op::Write(create(&key, &data, 0));
                self.issue(now, floor, What::Write(data), op, out);
            }
            40..=44 => {
                let op = Op::Write(Write::Delete { path: key, version: -1 });
                self.issue(now, floor, What::Delete, op, out);
            }
            45..=54 => {
                let data = self.next_serial();
                let flags = if rng.chance(50) { 3 } else { 1 };
                let path = format!("/e{}-{}", self.name, self.serial);
                self.issue(
                    now,
                    floor,
                    What::Write(data.clone()),
                    Op::Write(create(&path, &data, flags)),
                    out,
                );
            }
            55..=59 => {
                let data = self.next_serial();
                let check = Write::Check { path: key.clone(), version: -1 };
                let op = Op::Write(Write::Multi(vec![check, set(&key, &data)]));
                self.issue(now, floor, What::Write(data), op, out);
            }
            60..=69 => {
                self.issue(now, floor, What::Sync, Op::Sync { path: key.clone() }, out);
                self.read(now, floor, &key, true, false, out);
            }
            _ => self.read(now, floor, &key, self.linearizable, rng.chance(40), out),
        }
    }

    fn read(
        &mut self,
        now: u64,
        floor: Zxid,
        key: &str,
        fresh: bool,
        watch: bool,
        out: &mut Vec<Request>,
    ) {
        let op = Op::Read(Read::GetData { path: key.to_owned(), watch });
        let what = What::Read { key: key.to_owned(), watch, fresh };
        self.issue(now, floor, what, op, out);
    }

    fn issue(&mut self, at: u64, floor: Zxid, what: What, op: Op, out: &mut Vec<Request>) {
        let xid = if matches!(what, What::Ping) {
            PING_XID
        } else {
            self.xid += 1;
            self.xid
        };
        self.issued.push_back(Issued { xid, at, floor, what });
        out.push(Request { xid, op, size: 64 });
    }

    fn next_serial(&mut self) -> Vec<u8> {
        self.serial += 1;
        format!("c{}s{}", self.name, self.serial).into_bytes()
    }

    /// A frame arrived. Gives requests to send in answer (watches to re-arm).
    pub(super) fn frame(
        &mut self,
        now: u64,
        frame: ServerFrame,
        oracle: &mut Oracle,
    ) -> Result<Vec<Request>, String> {
        self.heard = now;
        match frame {
            ServerFrame::Connect(response) if response.timeout_ms == 0 => {
                self.session = SessionId(0);
                self.armed.clear();
                self.last_zxid = Zxid(0);
                self.tally.sessions_lost += 1;
                Ok(Vec::new())
            }
            ServerFrame::Connect(response) => {
                if self.session != SessionId(0) && self.session != response.session {
                    return Err(format!("client {} was given another session", self.name));
                }
                self.session = response.session;
                self.password = response.password;
                if let Link::Connecting { slot, conn, .. } = self.link {
                    self.link = Link::Up { slot, conn };
                }
                Ok(self.rearm(now))
            }
            ServerFrame::Event(event) => self.event(&event.path, event.kind),
            ServerFrame::Reply(reply) => self.reply(reply, oracle).map(|()| Vec::new()),
        }
        .map_err(|why| format!("client {}: {why}", self.name))
    }

    fn rearm(&mut self, now: u64) -> Vec<Request> {
        let mut requests = Vec::new();
        if !self.armed.is_empty() {
            let set = SetWatches {
                relative_zxid: self.last_zxid,
                data: self.armed.keys().cloned().collect(),
                ..SetWatches::default()
            };
            self.issue(now, Zxid(0), What::SetWatches, Op::SetWatches(set), &mut requests);
        }
        requests
    }

    fn event(&mut self, path: &str, kind: EventType) -> Result<Vec<Request>, String> {
        if self.armed.remove(path).is_none() {
            return Err(format!("an event {kind:?} of {path}, where no watch is armed"));
        }
        self.tally.watches += 1;
        Ok(Vec::new())
    }

    fn reply(&mut self, reply: Reply, oracle: &mut Oracle) -> Result<(), String> {
        let at = if reply.xid == PING_XID {
            self.issued.iter().position(|issued| issued.xid == PING_XID)
        } else {
            self.issued.iter().position(|issued| issued.xid != PING_XID)
        };
        let issued = at.and_then(|at| self.issued.remove(at)).ok_or("a reply to nothing")?;
        if issued.xid != reply.xid {
            return Err(format!("reply {} where {} is next", reply.xid, issued.xid));
        }
        if reply.zxid < self.last_zxid {
            return Err(format!(
                "zxid went back from {} to {} in the answer {:?} to {:?}",
                self.last_zxid, reply.zxid, reply.err, issued.what
            ));
        }
        self.last_zxid = reply.zxid;
        let result = if reply.err == ErrorCode::Ok { Ok(reply.body) } else { Err(reply.err) };
        let result = match result {
            Ok(Body::Multi(results)) => {
                use crate::core::op::MultiResult;
                let failed = results.iter().find_map(|it| match it {
                    MultiResult::Failed(code) => Some(*code),
                    MultiResult::Done { .. } => None,
                });
                failed.map_or(Ok(Body::Empty), Err)
            }
            other => other,
        };
        match issued.what {
            What::Probe(serial) if result.is_err() => {
                let text = String::from_utf8_lossy(&serial);
                Err(format!("the last write {text} was refused: {:?}", reply.err))
            }
            What::Write(serial) | What::Probe(serial) if result.is_ok() => {
                self.tally.acknowledged += 1;
                oracle.check_write(&serial, reply.zxid, issued.floor)
            }
            What::Reconfig(ask) => {
                self.tally.reconfigs += u64::from(result.is_ok());
                reconfig::judge(ask, reply.zxid, issued.floor, &result, oracle)
            }
            What::Sync => {
                self.sync_floor = issued.floor;
                Ok(())
            }
            What::Read { key, watch, fresh } => {
                self.tally.reads += 1;
                let floor = if self.linearizable { issued.floor } else { self.sync_floor };
                if fresh && reply.zxid < floor {
                    return Err(format!("a fresh read of {key} at {}, below {floor}", reply.zxid));
                }
                oracle.check_read(&key, reply.zxid, &result)?;
                self.check_armed(&key, reply.zxid, oracle)?;
                if watch && result.is_ok() {
                    self.armed.entry(key).or_insert(reply.zxid);
                }
                Ok(())
            }
            What::Write(_) | What::Probe(_) | What::Delete | What::SetWatches | What::Ping => {
                Ok(())
            }
        }
    }

    /// A change must be announced before it can be seen.
    fn check_armed(&self, key: &str, seen: Zxid, oracle: &Oracle) -> Result<(), String> {
        let Some(armed) = self.armed.get(key) else {
            return Ok(());
        };
        match oracle.changed_after(key, *armed, seen) {
            None => Ok(()),
            Some(changed) => {
                Err(format!("saw {key} at {seen}, changed at {changed}, without the event"))
            }
        }
    }

    /// How long its oldest request waits.
    pub(super) fn oldest(&self, now: u64) -> u64 {
        self.issued.front().map_or(0, |issued| now.saturating_sub(issued.at))
    }
}
