//! Snapshot files: blocks with checksums, written aside, synced, renamed.
//!
//! ```text
//! magic 8 | (length 4 | crc 4 | block)* | 0xFFFFFFFF | crc of all before 4
//! ```

use std::fs::{File, OpenOptions};
use std::io::{BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;

use super::{DiskConfig, DiskError, files, io, other_version, space};
use crate::codec::snapshot::{Decoder, Encoder};
use crate::codec::versions::Format;
use crate::core::input::Snapshot;
use crate::core::raft::event::SnapshotMeta;
use crate::core::types::{Index, Term};

const MAGIC: &[u8; 8] = b"QSNAP 1\n";
const END: u32 = u32::MAX;
const BLOCK_MAX: usize = 256 << 20;

fn path(config: &DiskConfig, index: Index, term: Term) -> PathBuf {
    config.snap_dir().join(format!("{:016x}-{:016x}.snap", index.0, term.0))
}

/// A snapshot on its way in.
fn part(config: &DiskConfig, index: Index) -> PathBuf {
    config.snap_dir().join(format!("{:016x}.part", index.0))
}

/// Stored snapshots, newest first.
pub fn list(config: &DiskConfig) -> Vec<(Index, Term, PathBuf)> {
    let files = std::fs::read_dir(config.snap_dir()).into_iter().flatten().flatten();
    let parse = |path: PathBuf| {
        let name = path.file_name()?.to_str()?.strip_suffix(".snap")?;
        let (index, term) = name.split_once('-')?;
        let index = Index(u64::from_str_radix(index, 16).ok()?);
        Some((index, Term(u64::from_str_radix(term, 16).ok()?), path))
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
fn store(snapshot: &Arc<Snapshot>, temporary: &Path, spare: u64) -> Result<u64, DiskError> {
    let file = File::create(temporary).map_err(io("create", temporary))?;
    let mut out = BufWriter::new(file);
    let mut seal = crc32c::crc32c(MAGIC);
    out.write_all(MAGIC).map_err(io("write", temporary))?;
    let mut encoder = Encoder::new(Arc::clone(snapshot));
    while let Some(block) = encoder.next_block() {
        if let Some((free, _)) = space(temporary).filter(|(free, _)| *free < spare) {
            let path = temporary.to_owned();
            return Err(DiskError::Short { path, free });
        }
        let crc = crc32c::crc32c(&block);
        seal = crc32c::crc32c_append(seal, &crc.to_be_bytes());
        out.write_all(&(block.len() as u32).to_be_bytes()).map_err(io("write", temporary))?;
        out.write_all(&crc.to_be_bytes()).map_err(io("write", temporary))?;
        out.write_all(&block).map_err(io("write", temporary))?;
    }
    out.write_all(&END.to_be_bytes()).map_err(io("write", temporary))?;
    out.write_all(&seal.to_be_bytes()).map_err(io("write", temporary))?;
    let file = out.into_inner().map_err(|error| io("write", temporary)(error.into_error()))?;
    file.sync_all().map_err(io("sync", temporary))?;
    Ok(file.metadata().map_err(io("look at", temporary))?.len())
}

/// The version in a file's first bytes.
fn version(magic: &[u8; 8]) -> Option<u32> {
    std::str::from_utf8(magic).ok()?.strip_prefix("QSNAP ")?.trim_end().parse().ok()
}

/// Reads a snapshot; any damage is an error.
pub fn load(path: &Path) -> Result<Snapshot, DiskError> {
    let damaged = |what: &str| DiskError::Damaged(format!("{}: {what}", path.display()));
    let mut file = File::open(path).map_err(io("open", path))?;
    let mut magic = [0; 8];
    file.read_exact(&mut magic).map_err(io("read", path))?;
    if &magic != MAGIC {
        if let Some(version) = version(&magic) {
            Format::SnapshotFile.check(version).map_err(other_version(path))?;
        }
        return Err(damaged("is no snapshot"));
    }
    let mut seal = crc32c::crc32c(MAGIC);
    let mut file = std::io::BufReader::new(file);
    let mut decoder = Decoder::default();
    loop {
        let mut head = [0; 8];
        file.read_exact(&mut head).map_err(io("read", path))?;
        let [a, b, c, d, e, f, g, h] = head;
        let (length, crc) = (u32::from_be_bytes([a, b, c, d]), u32::from_be_bytes([e, f, g, h]));
        if length == END {
            if crc != seal {
                return Err(damaged("its seal is broken"));
            }
            return decoder.finish().map_err(|_| damaged("it is incomplete"));
        }
        if length as usize > BLOCK_MAX {
            return Err(damaged("a block is too long"));
        }
        let mut block = Vec::new();
        let read = (&mut file).take(u64::from(length)).read_to_end(&mut block);
        read.map_err(io("read", path))?;
        if block.len() != length as usize || crc32c::crc32c(&block) != crc {
            return Err(damaged("a block is damaged"));
        }
        seal = crc32c::crc32c_append(seal, &crc.to_be_bytes());
        decoder.push_block(Bytes::from(block)).map_err(|error| {
            let unreadable = || damaged("a block does not parse");
            error.other_version().map_or_else(unreadable, other_version(path))
        })?;
    }
}

/// A snapshot on its way in; what arrived before a break is kept.
#[derive(Debug)]
pub struct Incoming {
    path: PathBuf,
    file: File,
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
