//! The log on disk, as bytes. A segment is a header and records; each record is sealed by a CRC-32C
//! that covers the segment's random nonce too, so that what an older file left on the disk never
//! passes for a record.
//!
//! ```text
//! header: magic 8 | version 1 | nonce 8 | number 8 | crc 4
//! record: length 4 | crc 4 | kind 1 | content
//! ```

use std::sync::Arc;

use bytes::{Bytes, BytesMut};

use super::entry;
use super::jute::{Malformed, Reader, Writer};
use crate::core::entry::Entry;
use crate::core::raft::event::HardState;
use crate::core::types::{Index, MemberId, Term};

const MAGIC: &[u8; 8] = b"QUORATE\n";
const VERSION: u8 = 1;
/// Bytes of a segment's header.
pub const HEADER: usize = 29;
/// Bytes before a record's kind.
const PREFIX: usize = 8;
/// The longest record.
const RECORD_MAX: usize = 64 << 20;

/// A record.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Record {
    Hard(HardState),
    Entry(Arc<Entry>),
    /// Entries from here on were dropped.
    Truncate(Index),
    /// A snapshot at this index replaced the log.
    Reset(Index),
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
    let header = Header {
        nonce: reader.u64()?,
        number: reader.u64()?,
    };
    let crc = crc32c::crc32c(&head[..HEADER - 4]);
    if magic != MAGIC.as_slice() || version != VERSION || reader.int()? as u32 != crc {
        return Err(Malformed::Value);
    }
    Ok(header)
}

fn checksum(nonce: u64, content: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&nonce.to_be_bytes()), content)
}

/// Appends a record.
pub fn encode(record: &Record, nonce: u64, out: BytesMut) -> BytesMut {
    let mut writer = Writer::over(out);
    let start = writer.len();
    writer.u64(0);
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
    let crc = checksum(nonce, &out[content..]);
    out[start..start + 4].copy_from_slice(&length.to_be_bytes());
    out[start + 4..content].copy_from_slice(&crc.to_be_bytes());
    out
}

/// Reads the record at an offset; gives it and where the next one begins.
fn record_at(bytes: &Bytes, at: usize, nonce: u64) -> Result<(Record, usize), Malformed> {
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
    let record = match reader.u8()? {
        1 => {
            let term = Term(reader.u64()?);
            let vote = Some(MemberId(reader.u64()?)).filter(|vote| vote.0 != 0);
            Record::Hard(HardState { term, vote })
        }
        2 => Record::Entry(Arc::new(entry::decode(&mut reader)?)),
        3 => Record::Truncate(Index(reader.u64()?)),
        4 => Record::Reset(Index(reader.u64()?)),
        _ => return Err(Malformed::Value),
    };
    Ok((record, end))
}

/// How a segment ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Zeros, or the end of the file, follow the last record.
    Clean,
    /// What follows is no record, and nothing behind it is: a write that power cut short.
    Torn,
    /// What follows is no record, but a good one comes later: this was damaged afterwards.
    Corrupt,
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
    while let Ok((record, next)) = record_at(bytes, at, nonce) {
        records.push(record);
        at = next;
    }
    let rest = bytes.get(at..).unwrap_or_default();
    let end = if rest.iter().all(|byte| *byte == 0) {
        End::Clean
    } else if (at + 1..bytes.len()).any(|later| plausible(bytes, later, nonce)) {
        End::Corrupt
    } else {
        End::Torn
    };
    Scan {
        records,
        length: at,
        end,
    }
}

/// Good records behind a damaged place. There may be gaps between them.
pub fn salvage(bytes: &Bytes, from: usize, nonce: u64) -> Vec<Record> {
    let mut records = Vec::new();
    let mut at = from;
    while at < bytes.len() {
        match record_at(bytes, at, nonce) {
            Ok((record, next)) => {
                records.push(record);
                at = next;
            }
            Err(_) => at += 1,
        }
    }
    records
}

/// Whether a good record begins here. The length is looked at first: it is zero almost always.
fn plausible(bytes: &Bytes, at: usize, nonce: u64) -> bool {
    match bytes.get(at..at + 4) {
        Some(&[0, 0, 0, 0]) | None => false,
        Some(_) => record_at(bytes, at, nonce).is_ok(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::core::entry::Payload;

    fn segment(records: &[Record]) -> (Vec<u8>, Vec<usize>) {
        let mut out = encode_header(
            Header {
                nonce: 7,
                number: 1,
            },
            BytesMut::new(),
        );
        let mut starts = Vec::new();
        for record in records {
            starts.push(out.len());
            out = encode(record, 7, out);
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
        let hard = HardState {
            term: Term(1),
            vote: Some(MemberId(3)),
        };
        vec![
            Record::Hard(hard),
            entry(1),
            entry(2),
            Record::Truncate(Index(2)),
            entry(2),
        ]
    }

    #[test]
    fn records_come_back_and_zeros_end_them() {
        let (bytes, starts) = segment(&sample());
        assert_eq!(
            decode_header(&bytes),
            Ok(Header {
                nonce: 7,
                number: 1
            })
        );
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
    fn what_another_segment_left_is_no_record() {
        let (bytes, _) = segment(&sample());
        assert!(scan(&bytes.into(), 8).records.is_empty());
    }

    #[test]
    fn every_good_record_behind_a_damage_is_salvaged_and_nothing_else() {
        let (bytes, starts) = segment(&sample());
        for broken in 0..sample().len() {
            let mut damaged = bytes.clone();
            // In the content, so that the length still leads to the next record.
            damaged[starts[broken] + PREFIX] ^= 0x41;
            let damaged = Bytes::from(damaged);
            let expected = &sample()[broken + 1..];
            assert_eq!(salvage(&damaged, starts[broken], 7), expected);
            assert_eq!(
                salvage(&damaged, starts[broken], 8),
                [],
                "of another segment"
            );
        }
    }

    #[test]
    fn records_are_salvaged_on_both_sides_of_a_second_damage_even_if_lengths_are_damaged() {
        let (mut bytes, starts) = segment(&sample());
        for broken in [0, 2] {
            bytes[starts[broken]..starts[broken] + 4].fill(0xFF);
        }
        let found = salvage(&Bytes::from(bytes), HEADER, 7);
        let all = sample();
        assert_eq!(found, [all[1].clone(), all[3].clone(), all[4].clone()]);
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
            for record in salvage(&bytes, HEADER, 7) {
                prop_assert!(sample().contains(&record));
            }
        }
    }
}
