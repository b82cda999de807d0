//! Bytes that programs before this one wrote. They are read for ever, to the same values, and are
//! never made anew. The newest are also what is written now: a change of a format is a new version.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};

use super::jute::{Reader, Writer};
use super::{entry, peer};
use crate::core::entry::Entry;

/// Every kind of entry, in version 1.
const ENTRIES_1: &[u8] = include_bytes!("../../tests/golden/entries-1.bin");
/// Every kind of message, in version 1.
const PEER_1: &[u8] = include_bytes!("../../tests/golden/peer-1.bin");

/// Kinds that came later are behind the others.
fn entries() -> Vec<Arc<Entry>> {
    entry::tests::entries().into_iter().map(Arc::new).collect()
}

/// Those of [`ENTRIES_1`].
fn first_entries() -> Vec<Arc<Entry>> {
    let mut reader = Reader::new(Bytes::from_static(ENTRIES_1));
    let mut all = Vec::new();
    while reader.remaining() > 0 {
        all.push(Arc::new(entry::decode(&mut reader).unwrap()));
    }
    all
}

#[test]
fn entries_of_version_1_are_read() {
    let mut reader = Reader::new(Bytes::from_static(ENTRIES_1));
    let mut writer = Writer::new();
    for expected in entries() {
        if reader.remaining() == 0 {
            break;
        }
        assert_eq!(entry::decode(&mut reader).map(Arc::new).as_ref(), Ok(&expected));
        entry::encode(&expected, &mut writer);
    }
    assert_eq!(reader.remaining(), 0);
    assert_eq!(writer.into_inner(), ENTRIES_1, "it is what is written");
}

#[test]
fn messages_of_version_1_are_read() {
    let mut rest = Bytes::from_static(PEER_1);
    let mut written = BytesMut::new();
    for expected in peer::tests::frames(&first_entries()) {
        if rest.is_empty() {
            break;
        }
        let head = rest.split_to(peer::HEADER);
        let (length, crc) = peer::header(head.as_ref().try_into().unwrap()).unwrap();
        assert_eq!(peer::decode(rest.split_to(length), crc).as_ref(), Ok(&expected));
        written = peer::encode(&expected, written);
    }
    assert!(rest.is_empty());
    assert_eq!(written, PEER_1, "it is what is written");
}
