//! What only a leader has.

use std::collections::{BTreeMap, BTreeSet};

use super::progress::Progress;
use super::reads::Reads;
use crate::core::raft::config::{Config, Member};
use crate::core::raft::event::{Output, Refusal};
use crate::core::raft::log::Log;
use crate::core::raft::peer_view::PeerView;
use crate::core::raft::quorum;
use crate::core::raft::settings::Settings;
use crate::core::raft::transfer::Transfer;
use crate::core::types::{Index, MemberId, Mono};

/// The state of a leader, from its election until it steps down.
#[derive(Debug)]
pub(in crate::core::raft) struct Leading {
    /// How far each other member is.
    pub(super) peers: BTreeMap<MemberId, Progress>,
    /// The first entry of its term.
    pub(super) start: Index,
    /// The heartbeat round under way; echoed by followers.
    pub(super) round: u64,
    pub(super) reads: Reads,
    pub(super) transfer: Option<Transfer>,
    /// The number of the change of the membership that somebody waits for.
    pub(super) change: Option<u64>,
    /// Dropped members that are still told so, until when.
    pub(super) lingering: Vec<(Member, Mono)>,
    pub(super) next_heartbeat: Mono,
    pub(super) next_check: Mono,
}

impl Leading {
    /// Elected now, with this entry as the first of its term.
    pub(in crate::core::raft) fn new(now: Mono, start: Index, settings: &Settings) -> Leading {
        Leading {
            peers: BTreeMap::new(),
            start,
            round: 0,
            reads: Reads::default(),
            transfer: None,
            change: None,
            lingering: Vec::new(),
            next_heartbeat: now,
            next_check: now.plus(settings.timing.election),
        }
    }

    /// Leadership is gone: answers what only a leader could have answered, but for a transfer, whose
    /// outcome is known when somebody leads.
    pub(in crate::core::raft) fn end(mut self, out: &mut Vec<Output>) -> Option<Transfer> {
        self.reads.refuse_all(out);
        if let Some(id) = self.change {
            out.push(Output::ChangeRefused { id, refusal: Refusal::LostLeadership });
        }
        self.transfer
    }

    /// Keeps progress for exactly the members of the configuration in force and those that are
    /// still being told that they left it.
    pub(super) fn refresh_peers(
        &mut self,
        me: MemberId,
        log: &Log,
        linked: &BTreeSet<MemberId>,
        heard: Option<Mono>,
    ) {
        let next = log.last_index().next();
        let config = log.config();
        let mut ids: Vec<MemberId> = config.members.iter().map(|member| member.id).collect();
        ids.extend(&config.outgoing);
        ids.extend(self.lingering.iter().map(|(member, _)| member.id));
        self.peers.retain(|id, _| ids.contains(id));
        for id in ids.into_iter().filter(|id| *id != me) {
            let connected = linked.contains(&id);
            self.peers.entry(id).or_insert_with(|| Progress::new(next, connected, heard));
        }
    }

    /// Whether leadership is being handed over.
    pub(in crate::core::raft) fn transferring(&self) -> bool {
        self.transfer.is_some()
    }

    /// Whether an entry of this leader's own term is committed: before that it does not know what is
    /// committed (Raft §8).
    pub(in crate::core::raft) fn ready_to_serve(&self, log: &Log) -> bool {
        log.commit_index() >= self.start
    }

    /// The other members, and how far they are in a log that ends at `last`.
    pub(in crate::core::raft) fn views(&self, now: Mono, last: Index) -> Vec<PeerView> {
        let view = |(id, peer): (&MemberId, &Progress)| PeerView {
            id: *id,
            matched: peer.matched(),
            connected: peer.connected(),
            last_contact_ms: peer.heard().map(|at| now.since(at)),
            snapshotting: peer.snapshotting(),
            behind_ms: peer.behind_ms(now, last),
        };
        self.peers.iter().map(view).collect()
    }

    /// Checks what must hold between events.
    #[cfg(any(test, feature = "sim"))]
    pub(in crate::core::raft) fn check_invariants(&self, last: Index) {
        for (id, peer) in &self.peers {
            let (matched, next) = (peer.matched(), peer.next());
            assert!(matched <= last, "{id} matched {matched} beyond the leader's {last}");
            assert!(matched < next, "{id}: matched not below next");
        }
    }

    /// Dropped members that are still told so.
    pub(in crate::core::raft) fn lingering(&self) -> impl Iterator<Item = &Member> {
        self.lingering.iter().map(|(member, _)| member)
    }

    /// Whether another member was heard within this many milliseconds.
    pub(in crate::core::raft) fn heard_within(&self, now: Mono, id: MemberId, ms: u64) -> bool {
        self.heard(id).is_some_and(|at| now.since(at) <= ms)
    }

    /// When a quorum was heard last, this leader included.
    pub(in crate::core::raft) fn quorum_heard(
        &self,
        now: Mono,
        me: MemberId,
        config: &Config,
    ) -> Mono {
        let heard = |id: MemberId| {
            if id == me { now.0 } else { self.heard(id).map_or(0, |at| at.0) }
        };
        Mono(quorum::agreed(config, heard))
    }

    fn heard(&self, id: MemberId) -> Option<Mono> {
        self.peers.get(&id).and_then(Progress::heard)
    }

    /// Whether a member could be counted on at once: within reach, heard lately and in step, so that
    /// with its vote commits are not held up.
    pub(in crate::core::raft) fn caught_up(
        &self,
        now: Mono,
        settings: &Settings,
        log: &Log,
        id: MemberId,
    ) -> bool {
        let near = log.last_index().0.saturating_sub(settings.window.promotion_lag);
        id == settings.id
            || self.peers.get(&id).is_some_and(|peer| {
                let heard = self.heard_within(now, id, settings.timing.election);
                peer.connected() && heard && peer.replicating() && peer.matched().0 >= near.max(1)
            })
    }

    /// The oldest position from which a member within reach still has to be served, as far as the
    /// log reaches back.
    pub(in crate::core::raft) fn awaited(&self, base: Index) -> Option<Index> {
        let reachable = self.peers.values().filter(|peer| peer.connected());
        reachable.map(Progress::awaits).filter(|index| *index >= base).min()
    }
}
