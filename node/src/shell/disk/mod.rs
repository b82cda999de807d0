//! Everything that survives a power cut.
//!
//! ```text
//! DIR/lock                      held while a process uses the folder
//! DIR/identity                  this incarnation's random id; the ensemble's id once adopted
//! DIR/vote                      term and vote, which the log has as well
//! DIR/log/NUMBER.log            segments: preallocated, zero-filled, sealed by checksums (in another
//!                               folder than DIR if the settings say so)
//! DIR/snap/INDEX-TERM.snap      snapshots, the newest few
//! DIR/snap/INDEX-TERM.part      a snapshot on its way in
//! DIR/repair                    there while a damaged log is being repaired: no vote till then
//! DIR/import.snap               read from ZooKeeper's files: an ensemble that this blank server forms begins
//!                               with it
//! DIR/wipe                      asks the next start to archive all this and begin blank
//! ```
//!
//! [`files`] careful file operations · [`segment`] one log file · [`writer`] the thread that makes the log
//! durable · [`snapshots`] · `zookeeper` files of such a
//! server, `import` what was read from them, [`intake`] who asks for that · [`folder`] its lock and its archive · [`recovery`] opens it: what its files
//! amount to is decided in `core::recovery`.

pub mod files;
pub(crate) mod folder;
mod import;
pub(crate) mod intake;
pub mod recovery;
mod segment;
pub mod snapshots;
pub mod writer;
mod zookeeper;

use std::fmt;
use std::path::{Path, PathBuf};

use crate::core::recovery::File;

/// Where and how.
#[derive(Clone, Debug)]
pub struct DiskConfig {
    /// The folder.
    pub dir: PathBuf,
    /// Another folder for the log, if it is to have a disk of its own.
    pub log_home: Option<PathBuf>,
    /// Bytes of a log segment.
    pub segment_bytes: u64,
    /// Snapshots to keep.
    pub retain: usize,
    /// Free bytes below which no new data is taken. A snapshot leaves half of them to the log.
    pub reserve: u64,
}

impl DiskConfig {
    fn log_dir(&self) -> PathBuf {
        self.log_home.as_ref().unwrap_or(&self.dir).join("log")
    }

    fn snap_dir(&self) -> PathBuf {
        self.dir.join("snap")
    }

    /// Where a file is.
    fn path(&self, file: File) -> PathBuf {
        let home = match file {
            File::Segment(_) => self.log_home.as_ref().unwrap_or(&self.dir),
            File::Identity | File::Vote | File::Repair | File::Wipe | File::Snapshot(..) => {
                &self.dir
            }
        };
        home.join(file.to_string())
    }
}

/// Where it is, for texts.
impl fmt::Display for DiskConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.dir.display())?;
        match &self.log_home {
            Some(home) if *home != self.dir => write!(f, " (its log in {})", home.display()),
            _ => Ok(()),
        }
    }
}

/// Why the folder cannot be used; says what to do.
#[derive(Debug, thiserror::Error)]
pub enum DiskError {
    /// The operating system refused.
    #[error("{doing} {path}: {source}")]
    Io {
        /// In the present tense.
        doing: &'static str,
        /// What it was done to.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// Another process is there.
    #[error("{0} is in use by another process; stop it, or give this one another --data-dir")]
    Locked(PathBuf),
    /// A snapshot would take what the log needs.
    #[error("only {free} bytes are free for {path}: make space, or give the volume more")]
    Short {
        /// What was to be written.
        path: PathBuf,
        /// Bytes.
        free: u64,
    },
    /// The content cannot be what this server wrote.
    #[error("{0}")]
    Damaged(String),
    /// ZooKeeper's data is not passed over.
    #[error(
        "{found} is a file of a ZooKeeper server, and {dir} is blank: take its data in with \
         `quorate-node import --from {from} --data-dir {dir}` or start with --import-zookeeper; to \
         start empty, move ZooKeeper's files away"
    )]
    ZooKeeper {
        /// Its newest file.
        found: PathBuf,
        /// The folder that holds its folder.
        from: PathBuf,
        /// The data folder.
        dir: PathBuf,
    },
    /// ZooKeeper's data cannot be taken in. Nothing was written.
    #[error("{path}: {why}")]
    Import {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it, and what to do.
        why: String,
    },
    /// Sound, but not for this program. Nothing was touched.
    #[error("{path}: {other}")]
    OtherVersion {
        /// Where it was found.
        path: PathBuf,
        /// What, in a sentence that says what to do.
        other: String,
    },
}

/// Puts words to an I/O error.
pub(crate) fn io(doing: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> DiskError {
    let path = path.to_owned();
    move |source| DiskError::Io { doing, path, source }
}

/// Bytes used and free.
#[derive(Clone, Copy, Debug, Default)]
#[allow(missing_docs)]
pub(crate) struct Sizes {
    pub log_bytes: u64,
    pub snapshot_bytes: u64,
    /// Where there is less, if the log has a disk of its own.
    pub free_bytes: u64,
    pub total_bytes: u64,
}

/// Measures the folder and its file system.
pub(crate) fn sizes(config: &DiskConfig) -> Sizes {
    let used = |dir: PathBuf| {
        let files = std::fs::read_dir(dir).into_iter().flatten().flatten();
        files.filter_map(|file| file.metadata().ok()).map(|meta| meta.len()).sum()
    };
    let (free, total) = space(&config.dir).unwrap_or_default();
    let log_home = config.log_home.as_deref();
    let log_free = log_home.map_or(free, |dir| space(dir).unwrap_or_default().0);
    Sizes {
        log_bytes: used(config.log_dir()),
        snapshot_bytes: used(config.snap_dir()),
        free_bytes: free.min(log_free),
        total_bytes: total,
    }
}

/// Free bytes and all bytes of the file system that a file or folder is on.
fn space(path: &Path) -> Option<(u64, u64)> {
    let it = rustix::fs::statvfs(path).ok()?;
    Some((it.f_bavail * it.f_frsize, it.f_blocks * it.f_frsize))
}
