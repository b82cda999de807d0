//! A snapshot as a file: blocks with checksums, and a seal over all of them.
//!
//! ```text
//! magic 8 | (length 4 | crc 4 | block)* | 0xFFFFFFFF | crc of all before 4
//! ```

use std::sync::Arc;

use bytes::{Buf, BufMut, Bytes, BytesMut};

use crate::codec::snapshot::{Decoder, Encoder};
use crate::codec::versions::Format;
use crate::core::input::Snapshot;
use crate::core::recovery::Flaw;

const MAGIC: &[u8; 8] = b"QSNAP 1\n";
const END: u32 = u32::MAX;
/// Bytes before a block.
const HEAD: usize = 8;
const BLOCK_MAX: usize = 256 << 20;

/// Writes the file piece by piece.
#[derive(Debug)]
pub(crate) struct FileEncoder {
    blocks: Encoder,
    /// Of the checksums so far; `None` before the magic was given.
    seal: Option<u32>,
    block: Option<Bytes>,
    ended: bool,
}

impl FileEncoder {
    /// Of this snapshot.
    pub(crate) fn new(snapshot: Arc<Snapshot>) -> FileEncoder {
        FileEncoder { blocks: Encoder::new(snapshot), seal: None, block: None, ended: false }
    }

    fn head(length: u32, crc: u32) -> Bytes {
        let mut head = BytesMut::with_capacity(HEAD);
        head.put_u32(length);
        head.put_u32(crc);
        head.freeze()
    }
}

impl Iterator for FileEncoder {
    type Item = Bytes;

    fn next(&mut self) -> Option<Bytes> {
        let Some(seal) = self.seal else {
            self.seal = Some(crc32c::crc32c(MAGIC));
            return Some(Bytes::from_static(MAGIC));
        };
        if let Some(block) = self.block.take() {
            return Some(block);
        }
        if let Some(block) = self.blocks.next_block() {
            let crc = crc32c::crc32c(&block);
            self.seal = Some(crc32c::crc32c_append(seal, &crc.to_be_bytes()));
            let head = FileEncoder::head(block.len() as u32, crc);
            self.block = Some(block);
            return Some(head);
        }
        let last = !self.ended;
        self.ended = true;
        last.then(|| FileEncoder::head(END, seal))
    }
}

/// Reads the file, in pieces of any length.
#[derive(Debug)]
pub(crate) struct FileDecoder {
    unread: BytesMut,
    blocks: Decoder,
    /// Of the checksums so far; `None` before the magic was read.
    seal: Option<u32>,
    ended: bool,
}

impl Default for FileDecoder {
    fn default() -> FileDecoder {
        let blocks = Decoder::default();
        FileDecoder { unread: BytesMut::new(), blocks, seal: None, ended: false }
    }
}

fn damaged(what: &str) -> Flaw {
    Flaw::Damaged(what.to_owned())
}

/// The version is the number in the file's first bytes.
fn check_magic(magic: &[u8]) -> Result<(), Flaw> {
    if magic == MAGIC {
        return Ok(());
    }
    let number = |text: &str| text.strip_prefix("QSNAP ")?.trim_end().parse().ok();
    let other = |version| Format::SnapshotFile.check(version).err();
    match std::str::from_utf8(magic).ok().and_then(number).and_then(other) {
        Some(other) => Err(Flaw::OtherVersion(other.to_string())),
        None => Err(damaged("is no snapshot")),
    }
}

impl FileDecoder {
    /// Takes the next bytes.
    ///
    /// # Errors
    /// When they are not what was written: nothing more can be made of the file then.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> Result<(), Flaw> {
        self.unread.extend_from_slice(bytes);
        while !self.ended && self.unread.len() >= HEAD {
            let Some(seal) = self.seal else {
                check_magic(&self.unread.split_to(HEAD))?;
                self.seal = Some(crc32c::crc32c(MAGIC));
                continue;
            };
            let (length, crc) = ((&self.unread[..]).get_u32(), (&self.unread[4..]).get_u32());
            if length == END {
                if crc != seal {
                    return Err(damaged("its seal is broken"));
                }
                self.ended = true;
                continue;
            }
            let length = length as usize;
            if length > BLOCK_MAX {
                return Err(damaged("a block is too long"));
            }
            if self.unread.len() < HEAD + length {
                break;
            }
            self.unread.advance(HEAD);
            let block = self.unread.split_to(length).freeze();
            if crc32c::crc32c(&block) != crc {
                return Err(damaged("a block is damaged"));
            }
            self.seal = Some(crc32c::crc32c_append(seal, &crc.to_be_bytes()));
            let parsed = self.blocks.push_block(block);
            parsed.map_err(|error| match error.other_version() {
                Some(other) => Flaw::OtherVersion(other.to_string()),
                None => damaged("a block does not parse"),
            })?;
        }
        Ok(())
    }

    /// The snapshot, once all bytes were taken.
    ///
    /// # Errors
    /// When the file ends too early.
    pub(crate) fn finish(self) -> Result<Snapshot, Flaw> {
        if !self.ended {
            return Err(damaged("it is cut short"));
        }
        self.blocks.finish().map_err(|_| damaged("it is incomplete"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::entry::{Action, Command, Entry, Payload};
    use crate::core::raft::event::SnapshotMeta;
    use crate::core::state::State;
    use crate::core::types::{Index, Password, ServerId, Term, Wall};

    fn sample() -> (Vec<u8>, u64) {
        let mut state = State::new();
        for index in 1..40 {
            let action = Action::CreateSession {
                server: ServerId(1),
                timeout_ms: 4_000,
                password: Password([index as u8; 16]),
            };
            let command = Arc::new(Command { wall: Wall(7), origin: None, action });
            let payload = Payload::Command(command);
            state.apply(&Entry { term: Term(1), index: Index(index), payload });
        }
        let meta = SnapshotMeta { index: Index(39), term: Term(1), ..SnapshotMeta::default() };
        let snapshot = Arc::new(Snapshot { meta, image: state.image() });
        (FileEncoder::new(snapshot).flatten().collect(), state.digest())
    }

    fn read(bytes: &[u8], piece: usize) -> Result<Snapshot, Flaw> {
        let mut decoder = FileDecoder::default();
        for piece in bytes.chunks(piece) {
            decoder.push(piece)?;
        }
        decoder.finish()
    }

    #[test]
    fn a_file_comes_back_in_pieces_of_any_length() {
        let (bytes, digest) = sample();
        for piece in [1, 7, 8, 100, bytes.len()] {
            let read = read(&bytes, piece).unwrap();
            assert_eq!(State::restore(&read.image).digest(), digest);
            assert_eq!(read.meta.index, Index(39));
        }
    }

    #[test]
    fn a_file_that_is_cut_short_or_of_which_a_byte_is_another_is_refused() {
        let (bytes, _) = sample();
        for at in 0..bytes.len() {
            assert!(read(&bytes[..at], 64).is_err(), "cut at {at}");
            let mut damaged = bytes.clone();
            damaged[at] ^= 0x41;
            assert!(read(&damaged, 64).is_err(), "damaged at {at}");
        }
    }
}
