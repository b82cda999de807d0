//! The server as one state machine: four wings around this hub.
//!
//! [`clients`] connections of this server's own clients · `requests` what is on its way through the log ·
//! [`replica`] the replicated state · `ensemble` this server among the others · `ctx` what each of them
//! may see and do within a step. Of the hub itself: `consensus` what the consensus core is told and wants
//! done · `admin` what operators ask · `status` what the server says about itself.
//!
//! A wing is a struct of private fields. It never calls another one: it gives back values, and only this
//! hub, which knows all four, spells out what follows from them and in which order. So a client is told
//! of a change before it can see it: an entry changes the state, watches fire, the waiting client is
//! answered.

/// A wing's surroundings, for one call: a macro, for the wing itself stays free to be borrowed.
macro_rules! cx {
    ($node:ident, $now:expr, $out:expr) => {
        Ctx {
            now: $now,
            me: $node.me,
            options: &$node.options,
            raft: $node.raft.as_ref(),
            service: $node.ensemble.service(&$node.options, $node.raft.as_ref()),
            numbers: &mut $node.numbers,
            events: &mut $node.events,
            out: &mut *$out,
        }
    };
}

mod admin;
pub(crate) mod clients;
mod consensus;
mod ctx;
mod ensemble;
pub(crate) mod replica;
mod requests;
mod status;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;

use self::clients::{Ask, Clients};
use self::ctx::{Birth, Ctx, Me, Numbers};
pub(crate) use self::ctx::{Luck, Recovered};
use self::ensemble::Ensemble;
use self::replica::Replica;
use self::requests::{Requests, Submitted};
use super::effect::{CloseReason, Effect};
use super::input::Input;
use super::message::PeerMessage;
use super::options::Options;
use super::raft::Raft;
use super::raft::event::Event;
use super::state::State;
use super::types::{MemberId, Now, WriteSeq};

/// A server.
#[derive(Debug)]
pub(crate) struct Node {
    options: Options,
    me: Me,
    /// `None` while blank.
    raft: Option<Raft>,
    clients: Clients,
    requests: Requests,
    replica: Replica,
    ensemble: Ensemble,
    numbers: Numbers,
    /// What is still to be told to the consensus core within this step.
    events: VecDeque<Event>,
}

impl Node {
    /// Starts from what the disk holds. The first effects (links, a vote request) go to `out`.
    pub(crate) fn new(
        options: Options,
        recovered: Recovered,
        Luck { boot, secret }: Luck,
        now: Now,
        out: &mut Vec<Effect>,
    ) -> Node {
        let mut node = Node {
            me: Me { member: recovered.member, boot, secret },
            raft: None,
            clients: Clients::default(),
            requests: Requests::default(),
            replica: Replica::new(recovered.snapshot.as_deref()),
            ensemble: Ensemble::new(&options, &recovered, now.mono),
            numbers: Numbers::default(),
            events: VecDeque::new(),
            options,
        };
        node.ensemble.starts_with(node.replica.state().version(), out);
        if recovered.elsewhere.is_none() && recovered.ensemble.is_some() {
            if let Some(snapshot) = &recovered.snapshot {
                node.requests.settle(snapshot.meta.term);
            }
            node.start_consensus(now, Birth { recovered, next_seq: WriteSeq(1) });
        } else if recovered.repairing {
            // A disk of no ensemble has acknowledged nothing, so nothing of it can be missing. Told
            // before it joins one, lest the next start take the healthy member for a damaged one.
            out.push(Effect::Repaired);
        }
        node.ensemble.refresh_links(&mut cx!(node, now, out));
        node.settle(now, out);
        node
    }

    /// The one entry point: what happened, and what is to be done about it, in order.
    pub(crate) fn step(&mut self, now: Now, input: Input, out: &mut Vec<Effect>) {
        self.clients.begin_turn();
        self.take(now, input, out);
        self.clients.end_turn(&mut cx!(self, now, out), self.replica.state());
        self.hand_on(now);
        self.settle(now, out);
    }

    fn take(&mut self, now: Now, input: Input, out: &mut Vec<Effect>) {
        let state = self.replica.state();
        match input {
            Input::Batch(inputs) => inputs.into_iter().for_each(|it| self.take(now, it, out)),
            Input::Tick => self.tick(now, out),
            Input::Again => {}
            Input::Flushed { conn, sent } => {
                self.clients.flushed(&mut cx!(self, now, out), state, conn, sent);
            }
            Input::Connected { conn, ip, subject, entropy } => {
                self.clients.connected(&mut cx!(self, now, out), conn, ip, subject, entropy);
            }
            Input::Connect { conn, request, entropy } => {
                self.clients.connect(&mut cx!(self, now, out), state, conn, request, entropy);
            }
            Input::Request { conn, request } => {
                self.clients.request(&mut cx!(self, now, out), state, conn, request);
            }
            Input::Disconnected { conn } => self.clients.forget(conn),
            Input::PeerHello { link, hello } => {
                let birth = self.ensemble.adopted_by(&mut cx!(self, now, out), &hello);
                self.begin(now, birth);
                self.ensemble.peer_hello(&mut cx!(self, now, out), link, hello);
            }
            Input::PeerAnswer { address, hello } => {
                let birth = self.ensemble.peer_answer(&mut cx!(self, now, out), address, hello);
                self.begin(now, birth);
            }
            Input::LinkUp { member, voucher } => {
                self.ensemble.vouched(&mut cx!(self, now, out), member, voucher);
                self.tell(now, Event::LinkUp(member), out);
                self.requests.link_up(&cx!(self, now, out), member);
            }
            Input::LinkDown(member) => self.ensemble.link_down(&mut cx!(self, now, out), member),
            Input::Peer { from, message } => self.peer_message(now, from, message, out),
            Input::Durable(seq) => {
                self.ensemble.durable(&mut cx!(self, now, out), seq);
                self.events.push_back(Event::Durable(seq));
            }
            Input::SnapshotSaved { meta, bytes } => {
                self.replica.snapshot_saved(&mut cx!(self, now, out), meta, bytes);
            }
            Input::SnapshotSent { to, index, ok } => {
                self.events.push_back(Event::SnapshotSent { to, index, ok });
            }
            Input::SnapshotReceived { from, term, snapshot } => {
                let event = self.replica.snapshot_arrived(from, term, snapshot);
                self.tell(now, event, out);
                self.replica.forget_received();
            }
            Input::Admin { call, request } => self.admin(now, call, request, out),
            Input::DiskLow(low) => self.ensemble.disk_low(low),
            Input::MemoryLow(low) => self.ensemble.memory_low(low),
        }
        self.hand_on(now);
    }

    /// What clients asked for goes to the wings that it concerns.
    fn hand_on(&mut self, now: Now) {
        for ask in self.clients.take_asks() {
            match ask {
                Ask::Submit { request, conn, action } => {
                    self.requests.submit(request, conn, action);
                }
                Ask::Barrier { id, conn } => self.requests.wait_for_barrier(now.mono, id, conn),
                Ask::Touch(session) => self.replica.touch(now.mono, session),
                Ask::Left(conn) => {
                    self.requests.drop_conn(conn);
                    self.ensemble.drop_conn(conn);
                }
            }
        }
    }

    fn peer_message(
        &mut self,
        now: Now,
        from: MemberId,
        message: PeerMessage,
        out: &mut Vec<Effect>,
    ) {
        self.ensemble.hear_stranger(&mut cx!(self, now, out), from);
        match message {
            PeerMessage::Raft(message) => self.tell(now, Event::Message { from, message }, out),
            PeerMessage::Submit { term, boot, stream, submissions } => {
                let submitted = Submitted { term, boot, stream, submissions };
                if self.requests.submitted(&mut cx!(self, now, out), from, submitted) {
                    // Proposed before the next message is looked at: a hand-over may start there.
                    self.run(now, out);
                }
            }
            PeerMessage::SubmitRefused { term, stream, from_request } => {
                self.requests.refused(&cx!(self, now, out), term, stream, from_request);
            }
            PeerMessage::Barrier { id } => {
                self.requests.barrier_asked(&mut cx!(self, now, out), from, id);
            }
            PeerMessage::BarrierReply { id, index } => {
                self.requests.barrier_known(id, index);
                self.pass_barriers(now, out);
            }
            PeerMessage::Touch { sessions } => self.replica.heard(now.mono, sessions),
            PeerMessage::Pulse { index, digest, spared } => {
                let applied = self.replica.state().applied();
                let theirs = (index, digest);
                self.ensemble.pulse(&mut cx!(self, now, out), applied, theirs, spared);
            }
        }
    }

    /// Time passed: everything that is due by the clock.
    fn tick(&mut self, now: Now, out: &mut Vec<Effect>) {
        self.tell(now, Event::Tick, out);
        self.replica.tick_sessions(&mut cx!(self, now, out));
        self.requests.tick(&mut cx!(self, now, out));
        self.ensemble.tick_peers(&mut cx!(self, now, out), self.replica.place());
        self.ensemble.tick_reconfig(&mut cx!(self, now, out));
        let birth = self.ensemble.form_static_list(&mut cx!(self, now, out));
        self.begin(now, birth);
        let settled = self.requests.settled();
        if self.ensemble.refresh_serving(&cx!(self, now, out), settled) {
            self.clients.close_all(&mut cx!(self, now, out), CloseReason::NotServing);
        }
        self.drain(now, out);
        self.clients.tick_read_only(&mut cx!(self, now, out));
        self.replica.tick_reaper(&mut cx!(self, now, out));
        self.ensemble.tick_version(&mut cx!(self, now, out));
    }

    /// Ends a step: tells the consensus core what gathered, submits what is due, and again, until
    /// nothing is left to tell.
    fn settle(&mut self, now: Now, out: &mut Vec<Effect>) {
        loop {
            self.run(now, out);
            self.requests.submit_due(&mut cx!(self, now, out));
            if self.events.is_empty() {
                break;
            }
        }
        self.replica.snapshot_if_due(&mut cx!(self, now, out));
    }

    /// Tells the consensus core at once.
    fn tell(&mut self, now: Now, event: Event, out: &mut Vec<Effect>) {
        self.events.push_back(event);
        self.run(now, out);
    }

    /// Lets everything through that waited for what is applied now.
    fn pass_barriers(&mut self, now: Now, out: &mut Vec<Effect>) {
        let applied = self.replica.state().applied();
        while let Some((conn, id)) = self.requests.next_passed(applied) {
            self.clients.pass(&mut cx!(self, now, out), self.replica.state(), conn, id);
            self.hand_on(now);
        }
    }

    /// Checks what must hold between steps. For tests and the simulator.
    ///
    /// # Panics
    /// When it does not hold.
    #[cfg(any(test, feature = "sim"))]
    pub(crate) fn check_invariants(&self) {
        if let Some(raft) = &self.raft {
            raft.check_invariants();
            let (applied, committed) = (self.replica.state().applied(), raft.commit_index());
            assert!(applied <= committed, "applied {applied} beyond committed {committed}");
        }
        self.clients.check_invariants();
        self.requests.check_invariants();
    }

    /// The replicated state.
    pub(crate) fn state(&self) -> &State {
        self.replica.state()
    }

    /// The consensus core; `None` while blank.
    #[cfg(any(test, feature = "sim"))]
    pub(crate) fn raft(&self) -> Option<&Raft> {
        self.raft.as_ref()
    }
}
