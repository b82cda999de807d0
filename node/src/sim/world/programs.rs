//! Worlds of mixed versions: servers run a program before or this one, are rolled forward and back
//! at any moment, and the ensemble's version is raised at some moment. Who was rolled back too far
//! does not start, or does not understand what it is sent; its disk stays as it is. Messages cross
//! links as the bytes that both ends have agreed on.

use bytes::BytesMut;

use super::super::net::Slot;
use super::{Ev, World};
use crate::codec::peer::{self, Frame};
use crate::codec::versions::{self, Format};
use crate::core::entry::{Action, Entry, Payload};
use crate::core::input::{AdminRequest, Snapshot};
use crate::core::message::{Capabilities, Hello, PeerMessage};
use crate::core::node::Recovered;
use crate::core::raft::event::Message;
use crate::core::state::rules;
use crate::core::types::EnsembleVersion;

/// What the first program knew.
pub(super) const FIRST: EnsembleVersion = EnsembleVersion(1);
/// What this one knows.
const NOW: EnsembleVersion = rules::NEWEST;
/// A leader may go by what a member said before it was rolled back, for as long as it takes the
/// member for alive, and a paused one for as long as it was paused.
const SAID_MS: u64 = 15_000;

/// The version that an entry asks for.
fn asked_by(entry: &Entry) -> Option<EnsembleVersion> {
    let Payload::Command(command) = &entry.payload else {
        return None;
    };
    match command.action {
        Action::SetVersion(version) => Some(version),
        _ => None,
    }
}

/// The newest frames that a program reads. Entries on the disk are of the same versions.
pub(super) fn reads_frames(newest: EnsembleVersion) -> u32 {
    if newest < EnsembleVersion(3) { 1 } else { Format::Peer.known().written }
}

/// What a program can.
pub(super) fn capabilities(newest: EnsembleVersion) -> Capabilities {
    if newest == FIRST {
        return Capabilities::default();
    }
    let mut can = versions::capabilities();
    for range in &mut can.formats {
        if [Format::Peer.number(), Format::Entry.number()].contains(&range.format) {
            range.newest = reads_frames(newest);
        }
    }
    Capabilities { newest, program: newest.to_string(), ..can }
}

/// The version of frames in which a program talks to who gave this answer.
pub(super) fn spoken_by(program: EnsembleVersion, answer: &Hello) -> Result<u32, String> {
    let spoken = versions::spoken_with(&answer.can).map_err(|why| why.to_string())?;
    Ok(spoken.min(reads_frames(program)))
}

/// What arrives of a message that is sent in frames of a version.
pub(super) fn over_the_wire(message: PeerMessage, version: u32) -> Result<PeerMessage, String> {
    let frame = Frame::Message(message);
    let mut bytes = peer::encode_as(&frame, version, BytesMut::new()).freeze();
    let head = bytes.split_to(peer::HEADER);
    let head = head.as_ref().try_into().map_err(|_| "a frame has a header")?;
    let (_, crc) = peer::header(head).map_err(|why| why.to_string())?;
    match peer::decode(bytes, crc) {
        Ok(Frame::Message(read)) if Frame::Message(read.clone()) == frame => Ok(read),
        other => Err(format!("{frame:?} is read as {other:?}")),
    }
}

/// Whether a program that knows versions up to `newest` reads what a disk holds.
pub(super) fn starts_on(recovered: &Recovered, newest: EnsembleVersion) -> bool {
    let image = recovered.snapshot.as_ref().map_or(FIRST, |it| it.image.version);
    let entries = recovered.entries.iter().filter_map(|entry| asked_by(entry));
    entries.chain([image]).all(|version| version <= newest)
}

/// The same of a message.
pub(super) fn understands(message: &PeerMessage, newest: EnsembleVersion) -> bool {
    match message {
        PeerMessage::Raft(Message::Append { entries, .. }) => {
            let mut asked = entries.iter().filter_map(|entry| asked_by(entry));
            asked.all(|version| version <= newest)
        }
        _ => true,
    }
}

/// The same of a snapshot.
pub(super) fn reads(snapshot: &Snapshot, newest: EnsembleVersion) -> bool {
    snapshot.image.version <= newest
}

impl World {
    /// What a server makes of a hello. Some of the first programs know nothing of versions.
    pub(super) fn as_understood(&self, slot: Slot, hello: Hello) -> Hello {
        if self.servers[slot].program > FIRST || slot.is_multiple_of(2) {
            return hello;
        }
        let (can, version) = (Capabilities::default(), FIRST);
        Hello { can, version, ..hello }
    }

    /// What a server says in a hello: the first programs prove nothing.
    pub(super) fn as_said(&self, slot: Slot, hello: Hello) -> Hello {
        let proves = !self.options.mixed || self.servers[slot].program > FIRST;
        if proves { hello } else { Hello { proof: bytes::Bytes::new(), ..hello } }
    }

    /// Another program is started on a server's disk.
    pub(super) fn roll(&mut self, slot: Slot, back: bool, down_ms: u64) {
        let program = if back { self.options.before } else { NOW };
        if self.servers[slot].program > program {
            self.servers[slot].rolled_back = self.now;
        }
        self.servers[slot].program = program;
        if self.servers[slot].node.is_some() {
            self.crash(slot, down_ms);
        }
    }

    /// A program must be able to read what stands on its disk, unless the ensemble's version was
    /// raised beyond it.
    pub(super) fn judge_disk(&mut self, slot: Slot, recovered: &Recovered) -> Result<bool, String> {
        let (program, newest) =
            (self.servers[slot].program, self.servers[slot].disk.newest_entry());
        self.report.newer_disks += u64::from(newest > 1);
        let fits = starts_on(recovered, program);
        if fits && newest > reads_frames(program) && !recovered.repairing {
            return Err(format!(
                "n{slot} has entries of version {newest}, which program {program} cannot read: the \
                 ensemble's version was not raised"
            ));
        }
        Ok(fits && newest <= reads_frames(program))
    }

    /// The program refuses the disk: somebody starts the newer one again.
    pub(super) fn refuse_start(&mut self, slot: Slot) {
        self.report.refused_starts += 1;
        self.note(slot, &"is too old for its disk");
        self.servers[slot].program = NOW;
        let delay = self.rng.between(100, 4_000);
        self.at(delay, Ev::Start(slot));
    }

    /// All servers run this program from now on.
    pub(super) fn roll_all_forward(&mut self) {
        for slot in 0..self.servers.len() {
            if self.servers[slot].program < NOW {
                self.roll(slot, false, 50);
            }
        }
    }

    /// Now and then somebody asks the leader to raise the version.
    pub(super) fn ask_for_version(&mut self) -> Result<(), String> {
        let now = self.clock();
        if self.options.raised_by_setting || !(self.calm || self.rng.chance(10)) {
            return Ok(());
        }
        let leader = (0..self.servers.len()).find_map(|slot| {
            let server = &self.servers[slot];
            let status = server.node.as_ref()?.status(now);
            let fit = server.program > status.version && status.leader == Some(status.member);
            fit.then_some((slot, status.config.index, status.version, server.program))
        });
        let Some((slot, expected, reached, newest)) = leader else {
            return Ok(());
        };
        let next = EnsembleVersion(reached.0 + 1);
        let version = if self.rng.chance(50) { next } else { newest };
        let ensemble = self.ensemble;
        self.call(slot, AdminRequest::SetVersion { ensemble, expected, version })
    }

    /// A leader may raise the version only when every member has said that it can follow.
    pub(super) fn judge_raise(
        &self,
        slot: Slot,
        entries: &[std::sync::Arc<Entry>],
    ) -> Result<(), String> {
        let Some(raft) = self.servers[slot].node.as_ref().and_then(|node| node.raft()) else {
            return Ok(());
        };
        let leads = raft.leader() == Some(raft.id());
        let own = entries.iter().filter(|entry| leads && entry.term == raft.term());
        for version in own.filter_map(|entry| asked_by(entry)) {
            for member in &raft.config().members {
                let at = self.peers.iter().position(|peer| *peer == member.peer);
                let at = at.map(|slot| &self.servers[slot]);
                let old = at.is_some_and(|it| {
                    let lately = it.rolled_back > 0 && self.now - it.rolled_back < SAID_MS;
                    it.disk.member == member.id && it.program < version && !lately
                });
                if old {
                    return Err(format!(
                        "n{slot} raises to {version}: {} cannot follow",
                        member.id
                    ));
                }
            }
        }
        Ok(())
    }

    /// Whether the version is raised where it must be.
    pub(super) fn raised(&self) -> bool {
        let of = |slot: usize| self.servers[slot].node.as_ref().map(|node| node.state().version());
        !self.options.mixed
            || (0..self.servers.len()).all(|slot| {
                let blank = self.servers[slot].disk.ensemble().is_none();
                blank || self.is_outside(slot) || of(slot) == Some(NOW)
            })
    }

    /// Whether the present leader's configuration does not have this server.
    fn is_outside(&self, slot: Slot) -> bool {
        let leads = |server: &&super::Server| {
            let raft = server.node.as_ref().and_then(|node| node.raft());
            raft.is_some_and(|raft| raft.leader() == Some(raft.id()))
        };
        let leader = self.servers.iter().find(leads);
        let config = leader.and_then(|it| it.node.as_ref()?.raft()).map(|raft| raft.config());
        config.is_some_and(|config| config.member(self.servers[slot].disk.member).is_none())
    }
}

#[cfg(test)]
mod tests {
    use crate::sim;

    #[test]
    fn ensembles_of_mixed_programs_serve_while_they_are_rolled_and_raised() {
        let mut total = sim::Report::default();
        for seed in 1..=6 {
            total.add(&sim::run_mixed(seed, false).unwrap_or_else(|why| panic!("{why}")));
        }
        assert!(total.refused_starts > 0, "nobody was rolled back too far");
        assert!(total.newer_disks > 0, "nobody stored what only this program reads");
        assert!(total.newer_frames > 0, "nobody said what only this program reads");
        assert!(total.acknowledged > 1_000);
    }
}
