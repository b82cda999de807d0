use proptest::prelude::*;

use super::*;
use crate::core::entry::{Action, Command, Entry, Origin, Payload};
use crate::core::op::{Acl, Create, Id, Write};
use crate::core::types::{SessionId, Wall};

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
            out = encode(record, Seal { nonce: 7, synced, entry: 1 }, out);
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
                    let synced = bytes.len() as u64;
                    let seal = Seal { nonce: 7, synced, entry: 2 };
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

/// Bytes of the log that 100,000 creates take: 16 bytes of path and of data each, the usual access
/// list, one client.
fn of_100_000_creates(version: u32) -> usize {
    let anyone = Id { scheme: "world".into(), id: "anyone".into() };
    let ids: Arc<[Id]> = [Id { scheme: "ip".into(), id: "10.244.1.17".into() }].into();
    let record = |n: u64| {
        let create = Create {
            path: format!("/config/{n:08}"),
            data: Some(Bytes::from_static(b"sixteen bytes...")),
            acl: Some(vec![Acl { perms: 31, id: anyone.clone() }]),
            flags: 0,
            ttl: None,
            with_stat: false,
        };
        let (session, attach) = (SessionId(0x0100_18C2_93A5_0001), Index(1_000));
        let write = Write::Create(create);
        let action = Action::Write { session, attach, ids: Arc::clone(&ids), write };
        let (member, boot) = (MemberId(0x9A31_77C0_15EE_D402), 0xC0FF_EE12_3456_789A);
        let origin = Some(Origin { member, boot, request: n });
        let wall = Wall(1_790_000_000_000 + n as i64);
        let payload = Payload::Command(Arc::new(Command { wall, origin, action }));
        Record::Entry(Arc::new(Entry { term: Term(7), index: Index(1_000 + n), payload }))
    };
    let seal = Seal { nonce: 7, synced: 4_096, entry: version };
    let lengths = (0..100_000).map(|n| encode(&record(n), seal, BytesMut::new()).len());
    lengths.sum()
}

#[test]
fn a_create_takes_little_more_than_half_in_version_2_of_entries() {
    let (full, short) = (of_100_000_creates(1), of_100_000_creates(2));
    assert_eq!((full, short), (19_200_000, 11_368_104), "bytes of the log for 100,000 creates");
}
