//! Faults, the operator's calls, and the calm after them.

use super::super::client::Link as ClientLink;
use super::super::faults::Fault;
use super::super::net::Slot;
use super::super::operator;
use super::{Ev, SLOTS, Server, World};
use crate::core::input::{AdminRequest, Input};
use crate::core::raft::config::Role;
use crate::core::types::{CallId, Index, MemberId, Wall};

/// Within this time a leader finds and removes what is due, in milliseconds.
const REAPED_MS: i64 = 3_000;

impl World {
    pub(super) fn fault(&mut self, fault: Fault) -> Result<(), String> {
        self.note(0, &format_args!("fault {fault:?}"));
        match fault {
            Fault::Crash { slot, down_ms } => self.crash(slot, down_ms),
            Fault::Cut { pairs, for_ms } => self.cut(pairs, for_ms),
            Fault::BreakLinks { slot } => {
                for link in self.net.of(slot) {
                    self.break_link(link);
                }
            }
            Fault::Pause { slot, for_ms } => self.pause(slot, for_ms),
            Fault::SlowDisk { slot, fsync_ms, for_ms } => self.slow_disk(slot, fsync_ms, for_ms),
            Fault::LoseDisk { slot, down_ms } if self.may_lose_disk(slot) => {
                self.crash(slot, down_ms);
                self.servers[slot].disk = self.blank_disk();
            }
            Fault::DamageDisk { slot, down_ms } if self.is_alone(slot) => {
                self.rot(slot, down_ms, true);
            }
            Fault::DamageDisk { slot, down_ms } if self.may_lose_disk(slot) => {
                self.rot(slot, down_ms, false);
            }
            Fault::LoseDisk { .. } | Fault::DamageDisk { .. } => {}
            Fault::Resize { members } if self.options.by_clients => self.want(members),
            Fault::Resize { members } => self.desired = members,
            Fault::Transfer => {
                if let Some((leader, request)) = self.transfer() {
                    self.call(leader, request)?;
                }
            }
            Fault::SetClock { slot, by_ms } => self.servers[slot].ahead_ms += by_ms,
            Fault::Roll { slot, back, down_ms } => self.roll(slot, back, down_ms),
            Fault::DropClient { client } => self.hang_up(client),
        }
        Ok(())
    }

    /// Cuts a server's power, and gives it back later; nothing happens to one that does not run.
    pub(super) fn crash(&mut self, slot: Slot, down_ms: u64) {
        if self.servers[slot].node.is_some() {
            self.power_off(slot);
            self.at(down_ms, Ev::Start(slot));
        }
    }

    /// Cuts a server's power: of what was not synced, anything may be lost.
    pub(crate) fn power_off(&mut self, slot: Slot) {
        if self.servers[slot].node.is_none() {
            return;
        }
        self.report.crashes += 1;
        self.stop(slot);
        self.servers[slot].disk.crash();
        self.invariants.forget_term(self.servers[slot].disk.member);
    }

    /// Packets from the first to the second of each pair are lost for so long.
    pub(crate) fn cut(&mut self, pairs: Vec<(Slot, Slot)>, for_ms: u64) {
        self.net.cut.extend(pairs.iter().copied());
        self.at(for_ms, Ev::Uncut(pairs));
    }

    /// A process does not run for so long.
    pub(crate) fn pause(&mut self, slot: Slot, for_ms: u64) {
        let until = self.servers[slot].paused_until.max(self.now + for_ms);
        self.servers[slot].paused_until = until;
        let wait = until - self.now;
        self.at(wait, Ev::Resume(slot));
    }

    /// Syncs of a server's disk take so long, for so long.
    pub(crate) fn slow_disk(&mut self, slot: Slot, fsync_ms: u64, for_ms: u64) {
        self.servers[slot].fsync_ms = Some(fsync_ms);
        self.at(for_ms, Ev::FastDisk(slot));
    }

    fn rot(&mut self, slot: Slot, down_ms: u64, alone: bool) {
        self.crash(slot, down_ms);
        if let Some(file) = self.servers[slot].disk.rot(alone) {
            self.report.rotten += 1;
            self.note(slot, &format_args!("{file} rots; alone: {alone}"));
        }
    }

    /// Whether nobody but this server has its data, or ever had: the first configuration is in force.
    fn is_alone(&self, slot: Slot) -> bool {
        let raft = self.servers[slot].node.as_ref().and_then(|node| node.raft());
        raft.is_some_and(|raft| {
            let (config, committed) = (raft.config(), raft.committed_config());
            config.index == committed.index
                && config.index <= Index(2)
                && config.members.len() == 1
                && config.votes(self.servers[slot].disk.member)
        })
    }

    /// Only what an ensemble survives by design: one disk at a time, of three or more, while the
    /// other voters still have theirs.
    fn may_lose_disk(&self, slot: Slot) -> bool {
        let views = self.servers.iter().filter_map(|server| server.node.as_ref()?.raft());
        let Some(raft) = views.max_by_key(|raft| raft.committed_config().index) else {
            return false;
        };
        let present = |id: MemberId| self.servers.iter().any(|server| server.disk.member == id);
        let config = raft.config();
        let lost = self.servers[slot].disk.member;
        // Any configuration that anybody still acts under must keep its quorum.
        let all_same = self
            .servers
            .iter()
            .filter_map(|server| server.node.as_ref()?.raft())
            .all(|raft| raft.config().index == config.index || !raft.config().votes(lost));
        let everyone_up =
            (self.servers.iter()).all(|server| server.node.is_some() && !server.disk.repairing());
        all_same
            && everyone_up
            && !config.joint()
            && config.voters().len() >= 3
            && config.members.iter().all(|member| present(member.id))
    }

    fn transfer(&mut self) -> Option<(Slot, AdminRequest)> {
        let leads = |server: &Server| {
            let raft = server.node.as_ref()?.raft()?;
            (raft.leader() == Some(raft.id())).then(|| raft.config().voters())
        };
        let (slot, voters) =
            (0..SLOTS).find_map(|slot| leads(&self.servers[slot]).map(|voters| (slot, voters)))?;
        let target = *self.rng.pick(&voters)?;
        Some((slot, AdminRequest::Transfer { ensemble: self.ensemble, target }))
    }

    pub(super) fn call(&mut self, slot: Slot, request: AdminRequest) -> Result<(), String> {
        self.last_call += 1;
        if self.servers[slot].paused_until > self.now {
            return Ok(());
        }
        self.note(slot, &format_args!("call {request:?}"));
        self.step(slot, Input::Admin { call: CallId(self.last_call), request })
    }

    pub(super) fn operate(&mut self) -> Result<(), String> {
        let formed = self.servers.iter().any(|server| server.disk.ensemble().is_some());
        let forming = self
            .servers
            .iter()
            .any(|server| server.node.as_ref().is_some_and(|node| node.raft().is_some()));
        if !formed && !forming {
            let members = (0..self.options.members)
                .map(|slot| operator::member(slot, self.servers[slot].disk.member, Role::Voter))
                .collect();
            let seed = self.servers[0].disk.member;
            let request = AdminRequest::Form { ensemble: self.ensemble, seed, members };
            return self.call(0, request);
        }
        if self.options.mixed {
            self.ask_for_version()?;
        }
        if self.options.by_clients {
            self.clients_operate();
            return Ok(());
        }
        let now = self.clock();
        let statuses: Vec<_> = self
            .servers
            .iter()
            .map(|server| {
                let up = server.paused_until <= now.mono.0;
                server.node.as_ref().filter(|_| up).map(|node| node.status(now))
            })
            .collect();
        if let Some((slot, request)) = operator::next_call(self.ensemble, self.desired, &statuses) {
            self.report.changes += 1;
            self.call(slot, request)?;
        }
        Ok(())
    }

    pub(super) fn heal(&mut self) {
        self.note(0, &"all faults end");
        self.calm = true;
        self.net.cut.clear();
        if self.options.mixed {
            self.roll_all_forward();
        }
        for slot in 0..SLOTS {
            self.servers[slot].paused_until = 0;
            self.at(0, Ev::Resume(slot));
            self.servers[slot].fsync_ms = None;
            if self.servers[slot].node.is_none() {
                self.at(10, Ev::Start(slot));
            }
        }
    }

    /// Everything works: the wanted members vote, all agree, every client is served promptly.
    pub(super) fn settled(&self) -> bool {
        let now = self.clock();
        let statuses: Vec<_> = self
            .servers
            .iter()
            .filter_map(|server| server.node.as_ref().map(|node| node.status(now)))
            .collect();
        let Some(leader) = statuses.iter().find(|it| it.leader == Some(it.member)) else {
            return false;
        };
        let voters = leader.config.voters();
        let member = |id: &MemberId| statuses.iter().find(|status| status.member == *id);
        statuses.len() == SLOTS
            && !leader.pending
            && self.raised()
            && self.complete(&leader.config)
            && voters.iter().all(|id| {
                member(id).is_some_and(|it| it.ready.is_ok() && it.applied >= leader.applied.prev())
            })
            && self.clients.iter().all(|client| {
                matches!(client.link, ClientLink::Up { .. }) && client.oldest(self.now) < 1_000
            })
            && self.oracle.overdue(Wall(now.wall.0 - REAPED_MS)).is_empty()
    }

    pub(super) fn describe(&self) -> String {
        let now = self.clock();
        let mut text = format!("wanted {} members; ", self.desired);
        for (slot, server) in self.servers.iter().enumerate() {
            if let Some(node) = &server.node {
                let it = node.status(now);
                text += &format!(
                    "n{slot} {} {:?} term {} leader {:?} commit {} applied {} last {} voters {:?} \
                     joint {} ready {:?}; ",
                    it.member,
                    it.role,
                    it.term,
                    it.leader,
                    it.commit,
                    it.applied,
                    it.last,
                    it.config.voters(),
                    it.config.joint(),
                    it.ready
                );
            }
        }
        let overdue = self.oracle.overdue(Wall(now.wall.0 - REAPED_MS));
        text += &format!("overdue {overdue:?}; ");
        for client in &self.clients {
            text += &format!("client {:?} waits {} ms; ", client.link, client.oldest(self.now));
        }
        text
    }
}
