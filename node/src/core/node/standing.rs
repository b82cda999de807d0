//! Whether this server serves clients, how it stops, and what it says about itself.

use super::Node;
use crate::core::effect::{CloseReason, Effect, Note};
use crate::core::raft::config::Role;
use crate::core::raft::event::Event;
use crate::core::raft::{Raft, ServerState};
use crate::core::status::{DataState, Peer, RoleName, StateCounts, Status, WatchCounts};
use crate::core::types::{CallId, ConnId, Index, MemberId, Mono, Now, Term};

/// After this long, a drain closes what is left, in milliseconds.
const DRAIN_MS: u64 = 8_000;
/// How often a drain closes a batch, in milliseconds.
const DRAIN_STEP_MS: u64 = 100;
/// How often a drain asks again to hand leadership over, in milliseconds.
const HAND_OVER_MS: u64 = 1_000;
/// What the leader said about sparing us is worth this long, in milliseconds.
const SPARED_MS: u64 = 3_000;

#[derive(Debug)]
struct Drain {
    calls: Vec<CallId>,
    since: Mono,
    stepped: Mono,
    asked: Option<Mono>,
}

/// How this server stands.
#[derive(Debug)]
pub(super) struct Standing {
    serving: bool,
    /// When a leader was last known to be alive.
    good: Mono,
    drain: Option<Drain>,
    /// Free space is below the watermark: no new data.
    pub(super) disk_low: bool,
    /// Memory runs short: no new data.
    pub(super) memory_low: bool,
    leader: Option<MemberId>,
    term: Term,
    leading_since: Option<Mono>,
}

impl Standing {
    pub(super) fn new(now: Mono) -> Standing {
        Standing {
            serving: false,
            good: now,
            drain: None,
            disk_low: false,
            memory_low: false,
            leader: None,
            term: Term(0),
            leading_since: None,
        }
    }

    pub(super) fn started(&mut self, now: Mono) {
        self.good = now;
    }

    pub(super) fn serving(&self) -> bool {
        self.serving
    }

    pub(super) fn draining(&self) -> bool {
        self.drain.is_some()
    }
}

impl Node {
    /// Role, leader or term changed.
    pub(super) fn turned(&mut self, now: Now, out: &mut Vec<Effect>) {
        let Some(raft) = &self.raft else { return };
        let (leader, term) = (raft.leader(), raft.term());
        if (leader, term) == (self.standing.leader, self.standing.term) {
            return;
        }
        self.standing.leader = leader;
        self.standing.term = term;
        self.standing.leading_since = None;
        self.peers.spared = None;
        match leader {
            Some(leader) if leader == self.member => {
                self.standing.leading_since = Some(now.mono);
                self.watch_all_sessions(now);
                self.wall_watch.take_over(now.wall);
                out.push(Effect::Note(Note::BecameLeader { term }));
            }
            Some(leader) => {
                self.expiry.stop();
                out.push(Effect::Note(Note::Following { leader, term }));
            }
            None => {
                self.expiry.stop();
                out.push(Effect::Note(Note::NoLeader { term }));
            }
        }
    }

    pub(super) fn tick_standing(&mut self, now: Now, out: &mut Vec<Effect>) {
        self.form_static_list(now, out);
        self.refresh_serving(now, out);
        self.tick_drain(now, out);
    }

    /// Serving starts when all that was committed before the present leader is applied here, and
    /// ends when no leader was heard for too long: a server that is cut off must let its clients
    /// go while their sessions still live.
    fn refresh_serving(&mut self, now: Now, out: &mut Vec<Effect>) {
        let Some(raft) = &self.raft else { return };
        let removed = raft.server_state() == ServerState::Removed;
        let contact = raft.leader_contact(now.mono);
        let alive = raft.leader().is_some()
            && contact.is_some_and(|ms| ms <= 2 * self.options.timing.election);
        if alive {
            self.standing.good = now.mono;
        }
        let settled = self.queue.settled() == raft.term() && !raft.repairing();
        if self.standing.serving {
            let lost = now.mono.since(self.standing.good) > self.options.leaderless_grace_ms;
            if lost || removed {
                self.standing.serving = false;
                self.close_all(CloseReason::NotServing, out);
            }
        } else if alive && settled && !removed {
            self.standing.serving = true;
        }
    }

    pub(super) fn start_drain(&mut self, now: Now, call: CallId, out: &mut Vec<Effect>) {
        let drain = self.standing.drain.get_or_insert(Drain {
            calls: Vec::new(),
            since: now.mono,
            stepped: Mono(0),
            asked: None,
        });
        drain.calls.push(call);
        self.tick_drain(now, out);
    }

    /// Hands leadership over, then lets clients go in small batches, those without requests in
    /// progress first, so that they move without a storm.
    fn tick_drain(&mut self, now: Now, out: &mut Vec<Effect>) {
        let Some(drain) = &mut self.standing.drain else {
            return;
        };
        let late = now.mono.since(drain.since) >= DRAIN_MS;
        let leads = self.raft.as_ref().is_some_and(|raft| raft.leader() == Some(self.member));
        let successor = self.raft.as_ref().and_then(|raft| best_successor(raft, now.mono));
        if let (true, false, Some(target)) = (leads, late, successor) {
            if drain.asked.is_none_or(|asked| now.mono.since(asked) >= HAND_OVER_MS) {
                drain.asked = Some(now.mono);
                let id = self.calls.number(None);
                self.events.push_back(Event::Transfer { id, target });
            }
            return;
        }
        if now.mono.since(drain.stepped) < DRAIN_STEP_MS {
            return;
        }
        drain.stepped = now.mono;
        let open: Vec<(ConnId, bool)> = self
            .connections
            .iter()
            .filter(|(_, connection)| connection.stage != super::connection::Stage::Closing)
            .map(|(conn, connection)| (conn, connection.outstanding() == 0))
            .collect();
        if open.is_empty() {
            let calls = self.standing.drain.as_mut().map(|drain| std::mem::take(&mut drain.calls));
            for call in calls.unwrap_or_default() {
                out.push(Effect::AnswerAdmin { call, result: Ok(Index(0)) });
            }
            return;
        }
        let batch = if late { open.len() } else { open.len().div_ceil(10) };
        let idle = open.iter().filter(|(_, idle)| *idle || late).map(|(conn, _)| *conn);
        for conn in idle.take(batch).collect::<Vec<ConnId>>() {
            self.close(conn, CloseReason::Draining, out);
        }
    }

    /// Why this server is not ready, if it is not.
    fn readiness(&self, now: Now) -> Result<(), String> {
        let Some(raft) = &self.raft else {
            return Err("blank: waiting to be formed or adopted".to_owned());
        };
        if self.standing.draining() {
            return Err("draining".to_owned());
        }
        if raft.server_state() == ServerState::Removed {
            return Err("removed from the ensemble".to_owned());
        }
        if raft.repairing() {
            return Err("repairing a damaged log from the other members".to_owned());
        }
        if !self.standing.serving {
            return Err("not in contact with a live leader yet".to_owned());
        }
        let contact = raft.leader_contact(now.mono);
        if contact.is_none_or(|ms| ms > 2 * self.options.timing.election) {
            return Err("no leader heard lately".to_owned());
        }
        let lag = raft.commit_index().0.saturating_sub(self.state.applied().0);
        if lag > self.options.ready_lag {
            return Err(format!("{lag} entries behind"));
        }
        Ok(())
    }

    fn safety_of_stopping(&self, now: Now) -> Result<(), String> {
        let Some(raft) = &self.raft else {
            return Ok(());
        };
        if !raft.config().votes(self.member) {
            return Ok(());
        }
        let spared = if raft.leader() == Some(self.member) {
            raft.quorum_without(now.mono, self.member)
        } else {
            match self.peers.spared {
                Some((spared, at)) => spared && now.mono.since(at) <= SPARED_MS,
                None => return Err("no leader has confirmed it lately".to_owned()),
            }
        };
        if spared { Ok(()) } else { Err("the others would not be a quorum".to_owned()) }
    }

    fn role_name(&self) -> RoleName {
        let Some(raft) = &self.raft else {
            return RoleName::Blank;
        };
        match raft.server_state() {
            ServerState::Leader => RoleName::Leader,
            ServerState::Follower => RoleName::Follower,
            ServerState::Candidate => RoleName::Candidate,
            ServerState::Removed => RoleName::Removed,
            ServerState::Learner => match raft.config().member(self.member).map(|it| it.role) {
                Some(Role::Observer) => RoleName::Observer,
                _ => RoleName::Learner,
            },
        }
    }

    /// What this server says about itself.
    pub(crate) fn status(&self, now: Now) -> Status {
        let raft = self.raft.as_ref();
        let counts = self.state.counts();
        let data = match raft {
            None => DataState::Blank,
            Some(raft) if raft.server_state() == ServerState::Removed => DataState::Removed,
            Some(raft) if raft.repairing() => DataState::Corrupt,
            Some(_) => DataState::Member,
        };
        let config = raft.map(|raft| raft.config().clone()).unwrap_or_default();
        let pending = raft.is_some_and(|raft| config.joint() || config.index > raft.commit_index());
        let index = |get: fn(&Raft) -> Index| raft.map_or(Index(0), get);
        Status {
            server: self.options.server,
            member: self.member,
            ensemble: self.ensemble,
            data,
            role: self.role_name(),
            term: raft.map_or(Term(0), Raft::term),
            leader: raft.and_then(Raft::leader),
            leader_contact_ms: raft.and_then(|raft| raft.leader_contact(now.mono)),
            commit: index(Raft::commit_index),
            applied: self.state.applied(),
            last: index(Raft::last_index),
            first: index(Raft::first_index),
            zxid: self.state.zxid(),
            pending,
            peers: raft.map(|raft| peers_of(raft, now.mono)).unwrap_or_default(),
            serving: self.standing.serving && !self.standing.draining(),
            read_only: self.reads_only(),
            ready: self.readiness(now),
            safe_to_stop: self.safety_of_stopping(now),
            draining: self.standing.draining(),
            counts: StateCounts {
                znodes: counts.znodes,
                ephemerals: counts.ephemerals,
                sessions: counts.sessions,
                data_bytes: counts.data_bytes,
            },
            digest: self.state.digest(),
            connections: self.connections.iter().count(),
            watches: self.watch_counts(),
            outstanding: self.connections.outstanding(),
            pending_syncs: self.barriers.pending(),
            leading_ms: self.standing.leading_since.map(|since| now.mono.since(since)),
            config,
        }
    }

    fn watch_counts(&self) -> WatchCounts {
        let counts = self.watches.counts();
        WatchCounts {
            connections: counts.connections,
            paths: counts.paths,
            watches: counts.watches,
        }
    }
}

fn peers_of(raft: &Raft, now: Mono) -> Vec<Peer> {
    if raft.server_state() != ServerState::Leader {
        return Vec::new();
    }
    let describe = |view: crate::core::raft::PeerView| Peer {
        id: view.id,
        matched: view.matched,
        connected: view.connected,
        last_contact_ms: view.last_contact_ms,
        snapshotting: view.snapshotting,
    };
    raft.peers(now).into_iter().map(describe).collect()
}

/// The voter to hand leadership to: connected, and the furthest.
fn best_successor(raft: &Raft, now: Mono) -> Option<MemberId> {
    let config = raft.config();
    let voter = |id: MemberId| config.member(id).is_some_and(|member| member.role == Role::Voter);
    let fit = |view: &crate::core::raft::PeerView| {
        view.id != raft.id() && view.connected && voter(view.id)
    };
    raft.peers(now).into_iter().filter(fit).max_by_key(|view| view.matched).map(|view| view.id)
}
