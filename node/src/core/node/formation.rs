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
    /// A formation that waits for the disk.
    call: Option<(CallId, WriteSeq)>,
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

    /// Takes the call whose writes are durable now.
    pub(super) fn durable(&mut self, seq: WriteSeq) -> Option<CallId> {
        let done = self.call.filter(|(_, last)| *last <= seq)?;
        self.call = None;
        Some(done.0)
    }
}

impl Node {
    /// This blank disk belongs to `ensemble` from now on.
    pub(super) fn adopt(&mut self, now: Now, ensemble: EnsembleId, out: &mut Vec<Effect>) {
        self.ensemble = Some(ensemble);
        out.push(Effect::Adopt {
            seq: WriteSeq(1),
            ensemble,
        });
        out.push(Effect::Note(Note::Adopted { ensemble }));
        let recovered = Recovered {
            member: self.member,
            ensemble: Some(ensemble),
            hard: HardState::default(),
            snapshot: None,
            entries: Vec::new(),
            repairing: false,
        };
        self.start_consensus(now, recovered, WriteSeq(2));
        self.refresh_links(out);
    }

    /// Writes the first configuration of a new ensemble. The other members are adopted when this
    /// one dials them.
    fn form(
        &mut self,
        now: Now,
        ensemble: EnsembleId,
        mut members: Vec<Member>,
        out: &mut Vec<Effect>,
    ) -> WriteSeq {
        members.sort();
        self.ensemble = Some(ensemble);
        let index = Index(1);
        let config = Config {
            index,
            members,
            ..Config::default()
        };
        let payload = Payload::Config(Arc::new(config));
        let entry = Arc::new(Entry {
            term: Term(1),
            index,
            payload,
        });
        let hard = HardState {
            term: Term(1),
            vote: None,
        };
        out.push(Effect::Adopt {
            seq: WriteSeq(1),
            ensemble,
        });
        out.push(Effect::Write {
            seq: WriteSeq(2),
            write: LogWrite::Hard(hard),
        });
        let write = LogWrite::Append(vec![Arc::clone(&entry)]);
        out.push(Effect::Write {
            seq: WriteSeq(3),
            write,
        });
        out.push(Effect::Note(Note::Adopted { ensemble }));
        let recovered = Recovered {
            member: self.member,
            ensemble: Some(ensemble),
            hard,
            snapshot: None,
            entries: vec![entry],
            repairing: false,
        };
        self.start_consensus(now, recovered, WriteSeq(4));
        self.refresh_links(out);
        WriteSeq(3)
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
            return if same {
                Ok(Some(raft.config().index))
            } else {
                Err(AdminError::NotBlank)
            };
        }
        if self.formation.foreign.is_some() {
            return Err(AdminError::PeerHasEnsemble);
        }
        if seed != self.member || !well_formed(&members, seed) {
            return Err(AdminError::InvalidRequest);
        }
        let seq = self.form(now, ensemble, members, out);
        self.formation.call = Some((call, seq));
        Ok(None)
    }

    /// A static list: once every listed server has just answered as blank, the lowest-numbered
    /// participant forms the ensemble of exactly those incarnations.
    pub(super) fn form_static_list(&mut self, now: Now, out: &mut Vec<Effect>) {
        if self.raft.is_some() || self.options.static_list.is_empty() {
            return;
        }
        let voters = self
            .options
            .static_list
            .iter()
            .filter(|it| it.role == Role::Voter);
        if voters.map(|it| it.server).min() != Some(self.options.server) {
            return;
        }
        let mut members = Vec::new();
        for listed in &self.options.static_list {
            let id = if listed.server == self.options.server {
                self.member
            } else {
                match self.formation.answers.get(&listed.peer) {
                    Some((at, hello))
                        if now.mono.since(*at) <= FRESH_MS
                            && hello.ensemble.is_none()
                            && hello.server == listed.server =>
                    {
                        hello.from
                    }
                    _ => return,
                }
            };
            members.push(Member {
                id,
                server: listed.server,
                role: listed.role,
                peer: listed.peer.clone(),
                client: listed.client.clone(),
            });
        }
        if well_formed(&members, self.member) {
            let ensemble = EnsembleId((u128::from(self.boot) << 64) | u128::from(self.member.0));
            self.form(now, ensemble, members, out);
        }
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
