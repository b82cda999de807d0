//! Read barriers: `sync`, and every read when reads are to be linearizable. A barrier is passed
//! once this server has applied all that was committed when a quorum confirmed the leader
//! (Raft dissertation §6.4). ZooKeeper's own `sync` does not ask the quorum.

use std::collections::{BTreeMap, BTreeSet};

use super::super::ctx::Ctx;
use crate::core::effect::Effect;
use crate::core::message::PeerMessage;
use crate::core::raft::event::Event;
use crate::core::types::{ConnId, Index, MemberId, Mono};

/// How long an unanswered barrier waits before it is asked for again, in milliseconds.
const RETRY_MS: u64 = 500;

#[derive(Clone, Copy, Debug)]
struct Own {
    conn: ConnId,
    /// When it was last asked for.
    asked: Mono,
    /// The position to wait for, once known.
    index: Option<Index>,
}

/// Barriers that are waited for.
#[derive(Debug, Default)]
pub(super) struct Barriers {
    /// Of this server's connections.
    own: BTreeMap<u64, Own>,
    /// Of those, the ones whose position is known.
    ready: BTreeSet<(Index, u64)>,
    /// As leader: asked by other members, under their numbers.
    asked: BTreeMap<u64, (MemberId, u64)>,
}

impl Barriers {
    /// How many are waited for here.
    pub(super) fn pending(&self) -> usize {
        self.own.len()
    }

    /// Nobody waits for this connection's barriers any more.
    pub(super) fn drop_conn(&mut self, conn: ConnId) {
        self.own.retain(|_, own| own.conn != conn);
        let own = &self.own;
        self.ready.retain(|(_, id)| own.contains_key(id));
    }

    /// A client of this server waits for this barrier, which was asked for.
    pub(super) fn wait(&mut self, now: Mono, id: u64, conn: ConnId) {
        self.own.insert(id, Own { conn, asked: now, index: None });
    }

    /// As leader: a member asks.
    pub(super) fn asked(&mut self, cx: &mut Ctx<'_>, from: MemberId, id: u64) {
        let own = cx.numbers.barrier();
        self.asked.insert(own, (from, id));
        cx.events.push_back(Event::ReadIndex { id: own });
    }

    /// The consensus core confirmed (or could not confirm) a read.
    pub(super) fn confirmed(&mut self, cx: &mut Ctx<'_>, id: u64, index: Option<Index>) {
        if let Some((to, theirs)) = self.asked.remove(&id) {
            let message = PeerMessage::BarrierReply { id: theirs, index };
            cx.out.push(Effect::Peer { to, message });
        } else {
            self.known(id, index);
        }
    }

    /// A barrier of this server has its position; without one it is asked for again later.
    pub(super) fn known(&mut self, id: u64, index: Option<Index>) {
        let Some(index) = index else { return };
        let Some(own) = self.own.get_mut(&id) else {
            return;
        };
        if own.index.is_none() {
            own.index = Some(index);
            self.ready.insert((index, id));
        }
    }

    /// The next barrier that waited for what is applied now, and whose it is.
    pub(super) fn next_passed(&mut self, applied: Index) -> Option<(ConnId, u64)> {
        while let Some((index, id)) = self.ready.first().copied() {
            if index > applied {
                return None;
            }
            self.ready.pop_first();
            if let Some(own) = self.own.remove(&id) {
                return Some((own.conn, id));
            }
        }
        None
    }

    /// Asks again where no answer came: the leader changed, or a link broke.
    pub(super) fn tick(&mut self, cx: &mut Ctx<'_>) {
        let now = cx.now.mono;
        for (id, own) in &mut self.own {
            if own.index.is_none() && now.since(own.asked) >= RETRY_MS {
                own.asked = now;
                cx.ask_barrier(*id);
            }
        }
    }
}
