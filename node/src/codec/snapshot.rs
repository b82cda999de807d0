//! The replicated state as a sequence of blocks, none longer than about a quarter of a MiB (but
//! for a single large znode).
//!
//! Format 2 says everything in full; format 3 carries the ensemble's version, and is for those that
//! have one: `znodes` are shorter there.

mod znodes;

use std::sync::Arc;

use bytes::Bytes;

use super::client::acl_list;
use super::client_reply::encode_acl;
use super::configuration::{decode_config, encode_config};
use super::jute::{Malformed, Reader, Writer};
use super::versions::Format;
use crate::core::input::Snapshot;
use crate::core::raft::event::SnapshotMeta;
use crate::core::state::image::Image;
use crate::core::state::tree::Chunk;
use crate::core::state::znode::{Lifetime, Znode};
use crate::core::state::{Session, rules};
use crate::core::types::{EnsembleVersion, Index, Password, SessionId, Term, Zxid};

const BLOCK: usize = 256 << 10;

/// Cuts a snapshot into blocks.
#[derive(Debug)]
pub struct Encoder {
    snapshot: Arc<Snapshot>,
    /// Of the format.
    version: u32,
    said: znodes::Said,
    started: bool,
    session: usize,
    chunk: usize,
    done: bool,
}

impl Encoder {
    /// Of this snapshot.
    pub fn new(snapshot: Arc<Snapshot>) -> Encoder {
        let version = Format::Snapshot.written_in(snapshot.image.version);
        let said = znodes::Said::default();
        Encoder { snapshot, version, said, started: false, session: 0, chunk: 0, done: false }
    }

    /// The next block; `None` after the last.
    pub fn next_block(&mut self) -> Option<Bytes> {
        let mut writer = Writer::new();
        if !self.started {
            self.started = true;
            self.head(&mut writer);
            return Some(writer.into_inner().freeze());
        }
        let image = &self.snapshot.image;
        while writer.len() < BLOCK {
            if let Some((id, session)) = image.sessions.get(self.session) {
                self.session += 1;
                writer.u8(1);
                encode_session(*id, session, &mut writer);
            } else if let Some(chunk) = image.chunks.get(self.chunk) {
                self.chunk += 1;
                writer.u8(2);
                encode_chunk(chunk, self.version, &mut self.said, &mut writer);
            } else {
                break;
            }
        }
        if writer.is_empty() {
            if self.done {
                return None;
            }
            self.done = true;
            writer.u8(0);
        }
        Some(writer.into_inner().freeze())
    }

    fn head(&self, writer: &mut Writer) {
        let (meta, image) = (&self.snapshot.meta, &self.snapshot.image);
        writer.u8(self.version as u8);
        writer.u64(meta.index.0);
        writer.u64(meta.term.0);
        encode_config(&meta.config, writer);
        writer.u64(image.applied.0);
        writer.long(image.zxid.0);
        writer.int(i32::from(image.session_counter));
        if self.version >= 3 {
            writer.int(image.version.0 as i32);
        }
    }
}

fn encode_session(id: SessionId, session: &Session, writer: &mut Writer) {
    writer.long(id.0);
    writer.int(session.timeout_ms);
    writer.raw(&session.password.0);
    writer.u64(session.attach.0);
}

fn encode_chunk(chunk: &Chunk, version: u32, said: &mut znodes::Said, writer: &mut Writer) {
    writer.count(chunk.znodes.len());
    for znode in &chunk.znodes {
        match znode {
            None => writer.bool(false),
            Some(znode) => {
                writer.bool(true);
                if version >= 3 {
                    znodes::encode(znode, said, writer);
                } else {
                    encode_znode(znode, writer);
                }
            }
        }
    }
}

fn encode_znode(znode: &Znode, writer: &mut Writer) {
    writer.u64(u64::from(znode.parent));
    writer.ustring(&znode.name);
    writer.buffer(znode.data.as_deref());
    encode_acl(&znode.acl, writer);
    let (kind, value) = match znode.lifetime {
        Lifetime::Persistent => (0, 0),
        Lifetime::Ephemeral(session) => (1, session.0),
        Lifetime::Container => (2, 0),
        Lifetime::Ttl(ttl) => (3, ttl),
    };
    writer.u8(kind);
    writer.long(value);
    for zxid in [znode.czxid, znode.mzxid, znode.pzxid] {
        writer.long(zxid.0);
    }
    writer.long(znode.ctime);
    writer.long(znode.mtime);
    for number in [znode.version, znode.aversion, znode.creates, znode.children] {
        writer.int(number);
    }
}

/// Puts a snapshot together from its blocks.
#[derive(Debug, Default)]
pub struct Decoder {
    meta: Option<SnapshotMeta>,
    image: Image,
    /// Of the format.
    version: u32,
    read: znodes::Read,
    ended: bool,
}

impl Decoder {
    /// Takes the next block.
    pub fn push_block(&mut self, block: Bytes) -> Result<(), Malformed> {
        let mut reader = Reader::new(block);
        if self.meta.is_none() {
            return self.head(&mut reader);
        }
        while reader.remaining() > 0 {
            match reader.u8()? {
                0 => self.ended = true,
                1 => self.image.sessions.push(decode_session(&mut reader)?),
                2 => {
                    let chunk = decode_chunk(&mut reader, self.version, &mut self.read)?;
                    self.image.chunks.push(Arc::new(chunk));
                }
                kind => return Err(Format::Snapshot.unknown_kind(kind).into()),
            }
        }
        Ok(())
    }

    fn head(&mut self, reader: &mut Reader) -> Result<(), Malformed> {
        self.version = Format::Snapshot.check(u32::from(reader.u8()?))?;
        let (index, term) = (Index(reader.u64()?), Term(reader.u64()?));
        let config = decode_config(reader)?;
        self.image.applied = Index(reader.u64()?);
        self.image.zxid = Zxid(reader.long()?);
        let counter = u16::try_from(reader.int()?).map_err(|_| Malformed::Value)?;
        self.image.session_counter = counter;
        self.image.version = if self.version >= 3 {
            EnsembleVersion(Format::Ensemble.check(reader.int()? as u32)?)
        } else {
            rules::FIRST
        };
        self.meta = Some(SnapshotMeta { index, term, config });
        Ok(())
    }

    /// The snapshot, once its last block was taken.
    pub fn finish(self) -> Result<Snapshot, Malformed> {
        match self.meta {
            Some(meta) if self.ended => Ok(Snapshot { meta, image: self.image }),
            _ => Err(Malformed::Short),
        }
    }
}

fn decode_session(reader: &mut Reader) -> Result<(SessionId, Session), Malformed> {
    let id = SessionId(reader.long()?);
    let timeout_ms = reader.int()?;
    let password = reader.take(16)?;
    let password = password.as_ref().try_into().map_err(|_| Malformed::Short)?;
    let attach = Index(reader.u64()?);
    Ok((id, Session { timeout_ms, password: Password(password), attach }))
}

fn decode_chunk(
    reader: &mut Reader,
    version: u32,
    read: &mut znodes::Read,
) -> Result<Chunk, Malformed> {
    let znodes = reader.vector(|reader| match reader.bool()? {
        false => Ok(None),
        true if version >= 3 => znodes::decode(reader, read).map(Some),
        true => decode_znode(reader, read).map(Some),
    })?;
    Ok(Chunk { znodes: znodes.ok_or(Malformed::Value)? })
}

fn decode_znode(reader: &mut Reader, read: &mut znodes::Read) -> Result<Znode, Malformed> {
    let parent = u32::try_from(reader.u64()?).map_err(|_| Malformed::Value)?;
    let name = reader.ustring()?.ok_or(Malformed::Value)?.into();
    // Its own memory: otherwise one small znode would keep a whole block.
    let data = reader.buffer()?.map(|data| Bytes::copy_from_slice(&data));
    // Most znodes have one of a few lists: a million copies would be most of the memory.
    let acl = read.lists.intern(acl_list(reader)?.ok_or(Malformed::Value)?.into());
    let kind = reader.u8()?;
    let value = reader.long()?;
    let lifetime = match kind {
        0 => Lifetime::Persistent,
        1 => Lifetime::Ephemeral(SessionId(value)),
        2 => Lifetime::Container,
        3 => Lifetime::Ttl(value),
        kind => return Err(Format::Snapshot.unknown_kind(kind).into()),
    };
    let mut zxid = || reader.long().map(Zxid);
    let (czxid, mzxid, pzxid) = (zxid()?, zxid()?, zxid()?);
    let (ctime, mtime) = (reader.long()?, reader.long()?);
    let (version, aversion) = (reader.int()?, reader.int()?);
    let (creates, children) = (reader.int()?, reader.int()?);
    Ok(Znode {
        parent,
        name,
        data,
        acl,
        lifetime,
        czxid,
        mzxid,
        pzxid,
        ctime,
        mtime,
        version,
        aversion,
        creates,
        children,
    })
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::core::entry::{Action, Command, Entry, Payload};
    use crate::core::op::{Acl, Create, Id, Write};
    use crate::core::raft::config::{Config, Member, Role};
    use crate::core::state::State;
    use crate::core::types::{MemberId, ServerId, Wall};

    fn apply(state: &mut State, action: Action) -> Option<SessionId> {
        let command = Command { wall: Wall(7), origin: None, action };
        let entry = Entry {
            term: Term(3),
            index: state.applied().next(),
            payload: Payload::Command(Arc::new(command)),
        };
        state.apply(&entry).opened.map(|opened| opened.session)
    }

    /// A session, and znodes of every kind with so many bytes each.
    pub(in crate::codec) fn sample(version: u32, bytes: usize) -> (State, Arc<Snapshot>) {
        let mut state = State::new();
        apply(&mut state, Action::SetVersion(EnsembleVersion(version)));
        let open = Action::CreateSession {
            server: ServerId(1),
            timeout_ms: 10_000,
            password: Password([9; 16]),
        };
        let session = apply(&mut state, open).unwrap();
        let attach = Index(2);
        let anyone = Acl { perms: 31, id: Id { scheme: "world".into(), id: "anyone".into() } };
        let kinds = [
            ("/a", 0, None),
            ("/a/e", 1, None),
            ("/a/s-", 2, None),
            ("/c", 4, None),
            ("/t", 5, Some(60_000)),
        ];
        for (path, flags, ttl) in kinds {
            let write = Write::Create(Create {
                path: path.into(),
                data: Some(Bytes::from(vec![7; bytes])),
                acl: Some(vec![anyone.clone()]),
                flags,
                ttl,
                with_stat: true,
            });
            let ids = Arc::from([]);
            apply(&mut state, Action::Write { session, attach, ids, write });
        }
        let member = Member {
            id: MemberId(5),
            server: ServerId(1),
            role: Role::Voter,
            peer: "a:1".into(),
            client: String::new(),
        };
        let config = Config { index: Index(1), members: vec![member], ..Config::default() };
        let meta = SnapshotMeta { index: state.applied(), term: Term(3), config };
        let image = state.image();
        (state, Arc::new(Snapshot { meta, image }))
    }

    const LARGE: usize = 100_000;

    fn blocks(snapshot: &Arc<Snapshot>) -> Vec<Bytes> {
        let mut encoder = Encoder::new(Arc::clone(snapshot));
        std::iter::from_fn(|| encoder.next_block()).collect()
    }

    fn decode(blocks: &[Bytes]) -> Result<Snapshot, Malformed> {
        let mut decoder = Decoder::default();
        for block in blocks {
            decoder.push_block(block.clone())?;
        }
        decoder.finish()
    }

    #[test]
    fn a_state_comes_back_from_its_blocks() {
        for version in [1, 2] {
            let (state, snapshot) = sample(version, LARGE);
            let blocks = blocks(&snapshot);
            assert!(blocks.len() >= 3, "head, content, end");
            assert_eq!(blocks[0][0] as u32, version + 1, "the format");
            let back = decode(&blocks).unwrap();
            assert_eq!(back.meta, snapshot.meta);
            let znodes = |image: &Image| -> Vec<_> {
                image.chunks.iter().flat_map(|it| it.znodes.clone()).collect()
            };
            assert_eq!(znodes(&back.image), znodes(&snapshot.image));
            let restored = State::restore(&back.image);
            assert_eq!(restored.version(), EnsembleVersion(version));
            assert_eq!(restored.digest(), state.digest());
            assert_eq!(restored.zxid(), state.zxid());
            assert_eq!(restored.counts().sessions, 1);
            assert_eq!(restored.counts().ephemerals, 1);
        }
    }

    #[test]
    fn equal_access_lists_come_back_as_one() {
        for version in [1, 2] {
            let (_, snapshot) = sample(version, LARGE);
            let back = decode(&blocks(&snapshot)).unwrap();
            let znodes = back.image.chunks.iter().flat_map(|chunk| &chunk.znodes);
            let all: Vec<_> = znodes.flatten().filter(|it| it.acl[0].perms == 31).collect();
            assert!(all.len() > 5);
            assert!(all.iter().all(|it| Arc::ptr_eq(&it.acl, &all[0].acl)));
        }
    }

    #[test]
    fn a_snapshot_of_a_newer_ensemble_is_refused_in_words() {
        let (mut state, snapshot) = sample(2, LARGE);
        let newer = rules::NEWEST.0 + 1;
        apply(&mut state, Action::SetVersion(EnsembleVersion(newer)));
        let (meta, image) = (snapshot.meta.clone(), state.image());
        let refused = decode(&blocks(&Arc::new(Snapshot { meta, image }))).unwrap_err();
        let other = Format::Ensemble.check(newer).unwrap_err();
        assert_eq!(refused, Malformed::Version(other));
    }

    #[test]
    fn small_znodes_take_less_than_half_in_format_3() {
        let size = |version| {
            let mut state = State::new();
            apply(&mut state, Action::SetVersion(EnsembleVersion(version)));
            let open = Action::CreateSession {
                server: ServerId(1),
                timeout_ms: 10_000,
                password: Password([9; 16]),
            };
            let session = apply(&mut state, open).unwrap();
            for n in 0..1_000 {
                let write = Write::Create(Create {
                    path: format!("/node-{n:06}"),
                    data: Some(Bytes::from_static(b"sixteen bytes...")),
                    acl: Some(vec![Acl {
                        perms: 31,
                        id: Id { scheme: "world".into(), id: "anyone".into() },
                    }]),
                    flags: 0,
                    ttl: None,
                    with_stat: false,
                });
                let (attach, ids) = (Index(2), Arc::from([]));
                apply(&mut state, Action::Write { session, attach, ids, write });
            }
            let (_, Snapshot { meta, .. }) = (0, (*sample(1, LARGE).1).clone());
            let snapshot = Arc::new(Snapshot { meta, image: state.image() });
            blocks(&snapshot).iter().map(Bytes::len).sum::<usize>()
        };
        let (full, short) = (size(1), size(2));
        assert!(short * 2 < full, "{short} of {full}");
    }

    #[test]
    fn blocks_without_their_head_or_their_end_are_no_snapshot() {
        for version in [1, 2] {
            let (_, snapshot) = sample(version, LARGE);
            let blocks = blocks(&snapshot);
            assert!(decode(&blocks[..blocks.len() - 1]).is_err());
            assert!(decode(&blocks[1..]).is_err());
            assert!(decode(&[]).is_err());
        }
    }
}
