//! The replicated state as a sequence of blocks, none longer than about a quarter of a MiB (but
//! for a single large znode).

use std::sync::Arc;

use bytes::Bytes;

use super::client::acl_list;
use super::client_reply::encode_acl;
use super::entry::{decode_config, encode_config};
use super::jute::{Malformed, Reader, Writer};
use crate::core::input::Snapshot;
use crate::core::raft::event::SnapshotMeta;
use crate::core::state::Session;
use crate::core::state::image::Image;
use crate::core::state::tree::{Chunk, Lifetime, Znode};
use crate::core::types::{Index, Password, SessionId, Term, Zxid};

const VERSION: u8 = 1;
const BLOCK: usize = 256 << 10;

/// Cuts a snapshot into blocks.
#[derive(Debug)]
pub struct Encoder {
    snapshot: Arc<Snapshot>,
    started: bool,
    session: usize,
    chunk: usize,
    done: bool,
}

impl Encoder {
    /// Of this snapshot.
    pub fn new(snapshot: Arc<Snapshot>) -> Encoder {
        Encoder {
            snapshot,
            started: false,
            session: 0,
            chunk: 0,
            done: false,
        }
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
                encode_chunk(chunk, &mut writer);
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
        writer.u8(VERSION);
        writer.u64(meta.index.0);
        writer.u64(meta.term.0);
        encode_config(&meta.config, writer);
        writer.u64(image.applied.0);
        writer.long(image.zxid.0);
        writer.int(i32::from(image.session_counter));
    }
}

fn encode_session(id: SessionId, session: &Session, writer: &mut Writer) {
    writer.long(id.0);
    writer.int(session.timeout_ms);
    writer.raw(&session.password.0);
    writer.u64(session.attach.0);
}

fn encode_chunk(chunk: &Chunk, writer: &mut Writer) {
    writer.count(chunk.znodes.len());
    for znode in &chunk.znodes {
        match znode {
            None => writer.bool(false),
            Some(znode) => {
                writer.bool(true);
                encode_znode(znode, writer);
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
                2 => self.image.chunks.push(Arc::new(decode_chunk(&mut reader)?)),
                _ => return Err(Malformed::Value),
            }
        }
        Ok(())
    }

    fn head(&mut self, reader: &mut Reader) -> Result<(), Malformed> {
        if reader.u8()? != VERSION {
            return Err(Malformed::Value);
        }
        let (index, term) = (Index(reader.u64()?), Term(reader.u64()?));
        let config = decode_config(reader)?;
        self.image.applied = Index(reader.u64()?);
        self.image.zxid = Zxid(reader.long()?);
        let counter = u16::try_from(reader.int()?).map_err(|_| Malformed::Value)?;
        self.image.session_counter = counter;
        self.meta = Some(SnapshotMeta {
            index,
            term,
            config,
        });
        Ok(())
    }

    /// The snapshot, once its last block was taken.
    pub fn finish(self) -> Result<Snapshot, Malformed> {
        match self.meta {
            Some(meta) if self.ended => Ok(Snapshot {
                meta,
                image: self.image,
            }),
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
    Ok((
        id,
        Session {
            timeout_ms,
            password: Password(password),
            attach,
        },
    ))
}

fn decode_chunk(reader: &mut Reader) -> Result<Chunk, Malformed> {
    let znodes = reader.vector(|reader| {
        if reader.bool()? {
            decode_znode(reader).map(Some)
        } else {
            Ok(None)
        }
    })?;
    Ok(Chunk {
        znodes: znodes.ok_or(Malformed::Value)?,
    })
}

fn decode_znode(reader: &mut Reader) -> Result<Znode, Malformed> {
    let parent = u32::try_from(reader.u64()?).map_err(|_| Malformed::Value)?;
    let name = reader.ustring()?.ok_or(Malformed::Value)?.into();
    // Its own memory: otherwise one small znode would keep a whole block.
    let data = reader.buffer()?.map(|data| Bytes::copy_from_slice(&data));
    let acl = acl_list(reader)?.ok_or(Malformed::Value)?.into();
    let kind = reader.u8()?;
    let value = reader.long()?;
    let lifetime = match kind {
        0 => Lifetime::Persistent,
        1 => Lifetime::Ephemeral(SessionId(value)),
        2 => Lifetime::Container,
        3 => Lifetime::Ttl(value),
        _ => return Err(Malformed::Value),
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
