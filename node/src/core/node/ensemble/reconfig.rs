//! Reconfigs by clients: waiting for their outcome here, and, as leader, carrying one out.
//!
//! A reconfig goes through the log twice: as a request, which is judged and accepted there, and as
//! the configuration that comes of it, which is its answer. What is between is the leader's: it asks
//! the servers that join for their ids, lets them catch up as learners, and proposes one change. Of
//! a leader that is lost meanwhile nobody knows how far it was: then the client's connection is
//! closed, as after any write whose outcome is not known.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;

use super::super::ctx::Ctx;
use super::Ensemble;
use crate::core::effect::Link;
use crate::core::entry::{Action, Command, Entry, Origin, Payload};
use crate::core::message::Hello;
use crate::core::op::ErrorCode;
use crate::core::options::{ReconfigPolicy, StaticServer};
use crate::core::raft::config::{Member, Role};
use crate::core::raft::event::{Change, Event, Refusal};
use crate::core::state::{State, Target};
use crate::core::types::{ConnId, EnsembleId, MemberId, Mono, ServerId, Term};

/// So long nothing may be heard of a server that joins, in milliseconds.
const SILENCE_MS: u64 = 10_000;
/// So long a reconfig may take in all, in milliseconds.
const TOTAL_MS: u64 = 600_000;
/// Between two attempts, in milliseconds.
const AGAIN_MS: u64 = 100;

/// An accepted reconfig of a client of this server.
#[derive(Debug)]
struct Waiting {
    request: u64,
    conn: ConnId,
    target: Target,
}

/// The reconfig that this leader carries out.
#[derive(Debug)]
struct Carried {
    origin: Option<Origin>,
    term: Term,
    target: Target,
    /// Ids of servers that join, by what they answered.
    found: BTreeMap<ServerId, MemberId>,
    began: Mono,
    /// When it last got on.
    progress: Mono,
    next: Mono,
    call: Option<Step>,
}

/// A change that is asked of the consensus core.
#[derive(Clone, Copy, Debug)]
struct Step {
    id: u64,
    last: bool,
}

/// What this server knows of reconfigs.
#[derive(Debug, Default)]
pub(super) struct Reconfigs {
    waiting: Vec<Waiting>,
    carried: Option<Carried>,
    /// To be told as soon as this leader takes proposals.
    refusals: Vec<(Origin, ErrorCode)>,
    /// A change for the sake of order: observers of the static list come, left learners go.
    upkeep: Option<u64>,
}

impl Reconfigs {
    /// A connection is gone.
    pub(super) fn drop_conn(&mut self, conn: ConnId) {
        self.waiting.retain(|it| it.conn != conn);
    }

    /// The connection that waits for this request, which is over.
    pub(super) fn take(&mut self, request: u64) -> Option<ConnId> {
        let at = self.waiting.iter().position(|it| it.request == request)?;
        Some(self.waiting.swap_remove(at).conn)
    }

    /// A server said who it is.
    pub(super) fn answered(&mut self, address: &str, hello: &Hello, ours: Option<EnsembleId>) {
        let Some(carried) = &mut self.carried else {
            return;
        };
        // One that was of this ensemble and was removed may come back as it is.
        let free = hello.ensemble.is_none() || hello.ensemble == ours;
        let mut target = carried.target.iter();
        if free && target.any(|it| it.peer == address && it.server == hello.server) {
            carried.found.insert(hello.server, hello.from);
        }
    }
}

impl Ensemble {
    /// One was accepted, at its place in the log. `own`: by a client of this server.
    pub(in crate::core::node) fn reconfig_accepted(
        &mut self,
        cx: &mut Ctx<'_>,
        entry: &Entry,
        own: Option<(u64, ConnId)>,
        target: &Target,
    ) {
        if let Some((request, conn)) = own {
            self.reconfigs.waiting.push(Waiting { request, conn, target: Target::clone(target) });
        }
        let Payload::Command(command) = &entry.payload else {
            return;
        };
        let Some(raft) = cx.raft else { return };
        if raft.leader() != Some(cx.me.member) || raft.term() != entry.term {
            return;
        }
        if self.reconfigs.carried.is_some() {
            let refused = command.origin.map(|it| (it, ErrorCode::ReconfigInProgress));
            self.reconfigs.refusals.extend(refused);
            return;
        }
        self.reconfigs.carried = Some(Carried {
            origin: command.origin,
            term: entry.term,
            target: Target::clone(target),
            found: BTreeMap::new(),
            began: cx.now.mono,
            progress: cx.now.mono,
            next: cx.now.mono,
            call: None,
        });
        self.refresh_links(cx);
        self.carry_on(cx);
    }

    /// A configuration was applied: whoever asked for it has it. Gives their requests and connections.
    pub(in crate::core::node) fn reconfigured(&mut self, state: &State) -> Vec<(u64, ConnId)> {
        let (done, waiting): (Vec<Waiting>, Vec<Waiting>) =
            std::mem::take(&mut self.reconfigs.waiting)
                .into_iter()
                .partition(|it| state.shows(&it.target));
        self.reconfigs.waiting = waiting;
        done.into_iter().map(|it| (it.request, it.conn)).collect()
    }

    /// A newer leader's first entry is applied: what became of the older one's work is not known.
    /// Gives the connections that waited for it.
    pub(in crate::core::node) fn abandon_reconfigs(&mut self) -> Vec<ConnId> {
        std::mem::take(&mut self.reconfigs.waiting).into_iter().map(|it| it.conn).collect()
    }

    /// Nobody waits on this connection any more.
    pub(in crate::core::node) fn drop_conn(&mut self, conn: ConnId) {
        self.reconfigs.drop_conn(conn);
    }

    /// The connection that waits for this reconfig, which is over.
    pub(in crate::core::node) fn refused_reconfig(&mut self, request: u64) -> Option<ConnId> {
        self.reconfigs.take(request)
    }

    /// Addresses at which this leader wants to know who is there.
    pub(super) fn sought(&self, cx: &Ctx<'_>) -> Vec<Link> {
        let Some(raft) = cx.raft.filter(|it| it.ready_to_serve()) else {
            return Vec::new();
        };
        let members = &raft.config().members;
        let target = self.reconfigs.carried.iter().flat_map(|it| it.target.iter());
        let joining = target.filter(|it| member_at(members, it).is_none());
        let absent = |it: &&StaticServer| {
            it.role == Role::Observer && members.iter().all(|member| member.server != it.server)
        };
        let observers = cx.options.static_list.iter().filter(absent);
        let mut addresses: Vec<&str> =
            joining.chain(observers).map(|it| it.peer.as_str()).collect();
        addresses.sort_unstable();
        addresses.dedup();
        let link = |address: &str| Link {
            address: address.to_owned(),
            member: None,
            secret: Bytes::new(),
        };
        addresses.into_iter().map(link).collect()
    }

    pub(in crate::core::node) fn tick_reconfig(&mut self, cx: &mut Ctx<'_>) {
        let Some(raft) = cx.raft else { return };
        if raft.leader() != Some(cx.me.member) {
            let lost = self.reconfigs.carried.take().is_some();
            self.reconfigs.refusals.clear();
            if lost {
                self.refresh_links(cx);
            }
            return;
        }
        if raft.accepts_proposals() {
            for (origin, error) in std::mem::take(&mut self.reconfigs.refusals) {
                let command = Command {
                    wall: cx.now.wall,
                    origin: Some(origin),
                    action: Action::RefuseReconfig(error),
                };
                let payload = Payload::Command(Arc::new(command));
                cx.events.push_back(Event::Propose(vec![payload]));
            }
        }
        self.refresh_links(cx);
        self.carry_on(cx);
        self.keep_order(cx);
    }

    /// The next step of the reconfig that is being carried out.
    fn carry_on(&mut self, cx: &mut Ctx<'_>) {
        let (Some(raft), Some(carried)) = (cx.raft, &mut self.reconfigs.carried) else {
            return;
        };
        if raft.term() != carried.term {
            self.reconfigs.carried = None;
            return self.refresh_links(cx);
        }
        if carried.call.is_some() || cx.now.mono < carried.next || self.reconfigs.upkeep.is_some() {
            return;
        }
        let silent = cx.now.mono.since(carried.progress) > SILENCE_MS;
        if silent || cx.now.mono.since(carried.began) > TOTAL_MS {
            let refused = carried.origin.map(|it| (it, ErrorCode::NewConfigNoQuorum));
            self.reconfigs.refusals.extend(refused);
            self.reconfigs.carried = None;
            return self.refresh_links(cx);
        }
        carried.next = cx.now.mono.plus(AGAIN_MS);
        let config = raft.config();
        let known = carried.target.iter().map(|it| {
            let found = carried.found.get(&it.server).copied();
            member_at(&config.members, it).or(found).map(|id| Member {
                id,
                server: it.server,
                role: it.role,
                peer: it.peer.clone(),
                client: it.client.clone(),
            })
        });
        let Some(members) = known.collect::<Option<Vec<Member>>>() else {
            return;
        };
        let mut joining = members.clone();
        joining.retain(|it| it.role == Role::Voter && config.member(it.id).is_none());
        joining.iter_mut().for_each(|it| it.role = Role::Learner);
        let last = joining.is_empty();
        let change = if last { Change::Members(members) } else { Change::AddLearners(joining) };
        let (id, expected) = (cx.numbers.call(), config.index);
        carried.call = Some(Step { id, last });
        cx.events.push_back(Event::Change { id, expected, change });
    }

    /// Brings the observers of the static list in as they are found blank, and drops learners that a
    /// reconfig left behind. One that was an observer and was removed is not blank.
    fn keep_order(&mut self, cx: &mut Ctx<'_>) {
        let Some(raft) = cx.raft else { return };
        let config = raft.config();
        let settled = !config.joint() && config.index <= raft.commit_index();
        let idle = self.reconfigs.carried.is_none() && self.reconfigs.upkeep.is_none();
        if !settled || !idle || !raft.accepts_proposals() || !raft.ready_to_serve() {
            return;
        }
        let learners = config.members.iter().filter(|it| it.role == Role::Learner);
        let left: Vec<MemberId> = learners.map(|it| it.id).collect();
        let by_clients = matches!(cx.options.reconfig, ReconfigPolicy::Clients { .. });
        let listed = cx.options.static_list.iter();
        let observers = listed.filter(|it| it.role == Role::Observer);
        let found = observers.filter_map(|it| self.formation.blank(cx.now.mono, it));
        let mut found: Vec<Member> = found.filter(|it| config.member(it.id).is_none()).collect();
        // Nobody counted on the disk that one of them had before.
        let replaced = config.members.iter().filter(|member| {
            let observes = member.role == Role::Observer;
            observes && found.iter().any(|it| it.server == member.server)
        });
        let replaced: Vec<MemberId> = replaced.map(|it| it.id).collect();
        let servers: BTreeSet<ServerId> = config.members.iter().map(|it| it.server).collect();
        found.retain(|it| !servers.contains(&it.server));
        let change = if by_clients && !left.is_empty() {
            Change::RemoveLearners(left)
        } else if !replaced.is_empty() {
            Change::RemoveLearners(replaced)
        } else if !found.is_empty() {
            Change::AddLearners(found)
        } else {
            return;
        };
        let (id, expected) = (cx.numbers.call(), config.index);
        self.reconfigs.upkeep = Some(id);
        cx.events.push_back(Event::Change { id, expected, change });
    }

    /// A change of this server's own ended.
    pub(in crate::core::node) fn own_change_ended(
        &mut self,
        cx: &mut Ctx<'_>,
        id: u64,
        refusal: Option<Refusal>,
    ) {
        if self.reconfigs.upkeep == Some(id) {
            self.reconfigs.upkeep = None;
        }
        let Some(carried) = &mut self.reconfigs.carried else {
            return;
        };
        let Some(step) = carried.call.filter(|step| step.id == id) else {
            return;
        };
        carried.call = None;
        match refusal {
            None if step.last => {
                self.reconfigs.carried = None;
                self.refresh_links(cx);
            }
            None => carried.progress = cx.now.mono,
            Some(Refusal::LearnerBehind) => {
                // It gets on for as long as all that join are heard.
                let heard = |server: &StaticServer| {
                    let id = carried.found.get(&server.server);
                    let raft = cx.raft;
                    id.is_none_or(|id| raft.is_some_and(|raft| raft.hears(cx.now.mono, *id)))
                };
                if carried.target.iter().all(heard) {
                    carried.progress = cx.now.mono;
                }
            }
            Some(_) => {}
        }
    }
}

/// The member that this server is already.
fn member_at(members: &[Member], server: &StaticServer) -> Option<MemberId> {
    let same = |it: &&Member| it.server == server.server && it.peer == server.peer;
    members.iter().find(same).map(|it| it.id)
}
