//! Bytes that programs before this one wrote. They are read for ever, to the same values, and are
//! never made anew. The newest are also what is written now: a change of a format is a new version.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};

use super::disk::snapshot_file::{FileDecoder, FileEncoder};
use super::jute::{Reader, Writer};
use super::peer::Frame;
use super::{entry, peer, snapshot};
use crate::core::entry::Entry;
use crate::core::state::State;
use crate::core::state::image::Image;
use crate::core::types::{EnsembleVersion, Index, Term};

/// Every kind of entry, in version 1.
const ENTRIES_1: &[u8] = include_bytes!("../../tests/golden/entries-1.bin");
/// The same in version 2.
const ENTRIES_2: &[u8] = include_bytes!("../../tests/golden/entries-2.bin");
/// Every kind of message, in version 1.
const PEER_1: &[u8] = include_bytes!("../../tests/golden/peer-1.bin");
/// The same in frames of version 2.
const PEER_2: &[u8] = include_bytes!("../../tests/golden/peer-2.bin");
/// A hello that says all that one can say, alone and with the offer of a snapshot, in version 1.
const HELLO_1: &[u8] = include_bytes!("../../tests/golden/hello-1.bin");
/// A file with a snapshot in format 3.
const SNAPSHOT_3: &[u8] = include_bytes!("../../tests/golden/snapshot-3.snap");

/// Kinds that came later are behind the others.
fn entries() -> Vec<Arc<Entry>> {
    entry::tests::entries().into_iter().map(Arc::new).collect()
}

/// The golden entries are the first of these, as they are read and as they are written. Gives them.
fn assert_entries(golden: &'static [u8], version: u32) -> Vec<Arc<Entry>> {
    let mut reader = Reader::new(Bytes::from_static(golden));
    let (mut writer, mut all) = (Writer::new(), Vec::new());
    for expected in entries() {
        if reader.remaining() == 0 {
            break;
        }
        assert_eq!(entry::decode(&mut reader).map(Arc::new).as_ref(), Ok(&expected));
        entry::encode(&expected, version, &mut writer);
        all.push(expected);
    }
    assert_eq!(reader.remaining(), 0);
    assert_eq!(writer.into_inner(), golden, "it is what is written");
    all
}

#[test]
fn entries_of_every_version_are_read() {
    let counts =
        [(ENTRIES_1, 1), (ENTRIES_2, 2)].map(|(bytes, it)| assert_entries(bytes, it).len());
    assert_eq!(counts, [17, 18]);
}

/// The golden frames are the first of these, as they are read and as they are written. Gives how
/// many they are.
fn assert_frames(golden: &'static [u8], version: u32, all: Vec<Frame>) -> usize {
    let mut rest = Bytes::from_static(golden);
    let (mut written, mut read) = (BytesMut::new(), 0);
    for expected in all {
        if rest.is_empty() {
            break;
        }
        read += 1;
        let head = rest.split_to(peer::HEADER);
        let (length, crc) = peer::header(head.as_ref().try_into().unwrap()).unwrap();
        assert_eq!(peer::decode(rest.split_to(length), crc).as_ref(), Ok(&expected));
        written = peer::encode_as(&expected, version, written);
    }
    assert!(rest.is_empty());
    assert_eq!(written, golden, "it is what is written");
    read
}

#[test]
fn messages_of_every_version_are_read() {
    for (bytes, version, entries) in [(PEER_1, 1, ENTRIES_1), (PEER_2, 2, ENTRIES_2)] {
        let frames = peer::tests::frames(&assert_entries(entries, version));
        assert_eq!(assert_frames(bytes, version, frames), 20);
    }
}

#[test]
fn a_hello_that_says_all_is_read() {
    let hello = peer::tests::telling_hello();
    let (term, index) = (Term(3), Index(4));
    let offer = Frame::SnapshotOffer { hello: hello.clone(), term, index, bytes: 77 };
    assert_eq!(assert_frames(HELLO_1, 1, vec![Frame::Hello(hello), offer]), 2);
}

#[test]
fn a_snapshot_of_format_3_is_read() {
    let (state, expected) = snapshot::tests::sample(2, 20);
    let mut decoder = FileDecoder::default();
    decoder.push(SNAPSHOT_3).unwrap();
    let back = decoder.finish().unwrap();
    assert_eq!((&back.meta, back.image.version), (&expected.meta, EnsembleVersion(2)));
    assert_eq!(back.image.sessions, expected.image.sessions);
    let znodes = |image: &Image| -> Vec<_> {
        image.chunks.iter().flat_map(|it| it.znodes.clone()).collect()
    };
    assert_eq!(znodes(&back.image), znodes(&expected.image));
    assert_eq!(State::restore(&back.image).digest(), state.digest());
    let written: Vec<u8> = FileEncoder::new(expected).flatten().collect();
    assert_eq!(written, SNAPSHOT_3, "it is what is written");
}
