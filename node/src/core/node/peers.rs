//! Links to the other members, who may talk to us, and what they say.

use std::collections::{BTreeMap, VecDeque};

use super::Node;
use crate::core::effect::{Effect, Link, Note};
use crate::core::message::{Hello, PeerMessage};
use crate::core::options::ReconfigPolicy;
use crate::core::raft::config::Member;
use crate::core::raft::event::Event;
use crate::core::types::{Index, LinkId, MemberId, Mono, Now};

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
    pub(super) spared: Option<(bool, Mono)>,
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

    fn own_digest(&self, index: Index) -> Option<u64> {
        let at = self.digests.binary_search_by_key(&index, |(index, _)| *index).ok()?;
        self.digests.get(at).map(|(_, digest)| *digest)
    }
}

impl Node {
    fn own_hello(&self, to: Option<MemberId>) -> Hello {
        Hello {
            ensemble: self.ensemble,
            from: self.member,
            server: self.options.server,
            address: self.options.peer_address.clone(),
            to,
        }
    }

    /// Where a member is reached: the list we were started with knows better than the log, unless
    /// clients may have changed what is in the log.
    fn address_of(&self, member: &Member) -> String {
        if matches!(self.options.reconfig, ReconfigPolicy::Clients { .. }) {
            return member.peer.clone();
        }
        let listed = self.options.static_list.iter().find(|listed| listed.server == member.server);
        listed.map_or_else(|| member.peer.clone(), |listed| listed.peer.clone())
    }

    fn wanted_links(&self) -> Vec<Link> {
        let Some(raft) = &self.raft else {
            let others =
                self.options.static_list.iter().filter(|it| it.server != self.options.server);
            return others.map(|it| Link { address: it.peer.clone(), member: None }).collect();
        };
        let contacts = raft.contacts();
        let mut links: Vec<Link> = contacts
            .iter()
            .map(|member| Link { address: self.address_of(member), member: Some(member.id) })
            .collect();
        for (id, (address, _)) in &self.peers.strangers {
            if contacts.iter().all(|member| member.id != *id) {
                links.push(Link { address: address.clone(), member: Some(*id) });
            }
        }
        links.extend(self.sought());
        links
    }

    /// Tells the shell which links to keep, if that changed.
    pub(super) fn refresh_links(&mut self, out: &mut Vec<Effect>) {
        if self.formation.unwritten() {
            return;
        }
        let wanted = (self.own_hello(None), self.wanted_links());
        if self.peers.links.as_ref() != Some(&wanted) {
            self.peers.links = Some(wanted.clone());
            out.push(Effect::Links { hello: wanted.0, links: wanted.1 });
        }
    }

    /// The configuration in force changed.
    pub(super) fn configured(&mut self, now: Now, out: &mut Vec<Effect>) {
        if let Some(raft) = &self.raft {
            let config = raft.config();
            if raft.leader() == Some(self.member) {
                // Whoever leaves has to hear of it, also from a leader that leaves with it and is
                // none any more a moment later.
                for gone in raft.contacts() {
                    let room = self.peers.strangers.len() < STRANGERS;
                    if room && config.member(gone.id).is_none() {
                        let address = self.address_of(&gone);
                        self.peers.strangers.insert(gone.id, (address, now.mono));
                    }
                }
            }
            let voters = config.voters().len();
            out.push(Effect::Note(Note::Configured {
                version: config.index,
                voters,
                learners: config.members.len().saturating_sub(voters),
                joint: config.joint(),
            }));
        }
        self.refresh_links(out);
    }

    /// Somebody dialled us. Only a member of our ensemble that means this very incarnation may
    /// talk; a blank disk is adopted by the first ensemble that names it.
    pub(super) fn peer_hello(
        &mut self,
        now: Now,
        link: LinkId,
        hello: Hello,
        out: &mut Vec<Effect>,
    ) {
        let meant = hello.to == Some(self.member);
        if let (true, None, Some(ensemble)) = (meant, self.ensemble, hello.ensemble) {
            self.adopt(now, ensemble, out);
        }
        if meant && hello.ensemble.is_some() && hello.ensemble == self.ensemble {
            self.remember_caller(now, &hello, out);
            out.push(Effect::AcceptPeer { link, hello: self.own_hello(Some(hello.from)) });
            return;
        }
        self.formation.saw(&hello);
        out.push(Effect::RefusePeer { link, hello: self.own_hello(None) });
        if hello.to.is_some() {
            let why = if hello.ensemble == self.ensemble {
                "it means another incarnation of this disk"
            } else {
                "it belongs to another ensemble"
            };
            out.push(Effect::Note(Note::PeerRefused { member: hello.from, why }));
        }
    }

    /// Whoever talks to us needs a link of ours for our answers, also one that our log does not
    /// have: it may be ahead of us.
    fn remember_caller(&mut self, now: Now, hello: &Hello, out: &mut Vec<Effect>) {
        let callers = &mut self.peers.callers;
        if callers.len() < CALLERS || callers.contains_key(&hello.from) {
            callers.insert(hello.from, hello.address.clone());
        }
        self.hear_stranger(now, hello.from, out);
    }

    /// Somebody spoke. A link may have been made long ago, when our log still had its other end:
    /// who was dropped since, and is taken in again, hears of it on that one.
    fn hear_stranger(&mut self, now: Now, from: MemberId, out: &mut Vec<Effect>) {
        let raft = self.raft.as_ref();
        if raft.is_some_and(|raft| raft.config().member(from).is_some()) {
            return;
        }
        if let Some((_, heard)) = self.peers.strangers.get_mut(&from) {
            *heard = now.mono;
            return;
        }
        let address = self.peers.callers.get(&from).filter(|it| !it.is_empty());
        if let (Some(address), true) = (address, self.peers.strangers.len() < STRANGERS) {
            let stranger = (address.clone(), now.mono);
            self.peers.strangers.insert(from, stranger);
            self.refresh_links(out);
        }
    }

    /// A dial of ours was answered.
    pub(super) fn peer_answer(
        &mut self,
        now: Now,
        address: String,
        hello: Hello,
        out: &mut Vec<Effect>,
    ) {
        self.reconfigs.answered(&address, &hello, self.ensemble);
        self.formation.answered(now.mono, address, hello);
        self.form_static_list(now, out);
    }

    pub(super) fn link_up(&mut self, now: Now, member: MemberId, out: &mut Vec<Effect>) {
        self.events.push_back(Event::LinkUp(member));
        self.run(now, out);
        // Also when nobody is known to lead: it may be the leader of this very term, lost from
        // sight for a while. What followed on the new link would overtake what the old one lost.
        if let Some(raft) = &self.raft
            && raft.leader().is_none_or(|leader| leader == member)
        {
            self.queue.resend(raft.term());
        }
    }

    pub(super) fn peer_message(
        &mut self,
        now: Now,
        from: MemberId,
        message: PeerMessage,
        out: &mut Vec<Effect>,
    ) {
        self.hear_stranger(now, from, out);
        match message {
            PeerMessage::Raft(message) => {
                self.events.push_back(Event::Message { from, message });
                self.run(now, out);
            }
            PeerMessage::Submit { term, boot, stream, submissions } => {
                self.submitted(now, from, (term, boot, stream), submissions, out);
            }
            PeerMessage::SubmitRefused { term, stream, from_request } => {
                let hold = now.mono.plus(self.options.timing.heartbeat);
                self.queue.refused(term, stream, from_request, hold);
            }
            PeerMessage::Barrier { id } => self.barrier_asked(from, id),
            PeerMessage::BarrierReply { id, index } => self.barrier_known(now, id, index, out),
            PeerMessage::Touch { sessions } => {
                for session in sessions {
                    self.expiry.heard(session, now.mono);
                }
            }
            PeerMessage::Pulse { index, digest, spared } => {
                self.peers.spared = Some((spared, now.mono));
                self.peers.expected = Some((index, digest));
                self.compare_digest(out);
            }
        }
    }

    /// Members with equal logs have equal states, or one of them is damaged and must stop.
    pub(super) fn compare_digest(&mut self, out: &mut Vec<Effect>) {
        let Some((index, theirs)) = self.peers.expected else {
            return;
        };
        if index > self.state.applied() {
            return;
        }
        self.peers.expected = None;
        if let Some(ours) = self.peers.own_digest(index)
            && ours != theirs
        {
            out.push(Effect::Fatal(format!(
                "the state at index {index} differs from the leader's (digest {ours:016x}, leader \
                 {theirs:016x}): this member's data is damaged; replace the member"
            )));
        }
    }

    pub(super) fn tick_peers(&mut self, now: Now, out: &mut Vec<Effect>) {
        let before = self.peers.strangers.len();
        self.peers.strangers.retain(|_, (_, heard)| now.mono.since(*heard) < STRANGER_MS);
        if self.peers.strangers.len() != before {
            self.refresh_links(out);
        }
        self.compare_digest(out);
        let Some(raft) = &self.raft else { return };
        let due = now.mono.since(self.peers.pulsed) >= self.options.tick_ms / 2;
        if due && raft.leader() == Some(self.member) {
            self.peers.pulsed = now.mono;
            let (index, digest) = (self.state.applied(), self.state.digest());
            for member in raft.config().members.iter().filter(|it| it.id != self.member) {
                let spared = raft.quorum_without(now.mono, member.id);
                let message = PeerMessage::Pulse { index, digest, spared };
                out.push(Effect::Peer { to: member.id, message });
            }
        }
    }
}
