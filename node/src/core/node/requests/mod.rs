//! What is on its way through the log or waits for a quorum: clients' writes, read barriers, operators' calls.
//!
//! `submit` writes on their way to the leader · `intake` which of them a leader took · `barrier` reads
//! that must be fresh · `calls` of operators.

mod barrier;
mod calls;
mod intake;
mod submit;

use self::barrier::Barriers;
use self::calls::Calls;
use self::intake::Intake;
use self::submit::SubmitQueue;
pub(super) use self::submit::Submitted;
use super::ctx::Ctx;
use crate::core::entry::{Action, Origin};
use crate::core::raft::event::{Change, Event, Refusal};
use crate::core::types::{CallId, ConnId, Index, MemberId, Mono, Term};

/// What has no outcome yet.
#[derive(Debug, Default)]
pub(super) struct Requests {
    queue: SubmitQueue,
    intake: Intake,
    barriers: Barriers,
    calls: Calls,
}

impl Requests {
    /// A client's request, to be handed to the leader.
    pub(super) fn submit(&mut self, request: u64, conn: ConnId, action: Action) {
        self.queue.push(request, Some(conn), action);
    }

    /// A client waits for a barrier, which was asked for.
    pub(super) fn wait_for_barrier(&mut self, now: Mono, id: u64, conn: ConnId) {
        self.barriers.wait(now, id, conn);
    }

    /// A connection is gone. What it submitted may still come to pass; what was not submitted yet
    /// never will.
    pub(super) fn drop_conn(&mut self, conn: ConnId) {
        self.queue.drop_conn(conn);
        self.barriers.drop_conn(conn);
    }

    /// The newest term whose first entry is applied here.
    pub(super) fn settled(&self) -> Term {
        self.queue.settled()
    }

    /// The first entry of a term is applied here: what older leaders had not brought into the log by now
    /// never will be, and may be sent again.
    pub(super) fn settle(&mut self, term: Term) {
        self.queue.settle(term);
    }

    /// The state jumped: nobody is left who waits for a write.
    pub(super) fn restart(&mut self, term: Term) {
        self.queue.clear();
        self.queue.settle(term);
    }

    /// An entry has its outcome: if this process asked for it, the number of the request and the
    /// connection that waits, if it still does.
    pub(super) fn resolve(
        &mut self,
        cx: &Ctx<'_>,
        origin: Option<Origin>,
    ) -> Option<(u64, Option<ConnId>)> {
        let origin = origin.filter(|it| it.member == cx.me.member && it.boot == cx.me.boot)?;
        Some((origin.request, self.queue.resolve(origin.request)))
    }

    /// Hands what is due to the leader, whoever it is.
    pub(super) fn submit_due(&mut self, cx: &mut Ctx<'_>) {
        self.queue.submit_due(cx);
    }

    /// As leader: a member's submissions. True: something of them was proposed.
    pub(super) fn submitted(
        &mut self,
        cx: &mut Ctx<'_>,
        from: MemberId,
        submitted: Submitted,
    ) -> bool {
        submit::submitted(&mut self.intake, cx, from, submitted)
    }

    /// The leader of `term` is handing over: it did not take `from` and what followed.
    pub(super) fn refused(&mut self, cx: &Ctx<'_>, term: Term, stream: u64, from: u64) {
        let hold = cx.now.mono.plus(cx.options.timing.heartbeat);
        self.queue.refused(term, stream, from, hold);
    }

    /// A link to this member was made: if it may lead, what went over the old one is sent again.
    pub(super) fn link_up(&mut self, cx: &Ctx<'_>, member: MemberId) {
        // Also when nobody is known to lead: it may be the leader of this very term, lost from
        // sight for a while. What followed on the new link would overtake what the old one lost.
        if let Some(raft) = cx.raft
            && raft.leader().is_none_or(|leader| leader == member)
        {
            self.queue.resend(raft.term());
        }
    }

    /// As leader: a member asks for a barrier.
    pub(super) fn barrier_asked(&mut self, cx: &mut Ctx<'_>, from: MemberId, id: u64) {
        self.barriers.asked(cx, from, id);
    }

    /// The consensus core confirmed (or could not confirm) a read.
    pub(super) fn read_confirmed(&mut self, cx: &mut Ctx<'_>, id: u64, index: Option<Index>) {
        self.barriers.confirmed(cx, id, index);
    }

    /// The leader answered a barrier of this server.
    pub(super) fn barrier_known(&mut self, id: u64, index: Option<Index>) {
        self.barriers.known(id, index);
    }

    /// The next barrier that waited for what is applied now, and whose it is.
    pub(super) fn next_passed(&mut self, applied: Index) -> Option<(ConnId, u64)> {
        self.barriers.next_passed(applied)
    }

    /// Barriers that are waited for here.
    pub(super) fn pending_barriers(&self) -> usize {
        self.barriers.pending()
    }

    pub(super) fn tick(&mut self, cx: &mut Ctx<'_>) {
        self.barriers.tick(cx);
    }

    /// An operator's change of the membership goes to the consensus core.
    pub(super) fn change(
        &mut self,
        cx: &mut Ctx<'_>,
        call: CallId,
        expected: Index,
        change: Change,
    ) {
        let id = self.calls.number(cx, call);
        cx.events.push_back(Event::Change { id, expected, change });
    }

    /// An operator's wish to hand leadership over goes to the consensus core.
    pub(super) fn transfer(&mut self, cx: &mut Ctx<'_>, call: CallId, target: MemberId) {
        let id = self.calls.number(cx, call);
        cx.events.push_back(Event::Transfer { id, target });
    }

    /// What the consensus core was asked under this number is done.
    pub(super) fn call_done(&mut self, cx: &mut Ctx<'_>, id: u64, version: Index) {
        self.calls.done(cx, id, version);
    }

    /// It was refused.
    pub(super) fn call_refused(&mut self, cx: &mut Ctx<'_>, id: u64, refusal: Refusal) {
        self.calls.refused(cx, id, refusal);
    }

    /// Checks what must hold between steps.
    ///
    /// # Panics
    /// When an order or a count is broken.
    #[cfg(any(test, feature = "sim"))]
    pub(super) fn check_invariants(&self) {
        self.queue.check_invariants();
    }
}
