//! A simulated world whose servers somebody else starts, stops, breaks and makes members of: they are
//! asked and ordered in the JSON of the admin port, without a port.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::core::input::AdminRequest;
use crate::core::raft::config::Config;
use crate::core::types::{EnsembleId, MemberId};
use crate::shell::admin::calls::{self, CallJson};
use crate::shell::admin::status::{DiskDocument, StatusDocument};
use crate::sim::{Call, Progress, World};

/// The world. Servers have slots, from 0 on; all are off and blank at first.
#[derive(Debug)]
pub struct Driven {
    world: World,
}

/// A call that a server has taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Taken(Call);

/// What became of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Nothing yet.
    Waiting,
    /// It is done, now or before.
    Done,
    /// An HTTP status, and the error's name.
    Error(u16, &'static str),
    /// The server stopped before it answered: the outcome is unknown.
    Lost,
}

impl Driven {
    /// A world of so many clients, and of a server for each of these addresses, under which members
    /// reach each other. Network, disks and settings are drawn from the seed.
    pub fn new(seed: u64, clients: usize, peers: Vec<String>, trace: bool) -> Driven {
        Driven { world: World::driven(seed, clients, peers, trace) }
    }

    /// Milliseconds since the beginning.
    pub fn now(&self) -> u64 {
        self.world.now()
    }

    /// Goes on for so many milliseconds.
    ///
    /// # Errors
    /// When a client, the oracle or an invariant finds something wrong.
    pub fn go_on(&mut self, ms: u64) -> Result<(), String> {
        self.world.go_on(ms)
    }

    /// Starts a server from what its disk holds.
    ///
    /// # Errors
    /// When what it does at once is wrong.
    pub fn power_on(&mut self, slot: usize) -> Result<(), String> {
        self.world.power_on(slot)
    }

    /// Cuts a server's power: of what was not synced, anything may be lost.
    pub fn power_off(&mut self, slot: usize) {
        self.world.power_off(slot);
    }

    /// Whether a server runs.
    pub fn is_on(&self, slot: usize) -> bool {
        self.world.is_on(slot)
    }

    /// Gives a server a blank disk in the place of its own; its power is cut for that.
    pub fn replace_disk(&mut self, slot: usize) {
        self.world.replace_disk(slot);
    }

    /// Whether the ensemble survives the loss of this server's disk by design.
    pub fn spares_disk(&self, slot: usize) -> bool {
        self.world.spares_disk(slot)
    }

    /// Which incarnation a server's disk is.
    pub fn member(&self, slot: usize) -> MemberId {
        self.world.member(slot)
    }

    /// The ensembles that any disk belongs to.
    pub fn ensembles(&self) -> BTreeSet<EnsembleId> {
        self.world.ensembles()
    }

    /// The newest configuration that any running server knows to be committed.
    pub fn committed_config(&self) -> Option<&Config> {
        self.world.committed_config()
    }

    /// `/status`; nothing while the server is off or stands still.
    pub fn status(&self, slot: usize) -> Option<Value> {
        let disk = DiskDocument { size_bytes: 1 << 30, free_bytes: 1 << 29 };
        let status = self.world.status(slot)?;
        serde_json::to_value(StatusDocument::new(&status, disk, "")).ok()
    }

    /// `/readyz`: whether a server serves clients.
    pub fn ready(&self, slot: usize) -> bool {
        self.world.status(slot).is_some_and(|status| status.ready.is_ok())
    }

    /// Whether a server takes itself for the leader.
    pub fn leads(&self, slot: usize) -> bool {
        self.world.status(slot).is_some_and(|status| status.leader == Some(status.member))
    }

    /// POST of a call to the admin port; `None` while nobody is there to take it.
    ///
    /// # Errors
    /// When what it does at once is wrong, or the call is none, in words.
    pub fn call(&mut self, slot: usize, path: &str, body: &Value) -> Result<Option<Taken>, String> {
        let name =
            path.strip_prefix("/admin/").ok_or_else(|| format!("there is no call {path}"))?;
        let call = serde_json::from_value::<CallJson>(body.clone());
        let request = call.map_err(|error| error.to_string())?.request(name)?;
        Ok(self.world.ask_of(slot, request)?.map(Taken))
    }

    /// What SIGTERM begins: the server hands leadership over and lets its clients go.
    ///
    /// # Errors
    /// When what it does at once is wrong.
    pub fn drain(&mut self, slot: usize) -> Result<Option<Taken>, String> {
        Ok(self.world.ask_of(slot, AdminRequest::Drain)?.map(Taken))
    }

    /// What became of a call.
    pub fn answer(&self, call: Taken) -> Answer {
        match self.world.progress(call.0) {
            Progress::Waiting => Answer::Waiting,
            Progress::Lost => Answer::Lost,
            Progress::Answered(Ok(_)) => Answer::Done,
            Progress::Answered(Err(error)) => {
                let (code, name, _) = calls::explain(error);
                Answer::Error(code, name)
            }
        }
    }

    /// Packets from the first to the second of each pair are lost for so long.
    pub fn cut(&mut self, pairs: Vec<(usize, usize)>, for_ms: u64) {
        self.world.cut(pairs, for_ms);
    }

    /// A process stands still for so long.
    pub fn pause(&mut self, slot: usize, for_ms: u64) {
        self.world.pause(slot, for_ms);
    }

    /// Syncs of a server's disk take so long, for so long.
    pub fn slow_disk(&mut self, slot: usize, fsync_ms: u64, for_ms: u64) {
        self.world.slow_disk(slot, fsync_ms, for_ms);
    }

    /// Whether every client is connected and promptly answered.
    pub fn clients_are_served(&self) -> bool {
        self.world.clients_are_served()
    }

    /// Writes that clients were told took effect.
    pub fn acknowledged(&self) -> u64 {
        self.world.acknowledged()
    }

    /// Elections that were won.
    pub fn elections(&self) -> u64 {
        self.world.elections()
    }

    /// Asks every server that is ready for a write and a fresh read of every key. Clients say nothing
    /// any more afterwards.
    ///
    /// # Errors
    /// When something does not succeed in time, or is wrong.
    pub fn ask_all(&mut self) -> Result<(), String> {
        self.world.ask_all()
    }

    /// A hash over everything that happened: equal for equal seeds and equal orders.
    pub fn trace_hash(&self) -> u64 {
        self.world.trace_hash()
    }
}
