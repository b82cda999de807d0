//! Links to the other members, who may talk to us, and what they say.

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;

use super::super::ctx::{Birth, Ctx};
use super::{Ensemble, proof};
use crate::core::effect::{Effect, Link, Note};
use crate::core::message::{Hello, PeerMessage};
use crate::core::options::ReconfigPolicy;
use crate::core::raft::config::Member;
use crate::core::types::{Index, LinkId, MemberId, Mono};

/// A member outside our configuration that is not heard for this long is no longer dialled.
const STRANGER_MS: u64 = 10_000;
/// How many members outside our configuration are dialled at most.
const STRANGERS: usize = 16;
/// Of how many that dialled us the address is known.
const CALLERS: usize = 64;
/// How many recent digests are kept to compare.
const DIGESTS: usize = 4_096;

/// What this server knows of the others.
#[derive(Debug, Default)]
pub(super) struct Peers {
    /// Members that talk to us and are not in our configuration (ours may be old, or we are new).
    strangers: BTreeMap<MemberId, (String, Mono)>,
    /// Where those of our ensemble are reached who have dialled us.
    callers: BTreeMap<MemberId, String>,
    /// The links asked for last.
    links: Option<(Hello, Vec<Link>)>,
    /// Own digests, newest last.
    digests: VecDeque<(Index, u64)>,
    /// The leader's digest of an index that is not applied here yet.
    expected: Option<(Index, u64)>,
    /// When the leader last said that it could spare us.
    spared: Option<(bool, Mono)>,
    pulsed: Mono,
}

impl Peers {
    /// Something was applied (or restored).
    pub(super) fn applied(&mut self, index: Index, digest: u64) {
        if self.digests.len() == DIGESTS {
            self.digests.pop_front();
        }
        if self.digests.back().is_some_and(|(last, _)| *last >= index) {
            self.digests.clear();
        }
        self.digests.push_back((index, digest));
    }

    /// A new term or leader: what the last one said about sparing us counts no more.
    pub(super) fn forget_pulse(&mut self) {
        self.spared = None;
    }

    /// What the leader last said about sparing us, and when.
    pub(super) fn spared(&self) -> Option<(bool, Mono)> {
        self.spared
    }

    fn own_digest(&self, index: Index) -> Option<u64> {
        let at = self.digests.binary_search_by_key(&index, |(index, _)| *index).ok()?;
        self.digests.get(at).map(|(_, digest)| *digest)
    }
}

impl Ensemble {
    fn own_hello(&self, cx: &Ctx<'_>, to: Option<MemberId>) -> Hello {
        Hello {
            ensemble: self.id,
            from: cx.me.member,
            server: cx.options.server,
            address: cx.options.peer_address.clone(),
            to,
            can: cx.options.can.clone(),
            version: self.versions.reached(),
            proof: Bytes::new(),
            imported: self.formation.imported(),
        }
    }

    fn wanted_links(&self, cx: &Ctx<'_>) -> Vec<Link> {
        let asked = |address: &str| Link {
            address: address.to_owned(),
            member: None,
            secret: Bytes::new(),
        };
        let to = |address: String, member: MemberId| {
            let secret = proof::secret(cx.me.secret, cx.me.member, member);
            Link { address, member: Some(member), secret }
        };
        let Some(raft) = cx.raft else {
            let others = cx.options.static_list.iter().filter(|it| it.server != cx.options.server);
            return others.map(|it| asked(&it.peer)).collect();
        };
        let contacts = raft.contacts();
        let known = contacts.iter().map(|member| to(address_of(cx, member), member.id));
        let mut links: Vec<Link> = known.collect();
        for (id, (address, _)) in &self.peers.strangers {
            if contacts.iter().all(|member| member.id != *id) {
                links.push(to(address.clone(), *id));
            }
        }
        links.extend(self.sought(cx));
        links
    }

    /// Tells the shell which links to keep, if that changed.
    pub(in crate::core::node) fn refresh_links(&mut self, cx: &mut Ctx<'_>) {
        if self.formation.unwritten() || self.elsewhere.is_some() {
            return;
        }
        let wanted = (self.own_hello(cx, None), self.wanted_links(cx));
        if self.peers.links.as_ref() != Some(&wanted) {
            self.proofs.keep(&wanted.1);
            self.peers.links = Some(wanted.clone());
            cx.out.push(Effect::Links { hello: wanted.0, links: wanted.1 });
        }
    }

    /// The configuration in force changed.
    pub(in crate::core::node) fn configured(&mut self, cx: &mut Ctx<'_>) {
        if let Some(raft) = cx.raft {
            let config = raft.config();
            if raft.leader() == Some(cx.me.member) {
                // Whoever leaves has to hear of it, also from a leader that leaves with it and is
                // none any more a moment later.
                for gone in raft.contacts() {
                    let room = self.peers.strangers.len() < STRANGERS;
                    if room && config.member(gone.id).is_none() {
                        let address = address_of(cx, &gone);
                        self.peers.strangers.insert(gone.id, (address, cx.now.mono));
                    }
                }
            }
            let voters = config.voters().len();
            cx.note(Note::Configured {
                version: config.index,
                voters,
                learners: config.members.len().saturating_sub(voters),
                joint: config.joint(),
            });
        }
        self.refresh_links(cx);
    }

    /// A blank disk is adopted by the first ensemble that names it, and that is the one of its list.
    pub(in crate::core::node) fn adopted_by(
        &mut self,
        cx: &mut Ctx<'_>,
        hello: &Hello,
    ) -> Option<Birth> {
        // A program that does not know the ensemble's rules must not take part.
        let known = hello.version <= cx.options.can.newest;
        let meant = known && hello.to == Some(cx.me.member);
        match (meant, self.id, hello.ensemble) {
            (true, None, Some(ensemble))
                if self.formation.confirms(cx.now.mono, cx.options, ensemble) =>
            {
                Some(self.adopt(cx, ensemble))
            }
            _ => None,
        }
    }

    /// Somebody dialled us. Only a member of our ensemble that means this very incarnation may
    /// talk, and is heard once it is shown that it is that member.
    pub(in crate::core::node) fn peer_hello(
        &mut self,
        cx: &mut Ctx<'_>,
        link: LinkId,
        hello: Hello,
    ) {
        if self.elsewhere.is_some() {
            return cx.out.push(Effect::IgnorePeer { link });
        }
        if self.versions.beyond_us(cx, &hello) {
            let own = self.own_hello(cx, None);
            cx.out.push(Effect::RefusePeer { link, hello: own });
            return;
        }
        let meant = hello.to == Some(cx.me.member);
        if meant && hello.ensemble.is_some() && hello.ensemble == self.id {
            self.versions.heard(&hello);
            self.remember_caller(cx, &hello);
            let ours = proof::secret(cx.me.secret, cx.me.member, hello.from);
            let own =
                Hello { proof: proof::voucher(&ours), ..self.own_hello(cx, Some(hello.from)) };
            cx.out.push(Effect::AcceptPeer { link, hello: own });
            self.claimed(cx, link, hello.from, hello.proof);
            return;
        }
        self.formation.saw(&hello);
        let own = self.own_hello(cx, None);
        cx.out.push(Effect::RefusePeer { link, hello: own });
        if hello.to.is_some() {
            let why = if hello.ensemble == self.id {
                "it means another incarnation of this disk"
            } else {
                "it belongs to another ensemble"
            };
            cx.note(Note::PeerRefused { member: hello.from, why });
        }
    }

    /// Whoever talks to us needs a link of ours for our answers, also one that our log does not
    /// have: it may be ahead of us.
    fn remember_caller(&mut self, cx: &mut Ctx<'_>, hello: &Hello) {
        let callers = &mut self.peers.callers;
        if callers.len() < CALLERS || callers.contains_key(&hello.from) {
            callers.insert(hello.from, hello.address.clone());
        }
        self.hear_stranger(cx, hello.from);
    }

    /// Somebody spoke. A link may have been made long ago, when our log still had its other end:
    /// who was dropped since, and is taken in again, hears of it on that one.
    pub(in crate::core::node) fn hear_stranger(&mut self, cx: &mut Ctx<'_>, from: MemberId) {
        let raft = cx.raft;
        if raft.is_some_and(|raft| raft.config().member(from).is_some()) {
            return;
        }
        if let Some((_, heard)) = self.peers.strangers.get_mut(&from) {
            *heard = cx.now.mono;
            return;
        }
        let address = self.peers.callers.get(&from).filter(|it| !it.is_empty());
        if let (Some(address), true) = (address, self.peers.strangers.len() < STRANGERS) {
            let stranger = (address.clone(), cx.now.mono);
            self.peers.strangers.insert(from, stranger);
            self.refresh_links(cx);
        }
    }

    /// A dial of ours was answered. It may have been the last answer that a static list waited for.
    pub(in crate::core::node) fn peer_answer(
        &mut self,
        cx: &mut Ctx<'_>,
        address: String,
        hello: Hello,
    ) -> Option<Birth> {
        self.reconfigs.answered(&address, &hello, self.id);
        self.formation.answered(cx.now.mono, address, hello);
        self.form_static_list(cx)
    }

    /// The leader says where its state is, and whether the ensemble could spare us.
    pub(in crate::core::node) fn pulse(
        &mut self,
        cx: &mut Ctx<'_>,
        applied: Index,
        theirs: (Index, u64),
        spared: bool,
    ) {
        self.peers.spared = Some((spared, cx.now.mono));
        self.peers.expected = Some(theirs);
        self.compare_digest(cx, applied);
    }

    /// Members with equal logs have equal states, or one of them is damaged and must stop.
    fn compare_digest(&mut self, cx: &mut Ctx<'_>, applied: Index) {
        let Some((index, theirs)) = self.peers.expected else {
            return;
        };
        if index > applied {
            return;
        }
        self.peers.expected = None;
        if let Some(ours) = self.peers.own_digest(index)
            && ours != theirs
        {
            let why = self.versions.difference(cx, index, [ours, theirs]);
            cx.out.push(Effect::Fatal(why));
        }
    }

    pub(in crate::core::node) fn tick_peers(&mut self, cx: &mut Ctx<'_>, place: (Index, u64)) {
        self.tick_elsewhere(cx);
        let before = self.peers.strangers.len();
        self.peers.strangers.retain(|_, (_, heard)| cx.now.mono.since(*heard) < STRANGER_MS);
        if self.peers.strangers.len() != before {
            self.refresh_links(cx);
        }
        self.compare_digest(cx, place.0);
        self.tick_proofs(cx);
        let Some(raft) = cx.raft else { return };
        let due = cx.now.mono.since(self.peers.pulsed) >= cx.options.tick_ms / 2;
        if due && raft.leader() == Some(cx.me.member) {
            self.peers.pulsed = cx.now.mono;
            let (index, digest) = place;
            for member in raft.config().members.iter().filter(|it| it.id != cx.me.member) {
                let spared = raft.quorum_without(cx.now.mono, member.id);
                let message = PeerMessage::Pulse { index, digest, spared };
                cx.out.push(Effect::Peer { to: member.id, message });
            }
        }
    }
}

/// Where a member is reached: the list we were started with knows better than the log, unless
/// clients may have changed what is in the log.
fn address_of(cx: &Ctx<'_>, member: &Member) -> String {
    if matches!(cx.options.reconfig, ReconfigPolicy::Clients { .. }) {
        return member.peer.clone();
    }
    let listed = cx.options.static_list.iter().find(|listed| listed.server == member.server);
    listed.map_or_else(|| member.peer.clone(), |listed| listed.peer.clone())
}
