//! The thread that makes the log durable. While one sync runs the next batch gathers, so that the
//! batch grows with the load and an idle server pays for one sync a write, and for one more when it
//! rests.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::segment::Segment;
use super::{DiskConfig, DiskError, files, folder, snapshots};
pub use crate::codec::disk::journal::DiskOp;
use crate::codec::disk::journal::{Files, Journal, Rest};
use crate::codec::record::Header;
use crate::core::input::Snapshot;
use crate::core::raft::event::SnapshotMeta;
use crate::core::recovery::{Archived, File, Recovery};
use crate::core::types::WriteSeq;

/// After how long without a write the log rests. A busy log is not kept waiting by its seals.
fn patience(rest: Rest) -> Duration {
    match rest {
        Rest::Short => Duration::from_millis(100),
        Rest::Long => Duration::from_secs(10),
    }
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

    /// Waits for work, until the log rests like this.
    fn take(&self, rest: Option<Rest>) -> Next {
        let queue = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        let nothing = |queue: &mut Queue| queue.ops.is_empty() && !queue.stop;
        let mut queue = match rest {
            Some(rest) => {
                let waited = self.0.1.wait_timeout_while(queue, patience(rest), nothing);
                waited.unwrap_or_else(PoisonError::into_inner).0
            }
            None => self.0.1.wait_while(queue, nothing).unwrap_or_else(PoisonError::into_inner),
        };
        if !queue.ops.is_empty() {
            Next::Write(std::mem::take(&mut queue.ops))
        } else if queue.stop {
            Next::Stop
        } else {
            Next::Rest(rest.unwrap_or(Rest::Long))
        }
    }
}

/// What the thread does next.
enum Next {
    Write(VecDeque<DiskOp>),
    /// There was nothing to write for a while.
    Rest(Rest),
    Stop,
}

/// The log on its disk.
#[derive(Debug)]
pub struct Log {
    journal: Journal,
    disk: Disk,
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
        // How the log rests next, if nothing comes.
        let mut rest = Some(Rest::Short);
        loop {
            let next = queue.take(rest);
            let over = matches!(next, Next::Stop);
            let done = match next {
                Next::Write(ops) => {
                    rest = Some(Rest::Short);
                    log.write(ops, &told)
                }
                Next::Rest(rested) => {
                    rest = (rested == Rest::Short).then_some(Rest::Long);
                    log.seal_tail(rested)
                }
                Next::Stop => log.seal_tail(Rest::Long),
            };
            if let Err(error) = done {
                return told.failed(error);
            }
            if over {
                return;
            }
        }
    })
}

impl Log {
    /// Does to the files what a start decided, and goes on from there.
    pub(super) fn begin(config: DiskConfig, recovery: &Recovery) -> Result<Log, DiskError> {
        let capacity = config.segment_bytes;
        let mut disk = Disk { config, current: None, ahead: None, took: Duration::ZERO };
        let journal = Journal::begin(recovery, capacity, &mut disk)?;
        Ok(Log { journal, disk })
    }

    pub(super) fn write(
        &mut self,
        ops: VecDeque<DiskOp>,
        told: &impl Told,
    ) -> Result<(), DiskError> {
        let mut tell = |disk: &mut Disk, seq| told.durable(seq, std::mem::take(&mut disk.took));
        self.journal.write(ops, &mut self.disk, &mut tell)
    }

    fn seal_tail(&mut self, rest: Rest) -> Result<(), DiskError> {
        self.journal.seal_tail(rest, &mut self.disk)?;
        // Nobody waits for it.
        self.disk.took = Duration::ZERO;
        Ok(())
    }
}

/// The files of the data folder.
#[derive(Debug)]
struct Disk {
    config: DiskConfig,
    /// The segment that was used last.
    current: Option<Segment>,
    /// The next segment, being made ahead.
    ahead: Option<JoinHandle<Result<Segment, DiskError>>>,
    /// How long writing and syncing took since that was told.
    took: Duration,
}

impl Disk {
    fn segment(&mut self, number: u64) -> Result<&mut Segment, DiskError> {
        let open = match self.current.take().filter(|open| open.number == number) {
            Some(open) => open,
            None => Segment::open(&self.config, number)?,
        };
        Ok(self.current.insert(open))
    }
}

impl Files for Disk {
    type Error = DiskError;

    fn replace(&mut self, file: File, content: &[u8]) -> Result<(), DiskError> {
        files::replace(&self.config.path(file), content)
    }

    fn remove(&mut self, file: File) -> Result<(), DiskError> {
        let path = self.config.path(file);
        files::remove(&path)?;
        path.parent().map_or(Ok(()), files::sync_dir)
    }

    fn drop_later(&mut self, file: File) -> Result<(), DiskError> {
        files::remove(&self.config.path(file))
    }

    fn set_aside(&mut self, file: File) -> Result<(), DiskError> {
        let path = self.config.path(file);
        files::rename(&path, &path.with_extension("damaged"))
    }

    fn empty_archive(&mut self) -> Result<(), DiskError> {
        folder::empty_archive(&self.config)
    }

    fn archive(&mut self, what: Archived) -> Result<(), DiskError> {
        folder::archive(&self.config, what)
    }

    fn header(&mut self, segment: u64) -> Result<Header, DiskError> {
        self.segment(segment)?.header()
    }

    fn nonce(&mut self) -> Result<u64, DiskError> {
        files::entropy().map(u64::from_be_bytes)
    }

    fn create(&mut self, header: Header) -> Result<(), DiskError> {
        let made = self.ahead.take().and_then(|thread| thread.join().ok());
        let segment = match made.transpose()?.filter(|made| made.number == header.number) {
            Some(segment) => segment,
            None => Segment::create(&self.config, header)?,
        };
        self.current = Some(segment);
        Ok(())
    }

    fn create_ahead(&mut self, header: Header) {
        let config = self.config.clone();
        let make = move || Segment::create(&config, header);
        self.ahead = std::thread::Builder::new().name("segment".to_owned()).spawn(make).ok();
    }

    fn append(&mut self, segment: u64, at: u64, bytes: &[u8]) -> Result<(), DiskError> {
        let began = Instant::now();
        self.segment(segment)?.append(at, bytes)?;
        self.took += began.elapsed();
        Ok(())
    }

    fn clear(&mut self, segment: u64, at: u64) -> Result<(), DiskError> {
        self.segment(segment)?.clear(at)
    }

    fn adopt(&mut self, snapshot: &SnapshotMeta) -> Result<(), DiskError> {
        snapshots::adopt_incoming(&self.config, snapshot)
    }

    fn store(&mut self, snapshot: &Arc<Snapshot>) -> Result<(), DiskError> {
        snapshots::save(&self.config, snapshot).map(drop)
    }
}

impl Drop for Disk {
    /// Whoever opens the folder next finds nobody at work in it.
    fn drop(&mut self) {
        if let Some(making) = self.ahead.take() {
            let _ = making.join();
        }
    }
}
