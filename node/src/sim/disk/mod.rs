//! A server's disk: encoded records and snapshots in files and folders, of which power cuts and rot
//! leave what they leave. A start decides about it as the program does.
//!
//! `model` files and folders · `rot` · `truth` what must still be there, and the judgement.

mod model;
mod rot;
#[cfg(test)]
mod tests;
mod truth;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use self::model::{Model, PowerCut, start};
use self::truth::Truth;
use super::rng::Rng;
use crate::codec::disk::journal::{DiskOp, Files, Journal, Rest};
use crate::codec::disk::survey::{self, Source};
use crate::codec::record;
use crate::core::entry::Entry;
use crate::core::input::Snapshot;
use crate::core::node::Recovered;
use crate::core::raft::event::LogWrite;
use crate::core::recovery::{self, Facts, File, Recovery, Refusal, Verdict};
use crate::core::types::{EnsembleId, Index, MemberId, WriteSeq};

/// What a start makes of the disk.
#[derive(Debug)]
pub(super) enum Started {
    /// The server runs on it.
    Up(Recovered),
    /// Nobody can tell who it is: it is to be replaced, as the refusal says.
    Unknown(Refusal),
}

/// What a disk is like.
#[derive(Clone, Copy, Debug)]
pub(super) struct Make {
    /// Seeds what power cuts leave.
    pub(super) seed: u64,
    /// Bytes of a log segment.
    pub(super) segment_bytes: u64,
    /// Snapshots to keep.
    pub(super) retain: usize,
    /// The log's tail is sealed whenever nothing waits to be written.
    pub(super) seals: bool,
}

/// Of a disk part of which rotted.
#[derive(Debug)]
struct Rotten {
    file: File,
    /// All files as they were before.
    copy: Model,
    /// No other member has what this one has.
    alone: bool,
}

/// One server's disk.
#[derive(Debug)]
pub(super) struct SimDisk {
    /// This incarnation.
    pub(super) member: MemberId,
    files: Model,
    /// While the server runs.
    journal: Option<Journal>,
    pending: VecDeque<DiskOp>,
    /// How many of `pending` the sync in flight covers.
    syncing: usize,
    /// A snapshot of this server's own, on its way.
    saving: Option<Arc<Snapshot>>,
    truth: Truth,
    /// What the last power cut met: any of it may be there.
    under_way: Vec<DiskOp>,
    /// The same of snapshots.
    half_saved: Option<Arc<Snapshot>>,
    /// All entries that it was ever given, and the snapshots.
    written: BTreeMap<Index, Vec<Arc<Entry>>>,
    /// What rotted since the last start.
    rotten: Option<Rotten>,
    wiped: bool,
    rng: Rng,
    make: Make,
}

impl SimDisk {
    /// A blank one, for a member of that id.
    pub(super) fn blank(member: MemberId, make: Make) -> SimDisk {
        SimDisk {
            member,
            files: Model::new(make.seed, make.segment_bytes, make.retain),
            journal: None,
            pending: VecDeque::new(),
            syncing: 0,
            saving: None,
            truth: Truth::default(),
            under_way: Vec::new(),
            half_saved: None,
            written: BTreeMap::new(),
            rotten: None,
            wiped: false,
            rng: Rng::new(make.seed ^ 0xD15C),
            make,
        }
    }

    /// The ensemble that it belongs to, durably.
    pub(super) fn ensemble(&self) -> Option<EnsembleId> {
        self.truth.ensemble
    }

    /// Whether damage is not repaired yet.
    pub(super) fn repairing(&self) -> bool {
        self.truth.repairing || self.rotten.is_some()
    }

    /// Queues a write; true if a sync must be started.
    pub(super) fn push(&mut self, op: DiskOp) -> bool {
        self.pending.push_back(op);
        self.start_sync()
    }

    /// Starts a sync of all that is queued, unless one runs.
    pub(super) fn start_sync(&mut self) -> bool {
        let start = self.syncing == 0 && !self.pending.is_empty();
        if start {
            self.syncing = self.pending.len();
        }
        start
    }

    /// The sync in flight is done; gives the last number it covers.
    pub(super) fn sync_done(&mut self) -> Option<WriteSeq> {
        let ops: VecDeque<DiskOp> =
            self.pending.drain(..std::mem::take(&mut self.syncing)).collect();
        for op in &ops {
            self.truth.apply(op);
        }
        self.note_entries(&ops);
        let mut last = None;
        let journal = self.journal.as_mut().expect("only while the server runs");
        let written = journal.write(ops, &mut self.files, &mut |_, seq| last = Some(seq));
        written.expect("the power is on");
        if self.make.seals && self.pending.is_empty() {
            let rest =
                if last.is_some_and(|seq| seq.0 % 2 == 0) { Rest::Short } else { Rest::Long };
            journal.seal_tail(rest, &mut self.files).expect("the power is on");
        }
        last
    }

    fn note_entries(&mut self, ops: &VecDeque<DiskOp>) {
        for op in ops {
            if let DiskOp::Write { write: LogWrite::Append(entries), .. } = op {
                for entry in entries {
                    self.written.entry(entry.index).or_default().push(Arc::clone(entry));
                }
            }
        }
    }

    /// The server begins to store a snapshot of its own.
    pub(super) fn begin_save(&mut self, snapshot: &Arc<Snapshot>) {
        self.saving = Some(Arc::clone(snapshot));
    }

    /// It is durable.
    pub(super) fn store(&mut self, snapshot: &Arc<Snapshot>) {
        self.saving = None;
        self.truth.saved(snapshot.meta.index);
        self.files.save(snapshot).expect("the power is on");
    }

    /// A whole snapshot arrived from a leader, and waits to be installed.
    pub(super) fn receive(&mut self, snapshot: &Arc<Snapshot>) {
        self.files.receive(snapshot);
    }

    /// The newest snapshot, as its file says.
    pub(super) fn newest(&self) -> Option<Arc<Snapshot>> {
        let mut snapshots: Vec<File> = self.files.files();
        snapshots.retain(|file| matches!(file, File::Snapshot(..)));
        let newest = snapshots.into_iter().max()?;
        survey::read_snapshot(&self.files, newest).ok().map(Arc::new)
    }

    /// The newest version of an entry in the log's files.
    pub(super) fn newest_entry(&self) -> u32 {
        let segments = self.files.files().into_iter().filter(|it| matches!(it, File::Segment(_)));
        let bytes = segments.filter_map(|file| self.files.read(file).ok().flatten());
        bytes.filter_map(|bytes| record::newest_entry(&bytes)).max().unwrap_or(1)
    }

    /// The server is asked to give all this up, and to begin as another member.
    pub(super) fn ask_wipe(&mut self, member: MemberId) {
        // The process ends, whatever it was about.
        self.crash();
        self.files.replace(File::Wipe, b"").expect("the power is on");
        self.member = member;
        self.wiped = true;
    }

    /// Power fails: what was under way is there in part.
    pub(super) fn crash(&mut self) {
        let ops: VecDeque<DiskOp> =
            self.pending.drain(..std::mem::take(&mut self.syncing)).collect();
        self.pending.clear();
        self.note_entries(&ops);
        self.under_way = ops.iter().cloned().collect();
        self.half_saved = self.saving.take();
        if let Some(snapshot) = &self.half_saved {
            self.files.fuel = Some(self.rng.below(9));
            let _ = self.files.save(snapshot);
        }
        let most = [3, 8, 20, 100][self.rng.below(4) as usize];
        self.files.fuel = Some(self.rng.below(most));
        if let Some(mut journal) = self.journal.take() {
            let written = journal.write(ops, &mut self.files, &mut |_, _| {});
            let seals = self.make.seals && written.is_ok();
            let _ = seals.then(|| journal.seal_tail(Rest::Long, &mut self.files));
        }
        self.files.power_cut();
    }

    /// While the power is off, part of what was durable becomes something else; gives the file.
    /// `alone`: no other member has what this one has.
    pub(super) fn rot(&mut self, alone: bool) -> Option<File> {
        let copy = self.files.clone();
        let file = rot::rot(&mut self.files, &mut self.rng)?;
        if file == File::Identity && self.truth.ensemble.is_none() {
            // A blank disk under an id that it had before: nothing on it can tell, and nobody has
            // counted on it yet.
            self.files = copy;
            return None;
        }
        self.rotten = Some(Rotten { file, copy, alone });
        Some(file)
    }

    /// What a start finds.
    fn facts(&self, alone: bool) -> Facts {
        let Ok(facts) = survey::survey(&self.files, start(alone, self.member));
        facts
    }

    /// Starts from what is there; the power may go meanwhile, more than once.
    ///
    /// # Errors
    /// When the start takes the disk for something else than it is.
    pub(super) fn start(&mut self) -> Result<Started, String> {
        loop {
            let alone = self.rotten.as_ref().is_some_and(|it| it.alone);
            let recovery = match recovery::decide(self.facts(alone)) {
                Ok(recovery) => recovery,
                Err(refusal) => {
                    self.may_refuse(&refusal)?;
                    let restored = matches!(refusal, Refusal::Alone(_) | Refusal::OtherVersion(..));
                    if !alone && !restored {
                        return Ok(Started::Unknown(refusal));
                    }
                    // The copy that a person restores.
                    if let Some(rotten) = self.rotten.take() {
                        self.files = rotten.copy;
                    }
                    continue;
                }
            };
            self.judge(&recovery)?;
            // Most of what a start has to do, it has to do after a damage.
            if self.rng.chance(if self.rotten.is_some() { 70 } else { 15 }) {
                self.files.fuel = Some(self.rng.below(30));
            }
            let begun = Journal::begin(&recovery, self.make.segment_bytes, &mut self.files);
            self.files.fuel = None;
            match begun {
                Ok(journal) => {
                    self.journal = Some(journal);
                    return Ok(Started::Up(self.started(recovery)));
                }
                Err(PowerCut) => self.files.power_cut(),
            }
        }
    }

    /// From now on what was found is what there is.
    fn started(&mut self, recovery: Recovery) -> Recovered {
        self.truth = Truth::of(&recovery);
        self.under_way.clear();
        (self.half_saved, self.rotten, self.wiped) = (None, None, false);
        let Recovery { verdict, identity, hard, snapshot, entries, .. } = recovery;
        let repairing = matches!(verdict, Verdict::Repairing(_));
        Recovered {
            member: identity.member,
            ensemble: identity.ensemble,
            hard,
            snapshot,
            entries,
            repairing,
            elsewhere: None,
            imported: None,
        }
    }

    /// Nothing but rot may be refused: of the identity, or where nobody else has the data.
    fn may_refuse(&self, refusal: &Refusal) -> Result<(), String> {
        let rotten = self.rotten.as_ref().map(|it| it.file);
        let may = match refusal {
            Refusal::Alone(_) => rotten.is_some(),
            Refusal::DamagedIdentity | Refusal::NoIdentity | Refusal::ForgottenEnsemble => {
                rotten == Some(File::Identity)
            }
            Refusal::ForgottenVote(_) | Refusal::Unreadable(..) | Refusal::OtherVersion(..) => {
                false
            }
        };
        if may { Ok(()) } else { Err(format!("refused, with {rotten:?} rotten: {refusal}")) }
    }

    /// What there is if the snapshot that was on its way is whole. It may reach further than the log:
    /// what others have made durable is committed, and applied here.
    fn with_half_saved(&self) -> Truth {
        let mut truth = self.truth.clone();
        if let Some(snapshot) = &self.half_saved {
            truth.saved(snapshot.meta.index);
        }
        truth
    }

    /// Holds what a start decided against what must be there.
    fn judge(&self, recovery: &Recovery) -> Result<(), String> {
        let rotten = self.rotten.as_ref().map(|it| it.file);
        let said = |what: &str| {
            let Recovery { verdict, identity, hard, .. } = recovery;
            let last = recovery.entries.last().map(|it| it.index);
            let wanted = &self.truth;
            Err(format!(
                "a start {what}: {verdict:?}, {identity:?}, {hard:?}, last {last:?}; rotten: \
                 {rotten:?}, under way: {:?}, before: {wanted:?}",
                self.under_way
            ))
        };
        if recovery.identity.member != self.member {
            return said("takes the disk for another member's");
        }
        if self.wiped {
            let blank = recovery.verdict == Verdict::Blank && recovery.entries.is_empty();
            return if blank { Ok(()) } else { said("ignores a wipe") };
        }
        let (truth, under_way) = (&self.truth, &self.under_way);
        if !truth.may_belong(under_way, recovery.identity.ensemble) {
            return said("takes the disk for another ensemble's");
        }
        if !truth.may_hold(under_way, recovery.hard) {
            return said("forgets term or vote");
        }
        let found = Truth::of(recovery);
        let strange = |entry: &&Arc<Entry>| {
            let known = self.written.get(&entry.index);
            !known.is_some_and(|known| known.contains(entry))
        };
        if found.entries().any(|entry| strange(&entry)) {
            return said("finds an entry that was never written");
        }
        let repaired = under_way.iter().any(|op| matches!(op, DiskOp::Repaired));
        match (truth.repairing, found.repairing) {
            (false, true) if rotten.is_none() => said("takes a sound disk for a damaged one"),
            (true, false) if !repaired => said("forgets a repair"),
            (false, true) | (true, true) => Ok(()),
            (_, false) if truth.may_be(under_way, &found) => Ok(()),
            (_, false) if self.with_half_saved().may_be(under_way, &found) => Ok(()),
            (_, false) => said("takes a damaged disk for a whole one"),
        }
    }
}
