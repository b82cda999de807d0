//! What this server says about itself, put together from what each wing knows.

use super::Node;
use super::replica::{EphemeralLine, SessionLine};
use crate::core::raft::config::Role;
use crate::core::raft::{PeerView, Raft, ServerState};
use crate::core::status::{Connection, DataState, Peer, RoleName, StateCounts, Status};
use crate::core::types::{ConnId, Index, Mono, Now, SessionId, Term, Zxid};
use crate::core::watch::Armed;

impl Node {
    /// What this server says about itself.
    pub(crate) fn status(&self, now: Now) -> Status {
        let raft = self.raft.as_ref();
        let state = self.replica.state();
        let counts = state.counts();
        let service = self.ensemble.service(&self.options, raft);
        let config = raft.map(|raft| raft.config().clone()).unwrap_or_default();
        let pending = raft.is_some_and(|raft| config.joint() || config.index > raft.commit_index());
        let index = |get: fn(&Raft) -> Index| raft.map_or(Index(0), get);
        let applied = state.applied();
        Status {
            server: self.options.server,
            member: self.me.member,
            ensemble: self.ensemble.id(),
            data: match self.ensemble.elsewhere() {
                Some(_) => DataState::Elsewhere,
                None => data_state(raft),
            },
            elsewhere: self.ensemble.elsewhere().map(str::to_owned),
            role: self.role_name(),
            term: raft.map_or(Term(0), Raft::term),
            leader: raft.and_then(Raft::leader),
            leader_contact_ms: raft.and_then(|raft| raft.leader_contact(now.mono)),
            commit: index(Raft::commit_index),
            applied,
            last: index(Raft::last_index),
            first: index(Raft::first_index),
            zxid: state.zxid(),
            pending,
            peers: raft.map(|raft| self.peers_of(raft, now.mono)).unwrap_or_default(),
            version: state.version(),
            newest_version: self.options.can.newest,
            serving: service.serving && !service.draining,
            read_only: service.read_only,
            ready: self.ensemble.readiness(now, &self.options, raft, applied),
            safe_to_stop: self.ensemble.safety_of_stopping(now, self.me.member, raft),
            draining: service.draining,
            counts: StateCounts {
                znodes: counts.znodes,
                ephemerals: counts.ephemerals,
                sessions: counts.sessions,
                data_bytes: counts.data_bytes,
            },
            digest: state.digest(),
            connections: self.clients.count(),
            watches: self.clients.watch_counts(),
            outstanding: self.clients.outstanding(),
            pending_syncs: self.requests.pending_barriers(),
            leading_ms: self.ensemble.leading_ms(now.mono),
            config,
        }
    }

    fn peers_of(&self, raft: &Raft, now: Mono) -> Vec<Peer> {
        if raft.server_state() != ServerState::Leader {
            return Vec::new();
        }
        let describe = |view: PeerView| Peer {
            id: view.id,
            matched: view.matched,
            connected: view.connected,
            last_contact_ms: view.last_contact_ms,
            snapshotting: view.snapshotting,
            behind_ms: view.behind_ms,
            newest_version: self.ensemble.newest_of(view.id),
        };
        raft.peers(now).into_iter().map(describe).collect()
    }

    fn role_name(&self) -> RoleName {
        if self.ensemble.elsewhere().is_some() {
            return RoleName::Elsewhere;
        }
        let Some(raft) = &self.raft else {
            return RoleName::Blank;
        };
        match raft.server_state() {
            ServerState::Leader => RoleName::Leader,
            ServerState::Follower => RoleName::Follower,
            ServerState::Candidate => RoleName::Candidate,
            ServerState::Removed => RoleName::Removed,
            ServerState::Learner => match raft.config().member(self.me.member).map(|it| it.role) {
                Some(Role::Observer) => RoleName::Observer,
                _ => RoleName::Learner,
            },
        }
    }

    /// Client connections in pages, by number.
    pub(crate) fn connections_page(&self, after: Option<ConnId>) -> Vec<Connection> {
        self.clients.connections_page(after)
    }

    /// Watches in pages, by path or by connection, each with the session of its connection.
    pub(crate) fn watches_page(
        &self,
        by_path: bool,
        after: Option<&Armed>,
    ) -> Vec<(Armed, SessionId)> {
        self.clients.watches_page(by_path, after)
    }

    /// Sessions of the ensemble in pages, by id.
    pub(crate) fn sessions_page(&self, now: Mono, after: Option<SessionId>) -> Vec<SessionLine> {
        self.replica.sessions_page(now, after)
    }

    /// Ephemeral znodes in pages, by session.
    pub(crate) fn ephemerals_page(&self, after: Option<(SessionId, u32)>) -> Vec<EphemeralLine> {
        self.replica.ephemerals_page(after)
    }

    /// Digests of the replicated state at every 128th transaction, oldest first.
    pub(crate) fn digest_history(&self) -> Vec<(Zxid, u64)> {
        self.replica.digest_history()
    }
}

fn data_state(raft: Option<&Raft>) -> DataState {
    match raft {
        None => DataState::Blank,
        Some(raft) if raft.server_state() == ServerState::Removed => DataState::Removed,
        Some(raft) if raft.repairing() => DataState::Corrupt,
        Some(_) => DataState::Member,
    }
}
