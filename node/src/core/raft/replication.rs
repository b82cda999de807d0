//! The leader's side of the log (Raft §5.3, §5.4.2): entries go to the members while its own disk
//! still works on them, and it counts itself only when that is done.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::config::Config;
use super::event::{Action, LogWrite, Message};
use super::progress::Progress;
use super::{Leading, Raft, Role, quorum, read_index};
use crate::core::entry::{Entry, Payload};
use crate::core::types::{Index, MemberId, Mono, Term};

/// Why a follower did not take an append.
pub(super) struct Rejection {
    /// The entry that it does not have as the leader has it.
    pub(super) prev_index: Index,
    /// The last entry of its own that may be the leader's, too.
    pub(super) hint: (Index, Term),
    pub(super) round: u64,
}

impl Raft {
    /// Elected: starts the term with an entry of its own.
    pub(super) fn lead(&mut self, now: Mono, out: &mut Vec<Action>) {
        self.leader = Some(self.id);
        self.heard = Some(now);
        let start = self.log.last_index().next();
        self.role = Role::Leader(Box::new(Leading {
            peers: BTreeMap::new(),
            start,
            round: 0,
            reads: read_index::Reads::default(),
            transfer: None,
            change: None,
            lingering: Vec::new(),
            next_heartbeat: now,
            next_check: now.plus(self.timing.election),
        }));
        self.refresh_peers(Some(now));
        out.push(Action::Turned);
        self.propose(now, vec![Payload::NewLeader], out);
    }

    /// Keeps progress for exactly the members of the configuration in force and those that are
    /// still being told that they left it.
    pub(super) fn refresh_peers(&mut self, heard: Option<Mono>) {
        let next = self.log.last_index().next();
        let Role::Leader(leading) = &mut self.role else {
            return;
        };
        let config = self.log.config();
        let mut ids: Vec<MemberId> = config.members.iter().map(|member| member.id).collect();
        ids.extend(&config.outgoing);
        ids.extend(leading.lingering.iter().map(|(member, _)| member.id));
        leading.peers.retain(|id, _| ids.contains(id));
        for id in ids.into_iter().filter(|id| *id != self.id) {
            let connected = self.linked.contains_key(&id);
            leading.peers.entry(id).or_insert_with(|| Progress::new(next, connected, heard));
        }
    }

    pub(super) fn propose(&mut self, now: Mono, payloads: Vec<Payload>, out: &mut Vec<Action>) {
        if !matches!(self.role, Role::Leader(_)) || payloads.is_empty() {
            return;
        }
        let mut index = self.log.last_index();
        let mut configured = false;
        let entries: Vec<Arc<Entry>> = payloads
            .into_iter()
            .map(|payload| {
                index = index.next();
                let payload = match payload {
                    Payload::Config(config) => {
                        configured = true;
                        let config = Config { index, ..Config::clone(&config) };
                        Payload::Config(Arc::new(config))
                    }
                    other => other,
                };
                Arc::new(Entry { term: self.hard.term, index, payload })
            })
            .collect();
        let seq = self.next_seq;
        self.log.append(&entries, seq);
        self.write(LogWrite::Append(entries), out);
        if configured {
            self.refresh_peers(Some(now));
            out.push(Action::Configured);
        }
        self.replicate_all(now, false, out);
    }

    /// Sends to everybody whatever may be sent. `beat`: at least an empty message.
    pub(super) fn replicate_all(&mut self, now: Mono, beat: bool, out: &mut Vec<Action>) {
        let Role::Leader(leading) = &self.role else {
            return;
        };
        let ids: Vec<MemberId> = leading.peers.keys().copied().collect();
        for id in ids {
            self.replicate(now, id, beat, out);
        }
    }

    /// Sends to one member whatever may be sent.
    pub(super) fn replicate(
        &mut self,
        _now: Mono,
        to: MemberId,
        mut beat: bool,
        out: &mut Vec<Action>,
    ) {
        let (term, commit, last) = (self.hard.term, self.log.commit_index(), self.log.last_index());
        let Role::Leader(leading) = &mut self.role else {
            return;
        };
        let round = leading.round;
        let Some(peer) = leading.peers.get_mut(&to) else {
            return;
        };
        if !peer.connected {
            return;
        }
        while peer.may_send(&self.window) && (peer.next <= last || !peer.replicating()) {
            let prev_index = peer.next.prev();
            let Some(prev_term) = self.log.term_at(prev_index) else {
                let index = self.log.snapshot_index();
                peer.snapshot(index);
                out.push(Action::SendSnapshot { to, term, index });
                break;
            };
            let entries =
                self.log.batch(peer.next, self.window.batch_entries, self.window.batch_bytes);
            let end = entries.last().map_or(prev_index, |entry| entry.index);
            peer.sent(end, entries.iter().map(|entry| entry.payload.weight()).sum());
            let message =
                Message::Append { term, prev_index, prev_term, entries, commit, last, round };
            out.push(Action::Send { to, message });
            beat = false;
        }
        if beat {
            // An empty message about what is certainly there; what is in flight is not repeated.
            let prev_index = if peer.snapshotting() { peer.matched } else { peer.next.prev() };
            let (prev_index, prev_term) = match self.log.term_at(prev_index) {
                Some(prev_term) => (prev_index, prev_term),
                None => (Index(0), Term(0)),
            };
            let entries = Vec::new();
            let message =
                Message::Append { term, prev_index, prev_term, entries, commit, last, round };
            out.push(Action::Send { to, message });
        }
    }

    pub(super) fn accepted(
        &mut self,
        now: Mono,
        from: MemberId,
        term: Term,
        matched: Index,
        round: u64,
        out: &mut Vec<Action>,
    ) {
        if term > self.hard.term {
            return self.follow(now, term, None, out);
        }
        let Some(peer) = self.answered(now, from, term, round) else {
            return;
        };
        let news = peer.accepted(matched);
        if news {
            self.advance_commit(now, out);
            self.push_transfer(from, out);
        }
        self.replicate(now, from, false, out);
        self.confirm_reads(now, out);
    }

    pub(super) fn rejected(
        &mut self,
        now: Mono,
        from: MemberId,
        term: Term,
        rejection: Rejection,
        out: &mut Vec<Action>,
    ) {
        let Rejection { prev_index, hint, round } = rejection;
        if term > self.hard.term {
            return self.follow(now, term, None, out);
        }
        let meets = self.log.last_not_above(hint.0, hint.1).0;
        let Some(peer) = self.answered(now, from, term, round) else {
            return;
        };
        if prev_index <= peer.matched && peer.regressed(prev_index, meets) {
            self.replicate(now, from, false, out);
            return self.confirm_reads(now, out);
        }
        let about_now = prev_index > peer.matched && prev_index < peer.next;
        if about_now && !peer.snapshotting() {
            peer.rejected(meets.next().min(prev_index));
            self.replicate(now, from, false, out);
        }
        self.confirm_reads(now, out);
    }

    /// A member answered in our term: it hears us.
    fn answered(
        &mut self,
        now: Mono,
        from: MemberId,
        term: Term,
        round: u64,
    ) -> Option<&mut Progress> {
        if term != self.hard.term {
            return None;
        }
        let Role::Leader(leading) = &mut self.role else {
            return None;
        };
        let peer = leading.peers.get_mut(&from)?;
        peer.heard = Some(now);
        peer.round = peer.round.max(round);
        Some(peer)
    }

    /// Commits what a quorum holds durably, but only by counting entries of this term
    /// (Raft §5.4.2).
    pub(super) fn advance_commit(&mut self, now: Mono, out: &mut Vec<Action>) {
        let Role::Leader(leading) = &self.role else {
            return;
        };
        let own = self.log.durable_index();
        let matched = |id: MemberId| {
            if id == self.id { own.0 } else { leading.peers.get(&id).map_or(0, |it| it.matched.0) }
        };
        let index = Index(quorum::agreed(self.log.config(), matched));
        if index <= self.log.commit_index() || self.log.term_at(index) != Some(self.hard.term) {
            return;
        }
        self.commit_to(index, out);
        self.configuration_committed(now, out);
        self.replicate_all(now, true, out);
        self.confirm_reads(now, out);
    }

    pub(super) fn tick_leader(&mut self, now: Mono, out: &mut Vec<Action>) {
        let election = self.timing.election;
        let Role::Leader(leading) = &mut self.role else {
            return;
        };
        if now >= leading.next_check {
            leading.next_check = now.plus(election / 4);
            let fresh = |id: MemberId| {
                id == self.id
                    || leading
                        .peers
                        .get(&id)
                        .and_then(|peer| peer.heard)
                        .is_some_and(|at| now.since(at) <= election)
            };
            if !quorum::reached(self.log.config(), fresh) {
                self.step_down(out);
                self.rest(now);
                return;
            }
        }
        self.tick_transfer(now, out);
        let Role::Leader(leading) = &mut self.role else {
            return;
        };
        let lingering = leading.lingering.len();
        leading.lingering.retain(|(_, until)| *until > now);
        if leading.lingering.len() != lingering {
            self.refresh_peers(None);
            out.push(Action::Configured);
        }
        let Role::Leader(leading) = &mut self.role else {
            return;
        };
        if now >= leading.next_heartbeat {
            leading.next_heartbeat = now.plus(self.timing.heartbeat);
            leading.round += 1;
            for peer in leading.peers.values_mut() {
                peer.probe_again();
            }
            self.replicate_all(now, true, out);
            self.confirm_reads(now, out);
        }
    }
}
