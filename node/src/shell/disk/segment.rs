//! One log file: preallocated and zero-filled, so that an append changes no metadata and one
//! `fdatasync` is enough.

use std::fs::{File as OpenFile, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::PathBuf;

use bytes::BytesMut;

use super::{DiskConfig, DiskError, files, io};
use crate::codec::record::{HEADER, Header, decode_header, encode_header};
use crate::core::recovery::File;

static ZEROS: [u8; 64 << 10] = [0; 64 << 10];

/// An open segment.
#[derive(Debug)]
pub(super) struct Segment {
    /// Its place in the order of segments.
    pub(super) number: u64,
    path: PathBuf,
    file: OpenFile,
}

impl Segment {
    /// Makes a new one. It has its name only once it is whole.
    pub(super) fn create(config: &DiskConfig, header: Header) -> Result<Segment, DiskError> {
        let path = config.path(File::Segment(header.number));
        let temporary = path.with_extension("tmp");
        let mut file = OpenOptions::new()
            .create(true)
            .truncate(true)
            .read(true)
            .write(true)
            .open(&temporary)
            .map_err(io("create", &temporary))?;
        fill(&mut file, config.segment_bytes).map_err(io("fill", &temporary))?;
        file.seek(SeekFrom::Start(0)).map_err(io("seek in", &temporary))?;
        let head = encode_header(header, BytesMut::new());
        file.write_all(&head).map_err(io("write", &temporary))?;
        file.sync_all().map_err(io("sync", &temporary))?;
        files::rename(&temporary, &path)?;
        Ok(Segment { number: header.number, path, file })
    }

    /// Opens one that is there.
    pub(super) fn open(config: &DiskConfig, number: u64) -> Result<Segment, DiskError> {
        let path = config.path(File::Segment(number));
        let options = OpenOptions::new().read(true).write(true).open(&path);
        let file = options.map_err(io("open", &path))?;
        Ok(Segment { number, path, file })
    }

    /// Reads its header.
    pub(super) fn header(&mut self) -> Result<Header, DiskError> {
        let mut head = [0; HEADER];
        self.file.seek(SeekFrom::Start(0)).map_err(io("seek in", &self.path))?;
        self.file.read_exact(&mut head).map_err(io("read", &self.path))?;
        let header = decode_header(&head);
        header.map_err(|why| DiskError::Damaged(format!("{}: {why}", self.path.display())))
    }

    /// Fills it with zeros from there on, and syncs.
    pub(super) fn clear(&mut self, at: u64) -> Result<(), DiskError> {
        let length = self.file.metadata().map_err(io("look at", &self.path))?.len();
        self.file.seek(SeekFrom::Start(at)).map_err(io("seek in", &self.path))?;
        fill(&mut self.file, length.saturating_sub(at)).map_err(io("clear", &self.path))?;
        self.file.sync_all().map_err(io("sync", &self.path))
    }

    /// Writes at that place, and syncs. After an error nothing is known about the file any more.
    pub(super) fn append(&mut self, at: u64, bytes: &[u8]) -> Result<(), DiskError> {
        self.file.seek(SeekFrom::Start(at)).map_err(io("seek in", &self.path))?;
        self.file.write_all(bytes).map_err(io("append to", &self.path))?;
        self.file.sync_data().map_err(io("sync", &self.path))
    }
}

/// Writes so many zeros.
fn fill(file: &mut OpenFile, mut left: u64) -> std::io::Result<()> {
    while left > 0 {
        let step = left.min(ZEROS.len() as u64);
        file.write_all(&ZEROS[..step as usize])?;
        left -= step;
    }
    Ok(())
}
