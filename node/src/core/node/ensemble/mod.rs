//! This server among the others: who they are, how the ensemble began and changes, and whether this
//! member is fit to serve.
//!
//! `peers` links and what members say · `formation` how an ensemble begins · `reconfig` changes of the
//! membership by clients · `versions` when the ensemble's is raised · `readiness` whether to serve · `drain` how a server goes ·
//! `elsewhere` a disk that does not live here · `proof` whose link is whose.

mod drain;
mod elsewhere;
mod formation;
mod peers;
pub(super) mod proof;
mod readiness;
mod reconfig;
mod versions;

pub(super) use self::drain::LetGo;
use self::elsewhere::Elsewhere;
use self::formation::Formation;
pub(super) use self::formation::Formed;
use self::peers::Peers;
use self::proof::Proofs;
pub(super) use self::readiness::Leadership;
use self::readiness::Readiness;
use self::reconfig::Reconfigs;
use self::versions::Versions;
pub(super) use self::versions::unknown_rules;
use super::ctx::{Ctx, Recovered};
use crate::core::effect::Effect;
use crate::core::input::AdminError;
use crate::core::options::Options;
use crate::core::raft::{Raft, ServerState};
use crate::core::types::{EnsembleId, Index, MemberId, Mono, WriteSeq};

/// What this server knows of its ensemble.
#[derive(Debug)]
pub(super) struct Ensemble {
    /// `None` while blank.
    id: Option<EnsembleId>,
    peers: Peers,
    proofs: Proofs,
    formation: Formation,
    reconfigs: Reconfigs,
    versions: Versions,
    readiness: Readiness,
    /// The disk does not live here.
    elsewhere: Option<Elsewhere>,
}

impl Ensemble {
    /// A server that has just started on a disk of this ensemble, or on a blank one.
    pub(super) fn new(options: &Options, recovered: &Recovered, now: Mono) -> Ensemble {
        let id = recovered.ensemble;
        let elsewhere =
            recovered.elsewhere.as_ref().zip(id).map(|(lives, id)| {
                Elsewhere::new(lives, &options.residence(), id, recovered.member)
            });
        Ensemble {
            id,
            peers: Peers::default(),
            proofs: Proofs::default(),
            formation: Formation::with(recovered.imported.clone()),
            reconfigs: Reconfigs::default(),
            versions: Versions::default(),
            readiness: Readiness::new(now),
            elsewhere,
        }
    }

    /// The ensemble's id; `None` while blank.
    pub(super) fn id(&self) -> Option<EnsembleId> {
        self.id
    }

    /// The consensus core, if an operator's call means this ensemble.
    pub(super) fn meant<'a>(
        &self,
        cx: &Ctx<'a>,
        ensemble: EnsembleId,
    ) -> Result<&'a Raft, AdminError> {
        cx.raft.filter(|_| self.id == Some(ensemble)).ok_or(AdminError::WrongEnsemble)
    }

    /// A removed member is to forget its data: only what a committed configuration has dropped may be.
    pub(super) fn wipe(
        &self,
        cx: &mut Ctx<'_>,
        ensemble: EnsembleId,
        member: MemberId,
    ) -> Result<Index, AdminError> {
        let raft = self.meant(cx, ensemble)?;
        if member != cx.me.member {
            return Err(AdminError::UnknownMember);
        }
        if raft.server_state() != ServerState::Removed {
            return Err(AdminError::NotRemoved);
        }
        cx.out.push(Effect::Wipe);
        Ok(raft.config().index)
    }

    /// The state moved on, to this index and digest.
    pub(super) fn applied(&mut self, (index, digest): (Index, u64)) {
        self.peers.applied(index, digest);
    }

    /// Log writes reached the disk: what this disk had just become part of may be among them.
    pub(super) fn durable(&mut self, cx: &mut Ctx<'_>, seq: WriteSeq) {
        let (formed, call) = self.formation.durable(seq);
        if formed {
            self.refresh_links(cx);
        }
        if let Some(call) = call {
            cx.out.push(Effect::AnswerAdmin { call, result: Ok(Index(1)) });
        }
    }
}
