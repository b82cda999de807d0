//! What this server took as leader, so that it takes each request once, and nothing of a stream that
//! it has refused.

use std::collections::BTreeMap;

use crate::core::message::Submission;
use crate::core::types::{MemberId, Term};

/// What this server took as leader, so that it takes each request once.
#[derive(Debug, Default)]
pub(super) struct Intake {
    term: Term,
    from: BTreeMap<MemberId, Stream>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Stream {
    boot: u64,
    number: u64,
    taken: u64,
}

impl Intake {
    /// The part of a submission that was not taken yet; `None` if the whole stream is over.
    pub(super) fn fresh(
        &mut self,
        term: Term,
        from: MemberId,
        boot: u64,
        stream: u64,
        submissions: Vec<Submission>,
    ) -> Option<Vec<Submission>> {
        let known = self.stream(term, from, boot);
        if stream != known.number {
            return None;
        }
        let taken = known.taken;
        let fresh: Vec<Submission> =
            submissions.into_iter().filter(|submission| submission.request > taken).collect();
        if let Some(last) = fresh.last() {
            known.taken = last.request;
        }
        Some(fresh)
    }

    /// Ends a member's stream: nothing more of it is taken. Says from which request on.
    pub(super) fn refuse(
        &mut self,
        term: Term,
        from: MemberId,
        boot: u64,
        stream: u64,
        submissions: &[Submission],
    ) -> Option<u64> {
        let known = self.stream(term, from, boot);
        if stream != known.number {
            return None;
        }
        let first = submissions.iter().find(|submission| submission.request > known.taken)?;
        known.number += 1;
        Some(first.request)
    }

    /// If a member still sends a stream that is over, it has missed the refusal: from which request
    /// on nothing was taken. It has sent nothing in a newer stream, or it would know.
    pub(super) fn missed(
        &mut self,
        term: Term,
        from: MemberId,
        boot: u64,
        stream: u64,
    ) -> Option<u64> {
        let known = self.stream(term, from, boot);
        (stream < known.number).then_some(known.taken + 1)
    }

    fn stream(&mut self, term: Term, from: MemberId, boot: u64) -> &mut Stream {
        if self.term != term {
            self.term = term;
            self.from.clear();
        }
        let known = self.from.entry(from).or_default();
        if known.boot != boot {
            *known = Stream { boot, ..Stream::default() };
        }
        known
    }
}

#[cfg(test)]
mod tests {
    use super::super::submit::tests::{close, requests};
    use super::*;

    fn one(request: u64) -> Vec<Submission> {
        vec![Submission { request, action: close(1) }]
    }

    #[test]
    fn a_leader_takes_each_request_once_a_term() {
        let mut intake = Intake::default();
        let from = MemberId(7);
        let batch = |range: std::ops::RangeInclusive<u64>| range.flat_map(one).collect();
        let first = intake.fresh(Term(1), from, 9, 0, batch(1..=3));
        assert_eq!(requests(&first.unwrap()), [1, 2, 3]);
        let again = intake.fresh(Term(1), from, 9, 0, batch(1..=5));
        assert_eq!(requests(&again.unwrap()), [4, 5]);
        let restarted = intake.fresh(Term(1), from, 10, 0, batch(1..=1));
        assert_eq!(requests(&restarted.unwrap()), [1]);
    }

    #[test]
    fn a_refusal_that_was_lost_is_repeated() {
        let mut intake = Intake::default();
        let from = MemberId(7);
        intake.fresh(Term(1), from, 9, 0, one(3));
        assert_eq!(intake.missed(Term(1), from, 9, 0), None);
        assert_eq!(intake.refuse(Term(1), from, 9, 0, &one(4)), Some(4));
        assert_eq!(intake.missed(Term(1), from, 9, 0), Some(4));
        assert_eq!(intake.missed(Term(1), from, 9, 1), None, "it was not lost");
    }

    #[test]
    fn nothing_of_a_refused_stream_is_taken_later() {
        let mut intake = Intake::default();
        let from = MemberId(7);
        assert_eq!(intake.refuse(Term(1), from, 9, 0, &one(4)), Some(4));
        assert_eq!(intake.fresh(Term(1), from, 9, 0, one(5)), None, "still of the old stream");
        assert_eq!(requests(&intake.fresh(Term(1), from, 9, 1, one(4)).unwrap()), [4]);
    }
}
