//! Writes on their way to the leader, in the order in which they came.
//!
//! What was sent in one term and did not come to pass is sent again only when it is certain that
//! it is not in the log: once the first entry of a newer term is applied here, nothing that an
//! older leader had taken can follow it. So no write is ever repeated on an unknown outcome, and
//! none is lost because the leader changed. Within a term, the leader takes each request once.

use std::collections::VecDeque;
use std::sync::Arc;

use super::super::ctx::Ctx;
use super::intake::Intake;
use crate::core::effect::Effect;
use crate::core::entry::{Action, Command, Origin, Payload};
use crate::core::message::{PeerMessage, Submission};
use crate::core::raft::event::Event;
use crate::core::types::{ConnId, MemberId, Mono, Term};

/// How many submissions travel in one message,
const BATCH: usize = 1_024;
/// and of what weight in all, unless one alone is heavier. A message has to fit into a frame.
const BATCH_BYTES: usize = 1 << 20;

/// A request that has no outcome yet.
#[derive(Clone, Debug)]
struct Pending {
    request: u64,
    /// Who waits; `None` once that connection is gone.
    conn: Option<ConnId>,
    action: Action,
    /// The term in which it was handed to the leader; `None`: it is certain not to be in the log.
    sent: Option<Term>,
}

/// This server's requests without an outcome, oldest first.
#[derive(Debug, Default)]
pub(super) struct SubmitQueue {
    items: VecDeque<Pending>,
    /// The newest term whose first entry is applied here.
    settled: Term,
    /// The stream in that term.
    stream: u64,
    /// Not before this: the leader refused, because it is handing over.
    hold_until: Mono,
    /// How many are unsent. Invariant: they are the last ones, so that a long line of those that
    /// wait for their outcome is not looked through.
    unsent: usize,
}

impl SubmitQueue {
    /// Puts a request in line, under a number that is higher than any before.
    pub(super) fn push(&mut self, request: u64, conn: Option<ConnId>, action: Action) {
        self.unsent += 1;
        self.items.push_back(Pending { request, conn, action, sent: None });
    }

    /// Takes a request out whose outcome is known; gives the connection that waits for it.
    pub(super) fn resolve(&mut self, request: u64) -> Option<ConnId> {
        let at = self.items.binary_search_by_key(&request, |item| item.request).ok()?;
        let item = self.items.remove(at)?;
        if item.sent.is_none() {
            self.unsent -= 1;
        }
        item.conn
    }

    /// Nobody waits for this connection's requests any more; those that were not sent never are.
    pub(super) fn drop_conn(&mut self, conn: ConnId) {
        self.items.retain_mut(|item| {
            if item.conn != Some(conn) {
                return true;
            }
            item.conn = None;
            // Closing a session is still wanted when its connection is gone.
            item.sent.is_some() || matches!(item.action, Action::CloseSession { .. })
        });
        self.recount();
    }

    /// The first entry of `term` is applied here: what older leaders had not brought into the log
    /// by now never will be.
    pub(super) fn settle(&mut self, term: Term) {
        self.settled = term;
        self.stream = 0;
        self.hold_until = Mono(0);
        for item in &mut self.items {
            if item.sent.is_some_and(|sent| sent < term) {
                item.sent = None;
            }
        }
        self.recount();
    }

    /// The leader of `term` did not take `from` and what followed in this stream.
    pub(super) fn refused(&mut self, term: Term, stream: u64, from: u64, hold_until: Mono) {
        if term != self.settled || stream != self.stream {
            return;
        }
        self.stream += 1;
        self.hold_until = hold_until;
        for item in &mut self.items {
            if item.request >= from && item.sent == Some(term) {
                item.sent = None;
            }
        }
        self.recount();
    }

    /// A new link to the leader of `term`: what went over the old one may not have arrived. The
    /// leader knows which it took.
    pub(super) fn resend(&mut self, term: Term) {
        if term == self.settled {
            for item in &mut self.items {
                if item.sent == Some(term) {
                    item.sent = None;
                }
            }
            self.recount();
        }
    }

    /// Whether anything can be handed to the leader of `term` now.
    pub(super) fn due(&self, term: Term, now: Mono) -> bool {
        self.unsent > 0 && self.settled == term && now >= self.hold_until
    }

    /// What is to be handed to the leader of `term`, in order; it counts as sent.
    pub(super) fn take(&mut self, term: Term) -> Vec<Submission> {
        let mut taken = Vec::with_capacity(self.unsent);
        let first = self.items.len().saturating_sub(self.unsent);
        for item in self.items.range_mut(first..) {
            item.sent = Some(term);
            taken.push(Submission { request: item.request, action: item.action.clone() });
        }
        self.unsent = 0;
        taken
    }

    /// Forgets all: the state jumped, and nobody is left who waits.
    pub(super) fn clear(&mut self) {
        self.items.clear();
        self.unsent = 0;
    }

    /// The newest term whose first entry is applied here.
    pub(super) fn settled(&self) -> Term {
        self.settled
    }

    fn recount(&mut self) {
        self.unsent = self.items.iter().filter(|item| item.sent.is_none()).count();
    }

    /// Checks what must hold between steps.
    ///
    /// # Panics
    /// When the order or the count is broken.
    #[cfg(any(test, feature = "sim"))]
    pub(super) fn check_invariants(&self) {
        let unsent = self.items.iter().filter(|item| item.sent.is_none()).count();
        assert_eq!(unsent, self.unsent, "count of unsent requests");
        let first = self.items.len() - unsent;
        let mut last = self.items.range(first..);
        assert!(last.all(|item| item.sent.is_none()), "a request was sent before an older one");
        let mut requests = self.items.iter().map(|item| item.request);
        let mut last = requests.next();
        for request in requests {
            assert!(last < Some(request), "requests out of order");
            last = Some(request);
        }
    }
}

/// Cuts submissions into messages.
fn batches(submissions: Vec<Submission>) -> Vec<Vec<Submission>> {
    let mut batches: Vec<Vec<Submission>> = Vec::new();
    let mut weight = 0;
    for submission in submissions {
        let more = submission.action.weight();
        match batches.last_mut() {
            Some(last) if last.len() < BATCH && weight + more <= BATCH_BYTES => {
                weight += more;
                last.push(submission);
            }
            _ => {
                weight = more;
                batches.push(vec![submission]);
            }
        }
    }
    batches
}

impl SubmitQueue {
    /// Hands what is due to the leader, whoever it is.
    pub(super) fn submit_due(&mut self, cx: &mut Ctx<'_>) {
        let Some(raft) = cx.raft else { return };
        let term = raft.term();
        if !self.due(term, cx.now.mono) {
            return;
        }
        let Some(leader) = raft.leader() else { return };
        if leader == cx.me.member {
            if raft.accepts_proposals() {
                let submissions = self.take(term);
                propose(cx, cx.me.member, cx.me.boot, submissions);
            }
            return;
        }
        let (boot, stream) = (cx.me.boot, self.stream);
        for submissions in batches(self.take(term)) {
            let message = PeerMessage::Submit { term, boot, stream, submissions };
            cx.out.push(Effect::Peer { to: leader, message });
        }
    }
}

/// As leader: proposes what a member's clients asked for.
fn propose(cx: &mut Ctx<'_>, member: MemberId, boot: u64, submissions: Vec<Submission>) {
    let wall = cx.now.wall;
    let payloads = submissions
        .into_iter()
        .map(|Submission { request, action }| {
            let origin = Some(Origin { member, boot, request });
            Payload::Command(Arc::new(Command { wall, origin, action }))
        })
        .collect();
    cx.events.push_back(Event::Propose(payloads));
}

/// Part of one member's stream of submissions in one term.
#[derive(Debug)]
pub(in crate::core::node) struct Submitted {
    pub term: Term,
    pub boot: u64,
    pub stream: u64,
    pub submissions: Vec<Submission>,
}

/// As leader: a member's submissions. True: something of them was proposed.
pub(super) fn submitted(
    intake: &mut Intake,
    cx: &mut Ctx<'_>,
    from: MemberId,
    Submitted { term, boot, stream, submissions }: Submitted,
) -> bool {
    let Some(raft) = cx.leading().filter(|raft| raft.term() == term) else {
        // A newer term tells the sender all it needs to know.
        return false;
    };
    let accepts = raft.accepts_proposals();
    let mut refused = intake.missed(term, from, boot, stream);
    if !accepts && refused.is_none() {
        refused = intake.refuse(term, from, boot, stream, &submissions);
    }
    if let Some(from_request) = refused {
        let message = PeerMessage::SubmitRefused { term, stream, from_request };
        cx.out.push(Effect::Peer { to: from, message });
    } else if accepts
        && let Some(fresh) = intake.fresh(term, from, boot, stream, submissions)
        && !fresh.is_empty()
    {
        propose(cx, from, boot, fresh);
        return true;
    }
    false
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::core::types::{Index, SessionId};

    pub(in crate::core::node) fn close(n: i64) -> Action {
        Action::CloseSession { session: SessionId(n), attach: Some(Index(1)) }
    }

    pub(in crate::core::node) fn requests(submissions: &[Submission]) -> Vec<u64> {
        submissions.iter().map(|submission| submission.request).collect()
    }

    #[test]
    fn what_an_old_leader_had_is_sent_again_only_after_the_new_terms_first_entry() {
        let mut queue = SubmitQueue::default();
        queue.settle(Term(1));
        queue.push(1, Some(ConnId(1)), close(1));
        assert_eq!(requests(&queue.take(Term(1))), [1]);
        queue.push(2, Some(ConnId(1)), close(2));
        assert!(!queue.due(Term(2), Mono(0)), "term 2 is not settled here");
        queue.settle(Term(2));
        assert!(queue.due(Term(2), Mono(0)));
        assert_eq!(requests(&queue.take(Term(2))), [1, 2], "in their order");
    }

    #[test]
    fn messages_are_cut_by_weight_and_by_number_and_keep_the_order() {
        let write = |request: u64, bytes: usize| Submission {
            request,
            action: Action::Reap(vec!["x".repeat(bytes)]),
        };
        let mixed = vec![
            write(1, 100),
            write(2, BATCH_BYTES * 2),
            write(3, BATCH_BYTES / 2),
            write(4, BATCH_BYTES / 2),
            write(5, 100),
        ];
        let cut: Vec<Vec<u64>> = batches(mixed).iter().map(|it| requests(it)).collect();
        assert_eq!(cut, [vec![1], vec![2], vec![3], vec![4, 5]]);
        let many: Vec<Submission> = (0..BATCH as u64 + 1).map(|n| write(n, 1)).collect();
        let sizes: Vec<usize> = batches(many).iter().map(Vec::len).collect();
        assert_eq!(sizes, [BATCH, 1]);
    }

    #[test]
    fn what_was_refused_is_sent_again_later_in_its_order() {
        let mut queue = SubmitQueue::default();
        queue.settle(Term(1));
        for n in 1..=3 {
            queue.push(n as u64, None, close(n));
        }
        queue.take(Term(1));
        queue.refused(Term(1), 0, 2, Mono(50));
        assert!(!queue.due(Term(1), Mono(49)));
        assert_eq!(requests(&queue.take(Term(1))), [2, 3]);
        queue.refused(Term(1), 0, 1, Mono(50));
        assert!(!queue.due(Term(1), Mono(99)), "a refusal of an older stream says nothing");
    }
}
