//! What must hold in every reachable state of the ensemble, whoever looks.

use std::collections::BTreeMap;

use crate::core::node::Node;
use crate::core::raft::ServerState;
use crate::core::raft::config::Config;
use crate::core::types::{Index, MemberId, Term};

/// Facts seen so far.
#[derive(Debug, Default)]
pub(super) struct Invariants {
    leaders: BTreeMap<Term, MemberId>,
    terms: BTreeMap<MemberId, Term>,
    /// When a server gave all sessions their full timeout.
    lives: BTreeMap<usize, u64>,
    any_number: bool,
    /// Elections won, for the report.
    pub elections: u64,
}

impl Invariants {
    /// `any_number`: clients change the membership, and may ask for an even number of voters.
    pub(super) fn new(any_number: bool) -> Invariants {
        Invariants { any_number, ..Invariants::default() }
    }

    /// Checks one server after one of its steps.
    pub(super) fn check(&mut self, node: &Node, member: MemberId) -> Result<(), String> {
        node.check_invariants();
        let Some(raft) = node.raft() else {
            return Ok(());
        };
        self.one_leader_per_term(raft.server_state(), raft.term(), member)?;
        self.terms_never_go_back(raft.term(), member)?;
        if self.any_number {
            return Ok(());
        }
        settled_configurations_are_odd(raft.committed_config(), raft.commit_index())
    }

    /// A member lost power: a term that was not durable yet may be forgotten.
    pub(super) fn forget_term(&mut self, member: MemberId) {
        self.terms.remove(&member);
    }

    /// This server leads from now on, or had not run for a while: what clients said meanwhile it
    /// cannot know.
    pub(super) fn lives_begin(&mut self, slot: usize, now: u64) {
        self.lives.insert(slot, now);
    }

    /// When this server last began to listen to all sessions.
    pub(super) fn listens_since(&self, slot: usize) -> Option<u64> {
        self.lives.get(&slot).copied()
    }

    /// A leader finds a session expired: it must have listened for the whole timeout.
    pub(super) fn may_expire(&self, slot: usize, now: u64, timeout_ms: u64) -> Result<(), String> {
        match self.listens_since(slot) {
            Some(since) if now >= since + timeout_ms => Ok(()),
            since => Err(format!(
                "n{slot} ends a session of {timeout_ms} ms, it listens since {since:?}"
            )),
        }
    }

    /// Election safety (Raft §5.2).
    fn one_leader_per_term(
        &mut self,
        role: ServerState,
        term: Term,
        member: MemberId,
    ) -> Result<(), String> {
        if role != ServerState::Leader {
            return Ok(());
        }
        match self.leaders.insert(term, member) {
            None => {
                self.elections += 1;
                Ok(())
            }
            Some(known) if known == member => Ok(()),
            Some(known) => Err(format!("{known} and {member} both lead term {term}")),
        }
    }

    fn terms_never_go_back(&mut self, term: Term, member: MemberId) -> Result<(), String> {
        let known = self.terms.entry(member).or_insert(term);
        if term < *known {
            return Err(format!("{member} went back from term {known} to {term}"));
        }
        *known = term;
        Ok(())
    }
}

/// The voting set is odd before and after each change, and never settles on an even one.
fn settled_configurations_are_odd(config: &Config, commit: Index) -> Result<(), String> {
    let voters = config.voters().len();
    if !config.joint()
        && config.index > Index(0)
        && config.index <= commit
        && voters.is_multiple_of(2)
    {
        return Err(format!("a settled configuration has {voters} voters: {config:?}"));
    }
    Ok(())
}
