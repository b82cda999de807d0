//! Consensus: our own sans-I/O Raft. One entry point, [`Raft::step`]; this file holds the parts
//! together and dispatches.
//!
//! [`config`] who belongs to it · [`event`] inputs and outputs · [`quorum`] majorities ·
//! [`log`] the log in memory · [`progress`] how far each member is · `election` who leads ·
//! `vacancy` when nobody seems to · `replication` the leader's sending · `follower` accepting ·
//! `membership` changes · `transfer` handing leadership over · `read_index` confirmed reads ·
//! `snapshot` compaction and installation · `repair` of a damaged log · `view` what others may ask.

pub(crate) mod config;
pub(crate) mod event;
pub(crate) mod log;
pub(crate) mod progress;
pub(crate) mod quorum;

mod election;
mod follower;
mod membership;
mod read_index;
mod repair;
mod replication;
mod snapshot;
#[cfg(test)]
mod testing;
mod transfer;
mod vacancy;
mod view;

use std::collections::{BTreeMap, VecDeque};

use self::config::Member;
use self::event::{Action, Boot, Event, HardState, LogWrite, Message, Timing, Window};
use self::log::Log;
use self::progress::Progress;
pub(crate) use self::view::{PeerView, RoleNow};
use crate::core::prng::Prng;
use crate::core::types::{Index, MemberId, Mono, Term, WriteSeq};

#[derive(Debug)]
enum Role {
    Follower,
    /// Asks whether it would be elected (dissertation §9.6).
    PreCandidate {
        votes: BTreeMap<MemberId, bool>,
    },
    Candidate {
        votes: BTreeMap<MemberId, bool>,
    },
    Leader(Box<Leading>),
}

/// What only a leader has.
#[derive(Debug)]
struct Leading {
    peers: BTreeMap<MemberId, Progress>,
    /// The first entry of its term.
    start: Index,
    /// The heartbeat round under way; echoed by followers.
    round: u64,
    reads: read_index::Reads,
    transfer: Option<transfer::Transfer>,
    change: Option<membership::Pending>,
    /// Dropped members that are still told so, until when.
    lingering: Vec<(Member, Mono)>,
    next_heartbeat: Mono,
    next_check: Mono,
}

/// What waits for a log write to be durable.
#[derive(Debug)]
enum Deferred {
    Send {
        to: MemberId,
        message: Message,
    },
    /// A candidate's own vote counts once it cannot be forgotten.
    OwnVote {
        term: Term,
    },
}

/// The consensus core of one member.
#[derive(Debug)]
pub(crate) struct Raft {
    id: MemberId,
    timing: Timing,
    window: Window,
    prng: Prng,
    hard: HardState,
    log: Log,
    role: Role,
    leader: Option<MemberId>,
    /// When the present leader was last heard.
    heard: Option<Mono>,
    /// When to campaign if nothing is heard.
    deadline: Mono,
    /// Up to here this log equals the present leader's.
    verified: Index,
    /// The newest round of the present leader.
    round: u64,
    /// What the leader of a term was last told of this log: where it ends, and the round.
    told: Option<(Term, Index, u64)>,
    next_seq: WriteSeq,
    deferred: VecDeque<(WriteSeq, Deferred)>,
    durable_seq: WriteSeq,
    /// Members whom our messages can reach now.
    linked: BTreeMap<MemberId, ()>,
    /// What a damaged log still waits for.
    repair: Option<repair::Repair>,
    /// Of a leader that handed over: who is told when the target leads.
    handed_over: Option<transfer::Transfer>,
}

impl Raft {
    /// Starts from what is durable.
    pub(crate) fn new(boot: Boot) -> Raft {
        let log = Log::new(boot.snapshot, boot.entries);
        let mut raft = Raft {
            id: boot.id,
            timing: boot.timing,
            window: boot.window,
            prng: Prng::new(boot.seed ^ boot.id.0),
            hard: boot.hard,
            log,
            role: Role::Follower,
            leader: None,
            heard: None,
            deadline: boot.now,
            verified: Index(0),
            round: 0,
            told: None,
            next_seq: WriteSeq(boot.next_seq),
            deferred: VecDeque::new(),
            durable_seq: WriteSeq(boot.next_seq.saturating_sub(1)),
            linked: BTreeMap::new(),
            repair: boot.repairing.then(|| repair::Repair::new(boot.hard.term)),
            handed_over: None,
        };
        raft.rest(boot.now);
        if raft.log.config().voters() == [raft.id] && !raft.log.config().joint() {
            // Nobody else could be leading: no reason to wait.
            raft.deadline = boot.now;
        }
        raft
    }

    /// Something happened; what is to be done goes to `out`, in order.
    pub(crate) fn step(&mut self, now: Mono, event: Event, out: &mut Vec<Action>) {
        match event {
            Event::Tick => self.tick(now, out),
            Event::Message { from, message } => self.receive(now, from, message, out),
            Event::Propose(payloads) => self.propose(now, payloads, out),
            Event::Durable(seq) => self.durable(now, seq, out),
            Event::SnapshotSaved { meta, keep } => self.snapshot_saved(meta, keep, out),
            Event::SnapshotSent { to, index, ok } => self.snapshot_sent(now, to, index, ok, out),
            Event::SnapshotReceived { from, term, meta } => {
                self.snapshot_received(now, from, term, meta, out);
            }
            Event::ReadIndex { id } => self.read_index(now, id, out),
            Event::Change { id, expected, change } => self.change(now, id, expected, change, out),
            Event::Transfer { id, target } => self.start_transfer(now, id, target, out),
            Event::LinkUp(member) => self.link(now, member, true, out),
            Event::LinkDown(member) => self.link(now, member, false, out),
        }
    }

    fn tick(&mut self, now: Mono, out: &mut Vec<Action>) {
        if matches!(self.role, Role::Leader(_)) {
            self.tick_leader(now, out);
        } else if now >= self.deadline {
            self.rest(now);
            self.leader_is_lost(out);
            if self.may_campaign() {
                self.ask_votes(now, out);
            }
        }
    }

    fn receive(&mut self, now: Mono, from: MemberId, message: Message, out: &mut Vec<Action>) {
        match message {
            Message::PreVote { term, last_index, last_term } => {
                self.asked_pre_vote(now, from, term, (last_term, last_index), out);
            }
            Message::PreVoteReply { term, granted } => {
                self.pre_vote_answered(now, from, term, granted, out);
            }
            Message::Vote { term, last_index, last_term, transfer } => {
                self.asked_vote(now, from, term, (last_term, last_index), transfer, out);
            }
            Message::VoteReply { term, granted } => {
                self.vote_answered(now, from, term, granted, out);
            }
            Message::Append { term, prev_index, prev_term, entries, commit, last, round } => {
                let offer = follower::Offer {
                    before: (prev_index, prev_term),
                    entries,
                    commit,
                    last,
                    round,
                };
                self.append(now, from, term, offer, out);
            }
            Message::Accepted { term, matched, round } => {
                self.accepted(now, from, term, matched, round, out);
            }
            Message::Rejected { term, prev_index, hint_index, hint_term, round } => {
                let rejection =
                    replication::Rejection { prev_index, hint: (hint_index, hint_term), round };
                self.rejected(now, from, term, rejection, out);
            }
            Message::TimeoutNow { term } => self.told_to_campaign(now, from, term, out),
        }
    }

    /// Writes reached the disk: what waited for them may leave now.
    fn durable(&mut self, now: Mono, seq: WriteSeq, out: &mut Vec<Action>) {
        self.durable_seq = self.durable_seq.max(seq);
        let advanced = self.log.durable(seq);
        while self.deferred.front().is_some_and(|(needs, _)| *needs <= seq) {
            match self.deferred.pop_front() {
                Some((_, Deferred::Send { to, message })) => {
                    out.push(Action::Send { to, message });
                }
                Some((_, Deferred::OwnVote { term })) if term == self.hard.term => {
                    let id = self.id;
                    self.count_vote(now, id, true, out);
                }
                _ => {}
            }
        }
        if !advanced {
            return;
        }
        if matches!(self.role, Role::Leader(_)) {
            self.advance_commit(now, out);
        } else {
            self.acknowledge(out);
        }
        self.end_repair(out);
    }

    /// Queues a log write.
    fn write(&mut self, write: LogWrite, out: &mut Vec<Action>) -> WriteSeq {
        let seq = self.next_seq;
        self.next_seq = WriteSeq(seq.0 + 1);
        out.push(Action::Write { seq, write });
        seq
    }

    /// Does something once all writes so far are durable.
    fn when_durable(&mut self, what: Deferred) {
        let last = WriteSeq(self.next_seq.0 - 1);
        self.deferred.push_back((last, what));
    }

    fn link(&mut self, now: Mono, member: MemberId, up: bool, out: &mut Vec<Action>) {
        if up {
            self.linked.insert(member, ());
        } else {
            self.linked.remove(&member);
        }
        if let Role::Leader(leading) = &mut self.role
            && let Some(progress) = leading.peers.get_mut(&member)
        {
            progress.relinked(up);
            if up {
                // A new round, for then the member answers whatever it has told before.
                leading.round += 1;
                self.replicate(now, member, true, out);
            }
        }
        // What went over the old link may not have arrived.
        self.told = None;
        self.link_tells(now, member, up);
    }

    /// The next time to campaign: a fresh random time each time, so that split votes do not
    /// repeat (Raft §5.2).
    fn rest(&mut self, now: Mono) {
        let wait = self.timing.election + self.prng.below(self.timing.election);
        self.deadline = now.plus(wait);
    }

    fn commit_to(&mut self, index: Index, out: &mut Vec<Action>) {
        let entries = self.log.commit_to(index);
        if !entries.is_empty() {
            out.push(Action::Commit(entries));
            self.end_repair(out);
        }
    }
}
