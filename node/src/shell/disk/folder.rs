//! Who may use the data folder, and how it is given up.

use std::fs::File as OpenFile;
use std::path::{Path, PathBuf};

use super::{DiskConfig, DiskError, files, io};
use crate::core::recovery::{Archived, File};

/// Makes the folders and keeps other processes out for as long as the locks live.
pub(super) fn open(config: &DiskConfig) -> Result<Vec<OpenFile>, DiskError> {
    let mut locks = Vec::new();
    for home in homes(config) {
        files::make_dir(&home)?;
        locks.push(lock(&home)?);
    }
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

fn lock(dir: &Path) -> Result<OpenFile, DiskError> {
    let path = dir.join("lock");
    let file = OpenFile::create(&path).map_err(io("create", &path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(std::fs::TryLockError::WouldBlock) => Err(DiskError::Locked(dir.to_owned())),
        Err(std::fs::TryLockError::Error(error)) => Err(io("lock", &path)(error)),
    }
}

/// Asks the next start to archive everything and begin blank.
pub(in crate::shell) fn ask_wipe(config: &DiskConfig) -> Result<(), DiskError> {
    files::replace(&config.path(File::Wipe), b"")
}

fn archive_of(home: &Path) -> PathBuf {
    home.join("archive")
}

/// Makes an empty archive in each of the folders.
pub(super) fn empty_archive(config: &DiskConfig) -> Result<(), DiskError> {
    for home in homes(config) {
        let archive = archive_of(&home);
        if archive.exists() {
            std::fs::remove_dir_all(&archive).map_err(io("remove", &archive))?;
        }
        files::make_dir(&archive)?;
    }
    Ok(())
}

/// Moves a file or a folder into the archive beside it, durably, if it is there.
pub(super) fn archive(config: &DiskConfig, what: Archived) -> Result<(), DiskError> {
    match what {
        Archived::Identity => move_file(&config.path(File::Identity)),
        Archived::Vote => move_file(&config.path(File::Vote)),
        Archived::Repair => move_file(&config.path(File::Repair)),
        Archived::Log => move_folder(&config.log_dir()),
        Archived::Snapshots => move_folder(&config.snap_dir()),
    }
}

/// An empty folder stays: what was in it has been moved before.
fn move_folder(from: &Path) -> Result<(), DiskError> {
    let mut names = std::fs::read_dir(from).map_err(io("list", from))?;
    if names.next().is_none() {
        return Ok(());
    }
    move_file(from)?;
    files::make_dir(from)
}

fn move_file(from: &Path) -> Result<(), DiskError> {
    let (Some(home), Some(name)) = (from.parent(), from.file_name()) else {
        return Ok(());
    };
    if !from.exists() {
        return Ok(());
    }
    let archive = archive_of(home);
    files::make_dir(&archive)?;
    files::rename(from, &archive.join(name))?;
    files::sync_dir(home)
}
