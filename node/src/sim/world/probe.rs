//! The last question of a run: does every member that is ready take a write of every key, and show it
//! to a fresh read?

use super::super::client::{Link as ClientLink, SimClient};
use super::super::net::Slot;
use super::World;
use crate::core::input::Input;
use crate::core::status::Status;

/// How long the answers to it may take, in milliseconds.
const PROBE_MS: u64 = 10_000;

impl World {
    /// Asks each member that is ready, one after the other, by a client of its own. The others say
    /// nothing meanwhile, so that nobody deletes what is asked for.
    pub(super) fn probe(&mut self) -> Result<(), String> {
        self.mute = true;
        self.until_all_are_answered("before the probe")?;
        for slot in self.ready() {
            let client = self.prober(slot);
            let deadline = self.now + PROBE_MS;
            self.run_until(deadline, |world| {
                let last = world.clients.last();
                last.is_some_and(|it| matches!(it.link, ClientLink::Up { .. }))
            })?;
            let ClientLink::Up { conn, .. } = self.clients[client].link else {
                let what = self.describe();
                return Err(format!(
                    "at {}: n{slot} is ready, but gives no session: {what}",
                    self.now
                ));
            };
            for request in self.clients[client].probe(self.now, &self.oracle) {
                self.tell_server(slot, Input::Request { conn, request });
            }
            self.until_all_are_answered(&format!("by n{slot}"))?;
            self.report.probes += 1;
        }
        Ok(())
    }

    /// Members of the leader's configuration that are ready: any other may be wiped meanwhile.
    fn ready(&self) -> Vec<Slot> {
        let now = self.clock();
        let all = self.servers.iter().enumerate();
        let all = all.filter_map(|(slot, it)| Some((slot, it.node.as_ref()?.status(now))));
        let all: Vec<_> = all.collect();
        let leader = all.iter().find(|(_, it)| it.leader == Some(it.member));
        let Some((_, leader)) = leader else { return Vec::new() };
        let config = &leader.config;
        let asked = |it: &Status| it.ready.is_ok() && config.member(it.member).is_some();
        all.iter().filter(|(_, it)| asked(it)).map(|(slot, _)| *slot).collect()
    }

    /// A new client, on its way to that server.
    fn prober(&mut self, slot: Slot) -> usize {
        let client = self.clients.len();
        let (timeout_ms, fresh) =
            (self.options.session_timeout_ms, self.options.linearizable_reads);
        self.clients.push(SimClient::new(client, &self.keys, timeout_ms, fresh));
        self.open(client, slot);
        client
    }

    fn until_all_are_answered(&mut self, whom: &str) -> Result<(), String> {
        let answered = |world: &World| world.clients.iter().all(SimClient::idle);
        let deadline = self.now + PROBE_MS;
        self.run_until(deadline, answered)?;
        if answered(self) {
            return Ok(());
        }
        Err(format!("at {}: not all was answered {whom}: {}", self.now, self.describe()))
    }
}
