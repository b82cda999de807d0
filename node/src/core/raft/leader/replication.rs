//! The leader's sending (Raft §5.3): entries go to the members while its own disk still works on
//! them.

use std::sync::Arc;

use super::Leader;
use crate::core::entry::{Entry, Payload};
use crate::core::raft::config::Config;
use crate::core::raft::event::{LogWrite, Message, Output};
use crate::core::types::{Index, MemberId, Mono, Term};

impl Leader<'_> {
    /// Just elected: starts the term with an entry of its own.
    pub(in crate::core::raft) fn start_term(&mut self) {
        self.refresh_peers(Some(self.now));
        self.out.push(Output::RoleChanged);
        self.propose(vec![Payload::NewLeader]);
    }

    pub(super) fn refresh_peers(&mut self, heard: Option<Mono>) {
        self.leading.refresh_peers(self.settings.id, self.log, self.linked, heard);
    }

    /// Appends these to the log, and sends them.
    pub(in crate::core::raft) fn propose(&mut self, payloads: Vec<Payload>) {
        if payloads.is_empty() {
            return;
        }
        let configured = payloads.iter().any(|payload| matches!(payload, Payload::Config(_)));
        let mut index = self.log.last_index();
        let entry = |payload| {
            index = index.next();
            let payload = match payload {
                Payload::Config(config) => {
                    Payload::Config(Arc::new(Config { index, ..Config::clone(&config) }))
                }
                other => other,
            };
            Arc::new(Entry { term: self.term, index, payload })
        };
        let entries: Vec<Arc<Entry>> = payloads.into_iter().map(entry).collect();
        self.log.append(&entries, self.writes.next());
        self.writes.write(LogWrite::Append(entries), self.out);
        if configured {
            self.refresh_peers(Some(self.now));
            self.out.push(Output::Configured);
        }
        self.replicate_all(false);
    }

    /// Sends to everybody whatever may be sent. `beat`: at least an empty message.
    pub(super) fn replicate_all(&mut self, beat: bool) {
        let ids: Vec<MemberId> = self.leading.peers.keys().copied().collect();
        for id in ids {
            self.replicate(id, beat);
        }
    }

    /// Sends to one member whatever may be sent.
    pub(super) fn replicate(&mut self, to: MemberId, mut beat: bool) {
        let (term, window) = (self.term, &self.settings.window);
        let (commit, last) = (self.log.commit_index(), self.log.last_index());
        let round = self.leading.round;
        let Some(peer) = self.leading.peers.get_mut(&to).filter(|peer| peer.connected()) else {
            return;
        };
        while peer.may_send(window) && (peer.next() <= last || !peer.replicating()) {
            let prev_index = peer.next().prev();
            let Some(prev_term) = self.log.term_at(prev_index) else {
                let index = self.log.snapshot_index();
                peer.snapshot(index);
                self.out.push(Output::SendSnapshot { to, term, index });
                break;
            };
            let entries = self.log.batch(peer.next(), window.batch_entries, window.batch_bytes);
            let end = entries.last().map_or(prev_index, |entry| entry.index);
            peer.sent(end, entries.iter().map(|entry| entry.payload.weight()).sum());
            let message =
                Message::Append { term, prev_index, prev_term, entries, commit, last, round };
            self.out.push(Output::Send { to, message });
            beat = false;
        }
        if beat {
            // An empty message about what is certainly there; what is in flight is not repeated.
            let at = if peer.snapshotting() { peer.matched() } else { peer.next().prev() };
            let at = self.log.term_at(at).map(|term| (at, term));
            let (prev_index, prev_term) = at.unwrap_or((Index(0), Term(0)));
            let entries = Vec::new();
            let message =
                Message::Append { term, prev_index, prev_term, entries, commit, last, round };
            self.out.push(Output::Send { to, message });
        }
    }
}
