//! The log as it is written: which bytes go where, in which order, and what must be durable before what.
//! Whoever holds the files does it ([`Files`]).

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::BytesMut;

use super::small;
use crate::codec::record::{self, HEADER, Header, Record, Seal};
use crate::codec::versions::Format;
use crate::core::input::Snapshot;
use crate::core::raft::event::{HardState, LogWrite, SnapshotMeta};
use crate::core::recovery::{Archived, Change, File, Identity, Recovery};
use crate::core::state::rules;
use crate::core::types::{EnsembleId, EnsembleVersion, Index, WriteSeq};

/// Bytes that one sync covers at most.
const BATCH: usize = 4 << 20;
/// Bytes that a disk loses together, at most.
const SECTOR: u64 = 4 << 10;
/// Bytes of a record that says term and vote.
const HARD: u64 = 33;

/// What can be done to the files of a data folder. Each is durable when it is done, and a power cut
/// within it leaves the state before it or the one after it, unless it says otherwise.
pub(crate) trait Files {
    /// Why it cannot be done. Nothing is known of the files after that.
    type Error;

    /// Puts a small file in the place of the one of that name, if there is one.
    fn replace(&mut self, file: File, content: &[u8]) -> Result<(), Self::Error>;

    /// Removes a file, if it is there.
    fn remove(&mut self, file: File) -> Result<(), Self::Error>;

    /// Removes a file, durably at some time: of those of one folder, none before an earlier one.
    fn drop_later(&mut self, file: File) -> Result<(), Self::Error>;

    /// Renames a damaged file, so that no start takes it for a part of the log.
    fn set_aside(&mut self, file: File) -> Result<(), Self::Error>;

    /// Makes an empty archive, in the place of the one that is there.
    fn empty_archive(&mut self) -> Result<(), Self::Error>;

    /// Moves this into the archive, if it is there.
    fn archive(&mut self, what: Archived) -> Result<(), Self::Error>;

    /// The header of a segment that is there.
    fn header(&mut self, segment: u64) -> Result<Header, Self::Error>;

    /// A random number for a segment's header.
    fn nonce(&mut self) -> Result<u64, Self::Error>;

    /// Makes a segment of zeros behind its header.
    fn create(&mut self, header: Header) -> Result<(), Self::Error>;

    /// Begins to make the segment that will be asked for next, without waiting for it.
    fn create_ahead(&mut self, header: Header);

    /// Writes this at that place of a segment. After a power cut within it, any of it may be there.
    fn append(&mut self, segment: u64, at: u64, bytes: &[u8]) -> Result<(), Self::Error>;

    /// Fills a segment with zeros from there on. After a power cut within it, any of what was there
    /// may still be.
    fn clear(&mut self, segment: u64, at: u64) -> Result<(), Self::Error>;

    /// Makes a received snapshot one of this member's.
    fn adopt(&mut self, snapshot: &SnapshotMeta) -> Result<(), Self::Error>;

    /// Stores the snapshot that an ensemble begins with.
    fn store(&mut self, snapshot: &Arc<Snapshot>) -> Result<(), Self::Error>;
}

/// A thing to make durable.
#[derive(Clone, Debug)]
#[allow(missing_docs)]
pub enum DiskOp {
    Adopt {
        seq: WriteSeq,
        ensemble: EnsembleId,
    },
    /// The log begins with this.
    Found {
        seq: WriteSeq,
        snapshot: Arc<Snapshot>,
    },
    Write {
        seq: WriteSeq,
        write: LogWrite,
    },
    Repaired,
    /// The ensemble has reached this version: entries are written as it says from now on.
    Version(EnsembleVersion),
}

/// How long nothing was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Rest {
    /// A moment: seals are frequent, and have to be small.
    Short,
    /// So long that a seal may take a sector.
    Long,
}

/// The log and what is beside it, as far as one must know it to go on.
#[derive(Debug)]
pub(crate) struct Journal {
    identity: Identity,
    hard: HardState,
    /// Older segments that are still there: number and highest entry.
    sealed: VecDeque<(u64, Index)>,
    /// The segment that is appended to.
    current: Header,
    /// Where its next record goes, in bytes.
    at: u64,
    /// The highest entry in it.
    last: Index,
    /// Bytes of a segment.
    capacity: u64,
    /// The next segment, being made ahead.
    ahead: Option<Header>,
    /// Records that are not written yet.
    batch: BytesMut,
    /// What is durable once they are.
    told: Option<WriteSeq>,
    /// The version that entries are written in.
    entry: u32,
    /// The last record shows that all before it was durable: made in this rest.
    tail: Option<Rest>,
}

impl Journal {
    /// Does what a start decided, in its order. `capacity`: bytes of a segment.
    pub(crate) fn begin<F: Files>(
        recovery: &Recovery,
        capacity: u64,
        files: &mut F,
    ) -> Result<Journal, F::Error> {
        let tail = &recovery.tail;
        let current = match tail.at {
            Some(_) => files.header(tail.segment)?,
            None => Header { nonce: files.nonce()?, number: tail.segment },
        };
        let mut journal = Journal {
            identity: recovery.identity.clone(),
            hard: recovery.hard,
            sealed: tail.sealed.clone(),
            current,
            at: tail.at.unwrap_or(HEADER) as u64,
            last: tail.highest,
            capacity,
            ahead: None,
            batch: BytesMut::new(),
            told: None,
            entry: Format::Entry.written_in(rules::FIRST),
            tail: None,
        };
        for change in &recovery.changes {
            match change {
                Change::EmptyArchive => files.empty_archive()?,
                Change::Archive(what) => files.archive(*what)?,
                Change::Remove(file) => files.remove(*file)?,
                Change::Identify(identity) => {
                    files.replace(File::Identity, small::encode_identity(identity).as_bytes())?;
                }
                Change::Vote(hard) => {
                    files.replace(File::Vote, small::encode_vote(*hard).as_bytes())?;
                }
                Change::Mark(damage) => {
                    files.replace(File::Repair, damage.to_string().as_bytes())?;
                }
                Change::CutTail { segment, at } => files.clear(*segment, *at as u64)?,
                Change::Begin { records } => {
                    files.create(journal.current)?;
                    let seal = journal.seal();
                    for record in records {
                        journal.batch = record::encode(record, seal, take(&mut journal.batch));
                    }
                    journal.append(files)?;
                }
                Change::SetAside(file) => files.set_aside(*file)?,
            }
        }
        Ok(journal)
    }

    /// Makes these durable, in their order, and tells up to which number they are. After an error
    /// nothing is known of the files.
    pub(crate) fn write<F: Files>(
        &mut self,
        ops: VecDeque<DiskOp>,
        files: &mut F,
        tell: &mut impl FnMut(&mut F, WriteSeq),
    ) -> Result<(), F::Error> {
        // A vote follows the term that it is given in: only the last of them is saved beside the log,
        // before the first is in it. So the file is never behind the log.
        let mut vote = ops.iter().rev().find_map(hard_state);
        for op in ops {
            match op {
                DiskOp::Adopt { seq, ensemble } => {
                    self.identity.ensemble = Some(ensemble);
                    let identity = small::encode_identity(&self.identity);
                    files.replace(File::Identity, identity.as_bytes())?;
                    self.told = Some(seq);
                }
                DiskOp::Found { seq, snapshot } => {
                    files.store(&snapshot)?;
                    self.reset(snapshot.meta.index, files)?;
                    self.told = Some(seq);
                }
                DiskOp::Write { seq, write } => {
                    if let LogWrite::Hard(_) = write
                        && let Some(hard) = vote.take()
                    {
                        files.replace(File::Vote, small::encode_vote(hard).as_bytes())?;
                    }
                    self.encode(write, files)?;
                    self.told = Some(seq);
                }
                DiskOp::Repaired => files.remove(File::Repair)?,
                DiskOp::Version(version) => self.entry = Format::Entry.written_in(version),
            }
            if self.batch.len() >= BATCH {
                self.flush(files, tell)?;
            }
        }
        self.flush(files, tell)
    }

    /// Makes the batch durable and tells so.
    fn flush<F: Files>(
        &mut self,
        files: &mut F,
        tell: &mut impl FnMut(&mut F, WriteSeq),
    ) -> Result<(), F::Error> {
        self.append(files)?;
        if self.ahead.is_none() && self.at * 2 > self.capacity {
            let next = Header { nonce: files.nonce()?, number: self.current.number + 1 };
            files.create_ahead(next);
            self.ahead = Some(next);
        }
        if let Some(seq) = self.told.take() {
            tell(files, seq);
        }
        Ok(())
    }

    fn append<F: Files>(&mut self, files: &mut F) -> Result<(), F::Error> {
        if !self.batch.is_empty() {
            files.append(self.current.number, self.at, &self.batch)?;
            self.at += self.batch.len() as u64;
            self.batch.clear();
            self.tail = None;
        }
        Ok(())
    }

    /// Nothing is written for a while. If what was written last rotted, it would look like a write that
    /// power cut short, which nobody was told of: so a record that says nothing new follows it, and
    /// shows that it was durable. After a long rest another one does, in a sector of its own.
    pub(crate) fn seal_tail<F: Files>(
        &mut self,
        rest: Rest,
        files: &mut F,
    ) -> Result<(), F::Error> {
        let next = match rest {
            Rest::Short => self.at,
            Rest::Long => self.next_sector(),
        };
        // A segment without records counts for nothing, and what fills one is sealed by the next one.
        let nothing = self.at == HEADER as u64;
        if self.tail >= Some(rest) || nothing || next + HARD > self.capacity {
            return Ok(());
        }
        let (record, seal) = (Record::Hard(self.hard), self.seal());
        let mut batch = take(&mut self.batch);
        if next > self.at {
            batch = record::encode_long(&record, seal, (next - self.at) as usize, batch);
        }
        self.batch = record::encode(&record, seal, batch);
        self.append(files)?;
        self.tail = Some(rest);
        Ok(())
    }

    /// Where one begins, behind a record that fills the one before.
    fn next_sector(&self) -> u64 {
        // Segments of tests are small.
        let sector = SECTOR.min(self.capacity / 16).max(2 * HARD);
        let next = self.at.next_multiple_of(sector);
        if (1..HARD).contains(&(next - self.at)) { next + sector } else { next }
    }

    fn encode<F: Files>(&mut self, write: LogWrite, files: &mut F) -> Result<(), F::Error> {
        match write {
            LogWrite::Hard(hard) => {
                self.hard = hard;
                self.add(Record::Hard(hard), files)
            }
            LogWrite::Truncate(from) => self.add(Record::Truncate(from), files),
            LogWrite::Append(entries) => {
                for entry in entries {
                    let index = entry.index;
                    self.add(Record::Entry(entry), files)?;
                    self.last = self.last.max(index);
                }
                Ok(())
            }
            LogWrite::InstallSnapshot(meta) => {
                files.adopt(&meta)?;
                self.reset(meta.index, files)
            }
            LogWrite::Compact(index) => self.compact(index, files),
        }
    }

    /// A snapshot at this index, which is stored, takes the log's place.
    fn reset<F: Files>(&mut self, index: Index, files: &mut F) -> Result<(), F::Error> {
        self.add(Record::Reset(index), files)?;
        self.last = self.last.max(index);
        Ok(())
    }

    /// Adds a record to the batch; begins a new segment when it would not fit.
    fn add<F: Files>(&mut self, record: Record, files: &mut F) -> Result<(), F::Error> {
        let before = self.batch.len();
        self.batch = record::encode(&record, self.seal(), take(&mut self.batch));
        if self.at + self.batch.len() as u64 <= self.capacity {
            return Ok(());
        }
        self.batch.truncate(before);
        self.append(files)?;
        let next = match self.ahead.take() {
            Some(next) => next,
            None => Header { nonce: files.nonce()?, number: self.current.number + 1 },
        };
        files.create(next)?;
        self.sealed.push_back((self.current.number, self.last));
        (self.current, self.at, self.last) = (next, HEADER as u64, Index(0));
        let seal = self.seal();
        // So that older segments can go without forgetting the vote.
        let batch = record::encode(&Record::Hard(self.hard), seal, take(&mut self.batch));
        self.batch = record::encode(&record, seal, batch);
        Ok(())
    }

    /// What seals the records that are added next: all before the batch is durable.
    fn seal(&self) -> Seal {
        Seal { nonce: self.current.nonce, synced: self.at, entry: self.entry }
    }

    /// Deletes sealed segments whose every entry a snapshot covers, oldest first.
    fn compact<F: Files>(&mut self, index: Index, files: &mut F) -> Result<(), F::Error> {
        while let Some((number, last)) = self.sealed.front().copied() {
            if last > index {
                break;
            }
            files.drop_later(File::Segment(number))?;
            self.sealed.pop_front();
        }
        Ok(())
    }
}

fn take(batch: &mut BytesMut) -> BytesMut {
    std::mem::take(batch)
}

fn hard_state(op: &DiskOp) -> Option<HardState> {
    match op {
        DiskOp::Write { write: LogWrite::Hard(hard), .. } => Some(*hard),
        DiskOp::Write { .. }
        | DiskOp::Adopt { .. }
        | DiskOp::Found { .. }
        | DiskOp::Repaired
        | DiskOp::Version(_) => None,
    }
}
