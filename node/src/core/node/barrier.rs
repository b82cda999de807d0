//! Read barriers: `sync`, and every read when reads are to be linearizable. A barrier is passed
//! once this server has applied all that was committed when a quorum confirmed the leader
//! (Raft dissertation §6.4). ZooKeeper's own `sync` does not ask the quorum.

use std::collections::{BTreeMap, BTreeSet};

use super::Node;
use crate::core::effect::Effect;
use crate::core::message::PeerMessage;
use crate::core::raft::event::Event;
use crate::core::types::{ConnId, Index, MemberId, Mono, Now};

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
pub(crate) struct Barriers {
    last: u64,
    /// Of this server's connections.
    own: BTreeMap<u64, Own>,
    /// Of those, the ones whose position is known.
    ready: BTreeSet<(Index, u64)>,
    /// As leader: asked by other members, under their numbers.
    asked: BTreeMap<u64, (MemberId, u64)>,
}

impl Barriers {
    fn number(&mut self) -> u64 {
        self.last += 1;
        self.last
    }

    /// How many are waited for here.
    pub(crate) fn pending(&self) -> usize {
        self.own.len()
    }

    /// Nobody waits for this connection's barriers any more.
    pub(crate) fn drop_conn(&mut self, conn: ConnId) {
        self.own.retain(|_, own| own.conn != conn);
        let own = &self.own;
        self.ready.retain(|(_, id)| own.contains_key(id));
    }
}

impl Node {
    /// Asks for a barrier; gives its number.
    pub(super) fn barrier(&mut self, now: Now, conn: ConnId, out: &mut Vec<Effect>) -> u64 {
        let id = self.barriers.number();
        self.barriers.own.insert(id, Own { conn, asked: now.mono, index: None });
        self.ask_barrier(id, out);
        id
    }

    fn ask_barrier(&mut self, id: u64, out: &mut Vec<Effect>) {
        let Some(leader) = self.raft.as_ref().and_then(|raft| raft.leader()) else {
            return;
        };
        if leader == self.member {
            self.events.push_back(Event::ReadIndex { id });
        } else {
            out.push(Effect::Peer { to: leader, message: PeerMessage::Barrier { id } });
        }
    }

    /// As leader: a member asks.
    pub(super) fn barrier_asked(&mut self, from: MemberId, id: u64) {
        let own = self.barriers.number();
        self.barriers.asked.insert(own, (from, id));
        self.events.push_back(Event::ReadIndex { id: own });
    }

    /// The consensus core confirmed (or could not confirm) a read.
    pub(super) fn read_ready(
        &mut self,
        now: Now,
        id: u64,
        index: Option<Index>,
        out: &mut Vec<Effect>,
    ) {
        if let Some((to, theirs)) = self.barriers.asked.remove(&id) {
            let message = PeerMessage::BarrierReply { id: theirs, index };
            out.push(Effect::Peer { to, message });
        } else {
            self.barrier_known(now, id, index, out);
        }
    }

    /// A barrier of this server has its position; without one it is asked for again later.
    pub(super) fn barrier_known(
        &mut self,
        now: Now,
        id: u64,
        index: Option<Index>,
        out: &mut Vec<Effect>,
    ) {
        let Some(index) = index else { return };
        let Some(own) = self.barriers.own.get_mut(&id) else {
            return;
        };
        if own.index.is_none() {
            own.index = Some(index);
            self.barriers.ready.insert((index, id));
            self.pass_barriers(now, out);
        }
    }

    /// Lets everything through that waited for what is applied now.
    pub(super) fn pass_barriers(&mut self, now: Now, out: &mut Vec<Effect>) {
        let applied = self.state.applied();
        while let Some((index, id)) = self.barriers.ready.first().copied() {
            if index > applied {
                break;
            }
            self.barriers.ready.pop_first();
            let Some(own) = self.barriers.own.remove(&id) else {
                continue;
            };
            if let Some(connection) = self.connections.get_mut(own.conn) {
                connection.pass(id);
                self.pump(now, own.conn, out);
                self.release_held(now, own.conn, out);
            }
        }
    }

    /// Asks again where no answer came: the leader changed, or a link broke.
    pub(super) fn tick_barriers(&mut self, now: Now, out: &mut Vec<Effect>) {
        let late = |own: &Own| own.index.is_none() && now.mono.since(own.asked) >= RETRY_MS;
        let late: Vec<u64> =
            self.barriers.own.iter().filter(|(_, own)| late(own)).map(|(id, _)| *id).collect();
        for id in late {
            if let Some(own) = self.barriers.own.get_mut(&id) {
                own.asked = now.mono;
            }
            self.ask_barrier(id, out);
        }
    }
}
