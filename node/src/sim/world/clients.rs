//! The clients' connections.

use super::super::client::Link as ClientLink;
use super::super::net::Slot;
use super::{Ev, World};
use crate::core::input::Input;
use crate::core::op::ServerFrame;
use crate::core::types::ConnId;

impl World {
    pub(super) fn client_slot(&self, client: usize, conn: ConnId) -> Option<Slot> {
        match self.clients[client].link {
            ClientLink::Up { slot, conn: own } | ClientLink::Connecting { slot, conn: own, .. }
                if own == conn =>
            {
                Some(slot)
            }
            _ => None,
        }
    }

    pub(super) fn reply(&mut self, conn: ConnId, frame: Option<ServerFrame>) {
        if let Some(client) = self.conns.get(&conn).copied() {
            self.at(1, Ev::ToClient { client, conn, frame });
        }
    }

    pub(super) fn tell_client(
        &mut self,
        client: usize,
        conn: ConnId,
        frame: Option<ServerFrame>,
    ) -> Result<(), String> {
        let Some(slot) = self.client_slot(client, conn) else {
            return Ok(());
        };
        match frame {
            Some(frame) => {
                let requests = self.clients[client].frame(self.now, frame, &mut self.oracle)?;
                for request in requests {
                    self.tell_server(slot, Input::Request { conn, request });
                }
            }
            None => self.hang_up(client),
        }
        Ok(())
    }

    pub(super) fn tell_server(&mut self, slot: Slot, input: Input) {
        let life = self.servers[slot].life;
        let at = (self.now + 1).max(self.servers[slot].last_to_server);
        self.servers[slot].last_to_server = at;
        let wait = at - self.now;
        self.at(wait, Ev::ToServer { slot, life, input: Box::new(input) });
    }

    pub(super) fn hang_up(&mut self, client: usize) {
        let (slot, conn) = match self.clients[client].link {
            ClientLink::Up { slot, conn } | ClientLink::Connecting { slot, conn, .. } => {
                (slot, conn)
            }
            ClientLink::Down { .. } => return,
        };
        self.conns.remove(&conn);
        self.clients[client].lost(self.now, &mut self.rng);
        self.tell_server(slot, Input::Disconnected { conn });
    }

    /// A client leaves without a word: its server goes on with what it was asked, and takes the
    /// connection for alive until it is told.
    fn move_on(&mut self, client: usize, slot: Slot, conn: ConnId) {
        self.conns.remove(&conn);
        self.clients[client].lost(self.now, &mut self.rng);
        let life = self.servers[slot].life;
        // Not before what is on its way to that server.
        let wait = self.servers[slot].last_to_server.saturating_sub(self.now) + 1;
        let delay = wait + self.rng.below(5_000);
        let input = Box::new(Input::Disconnected { conn });
        self.at(delay, Ev::ToServer { slot, life, input });
    }

    /// A client opens a connection.
    pub(super) fn open(&mut self, client: usize, slot: Slot) {
        self.last_conn += 1;
        let conn = ConnId(self.last_conn);
        self.conns.insert(conn, client);
        let request = self.clients[client].connect(slot, conn, self.now);
        let mut entropy = [0; 16];
        entropy[..8].copy_from_slice(&self.rng.word().to_be_bytes());
        let ip = std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);
        self.tell_server(slot, Input::Connected { conn, ip, subject: None, entropy: [0; 30] });
        self.tell_server(slot, Input::Connect { conn, request, entropy });
    }

    /// A client that only pings does so as late as it may; it never gives its server up.
    fn quiet_turn(&mut self, client: usize, slot: Slot, conn: ConnId) {
        let timeout_ms = u64::from(self.options.session_timeout_ms.unsigned_abs());
        self.at(timeout_ms - 1, Ev::Client(client));
        let (session, request) = self.clients[client].ping(self.now);
        self.spoke.insert(session, self.now + 1);
        self.tell_server(slot, Input::Request { conn, request });
    }

    pub(super) fn client_turn(&mut self, client: usize) {
        if self.mute {
            return;
        }
        if self.options.quiet
            && let ClientLink::Up { slot, conn } = self.clients[client].link
        {
            return self.quiet_turn(client, slot, conn);
        }
        let wait = self.rng.between(5, 60);
        self.at(wait, Ev::Client(client));
        if self.clients[client].gives_up(self.now) {
            return self.hang_up(client);
        }
        match self.clients[client].link {
            ClientLink::Down { until } if until <= self.now => {
                let slot = self.rng.below(self.servers.len() as u64) as Slot;
                if self.servers[slot].node.is_none() {
                    return;
                }
                self.open(client, slot);
            }
            ClientLink::Up { slot, conn } => {
                if !self.calm
                    && self.options.moves > 0
                    && self.rng.below(1_000) < self.options.moves
                {
                    return self.move_on(client, slot, conn);
                }
                let requests = self.clients[client].act(self.now, &self.oracle, &mut self.rng);
                for request in requests {
                    self.tell_server(slot, Input::Request { conn, request });
                }
            }
            _ => {}
        }
    }
}
