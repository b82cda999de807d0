//! The server as one state machine. This file only holds the parts together and dispatches; each
//! concern is a file beside it:
//!
//! [`connection`] a client connection and its queue · `clients` requests and answers ·
//! [`flow`] how many of those at once ·
//! `handshake` sessions and connections · [`submit`] writes on their way to the leader · `intake`
//! which of them a leader took ·
//! [`barrier`] reads that must be fresh · `apply` committed entries and what they set off ·
//! [`expiry`] when sessions end · `reaper` when containers do · `peers` links and what members say ·
//! `formation` how an ensemble begins · `reconfig` changes of the membership by clients · `admin` what
//! operators ask · `snapshots` when the log is cut ·
//! [`listing`] long lists in pages · `digest_log` digests of the past ·
//! `watching` what clients watch ·
//! `standing` whether to serve, and the status · `wall_watch` whether wall time can be trusted.

pub(crate) mod barrier;
pub(crate) mod connection;
pub(crate) mod expiry;
pub(crate) mod flow;
pub(crate) mod listing;
pub(crate) mod submit;

mod admin;
mod apply;
mod auth;
mod clients;
mod digest_log;
mod formation;
mod handshake;
mod intake;
mod peers;
mod read_only;
mod reaper;
mod reconfig;
mod snapshots;
mod standing;
mod wall_watch;
mod watching;

use std::collections::VecDeque;
use std::sync::Arc;

use self::barrier::Barriers;
use self::connection::Connections;
use self::digest_log::DigestLog;
use self::expiry::Expiry;
use self::formation::Formation;
use self::intake::Intake;
use self::peers::Peers;
use self::reaper::Reaper;
use self::reconfig::Reconfigs;
use self::snapshots::Snapshots;
use self::standing::Standing;
use self::submit::SubmitQueue;
use self::wall_watch::WallWatch;
use super::effect::Effect;
use super::entry::Entry;
use super::input::{Input, Snapshot};
use super::options::Options;
use super::raft::Raft;
use super::raft::event::{Boot, Event, HardState, Output};
use super::state::State;
use super::types::{EnsembleId, MemberId, Now, WriteSeq};
use super::watch::Watches;

/// What was found on the disk.
#[derive(Clone, Debug)]
pub(crate) struct Recovered {
    /// This incarnation of the disk.
    pub member: MemberId,
    /// `None`: blank.
    pub ensemble: Option<EnsembleId>,
    /// Term and vote.
    pub hard: HardState,
    /// The newest good snapshot.
    pub snapshot: Option<Arc<Snapshot>>,
    /// The log behind it.
    pub entries: Vec<Arc<Entry>>,
    /// The log was damaged where it may have been acknowledged.
    pub repairing: bool,
}

/// A server.
#[derive(Debug)]
pub(crate) struct Node {
    options: Options,
    member: MemberId,
    ensemble: Option<EnsembleId>,
    /// This process's random number: a restart forgets who waited for what.
    boot: u64,
    /// `None` while blank.
    raft: Option<Raft>,
    state: State,
    watches: Watches,
    connections: Connections,
    turn: flow::Turn,
    queue: SubmitQueue,
    intake: Intake,
    barriers: Barriers,
    expiry: Expiry,
    wall_watch: WallWatch,
    reaper: Reaper,
    peers: Peers,
    formation: Formation,
    reconfigs: Reconfigs,
    snapshots: Snapshots,
    standing: Standing,
    digests: DigestLog,
    calls: admin::Calls,
    /// What is still to be told to the consensus core within this step.
    events: VecDeque<Event>,
}

impl Node {
    /// Starts from what the disk holds. The first effects (links, a vote request) go to `out`.
    pub(crate) fn new(
        options: Options,
        recovered: Recovered,
        boot: u64,
        now: Now,
        out: &mut Vec<Effect>,
    ) -> Node {
        let state = match &recovered.snapshot {
            Some(snapshot) => State::restore(&snapshot.image),
            None => State::new(),
        };
        let mut node = Node {
            member: recovered.member,
            ensemble: recovered.ensemble,
            boot,
            raft: None,
            watches: Watches::default(),
            connections: Connections::default(),
            turn: flow::Turn::default(),
            queue: SubmitQueue::default(),
            intake: Intake::default(),
            barriers: Barriers::default(),
            expiry: Expiry::default(),
            wall_watch: WallWatch::default(),
            reaper: Reaper::default(),
            peers: Peers::default(),
            formation: Formation::default(),
            reconfigs: Reconfigs::default(),
            snapshots: Snapshots::new(state.applied()),
            standing: Standing::new(now.mono),
            digests: DigestLog::default(),
            calls: admin::Calls::default(),
            events: VecDeque::new(),
            state,
            options,
        };
        if node.ensemble.is_some() {
            if let Some(snapshot) = &recovered.snapshot {
                node.queue.settle(snapshot.meta.term);
            }
            node.start_consensus(now, recovered, WriteSeq(1));
        } else if recovered.repairing {
            // A disk of no ensemble has acknowledged nothing, so nothing of it can be missing. Told
            // before it joins one, lest the next start take the healthy member for a damaged one.
            out.push(Effect::Repaired);
        }
        node.refresh_links(out);
        node.settle(now, out);
        node
    }

    /// The one entry point: what happened, and what is to be done about it, in order.
    pub(crate) fn step(&mut self, now: Now, input: Input, out: &mut Vec<Effect>) {
        self.begin_turn();
        self.take(now, input, out);
        self.end_turn(now, out);
        self.settle(now, out);
    }

    fn take(&mut self, now: Now, input: Input, out: &mut Vec<Effect>) {
        match input {
            Input::Batch(inputs) => {
                for input in inputs {
                    self.take(now, input, out);
                }
            }
            Input::Tick => self.tick(now, out),
            Input::Again => {}
            Input::Flushed { conn, sent } => self.flushed(now, conn, sent, out),
            Input::Connected { conn, ip, subject, entropy } => {
                self.connected(conn, ip, subject, entropy, out)
            }
            Input::Connect { conn, request, entropy } => {
                self.connect(now, conn, request, entropy, out);
            }
            Input::Request { conn, request } => self.request(now, conn, request, out),
            Input::Disconnected { conn } => self.forget_connection(conn),
            Input::PeerHello { link, hello } => self.peer_hello(now, link, hello, out),
            Input::PeerAnswer { address, hello } => self.peer_answer(now, address, hello, out),
            Input::LinkUp(member) => self.link_up(now, member, out),
            Input::LinkDown(member) => self.events.push_back(Event::LinkDown(member)),
            Input::Peer { from, message } => self.peer_message(now, from, message, out),
            Input::Durable(seq) => self.durable(now, seq, out),
            Input::SnapshotSaved { meta, bytes } => self.snapshot_saved(now, meta, bytes),
            Input::SnapshotSent { to, index, ok } => {
                self.events.push_back(Event::SnapshotSent { to, index, ok });
            }
            Input::SnapshotReceived { from, term, snapshot } => {
                self.snapshot_received(now, from, term, snapshot, out);
            }
            Input::Admin { call, request } => self.admin(now, call, request, out),
            Input::DiskLow(low) => self.standing.disk_low = low,
            Input::MemoryLow(low) => self.standing.memory_low = low,
        }
    }

    /// Time passed: everything that is due by the clock.
    fn tick(&mut self, now: Now, out: &mut Vec<Effect>) {
        self.events.push_back(Event::Tick);
        self.run(now, out);
        self.tick_sessions(now, out);
        self.tick_barriers(now, out);
        self.tick_peers(now, out);
        self.tick_reconfig(now, out);
        self.tick_standing(now, out);
        self.tick_read_only(now, out);
        self.tick_reaper(now, out);
    }

    /// Ends a step: tells the consensus core what gathered, submits what is due, and again, until
    /// nothing is left to tell.
    fn settle(&mut self, now: Now, out: &mut Vec<Effect>) {
        loop {
            self.run(now, out);
            self.submit_due(now, out);
            if self.events.is_empty() {
                break;
            }
        }
        self.maybe_snapshot(now, out);
    }

    /// Runs the consensus core on what gathered.
    fn run(&mut self, now: Now, out: &mut Vec<Effect>) {
        let mut outputs = Vec::new();
        while let Some(event) = self.events.pop_front() {
            let Some(raft) = &mut self.raft else { continue };
            raft.step(now.mono, event, &mut outputs);
            for output in outputs.drain(..) {
                self.act(now, output, out);
            }
        }
    }

    /// Does what the consensus core wants done.
    fn act(&mut self, now: Now, output: Output, out: &mut Vec<Effect>) {
        match output {
            Output::Send { to, message } => {
                let message = super::message::PeerMessage::Raft(message);
                out.push(Effect::Peer { to, message });
            }
            Output::Write { seq, write } => out.push(Effect::Write { seq, write }),
            Output::Commit(entries) => self.commit(now, &entries, out),
            Output::Restore(meta) => self.restore(now, &meta, out),
            Output::SendSnapshot { to, term, index } => {
                out.push(Effect::SendSnapshot { to, term, index });
            }
            Output::ReadReady { id, index } => self.read_ready(now, id, Some(index), out),
            Output::ReadRefused { id, .. } => self.read_ready(now, id, None, out),
            Output::ChangeDone { id, version } => {
                self.own_change_ended(now, id, None, out);
                self.call_done(id, version, out);
            }
            Output::ChangeRefused { id, refusal } | Output::TransferRefused { id, refusal } => {
                self.own_change_ended(now, id, Some(refusal), out);
                self.call_refused(id, refusal, out);
            }
            Output::TransferDone { id } => self.transfer_done(id, out),
            Output::Repaired => out.push(Effect::Repaired),
            Output::RoleChanged => self.turned(now, out),
            Output::Configured => self.configured(now, out),
        }
    }

    /// Brings the consensus core to life on a disk that belongs to an ensemble.
    fn start_consensus(&mut self, now: Now, recovered: Recovered, next_seq: WriteSeq) {
        let snapshot = recovered.snapshot.as_ref().map(|snapshot| snapshot.meta.clone());
        let boot = Boot {
            id: self.member,
            timing: self.options.timing,
            window: self.options.window,
            seed: self.boot,
            hard: recovered.hard,
            snapshot: snapshot.unwrap_or_default(),
            entries: recovered.entries,
            repairing: recovered.repairing,
            next_seq: next_seq.0,
            now: now.mono,
        };
        self.raft = Some(Raft::new(boot));
        self.standing.started(now.mono);
    }

    /// Checks what must hold between steps. For tests and the simulator.
    ///
    /// # Panics
    /// When it does not hold.
    pub(crate) fn check_invariants(&self) {
        if let Some(raft) = &self.raft {
            raft.check_invariants();
            assert!(
                self.state.applied() <= raft.commit_index(),
                "applied {} beyond committed {}",
                self.state.applied(),
                raft.commit_index()
            );
        }
        self.connections.check_invariants();
        self.queue.check_invariants();
    }

    /// The replicated state, for tests and the simulator.
    pub(crate) fn state(&self) -> &State {
        &self.state
    }

    /// The consensus core, for tests and the simulator; `None` while blank.
    pub(crate) fn raft(&self) -> Option<&Raft> {
        self.raft.as_ref()
    }
}
