//! What members say to each other, and the entries in it.

use bytes::{Bytes, BytesMut};
use quorate_node::model::Entry;
use quorate_node::wire::jute::{Reader, Writer};
use quorate_node::wire::{entry as codec, peer};

use crate::values;

/// Of frames, and of entries.
const VERSIONS: [u32; 2] = [1, 2];

/// The contents of frames. The checksum before each is always made to fit.
pub(crate) fn frames() -> Vec<Vec<u8>> {
    let content = |(version, frame)| {
        peer::encode_as(&frame, version, BytesMut::new())[peer::HEADER..].to_vec()
    };
    let of = |version| values::frames().into_iter().map(move |frame| (version, frame));
    of(1).chain(of(2)).map(content).collect()
}

pub(crate) fn frame(bytes: &[u8]) {
    let Ok(frame) = peer::decode(Bytes::copy_from_slice(bytes), crc32c::crc32c(bytes)) else {
        return;
    };
    for version in VERSIONS {
        let again = peer::encode_as(&frame, version, BytesMut::new()).freeze();
        let header = again[..peer::HEADER].try_into().expect("a whole header");
        let (length, crc) = peer::header(header).expect("one of our own");
        assert_eq!(length + peer::HEADER, again.len());
        assert_eq!(
            peer::decode(again.slice(peer::HEADER..), crc).as_ref(),
            Ok(&frame),
            "it is said again as it was understood"
        );
    }
}

fn encode(entry: &Entry, version: u32) -> Bytes {
    let mut writer = Writer::new();
    codec::encode(entry, version, &mut writer);
    writer.into_inner().freeze()
}

pub(crate) fn entries() -> Vec<Vec<u8>> {
    let of = |version| values::entries().into_iter().map(move |entry| encode(&entry, version));
    of(1).chain(of(2)).map(|bytes| bytes.to_vec()).collect()
}

pub(crate) fn entry(bytes: &[u8]) {
    let read = codec::decode(&mut Reader::new(Bytes::copy_from_slice(bytes)));
    if let Ok(entry) = read {
        kept(&entry);
    }
}

/// # Panics
/// If an entry does not come back from the log as it was.
pub(crate) fn kept(entry: &Entry) {
    for version in VERSIONS {
        let mut reader = Reader::new(encode(entry, version));
        assert_eq!(codec::decode(&mut reader).as_ref(), Ok(entry));
        assert_eq!(reader.remaining(), 0);
    }
}
