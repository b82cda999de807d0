//! Sessions that each keep a number of operations in flight: as one is answered the next is asked.
//! Every answer is held against what this session was promised.

use std::iter;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, ensure};
use quorate_zk::{
    Code, Malformed, OPEN, Part, Reply, Request, data, flags, multi, parts, path, stat,
};

use super::content;
use super::link::{Link, Poll, Sent};
use super::scene::{self, Scene};
use super::tally::Tally;
use super::workload::{Kind, Workload};

/// Time for the last answers once nothing more is asked.
const LAST: Duration = Duration::from_secs(15);

/// What a right answer holds.
#[derive(Clone, Copy, Debug)]
enum Expect {
    /// The content for this number; of an own znode also this version.
    Data { number: u64, version: Option<i32> },
    /// This version.
    Set { version: i32 },
    /// This version of all that were set.
    Multi { version: i32 },
    /// No error. It is a part of what follows.
    Synced,
    /// This session's znode of that number.
    Created(u64),
    /// No error.
    Deleted,
}

/// A session, and its connection.
struct Client<'a> {
    link: Link<Expect>,
    script: Script<'a>,
    minds_room: bool,
}

/// What a session asks, and what it knows of what it was told.
struct Script<'a> {
    workload: Workload,
    shared: &'a [String],
    own: &'a [String],
    /// Of all own znodes, as the last write that was asked for makes it.
    version: i32,
    /// How many znodes it created,
    created: u64,
    /// and whether the last of them is still to be deleted.
    there: bool,
    last_zxid: i64,
    random: u64,
    data: Vec<u8>,
}

/// Runs a workload until the tally's window is over.
///
/// # Errors
/// If a server does not take connections.
pub(super) fn run(
    addresses: &[SocketAddr],
    workload: Workload,
    scene: &Scene,
    tally: &mut Tally,
) -> Result<()> {
    let mut poll = Poll::new()?;
    let mut clients = Vec::new();
    for (number, (own, address)) in scene.own.iter().zip(addresses.iter().cycle()).enumerate() {
        let link = scene::session(*address)?;
        poll.add(&link.stream, number)?;
        clients.push(Client {
            link,
            script: Script::new(workload, number, scene, own),
            minds_room: false,
        });
    }
    let now = tally.now()?;
    for (number, client) in clients.iter_mut().enumerate() {
        for _ in 0..workload.outstanding {
            client.script.ask(&mut client.link, now);
        }
        client.flush(&poll, number)?;
    }
    let mut ready = Vec::new();
    let mut over = None;
    loop {
        poll.wait(&mut ready)?;
        let now = tally.now()?;
        for number in ready.drain(..) {
            let Some(client) = clients.get_mut(number) else {
                continue;
            };
            let outcome = client.receive(now, tally);
            if let Err(error) = outcome.and_then(|()| client.flush(&poll, number)) {
                tally.failed(|| format!("a session ended: {error:#}"));
                client.link.in_flight.clear();
                poll.remove(&client.link.stream)?;
            }
        }
        if clients.iter().all(|it| it.link.in_flight.is_empty()) {
            return Ok(());
        }
        if tally.is_over() && now - *over.get_or_insert(now) > LAST {
            tally.failed(|| "requests were not answered".to_owned());
            return Ok(());
        }
    }
}

impl Client<'_> {
    fn receive(&mut self, now: Instant, tally: &mut Tally) -> Result<()> {
        let Client { link, script, .. } = self;
        link.receive(|link, frame| {
            let reply = Reply::parse(frame)?;
            let sent = link.in_flight.pop_front();
            let sent = sent.context("an answer that nobody waits for")?;
            let done = match script.judge(sent, &reply) {
                Ok(done) => done,
                Err(Wrong::Error(error)) => {
                    tally.failed(|| format!("{:?} is refused: {error}", sent.expect));
                    true
                }
                Err(Wrong::Violation(what)) => {
                    tally.violated(|| format!("{:?}: {what:#}", sent.expect));
                    true
                }
            };
            if done {
                tally.done(now, sent.at);
                if !tally.is_over() {
                    script.ask(link, now);
                }
            }
            Ok(())
        })
    }

    fn flush(&mut self, poll: &Poll, number: usize) -> Result<()> {
        let minds_room = !self.link.flush()?;
        if minds_room != self.minds_room {
            self.minds_room = minds_room;
            poll.mind_room(&self.link.stream, number, minds_room)?;
        }
        Ok(())
    }
}

/// What is wrong with an answer.
enum Wrong {
    /// The request did not succeed.
    Error(Code),
    /// It says what may not be.
    Violation(anyhow::Error),
}

impl From<anyhow::Error> for Wrong {
    fn from(what: anyhow::Error) -> Self {
        Wrong::Violation(what)
    }
}

impl From<Malformed> for Wrong {
    fn from(what: Malformed) -> Self {
        Wrong::Violation(what.into())
    }
}

impl<'a> Script<'a> {
    fn new(workload: Workload, number: usize, scene: &'a Scene, own: &'a [String]) -> Self {
        Script {
            workload,
            shared: &scene.shared,
            own,
            version: 0,
            created: 0,
            there: false,
            last_zxid: 0,
            random: 0x9E37_79B9_7F4A_7C15 ^ (number as u64 + 1),
            data: Vec::new(),
        }
    }

    /// A number below `below`.
    fn random(&mut self, below: usize) -> usize {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random as usize % below.max(1)
    }

    /// Asks for one more operation.
    fn ask(&mut self, link: &mut Link<Expect>, now: Instant) {
        match self.workload.kind {
            Kind::Read => self.read(link, now),
            Kind::SyncRead => {
                let xid = link.number(now, Expect::Synced);
                Request::Sync { path: "/" }.encode(xid, &mut link.out);
                self.read(link, now);
            }
            Kind::Mixed => match self.random(20) {
                0 | 1 => self.write(link, now),
                2..11 => self.read_own(link, now),
                _ => self.read(link, now),
            },
            Kind::Create => self.create_or_delete(link, now),
            Kind::Multi => self.multi(link, now),
            // The others are not made of sessions that go on by themselves.
            Kind::Write | Kind::Watch | Kind::Connect => self.write(link, now),
        }
    }

    fn read(&mut self, link: &mut Link<Expect>, now: Instant) {
        let at = self.random(self.shared.len());
        let (number, version) = (at as u64, None);
        let xid = link.number(now, Expect::Data { number, version });
        let path = self.shared.get(at).map_or("/", String::as_str);
        Request::GetData { path, watch: false }.encode(xid, &mut link.out);
    }

    /// The path of the znode that `write` sets.
    fn own(&self) -> &'a str {
        self.own.first().map_or("/", String::as_str)
    }

    fn read_own(&self, link: &mut Link<Expect>, now: Instant) {
        let expect = Expect::Data {
            number: u64::from(self.version.unsigned_abs()),
            version: Some(self.version),
        };
        let xid = link.number(now, expect);
        Request::GetData { path: self.own(), watch: false }.encode(xid, &mut link.out);
    }

    fn write(&mut self, link: &mut Link<Expect>, now: Instant) {
        self.next_content();
        let version = self.version;
        let xid = link.number(now, Expect::Set { version });
        self.set(self.own()).encode(xid, &mut link.out);
    }

    /// That a znode is to hold the next content.
    fn set<'b>(&'b self, path: &'b str) -> Request<'b> {
        Request::SetData { path, data: Some(&self.data), version: -1 }
    }

    fn next_content(&mut self) {
        self.version += 1;
        let number = u64::from(self.version.unsigned_abs());
        content::make(number, self.workload.bytes, &mut self.data);
    }

    fn multi(&mut self, link: &mut Link<Expect>, now: Instant) {
        let before = self.version;
        self.next_content();
        let version = self.version;
        let xid = link.number(now, Expect::Multi { version });
        let check = Request::Check { path: self.own(), version: before };
        let all = self.own.iter().map(|path| self.set(path));
        multi(&mut link.out, xid, iter::once(check).chain(all));
    }

    fn create_or_delete(&mut self, link: &mut Link<Expect>, now: Instant) {
        if self.there {
            let xid = link.number(now, Expect::Deleted);
            let path = &self.made(self.created);
            Request::Delete { path, version: -1 }.encode(xid, &mut link.out);
        } else {
            self.created += 1;
            content::make(self.created, self.workload.bytes, &mut self.data);
            let xid = link.number(now, Expect::Created(self.created));
            let (path, data) = (&self.made(self.created), Some(self.data.as_slice()));
            Request::Create { path, data, acl: OPEN, flags: flags::PERSISTENT }
                .encode(xid, &mut link.out);
        }
        self.there = !self.there;
    }

    fn made(&self, number: u64) -> String {
        format!("{}-{number}", self.own())
    }

    /// Holds an answer against what it must be; whether it completes an operation.
    fn judge(&mut self, sent: Sent<Expect>, reply: &Reply<'_>) -> Result<bool, Wrong> {
        self.in_order(sent, reply)?;
        if let Some(error) = reply.error {
            return Err(Wrong::Error(error));
        }
        match sent.expect {
            Expect::Synced => return Ok(false),
            Expect::Deleted => {}
            Expect::Data { number, version } => {
                let (data, stat) = data(reply.body)?;
                content::check(data, number, self.workload.bytes)?;
                if let Some(version) = version {
                    same(stat.version, version)?;
                }
            }
            Expect::Set { version } => {
                let stat = stat(reply.body)?;
                same(stat.version, version)?;
                same(stat.mzxid, reply.zxid)?;
            }
            Expect::Multi { version } => {
                let mut set = 0;
                for part in parts(reply.body) {
                    match part? {
                        Part::Done => {}
                        Part::Set(stat) => {
                            set += 1;
                            same(stat.version, version)?;
                            same(stat.mzxid, reply.zxid)?;
                        }
                        Part::Failed(error) => return Err(Wrong::Error(error)),
                        Part::Created(path) => {
                            return Err(
                                anyhow!("{path} was created, which nobody asked for").into()
                            );
                        }
                    }
                }
                same(set, self.own.len())?;
            }
            Expect::Created(number) => {
                same(path(reply.body)?, self.made(number).as_str())?;
            }
        }
        Ok(true)
    }

    /// Answers come in the order of requests, zxids never fall, and each write has a new one.
    fn in_order(&mut self, sent: Sent<Expect>, reply: &Reply<'_>) -> Result<()> {
        same(reply.xid, sent.xid)?;
        let reads = matches!(sent.expect, Expect::Data { .. } | Expect::Synced);
        let (last, zxid) = (self.last_zxid, reply.zxid);
        let rises = if reads { zxid >= last } else { zxid > last };
        ensure!(rises, "zxid {zxid:#x} follows {last:#x}");
        self.last_zxid = zxid;
        Ok(())
    }
}

fn same<T: PartialEq + std::fmt::Debug>(seen: T, expected: T) -> Result<()> {
    ensure!(seen == expected, "{seen:?} instead of {expected:?}");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const WRITE: Workload = Workload { kind: Kind::Write, clients: 1, outstanding: 1, bytes: 100 };

    fn script(scene: &Scene) -> Script<'_> {
        Script::new(WRITE, 0, scene, &scene.own[0])
    }

    fn sent(expect: Expect) -> Sent<Expect> {
        let (xid, at) = (7, Instant::now());
        Sent { xid, at, expect }
    }

    /// A `Stat` of this version, changed at this zxid, behind the data if there are some.
    fn body(data: Option<&[u8]>, mzxid: i64, version: i32) -> Vec<u8> {
        let mut body = Vec::new();
        if let Some(data) = data {
            body.extend_from_slice(&100_i32.to_be_bytes());
            body.extend_from_slice(data);
        }
        body.extend_from_slice(&[0; 8]);
        body.extend_from_slice(&mzxid.to_be_bytes());
        body.extend_from_slice(&[0; 16]);
        body.extend_from_slice(&version.to_be_bytes());
        body.extend_from_slice(&[0; 32]);
        body
    }

    fn reply(xid: i32, zxid: i64, body: &[u8]) -> Reply<'_> {
        Reply { xid, zxid, error: None, body }
    }

    #[test]
    fn answers_that_break_a_promise_are_told_from_good_ones() {
        let scene = Scene { shared: Vec::new(), own: vec![vec!["/own".to_owned()]] };
        let written = |xid, zxid, body: Vec<u8>| {
            let sent = sent(Expect::Set { version: 3 });
            script(&scene).judge(sent, &reply(xid, zxid, &body))
        };
        assert!(written(7, 9, body(None, 9, 3)).is_ok());
        let wrong = [
            (8, 9, body(None, 9, 3), "out of order"),
            (7, 0, body(None, 0, 3), "a zxid that was there before"),
            (7, 9, body(None, 8, 3), "a change of another zxid"),
            (7, 9, body(None, 9, 2), "a write that was lost"),
        ];
        for (xid, zxid, body, what) in wrong {
            let outcome = written(xid, zxid, body);
            assert!(matches!(outcome, Err(Wrong::Violation(_))), "{what}");
        }
        let mut content = Vec::new();
        content::make(4, 100, &mut content);
        let read = |number, version| {
            let version = Some(version);
            let body = body(Some(&content), 1, 4);
            script(&scene).judge(sent(Expect::Data { number, version }), &reply(7, 9, &body))
        };
        assert!(read(4, 4).is_ok());
        assert!(matches!(read(5, 4), Err(Wrong::Violation(_))), "old data");
        assert!(matches!(read(4, 5), Err(Wrong::Violation(_))), "old version");
    }
}
