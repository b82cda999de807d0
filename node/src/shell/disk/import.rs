//! What was read from a ZooKeeper server's files, kept as a snapshot until an ensemble begins with it.

use std::path::PathBuf;
use std::sync::Arc;

use super::zookeeper::ZooKeeperFiles;
use super::{DiskConfig, DiskError, files, snapshots};
use crate::core::input::Snapshot;
use crate::core::raft::event::SnapshotMeta;
use crate::core::state::image::Image;
use crate::core::types::{Index, Term};

/// Stores it, durably.
pub(super) fn keep(config: &DiskConfig, image: Image) -> Result<(), DiskError> {
    let meta = SnapshotMeta { index: Index(1), term: Term(1), ..SnapshotMeta::default() };
    let target = waiting_file(config);
    let temporary = target.with_extension("tmp");
    snapshots::store(&Arc::new(Snapshot { meta, image }), &temporary, config.reserve / 2)?;
    files::rename(&temporary, &target)
}

/// An import that an ensemble was formed with, or that it was formed without.
pub(super) fn used_file(config: &DiskConfig) -> PathBuf {
    waiting_file(config).with_extension("used")
}

pub(super) fn waiting_file(config: &DiskConfig) -> PathBuf {
    config.dir.join("import.snap")
}

/// What an ensemble that is formed from this blank disk begins with.
///
/// # Errors
/// When ZooKeeper's files are there and were not read: to begin empty beside them is what nobody wants.
pub(super) fn waiting(config: &DiskConfig) -> Result<Option<Arc<Image>>, DiskError> {
    let file = waiting_file(config);
    if file.exists() {
        return Ok(Some(Arc::new(snapshots::load(&file)?.image)));
    }
    // What an ensemble had of it is in the ensemble, also when this disk was wiped since.
    if used_file(config).exists() {
        return Ok(None);
    }
    match ZooKeeperFiles::find(&config.dir, config.log_home.as_deref())? {
        None => Ok(None),
        Some(found) => Err(DiskError::ZooKeeper {
            found: found.newest(),
            from: config.dir.clone(),
            dir: config.dir.clone(),
        }),
    }
}

/// An import that is not waited for any more is kept under another name: a disk that is wiped must not
/// begin with it again.
pub(super) fn set_aside(config: &DiskConfig) -> Result<(), DiskError> {
    let file = waiting_file(config);
    if file.exists() { files::rename(&file, &used_file(config)) } else { Ok(()) }
}
