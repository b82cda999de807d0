//! A world that is driven from outside: servers run when they are told to, somebody else changes the
//! membership and breaks things, and clients go on all the while. It is judged as any other.

use std::collections::BTreeSet;

use super::super::client::Link as ClientLink;
use super::super::net::Slot;
use super::World;
use crate::core::input::{AdminError, AdminRequest};
use crate::core::raft::config::Config;
use crate::core::status::Status;
use crate::core::types::{CallId, EnsembleId, Index, MemberId};

/// A call that was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Call {
    slot: Slot,
    life: u64,
    id: CallId,
}

/// How a call stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// Not answered yet.
    Waiting,
    /// Answered: the configuration's version, or why not.
    Answered(Result<Index, AdminError>),
    /// Its server stopped before it answered: the outcome is unknown.
    Lost,
}

impl World {
    /// Milliseconds since the beginning.
    pub(crate) fn now(&self) -> u64 {
        self.now
    }

    /// Goes on for so many milliseconds.
    ///
    /// # Errors
    /// When a client, the oracle or an invariant finds something wrong.
    pub(crate) fn go_on(&mut self, ms: u64) -> Result<(), String> {
        let end = self.now + ms;
        while self.events.peek().is_some_and(|next| next.0.0 <= end) {
            self.next_event()?;
        }
        self.now = end;
        Ok(())
    }

    /// Starts a server from what its disk holds.
    ///
    /// # Errors
    /// When what it does at once is wrong.
    pub(crate) fn power_on(&mut self, slot: Slot) -> Result<(), String> {
        self.start(slot)
    }

    /// Whether a server runs.
    pub(crate) fn is_on(&self, slot: Slot) -> bool {
        self.servers[slot].node.is_some()
    }

    /// Gives a server a blank disk in the place of its own; its power is cut for that.
    pub(crate) fn replace_disk(&mut self, slot: Slot) {
        self.power_off(slot);
        self.servers[slot].disk = self.blank_disk();
    }

    /// Which incarnation a server's disk is.
    pub(crate) fn member(&self, slot: Slot) -> MemberId {
        self.servers[slot].disk.member
    }

    /// The ensembles that any disk belongs to.
    pub(crate) fn ensembles(&self) -> BTreeSet<EnsembleId> {
        self.servers.iter().filter_map(|server| server.disk.ensemble()).collect()
    }

    /// The newest configuration that any running server knows to be committed.
    pub(crate) fn committed_config(&self) -> Option<&Config> {
        let running = self.servers.iter().filter_map(|server| server.node.as_ref()?.raft());
        running.map(|raft| raft.committed_config()).max_by_key(|config| config.index)
    }

    /// What a server says of itself; nothing while it is off or does not run.
    pub(crate) fn status(&self, slot: Slot) -> Option<Status> {
        let server = &self.servers[slot];
        let node = server.node.as_ref().filter(|_| server.paused_until <= self.now)?;
        Some(node.status(self.clock_of(slot)))
    }

    /// Makes a call to a server; nobody is there to take it while it is off or does not run.
    ///
    /// # Errors
    /// When what it does at once is wrong.
    pub(crate) fn ask_of(
        &mut self,
        slot: Slot,
        request: AdminRequest,
    ) -> Result<Option<Call>, String> {
        let server = &self.servers[slot];
        if server.node.is_none() || server.paused_until > self.now {
            return Ok(None);
        }
        let life = server.life;
        self.call(slot, request)?;
        Ok(Some(Call { slot, life, id: CallId(self.last_call) }))
    }

    /// How a call stands.
    pub(crate) fn progress(&self, call: Call) -> Progress {
        match self.answers.as_ref().and_then(|answers| answers.get(&call.id)) {
            Some(result) => Progress::Answered(*result),
            None if self.lives(call.slot, call.life) => Progress::Waiting,
            None => Progress::Lost,
        }
    }

    /// Whether the ensemble survives the loss of this server's disk by design: all members are there,
    /// run and agree on a settled configuration of three voters or more.
    pub(crate) fn spares_disk(&self, slot: Slot) -> bool {
        let Some(config) = self.committed_config() else { return false };
        let running = |id: MemberId| {
            let mut servers = self.servers.iter().filter(|server| server.node.is_some());
            servers.any(|server| server.disk.member == id && !server.disk.repairing())
        };
        let mut views = self.servers.iter().filter_map(|server| server.node.as_ref()?.raft());
        config.votes(self.member(slot))
            && config.voters().len() >= 3
            && !config.joint()
            && config.members.iter().all(|member| running(member.id))
            && views.all(|raft| raft.config().index == config.index || !config.votes(raft.id()))
    }

    /// Asks every server that is ready for a write and a fresh read of every key. Clients say nothing
    /// any more afterwards.
    ///
    /// # Errors
    /// When something does not succeed in time, or is wrong.
    pub(crate) fn ask_all(&mut self) -> Result<(), String> {
        self.probe()
    }

    /// Elections that were won.
    pub(crate) fn elections(&self) -> u64 {
        self.invariants.elections
    }

    /// Whether every client is connected and promptly answered.
    pub(crate) fn clients_are_served(&self) -> bool {
        self.clients.iter().all(|client| {
            matches!(client.link, ClientLink::Up { .. }) && client.oldest(self.now) < 1_000
        })
    }

    /// Writes that clients were told took effect.
    pub(crate) fn acknowledged(&self) -> u64 {
        self.clients.iter().map(|client| client.tally.acknowledged).sum()
    }

    /// A hash over everything that happened: equal for equal seeds and equal orders.
    pub(crate) fn trace_hash(&self) -> u64 {
        self.report.fingerprint
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::raft::config::{Member, Role};
    use crate::core::types::ServerId;

    fn world() -> World {
        let peers = (0..3).map(|slot| format!("zk-{slot}.peers:2888")).collect();
        World::driven(1, 2, peers, false)
    }

    #[test]
    fn servers_run_when_they_are_told_and_calls_are_answered() {
        let mut world = world();
        let nobody = world.ask_of(0, AdminRequest::Snapshot).expect("no harm");
        assert!(nobody.is_none() && world.status(0).is_none());
        for slot in 0..3 {
            world.power_on(slot).expect("it starts");
        }
        let member = |slot: Slot| Member {
            id: world.member(slot),
            server: ServerId(slot as u8 + 1),
            role: Role::Voter,
            peer: world.peers[slot].clone(),
            client: String::new(),
        };
        let (ensemble, seed) = (EnsembleId(7), world.member(0));
        let members = (0..3).map(member).collect();
        let form = AdminRequest::Form { ensemble, seed, members };
        let call = world.ask_of(0, form).expect("no harm").expect("it is taken");
        world.go_on(5_000).expect("nothing is wrong");
        assert!(matches!(world.progress(call), Progress::Answered(Ok(_))));
        assert_eq!(world.ensembles(), BTreeSet::from([ensemble]));
        assert!(world.acknowledged() > 0 && world.clients_are_served());
        let leads = |slot: &Slot| world.status(*slot).unwrap().leader == Some(world.member(*slot));
        let leader = (0..3).find(leads).expect("a leader");
        let target = world.member((leader + 1) % 3);
        let transfer = AdminRequest::Transfer { ensemble, target };
        let lost = world.ask_of(leader, transfer).expect("no harm").expect("it is taken");
        world.replace_disk(leader);
        assert_eq!(world.progress(lost), Progress::Lost);
        assert!(!world.is_on(leader) && world.status(leader).is_none());
        world.power_on(leader).expect("it starts");
        world.go_on(3_000).expect("nothing is wrong");
        let blank = world.status(leader).map(|it| it.ensemble);
        assert_eq!(blank, Some(None), "a blank disk joins nothing");
        assert_eq!(world.committed_config().map(|it| it.voters().len()), Some(3));
    }
}
