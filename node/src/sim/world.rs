//! The world: servers, events, time.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::sync::Arc;

use super::Report;
use super::client::{Link as ClientLink, SimClient};
use super::disk::{DiskOp, SimDisk};
use super::faults::{self, Fault};
use super::invariants::Invariants;
use super::net::{Net, SimLink, Slot};
use super::operator;
use super::options::SimOptions;
use super::oracle::Oracle;
use super::rng::Rng;
use crate::core::effect::{CloseReason, Effect, Link, Note};
use crate::core::entry::Entry;
use crate::core::input::{AdminRequest, Input, Snapshot};
use crate::core::message::{Hello, PeerMessage};
use crate::core::node::Node;
use crate::core::op::ServerFrame;
use crate::core::options::Options;
use crate::core::raft::config::Role;
use crate::core::raft::event::LogWrite;
use crate::core::types::{
    CallId, ConnId, EnsembleId, Index, LinkId, MemberId, Mono, Now, ServerId, Term, Wall,
};

/// As many servers as the largest ensemble.
const SLOTS: usize = 5;
/// How long the calm at the end may take until everything works again, in milliseconds.
const CALM_MS: u64 = 60_000;
/// A message that is stuck for this long breaks its link, in milliseconds.
const STALL_MS: u64 = 1_500;
/// Events of one run; more of them means that something runs in circles.
const EVENTS_MAX: u64 = 20_000_000;

#[derive(Debug)]
enum Ev {
    Tick(Slot, u64),
    Dial {
        from: Slot,
        life: u64,
        link: Link,
        hello: Hello,
    },
    Arrive {
        link: LinkId,
        message: PeerMessage,
    },
    Unstall(LinkId),
    Synced(Slot, u64),
    SnapshotStored {
        slot: Slot,
        life: u64,
        snapshot: Arc<Snapshot>,
    },
    SnapshotArrived {
        from: Slot,
        from_life: u64,
        to: Slot,
        to_life: u64,
        term: Term,
        snapshot: Arc<Snapshot>,
    },
    ToServer {
        slot: Slot,
        life: u64,
        input: Box<Input>,
    },
    ToClient {
        client: usize,
        conn: ConnId,
        frame: Option<ServerFrame>,
    },
    Client(usize),
    Fault,
    Uncut(Vec<(Slot, Slot)>),
    FastDisk(Slot),
    Resume(Slot),
    Start(Slot),
    Operator,
}

#[derive(Debug)]
struct Server {
    disk: SimDisk,
    /// `None` while down.
    node: Option<Node>,
    /// Rises with each start and stop: events of an older life are void.
    life: u64,
    links: Vec<Link>,
    hello: Option<Hello>,
    /// Its log as written, synced or not.
    log: BTreeMap<Index, Arc<Entry>>,
    applied: Index,
    paused_until: u64,
    /// What would have happened meanwhile, in order.
    while_paused: Vec<Ev>,
    fsync_ms: Option<u64>,
    last_to_server: u64,
}

/// One run.
#[derive(Debug)]
pub struct World {
    options: SimOptions,
    rng: Rng,
    now: u64,
    events: BinaryHeap<Reverse<(u64, u64)>>,
    bodies: BTreeMap<u64, Ev>,
    sequence: u64,
    servers: Vec<Server>,
    net: Net,
    clients: Vec<SimClient>,
    conns: BTreeMap<ConnId, usize>,
    oracle: Oracle,
    invariants: Invariants,
    ensemble: EnsembleId,
    desired: usize,
    calm: bool,
    last_conn: u64,
    last_member: u64,
    last_call: u64,
    report: Report,
    trace: bool,
}

impl World {
    /// Prepares a run.
    pub fn new(options: SimOptions, trace: bool) -> World {
        let keys: Vec<String> = (0..3).map(|n| format!("/k{n}")).collect();
        let clients = (0..options.clients)
            .map(|n| {
                let linearizable = options.linearizable_reads;
                SimClient::new(n, &keys, options.session_timeout_ms, linearizable)
            })
            .collect();
        let mut world = World {
            rng: Rng::new(options.seed),
            now: 1_000,
            events: BinaryHeap::new(),
            bodies: BTreeMap::new(),
            sequence: 0,
            servers: Vec::new(),
            net: Net::default(),
            clients,
            conns: BTreeMap::new(),
            oracle: Oracle::new(&keys),
            invariants: Invariants::default(),
            ensemble: EnsembleId(u128::from(options.seed) + 1),
            desired: options.members,
            calm: false,
            last_conn: 0,
            last_member: 0,
            last_call: 0,
            report: Report::default(),
            trace,
            options,
        };
        for slot in 0..SLOTS {
            let member = world.new_member();
            world.servers.push(Server {
                disk: SimDisk::blank(member),
                node: None,
                life: 0,
                links: Vec::new(),
                hello: None,
                log: BTreeMap::new(),
                applied: Index(0),
                paused_until: 0,
                while_paused: Vec::new(),
                fsync_ms: None,
                last_to_server: 0,
            });
            world.at(0, Ev::Start(slot));
        }
        world
    }

    /// Runs it: chaos, then calm, in which everything must work again.
    pub fn run(&mut self) -> Result<Report, String> {
        for client in 0..self.clients.len() {
            self.at(500, Ev::Client(client));
        }
        self.at(self.options.fault_every_ms + 2_000, Ev::Fault);
        self.at(50, Ev::Operator);
        let chaos_ends = self.now + self.options.chaos_ms;
        self.run_until(chaos_ends, |_| false)?;
        self.heal();
        let deadline = self.now + CALM_MS;
        self.run_until(deadline, World::settled)?;
        if !self.settled() {
            return Err(format!("at {}: no calm: {}", self.now, self.describe()));
        }
        self.report.virtual_ms = self.now;
        self.report.elections = self.invariants.elections;
        for client in &self.clients {
            self.report.acknowledged += client.tally.acknowledged;
            self.report.unknown += client.tally.unknown;
            self.report.reads += client.tally.reads;
            self.report.watches += client.tally.watches;
            self.report.sessions_lost += client.tally.sessions_lost;
        }
        Ok(self.report)
    }

    fn run_until(&mut self, end: u64, done: fn(&World) -> bool) -> Result<(), String> {
        let mut look = self.now;
        while let Some(Reverse((at, sequence))) = self.events.pop() {
            let Some(event) = self.bodies.remove(&sequence) else {
                continue;
            };
            self.now = at;
            self.report.events += 1;
            self.fold(at ^ sequence);
            if self.report.events > EVENTS_MAX {
                return Err(format!("more than {EVENTS_MAX} events"));
            }
            self.happen(event)
                .map_err(|why| format!("at {}: {why}", self.now))?;
            if self.now >= end {
                break;
            }
            if self.now >= look + 200 {
                look = self.now;
                if done(self) {
                    break;
                }
            }
        }
        Ok(())
    }

    fn fold(&mut self, value: u64) {
        self.report.fingerprint = (self.report.fingerprint ^ value)
            .wrapping_mul(0x0000_0100_0000_01B3)
            .rotate_left(5);
    }

    fn at(&mut self, delay: u64, event: Ev) {
        self.sequence += 1;
        self.events.push(Reverse((self.now + delay, self.sequence)));
        self.bodies.insert(self.sequence, event);
    }

    fn note(&self, slot: Slot, text: &dyn std::fmt::Display) {
        if self.trace {
            #[allow(clippy::print_stdout)] // The trace is what was asked for.
            {
                println!("{:>8} n{slot} {text}", self.now);
            }
        }
    }

    fn new_member(&mut self) -> MemberId {
        self.last_member += 1;
        MemberId(0xA000 + self.last_member)
    }

    fn clock(&self) -> Now {
        Now {
            mono: Mono(self.now),
            wall: Wall(1_700_000_000_000 + self.now as i64),
        }
    }

    // ---- what happens -----------------------------------------------------------------------

    fn happen(&mut self, event: Ev) -> Result<(), String> {
        if let Some(slot) = self.owner(&event)
            && self.servers[slot].paused_until > self.now
        {
            self.servers[slot].while_paused.push(event);
            return Ok(());
        }
        match event {
            Ev::Start(slot) => self.start(slot)?,
            Ev::Tick(slot, life) if self.lives(slot, life) => {
                self.at(10, Ev::Tick(slot, life));
                self.step(slot, Input::Tick)?;
            }
            Ev::Dial {
                from,
                life,
                link,
                hello,
            } if self.lives(from, life) => {
                self.dial(from, life, link, hello)?;
            }
            Ev::Arrive { link, message } => self.arrive(link, message)?,
            Ev::Unstall(link) => self.unstall(link)?,
            Ev::Synced(slot, life) if self.lives(slot, life) => {
                if let Some(seq) = self.servers[slot].disk.sync_done() {
                    self.step(slot, Input::Durable(seq))?;
                }
                if self.servers[slot].disk.start_sync() {
                    self.sync(slot);
                }
            }
            Ev::SnapshotStored {
                slot,
                life,
                snapshot,
            } if self.lives(slot, life) => {
                let meta = snapshot.meta.clone();
                self.servers[slot].disk.store(snapshot);
                self.report.snapshots += 1;
                self.step(
                    slot,
                    Input::SnapshotSaved {
                        meta,
                        bytes: Some(1),
                    },
                )?;
            }
            Ev::SnapshotArrived {
                from,
                from_life,
                to,
                to_life,
                term,
                snapshot,
            } => {
                self.snapshot_arrived((from, from_life), (to, to_life), term, snapshot)?;
            }
            Ev::ToServer { slot, life, input } if self.lives(slot, life) => {
                self.step(slot, *input)?;
            }
            Ev::ToClient {
                client,
                conn,
                frame,
            } => self.to_client(client, conn, frame)?,
            Ev::Client(client) => self.client_turn(client),
            Ev::Fault if !self.calm => {
                let every = self.options.fault_every_ms;
                self.at(every, Ev::Fault);
                for fault in faults::draw(&self.options, SLOTS, &mut self.rng) {
                    self.fault(fault)?;
                }
            }
            Ev::Uncut(pairs) => {
                for pair in pairs {
                    self.net.cut.remove(&pair);
                }
            }
            Ev::Resume(slot) if self.servers[slot].paused_until <= self.now => {
                for event in std::mem::take(&mut self.servers[slot].while_paused) {
                    self.happen(event)?;
                }
            }
            Ev::FastDisk(slot) => self.servers[slot].fsync_ms = None,
            Ev::Operator => {
                self.at(300, Ev::Operator);
                self.operate()?;
            }
            _ => {}
        }
        Ok(())
    }

    /// Whose process an event needs.
    fn owner(&self, event: &Ev) -> Option<Slot> {
        match event {
            Ev::Tick(slot, _) | Ev::Synced(slot, _) => Some(*slot),
            Ev::Dial { from, .. } => Some(*from),
            Ev::Arrive { link, .. } => self.net.links.get(link).map(|link| link.to),
            Ev::SnapshotStored { slot, .. } | Ev::ToServer { slot, .. } => Some(*slot),
            Ev::SnapshotArrived { to, .. } => Some(*to),
            _ => None,
        }
    }

    fn lives(&self, slot: Slot, life: u64) -> bool {
        self.servers[slot].life == life && self.servers[slot].node.is_some()
    }

    fn start(&mut self, slot: Slot) -> Result<(), String> {
        if self.servers[slot].node.is_some() {
            return Ok(());
        }
        let boot = self.rng.next();
        let mut options = Options::new(ServerId(slot as u8 + 1));
        options.peer_address = operator::address(slot);
        options.min_session_timeout_ms = 1_000;
        options.snapshot_every = self.options.snapshot_every;
        options.snapshot_keep = self.options.snapshot_keep;
        options.linearizable_reads = self.options.linearizable_reads;
        options.epoch_roll_at = self.options.epoch_roll_at;
        let recovered = self.servers[slot].disk.recover();
        let log = recovered
            .entries
            .iter()
            .map(|entry| (entry.index, Arc::clone(entry)))
            .collect();
        let mut effects = Vec::new();
        let node = Node::new(options, recovered, boot, self.clock(), &mut effects);
        let server = &mut self.servers[slot];
        server.life += 1;
        server.log = log;
        server.applied = node.state().applied();
        server.links = Vec::new();
        server.node = Some(node);
        let life = server.life;
        self.note(slot, &"starts");
        self.at(10, Ev::Tick(slot, life));
        self.perform(slot, effects)
    }

    fn stop(&mut self, slot: Slot) {
        self.servers[slot].life += 1;
        self.servers[slot].node = None;
        self.servers[slot].paused_until = 0;
        self.at(0, Ev::Resume(slot));
        for link in self.net.of(slot) {
            self.break_link(link);
        }
        let mine: Vec<(ConnId, usize)> = self
            .conns
            .iter()
            .map(|(conn, client)| (*conn, *client))
            .collect();
        for (conn, client) in mine {
            if self.client_slot(client, conn) == Some(slot) {
                self.at(
                    1,
                    Ev::ToClient {
                        client,
                        conn,
                        frame: None,
                    },
                );
            }
        }
    }

    fn step(&mut self, slot: Slot, input: Input) -> Result<(), String> {
        let now = self.clock();
        let mut effects = Vec::new();
        let Some(node) = &mut self.servers[slot].node else {
            return Ok(());
        };
        node.step(now, input, &mut effects);
        self.perform(slot, effects)
    }

    // ---- what a server wants done -----------------------------------------------------------

    fn perform(&mut self, slot: Slot, effects: Vec<Effect>) -> Result<(), String> {
        // The log first: what was committed in this step is judged before any reply is looked at.
        for effect in &effects {
            if let Effect::Write { write, .. } = effect {
                mirror(&mut self.servers[slot].log, write);
            }
        }
        self.judge(slot)?;
        let life = self.servers[slot].life;
        for effect in effects {
            if self.servers[slot].life != life {
                break;
            }
            self.one_effect(slot, effect)?;
        }
        Ok(())
    }

    /// Holds a server against the oracle and the invariants.
    fn judge(&mut self, slot: Slot) -> Result<(), String> {
        let server = &mut self.servers[slot];
        let Some(node) = &server.node else {
            return Ok(());
        };
        let applied = node.state().applied();
        while server.applied < applied {
            let next = server.applied.next();
            match server.log.get(&next) {
                Some(entry) => self.oracle.committed(entry)?,
                // Covered by a snapshot that was installed: others applied it before.
                None if server.log.keys().next().is_none_or(|first| *first > next) => {}
                None => return Err(format!("n{slot} applied {next}, which it never wrote")),
            }
            server.applied = next;
        }
        server.applied = applied;
        self.oracle.check_state(applied, node.state().digest())?;
        self.invariants
            .check(node, server.disk.member)
            .map_err(|why| format!("n{slot}: {why}"))
    }

    fn one_effect(&mut self, slot: Slot, effect: Effect) -> Result<(), String> {
        match effect {
            Effect::Client { conn, frame } => self.reply(conn, Some(frame)),
            Effect::Close { conn, reason } => {
                if reason == CloseReason::Protocol {
                    return Err(format!("n{slot} closed a connection: {reason:?}"));
                }
                self.reply(conn, None);
            }
            Effect::Peer { to, message } => self.send(slot, to, message)?,
            Effect::Links { hello, links } => self.relink(slot, hello, links)?,
            Effect::Adopt { seq, ensemble } => {
                if self.servers[slot].disk.push(seq, DiskOp::Adopt(ensemble)) {
                    self.sync(slot);
                }
            }
            Effect::Write { seq, write } => {
                if self.servers[slot].disk.push(seq, DiskOp::Write(write)) {
                    self.sync(slot);
                }
            }
            Effect::SaveSnapshot(snapshot) => {
                self.oracle.check_snapshot(&snapshot.meta)?;
                let life = self.servers[slot].life;
                let delay = self.rng.between(1, 500);
                self.at(
                    delay,
                    Ev::SnapshotStored {
                        slot,
                        life,
                        snapshot,
                    },
                );
            }
            Effect::SendSnapshot { to, term, index } => {
                self.send_snapshot(slot, to, term, index)?;
            }
            Effect::Wipe => {
                self.note(slot, &"is wiped");
                self.stop(slot);
                let member = self.new_member();
                self.servers[slot].disk = SimDisk::blank(member);
                self.at(100, Ev::Start(slot));
            }
            Effect::Fatal(why) => return Err(format!("n{slot} stops: {why}")),
            Effect::Note(Note::Answered { .. }) => {}
            Effect::Note(note) => self.note(slot, &format_args!("{note:?}")),
            Effect::AnswerAdmin { result, .. } => {
                self.note(slot, &format_args!("answers a call: {result:?}"));
            }
            // Answered within `dial`, which looks for them.
            Effect::AcceptPeer { .. } | Effect::RefusePeer { .. } => {}
        }
        Ok(())
    }

    fn sync(&mut self, slot: Slot) {
        let (low, high) = self.options.fsync_ms;
        let drawn = self.rng.between(low, high);
        let delay = self.servers[slot].fsync_ms.unwrap_or(drawn);
        let life = self.servers[slot].life;
        self.at(delay, Ev::Synced(slot, life));
    }

    // ---- links ------------------------------------------------------------------------------

    fn delay(&mut self) -> u64 {
        let (low, high) = self.options.net_delay_ms;
        self.rng.between(low, high)
    }

    fn relink(&mut self, slot: Slot, hello: Hello, links: Vec<Link>) -> Result<(), String> {
        let old = std::mem::replace(&mut self.servers[slot].links, links.clone());
        self.servers[slot].hello = Some(hello.clone());
        let life = self.servers[slot].life;
        for link in old.iter().filter(|link| !links.contains(link)) {
            let live = link
                .member
                .and_then(|member| self.net.link_to(slot, member));
            if let Some(live) = live {
                self.net.links.remove(&live);
            }
        }
        for link in links.into_iter().filter(|link| !old.contains(link)) {
            let delay = self.delay();
            self.at(
                delay,
                Ev::Dial {
                    from: slot,
                    life,
                    link,
                    hello: hello.clone(),
                },
            );
        }
        Ok(())
    }

    fn dial(&mut self, from: Slot, life: u64, link: Link, hello: Hello) -> Result<(), String> {
        let wanted = self.servers[from].links.contains(&link);
        if !wanted || self.servers[from].hello.as_ref() != Some(&hello) && !wanted {
            return Ok(());
        }
        if link
            .member
            .is_some_and(|member| self.net.link_to(from, member).is_some())
        {
            return Ok(());
        }
        let hello = self.servers[from].hello.clone().unwrap_or(hello);
        let again = self.rng.between(50, 300);
        self.at(
            again,
            Ev::Dial {
                from,
                life,
                link: link.clone(),
                hello: hello.clone(),
            },
        );
        let Some(to) = operator::slot_of(&link.address) else {
            return Ok(());
        };
        let up = self.servers[to].node.is_some() && self.servers[to].paused_until <= self.now;
        if !up || !self.net.connects(from, to) {
            return Ok(());
        }
        let number = self.net.number();
        let asked = Hello {
            to: link.member,
            ..hello
        };
        let now = self.clock();
        let mut effects = Vec::new();
        let Some(node) = &mut self.servers[to].node else {
            return Ok(());
        };
        node.step(
            now,
            Input::PeerHello {
                link: number,
                hello: asked,
            },
            &mut effects,
        );
        let answer = effects.iter().find_map(|effect| match effect {
            Effect::AcceptPeer { link, hello } if *link == number => Some((true, hello.clone())),
            Effect::RefusePeer { link, hello } if *link == number => Some((false, hello.clone())),
            _ => None,
        });
        self.perform(to, effects)?;
        let Some((accepted, answer)) = answer else {
            return Err(format!("n{to} left a peer's hello unanswered"));
        };
        if accepted && Some(answer.from) == link.member && self.lives(from, life) {
            let member = answer.from;
            self.net.links.insert(
                number,
                SimLink {
                    from,
                    to,
                    member,
                    last_arrival: self.now,
                    stalled: Default::default(),
                    stalled_since: None,
                },
            );
            self.step(from, Input::LinkUp(member))?;
        } else {
            self.step(
                from,
                Input::PeerAnswer {
                    address: link.address,
                    hello: answer,
                },
            )?;
        }
        Ok(())
    }

    fn send(&mut self, from: Slot, to: MemberId, message: PeerMessage) -> Result<(), String> {
        let Some(id) = self.net.link_to(from, to) else {
            return Ok(());
        };
        let delay = self.delay();
        let Some(link) = self.net.links.get_mut(&id) else {
            return Ok(());
        };
        if !link.stalled.is_empty() {
            link.stalled.push_back(message);
            return Ok(());
        }
        let at = (self.now + delay).max(link.last_arrival);
        link.last_arrival = at;
        let wait = at - self.now;
        self.at(wait, Ev::Arrive { link: id, message });
        Ok(())
    }

    fn arrive(&mut self, id: LinkId, message: PeerMessage) -> Result<(), String> {
        let Some(link) = self.net.links.get_mut(&id) else {
            return Ok(());
        };
        let (from, to, member) = (link.from, link.to, link.member);
        let open = !self.net.cut.contains(&(from, to));
        if !open || !link.stalled.is_empty() {
            if link.stalled_since.is_none() {
                link.stalled_since = Some(self.now);
                self.at(100, Ev::Unstall(id));
            }
            let Some(link) = self.net.links.get_mut(&id) else {
                return Ok(());
            };
            link.stalled.push_back(message);
            return Ok(());
        }
        let same = self.servers[to].disk.member == member && self.servers[to].node.is_some();
        if !same {
            self.break_link(id);
            return Ok(());
        }
        let sender = self.servers[from].disk.member;
        self.step(
            to,
            Input::Peer {
                from: sender,
                message,
            },
        )
    }

    fn unstall(&mut self, id: LinkId) -> Result<(), String> {
        let Some(link) = self.net.links.get_mut(&id) else {
            return Ok(());
        };
        if self.net.cut.contains(&(link.from, link.to)) {
            let since = link.stalled_since.unwrap_or(self.now);
            if self.now - since >= STALL_MS {
                self.break_link(id);
            } else {
                self.at(100, Ev::Unstall(id));
            }
            return Ok(());
        }
        link.stalled_since = None;
        link.last_arrival = self.now;
        let messages = std::mem::take(&mut link.stalled);
        for message in messages {
            self.at(0, Ev::Arrive { link: id, message });
        }
        Ok(())
    }

    fn break_link(&mut self, id: LinkId) {
        let Some(link) = self.net.links.remove(&id) else {
            return;
        };
        let (from, life) = (link.from, self.servers[link.from].life);
        let member = link.member;
        let wanted = self.servers[from]
            .links
            .iter()
            .find(|it| it.member == Some(member))
            .cloned();
        let input = Box::new(Input::LinkDown(member));
        self.at(
            0,
            Ev::ToServer {
                slot: from,
                life,
                input,
            },
        );
        if let (Some(link), Some(hello)) = (wanted, self.servers[from].hello.clone()) {
            let delay = self.rng.between(20, 200);
            self.at(
                delay,
                Ev::Dial {
                    from,
                    life,
                    link,
                    hello,
                },
            );
        }
    }

    fn send_snapshot(
        &mut self,
        from: Slot,
        to: MemberId,
        term: Term,
        index: Index,
    ) -> Result<(), String> {
        let from_life = self.servers[from].life;
        let target = (0..SLOTS).find(|slot| self.servers[*slot].disk.member == to);
        let newest = self.servers[from]
            .disk
            .newest()
            .filter(|it| it.meta.index >= index);
        let (Some(slot), Some(snapshot)) = (target, newest) else {
            let input = Box::new(Input::SnapshotSent {
                to,
                index,
                ok: false,
            });
            self.at(
                200,
                Ev::ToServer {
                    slot: from,
                    life: from_life,
                    input,
                },
            );
            return Ok(());
        };
        let delay = self.rng.between(5, 800);
        let to_life = self.servers[slot].life;
        self.at(
            delay,
            Ev::SnapshotArrived {
                from,
                from_life,
                to: slot,
                to_life,
                term,
                snapshot,
            },
        );
        Ok(())
    }

    fn snapshot_arrived(
        &mut self,
        (from, from_life): (Slot, u64),
        (to, to_life): (Slot, u64),
        term: Term,
        snapshot: Arc<Snapshot>,
    ) -> Result<(), String> {
        let ok = self.lives(to, to_life) && self.net.connects(from, to);
        let (target, index) = (self.servers[to].disk.member, snapshot.meta.index);
        if self.lives(from, from_life) {
            let input = Box::new(Input::SnapshotSent {
                to: target,
                index,
                ok,
            });
            self.at(
                1,
                Ev::ToServer {
                    slot: from,
                    life: from_life,
                    input,
                },
            );
        }
        if !ok {
            return Ok(());
        }
        let sender = self.servers[from].disk.member;
        self.servers[to]
            .disk
            .received
            .insert(index, Arc::clone(&snapshot));
        self.step(
            to,
            Input::SnapshotReceived {
                from: sender,
                term,
                snapshot,
            },
        )
    }

    // ---- clients ----------------------------------------------------------------------------

    fn client_slot(&self, client: usize, conn: ConnId) -> Option<Slot> {
        match self.clients[client].link {
            ClientLink::Up { slot, conn: own }
            | ClientLink::Connecting {
                slot, conn: own, ..
            } if own == conn => Some(slot),
            _ => None,
        }
    }

    fn reply(&mut self, conn: ConnId, frame: Option<ServerFrame>) {
        if let Some(client) = self.conns.get(&conn).copied() {
            self.at(
                1,
                Ev::ToClient {
                    client,
                    conn,
                    frame,
                },
            );
        }
    }

    fn to_client(
        &mut self,
        client: usize,
        conn: ConnId,
        frame: Option<ServerFrame>,
    ) -> Result<(), String> {
        let Some(slot) = self.client_slot(client, conn) else {
            return Ok(());
        };
        match frame {
            Some(frame) => {
                let requests = self.clients[client].frame(self.now, frame, &mut self.oracle)?;
                for request in requests {
                    self.to_server(slot, Input::Request { conn, request });
                }
            }
            None => self.hang_up(client),
        }
        Ok(())
    }

    fn to_server(&mut self, slot: Slot, input: Input) {
        let life = self.servers[slot].life;
        let at = (self.now + 1).max(self.servers[slot].last_to_server);
        self.servers[slot].last_to_server = at;
        let wait = at - self.now;
        self.at(
            wait,
            Ev::ToServer {
                slot,
                life,
                input: Box::new(input),
            },
        );
    }

    fn hang_up(&mut self, client: usize) {
        let (slot, conn) = match self.clients[client].link {
            ClientLink::Up { slot, conn } | ClientLink::Connecting { slot, conn, .. } => {
                (slot, conn)
            }
            ClientLink::Down { .. } => return,
        };
        self.conns.remove(&conn);
        self.clients[client].lost(self.now, &mut self.rng);
        self.to_server(slot, Input::Disconnected { conn });
    }

    fn client_turn(&mut self, client: usize) {
        let wait = self.rng.between(5, 60);
        self.at(wait, Ev::Client(client));
        if self.clients[client].gives_up(self.now) {
            return self.hang_up(client);
        }
        match self.clients[client].link {
            ClientLink::Down { until } if until <= self.now => {
                let slot = self.rng.below(SLOTS as u64) as Slot;
                if self.servers[slot].node.is_none() {
                    return;
                }
                self.last_conn += 1;
                let conn = ConnId(self.last_conn);
                self.conns.insert(conn, client);
                let request = self.clients[client].connect(slot, conn, self.now);
                let mut entropy = [0; 16];
                entropy[..8].copy_from_slice(&self.rng.next().to_be_bytes());
                let ip = std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);
                self.to_server(slot, Input::Connected { conn, ip });
                self.to_server(
                    slot,
                    Input::Connect {
                        conn,
                        request,
                        entropy,
                    },
                );
            }
            ClientLink::Up { slot, conn } => {
                let requests = self.clients[client].act(self.now, &self.oracle, &mut self.rng);
                for request in requests {
                    self.to_server(slot, Input::Request { conn, request });
                }
            }
            _ => {}
        }
    }

    // ---- faults and the operator ------------------------------------------------------------

    fn fault(&mut self, fault: Fault) -> Result<(), String> {
        self.note(0, &format_args!("fault {fault:?}"));
        match fault {
            Fault::Crash { slot, down_ms } => self.crash(slot, down_ms),
            Fault::Cut { pairs, for_ms } => {
                self.net.cut.extend(pairs.iter().copied());
                self.at(for_ms, Ev::Uncut(pairs));
            }
            Fault::BreakLinks { slot } => {
                for link in self.net.of(slot) {
                    self.break_link(link);
                }
            }
            Fault::Pause { slot, for_ms } => {
                let until = self.servers[slot].paused_until.max(self.now + for_ms);
                self.servers[slot].paused_until = until;
                let wait = until - self.now;
                self.at(wait, Ev::Resume(slot));
            }
            Fault::SlowDisk {
                slot,
                fsync_ms,
                for_ms,
            } => {
                self.servers[slot].fsync_ms = Some(fsync_ms);
                self.at(for_ms, Ev::FastDisk(slot));
            }
            Fault::LoseDisk { slot, down_ms } if self.may_lose_disk(slot) => {
                self.crash(slot, down_ms);
                let member = self.new_member();
                self.servers[slot].disk = SimDisk::blank(member);
            }
            Fault::LoseDisk { .. } => {}
            Fault::Resize { members } => self.desired = members,
            Fault::Transfer => {
                if let Some((leader, request)) = self.transfer() {
                    self.call(leader, request)?;
                }
            }
            Fault::DropClient { client } => self.hang_up(client),
        }
        Ok(())
    }

    fn crash(&mut self, slot: Slot, down_ms: u64) {
        if self.servers[slot].node.is_none() {
            return;
        }
        self.report.crashes += 1;
        self.stop(slot);
        self.servers[slot].disk.crash(&mut self.rng);
        self.invariants.forget_term(self.servers[slot].disk.member);
        self.at(down_ms, Ev::Start(slot));
    }

    /// Only what an ensemble survives by design: one disk at a time, of three or more, while the
    /// other voters still have theirs.
    fn may_lose_disk(&self, slot: Slot) -> bool {
        let views = self
            .servers
            .iter()
            .filter_map(|server| server.node.as_ref()?.raft());
        let Some(raft) = views.max_by_key(|raft| raft.committed_config().index) else {
            return false;
        };
        let present = |id: MemberId| self.servers.iter().any(|server| server.disk.member == id);
        let config = raft.config();
        let lost = self.servers[slot].disk.member;
        // Any configuration that anybody still acts under must keep its quorum.
        let all_same = self
            .servers
            .iter()
            .filter_map(|server| server.node.as_ref()?.raft())
            .all(|raft| raft.config().index == config.index || !raft.config().votes(lost));
        let everyone_up = self.servers.iter().all(|server| server.node.is_some());
        all_same
            && everyone_up
            && !config.joint()
            && config.voters().len() >= 3
            && config.members.iter().all(|member| present(member.id))
    }

    fn transfer(&mut self) -> Option<(Slot, AdminRequest)> {
        let leads = |server: &Server| {
            let raft = server.node.as_ref()?.raft()?;
            (raft.leader() == Some(raft.id())).then(|| raft.config().voters())
        };
        let (slot, voters) =
            (0..SLOTS).find_map(|slot| leads(&self.servers[slot]).map(|voters| (slot, voters)))?;
        let target = *self.rng.pick(&voters)?;
        Some((
            slot,
            AdminRequest::Transfer {
                ensemble: self.ensemble,
                target,
            },
        ))
    }

    fn call(&mut self, slot: Slot, request: AdminRequest) -> Result<(), String> {
        self.last_call += 1;
        if self.servers[slot].paused_until > self.now {
            return Ok(());
        }
        self.note(slot, &format_args!("call {request:?}"));
        self.step(
            slot,
            Input::Admin {
                call: CallId(self.last_call),
                request,
            },
        )
    }

    fn operate(&mut self) -> Result<(), String> {
        let formed = self
            .servers
            .iter()
            .any(|server| server.disk.recover().ensemble.is_some());
        let forming = self.servers.iter().any(|server| {
            server
                .node
                .as_ref()
                .is_some_and(|node| node.raft().is_some())
        });
        if !formed && !forming {
            let members = (0..self.options.members)
                .map(|slot| operator::member(slot, self.servers[slot].disk.member, Role::Voter))
                .collect();
            let seed = self.servers[0].disk.member;
            let request = AdminRequest::Form {
                ensemble: self.ensemble,
                seed,
                members,
            };
            return self.call(0, request);
        }
        let now = self.clock();
        let statuses: Vec<_> = self
            .servers
            .iter()
            .map(|server| {
                let up = server.paused_until <= now.mono.0;
                server
                    .node
                    .as_ref()
                    .filter(|_| up)
                    .map(|node| node.status(now))
            })
            .collect();
        if let Some((slot, request)) = operator::next_call(self.ensemble, self.desired, &statuses) {
            self.report.changes += 1;
            self.call(slot, request)?;
        }
        Ok(())
    }

    // ---- the end ----------------------------------------------------------------------------

    fn heal(&mut self) {
        self.note(0, &"all faults end");
        self.calm = true;
        self.net.cut.clear();
        for slot in 0..SLOTS {
            self.servers[slot].paused_until = 0;
            self.at(0, Ev::Resume(slot));
            self.servers[slot].fsync_ms = None;
            if self.servers[slot].node.is_none() {
                self.at(10, Ev::Start(slot));
            }
        }
    }

    /// Everything works: the wanted members vote, all agree, every client is served promptly.
    fn settled(&self) -> bool {
        let now = self.clock();
        let statuses: Vec<_> = self
            .servers
            .iter()
            .filter_map(|server| server.node.as_ref().map(|node| node.status(now)))
            .collect();
        let Some(leader) = statuses.iter().find(|it| it.leader == Some(it.member)) else {
            return false;
        };
        let voters = leader.config.voters();
        let member = |id: &MemberId| statuses.iter().find(|status| status.member == *id);
        statuses.len() == SLOTS
            && !leader.pending
            && voters.len() == self.desired
            && leader.config.members.len() == self.desired
            && voters.iter().all(|id| {
                member(id).is_some_and(|it| it.ready.is_ok() && it.applied >= leader.applied.prev())
            })
            && self.clients.iter().all(|client| {
                matches!(client.link, ClientLink::Up { .. }) && client.oldest(self.now) < 1_000
            })
    }

    fn describe(&self) -> String {
        let now = self.clock();
        let mut text = format!("wanted {} members; ", self.desired);
        for (slot, server) in self.servers.iter().enumerate() {
            if let Some(node) = &server.node {
                let it = node.status(now);
                text += &format!(
                    "n{slot} {} {:?} term {} leader {:?} commit {} applied {} last {} voters {:?} \
                     joint {} ready {:?}; ",
                    it.member,
                    it.role,
                    it.term,
                    it.leader,
                    it.commit,
                    it.applied,
                    it.last,
                    it.config.voters(),
                    it.config.joint(),
                    it.ready
                );
            }
        }
        for client in &self.clients {
            text += &format!(
                "client {:?} waits {} ms; ",
                client.link,
                client.oldest(self.now)
            );
        }
        text
    }
}

/// Follows a log as it is written.
fn mirror(log: &mut BTreeMap<Index, Arc<Entry>>, write: &LogWrite) {
    match write {
        LogWrite::Append(entries) => {
            log.extend(entries.iter().map(|entry| (entry.index, Arc::clone(entry))));
        }
        LogWrite::Truncate(from) => {
            log.split_off(from);
        }
        LogWrite::InstallSnapshot(_) => log.clear(),
        LogWrite::Hard(_) | LogWrite::Compact(_) => {}
    }
}
