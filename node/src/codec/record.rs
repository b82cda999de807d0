//! The log on disk, as bytes. A segment is a header and records; each record is sealed by a CRC-32C
//! that covers the segment's random nonce too, so that what an older file left on the disk never
//! passes for a record.
//!
//! ```text
//! header: magic 8 | version 1 | nonce 8 | number 8 | crc 4
//! record: length 4 | crc 4 | synced 8 | kind 1 | content
//! ```
//!
//! `synced` is how far the segment was durable when the record was written. Records are made
//! durable in batches, and of a batch that power cuts short any pages may have reached the disk,
//! later ones without earlier ones. So a good record behind a bad place proves damage only if it
//! was written when that place was durable already; otherwise the place belongs to a batch that
//! was never acknowledged.

#[cfg(test)]
mod tests;

use std::sync::Arc;

use bytes::{Bytes, BytesMut};

use super::entry;
use super::jute::{Malformed, Reader, Writer};
use super::versions::{Format, Found, OtherVersion};
use crate::core::raft::event::HardState;
pub use crate::core::recovery::facts::Record;
use crate::core::types::{Index, MemberId, Term};

const MAGIC: &[u8; 8] = b"QUORATE\n";
const VERSION: u8 = Format::Segment.known().written as u8;
/// Bytes of a segment's header.
pub const HEADER: usize = 29;
/// Bytes before what the checksum covers.
const PREFIX: usize = 8;
/// The longest record.
const RECORD_MAX: usize = 64 << 20;

/// Where and when a record is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seal {
    /// The segment's nonce.
    pub nonce: u64,
    /// How many bytes of the segment are durable before it is written.
    pub synced: u64,
    /// The version that an entry is written in.
    pub entry: u32,
}

/// A segment's header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Random.
    pub nonce: u64,
    /// Its place in the order of segments.
    pub number: u64,
}

/// Appends a header.
pub fn encode_header(header: Header, out: BytesMut) -> BytesMut {
    let mut writer = Writer::over(out);
    let start = writer.len();
    writer.raw(MAGIC);
    writer.u8(VERSION);
    writer.u64(header.nonce);
    writer.u64(header.number);
    let mut out = writer.into_inner();
    let crc = crc32c::crc32c(&out[start..]);
    out.extend_from_slice(&crc.to_be_bytes());
    out
}

/// Reads a header.
pub fn decode_header(bytes: &[u8]) -> Result<Header, Malformed> {
    let head = bytes.get(..HEADER).ok_or(Malformed::Short)?;
    let mut reader = Reader::new(Bytes::copy_from_slice(head));
    let magic = reader.take(8)?;
    let version = reader.u8()?;
    let header = Header { nonce: reader.u64()?, number: reader.u64()? };
    let crc = crc32c::crc32c(&head[..HEADER - 4]);
    if magic != MAGIC.as_slice() || reader.int()? as u32 != crc {
        return Err(Malformed::Value);
    }
    Format::Segment.check(u32::from(version))?;
    Ok(header)
}

fn checksum(nonce: u64, content: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&nonce.to_be_bytes()), content)
}

/// Appends a record.
pub fn encode(record: &Record, seal: Seal, out: BytesMut) -> BytesMut {
    encode_long(record, seal, 0, out)
}

/// Appends a record that takes at least so many bytes: nobody reads the zeros behind its content.
pub(crate) fn encode_long(record: &Record, seal: Seal, least: usize, out: BytesMut) -> BytesMut {
    let mut writer = Writer::over(out);
    let start = writer.len();
    writer.u64(0);
    writer.u64(seal.synced);
    match record {
        Record::Hard(hard) => {
            writer.u8(1);
            writer.u64(hard.term.0);
            writer.u64(hard.vote.map_or(0, |vote| vote.0));
        }
        Record::Entry(it) => {
            writer.u8(2);
            entry::encode(it, seal.entry, &mut writer);
        }
        Record::Truncate(from) => {
            writer.u8(3);
            writer.u64(from.0);
        }
        Record::Reset(index) => {
            writer.u8(4);
            writer.u64(index.0);
        }
    }
    let mut out = writer.into_inner();
    let whole = out.len().max(start + least);
    out.resize(whole, 0);
    let content = start + PREFIX;
    let length = (out.len() - content) as u32;
    let crc = checksum(seal.nonce, &out[content..]);
    out[start..start + 4].copy_from_slice(&length.to_be_bytes());
    out[start + 4..content].copy_from_slice(&crc.to_be_bytes());
    out
}

/// Bytes with a right checksum where a record may begin.
struct Located {
    /// The record, unless this program cannot read it.
    record: Result<Record, OtherVersion>,
    /// How far the segment was durable when it was written.
    synced: u64,
    /// Where the next one begins.
    next: usize,
}

/// Finds the record at an offset.
fn record_at(bytes: &Bytes, at: usize, nonce: u64) -> Result<Located, Malformed> {
    let prefix = bytes.get(at..at + PREFIX).ok_or(Malformed::Short)?;
    let [a, b, c, d, e, f, g, h] = prefix.try_into().map_err(|_| Malformed::Short)?;
    let length = u32::from_be_bytes([a, b, c, d]) as usize;
    if length == 0 || length > RECORD_MAX {
        return Err(Malformed::Length);
    }
    let (start, end) = (at + PREFIX, at + PREFIX + length);
    if end > bytes.len() {
        return Err(Malformed::Short);
    }
    let content = bytes.slice(start..end);
    if checksum(nonce, &content) != u32::from_be_bytes([e, f, g, h]) {
        return Err(Malformed::Value);
    }
    let mut reader = Reader::new(content);
    let synced = reader.u64()?;
    // Nobody tears or damages what has a right checksum: somebody wrote it so.
    let unknown = OtherVersion { format: Format::Record, found: Found::Content };
    let record = decode(&mut reader).map_err(|error| error.other_version().unwrap_or(unknown));
    Ok(Located { record, synced, next: end })
}

fn decode(reader: &mut Reader) -> Result<Record, Malformed> {
    Ok(match reader.u8()? {
        1 => {
            let term = Term(reader.u64()?);
            let vote = Some(MemberId(reader.u64()?)).filter(|vote| vote.0 != 0);
            Record::Hard(HardState { term, vote })
        }
        2 => Record::Entry(Arc::new(entry::decode(reader)?)),
        3 => Record::Truncate(Index(reader.u64()?)),
        4 => Record::Reset(Index(reader.u64()?)),
        kind => return Err(Format::Record.unknown_kind(kind).into()),
    })
}

/// How a segment ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Zeros, or the end of the file, follow the last record.
    Clean,
    /// What follows is no record, and nothing shows that it ever was durable: a write that power
    /// cut short.
    Torn,
    /// What follows is no record, but was durable when a later one was written: this was damaged
    /// afterwards.
    Corrupt,
    /// There are records of a version that this program does not read. Whatever else is wrong, it
    /// cannot judge what follows.
    OtherVersion(OtherVersion),
}

/// A segment's content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scan {
    /// Good records, in order.
    pub records: Vec<Record>,
    /// Where the next one would begin.
    pub length: usize,
    /// What is there instead.
    pub end: End,
}

/// Reads a segment behind its header.
pub fn scan(bytes: &Bytes, nonce: u64) -> Scan {
    let mut records = Vec::new();
    let mut at = HEADER;
    while let Ok(Located { record: Ok(record), next, .. }) = record_at(bytes, at, nonce) {
        records.push(record);
        at = next;
    }
    Scan { records, length: at, end: end_at(bytes, at, nonce) }
}

/// The newest version of an entry that stands in a segment, whatever is behind its sound records.
#[cfg(any(test, feature = "sim"))]
pub(crate) fn newest_entry(bytes: &Bytes) -> Option<u32> {
    let nonce = decode_header(bytes).ok()?.nonce;
    let (mut newest, mut at) = (None, HEADER);
    while let Ok(Located { record: Ok(record), next, .. }) = record_at(bytes, at, nonce) {
        if matches!(record, Record::Entry(_)) {
            // Behind length, checksum, `synced` and kind.
            newest = newest.max(bytes.get(at + PREFIX + 9).map(|version| u32::from(*version)));
        }
        at = next;
    }
    newest
}

/// What there is where no record could be read.
fn end_at(bytes: &Bytes, at: usize, nonce: u64) -> End {
    let rest = bytes.get(at..).unwrap_or_default();
    if rest.iter().all(|byte| *byte == 0) {
        return End::Clean;
    }
    if let Ok(Located { record: Err(other), .. }) = record_at(bytes, at, nonce) {
        return End::OtherVersion(other);
    }
    let mut end = End::Torn;
    for (start, later) in located(bytes, at + 1, nonce) {
        match later.record {
            // By chance a checksum may fit to bytes in the middle of a torn write, but hardly one
            // that was sealed when just some bytes before it were durable.
            Err(other) if later.synced >= HEADER as u64 && later.synced <= start as u64 => {
                return End::OtherVersion(other);
            }
            Ok(_) if later.synced > at as u64 => end = End::Corrupt,
            Ok(_) | Err(_) => {}
        }
    }
    end
}

/// Records from an offset on, each with where it begins, whatever is between them. The length is
/// looked at first: it is zero almost always.
fn located(bytes: &Bytes, from: usize, nonce: u64) -> impl Iterator<Item = (usize, Located)> {
    let mut at = from;
    std::iter::from_fn(move || {
        while let Some(length) = bytes.get(at..at + 4) {
            if length != [0, 0, 0, 0]
                && let Ok(found) = record_at(bytes, at, nonce)
            {
                let start = at;
                at = if found.record.is_ok() { found.next } else { at + 1 };
                return Some((start, found));
            }
            at += 1;
        }
        None
    })
}
