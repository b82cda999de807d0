//! What every wing may see and do within one step, besides its own struct: the time, who this server is, its
//! settings, what the consensus core says, and the lists of what is to be done.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::core::effect::{Effect, Note};
use crate::core::entry::{Action, Command, Entry, Payload};
use crate::core::input::Snapshot;
use crate::core::message::PeerMessage;
use crate::core::options::Options;
use crate::core::raft::Raft;
use crate::core::raft::event::{Event, HardState};
use crate::core::recovery::Residence;
use crate::core::state::image::Image;
use crate::core::types::{EnsembleId, MemberId, Now, WriteSeq};

/// Who this server is, for as long as its process lives.
#[derive(Clone, Copy, Debug)]
pub(super) struct Me {
    /// This incarnation of its disk.
    pub member: MemberId,
    /// This process's random number: a restart forgets who waited for what.
    pub boot: u64,
    /// Nobody else knows it.
    pub secret: [u8; 16],
}

/// What a process is given by chance.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Luck {
    /// Tells this process from others on the same disk; others are told.
    pub boot: u64,
    /// Nobody is told.
    pub secret: [u8; 16],
}

/// Whom this server serves now, and what runs short.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Service {
    /// It has a live leader, and all that was committed before that one is applied here.
    pub serving: bool,
    /// It is on its way out.
    pub draining: bool,
    /// Only clients that may not write are served.
    pub read_only: bool,
    /// Free space is below the watermark: no new data.
    pub disk_low: bool,
    /// Memory runs short: no new data.
    pub memory_low: bool,
}

/// Counters of this process. Each number is given out once.
#[derive(Debug, Default)]
pub(super) struct Numbers {
    request: u64,
    barrier: u64,
    call: u64,
}

impl Numbers {
    /// Of a request on its way to the leader.
    pub(super) fn request(&mut self) -> u64 {
        self.request += 1;
        self.request
    }

    /// Of a read barrier, this server's own or one that another member asked for.
    pub(super) fn barrier(&mut self) -> u64 {
        self.barrier += 1;
        self.barrier
    }

    /// Of a change or a transfer that is asked of the consensus core.
    pub(super) fn call(&mut self) -> u64 {
        self.call += 1;
        self.call
    }
}

/// One step's surroundings.
#[derive(Debug)]
pub(super) struct Ctx<'a> {
    pub now: Now,
    pub me: Me,
    pub options: &'a Options,
    /// `None` while blank.
    pub raft: Option<&'a Raft>,
    pub service: Service,
    pub numbers: &'a mut Numbers,
    /// What is still to be told to the consensus core within this step.
    pub events: &'a mut VecDeque<Event>,
    /// What the shell is to do, in order.
    pub out: &'a mut Vec<Effect>,
}

impl<'a> Ctx<'a> {
    /// Who leads, as far as this server knows.
    pub(super) fn leader(&self) -> Option<MemberId> {
        self.raft.and_then(Raft::leader)
    }

    /// The consensus core, if this server leads.
    pub(super) fn leading(&self) -> Option<&'a Raft> {
        self.raft.filter(|raft| raft.leader() == Some(self.me.member))
    }

    /// The consensus core, if this server leads, knows what is committed and takes proposals: only
    /// then may it propose anything of its own.
    pub(super) fn proposing(&self) -> Option<&'a Raft> {
        self.leading().filter(|raft| raft.accepts_proposals() && raft.ready_to_serve())
    }

    pub(super) fn note(&mut self, note: Note) {
        self.out.push(Effect::Note(note));
    }

    /// Proposes something of the leader's own.
    pub(super) fn propose(&mut self, action: Action) {
        let command = Command { wall: self.now.wall, origin: None, action };
        self.events.push_back(Event::Propose(vec![Payload::Command(Arc::new(command))]));
    }

    /// Asks whoever leads for a position to read at.
    pub(super) fn ask_barrier(&mut self, id: u64) {
        let Some(leader) = self.leader() else { return };
        if leader == self.me.member {
            self.events.push_back(Event::ReadIndex { id });
        } else {
            self.out.push(Effect::Peer { to: leader, message: PeerMessage::Barrier { id } });
        }
    }
}

/// What was found on the disk.
#[derive(Clone, Debug)]
pub(crate) struct Recovered {
    /// This incarnation of the disk.
    pub member: MemberId,
    /// `None`: blank.
    pub ensemble: Option<EnsembleId>,
    /// Term and vote.
    pub hard: HardState,
    /// The newest good snapshot.
    pub snapshot: Option<Arc<Snapshot>>,
    /// The log behind it.
    pub entries: Vec<Arc<Entry>>,
    /// The log was damaged where it may have been acknowledged.
    pub repairing: bool,
    /// Where the disk lives, if that is not here.
    pub elsewhere: Option<Residence>,
    /// On a blank disk: what an ensemble that is formed from it begins with.
    pub imported: Option<Arc<Image>>,
}

/// A disk has become part of an ensemble: the consensus core is to be started from this.
#[derive(Debug)]
pub(super) struct Birth {
    pub recovered: Recovered,
    /// The number of its next log write.
    pub next_seq: WriteSeq,
}
