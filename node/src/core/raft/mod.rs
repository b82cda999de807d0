//! Consensus: our own sans-I/O Raft. One entry point, [`Raft::step`]; this file holds the parts
//! together and dispatches.
//!
//! [`config`] who belongs to it · [`event`] inputs and outputs · [`quorum`] majorities ·
//! [`log`] the log in memory · [`progress`] how far each member is · `election` who leads ·
//! `replication` the leader's sending · `follower` accepting · `membership` changes ·
//! `transfer` handing leadership over · `read_index` confirmed reads · `snapshot` compaction and
//! installation.

pub mod config;
pub mod event;
pub mod log;
pub mod progress;
pub mod quorum;

mod election;
mod follower;
mod membership;
mod read_index;
mod replication;
mod snapshot;
mod transfer;

use std::collections::{BTreeMap, VecDeque};

use self::config::{Config, Member};
use self::event::{Action, Boot, Event, HardState, LogWrite, Message, Timing, Window};
use self::log::Log;
use self::progress::Progress;
use crate::core::prng::Prng;
use crate::core::types::{Index, MemberId, Mono, Term, WriteSeq};

/// The part a member plays, as others see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum RoleNow {
    Leader,
    Follower,
    Candidate,
    /// Receives the log and does not vote (learners, observers, freshly adopted disks).
    Learner,
    /// The committed configuration does not have it any more.
    Removed,
}

/// A leader's view of another member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct PeerView {
    pub id: MemberId,
    pub matched: Index,
    pub connected: bool,
    pub last_contact_ms: Option<u64>,
    pub snapshotting: bool,
}

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
pub struct Raft {
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
    next_seq: WriteSeq,
    deferred: VecDeque<(WriteSeq, Deferred)>,
    durable_seq: WriteSeq,
    /// Members whom our messages can reach now.
    linked: BTreeMap<MemberId, ()>,
    repairing: bool,
    /// Of a leader that handed over: who is told when the target leads.
    handed_over: Option<transfer::Transfer>,
}

impl Raft {
    /// Starts from what is durable.
    pub fn new(boot: Boot) -> Raft {
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
            next_seq: WriteSeq(boot.next_seq),
            deferred: VecDeque::new(),
            durable_seq: WriteSeq(boot.next_seq.saturating_sub(1)),
            linked: BTreeMap::new(),
            repairing: boot.repairing,
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
    pub fn step(&mut self, now: Mono, event: Event, out: &mut Vec<Action>) {
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
            Event::Change {
                id,
                expected,
                change,
            } => self.change(now, id, expected, change, out),
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
            Message::PreVote {
                term,
                last_index,
                last_term,
            } => {
                self.asked_pre_vote(now, from, term, (last_term, last_index), out);
            }
            Message::PreVoteReply { term, granted } => {
                self.pre_vote_answered(now, from, term, granted, out);
            }
            Message::Vote {
                term,
                last_index,
                last_term,
                transfer,
            } => {
                self.asked_vote(now, from, term, (last_term, last_index), transfer, out);
            }
            Message::VoteReply { term, granted } => {
                self.vote_answered(now, from, term, granted, out);
            }
            Message::Append {
                term,
                prev_index,
                prev_term,
                entries,
                commit,
                round,
            } => {
                let before = (prev_index, prev_term);
                self.append(now, from, term, before, entries, (commit, round), out);
            }
            Message::Accepted {
                term,
                matched,
                round,
            } => {
                self.accepted(now, from, term, matched, round, out);
            }
            Message::Rejected {
                term,
                prev_index,
                hint_index,
                hint_term,
                round,
            } => {
                let hint = (hint_index, hint_term);
                self.rejected(now, from, term, prev_index, hint, round, out);
            }
            Message::TimeoutNow { term } => self.told_to_campaign(now, from, term, out),
        }
    }

    /// Writes reached the disk: what waited for them may leave now.
    fn durable(&mut self, now: Mono, seq: WriteSeq, out: &mut Vec<Action>) {
        self.durable_seq = self.durable_seq.max(seq);
        let advanced = self.log.durable(seq);
        while self
            .deferred
            .front()
            .is_some_and(|(needs, _)| *needs <= seq)
        {
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
                self.replicate(now, member, true, out);
            }
        }
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

    /// A damaged log is whole again when it holds, durably, a committed entry of the present term:
    /// that leader was elected without this member's vote and has all that was ever committed.
    fn end_repair(&mut self, out: &mut Vec<Action>) {
        let whole = self.log.commit_index().min(self.log.durable_index());
        if self.repairing
            && self.leader.is_some()
            && self.log.term_at(whole) == Some(self.hard.term)
        {
            self.repairing = false;
            out.push(Action::Turned);
        }
    }

    // ---- what others may know ---------------------------------------------------------------

    /// The part this member plays.
    pub fn role(&self) -> RoleNow {
        let committed = self.log.committed_config();
        let config = self.log.config();
        let known = |config: &Config| config.member(self.id).is_some() || config.votes(self.id);
        if committed.index > Index(0) && !known(committed) && !known(config) {
            return RoleNow::Removed;
        }
        match &self.role {
            Role::Leader(_) => RoleNow::Leader,
            Role::Candidate { .. } | Role::PreCandidate { .. } => RoleNow::Candidate,
            Role::Follower if config.votes(self.id) => RoleNow::Follower,
            Role::Follower => RoleNow::Learner,
        }
    }

    /// This member.
    pub fn id(&self) -> MemberId {
        self.id
    }

    /// The newest term seen.
    pub fn term(&self) -> Term {
        self.hard.term
    }

    /// Who leads in it, as far as it is known.
    pub fn leader(&self) -> Option<MemberId> {
        self.leader
    }

    /// The configuration in force: the newest in the log.
    pub fn config(&self) -> &Config {
        self.log.config()
    }

    /// The newest committed configuration.
    pub fn committed_config(&self) -> &Config {
        self.log.committed_config()
    }

    /// Everybody to keep a link to: members of the configuration in force and of the committed
    /// one, and those that were dropped and are still being told.
    pub fn contacts(&self) -> Vec<Member> {
        let mut contacts: BTreeMap<MemberId, Member> = BTreeMap::new();
        if let Role::Leader(leading) = &self.role {
            for (member, _) in &leading.lingering {
                contacts.insert(member.id, member.clone());
            }
        }
        for member in self
            .committed_config()
            .members
            .iter()
            .chain(&self.config().members)
        {
            contacts.insert(member.id, member.clone());
        }
        contacts
            .into_values()
            .filter(|member| member.id != self.id)
            .collect()
    }

    /// Committed, as far as this member knows.
    pub fn commit_index(&self) -> Index {
        self.log.commit_index()
    }

    /// The end of the log.
    pub fn last_index(&self) -> Index {
        self.log.last_index()
    }

    /// The start of the log.
    pub fn first_index(&self) -> Index {
        self.log.first_index()
    }

    /// The term of an entry, if the log has it or ends its compaction there.
    pub fn term_at(&self, index: Index) -> Option<Term> {
        self.log.term_at(index)
    }

    /// Whether this member leads and takes proposals (not while handing leadership over).
    pub fn accepts_proposals(&self) -> bool {
        matches!(&self.role, Role::Leader(leading) if leading.transfer.is_none())
    }

    /// Whether this leader has committed an entry of its own term: before that it does not know
    /// what is committed (Raft §8).
    pub fn ready_to_serve(&self) -> bool {
        matches!(&self.role, Role::Leader(leading) if self.log.commit_index() >= leading.start)
    }

    /// Whether leadership is being handed over.
    pub fn transferring(&self) -> bool {
        matches!(&self.role, Role::Leader(leading) if leading.transfer.is_some())
    }

    /// Whether the log is being repaired, so that this member does not vote.
    pub fn repairing(&self) -> bool {
        self.repairing
    }

    /// Milliseconds since the leader was heard; on the leader, since a quorum was.
    pub fn leader_contact(&self, now: Mono) -> Option<u64> {
        match &self.role {
            Role::Leader(leading) => {
                let heard = |id: MemberId| {
                    if id == self.id {
                        return now.0;
                    }
                    leading
                        .peers
                        .get(&id)
                        .and_then(|peer| peer.heard)
                        .map_or(0, |at| at.0)
                };
                let at = quorum::agreed(self.config(), heard);
                Some(now.since(Mono(at)))
            }
            _ => self.leader.and(self.heard).map(|at| now.since(at)),
        }
    }

    /// A leader's view of the others; empty on other members.
    pub fn peers(&self, now: Mono) -> Vec<PeerView> {
        let Role::Leader(leading) = &self.role else {
            return Vec::new();
        };
        let view = |(id, peer): (&MemberId, &Progress)| PeerView {
            id: *id,
            matched: peer.matched,
            connected: peer.connected,
            last_contact_ms: peer.heard.map(|at| now.since(at)),
            snapshotting: peer.snapshotting(),
        };
        leading.peers.iter().map(view).collect()
    }

    /// On the leader: whether the members that are connected and nearly caught up would be a
    /// quorum without this one.
    pub fn quorum_without(&self, id: MemberId) -> bool {
        let Role::Leader(leading) = &self.role else {
            return false;
        };
        let near = |peer: &Progress| {
            peer.connected && peer.matched.0 + self.window.promotion_lag >= self.last_index().0
        };
        quorum::reached(self.config(), |member| {
            member != id && (member == self.id || leading.peers.get(&member).is_some_and(near))
        })
    }

    /// Checks what must hold between steps.
    ///
    /// # Panics
    /// When it does not.
    pub fn check_invariants(&self) {
        self.log.check_invariants();
        if let Role::Leader(leading) = &self.role {
            assert_eq!(self.leader, Some(self.id), "a leader follows itself");
            for (id, peer) in &leading.peers {
                assert!(
                    peer.matched <= self.last_index(),
                    "{id} matched {} beyond the leader's {}",
                    peer.matched,
                    self.last_index()
                );
                assert!(peer.matched < peer.next, "{id}: matched not below next");
            }
        }
    }
}
