//! One log file: preallocated and zero-filled, so that an append changes no metadata and one
//! `fdatasync` is enough.

use std::fs::{File, OpenOptions};
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use bytes::BytesMut;

use super::{DiskError, files, io};
use crate::codec::record::{HEADER, Header, Seal, encode_header};
use crate::core::types::Index;

/// An open segment.
#[derive(Debug)]
pub(crate) struct Segment {
    /// Its nonce and number.
    pub header: Header,
    /// The highest entry in it.
    pub last: Index,
    path: PathBuf,
    file: File,
    at: u64,
    capacity: u64,
}

/// The path of a segment.
pub(crate) fn path(dir: &Path, number: u64) -> PathBuf {
    dir.join(format!("{number:016x}.log"))
}

/// All segments' numbers, in order.
pub(crate) fn list(dir: &Path) -> Result<Vec<u64>, DiskError> {
    let mut numbers = Vec::new();
    for file in std::fs::read_dir(dir).map_err(io("list", dir))? {
        let name = file.map_err(io("list", dir))?.file_name();
        let number = name.to_str().and_then(|name| name.strip_suffix(".log"));
        if let Some(number) = number.and_then(|it| u64::from_str_radix(it, 16).ok()) {
            numbers.push(number);
        }
    }
    numbers.sort_unstable();
    Ok(numbers)
}

impl Segment {
    /// Makes a new one. It has its name only once it is whole.
    pub(crate) fn create(dir: &Path, number: u64, capacity: u64) -> Result<Segment, DiskError> {
        static ZEROS: [u8; 64 << 10] = [0; 64 << 10];
        let header = Header { nonce: u64::from_be_bytes(files::entropy()?), number };
        let path = path(dir, number);
        let temporary = path.with_extension("tmp");
        let mut file = OpenOptions::new()
            .create(true)
            .truncate(true)
            .read(true)
            .write(true)
            .open(&temporary)
            .map_err(io("create", &temporary))?;
        let mut left = capacity;
        while left > 0 {
            let step = left.min(ZEROS.len() as u64);
            file.write_all(&ZEROS[..step as usize]).map_err(io("fill", &temporary))?;
            left -= step;
        }
        file.seek(SeekFrom::Start(0)).map_err(io("seek in", &temporary))?;
        let head = encode_header(header, BytesMut::new());
        file.write_all(&head).map_err(io("write", &temporary))?;
        file.sync_all().map_err(io("sync", &temporary))?;
        files::rename(&temporary, &path)?;
        Ok(Segment { header, last: Index(0), path, file, at: HEADER as u64, capacity })
    }

    /// Opens one to go on behind its last good record, and clears what is there.
    pub(crate) fn reopen(
        dir: &Path,
        header: Header,
        at: u64,
        last: Index,
        torn: bool,
    ) -> Result<Segment, DiskError> {
        let path = path(dir, header.number);
        let mut file =
            OpenOptions::new().read(true).write(true).open(&path).map_err(io("open", &path))?;
        let capacity = file.metadata().map_err(io("look at", &path))?.len();
        if torn {
            file.seek(SeekFrom::Start(at)).map_err(io("seek in", &path))?;
            let rest = vec![0; capacity.saturating_sub(at) as usize];
            file.write_all(&rest).map_err(io("clear", &path))?;
            file.sync_all().map_err(io("sync", &path))?;
        }
        Ok(Segment { header, last, path, file, at, capacity })
    }

    /// What seals the records that are appended next: all before them is durable.
    pub(crate) fn seal(&self) -> Seal {
        Seal { nonce: self.header.nonce, synced: self.at }
    }

    /// Whether so many bytes fit.
    pub(crate) fn fits(&self, bytes: usize) -> bool {
        self.at + bytes as u64 <= self.capacity
    }

    /// Whether more than half is used.
    pub(crate) fn half_full(&self) -> bool {
        self.at * 2 > self.capacity
    }

    /// Appends and syncs. After an error nothing is known about the file any more.
    pub(crate) fn append(&mut self, bytes: &[u8]) -> Result<(), DiskError> {
        self.file.seek(SeekFrom::Start(self.at)).map_err(io("seek in", &self.path))?;
        self.file.write_all(bytes).map_err(io("append to", &self.path))?;
        self.file.sync_data().map_err(io("sync", &self.path))?;
        self.at += bytes.len() as u64;
        Ok(())
    }
}
