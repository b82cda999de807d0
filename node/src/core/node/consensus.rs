//! What the consensus core is told, and what follows from what it wants done: above all, entries that are
//! committed and change the state of this server.

use std::sync::Arc;

use super::Node;
use super::ctx::{Birth, Ctx};
use super::ensemble::{Leadership, unknown_rules};
use super::replica::Replica;
use crate::core::effect::{CloseReason, Effect, Note};
use crate::core::entry::{Entry, Payload};
use crate::core::message::PeerMessage;
use crate::core::raft::Raft;
use crate::core::raft::event::{Boot, Output, SnapshotMeta};
use crate::core::types::{Index, Now};

impl Node {
    pub(super) fn begin(&mut self, now: Now, birth: Option<Birth>) {
        if let Some(birth) = birth {
            if let Some(snapshot) = &birth.recovered.snapshot {
                // A blank server has no clients: nobody has seen the state before it.
                self.replica = Replica::new(Some(snapshot));
                self.requests.settle(snapshot.meta.term);
            }
            self.start_consensus(now, birth);
        }
    }

    fn version_is(&mut self, now: Now, out: &mut Vec<Effect>) {
        let version = self.replica.state().version();
        self.ensemble.version_is(&mut cx!(self, now, out), version);
    }

    /// Brings the consensus core to life on a disk that belongs to an ensemble.
    pub(super) fn start_consensus(&mut self, now: Now, Birth { recovered, next_seq }: Birth) {
        let snapshot = recovered.snapshot.as_ref().map(|snapshot| snapshot.meta.clone());
        self.raft = Some(Raft::new(Boot {
            id: self.me.member,
            timing: self.options.timing,
            window: self.options.window,
            seed: self.me.boot,
            hard: recovered.hard,
            snapshot: snapshot.unwrap_or_default(),
            entries: recovered.entries,
            repairing: recovered.repairing,
            next_seq: next_seq.0,
            now: now.mono,
        }));
        self.ensemble.started(now.mono);
    }

    /// Runs the consensus core on what gathered.
    pub(super) fn run(&mut self, now: Now, out: &mut Vec<Effect>) {
        let mut outputs = Vec::new();
        while let Some(event) = self.events.pop_front() {
            let Some(raft) = &mut self.raft else { continue };
            raft.step(now.mono, event, &mut outputs);
            for output in outputs.drain(..) {
                self.act(now, output, out);
            }
        }
    }

    /// Does what the consensus core wants done.
    fn act(&mut self, now: Now, output: Output, out: &mut Vec<Effect>) {
        let version = self.raft.as_ref().map_or(Index(0), |raft| raft.config().index);
        let mut cx = cx!(self, now, out);
        match output {
            Output::Send { to, message } => {
                out.push(Effect::Peer { to, message: PeerMessage::Raft(message) });
            }
            Output::Write { seq, write } => out.push(Effect::Write { seq, write }),
            Output::Commit(entries) => self.commit(now, &entries, out),
            Output::Restore(meta) => self.restore(now, &meta, out),
            Output::SendSnapshot { to, term, index } => {
                out.push(Effect::SendSnapshot { to, term, index });
            }
            Output::ReadReady { id, index } => {
                self.requests.read_confirmed(&mut cx, id, Some(index));
                self.pass_barriers(now, out);
            }
            Output::ReadRefused { id, .. } => self.requests.read_confirmed(&mut cx, id, None),
            Output::ChangeDone { id, version } => {
                self.ensemble.own_change_ended(&mut cx, id, None);
                self.requests.call_done(&mut cx, id, version);
            }
            Output::ChangeRefused { id, refusal } | Output::TransferRefused { id, refusal } => {
                self.ensemble.own_change_ended(&mut cx, id, Some(refusal));
                self.requests.call_refused(&mut cx, id, refusal);
            }
            Output::TransferDone { id } => self.requests.call_done(&mut cx, id, version),
            Output::Repaired => out.push(Effect::Repaired),
            Output::Implausible { from, what } => {
                cx.note(Note::Implausible { member: from, what });
                cx.out.push(Effect::HangUp { member: from });
            }
            Output::RoleChanged => match self.ensemble.role_changed(&mut cx) {
                Some(Leadership::Taken) => self.replica.take_over(now),
                Some(Leadership::Elsewhere) => self.replica.stand_down(),
                None => {}
            },
            Output::Configured => self.ensemble.configured(&mut cx),
        }
    }

    /// Committed entries and what they set off on this server.
    fn commit(&mut self, now: Now, entries: &[Arc<Entry>], out: &mut Vec<Effect>) {
        for entry in entries {
            if let Some(why) = unknown_rules(&self.options, entry) {
                return out.push(Effect::Fatal(why));
            }
            self.commit_one(now, entry, out);
            self.hand_on(now);
        }
        self.pass_barriers(now, out);
    }

    fn commit_one(&mut self, now: Now, entry: &Entry, out: &mut Vec<Effect>) {
        let outcome = self.replica.apply(&mut cx!(self, now, out), entry);
        self.version_is(now, out);
        self.ensemble.applied(self.replica.place());
        if entry.payload == Payload::NewLeader {
            self.requests.settle(entry.term);
            for conn in self.ensemble.abandon_reconfigs() {
                self.clients.abandon(&mut cx!(self, now, out), conn);
            }
        }
        self.clients.fire(&mut cx!(self, now, out), outcome.zxid, &outcome.changes);
        self.hand_on(now);
        if matches!(entry.payload, Payload::Config(_)) {
            for (request, conn) in self.ensemble.reconfigured(self.replica.state()) {
                let mut cx = cx!(self, now, out);
                self.clients.reconfigured(&mut cx, self.replica.state(), conn, request);
            }
        }
        self.replica.compare_stamp(&mut cx!(self, now, out), entry);
        if let Some(opened) = &outcome.opened {
            self.replica.session_opened(&cx!(self, now, out), opened);
            self.clients.session_opened(&mut cx!(self, now, out), opened);
            self.hand_on(now);
            out.push(Effect::Note(Note::SessionCreated { session: opened.session }));
        }
        let origin = match &entry.payload {
            Payload::Command(command) => command.origin,
            _ => None,
        };
        let own =
            self.requests.resolve(&cx!(self, now, out), origin).and_then(|(request, conn)| {
                let conn = conn.or_else(|| self.ensemble.refused_reconfig(request))?;
                Some((request, conn))
            });
        if let Some(target) = &outcome.accepted {
            self.ensemble.reconfig_accepted(&mut cx!(self, now, out), entry, own, target);
        } else if let Some(own) = own {
            let mut cx = cx!(self, now, out);
            self.clients.resolve(&mut cx, self.replica.state(), own, entry, &outcome);
        }
        if let Some(session) = outcome.ended {
            self.replica.session_ended(session);
            self.clients.session_ended(&mut cx!(self, now, out), session, entry);
            out.push(Effect::Note(Note::SessionClosed { session }));
        }
    }

    /// A received snapshot replaces the state. Nothing is known of what happened in between, so
    /// the clients reconnect and re-arm their watches by the last zxid that they saw.
    fn restore(&mut self, now: Now, meta: &SnapshotMeta, out: &mut Vec<Effect>) {
        let Some(snapshot) = self.replica.take_received(meta.index) else {
            out.push(Effect::Fatal(format!("no received snapshot at index {}", meta.index)));
            return;
        };
        self.clients.close_all(&mut cx!(self, now, out), CloseReason::NotServing);
        self.hand_on(now);
        self.requests.restart(meta.term);
        self.replica.restore(&snapshot);
        self.version_is(now, out);
        self.ensemble.applied(self.replica.place());
        out.push(Effect::Note(Note::SnapshotInstalled { index: meta.index }));
    }
}
