//! How an ensemble begins, and how a blank disk comes to belong to one. Both happen once a disk.
//!
//! A blank disk never votes and never forms an ensemble of itself: it is told to (by an operator,
//! or by a static list whose every server answers as blank), or it is adopted by a member that
//! names it by its random id. An id is never reused, so an adopted disk has never voted before. With a
//! static list, an ensemble is only believed in that is found at the addresses of the list as well.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;

use super::super::ctx::{Birth, Ctx, Recovered};
use super::Ensemble;
use crate::core::effect::{Effect, Note};
use crate::core::entry::{Entry, Payload};
use crate::core::input::{AdminError, Snapshot};
use crate::core::message::Hello;
use crate::core::options::{Options, StaticServer};
use crate::core::raft::config::{Config, Member, Role};
use crate::core::raft::event::{HardState, LogWrite, SnapshotMeta};
use crate::core::state::image::Image;
use crate::core::types::{
    CallId, EnsembleId, Index, MemberId, Mono, ServerId, Term, WriteSeq, Zxid,
};

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
    /// What an ensemble that is formed here begins with.
    imported: Option<Arc<Image>>,
}

impl Formation {
    pub(super) fn with(imported: Option<Arc<Image>>) -> Formation {
        Formation { imported, ..Formation::default() }
    }

    /// How far what was imported here goes.
    pub(super) fn imported(&self) -> Option<Zxid> {
        self.imported.as_ref().map(|image| image.zxid)
    }

    pub(super) fn saw(&mut self, hello: &Hello) {
        if hello.to.is_some() && hello.ensemble.is_some() {
            self.foreign = hello.ensemble;
        }
    }

    pub(super) fn answered(&mut self, now: Mono, address: String, hello: Hello) {
        self.answers.insert(address, (now, hello));
    }

    /// What this listed server said, if it has just answered as blank.
    fn answer(&self, now: Mono, listed: &StaticServer) -> Option<&Hello> {
        let (at, hello) = self.answers.get(&listed.peer)?;
        let fresh = now.since(*at) <= FRESH_MS;
        let blank = hello.ensemble.is_none() && hello.server == listed.server;
        (fresh && blank).then_some(hello)
    }

    /// This listed server as a member, if it has just answered as blank.
    pub(super) fn blank(&self, now: Mono, listed: &StaticServer) -> Option<Member> {
        self.answer(now, listed).map(|hello| listed_as(listed, hello.from))
    }

    /// Whether an ensemble that somebody names is the one of the listed servers: at one of their
    /// addresses it was named lately, and at none of them another one. Without others in the list, or
    /// without a list, nobody can be asked.
    pub(super) fn confirms(&self, now: Mono, options: &Options, named: EnsembleId) -> bool {
        let mut others = options.static_list.iter().filter(|it| it.server != options.server);
        let fresh = |(at, _): &&(Mono, Hello)| now.since(*at) <= FRESH_MS;
        let of = |it: &StaticServer| self.answers.get(&it.peer).filter(fresh)?.1.ensemble;
        let said: Vec<EnsembleId> = others.clone().filter_map(of).collect();
        let agreed = !said.is_empty() && said.iter().all(|it| *it == named);
        agreed || others.next().is_none()
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

impl Ensemble {
    /// This blank disk belongs to `ensemble` from now on.
    pub(super) fn adopt(&mut self, cx: &mut Ctx<'_>, ensemble: EnsembleId) -> Birth {
        self.id = Some(ensemble);
        cx.out.push(Effect::Adopt { seq: WriteSeq(1), ensemble });
        cx.note(Note::Adopted { ensemble });
        let recovered = Recovered {
            member: cx.me.member,
            ensemble: Some(ensemble),
            hard: HardState::default(),
            snapshot: None,
            entries: Vec::new(),
            repairing: false,
            elsewhere: None,
            imported: None,
        };
        if let Some(image) = self.formation.imported.take() {
            cx.note(Note::ImportUnused { zxid: image.zxid });
        }
        self.formation.unwritten = Some(WriteSeq(1));
        Birth { recovered, next_seq: WriteSeq(2) }
    }

    /// Writes the first configuration of a new ensemble. The other members are adopted when this
    /// one dials them.
    fn form(&mut self, cx: &mut Ctx<'_>, ensemble: EnsembleId, mut members: Vec<Member>) -> Birth {
        members.sort();
        self.id = Some(ensemble);
        let (index, term) = (Index(1), Term(1));
        let config = Config { index, members, ..Config::default() };
        let hard = HardState { term, vote: None };
        cx.out.push(Effect::Adopt { seq: WriteSeq(1), ensemble });
        cx.out.push(Effect::Write { seq: WriteSeq(2), write: LogWrite::Hard(hard) });
        let (mut snapshot, mut entries) = (None, Vec::new());
        if let Some(image) = self.formation.imported.take() {
            let (meta, image) = (SnapshotMeta { index, term, config }, Image::clone(&image));
            let founding = Arc::new(Snapshot { meta, image });
            snapshot = Some(Arc::clone(&founding));
            cx.out.push(Effect::Found { seq: WriteSeq(3), snapshot: founding });
        } else {
            let payload = Payload::Config(Arc::new(config));
            entries.push(Arc::new(Entry { term, index, payload }));
            let write = LogWrite::Append(entries.clone());
            cx.out.push(Effect::Write { seq: WriteSeq(3), write });
        }
        cx.note(Note::Adopted { ensemble });
        let recovered = Recovered {
            member: cx.me.member,
            ensemble: Some(ensemble),
            hard,
            snapshot,
            entries,
            repairing: false,
            elsewhere: None,
            imported: None,
        };
        self.formation.unwritten = Some(WriteSeq(3));
        Birth { recovered, next_seq: WriteSeq(4) }
    }

    /// An operator's order to form: the consensus core to be started, and answered when that is
    /// durable, or the version of the configuration that is there already.
    pub(in crate::core::node) fn form_call(
        &mut self,
        cx: &mut Ctx<'_>,
        call: CallId,
        (ensemble, seed): (EnsembleId, MemberId),
        members: Vec<Member>,
    ) -> Result<Formed, AdminError> {
        if let Some(raft) = cx.raft {
            let same = self.id == Some(ensemble);
            return if same {
                Ok(Formed::Before(raft.config().index))
            } else {
                Err(AdminError::NotBlank)
            };
        }
        if self.elsewhere.is_some() {
            return Err(AdminError::NotBlank);
        }
        if self.formation.foreign.is_some() {
            return Err(AdminError::PeerHasEnsemble);
        }
        if seed != cx.me.member || !well_formed(&members, seed) {
            return Err(AdminError::InvalidRequest);
        }
        let birth = self.form(cx, ensemble, members);
        self.formation.call = Some(call);
        Ok(Formed::Now(birth))
    }

    /// A static list: once every listed participant has just answered as blank, one of them forms the
    /// ensemble of exactly those incarnations: who imported the newest data, and of equals (or where
    /// nobody did) the lowest-numbered.
    pub(in crate::core::node) fn form_static_list(&mut self, cx: &mut Ctx<'_>) -> Option<Birth> {
        let elsewhere = self.elsewhere.is_some();
        if elsewhere || cx.raft.is_some() || cx.options.static_list.is_empty() {
            return None;
        }
        if self.founder(cx)? != cx.options.server {
            return None;
        }
        let mut members = Vec::new();
        for listed in &cx.options.static_list {
            let member = if listed.server == cx.options.server {
                Some(listed_as(listed, cx.me.member))
            } else {
                self.formation.blank(cx.now.mono, listed)
            };
            match member {
                Some(member) => members.push(member),
                // Nothing waits for an observer; it is brought in when it is there.
                None if listed.role == Role::Observer => {}
                None => return None,
            }
        }
        if !well_formed(&members, cx.me.member) {
            return None;
        }
        let ensemble = EnsembleId((u128::from(cx.me.boot) << 64) | u128::from(cx.me.member.0));
        Some(self.form(cx, ensemble, members))
    }
}

impl Ensemble {
    /// Which server of a static list forms the ensemble; `None` while not every participant has answered
    /// as blank. All of them come to the same: what each has imported is settled when it starts.
    fn founder(&self, cx: &Ctx<'_>) -> Option<ServerId> {
        let voters = cx.options.static_list.iter().filter(|it| it.role == Role::Voter);
        let mut candidates = Vec::new();
        for listed in voters {
            let imported = if listed.server == cx.options.server {
                self.formation.imported()
            } else {
                self.formation.answer(cx.now.mono, listed)?.imported
            };
            candidates.push((imported, Reverse(listed.server)));
        }
        candidates.into_iter().max().map(|(_, Reverse(server))| server)
    }
}

/// What an order to form came to.
pub(in crate::core::node) enum Formed {
    /// The ensemble begins with this.
    Now(Birth),
    /// It had begun; this is the version of its configuration.
    Before(Index),
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
