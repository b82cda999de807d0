//! The world: what is in it, events, time.
//!
//! `servers` steps the cores and does what they want done · `links` between servers · `clients`
//! their connections · `programs` of mixed versions · `reconfig` what clients ask of the membership ·
//! `trouble` faults, the operator, and the calm after them · `probe` the last question ·
//! `driven` a world whose servers, membership and faults somebody else sees to.

mod clients;
mod driven;
mod links;
mod probe;
mod programs;
mod reconfig;
mod servers;
#[cfg(test)]
mod session_tests;
mod trouble;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::sync::Arc;

pub(crate) use self::driven::{Call, Progress};
use super::client::SimClient;
use super::disk::{Make, SimDisk};
use super::faults;
use super::fingerprint::Fingerprint;
use super::invariants::Invariants;
use super::net::{Net, Sender, Slot};
use super::operator::{self, CONFIG};
use super::options::SimOptions;
use super::oracle::Oracle;
use super::report::Report;
use super::rng::Rng;
use crate::core::effect::Link;
use crate::core::entry::Entry;
use crate::core::input::{AdminError, Input, Snapshot};
use crate::core::message::{Hello, PeerMessage};
use crate::core::node::Node;
use crate::core::op::ServerFrame;
use crate::core::raft::config::Role;
use crate::core::types::{
    CallId, ConnId, EnsembleId, EnsembleVersion, Index, LinkId, MemberId, Micros, Mono, Now,
    SessionId, Term, Wall,
};

/// As many servers as the largest ensemble of a run has.
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
    Dial { from: Slot, life: u64, link: Link, hello: Hello },
    Arrive { link: LinkId, message: PeerMessage },
    Unstall(LinkId),
    Unheard(LinkId),
    Synced(Slot, u64),
    SnapshotStored { slot: Slot, life: u64, snapshot: Arc<Snapshot> },
    SnapshotArrived { from: Sender, to: Slot, to_life: u64, term: Term, snapshot: Arc<Snapshot> },
    ToServer { slot: Slot, life: u64, input: Box<Input> },
    ToClient { client: usize, conn: ConnId, frame: Option<ServerFrame> },
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
    /// No repair is due: it may vote.
    whole: bool,
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
    /// Of its wall clock.
    ahead_ms: i64,
    /// The newest ensemble version that its program knows.
    program: EnsembleVersion,
    /// When it last got an older program; 0: never.
    rolled_back: u64,
}

/// What calls came to: a version of the configuration, or why not.
type Answers = BTreeMap<CallId, Result<Index, AdminError>>;

/// One run.
#[derive(Debug)]
pub(crate) struct World {
    options: SimOptions,
    rng: Rng,
    now: u64,
    events: BinaryHeap<Reverse<(u64, u64)>>,
    bodies: BTreeMap<u64, Ev>,
    sequence: u64,
    servers: Vec<Server>,
    net: Net,
    /// The znodes that clients work on.
    keys: Vec<String>,
    clients: Vec<SimClient>,
    conns: BTreeMap<ConnId, usize>,
    oracle: Oracle,
    invariants: Invariants,
    ensemble: EnsembleId,
    desired: usize,
    /// The part of each slot, where clients change the membership.
    wanted: BTreeMap<Slot, Role>,
    last_ask: u64,
    calm: bool,
    last_conn: u64,
    last_member: u64,
    last_call: u64,
    /// Each slot's address for members.
    peers: Vec<String>,
    /// What calls came to, where somebody outside made them.
    answers: Option<Answers>,
    report: Report,
    trace: bool,
    /// Only where it was asked for: it takes time.
    fingerprint: Option<Fingerprint>,
    /// Quiet clients: when each session's last ping reached its server.
    spoke: BTreeMap<SessionId, u64>,
    /// No client says anything any more.
    mute: bool,
    /// When a leader found sessions expired.
    expired: Vec<(SessionId, u64)>,
}

impl World {
    /// Prepares a run.
    pub(super) fn new(options: SimOptions, trace: bool) -> World {
        let peers = (0..SLOTS).map(operator::address).collect();
        let mut world = World::off(options, peers, trace);
        for slot in 0..SLOTS {
            world.at(0, Ev::Start(slot));
        }
        world
    }

    /// A world of so many servers, by the addresses under which members reach each other; all are off
    /// and blank. Network, disks and settings are drawn from the seed.
    pub(crate) fn driven(seed: u64, clients: usize, peers: Vec<String>, trace: bool) -> World {
        let options = SimOptions {
            clients,
            moves: 0,
            by_clients: false,
            mortal: false,
            skewed: false,
            ..SimOptions::from_seed(seed)
        };
        let mut world = World::off(options, peers, trace);
        world.answers = Some(Answers::new());
        for client in 0..world.clients.len() {
            world.at(500, Ev::Client(client));
        }
        world
    }

    /// All of it, with blank disks, and nothing runs yet.
    fn off(options: SimOptions, peers: Vec<String>, trace: bool) -> World {
        let keys: Vec<String> = (0..3).map(|n| format!("/k{n}")).collect();
        let clients = (0..options.clients)
            .map(|n| {
                let linearizable = options.linearizable_reads;
                let mut client = SimClient::new(n, &keys, options.session_timeout_ms, linearizable);
                client.makes_mortals = options.mortal;
                client
            })
            .collect();
        let known: Vec<String> = keys.iter().cloned().chain([CONFIG.to_owned()]).collect();
        let mut world = World {
            rng: Rng::new(options.seed),
            now: 1_000,
            events: BinaryHeap::new(),
            bodies: BTreeMap::new(),
            sequence: 0,
            servers: Vec::new(),
            net: Net::default(),
            keys,
            clients,
            conns: BTreeMap::new(),
            oracle: Oracle::new(&known, options.skewed),
            invariants: Invariants::new(options.by_clients),
            ensemble: EnsembleId(u128::from(options.seed) + 1),
            desired: options.members,
            wanted: (0..options.members).map(|slot| (slot, Role::Voter)).collect(),
            last_ask: 0,
            calm: false,
            last_conn: 0,
            last_member: 0,
            last_call: 0,
            peers,
            answers: None,
            report: Report::default(),
            trace,
            fingerprint: None,
            spoke: BTreeMap::new(),
            mute: false,
            expired: Vec::new(),
            options,
        };
        for slot in 0..world.peers.len() {
            let disk = world.blank_disk();
            world.servers.push(Server {
                disk,
                whole: true,
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
                ahead_ms: 0,
                program: world.options.before,
                rolled_back: 0,
            });
            if world.options.mixed && world.rng.chance(50) {
                world.roll(slot, false, 0);
            }
            if world.options.skewed && world.rng.chance(50) {
                world.servers[slot].ahead_ms = faults::hours(&mut world.rng);
            }
        }
        world
    }

    /// From here on, all that servers do is folded into one fingerprint.
    pub(super) fn take_fingerprint(&mut self) {
        self.fingerprint = Some(Fingerprint::default());
    }

    /// Of all that servers did since [`World::take_fingerprint`].
    pub(super) fn fingerprint(&self) -> Fingerprint {
        self.fingerprint.unwrap_or_default()
    }

    /// Runs it: chaos, then calm, in which everything must work again.
    pub(super) fn run(&mut self) -> Result<Report, String> {
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
        self.probe()?;
        self.oracle.check_reconfigs()?;
        self.report.virtual_ms = self.now;
        self.report.elections = self.invariants.elections;
        for client in &self.clients {
            self.report.acknowledged += client.tally.acknowledged;
            self.report.unknown += client.tally.unknown;
            self.report.reconfigs += client.tally.reconfigs;
            self.report.reads += client.tally.reads;
            self.report.watches += client.tally.watches;
            self.report.sessions_lost += client.tally.sessions_lost;
        }
        Ok(self.report)
    }

    fn run_until(&mut self, end: u64, done: fn(&World) -> bool) -> Result<(), String> {
        let mut look = self.now;
        while self.next_event()? {
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

    /// The next thing happens; `false` if there is none.
    fn next_event(&mut self) -> Result<bool, String> {
        let Some(Reverse((at, sequence))) = self.events.pop() else {
            return Ok(false);
        };
        let Some(event) = self.bodies.remove(&sequence) else {
            return Ok(true);
        };
        self.now = at;
        self.report.events += 1;
        self.fold(at ^ sequence);
        if self.report.events > EVENTS_MAX {
            return Err(format!("more than {EVENTS_MAX} events"));
        }
        self.happen(event).map_err(|why| format!("at {}: {why}", self.now))?;
        Ok(true)
    }

    fn fold(&mut self, value: u64) {
        self.report.fingerprint =
            (self.report.fingerprint ^ value).wrapping_mul(0x0000_0100_0000_01B3).rotate_left(5);
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

    /// A disk of a member that never was.
    fn blank_disk(&mut self) -> SimDisk {
        let SimOptions { segment_bytes, retain, seals, .. } = self.options;
        let seed = self.rng.word();
        SimDisk::blank(self.new_member(), Make { seed, segment_bytes, retain, seals })
    }

    fn clock(&self) -> Now {
        let wall = Wall(1_700_000_000_000 + self.now as i64);
        Now { mono: Mono(self.now), wall, micros: Micros(self.now * 1_000) }
    }

    /// The same by a server's own clock.
    fn clock_of(&self, slot: Slot) -> Now {
        let mut now = self.clock();
        now.wall.0 += self.servers[slot].ahead_ms;
        now
    }

    fn happen(&mut self, event: Ev) -> Result<(), String> {
        if let Some(slot) = self.owner(&event) {
            let server = &mut self.servers[slot];
            // Nothing overtakes what waits for the end of the pause.
            if server.paused_until > self.now || !server.while_paused.is_empty() {
                server.while_paused.push(event);
                return Ok(());
            }
        }
        self.happen_now(event)
    }

    fn happen_now(&mut self, event: Ev) -> Result<(), String> {
        match event {
            Ev::Start(slot) => self.start(slot)?,
            Ev::Tick(slot, life) if self.lives(slot, life) => {
                self.at(10, Ev::Tick(slot, life));
                self.step(slot, Input::Tick)?;
            }
            Ev::Dial { from, life, link, hello } if self.lives(from, life) => {
                self.dial(from, life, link, hello)?;
            }
            Ev::Arrive { link, message } => self.arrive(link, message)?,
            Ev::Unstall(link) => self.unstall(link)?,
            Ev::Unheard(link) => self.unheard(link),
            Ev::Synced(slot, life) if self.lives(slot, life) => {
                if let Some(seq) = self.servers[slot].disk.sync_done() {
                    self.step(slot, Input::Durable(seq))?;
                }
                if self.servers[slot].disk.start_sync() {
                    self.sync(slot);
                }
            }
            Ev::SnapshotStored { slot, life, snapshot } if self.lives(slot, life) => {
                let meta = snapshot.meta.clone();
                self.servers[slot].disk.store(&snapshot);
                self.report.snapshots += 1;
                self.step(slot, Input::SnapshotSaved { meta, bytes: Some(1) })?;
            }
            Ev::SnapshotArrived { from, to, to_life, term, snapshot } => {
                self.snapshot_arrived(from, (to, to_life), term, snapshot)?;
            }
            Ev::ToServer { slot, life, input } if self.lives(slot, life) => {
                // A link that another one has replaced is not missed, as in the shell.
                let replaced = matches!(*input, Input::LinkDown(member)
                    if self.net.link_to(slot, member).is_some());
                if !replaced {
                    self.step(slot, *input)?;
                }
            }
            Ev::ToClient { client, conn, frame } => self.tell_client(client, conn, frame)?,
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
                    self.happen_now(event)?;
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
}
