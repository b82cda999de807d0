//! The thread that makes the log durable. While one sync runs the next batch gathers, so that the
//! batch grows with the load and an idle server pays for one sync a write.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use bytes::BytesMut;

use super::identity::{self, Identity};
use super::segment::{self, Segment};
use super::{DiskConfig, DiskError, files, recovery, snapshots, vote};
use crate::codec::record::{self, Record};
use crate::core::raft::event::{HardState, LogWrite};
use crate::core::types::{EnsembleId, Index, WriteSeq};

/// Bytes that one sync covers at most.
const BATCH: usize = 4 << 20;

/// A thing to make durable.
#[derive(Clone, Debug)]
#[allow(missing_docs)]
pub enum DiskOp {
    Adopt { seq: WriteSeq, ensemble: EnsembleId },
    Write { seq: WriteSeq, write: LogWrite },
    Repaired,
}

#[derive(Debug, Default)]
struct Queue {
    ops: VecDeque<DiskOp>,
    stop: bool,
}

/// Where to put what is to be made durable; cheap to clone, never blocks.
#[derive(Clone, Debug, Default)]
pub struct LogQueue(Arc<(Mutex<Queue>, Condvar)>);

impl LogQueue {
    /// Queues one.
    pub fn push(&self, op: DiskOp) {
        let mut queue = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        queue.ops.push_back(op);
        self.0.1.notify_one();
    }

    /// Ends the thread once all that is queued is durable.
    pub fn stop(&self) {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner).stop = true;
        self.0.1.notify_one();
    }

    /// Waits for work; `None` when it is over.
    fn take(&self) -> Option<VecDeque<DiskOp>> {
        let mut queue = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if !queue.ops.is_empty() {
                return Some(std::mem::take(&mut queue.ops));
            }
            if queue.stop {
                return None;
            }
            queue = self.0.1.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// The log on its disk.
#[derive(Debug)]
pub struct Log {
    pub(super) config: DiskConfig,
    pub(super) identity: Identity,
    pub(super) hard: HardState,
    /// Older segments that are still there: number and highest entry.
    pub(super) sealed: VecDeque<(u64, Index)>,
    pub(super) current: Segment,
    /// The next segment, being made ahead.
    pub(super) ahead: Option<JoinHandle<Result<Segment, DiskError>>>,
}

/// What the thread tells.
pub trait Told: Send + 'static {
    /// All up to `seq` is durable; the sync took this long.
    fn durable(&self, seq: WriteSeq, took: Duration);
    /// A write failed: what is on the disk is not known any more, and the process must end.
    fn failed(&self, error: DiskError);
}

/// Starts the thread.
pub fn start(mut log: Log, queue: LogQueue, told: impl Told) -> std::io::Result<JoinHandle<()>> {
    std::thread::Builder::new().name("log".to_owned()).spawn(move || {
        while let Some(ops) = queue.take() {
            if let Err(error) = log.write(ops, &told) {
                told.failed(error);
                return;
            }
        }
    })
}

impl Log {
    pub(super) fn write(
        &mut self,
        ops: VecDeque<DiskOp>,
        told: &impl Told,
    ) -> Result<(), DiskError> {
        let mut batch = BytesMut::new();
        let mut last = None;
        // A vote follows the term that it is given in: only the last of them is saved beside the log,
        // before the first is in it.
        let mut vote = ops.iter().rev().find_map(hard_state);
        for op in ops {
            let seq = match op {
                DiskOp::Adopt { seq, ensemble } => {
                    self.identity.ensemble = Some(ensemble);
                    identity::save(&self.config.dir, self.identity)?;
                    seq
                }
                DiskOp::Write { seq, write } => {
                    if let LogWrite::Hard(_) = write
                        && let Some(hard) = vote.take()
                    {
                        vote::save(&self.config.dir, hard)?;
                    }
                    batch = self.encode(write, batch)?;
                    seq
                }
                DiskOp::Repaired => {
                    recovery::end_repair(&self.config)?;
                    continue;
                }
            };
            last = Some(seq);
            if batch.len() >= BATCH {
                batch = self.flush(batch, &mut last, told)?;
            }
        }
        self.flush(batch, &mut last, told)?;
        Ok(())
    }

    /// Makes a batch durable and tells so.
    fn flush(
        &mut self,
        mut batch: BytesMut,
        last: &mut Option<WriteSeq>,
        told: &impl Told,
    ) -> Result<BytesMut, DiskError> {
        let began = Instant::now();
        if !batch.is_empty() {
            self.current.append(&batch)?;
            batch.clear();
        }
        if self.ahead.is_none() && self.current.half_full() {
            self.make_ahead();
        }
        if let Some(seq) = last.take() {
            told.durable(seq, began.elapsed());
        }
        Ok(batch)
    }

    fn encode(&mut self, write: LogWrite, mut batch: BytesMut) -> Result<BytesMut, DiskError> {
        match write {
            LogWrite::Hard(hard) => {
                self.hard = hard;
                self.add(Record::Hard(hard), batch)
            }
            LogWrite::Truncate(from) => self.add(Record::Truncate(from), batch),
            LogWrite::Append(entries) => {
                for entry in entries {
                    let index = entry.index;
                    batch = self.add(Record::Entry(entry), batch)?;
                    self.current.last = self.current.last.max(index);
                }
                Ok(batch)
            }
            LogWrite::InstallSnapshot(meta) => {
                snapshots::adopt_incoming(&self.config, &meta)?;
                let batch = self.add(Record::Reset(meta.index), batch)?;
                self.current.last = self.current.last.max(meta.index);
                Ok(batch)
            }
            LogWrite::Compact(index) => {
                self.compact(index)?;
                Ok(batch)
            }
        }
    }

    /// Adds a record to the batch; begins a new segment when it would not fit.
    fn add(&mut self, record: Record, batch: BytesMut) -> Result<BytesMut, DiskError> {
        let before = batch.len();
        let mut batch = record::encode(&record, self.current.seal(), batch);
        if self.current.fits(batch.len()) {
            return Ok(batch);
        }
        batch.truncate(before);
        if !batch.is_empty() {
            self.current.append(&batch)?;
            batch.clear();
        }
        let next = self.next_segment()?;
        let full = std::mem::replace(&mut self.current, next);
        self.sealed.push_back((full.header.number, full.last));
        // So that older segments can go without forgetting the vote.
        let seal = self.current.seal();
        let batch = record::encode(&Record::Hard(self.hard), seal, batch);
        Ok(record::encode(&record, seal, batch))
    }

    fn make_ahead(&mut self) {
        let (dir, bytes) = (self.config.log_dir(), self.config.segment_bytes);
        let number = self.current.header.number + 1;
        let make = move || Segment::create(&dir, number, bytes);
        self.ahead = std::thread::Builder::new().name("segment".to_owned()).spawn(make).ok();
    }

    fn next_segment(&mut self) -> Result<Segment, DiskError> {
        let number = self.current.header.number + 1;
        let made = self.ahead.take().and_then(|thread| thread.join().ok());
        match made {
            Some(Ok(segment)) if segment.header.number == number => Ok(segment),
            Some(Err(error)) => Err(error),
            _ => Segment::create(&self.config.log_dir(), number, self.config.segment_bytes),
        }
    }

    /// Deletes sealed segments whose every entry a snapshot covers, oldest first.
    fn compact(&mut self, index: Index) -> Result<(), DiskError> {
        while let Some((number, last)) = self.sealed.front().copied() {
            if last > index {
                break;
            }
            let path: PathBuf = segment::path(&self.config.log_dir(), number);
            files::remove(&path)?;
            self.sealed.pop_front();
        }
        Ok(())
    }
}

fn hard_state(op: &DiskOp) -> Option<HardState> {
    match op {
        DiskOp::Write { write: LogWrite::Hard(hard), .. } => Some(*hard),
        _ => None,
    }
}

impl Drop for Log {
    /// Whoever opens the folder next finds nobody at work in it.
    fn drop(&mut self) {
        if let Some(making) = self.ahead.take() {
            let _ = making.join();
        }
    }
}
