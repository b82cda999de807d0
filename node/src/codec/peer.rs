//! What members say to each other, as frames: length, CRC-32C, version, kind, content.
//!
//! A link begins in version 1. Once both ends have said who they are, messages are sent in the newest
//! version that both of them read ([`super::versions::spoken_with`]).

use std::sync::Arc;

use bytes::{Bytes, BytesMut};

use super::jute::{Malformed, Reader, Writer};
use super::versions::Format;
use super::{action, entry, hello};
use crate::core::message::{Hello, PeerMessage, Submission};
use crate::core::raft::event::Message;
use crate::core::types::{Index, SessionId, Term};

/// The version that every link begins in.
pub(crate) const FIRST: u32 = 1;
/// Bytes before a frame's content: length and checksum.
pub const HEADER: usize = 8;
/// The longest frame. Batches are bounded far below it.
pub const FRAME_MAX: usize = 64 << 20;

/// A frame.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Frame {
    /// First on a connection, and the answer to it.
    Hello(Hello),
    Message(PeerMessage),
    /// First on a connection of its own: a snapshot of `bytes` bytes is to be had.
    SnapshotOffer {
        hello: Hello,
        term: Term,
        index: Index,
        bytes: u64,
    },
    /// The answer: send from here on.
    SnapshotResume {
        offset: u64,
    },
    SnapshotChunk {
        offset: u64,
        data: Bytes,
    },
    /// The answer at the end: all of it arrived and is sound.
    SnapshotDone,
}

/// The version of entries in frames of a version.
fn entries_in(version: u32) -> u32 {
    if version > 1 { 2 } else { 1 }
}

/// Appends a frame in the version that every link begins in.
pub fn encode(frame: &Frame, out: BytesMut) -> BytesMut {
    encode_as(frame, FIRST, out)
}

/// Appends a frame in a version that this program knows.
pub fn encode_as(frame: &Frame, version: u32, out: BytesMut) -> BytesMut {
    let mut writer = Writer::over(out);
    let start = writer.len();
    writer.u64(0);
    writer.u8(version as u8);
    match frame {
        Frame::Hello(hello) => {
            writer.u8(0);
            hello::encode(hello, &mut writer);
            hello::encode_more(hello, &mut writer);
        }
        Frame::Message(message) => {
            writer.u8(1);
            encode_message(message, entries_in(version), &mut writer);
        }
        Frame::SnapshotOffer { hello, term, index, bytes } => {
            writer.u8(2);
            hello::encode(hello, &mut writer);
            writer.u64(term.0);
            writer.u64(index.0);
            writer.u64(*bytes);
            hello::encode_more(hello, &mut writer);
        }
        Frame::SnapshotResume { offset } => {
            writer.u8(3);
            writer.u64(*offset);
        }
        Frame::SnapshotChunk { offset, data } => {
            writer.u8(4);
            writer.u64(*offset);
            writer.buffer(Some(data));
        }
        Frame::SnapshotDone => writer.u8(5),
    }
    let mut out = writer.into_inner();
    let content = start + HEADER;
    let crc = crc32c::crc32c(&out[content..]);
    let length = (out.len() - content) as u32;
    out[start..start + 4].copy_from_slice(&length.to_be_bytes());
    out[start + 4..content].copy_from_slice(&crc.to_be_bytes());
    out
}

/// The content's length and checksum of a frame's header.
pub fn header(bytes: &[u8; HEADER]) -> Result<(usize, u32), Malformed> {
    let [a, b, c, d, e, f, g, h] = *bytes;
    let length = u32::from_be_bytes([a, b, c, d]) as usize;
    if length > FRAME_MAX {
        return Err(Malformed::Length);
    }
    Ok((length, u32::from_be_bytes([e, f, g, h])))
}

/// Reads a frame's content.
pub fn decode(content: Bytes, crc: u32) -> Result<Frame, Malformed> {
    if crc32c::crc32c(&content) != crc {
        return Err(Malformed::Value);
    }
    let mut reader = Reader::new(content);
    let version = Format::Peer.check(u32::from(reader.u8()?))?;
    Ok(match reader.u8()? {
        0 => {
            let mut hello = hello::decode(&mut reader)?;
            hello::decode_more(&mut hello, &mut reader)?;
            Frame::Hello(hello)
        }
        1 => Frame::Message(decode_message(entries_in(version), &mut reader)?),
        2 => {
            let mut hello = hello::decode(&mut reader)?;
            let (term, index) = (Term(reader.u64()?), Index(reader.u64()?));
            let bytes = reader.u64()?;
            hello::decode_more(&mut hello, &mut reader)?;
            Frame::SnapshotOffer { hello, term, index, bytes }
        }
        3 => Frame::SnapshotResume { offset: reader.u64()? },
        4 => {
            let offset = reader.u64()?;
            let data = reader.buffer()?.ok_or(Malformed::Value)?;
            Frame::SnapshotChunk { offset, data }
        }
        5 => Frame::SnapshotDone,
        kind => return Err(Format::Peer.unknown_kind(kind).into()),
    })
}

/// `entries`: the version of entries and actions in it.
fn encode_message(message: &PeerMessage, entries: u32, writer: &mut Writer) {
    match message {
        PeerMessage::Raft(message) => {
            writer.u8(0);
            encode_raft(message, entries, writer);
        }
        PeerMessage::Submit { term, boot, stream, submissions } => {
            writer.u8(1);
            for number in [term.0, *boot, *stream] {
                writer.u64(number);
            }
            writer.count(submissions.len());
            for submission in submissions {
                writer.u64(submission.request);
                action::encode_action(&submission.action, entries, writer);
            }
        }
        PeerMessage::SubmitRefused { term, stream, from_request } => {
            writer.u8(2);
            for number in [term.0, *stream, *from_request] {
                writer.u64(number);
            }
        }
        PeerMessage::Barrier { id } => {
            writer.u8(3);
            writer.u64(*id);
        }
        PeerMessage::BarrierReply { id, index } => {
            writer.u8(4);
            writer.u64(*id);
            writer.bool(index.is_some());
            writer.u64(index.unwrap_or_default().0);
        }
        PeerMessage::Touch { sessions } => {
            writer.u8(5);
            writer.count(sessions.len());
            for session in sessions {
                writer.long(session.0);
            }
        }
        PeerMessage::Pulse { index, digest, spared } => {
            writer.u8(6);
            writer.u64(index.0);
            writer.u64(*digest);
            writer.bool(*spared);
        }
    }
}

fn decode_message(entries: u32, reader: &mut Reader) -> Result<PeerMessage, Malformed> {
    Ok(match reader.u8()? {
        0 => PeerMessage::Raft(decode_raft(reader)?),
        1 => {
            let (term, boot, stream) = (Term(reader.u64()?), reader.u64()?, reader.u64()?);
            let submissions = reader.vector(|reader| {
                let request = reader.u64()?;
                Ok(Submission { request, action: action::decode_action(entries, reader)? })
            })?;
            let submissions = submissions.unwrap_or_default();
            PeerMessage::Submit { term, boot, stream, submissions }
        }
        2 => PeerMessage::SubmitRefused {
            term: Term(reader.u64()?),
            stream: reader.u64()?,
            from_request: reader.u64()?,
        },
        3 => PeerMessage::Barrier { id: reader.u64()? },
        4 => {
            let id = reader.u64()?;
            let some = reader.bool()?;
            let index = Index(reader.u64()?);
            PeerMessage::BarrierReply { id, index: some.then_some(index) }
        }
        5 => {
            let sessions = reader.vector(|reader| Ok(SessionId(reader.long()?)))?;
            PeerMessage::Touch { sessions: sessions.unwrap_or_default() }
        }
        6 => PeerMessage::Pulse {
            index: Index(reader.u64()?),
            digest: reader.u64()?,
            spared: reader.bool()?,
        },
        kind => return Err(Format::Peer.unknown_kind(kind).into()),
    })
}

fn encode_raft(message: &Message, version: u32, writer: &mut Writer) {
    match message {
        Message::PreVote { term, last_index, last_term } => {
            writer.u8(0);
            for number in [term.0, last_index.0, last_term.0] {
                writer.u64(number);
            }
        }
        Message::PreVoteReply { term, granted } => {
            writer.u8(1);
            writer.u64(term.0);
            writer.bool(*granted);
        }
        Message::Vote { term, last_index, last_term, transfer } => {
            writer.u8(2);
            for number in [term.0, last_index.0, last_term.0] {
                writer.u64(number);
            }
            writer.bool(*transfer);
        }
        Message::VoteReply { term, granted } => {
            writer.u8(3);
            writer.u64(term.0);
            writer.bool(*granted);
        }
        Message::Append { term, prev_index, prev_term, entries, commit, last, round } => {
            writer.u8(4);
            for number in [term.0, prev_index.0, prev_term.0, commit.0, last.0, *round] {
                writer.u64(number);
            }
            writer.count(entries.len());
            for it in entries {
                entry::encode(it, version, writer);
            }
        }
        Message::Accepted { term, matched, round } => {
            writer.u8(5);
            for number in [term.0, matched.0, *round] {
                writer.u64(number);
            }
        }
        Message::Rejected { term, prev_index, hint_index, hint_term, round } => {
            writer.u8(6);
            for number in [term.0, prev_index.0, hint_index.0, hint_term.0, *round] {
                writer.u64(number);
            }
        }
        Message::TimeoutNow { term } => {
            writer.u8(7);
            writer.u64(term.0);
        }
    }
}

fn decode_raft(reader: &mut Reader) -> Result<Message, Malformed> {
    let kind = reader.u8()?;
    let term = Term(reader.u64()?);
    Ok(match kind {
        0 => Message::PreVote {
            term,
            last_index: Index(reader.u64()?),
            last_term: Term(reader.u64()?),
        },
        1 => Message::PreVoteReply { term, granted: reader.bool()? },
        2 => Message::Vote {
            term,
            last_index: Index(reader.u64()?),
            last_term: Term(reader.u64()?),
            transfer: reader.bool()?,
        },
        3 => Message::VoteReply { term, granted: reader.bool()? },
        4 => {
            let (prev_index, prev_term) = (Index(reader.u64()?), Term(reader.u64()?));
            let (commit, last) = (Index(reader.u64()?), Index(reader.u64()?));
            let round = reader.u64()?;
            let entries = reader.vector(|reader| entry::decode(reader).map(Arc::new))?;
            let entries = entries.unwrap_or_default();
            Message::Append { term, prev_index, prev_term, entries, commit, last, round }
        }
        5 => Message::Accepted { term, matched: Index(reader.u64()?), round: reader.u64()? },
        6 => Message::Rejected {
            term,
            prev_index: Index(reader.u64()?),
            hint_index: Index(reader.u64()?),
            hint_term: Term(reader.u64()?),
            round: reader.u64()?,
        },
        7 => Message::TimeoutNow { term },
        kind => return Err(Format::Peer.unknown_kind(kind).into()),
    })
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::core::entry::{Entry, Payload};
    use crate::core::message::{Capabilities, FormatRange};
    use crate::core::types::{EnsembleId, EnsembleVersion, MemberId, ServerId, Zxid};

    fn back(frame: &Frame) -> Result<Frame, Malformed> {
        back_from(frame, FIRST)
    }

    fn back_from(frame: &Frame, version: u32) -> Result<Frame, Malformed> {
        let bytes = encode_as(frame, version, BytesMut::new()).freeze();
        assert_eq!(u32::from(bytes[HEADER]), version);
        let (length, crc) = header(bytes[..HEADER].try_into().unwrap())?;
        assert_eq!(length + HEADER, bytes.len());
        decode(bytes.slice(HEADER..), crc)
    }

    /// One of every kind; later kinds are added at the end.
    pub(in crate::codec) fn frames(entries: &[Arc<Entry>]) -> Vec<Frame> {
        let hello = Hello {
            ensemble: Some(EnsembleId(9)),
            from: MemberId(1),
            server: ServerId(2),
            address: "h:1".into(),
            to: None,
            can: Capabilities::default(),
            version: EnsembleVersion(1),
            proof: Bytes::new(),
            imported: None,
        };
        let (term, index) = (Term(3), Index(4));
        let actions = entries.iter().filter_map(|entry| match &entry.payload {
            Payload::Command(command) => Some(command.action.clone()),
            _ => None,
        });
        let submission = |(n, action)| Submission { request: n as u64, action };
        let submissions = actions.enumerate().map(submission).collect();
        let raft = [
            Message::PreVote { term, last_index: index, last_term: term },
            Message::PreVoteReply { term, granted: true },
            Message::Vote { term, last_index: index, last_term: term, transfer: true },
            Message::VoteReply { term, granted: false },
            Message::Append {
                term,
                prev_index: index,
                prev_term: term,
                entries: entries.to_vec(),
                commit: index,
                last: index,
                round: 6,
            },
            Message::Accepted { term, matched: index, round: 7 },
            Message::Rejected {
                term,
                prev_index: index,
                hint_index: index,
                hint_term: term,
                round: 5,
            },
            Message::TimeoutNow { term },
        ];
        let mut messages: Vec<PeerMessage> = raft.map(PeerMessage::Raft).into();
        messages.extend([
            PeerMessage::Submit { term, boot: 1, stream: 2, submissions },
            PeerMessage::SubmitRefused { term, stream: 1, from_request: 2 },
            PeerMessage::Barrier { id: 8 },
            PeerMessage::BarrierReply { id: 1, index: None },
            PeerMessage::BarrierReply { id: 1, index: Some(index) },
            PeerMessage::Touch { sessions: vec![SessionId(-1)] },
            PeerMessage::Pulse { index, digest: 7, spared: true },
        ]);
        let mut frames = vec![
            Frame::Hello(hello.clone()),
            Frame::SnapshotOffer { hello, term, index, bytes: 1 },
            Frame::SnapshotResume { offset: 5 },
            Frame::SnapshotChunk { offset: 1, data: Bytes::from_static(b"x") },
            Frame::SnapshotDone,
        ];
        frames.extend(messages.into_iter().map(Frame::Message));
        frames
    }

    #[test]
    fn frames_come_back_as_they_were() {
        let entries: Vec<_> = entry::tests::entries().into_iter().map(Arc::new).collect();
        for frame in frames(&entries) {
            for version in FIRST..=Format::Peer.known().written {
                assert_eq!(back_from(&frame, version).as_ref(), Ok(&frame));
            }
        }
    }

    #[test]
    fn a_newer_message_is_told_from_a_broken_one() {
        let done = encode(&Frame::SnapshotDone, BytesMut::new());
        let mut content = done[HEADER..].to_vec();
        content[0] = 9;
        let crc = crc32c::crc32c(&content);
        let newer = Format::Peer.check(9).unwrap_err();
        assert_eq!(decode(content.clone().into(), crc), Err(Malformed::Version(newer)));
        assert_eq!(decode(content.into(), crc ^ 1), Err(Malformed::Value));
        for version in [FIRST, Format::Peer.known().written] {
            let content = [version as u8, 77];
            let crc = crc32c::crc32c(&content);
            let kind = Format::Peer.unknown_kind(77);
            assert_eq!(decode(content.to_vec().into(), crc), Err(Malformed::Version(kind)));
        }
    }

    /// One that says all that there is to say.
    pub(in crate::codec) fn telling_hello() -> Hello {
        let formats = vec![FormatRange { format: 3, oldest: 1, newest: 9 }];
        let program = "1.2.3".to_owned();
        Hello {
            ensemble: None,
            from: MemberId(1),
            server: ServerId(2),
            address: "h:1".into(),
            to: Some(MemberId(4)),
            can: Capabilities { newest: EnsembleVersion(5), formats, program },
            version: EnsembleVersion(4),
            proof: Bytes::from_static(b"signed"),
            imported: None,
        }
    }

    #[test]
    fn a_hello_that_says_more_is_read_by_those_who_know_less_and_the_other_way_round() {
        let hello = telling_hello();
        let offer = Frame::SnapshotOffer {
            hello: hello.clone(),
            term: Term(3),
            index: Index(4),
            bytes: 77,
        };
        // Golden bytes keep the hello of before; what was added since is tried here.
        let imported = Some(Zxid(0x2_0000_0007));
        let hello = Hello { imported, ..hello };
        for frame in [Frame::Hello(hello.clone()), offer] {
            assert_eq!(back(&frame).as_ref(), Ok(&frame), "all that is said is understood");
            // What a later program adds is passed over, wherever it stands.
            let bytes = encode(&frame, BytesMut::new());
            let mut content = bytes[HEADER..].to_vec();
            content.extend([200, 0, 0, 0, 3, 1, 2, 3]);
            let crc = crc32c::crc32c(&content);
            assert_eq!(decode(content.into(), crc).as_ref(), Ok(&frame));
        }
        // The first programs' hello is the beginning of ours, and they did not look behind it.
        let plain = Hello {
            can: Capabilities::default(),
            version: EnsembleVersion(1),
            proof: Bytes::new(),
            imported: None,
            ..hello.clone()
        };
        let ours = encode(&Frame::Hello(hello), BytesMut::new());
        let first = encode(&Frame::Hello(plain), BytesMut::new());
        assert!(ours.len() > first.len());
        assert!(ours[HEADER..].starts_with(&first[HEADER..]));
    }
}
