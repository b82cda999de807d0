//! Servers: they start, step, are judged, and have their effects done.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::super::disk::Started;
use super::super::net::Slot;
use super::{Ev, World, programs};
use crate::codec::disk::journal::DiskOp;
use crate::core::effect::{CloseReason, Effect, Note};
use crate::core::entry::Entry;
use crate::core::input::{AdminError, Input};
use crate::core::node::{Luck, Node};
use crate::core::options::{Options, ReconfigPolicy};
use crate::core::raft::event::LogWrite;
use crate::core::types::{CallId, ConnId, Index, ServerId};

impl World {
    pub(super) fn start(&mut self, slot: Slot) -> Result<(), String> {
        if self.servers[slot].node.is_some() {
            return Ok(());
        }
        let boot = self.rng.word();
        let luck = Luck { boot, secret: (u128::from(boot) << 64).to_be_bytes() };
        let recovered = loop {
            match self.servers[slot].disk.start().map_err(|why| format!("n{slot}: {why}"))? {
                Started::Up(recovered) => break recovered,
                Started::Unknown(refusal) => {
                    self.note(slot, &format_args!("is replaced: {refusal}"));
                    self.servers[slot].disk = self.blank_disk();
                }
            }
        };
        if self.options.mixed && !self.judge_disk(slot, &recovered)? {
            self.servers[slot].disk.crash();
            self.refuse_start(slot);
            return Ok(());
        }
        let options = self.options_of(slot);
        let log = recovered.entries.iter().map(|entry| (entry.index, Arc::clone(entry))).collect();
        let whole = !recovered.repairing;
        let mut effects = Vec::new();
        let node = Node::new(options, recovered, luck, self.clock_of(slot), &mut effects);
        let server = &mut self.servers[slot];
        server.life += 1;
        server.log = log;
        server.whole = whole;
        server.applied = node.state().applied();
        server.links = Vec::new();
        server.node = Some(node);
        let life = server.life;
        self.note(slot, &"starts");
        self.at(10, Ev::Tick(slot, life));
        self.perform(slot, effects)
    }

    fn options_of(&self, slot: Slot) -> Options {
        let mut options = Options::new(ServerId(slot as u8 + 1));
        options.peer_address = self.peers[slot].clone();
        options.min_session_timeout_ms = 1_000;
        options.snapshot_every = self.options.snapshot_every;
        options.snapshot_keep = self.options.snapshot_keep;
        options.linearizable_reads = self.options.linearizable_reads;
        options.epoch_roll_at = self.options.epoch_roll_at;
        if self.options.mortal {
            options.reap_ms = 500;
        }
        if self.options.by_clients {
            options.reconfig = ReconfigPolicy::Clients { least_voters: 1 };
            options.skip_acl = true;
        }
        if self.options.narrow {
            options.turn_weight = 300;
            options.reply_window = 400;
        }
        if self.options.mixed {
            let program = self.servers[slot].program;
            options.can = programs::capabilities(program);
            if self.options.raised_by_setting && program > programs::FIRST {
                options.ensemble_version = Some(program);
            }
        }
        options
    }

    pub(super) fn stop(&mut self, slot: Slot) {
        self.servers[slot].life += 1;
        self.servers[slot].node = None;
        self.servers[slot].paused_until = 0;
        self.at(0, Ev::Resume(slot));
        for link in self.net.of(slot) {
            self.break_link(link);
        }
        let mine: Vec<(ConnId, usize)> =
            self.conns.iter().map(|(conn, client)| (*conn, *client)).collect();
        for (conn, client) in mine {
            if self.client_slot(client, conn) == Some(slot) {
                self.at(1, Ev::ToClient { client, conn, frame: None });
            }
        }
    }

    pub(super) fn step(&mut self, slot: Slot, input: Input) -> Result<(), String> {
        let now = self.clock_of(slot);
        let mut effects = Vec::new();
        let Some(node) = &mut self.servers[slot].node else {
            return Ok(());
        };
        node.step(now, input, &mut effects);
        self.perform(slot, effects)
    }

    pub(super) fn perform(&mut self, slot: Slot, effects: Vec<Effect>) -> Result<(), String> {
        if let (Some(print), Some(node)) = (&mut self.fingerprint, &self.servers[slot].node) {
            print.step(slot, &effects, node.state().applied(), node.state().digest());
        }
        // The log first: what was committed in this step is judged before any reply is looked at.
        for effect in &effects {
            if let Effect::Write { write, .. } = effect {
                mirror(&mut self.servers[slot].log, write);
                if let LogWrite::Append(entries) = write {
                    if self.options.mixed {
                        self.judge_raise(slot, entries)?;
                    }
                    let now = self.clock();
                    for entry in entries {
                        self.oracle.written(entry, now);
                    }
                }
            }
        }
        self.judge(slot)?;
        let life = self.servers[slot].life;
        for effect in effects {
            if self.servers[slot].life != life {
                break;
            }
            self.one_effect(slot, effect)?;
        }
        Ok(())
    }

    /// Holds a server against the oracle and the invariants.
    fn judge(&mut self, slot: Slot) -> Result<(), String> {
        let server = &mut self.servers[slot];
        let Some(node) = &server.node else {
            return Ok(());
        };
        let applied = node.state().applied();
        while server.applied < applied {
            let next = server.applied.next();
            match server.log.get(&next) {
                Some(entry) => self.oracle.committed(entry, self.now)?,
                // Covered by a snapshot that was installed: others applied it before.
                None if server.log.keys().next().is_none_or(|first| *first > next) => {}
                None => return Err(format!("n{slot} applied {next}, which it never wrote")),
            }
            server.applied = next;
        }
        server.applied = applied;
        self.oracle.check_state(applied, node.state().digest())?;
        self.invariants.check(node, server.disk.member).map_err(|why| format!("n{slot}: {why}"))
    }

    fn one_effect(&mut self, slot: Slot, effect: Effect) -> Result<(), String> {
        match effect {
            Effect::Client { conn, frame } => self.reply(conn, Some(frame)),
            Effect::Mark { conn, sent } => {
                self.tell_server(slot, Input::Flushed { conn, sent });
            }
            Effect::Again => self.tell_server(slot, Input::Again),
            Effect::Close { conn, reason } => {
                if reason == CloseReason::Protocol {
                    return Err(format!("n{slot} closed a connection: {reason:?}"));
                }
                self.reply(conn, None);
            }
            Effect::Peer { to, message } => self.send(slot, to, message)?,
            Effect::Links { hello, links } => self.relink(slot, hello, links)?,
            Effect::Adopt { seq, ensemble } => self.write(slot, DiskOp::Adopt { seq, ensemble }),
            Effect::Found { seq, snapshot } => {
                self.write(slot, DiskOp::Found { seq, snapshot });
            }
            Effect::Write { seq, write } => self.write(slot, DiskOp::Write { seq, write }),
            Effect::SaveSnapshot(snapshot) => {
                self.oracle.check_snapshot(&snapshot.meta)?;
                let life = self.servers[slot].life;
                self.servers[slot].disk.begin_save(&snapshot);
                let delay = self.rng.between(1, 500);
                self.at(delay, Ev::SnapshotStored { slot, life, snapshot });
            }
            Effect::SendSnapshot { to, term, index } => {
                self.send_snapshot(slot, to, term, index)?;
            }
            Effect::Repaired => {
                self.note(slot, &"is repaired");
                self.servers[slot].whole = true;
                self.write(slot, DiskOp::Repaired);
            }
            Effect::Version(version) => self.write(slot, DiskOp::Version(version)),
            Effect::Wipe => {
                self.note(slot, &"is wiped");
                self.stop(slot);
                let member = self.new_member();
                self.servers[slot].disk.ask_wipe(member);
                self.at(100, Ev::Start(slot));
            }
            Effect::HearPeer { link } => self.hear(link)?,
            Effect::HangUp { member } => {
                return Err(format!("n{slot} takes {member} for broken, though nobody is"));
            }
            Effect::Fatal(why) => return Err(format!("n{slot} stops: {why}")),
            Effect::Note(Note::Answered(_) | Note::Applied { .. } | Note::Fired { .. }) => {}
            Effect::Note(Note::BecameLeader { term }) => {
                self.invariants.lives_begin(slot, self.now);
                self.note(slot, &format_args!("leads term {term}"));
            }
            Effect::Note(Note::Paused { millis }) => {
                self.invariants.lives_begin(slot, self.now);
                self.note(slot, &format_args!("did not run for {millis} ms"));
            }
            Effect::Note(Note::SessionExpired { session }) => {
                let timeout_ms = u64::from(self.options.session_timeout_ms.unsigned_abs());
                self.invariants.may_expire(slot, self.now, timeout_ms)?;
                self.expired.push((session, self.now));
                self.note(slot, &format_args!("session {session} expires"));
            }
            Effect::Note(note) => self.note(slot, &format_args!("{note:?}")),
            Effect::AnswerAdmin { call, result } => self.answered(slot, call, result),
            // Answered within `dial`, which looks for them.
            Effect::AcceptPeer { .. } | Effect::RefusePeer { .. } | Effect::IgnorePeer { .. } => {}
        }
        Ok(())
    }

    fn write(&mut self, slot: Slot, op: DiskOp) {
        if self.servers[slot].disk.push(op) {
            self.sync(slot);
        }
    }

    fn answered(&mut self, slot: Slot, call: CallId, result: Result<Index, AdminError>) {
        self.note(slot, &format_args!("answers a call: {result:?}"));
        if let Some(answers) = &mut self.answers {
            answers.insert(call, result);
        }
    }

    pub(super) fn sync(&mut self, slot: Slot) {
        let (low, high) = self.options.fsync_ms;
        let drawn = self.rng.between(low, high);
        let delay = self.servers[slot].fsync_ms.unwrap_or(drawn);
        let life = self.servers[slot].life;
        self.at(delay, Ev::Synced(slot, life));
    }
}

/// Follows a log as it is written.
fn mirror(log: &mut BTreeMap<Index, Arc<Entry>>, write: &LogWrite) {
    match write {
        LogWrite::Append(entries) => {
            log.extend(entries.iter().map(|entry| (entry.index, Arc::clone(entry))));
        }
        LogWrite::Truncate(from) => {
            log.split_off(from);
        }
        LogWrite::InstallSnapshot(_) => log.clear(),
        LogWrite::Hard(_) | LogWrite::Compact(_) => {}
    }
}
