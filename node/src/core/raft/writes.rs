//! The numbers of log writes, and what waits until they are durable.

use std::collections::VecDeque;

use super::event::{LogWrite, Message, Output};
use crate::core::types::{MemberId, Term, WriteSeq};

/// What waits for a log write to be durable.
#[derive(Debug)]
pub(super) enum Deferred {
    Send {
        to: MemberId,
        message: Message,
    },
    /// A candidate's own vote counts once it cannot be forgotten.
    OwnVote {
        term: Term,
    },
}

/// Log writes on their way to the disk.
#[derive(Debug)]
pub(super) struct Writes {
    next: WriteSeq,
    durable: WriteSeq,
    /// In the order of the writes that they wait for.
    deferred: VecDeque<(WriteSeq, Deferred)>,
}

impl Writes {
    /// The first number that will be given.
    pub(super) fn new(next: u64) -> Writes {
        let durable = WriteSeq(next.saturating_sub(1));
        Writes { next: WriteSeq(next), durable, deferred: VecDeque::new() }
    }

    /// The number of the next write.
    pub(super) fn next(&self) -> WriteSeq {
        self.next
    }

    /// Queues a log write.
    pub(super) fn write(&mut self, write: LogWrite, out: &mut Vec<Output>) {
        let seq = self.next;
        self.next = WriteSeq(seq.0 + 1);
        out.push(Output::Write { seq, write });
    }

    /// Keeps something back until all writes so far are durable.
    pub(super) fn when_durable(&mut self, what: Deferred) {
        let last = WriteSeq(self.next.0 - 1);
        self.deferred.push_back((last, what));
    }

    /// All writes up to this number are durable.
    pub(super) fn durable(&mut self, seq: WriteSeq) {
        self.durable = self.durable.max(seq);
    }

    /// What waits for nothing any more.
    pub(super) fn pop_due(&mut self) -> Option<Deferred> {
        if self.deferred.front().is_none_or(|(needs, _)| *needs > self.durable) {
            return None;
        }
        self.deferred.pop_front().map(|(_, what)| what)
    }
}
