//! What a follower knows of its leader's log, and has told it of its own.

use std::sync::Arc;

use super::event::Message;
use crate::core::entry::Entry;
use crate::core::types::{Index, Term};

/// What a leader offers.
pub(super) struct Append {
    /// The entry before the first offered one.
    pub(super) prev: (Index, Term),
    pub(super) entries: Vec<Arc<Entry>>,
    pub(super) commit: Index,
    /// Where the leader's log ends.
    pub(super) last: Index,
    pub(super) round: u64,
}

/// An acknowledgement as it was last sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Acknowledged {
    term: Term,
    matched: Index,
    round: u64,
}

/// One follower's view of the present leader.
#[derive(Debug, Default)]
pub(super) struct Following {
    matched: Index,
    /// The newest round of the present leader.
    round: u64,
    last: Option<Acknowledged>,
}

impl Following {
    /// Up to here this log equals the present leader's.
    pub(super) fn matched(&self) -> Index {
        self.matched
    }

    /// The leader of a new term, whoever it is, is another one.
    pub(super) fn new_term(&mut self) {
        self.matched = Index(0);
        self.round = 0;
    }

    pub(super) fn round_heard(&mut self, round: u64) {
        self.round = self.round.max(round);
    }

    /// The leader's log was found to be equal up to here.
    pub(super) fn equal_up_to(&mut self, index: Index) {
        self.matched = self.matched.max(index);
    }

    /// This log is now what the leader sent, and ends there.
    pub(super) fn replaced_up_to(&mut self, index: Index) {
        self.matched = index;
    }

    /// What was sent may not have arrived.
    pub(super) fn forget_acknowledged(&mut self) {
        self.last = None;
    }

    /// What to tell the leader of `term`, if that is news to it: what is both equal to its log and
    /// durable here. One batch has a follower act three times: as it comes, is durable, is
    /// committed. Should the leader miss the one message of it, its next heartbeat is a new round.
    pub(super) fn acknowledgement(&mut self, term: Term, durable: Index) -> Option<Message> {
        let (matched, round) = (self.matched.min(durable), self.round);
        let news = Acknowledged { term, matched, round };
        let known = self.last.replace(news) == Some(news);
        (!known).then_some(Message::Accepted { term, matched, round })
    }
}
