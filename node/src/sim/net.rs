//! Links between servers: ordered like TCP, slow, stalling, breaking; and who can reach whom.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::core::message::PeerMessage;
use crate::core::types::{LinkId, MemberId};

/// A server's place in the world; its incarnations come and go.
pub(super) type Slot = usize;

/// Who sends a snapshot: it may stop, and another disk may be in its place when that arrives.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sender {
    pub(super) slot: Slot,
    pub(super) life: u64,
    pub(super) member: MemberId,
}

/// One outbound connection of a server.
#[derive(Debug)]
pub(super) struct SimLink {
    /// Who dialled.
    pub from: Slot,
    /// Whom.
    pub to: Slot,
    /// The incarnation that answered.
    pub member: MemberId,
    /// The version of frames on it, in worlds of mixed programs.
    pub version: u32,
    /// When the last message on it arrives: nothing overtakes.
    pub last_arrival: u64,
    /// What arrives on it is taken.
    pub heard: bool,
    /// Not deliverable for now.
    pub stalled: VecDeque<PeerMessage>,
    /// Since when.
    pub stalled_since: Option<u64>,
}

/// All links, and what is cut.
#[derive(Debug, Default)]
pub(super) struct Net {
    last: u64,
    /// Live links.
    pub links: BTreeMap<LinkId, SimLink>,
    /// Cut directions.
    pub cut: BTreeSet<(Slot, Slot)>,
}

impl Net {
    /// A fresh number.
    pub(super) fn number(&mut self) -> LinkId {
        self.last += 1;
        LinkId(self.last)
    }

    /// Whether packets pass from `a` to `b`.
    pub(super) fn passes(&self, a: Slot, b: Slot) -> bool {
        !self.cut.contains(&(a, b))
    }

    /// Whether a connection can be made: packets must pass both ways.
    pub(super) fn connects(&self, a: Slot, b: Slot) -> bool {
        self.passes(a, b) && self.passes(b, a)
    }

    /// The live link of a server to a member.
    pub(super) fn link_to(&self, from: Slot, member: MemberId) -> Option<LinkId> {
        let mut links = self.links.iter();
        links.find(|(_, link)| link.from == from && link.member == member).map(|(id, _)| *id)
    }

    /// Links that end or begin at a server.
    pub(super) fn of(&self, slot: Slot) -> Vec<LinkId> {
        let touches = |link: &SimLink| link.from == slot || link.to == slot;
        self.links.iter().filter(|(_, link)| touches(link)).map(|(id, _)| *id).collect()
    }
}
