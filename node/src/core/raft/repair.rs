//! How a member whose log was damaged becomes a voter again.
//!
//! It may have acknowledged entries that it does not hold any more, and others may count on them.
//! Until it holds them again it must not vote: its vote could elect a member that lacks them.

use crate::core::types::{Index, Term};

/// What a damaged log still waits for.
#[derive(Debug)]
pub(super) struct Repair {
    /// The newest term that this member had seen when it was found damaged.
    damaged: Term,
    /// Where the log of that term's leader ended when it was first heard since.
    until: Option<Index>,
}

impl Repair {
    pub(super) fn new(damaged: Term) -> Repair {
        Repair { damaged, until: None }
    }

    /// The leader of a term is heard, whose log ends there: it had sent whatever this member
    /// acknowledged.
    pub(super) fn leader_heard(&mut self, term: Term, last: Index) {
        if self.damaged == term {
            self.until.get_or_insert(last);
        }
    }

    /// Whether a log is whole that holds, durably, what is committed up to `whole`, an entry of the
    /// present term. The leader of a later term than the damage was elected without this member's
    /// vote and has all that was ever committed. That of the same term may have counted entries that
    /// this member acknowledged and lost: all that its log held must be here, too.
    pub(super) fn complete(&self, term: Term, whole: Index) -> bool {
        term > self.damaged || self.until.is_some_and(|until| whole >= until)
    }
}
