//! What the consensus core does as a whole, by scripts of events.

mod changes;
mod commits;
mod election_timer;
mod elections;
mod hostile;
mod reads;
mod repair;

use std::sync::Arc;

use super::config::{Config, Member, Role};
use super::event::{Boot, Event, HardState, Message, Output, SnapshotMeta};
use super::{Raft, ServerState};
use crate::core::entry::{Entry, Payload};
use crate::core::options::Options;
use crate::core::types::{Index, MemberId, Mono, ServerId, Term, WriteSeq};

/// No index at all.
const NONE: [u64; 0] = [];

/// A member with nowhere to reach it.
pub(super) fn member(id: MemberId, role: Role) -> Member {
    Member { id, server: ServerId(id.0 as u8), role, peer: String::new(), client: String::new() }
}

/// Member 1, whose log holds the ensemble's first configuration, of these members, and no more.
pub(super) fn first_of(members: Vec<Member>) -> (Raft, Config) {
    let config = Config { index: Index(1), members, ..Config::default() };
    let raft = boot(config.clone(), &[], HardState::default(), false);
    (raft, config)
}

fn noop(term: u64, index: u64) -> Arc<Entry> {
    Arc::new(Entry { term: Term(term), index: Index(index), payload: Payload::NewLeader })
}

/// Member 1, whose log holds a configuration at 1 and, behind it, entries of these terms.
fn boot(config: Config, terms: &[u64], hard: HardState, repairing: bool) -> Raft {
    let options = Options::new(ServerId(1));
    let payload = Payload::Config(Arc::new(config));
    let mut entries = vec![Arc::new(Entry { term: Term(0), index: Index(1), payload })];
    entries.extend(terms.iter().zip(2..).map(|(term, index)| noop(*term, index)));
    Raft::new(Boot {
        id: MemberId(1),
        timing: options.timing,
        window: options.window,
        seed: 1,
        hard,
        snapshot: SnapshotMeta::default(),
        entries,
        repairing,
        next_seq: 1,
        now: Mono(0),
    })
}

/// Member 1 of a script that plays the others, its disk and its clock.
struct Script {
    raft: Raft,
    now: Mono,
    written: WriteSeq,
}

impl Script {
    fn new(raft: Raft) -> Script {
        Script { raft, now: Mono(10_000), written: WriteSeq(0) }
    }

    /// Member 1 of three voters, which has seen this term and holds entries of these terms.
    fn of_three(term: u64, terms: &[u64]) -> Script {
        let members = (1..=3).map(|id| member(MemberId(id), Role::Voter)).collect();
        let config = Config { index: Index(1), members, ..Config::default() };
        let hard = HardState { term: Term(term), vote: None };
        let mut script = Script::new(boot(config, terms, hard, false));
        for id in [2, 3] {
            script.step(Event::LinkUp(MemberId(id)));
        }
        script
    }

    /// It is elected in the next term. Nothing that it writes then is durable.
    fn elected(mut self) -> Script {
        let (term, granted) = (Term(self.raft.term().0 + 1), true);
        self.step(Event::Tick);
        self.hear(2, Message::PreVoteReply { term, granted });
        self.sync();
        self.hear(2, Message::VoteReply { term, granted });
        assert_eq!(self.raft.server_state(), ServerState::Leader);
        self
    }

    fn step(&mut self, event: Event) -> Vec<Output> {
        let mut out = Vec::new();
        self.raft.step(self.now, event, &mut out);
        self.raft.check_invariants();
        for output in &out {
            if let Output::Write { seq, .. } = output {
                self.written = *seq;
            }
        }
        out
    }

    fn hear(&mut self, from: u64, message: Message) -> Vec<Output> {
        self.step(Event::Message { from: MemberId(from), message })
    }

    /// All that it has written is on the disk now.
    fn sync(&mut self) -> Vec<Output> {
        self.step(Event::Durable(self.written))
    }

    /// A follower says, in the present term, that it has everything up to an index.
    fn accepted(&mut self, from: u64, matched: u64, round: u64) -> Vec<Output> {
        let (term, matched) = (self.raft.term(), Index(matched));
        self.hear(from, Message::Accepted { term, matched, round })
    }

    /// A leader offers entries of its term behind the one at `prev`, of which term that is.
    fn append(&mut self, from: u64, term: u64, prev: (u64, u64), entries: u64) -> Vec<Output> {
        self.hear(from, append(term, prev, entries, 0))
    }

    /// A leader says that all up to the entry at `prev` is committed.
    fn committed(&mut self, from: u64, term: u64, prev: (u64, u64)) -> Vec<Output> {
        self.hear(from, append(term, prev, 0, prev.0))
    }
}

/// Entries of a leader's term behind the one at `prev`, of which term that is.
fn append(term: u64, prev: (u64, u64), entries: u64, commit: u64) -> Message {
    Message::Append {
        term: Term(term),
        prev_index: Index(prev.0),
        prev_term: Term(prev.1),
        entries: (prev.0 + 1..=prev.0 + entries).map(|index| noop(term, index)).collect(),
        commit: Index(commit),
        last: Index(prev.0 + entries),
        round: 1,
    }
}

/// What is sent in these, to whomever.
fn sent(out: &[Output]) -> impl Iterator<Item = &Message> {
    out.iter().filter_map(|output| match output {
        Output::Send { message, .. } => Some(message),
        _ => None,
    })
}

/// Up to where a leader is told that all is equal and durable.
fn acknowledged(out: &[Output]) -> Vec<u64> {
    let matched = |message: &Message| match message {
        Message::Accepted { matched, .. } => Some(matched.0),
        _ => None,
    };
    sent(out).filter_map(matched).collect()
}
