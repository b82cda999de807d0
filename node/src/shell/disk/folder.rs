//! Who may use the data folder, and how it is given up.

use std::fs::File;
use std::path::{Path, PathBuf};

use super::{DiskConfig, DiskError, files, io};

/// Makes the folders and keeps other processes out for as long as the locks live.
pub(super) fn open(config: &DiskConfig) -> Result<Vec<File>, DiskError> {
    let mut locks = Vec::new();
    for home in homes(config) {
        files::make_dir(&home)?;
        locks.push(lock(&home)?);
    }
    wipe_if_asked(config)?;
    files::make_dir(&config.log_dir())?;
    files::make_dir(&config.snap_dir())?;
    Ok(locks)
}

/// The data folder, and the log's if it lies elsewhere.
fn homes(config: &DiskConfig) -> Vec<PathBuf> {
    let mut homes = vec![config.dir.clone()];
    homes.extend(config.log_home.clone().filter(|log| *log != config.dir));
    homes
}

fn lock(dir: &Path) -> Result<File, DiskError> {
    let path = dir.join("lock");
    let file = File::create(&path).map_err(io("create", &path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(std::fs::TryLockError::WouldBlock) => Err(DiskError::Locked(dir.to_owned())),
        Err(std::fs::TryLockError::Error(error)) => Err(io("lock", &path)(error)),
    }
}

/// Asks the next start to archive everything and begin blank.
pub(in crate::shell) fn ask_wipe(config: &DiskConfig) -> Result<(), DiskError> {
    files::replace(&config.dir.join("wipe"), b"")
}

/// One archive is kept: the newest.
fn wipe_if_asked(config: &DiskConfig) -> Result<(), DiskError> {
    let marker = config.dir.join("wipe");
    if !marker.exists() {
        return Ok(());
    }
    for home in homes(config) {
        let archive = home.join("archive");
        if archive.exists() {
            std::fs::remove_dir_all(&archive).map_err(io("remove", &archive))?;
        }
        files::make_dir(&archive)?;
        // The identity goes first: without it the rest could only be refused, never be voted with.
        for name in ["identity", "vote", "log", "snap", "repair"] {
            let from = home.join(name);
            if from.exists() {
                files::rename(&from, &archive.join(name))?;
                files::sync_dir(&home)?;
            }
        }
    }
    files::remove(&marker)?;
    files::sync_dir(&config.dir)
}
