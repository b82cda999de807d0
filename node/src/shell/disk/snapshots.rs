//! Snapshot files: written aside, synced, renamed.

use std::fs::{File as OpenFile, OpenOptions};
use std::io::{BufWriter, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{DiskConfig, DiskError, files, io, space};
use crate::codec::disk::snapshot_file::{FileDecoder, FileEncoder};
use crate::core::input::Snapshot;
use crate::core::raft::event::SnapshotMeta;
use crate::core::recovery::{File, Flaw};
use crate::core::types::{Index, Term};

fn path(config: &DiskConfig, index: Index, term: Term) -> PathBuf {
    config.path(File::Snapshot(index, term))
}

/// A snapshot on its way in.
fn part(config: &DiskConfig, index: Index) -> PathBuf {
    config.snap_dir().join(format!("{:016x}.part", index.0))
}

/// Stored snapshots, newest first.
pub fn list(config: &DiskConfig) -> Vec<(Index, Term, PathBuf)> {
    let files = std::fs::read_dir(config.snap_dir()).into_iter().flatten().flatten();
    let parse = |path: PathBuf| {
        let File::Snapshot(index, term) = File::snapshot(path.file_name()?.to_str()?)? else {
            return None;
        };
        Some((index, term, path))
    };
    let mut found: Vec<_> = files.filter_map(|file| parse(file.path())).collect();
    found.sort_by_key(|(index, term, _)| std::cmp::Reverse((*index, *term)));
    found
}

/// Files of the folder that are on their way: in (`part`, with their index) or out (`tmp`).
fn unfinished(config: &DiskConfig) -> Result<Vec<(Option<Index>, PathBuf)>, DiskError> {
    let dir = config.snap_dir();
    let mut found = Vec::new();
    for file in std::fs::read_dir(&dir).map_err(io("list", &dir))? {
        let path = file.map_err(io("list", &dir))?.path();
        let name = path.file_name().and_then(|name| name.to_str());
        let Some((stem, end)) = name.and_then(|name| name.rsplit_once('.')) else {
            continue;
        };
        match (end, u64::from_str_radix(stem, 16)) {
            ("part", Ok(index)) => found.push((Some(Index(index)), path)),
            ("tmp", _) => found.push((None, path)),
            _ => {}
        }
    }
    Ok(found)
}

/// Removes what an earlier process did not finish to store; at a start, when nobody is storing.
/// What has arrived of a snapshot on its way in is kept: the rest may follow.
pub(super) fn remove_unfinished(config: &DiskConfig) -> Result<(), DiskError> {
    for (index, path) in unfinished(config)? {
        if index.is_none() {
            files::remove(&path)?;
        }
    }
    Ok(())
}

/// Stores a snapshot and drops the oldest; gives its size. Blocks: not for a thread that others
/// wait for.
pub fn save(config: &DiskConfig, snapshot: &Arc<Snapshot>) -> Result<u64, DiskError> {
    let meta = &snapshot.meta;
    let target = path(config, meta.index, meta.term);
    let temporary = target.with_extension("tmp");
    let stored = store(snapshot, &temporary, config.reserve / 2).and_then(|size| {
        files::rename(&temporary, &target)?;
        Ok(size)
    });
    if stored.is_err() {
        // It may be what fills the disk. That the first error is told matters more than this one.
        let _ = std::fs::remove_file(&temporary);
    }
    let size = stored?;
    for (_, _, old) in list(config).into_iter().skip(config.retain.max(1)) {
        files::remove(&old)?;
    }
    Ok(size)
}

/// Writes a snapshot durably, but for the last `spare` bytes that are free; gives its size. Without
/// space for the log the process ends, without one more snapshot it only needs more of it.
pub(super) fn store(
    snapshot: &Arc<Snapshot>,
    temporary: &Path,
    spare: u64,
) -> Result<u64, DiskError> {
    let file = OpenFile::create(temporary).map_err(io("create", temporary))?;
    let mut out = BufWriter::new(file);
    for piece in FileEncoder::new(Arc::clone(snapshot)) {
        if let Some((free, _)) = space(temporary).filter(|(free, _)| *free < spare) {
            let path = temporary.to_owned();
            return Err(DiskError::Short { path, free });
        }
        out.write_all(&piece).map_err(io("write", temporary))?;
    }
    let file = out.into_inner().map_err(|error| io("write", temporary)(error.into_error()))?;
    file.sync_all().map_err(io("sync", temporary))?;
    Ok(file.metadata().map_err(io("look at", temporary))?.len())
}

/// Reads a snapshot; any damage is an error.
pub fn load(path: &Path) -> Result<Snapshot, DiskError> {
    let mut decoder = FileDecoder::default();
    let mut pushed = Ok(());
    let read = files::stream(path, &mut |piece| {
        pushed = decoder.push(piece);
        pushed.is_ok()
    });
    read.map_err(io("read", path))?;
    let snapshot = pushed.and_then(|()| decoder.finish());
    snapshot.map_err(|flaw| match flaw {
        Flaw::OtherVersion(other) => DiskError::OtherVersion { path: path.to_owned(), other },
        flaw => DiskError::Damaged(format!("{}: {flaw}", path.display())),
    })
}

/// A snapshot on its way in; what arrived before a break is kept.
#[derive(Debug)]
pub struct Incoming {
    path: PathBuf,
    file: OpenFile,
    length: u64,
    total: u64,
}

impl Incoming {
    /// Opens (again) the snapshot at this position, of so many bytes.
    pub fn open(config: &DiskConfig, index: Index, total: u64) -> Result<Incoming, DiskError> {
        let path = part(config, index);
        let mut options = OpenOptions::new();
        options.create(true).truncate(false).read(true).write(true);
        let file = options.open(&path).map_err(io("open", &path))?;
        let mut length = file.metadata().map_err(io("look at", &path))?.len();
        if length > total {
            file.set_len(0).map_err(io("cut", &path))?;
            length = 0;
        }
        Ok(Incoming { path, file, length, total })
    }

    /// Where to go on.
    pub fn offset(&self) -> u64 {
        self.length
    }

    /// Whether all of it is there.
    pub fn complete(&self) -> bool {
        self.length == self.total
    }

    /// Takes the next bytes; others are refused.
    pub fn push(&mut self, offset: u64, bytes: &[u8]) -> Result<bool, DiskError> {
        if offset != self.length || offset + bytes.len() as u64 > self.total {
            return Ok(false);
        }
        self.file.seek(SeekFrom::Start(offset)).map_err(io("seek in", &self.path))?;
        self.file.write_all(bytes).map_err(io("write", &self.path))?;
        self.length += bytes.len() as u64;
        Ok(true)
    }

    /// Syncs and checks it. A damaged one is thrown away, to be sent anew.
    pub fn finish(self) -> Result<Arc<Snapshot>, DiskError> {
        self.file.sync_all().map_err(io("sync", &self.path))?;
        match load(&self.path) {
            Ok(snapshot) => Ok(Arc::new(snapshot)),
            Err(error) => {
                files::remove(&self.path)?;
                Err(error)
            }
        }
    }
}

/// Makes a received snapshot one of ours, durably.
pub fn adopt_incoming(config: &DiskConfig, meta: &SnapshotMeta) -> Result<(), DiskError> {
    let part = part(config, meta.index);
    let target = path(config, meta.index, meta.term);
    if part.exists() || !target.exists() {
        files::rename(&part, &target)?;
    }
    // Nobody needs those before it any more. One that is still arriving finds that it is gone.
    for (index, path) in unfinished(config)? {
        if index.is_some_and(|index| index < meta.index) {
            files::remove(&path)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
