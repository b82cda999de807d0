//! How an ensemble begins, and how a blank disk comes to belong to one. Both happen once a disk.
//!
//! A blank disk never votes and never forms an ensemble of itself: it is told to (by an operator,
//! or by a static list whose every server answers as blank), or it is adopted by a member that
//! names it by its random id. An id is never reused, so an adopted disk has never voted before.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Node, Recovered};
use crate::core::effect::{Effect, Note};
use crate::core::entry::{Entry, Payload};
use crate::core::input::AdminError;
use crate::core::message::Hello;
use crate::core::options::StaticServer;
use crate::core::raft::config::{Config, Member, Role};
use crate::core::raft::event::{HardState, LogWrite};
use crate::core::types::{CallId, EnsembleId, Index, MemberId, Mono, Now, Term, WriteSeq};

/// An answer older than this says nothing about now, in milliseconds.
const FRESH_MS: u64 = 5_000;

/// What a blank server has learnt about the others.
#[derive(Debug, Default)]
pub(super) struct Formation {
    /// Answers to our dials, by address.
    answers: BTreeMap<String, (Mono, Hello)>,
    /// Another ensemble's member took us for one of theirs.
    foreign: Option<EnsembleId>,
    /// What this disk has just become part of is not durable before this.
    unwritten: Option<WriteSeq>,
    /// Who is told when it is.
    call: Option<CallId>,
}

impl Formation {
    pub(super) fn saw(&mut self, hello: &Hello) {
        if hello.to.is_some() && hello.ensemble.is_some() {
            self.foreign = hello.ensemble;
        }
    }

    pub(super) fn answered(&mut self, now: Mono, address: String, hello: Hello) {
        self.answers.insert(address, (now, hello));
    }

    /// This listed server as a member, if it has just answered as blank.
    pub(super) fn blank(&self, now: Mono, listed: &StaticServer) -> Option<Member> {
        let (at, hello) = self.answers.get(&listed.peer)?;
        let fresh = now.since(*at) <= FRESH_MS;
        let blank = hello.ensemble.is_none() && hello.server == listed.server;
        (fresh && blank).then(|| listed_as(listed, hello.from))
    }

    /// Whether a crash could still undo it. Until then nobody is dialled in the ensemble's name:
    /// members that it had adopted would wait for a founder that knows nothing of them.
    pub(super) fn unwritten(&self) -> bool {
        self.unwritten.is_some()
    }

    /// Writes are durable. Gives whether the formation or adoption is among them, and the call
    /// that waits for it.
    pub(super) fn durable(&mut self, seq: WriteSeq) -> (bool, Option<CallId>) {
        let done = self.unwritten.is_some_and(|last| last <= seq);
        if !done {
            return (false, None);
        }
        self.unwritten = None;
        (true, self.call.take())
    }
}

impl Node {
    /// This blank disk belongs to `ensemble` from now on.
    pub(super) fn adopt(&mut self, now: Now, ensemble: EnsembleId, out: &mut Vec<Effect>) {
        self.ensemble = Some(ensemble);
        out.push(Effect::Adopt { seq: WriteSeq(1), ensemble });
        out.push(Effect::Note(Note::Adopted { ensemble }));
        let recovered = Recovered {
            member: self.member,
            ensemble: Some(ensemble),
            hard: HardState::default(),
            snapshot: None,
            entries: Vec::new(),
            repairing: false,
        };
        self.formation.unwritten = Some(WriteSeq(1));
        self.start_consensus(now, recovered, WriteSeq(2));
    }

    /// Writes the first configuration of a new ensemble. The other members are adopted when this
    /// one dials them.
    fn form(
        &mut self,
        now: Now,
        ensemble: EnsembleId,
        mut members: Vec<Member>,
        out: &mut Vec<Effect>,
    ) {
        members.sort();
        self.ensemble = Some(ensemble);
        let index = Index(1);
        let config = Config { index, members, ..Config::default() };
        let payload = Payload::Config(Arc::new(config));
        let entry = Arc::new(Entry { term: Term(1), index, payload });
        let hard = HardState { term: Term(1), vote: None };
        out.push(Effect::Adopt { seq: WriteSeq(1), ensemble });
        out.push(Effect::Write { seq: WriteSeq(2), write: LogWrite::Hard(hard) });
        let write = LogWrite::Append(vec![Arc::clone(&entry)]);
        out.push(Effect::Write { seq: WriteSeq(3), write });
        out.push(Effect::Note(Note::Adopted { ensemble }));
        let recovered = Recovered {
            member: self.member,
            ensemble: Some(ensemble),
            hard,
            snapshot: None,
            entries: vec![entry],
            repairing: false,
        };
        self.formation.unwritten = Some(WriteSeq(3));
        self.start_consensus(now, recovered, WriteSeq(4));
    }

    /// An operator's order to form. `Ok(None)`: answered when durable.
    pub(super) fn form_call(
        &mut self,
        now: Now,
        call: CallId,
        (ensemble, seed): (EnsembleId, MemberId),
        members: Vec<Member>,
        out: &mut Vec<Effect>,
    ) -> Result<Option<Index>, AdminError> {
        if let Some(raft) = &self.raft {
            let same = self.ensemble == Some(ensemble);
            return if same { Ok(Some(raft.config().index)) } else { Err(AdminError::NotBlank) };
        }
        if self.formation.foreign.is_some() {
            return Err(AdminError::PeerHasEnsemble);
        }
        if seed != self.member || !well_formed(&members, seed) {
            return Err(AdminError::InvalidRequest);
        }
        self.form(now, ensemble, members, out);
        self.formation.call = Some(call);
        Ok(None)
    }

    /// A static list: once every listed participant has just answered as blank, the lowest-numbered
    /// participant forms the ensemble of exactly those incarnations.
    pub(super) fn form_static_list(&mut self, now: Now, out: &mut Vec<Effect>) {
        if self.raft.is_some() || self.options.static_list.is_empty() {
            return;
        }
        let voters = self.options.static_list.iter().filter(|it| it.role == Role::Voter);
        if voters.map(|it| it.server).min() != Some(self.options.server) {
            return;
        }
        let mut members = Vec::new();
        for listed in &self.options.static_list {
            let member = if listed.server == self.options.server {
                Some(listed_as(listed, self.member))
            } else {
                self.formation.blank(now.mono, listed)
            };
            match member {
                Some(member) => members.push(member),
                // Nothing waits for an observer; it is brought in when it is there.
                None if listed.role == Role::Observer => {}
                None => return,
            }
        }
        if well_formed(&members, self.member) {
            let ensemble = EnsembleId((u128::from(self.boot) << 64) | u128::from(self.member.0));
            self.form(now, ensemble, members, out);
        }
    }
}

fn listed_as(listed: &StaticServer, id: MemberId) -> Member {
    Member {
        id,
        server: listed.server,
        role: listed.role,
        peer: listed.peer.clone(),
        client: listed.client.clone(),
    }
}

/// At least one voter, the seed among them, no id and no server number twice.
fn well_formed(members: &[Member], seed: MemberId) -> bool {
    let mut ids: Vec<MemberId> = members.iter().map(|member| member.id).collect();
    let mut servers: Vec<u8> = members.iter().map(|member| member.server.0).collect();
    ids.sort();
    ids.dedup();
    servers.sort();
    servers.dedup();
    let votes = |member: &Member| member.id == seed && member.role == Role::Voter;
    ids.len() == members.len() && servers.len() == members.len() && members.iter().any(votes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::input::{AdminRequest, Input};
    use crate::core::options::Options;
    use crate::core::types::{ServerId, Wall};

    const SELF: MemberId = MemberId(1);

    const START: Now = Now { mono: Mono(0), wall: Wall(0) };

    fn blank(repairing: bool) -> (Node, Vec<Effect>) {
        let blank = Recovered {
            member: SELF,
            ensemble: None,
            hard: HardState::default(),
            snapshot: None,
            entries: Vec::new(),
            repairing,
        };
        let mut out = Vec::new();
        let node = Node::new(Options::new(ServerId(1)), blank, 1, START, &mut out);
        (node, out)
    }

    fn founder() -> (Node, Vec<Effect>) {
        let (mut node, mut out) = blank(false);
        let members = (1..=3)
            .map(|n| Member {
                id: MemberId(n),
                server: ServerId(n as u8),
                role: Role::Voter,
                peer: format!("zk-{n}:2888"),
                client: format!("zk-{n}:2181"),
            })
            .collect();
        let request = AdminRequest::Form { ensemble: EnsembleId(7), seed: SELF, members };
        let call = CallId(1);
        let input = Input::Admin { call, request };
        node.step(START, input, &mut out);
        (node, out)
    }

    fn dialled(effects: &[Effect]) -> usize {
        let links = |effect: &Effect| match effect {
            Effect::Links { hello, links } if hello.ensemble.is_some() => links.len(),
            _ => 0,
        };
        effects.iter().map(links).sum()
    }

    #[test]
    fn a_founder_dials_nobody_before_its_ensemble_is_durable() {
        let (mut node, out) = founder();
        let forms = |effect: &Effect| matches!(effect, Effect::Adopt { .. });
        assert!(out.iter().any(forms));
        assert_eq!(dialled(&out), 0);
        for (written, expected) in [(1, 0), (2, 0), (3, 2)] {
            let mut out = Vec::new();
            let now = Now { mono: Mono(1), wall: Wall(1) };
            node.step(now, Input::Durable(WriteSeq(written)), &mut out);
            assert_eq!(dialled(&out), expected, "after write {written}");
        }
    }

    #[test]
    fn a_damaged_disk_of_no_ensemble_has_nothing_to_repair() {
        let repaired = |effects: &[Effect]| {
            let told = |effect: &Effect| matches!(effect, Effect::Repaired);
            effects.iter().any(told)
        };
        assert!(repaired(&blank(true).1));
        assert!(!repaired(&blank(false).1));
    }
}
