//! Committed entries and what they set off on this server, in this order for each entry: the
//! state changes, watches fire, the waiting client is answered. So a client is told of a change
//! before it can see it.

use super::Node;
use super::connection::Stage;
use crate::core::effect::{CloseReason, Effect, Note};
use crate::core::entry::{Action, Entry, Payload};
use crate::core::raft::event::SnapshotMeta;
use crate::core::state::{Opened, Outcome, State};
use crate::core::types::{ConnId, Now, SessionId};
use std::sync::Arc;

impl Node {
    pub(super) fn commit(&mut self, now: Now, entries: &[Arc<Entry>], out: &mut Vec<Effect>) {
        for entry in entries {
            let outcome = self.state.apply(entry);
            self.tell_overrun(out);
            self.snapshots.applied(entry.payload.weight());
            self.peers.applied(self.state.applied(), self.state.digest());
            self.digests.applied(self.state.zxid(), self.state.digest());
            if entry.payload == Payload::NewLeader {
                self.queue.settle(entry.term);
                self.abandon_reconfigs(out);
            }
            self.fire(outcome.zxid, &outcome.changes, out);
            if matches!(entry.payload, Payload::Config(_)) {
                self.answer_reconfigs(now, out);
            }
            if let Payload::Command(command) = &entry.payload {
                // Only what arrives while this server is in step is about as old as its stamp.
                if self.standing.serving() {
                    self.wall_watch.compare(entry.term, now.wall, command.wall);
                }
                // The stamp is the leader's clock: one that is ahead of ours must not count back.
                let millis = now.wall.0.saturating_sub(command.wall.0).max(0).unsigned_abs();
                out.push(Effect::Note(Note::Applied { millis }));
            }
            if let Some(opened) = &outcome.opened {
                self.session_opened(now, opened, out);
            }
            let own = match &entry.payload {
                Payload::Command(command) => self.own_request(command.origin),
                _ => None,
            };
            if let Some(target) = &outcome.accepted {
                self.reconfig_accepted(now, entry, own, target, out);
            } else if let Some((request, conn)) = own {
                self.answer_submitted(now, request, conn, entry, &outcome, out);
            }
            if let Some(session) = outcome.ended {
                self.session_ended(session, entry, out);
            }
        }
        self.pass_barriers(now, out);
    }

    /// Once an ensemble is enough.
    fn tell_overrun(&mut self, out: &mut Vec<Effect>) {
        let overrun = self.state.take_overrun();
        let leader = self.raft.as_ref().and_then(|raft| raft.leader());
        if let Some(overrun) = overrun.filter(|_| leader == Some(self.member)) {
            out.push(Effect::Note(Note::OverQuota(overrun)));
        }
    }

    /// Takes a request of this process off the queue; gives the connection that waits for it.
    fn own_request(&mut self, origin: Option<crate::core::entry::Origin>) -> Option<(u64, ConnId)> {
        let origin = origin.filter(|it| it.member == self.member && it.boot == self.boot)?;
        let conn = self.queue.resolve(origin.request);
        let conn = conn.or_else(|| self.reconfigs.take(origin.request))?;
        Some((origin.request, conn))
    }

    fn answer_submitted(
        &mut self,
        now: Now,
        request: u64,
        conn: ConnId,
        entry: &Entry,
        outcome: &Outcome,
        out: &mut Vec<Effect>,
    ) {
        let Some(connection) = self.connections.get_mut(conn) else {
            return;
        };
        if connection.stage == (Stage::Connecting { request }) {
            return self.handshake_done(now, conn, outcome.opened.as_ref(), out);
        }
        connection.resolve(request, outcome.zxid, outcome.result.clone());
        self.pump(now, conn, out);
        self.release_held(now, conn, out);
        if outcome.result.is_ok() && closes(entry) {
            self.close(conn, CloseReason::Goodbye, out);
        }
    }

    fn session_opened(&mut self, now: Now, opened: &Opened, out: &mut Vec<Effect>) {
        if self.raft.as_ref().is_some_and(|raft| raft.leader() == Some(self.member)) {
            self.expiry.open(opened.session, opened.timeout_ms, now.mono);
        }
        // Its connection here, if any, lost it to another one, here or elsewhere.
        if let Some(conn) = self.connections.of_session(opened.session) {
            self.close(conn, CloseReason::SessionMoved, out);
        }
        out.push(Effect::Note(Note::SessionCreated { session: opened.session }));
    }

    fn session_ended(&mut self, session: SessionId, entry: &Entry, out: &mut Vec<Effect>) {
        self.expiry.end(session);
        if let Some(conn) = self.connections.of_session(session) {
            let reason =
                if closes(entry) { CloseReason::Goodbye } else { CloseReason::SessionExpired };
            self.close(conn, reason, out);
        }
        out.push(Effect::Note(Note::SessionClosed { session }));
    }

    /// A received snapshot replaces the state. Nothing is known of what happened in between, so
    /// the clients reconnect and re-arm their watches by the last zxid that they saw.
    pub(super) fn restore(&mut self, _now: Now, meta: &SnapshotMeta, out: &mut Vec<Effect>) {
        let Some(snapshot) = self.snapshots.take_received(meta.index) else {
            out.push(Effect::Fatal(format!("no received snapshot at index {}", meta.index)));
            return;
        };
        self.close_all(CloseReason::NotServing, out);
        self.queue.clear();
        self.queue.settle(meta.term);
        self.state = State::restore(&snapshot.image);
        self.snapshots.installed(meta.index);
        self.peers.applied(self.state.applied(), self.state.digest());
        out.push(Effect::Note(Note::SnapshotInstalled { index: meta.index }));
    }
}

/// Whether the entry is a client's own farewell.
fn closes(entry: &Entry) -> bool {
    let Payload::Command(command) = &entry.payload else {
        return false;
    };
    matches!(command.action, Action::CloseSession { attach: Some(_), .. })
}
