//! Consensus: our own sans-I/O Raft. One entry point, [`Raft::step`]; this file holds the parts
//! together and dispatches.
//!
//! [`config`] who belongs to it · [`event`] inputs and outputs · [`quorum`] majorities ·
//! [`log`] the log in memory · `writes` what waits for the disk · `settings` who this is ·
//! `server_state` leader, follower or candidate · `election` who leads · `election_timer` when to
//! ask for it · `leader` all that only the leader does · `transfer` handing leadership over ·
//! `follower` accepting, `following` what it knows of its leader · `plausible` what members cannot say · `snapshot` compaction and
//! installation · `repair` of a damaged log · `view` what others may ask, of other members a
//! `peer_view`.

pub(crate) mod config;
pub(crate) mod event;
pub(crate) mod log;
pub(crate) mod quorum;

mod election;
mod election_timer;
mod follower;
mod following;
mod leader;
mod peer_view;
mod plausible;
mod repair;
mod server_state;
mod settings;
mod snapshot;
#[cfg(test)]
mod tests;
mod transfer;
mod view;
mod writes;

use std::collections::BTreeSet;

use self::election_timer::ElectionTimer;
use self::event::{Boot, Event, HardState, Message, Output, Refusal};
use self::following::{Append, Following};
use self::leader::{Leader, Leads, Rejection};
use self::log::Log;
pub(crate) use self::peer_view::PeerView;
use self::repair::Repair;
use self::server_state::ElectionState;
pub(crate) use self::server_state::ServerState;
use self::settings::Settings;
use self::transfer::Transfer;
use self::writes::Writes;
use crate::core::types::{MemberId, Mono, WriteSeq};

/// The consensus core of one member.
#[derive(Debug)]
pub(crate) struct Raft {
    settings: Settings,
    hard: HardState,
    log: Log,
    writes: Writes,
    state: ElectionState,
    leader: Option<MemberId>,
    /// When the present leader was last heard.
    heard: Option<Mono>,
    timer: ElectionTimer,
    following: Following,
    /// Members whom our messages can reach now.
    linked: BTreeSet<MemberId>,
    /// What a damaged log still waits for.
    repair: Option<Repair>,
    /// Of a leader that handed over: who is told when the target leads.
    handed_over: Option<Transfer>,
}

impl Raft {
    /// Starts from what is durable.
    pub(crate) fn new(boot: Boot) -> Raft {
        let mut raft = Raft {
            settings: Settings { id: boot.id, timing: boot.timing, window: boot.window },
            hard: boot.hard,
            log: Log::new(boot.snapshot, boot.entries),
            writes: Writes::new(boot.next_seq),
            state: ElectionState::Follower,
            leader: None,
            heard: None,
            timer: ElectionTimer::new(boot.timing.election, boot.seed ^ boot.id.0, boot.now),
            following: Following::default(),
            linked: BTreeSet::new(),
            repair: boot.repairing.then(|| Repair::new(boot.hard.term)),
            handed_over: None,
        };
        if raft.log.config().voters() == [boot.id] && !raft.log.config().joint() {
            // Nobody else could be leading: no reason to wait.
            raft.timer.run_out(boot.now);
        }
        raft
    }

    /// Something happened; what is to be done goes to `out`, in order.
    pub(crate) fn step(&mut self, now: Mono, event: Event, out: &mut Vec<Output>) {
        match event {
            Event::Tick => self.tick(now, out),
            Event::Message { from, message } => self.receive(now, from, message, out),
            Event::Durable(seq) => self.durable(now, seq, out),
            Event::LinkUp(member) => self.link(now, member, true, out),
            Event::LinkDown(member) => self.link(now, member, false, out),
            Event::SnapshotSaved { meta, keep } => self.snapshot_saved(meta, keep, out),
            Event::SnapshotReceived { from, term, meta } => {
                self.snapshot_received(now, from, term, meta, out);
            }
            Event::SnapshotSent { to, index, ok } => {
                if let Some(mut leader) = self.as_leader(now, out) {
                    leader.snapshot_sent(to, index, ok);
                }
            }
            Event::Propose(payloads) => {
                if let Some(mut leader) = self.as_leader(now, out) {
                    leader.propose(payloads);
                }
            }
            Event::ReadIndex { id } => match self.as_leader(now, out) {
                Some(mut leader) => leader.read_index(id),
                None => out.push(Output::ReadRefused { id, refusal: Refusal::NotLeader }),
            },
            Event::Change { id, expected, change } => match self.as_leader(now, out) {
                Some(mut leader) => leader.change(id, expected, change),
                None => out.push(Output::ChangeRefused { id, refusal: Refusal::NotLeader }),
            },
            Event::Transfer { id, target } => match self.as_leader(now, out) {
                Some(mut leader) => leader.transfer(id, target),
                None => out.push(Output::TransferRefused { id, refusal: Refusal::NotLeader }),
            },
        }
    }

    /// The parts that a leader works on, if this member leads.
    fn as_leader<'a>(&'a mut self, now: Mono, out: &'a mut Vec<Output>) -> Option<Leader<'a>> {
        let ElectionState::Leader(leading) = &mut self.state else {
            return None;
        };
        Some(Leader {
            now,
            settings: &self.settings,
            term: self.hard.term,
            linked: &self.linked,
            leading,
            log: &mut self.log,
            writes: &mut self.writes,
            out,
        })
    }

    /// A leader acted; it may not be one any more.
    fn after(&mut self, now: Mono, leads: Leads, out: &mut Vec<Output>) {
        if leads.is_break() {
            self.step_down(out);
            self.timer.reset(now);
        }
    }

    fn tick(&mut self, now: Mono, out: &mut Vec<Output>) {
        if let Some(mut leader) = self.as_leader(now, out) {
            let leads = leader.tick();
            self.after(now, leads, out);
        } else if self.timer.elapsed(now) {
            self.election_timeout(now, out);
        }
    }

    fn receive(&mut self, now: Mono, from: MemberId, message: Message, out: &mut Vec<Output>) {
        if let Err(what) = self.may_be(from, message.term()) {
            return out.push(Output::Implausible { from, what });
        }
        match message {
            Message::PreVote { term, last_index, last_term } => {
                self.on_pre_vote(now, from, term, (last_term, last_index), out);
            }
            Message::PreVoteReply { term, granted } => {
                self.on_pre_vote_reply(now, from, term, granted, out);
            }
            Message::Vote { term, last_index, last_term, transfer } => {
                self.on_vote(now, from, term, (last_term, last_index), transfer, out);
            }
            Message::VoteReply { term, granted } => {
                self.on_vote_reply(now, from, term, granted, out);
            }
            Message::Append { term, prev_index, prev_term, entries, commit, last, round } => {
                let prev = (prev_index, prev_term);
                let append = Append { prev, entries, commit, last, round };
                self.on_append(now, from, term, append, out);
            }
            Message::Accepted { term, matched, round } => {
                if term > self.hard.term {
                    self.follow(now, term, None, out);
                } else if term == self.hard.term
                    && let Some(mut leader) = self.as_leader(now, out)
                {
                    let leads = leader.accepted(from, matched, round);
                    self.after(now, leads, out);
                }
            }
            Message::Rejected { term, prev_index, hint_index, hint_term, round } => {
                if term > self.hard.term {
                    self.follow(now, term, None, out);
                } else if term == self.hard.term
                    && let Some(mut leader) = self.as_leader(now, out)
                {
                    let hint = (hint_index, hint_term);
                    leader.rejected(from, &Rejection { prev_index, hint, round });
                }
            }
            Message::TimeoutNow { term } => self.on_timeout_now(now, from, term, out),
        }
    }

    /// Writes reached the disk: what waited for them may leave now.
    fn durable(&mut self, now: Mono, seq: WriteSeq, out: &mut Vec<Output>) {
        self.writes.durable(seq);
        let advanced = self.log.durable(seq);
        self.release(now, out);
        if !advanced {
            return;
        }
        if let Some(mut leader) = self.as_leader(now, out) {
            let leads = leader.durable();
            self.after(now, leads, out);
        } else {
            self.acknowledge(out);
        }
        self.end_repair(out);
    }

    fn link(&mut self, now: Mono, member: MemberId, up: bool, out: &mut Vec<Output>) {
        if up {
            self.linked.insert(member);
        } else {
            self.linked.remove(&member);
        }
        if let Some(mut leader) = self.as_leader(now, out) {
            leader.relinked(member, up);
        }
        // What went over the old link may not have arrived.
        self.following.forget_acknowledged();
        self.link_changed(now, member, up);
    }
}
