//! Links between servers, and what travels on them.

use std::sync::Arc;

use super::super::net::{Sender, SimLink, Slot};
use super::{Ev, STALL_MS, World, programs};
use crate::core::effect::{Effect, Link};
use crate::core::input::{Input, Snapshot};
use crate::core::message::{Hello, PROOF_MS, PeerMessage};
use crate::core::raft::event::Message;
use crate::core::types::{Index, LinkId, MemberId, Term};

impl World {
    fn delay(&mut self) -> u64 {
        let (low, high) = self.options.net_delay_ms;
        self.rng.between(low, high)
    }

    pub(super) fn relink(
        &mut self,
        slot: Slot,
        hello: Hello,
        links: Vec<Link>,
    ) -> Result<(), String> {
        if hello.ensemble.is_some() && hello.ensemble != self.servers[slot].disk.ensemble() {
            return Err(format!(
                "n{slot} dials in the name of an ensemble that its disk would forget"
            ));
        }
        let old = std::mem::replace(&mut self.servers[slot].links, links.clone());
        self.servers[slot].hello = Some(hello.clone());
        let life = self.servers[slot].life;
        for link in old.iter().filter(|link| !links.contains(link)) {
            let live = link.member.and_then(|member| self.net.link_to(slot, member));
            if let Some(live) = live {
                self.net.links.remove(&live);
            }
        }
        for link in links.into_iter().filter(|link| !old.contains(link)) {
            let delay = self.delay();
            self.at(delay, Ev::Dial { from: slot, life, link, hello: hello.clone() });
        }
        Ok(())
    }

    pub(super) fn dial(
        &mut self,
        from: Slot,
        life: u64,
        link: Link,
        hello: Hello,
    ) -> Result<(), String> {
        if !self.servers[from].links.contains(&link) {
            return Ok(());
        }
        if link.member.is_some_and(|member| self.net.link_to(from, member).is_some()) {
            return Ok(());
        }
        let hello = self.servers[from].hello.clone().unwrap_or(hello);
        let again = self.rng.between(50, 300);
        self.at(again, Ev::Dial { from, life, link: link.clone(), hello: hello.clone() });
        let Some(to) = self.peers.iter().position(|peer| *peer == link.address) else {
            return Ok(());
        };
        let up = self.servers[to].node.is_some() && self.servers[to].paused_until <= self.now;
        if !up || !self.net.connects(from, to) {
            return Ok(());
        }
        let number = self.net.number();
        let own = Hello { to: link.member, proof: link.secret.clone(), ..hello };
        let own = self.as_said(from, own);
        let asked = self.as_understood(to, own);
        let now = self.clock_of(to);
        let mut effects = Vec::new();
        let Some(node) = &mut self.servers[to].node else {
            return Ok(());
        };
        node.step(now, Input::PeerHello { link: number, hello: asked }, &mut effects);
        let answer = answer_to(number, &effects);
        let heard = effects
            .iter()
            .any(|effect| matches!(effect, Effect::HearPeer { link } if *link == number));
        self.perform(to, effects)?;
        let Some((accepted, answer)) = answer else {
            return Err(format!("n{to} left a peer's hello unanswered"));
        };
        let answer = self.as_said(to, answer);
        if accepted && Some(answer.from) == link.member && self.lives(from, life) {
            let (member, voucher) = (answer.from, answer.proof.clone());
            let version = programs::spoken_by(self.servers[from].program, &answer)?;
            self.net.links.insert(
                number,
                SimLink {
                    from,
                    to,
                    member,
                    version,
                    last_arrival: self.now,
                    heard,
                    stalled: Default::default(),
                    stalled_since: None,
                },
            );
            if !heard {
                self.at(PROOF_MS, Ev::Unheard(number));
            }
            self.step(from, Input::LinkUp { member, voucher })?;
        } else {
            self.step(from, Input::PeerAnswer { address: link.address, hello: answer })?;
        }
        Ok(())
    }

    pub(super) fn send(
        &mut self,
        from: Slot,
        to: MemberId,
        message: PeerMessage,
    ) -> Result<(), String> {
        if !self.servers[from].whole && votes(&message) {
            return Err(format!("n{from} votes or campaigns while a repair is due: {message:?}"));
        }
        let Some(id) = self.net.link_to(from, to) else {
            return Ok(());
        };
        let delay = self.delay();
        let Some(link) = self.net.links.get_mut(&id) else {
            return Ok(());
        };
        let at = (self.now + delay).max(link.last_arrival);
        link.last_arrival = at;
        let wait = at - self.now;
        let version = link.version;
        let message = if self.options.mixed {
            self.report.newer_frames += u64::from(version > 1);
            programs::over_the_wire(message, version)?
        } else {
            message
        };
        self.at(wait, Ev::Arrive { link: id, message });
        Ok(())
    }

    pub(super) fn arrive(&mut self, id: LinkId, message: PeerMessage) -> Result<(), String> {
        let Some(link) = self.net.links.get_mut(&id) else {
            return Ok(());
        };
        let (from, to, member, version) = (link.from, link.to, link.member, link.version);
        let open = !self.net.cut.contains(&(from, to));
        if !link.heard {
            link.stalled.push_back(message);
            return Ok(());
        }
        if !open || !link.stalled.is_empty() {
            if link.stalled_since.is_none() {
                link.stalled_since = Some(self.now);
                self.at(100, Ev::Unstall(id));
            }
            let Some(link) = self.net.links.get_mut(&id) else {
                return Ok(());
            };
            link.stalled.push_back(message);
            return Ok(());
        }
        let same = self.servers[to].disk.member == member && self.servers[to].node.is_some();
        if !same {
            self.break_link(id);
            return Ok(());
        }
        if self.options.mixed && version > programs::reads_frames(self.servers[to].program) {
            let program = self.servers[to].program;
            return Err(format!("n{from} sends frames of version {version} to program {program}"));
        }
        if self.options.mixed && !programs::understands(&message, self.servers[to].program) {
            self.break_link(id);
            return Ok(());
        }
        let sender = self.servers[from].disk.member;
        self.step(to, Input::Peer { from: sender, message })
    }

    /// It is shown whose link this is: what has arrived is taken.
    pub(super) fn hear(&mut self, id: LinkId) -> Result<(), String> {
        let Some(link) = self.net.links.get_mut(&id) else {
            return Ok(());
        };
        link.heard = true;
        if link.stalled.is_empty() {
            return Ok(());
        }
        link.stalled_since = Some(self.now);
        self.at(0, Ev::Unstall(id));
        Ok(())
    }

    /// Nobody has vouched for it in time.
    pub(super) fn unheard(&mut self, id: LinkId) {
        if self.net.links.get(&id).is_some_and(|link| !link.heard) {
            self.break_link(id);
        }
    }

    pub(super) fn unstall(&mut self, id: LinkId) -> Result<(), String> {
        let Some(link) = self.net.links.get_mut(&id) else {
            return Ok(());
        };
        if self.net.cut.contains(&(link.from, link.to)) {
            let since = link.stalled_since.unwrap_or(self.now);
            if self.now - since >= STALL_MS {
                self.break_link(id);
            } else {
                self.at(100, Ev::Unstall(id));
            }
            return Ok(());
        }
        link.stalled_since = None;
        link.last_arrival = link.last_arrival.max(self.now);
        // At once: what arrives in this very millisecond must not overtake them.
        let messages = std::mem::take(&mut link.stalled);
        for message in messages {
            self.happen(Ev::Arrive { link: id, message })?;
        }
        Ok(())
    }

    pub(super) fn break_link(&mut self, id: LinkId) {
        let Some(link) = self.net.links.remove(&id) else {
            return;
        };
        let (from, life) = (link.from, self.servers[link.from].life);
        let member = link.member;
        let wanted = self.servers[from].links.iter().find(|it| it.member == Some(member)).cloned();
        let input = Box::new(Input::LinkDown(member));
        self.at(0, Ev::ToServer { slot: from, life, input });
        if let (Some(link), Some(hello)) = (wanted, self.servers[from].hello.clone()) {
            let delay = self.rng.between(20, 200);
            self.at(delay, Ev::Dial { from, life, link, hello });
        }
    }

    pub(super) fn send_snapshot(
        &mut self,
        from: Slot,
        to: MemberId,
        term: Term,
        index: Index,
    ) -> Result<(), String> {
        let (life, member) = (self.servers[from].life, self.servers[from].disk.member);
        let target = self.servers.iter().position(|server| server.disk.member == to);
        let newest = self.servers[from].disk.newest().filter(|it| it.meta.index >= index);
        let (Some(slot), Some(snapshot)) = (target, newest) else {
            let input = Box::new(Input::SnapshotSent { to, index, ok: false });
            self.at(200, Ev::ToServer { slot: from, life, input });
            return Ok(());
        };
        let delay = self.rng.between(5, 800);
        let to_life = self.servers[slot].life;
        let from = Sender { slot: from, life, member };
        self.at(delay, Ev::SnapshotArrived { from, to: slot, to_life, term, snapshot });
        Ok(())
    }

    pub(super) fn snapshot_arrived(
        &mut self,
        from: Sender,
        (to, to_life): (Slot, u64),
        term: Term,
        snapshot: Arc<Snapshot>,
    ) -> Result<(), String> {
        let readable = programs::reads(&snapshot, self.servers[to].program);
        let ok = self.lives(to, to_life) && self.net.connects(from.slot, to) && readable;
        let (target, index) = (self.servers[to].disk.member, snapshot.meta.index);
        if self.lives(from.slot, from.life) {
            let input = Box::new(Input::SnapshotSent { to: target, index, ok });
            self.at(1, Ev::ToServer { slot: from.slot, life: from.life, input });
        }
        if !ok {
            return Ok(());
        }
        self.servers[to].disk.receive(&snapshot);
        self.step(to, Input::SnapshotReceived { from: from.member, term, snapshot })
    }
}

/// What a hello is answered, and whether it is accepted.
fn answer_to(number: LinkId, effects: &[Effect]) -> Option<(bool, Hello)> {
    effects.iter().find_map(|effect| match effect {
        Effect::AcceptPeer { link, hello } if *link == number => Some((true, hello.clone())),
        Effect::RefusePeer { link, hello } if *link == number => Some((false, hello.clone())),
        _ => None,
    })
}

/// Whether a message helps to elect somebody.
fn votes(message: &PeerMessage) -> bool {
    match message {
        PeerMessage::Raft(message) => matches!(
            message,
            Message::PreVote { .. }
                | Message::Vote { .. }
                | Message::PreVoteReply { granted: true, .. }
                | Message::VoteReply { granted: true, .. }
        ),
        _ => false,
    }
}
