//! The membership, changed by the clients themselves: joins, leaves, replacements, other parts and
//! other addresses, several at once, some under a version that is not the present one.

use super::super::ask::Ask;
use super::super::client::Link as ClientLink;
use super::super::net::Slot;
use super::super::operator;
use super::{SLOTS, World};
use crate::core::input::Input;
use crate::core::op::Request;
use crate::core::raft::config::{Config, Role};

impl World {
    /// About as many voters, any of the servers, and now and then an observer besides.
    pub(super) fn want(&mut self, voters: usize) {
        let more = usize::from(self.rng.chance(30));
        let voters = (voters + more).min(SLOTS);
        let first = self.rng.below(SLOTS as u64) as Slot;
        let slots: Vec<Slot> = (0..SLOTS).map(|n| (first + n) % SLOTS).collect();
        let observers = usize::from(self.rng.chance(40));
        let parts = slots.iter().enumerate().take(voters + observers);
        self.wanted = parts
            .map(|(at, slot)| {
                let votes = at < voters;
                (*slot, if votes { Role::Voter } else { Role::Observer })
            })
            .collect();
    }

    /// Whether all that are wanted are members, and nobody else.
    pub(super) fn complete(&self, config: &Config) -> bool {
        if !self.options.by_clients {
            let (voters, members) = (config.voters().len(), config.members.len());
            return voters == self.desired && members == self.desired;
        }
        config.members.len() == self.wanted.len()
            && self.wanted.iter().all(|(slot, role)| {
                let id = self.servers[*slot].disk.member;
                config.member(id).is_some_and(|it| it.role == *role)
            })
    }

    pub(super) fn clients_operate(&mut self) {
        for client in 0..self.clients.len() {
            let up = matches!(self.clients[client].link, ClientLink::Up { .. });
            if up && self.rng.chance(20) {
                let requests = self.clients[client].look_at_members(self.now, &self.oracle);
                self.tell_of(client, requests);
            }
        }
        let views = self.servers.iter().filter_map(|it| it.node.as_ref()?.raft());
        let leading = views.filter(|raft| raft.leader() == Some(raft.id()));
        let Some(config) =
            leading.max_by_key(|raft| raft.term()).map(|raft| raft.committed_config().clone())
        else {
            return;
        };
        let (complete, whim) = (self.complete(&config), self.rng.chance(10));
        if complete && (self.calm || !whim) {
            return;
        }
        // Two at once now and then: one of them is told that another one is under way.
        for _ in 0..self.rng.between(1, 2) {
            let client = self.rng.below(self.clients.len() as u64) as usize;
            let up = matches!(self.clients[client].link, ClientLink::Up { .. });
            if let Some(ask) = self.ask(&config).filter(|_| up) {
                self.report.changes += 1;
                let now = self.now;
                let requests = self.clients[client].reconfigure(now, ask, &mut self.oracle);
                self.tell_of(client, requests);
            }
        }
    }

    fn tell_of(&mut self, client: usize, requests: Vec<Request>) {
        if let ClientLink::Up { slot, conn } = self.clients[client].link {
            for request in requests {
                self.tell_server(slot, Input::Request { conn, request });
            }
        }
    }

    /// What makes the wanted membership of this one; at least one server is given another port.
    fn ask(&mut self, config: &Config) -> Option<Ask> {
        self.last_ask += 1;
        let port = 10_000 + self.last_ask;
        let line = |slot: Slot, role: Role| {
            let role = match role {
                Role::Voter => "participant",
                Role::Learner | Role::Observer => "observer",
            };
            let (number, peer) = (slot + 1, operator::address(slot));
            format!("server.{number}={peer}:3888:{role};n{slot}:{port}")
        };
        // One whose disk was lost leaves before its successor joins.
        let stale = |slot: &Slot| {
            let id = self.servers[*slot].disk.member;
            let mut known = config.members.iter();
            known.any(|it| usize::from(it.server.0) == slot + 1 && it.id != id)
        };
        let wanted = self.wanted.iter().filter(|(slot, _)| !stale(slot));
        let mut wanted: Vec<(Slot, Role)> = wanted.map(|(slot, role)| (*slot, *role)).collect();
        if wanted.iter().all(|(_, role)| *role != Role::Voter) {
            // Who has the data votes on until a successor has it: nobody leaves the last voter out.
            let voters = config.members.iter().filter(|it| it.role == Role::Voter);
            let slots = voters.filter_map(|it| usize::from(it.server.0).checked_sub(1));
            let keeper = slots.filter(|slot| !stale(slot)).min()?;
            wanted.retain(|(slot, _)| *slot != keeper);
            wanted.push((keeper, Role::Voter));
        }
        let voters = wanted.iter().filter(|(_, role)| *role == Role::Voter);
        let voters: Vec<Slot> = voters.map(|(slot, _)| *slot).collect();
        let missing = wanted.iter().filter(|(slot, role)| {
            let id = self.servers[*slot].disk.member;
            config.member(id).is_none_or(|it| it.role != *role)
        });
        let mut joining: Vec<(Slot, Role)> = missing.copied().collect();
        let gone = config.members.iter().filter_map(|it| {
            let slot = usize::from(it.server.0).checked_sub(1)?;
            let stays = wanted.iter().any(|(other, _)| *other == slot);
            (!stays).then(|| format!("server.{}=", it.server.0))
        });
        let gone: Vec<String> = gone.collect();
        if joining.is_empty() {
            joining.push((*self.rng.pick(&voters)?, Role::Voter));
        }
        let whole = !voters.is_empty() && self.rng.chance(30);
        let servers = if whole { wanted } else { joining };
        let version = match self.rng.below(10) {
            0 => 1,
            1..=4 => self.oracle.configuration_version(),
            _ => -1,
        };
        let lines = servers.iter().map(|(slot, role)| line(*slot, *role));
        Some(Ask { marker: format!(":{port}"), lines: lines.collect(), gone, whole, version })
    }
}
