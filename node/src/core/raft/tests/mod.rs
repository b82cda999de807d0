//! What the consensus core does as a whole, by scripts of events.

mod election_timer;
mod repair;

use std::sync::Arc;

use super::Raft;
use super::config::{Config, Member, Role};
use super::event::{Boot, HardState, SnapshotMeta};
use crate::core::entry::{Entry, Payload};
use crate::core::options::Options;
use crate::core::types::{Index, MemberId, Mono, ServerId, Term};

/// A member with nowhere to reach it.
pub(super) fn member(id: MemberId, role: Role) -> Member {
    Member { id, server: ServerId(id.0 as u8), role, peer: String::new(), client: String::new() }
}

/// Member 1, whose log holds the ensemble's first configuration, of these members, and no more.
pub(super) fn first_of(members: Vec<Member>) -> (Raft, Config) {
    let config = Config { index: Index(1), members, ..Config::default() };
    let options = Options::new(ServerId(1));
    let raft = Raft::new(Boot {
        id: MemberId(1),
        timing: options.timing,
        window: options.window,
        seed: 1,
        hard: HardState::default(),
        snapshot: SnapshotMeta::default(),
        entries: vec![Arc::new(Entry {
            term: Term(0),
            index: Index(1),
            payload: Payload::Config(Arc::new(config.clone())),
        })],
        repairing: false,
        next_seq: 1,
        now: Mono(0),
    });
    (raft, config)
}
