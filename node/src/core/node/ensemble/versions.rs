//! When the ensemble's version is raised: by the leader, to what it was told, and only while every
//! member of a settled configuration is in touch and has said that its program knows the rules.

use std::collections::BTreeMap;

use super::super::ctx::Ctx;
use super::Ensemble;
use crate::core::effect::{Effect, Note};
use crate::core::entry::{Action, Entry, Payload};
use crate::core::input::AdminError;
use crate::core::message::{Capabilities, Hello};
use crate::core::options::Options;
use crate::core::state::rules;
use crate::core::types::{CallId, EnsembleVersion, Index, MemberId, Mono, Now, Term};

/// How many programs of others are remembered.
const PROGRAMS: usize = 64;
/// A refusal for this server's age is told so long after the last one, in milliseconds.
const TOO_OLD_MS: u64 = 5_000;

/// What is known of the others' programs, and who waits for a raise.
#[derive(Debug, Default)]
pub(super) struct Versions {
    /// The ensemble's, as far as the log is applied here.
    reached: EnsembleVersion,
    /// What each member said last when it dialled us.
    programs: BTreeMap<MemberId, Capabilities>,
    calls: Vec<(EnsembleVersion, CallId)>,
    /// Proposed in this term already.
    proposed: Option<(Term, EnsembleVersion)>,
    /// A member of this version refused to talk to a program as old as this one.
    beyond: Option<(EnsembleVersion, Mono)>,
}

impl Versions {
    /// The ensemble's version, as far as the log is applied here.
    pub(super) fn reached(&self) -> EnsembleVersion {
        self.reached
    }

    /// A member dialled us.
    pub(super) fn heard(&mut self, hello: &Hello) {
        if self.programs.len() < PROGRAMS || self.programs.contains_key(&hello.from) {
            self.programs.insert(hello.from, hello.can.clone());
        }
    }

    /// The newest version whose rules a member said that it knows.
    pub(super) fn newest_of(&self, member: MemberId) -> Option<EnsembleVersion> {
        self.programs.get(&member).map(|can| can.newest)
    }

    /// A member's program, if it differs from ours; for people.
    fn other_program(&self, member: MemberId, own: &Capabilities) -> Option<String> {
        let theirs = self.programs.get(&member).map_or("", |can| &can.program);
        match theirs {
            "" => Some("one that does not say its version".to_owned()),
            theirs if theirs == own.program => None,
            theirs => Some(theirs.to_owned()),
        }
    }

    /// Whether a hello is of an ensemble whose rules this program does not know.
    pub(super) fn beyond_us(&mut self, cx: &mut Ctx<'_>, hello: &Hello) -> bool {
        if hello.version <= cx.options.can.newest {
            return false;
        }
        let last = self.beyond.replace((hello.version, cx.now.mono));
        if last.is_none_or(|(_, at)| cx.now.mono.since(at) >= TOO_OLD_MS) {
            let why = "its ensemble's version is newer than this program knows";
            cx.note(Note::PeerRefused { member: hello.from, why });
        }
        true
    }

    /// In words, if this program was refused lately for its age.
    pub(super) fn too_old(&self, now: Now, options: &Options) -> Option<String> {
        let (version, at) = self.beyond?;
        let lately = now.mono.since(at) < 2 * TOO_OLD_MS;
        lately.then(|| beyond_words(version, options.can.newest))
    }

    /// Why a state that differs from the leader's does: damage is said only of the same program.
    pub(super) fn difference(&self, cx: &Ctx<'_>, index: Index, digests: [u64; 2]) -> String {
        let [ours, theirs] = digests;
        let differs = format!(
            "the state at index {index} differs from the leader's (digest {ours:016x}, leader \
             {theirs:016x})"
        );
        let can = &cx.options.can;
        match cx.leader().and_then(|leader| self.other_program(leader, can)) {
            Some(theirs) => format!(
                "{differs}, but the leader's program is {theirs}, this one {}: run the same version \
                 of Quorate on both; this member's data need not be damaged",
                can.program
            ),
            None => format!("{differs}: this member's data is damaged; replace the member"),
        }
    }

    /// Whether every member of the configuration knows this version's rules and is in touch.
    fn all_know(&self, cx: &Ctx<'_>, version: EnsembleVersion) -> bool {
        let Some(raft) = cx.raft else { return false };
        let peers = raft.peers(cx.now.mono);
        raft.config().members.iter().all(|it| {
            if it.id == cx.me.member {
                return cx.options.can.newest >= version;
            }
            self.newest_of(it.id).is_some_and(|newest| newest >= version)
                && raft.hears(cx.now.mono, it.id)
                && peers.iter().any(|peer| peer.id == it.id && peer.connected)
        })
    }

    /// Why this server cannot raise the version now, if it cannot.
    fn may_raise(&self, cx: &Ctx<'_>, version: EnsembleVersion) -> Result<(), AdminError> {
        let leading = cx.leading().filter(|raft| raft.ready_to_serve());
        let raft = leading.ok_or(AdminError::NotLeader)?;
        if version > cx.options.can.newest {
            return Err(AdminError::VersionUnknown);
        }
        let settled = !raft.config().joint() && raft.config().index <= raft.commit_index();
        if !settled || cx.proposing().is_none() {
            return Err(AdminError::ChangeInProgress);
        }
        if self.all_know(cx, version) { Ok(()) } else { Err(AdminError::MembersTooOld) }
    }

    fn raise(&mut self, cx: &mut Ctx<'_>, version: EnsembleVersion) {
        let term = cx.raft.map_or(Term(0), |raft| raft.term());
        if self.proposed != Some((term, version)) {
            self.proposed = Some((term, version));
            cx.propose(Action::SetVersion(version));
        }
    }

    /// Who leads changed: what was asked of this server may have come to nothing.
    pub(super) fn abandon(&mut self, cx: &mut Ctx<'_>) {
        for (_, call) in std::mem::take(&mut self.calls) {
            cx.out.push(Effect::AnswerAdmin { call, result: Err(AdminError::Timeout) });
        }
    }
}

impl Ensemble {
    /// What the disk holds is of this version.
    pub(in crate::core::node) fn starts_with(
        &mut self,
        version: EnsembleVersion,
        out: &mut Vec<Effect>,
    ) {
        self.versions.reached = version;
        if version != rules::FIRST {
            out.push(Effect::Version(version));
        }
    }

    /// The newest version whose rules a member said that it knows.
    pub(in crate::core::node) fn newest_of(&self, member: MemberId) -> Option<EnsembleVersion> {
        self.versions.newest_of(member)
    }

    /// The state has reached this version. If that is news, who waits for it is answered, and the
    /// others are told.
    pub(in crate::core::node) fn version_is(&mut self, cx: &mut Ctx<'_>, version: EnsembleVersion) {
        if version == self.versions.reached {
            return;
        }
        self.versions.reached = version;
        cx.out.push(Effect::Version(version));
        let config = cx.raft.map_or(Index(0), |raft| raft.config().index);
        let calls = std::mem::take(&mut self.versions.calls);
        for (wanted, call) in calls {
            if wanted > version {
                self.versions.calls.push((wanted, call));
            } else {
                cx.out.push(Effect::AnswerAdmin { call, result: Ok(config) });
            }
        }
        cx.note(Note::EnsembleVersion { version });
        self.refresh_links(cx);
    }

    /// An operator's order to raise the version. `Ok(None)`: answered once it is applied.
    pub(in crate::core::node) fn version_call(
        &mut self,
        cx: &mut Ctx<'_>,
        call: CallId,
        expected: Index,
        version: EnsembleVersion,
    ) -> Result<Option<Index>, AdminError> {
        let config = cx.raft.map_or(Index(0), |raft| raft.config().index);
        if version == self.versions.reached {
            return Ok(Some(config));
        }
        if version < self.versions.reached {
            return Err(AdminError::VersionLowered);
        }
        self.versions.may_raise(cx, version)?;
        if expected != config {
            return Err(AdminError::ConfigVersionConflict);
        }
        self.versions.calls.push((version, call));
        self.versions.raise(cx, version);
        Ok(None)
    }

    /// The version that this server was started with is raised to as soon as that is possible.
    pub(in crate::core::node) fn tick_version(&mut self, cx: &mut Ctx<'_>) {
        let Some(wanted) = cx.options.ensemble_version else {
            return;
        };
        if wanted > self.versions.reached && self.versions.may_raise(cx, wanted).is_ok() {
            self.versions.raise(cx, wanted);
        }
    }
}

/// In words, an entry of a version beyond this program's: it must not be applied by guess.
pub(in crate::core::node) fn unknown_rules(options: &Options, entry: &Entry) -> Option<String> {
    let Payload::Command(command) = &entry.payload else {
        return None;
    };
    let newest = options.can.newest;
    match command.action {
        Action::SetVersion(version) if version > newest => Some(beyond_words(version, newest)),
        _ => None,
    }
}

fn beyond_words(version: EnsembleVersion, newest: EnsembleVersion) -> String {
    format!(
        "the ensemble's version is {version}, and this program knows versions 1 to {newest}: start a \
         newer version of Quorate. Nothing is damaged"
    )
}
