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
            entry::encode(it, &mut writer);
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::core::entry::{Entry, Payload};

    /// Every record durable before the next is written.
    fn segment(records: &[Record]) -> (Vec<u8>, Vec<usize>) {
        let each: Vec<&[Record]> = records.chunks(1).collect();
        batches(&each)
    }

    fn batches(batches: &[&[Record]]) -> (Vec<u8>, Vec<usize>) {
        let mut out = encode_header(Header { nonce: 7, number: 1 }, BytesMut::new());
        let mut starts = Vec::new();
        for batch in batches {
            let synced = out.len() as u64;
            for record in *batch {
                starts.push(out.len());
                out = encode(record, Seal { nonce: 7, synced }, out);
            }
        }
        starts.push(out.len());
        out.resize(out.len() + 100, 0);
        (out.to_vec(), starts)
    }

    fn sample() -> Vec<Record> {
        let entry = |n: u64| {
            Record::Entry(Arc::new(Entry {
                term: Term(1),
                index: Index(n),
                payload: Payload::NewLeader,
            }))
        };
        let hard = HardState { term: Term(1), vote: Some(MemberId(3)) };
        vec![Record::Hard(hard), entry(1), entry(2), Record::Truncate(Index(2)), entry(2)]
    }

    #[test]
    fn records_come_back_and_zeros_end_them() {
        let (bytes, starts) = segment(&sample());
        assert_eq!(decode_header(&bytes), Ok(Header { nonce: 7, number: 1 }));
        let scan = scan(&bytes.into(), 7);
        assert_eq!(scan.records, sample());
        assert_eq!((scan.length, scan.end), (starts[5], End::Clean));
    }

    #[test]
    fn a_write_cut_short_anywhere_is_a_torn_tail_and_loses_no_earlier_record() {
        let (bytes, starts) = segment(&sample());
        for cut in HEADER..starts[5] {
            let mut torn = bytes[..cut].to_vec();
            torn.resize(bytes.len(), 0);
            let scan = scan(&torn.into(), 7);
            let whole = starts.iter().filter(|start| **start <= cut).count() - 1;
            // A record that ends in zeros may survive the cut of those.
            assert!(scan.records.len() >= whole, "cut at {cut}");
            assert_eq!(scan.records, sample()[..scan.records.len()], "cut at {cut}");
            assert_ne!(scan.end, End::Corrupt, "cut at {cut}");
        }
    }

    #[test]
    fn damage_before_a_good_record_is_corruption_and_never_a_shorter_log() {
        let (bytes, starts) = segment(&sample());
        for at in HEADER..starts[4] {
            let mut damaged = bytes.clone();
            damaged[at] ^= 0x41;
            let scan = scan(&damaged.into(), 7);
            assert_eq!(scan.end, End::Corrupt, "damaged at {at}");
        }
    }

    #[test]
    fn whatever_reached_the_disk_of_an_unsynced_batch_is_a_torn_tail() {
        let all = sample();
        for synced in 0..all.len() {
            let (bytes, starts) = batches(&[&all[..synced], &all[synced..]]);
            // Any of the last batch's records may be missing, in any combination.
            for missing in 0..1_u32 << (all.len() - synced) {
                let mut torn = bytes.clone();
                for record in (synced..all.len()).filter(|it| missing >> (it - synced) & 1 == 1) {
                    torn[starts[record]..starts[record + 1]].fill(0);
                }
                let scan = scan(&torn.into(), 7);
                assert_ne!(scan.end, End::Corrupt, "{synced} synced, without {missing:b}");
                assert!(scan.records.len() >= synced);
                assert_eq!(scan.records, all[..scan.records.len()]);
            }
        }
    }

    #[test]
    fn damage_in_a_batch_shows_once_another_batch_is_behind_it() {
        let all = sample();
        for synced in 1..all.len() {
            let (bytes, starts) = batches(&[&all[..synced], &all[synced..]]);
            for at in HEADER..starts[synced] {
                let mut damaged = bytes.clone();
                damaged[at] ^= 0x41;
                let scan = scan(&damaged.into(), 7);
                assert_eq!(scan.end, End::Corrupt, "{synced} synced, damaged at {at}");
            }
        }
    }

    /// A record that this program knows nothing of, sealed as its own.
    fn foreign(kind_and_content: &[u8], synced: u64) -> Vec<u8> {
        let content = [&synced.to_be_bytes(), kind_and_content].concat();
        let length = content.len() as u32;
        let crc = checksum(7, &content);
        [&length.to_be_bytes(), &crc.to_be_bytes(), &content[..]].concat()
    }

    #[test]
    fn a_newer_record_is_neither_torn_nor_damaged_wherever_it_is() {
        let kind = Format::Record.unknown_kind(9);
        let newer = Format::Entry.known().written + 1;
        let entry = Format::Entry.check(newer).unwrap_err();
        let content = OtherVersion { format: Format::Record, found: Found::Content };
        let cases =
            [(vec![9, 1, 2, 3], kind), (vec![2, newer as u8, 1, 2], entry), (vec![4, 1], content)];
        let all = sample();
        for (foreign_content, other) in cases {
            for before in 0..=all.len() {
                for together in [false, true] {
                    let (mut bytes, starts) = batches(&[&all[..before]]);
                    bytes.truncate(starts[before]);
                    let synced = if together { HEADER } else { bytes.len() } as u64;
                    bytes.extend(foreign(&foreign_content, synced));
                    for record in &all[before..] {
                        let seal = Seal { nonce: 7, synced: bytes.len() as u64 };
                        bytes = encode(record, seal, BytesMut::from(&bytes[..])).to_vec();
                    }
                    bytes.extend([0; 50]);
                    let scan = scan(&bytes.into(), 7);
                    assert_eq!(scan.records, all[..before]);
                    assert_eq!(scan.end, End::OtherVersion(other));
                }
            }
        }
    }

    #[test]
    fn damage_before_a_newer_record_is_no_reason_to_cut_that_off() {
        let (mut bytes, starts) = segment(&sample());
        bytes.truncate(starts[5]);
        let synced = bytes.len() as u64;
        bytes.extend(foreign(&[9], synced));
        bytes.extend([0; 50]);
        for at in HEADER..starts[5] {
            let mut damaged = bytes.clone();
            damaged[at] ^= 0x41;
            let end = scan(&damaged.into(), 7).end;
            let kind = Format::Record.unknown_kind(9);
            assert_eq!(end, End::OtherVersion(kind), "damaged at {at}");
        }
    }

    #[test]
    fn a_newer_segment_is_known_by_its_header_and_a_damaged_one_is_not_taken_for_newer() {
        let (bytes, _) = segment(&sample());
        let newer = Format::Segment.known().written + 1;
        let mut header = bytes[..HEADER].to_vec();
        header[8] = newer as u8;
        assert_eq!(decode_header(&header), Err(Malformed::Value), "one flipped bit");
        let crc = crc32c::crc32c(&header[..HEADER - 4]);
        header[HEADER - 4..].copy_from_slice(&crc.to_be_bytes());
        let other = Format::Segment.check(newer).unwrap_err();
        assert_eq!(decode_header(&header), Err(Malformed::Version(other)));
    }

    #[test]
    fn what_another_segment_left_is_no_record() {
        let (bytes, _) = segment(&sample());
        assert!(scan(&bytes.into(), 8).records.is_empty());
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_reader_panic_or_find_what_was_not_written(
            at in 0usize..400,
            noise in proptest::collection::vec(any::<u8>(), 0..200),
        ) {
            let _ = decode_header(&noise);
            prop_assert!(scan(&Bytes::from(noise.clone()), 7).records.is_empty());
            let (mut bytes, _) = segment(&sample());
            let at = at.min(bytes.len());
            let end = (at + noise.len()).min(bytes.len());
            bytes[at..end].copy_from_slice(&noise[..end - at]);
            let bytes = Bytes::from(bytes);
            let scan = scan(&bytes, 7);
            prop_assert_eq!(&scan.records[..], &sample()[..scan.records.len()]);
        }
    }
}
