//! Znodes in format 3: numbers take what they need, zxids and times stand as differences, and each
//! access list is said once, where it is first needed.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;

use super::super::client::acl_list;
use super::super::client_reply::encode_acl;
use super::super::compact::{get, get_bytes, get_int, get_signed, put, put_bytes, put_signed};
use super::super::jute::{Malformed, Reader, Writer};
use super::super::versions::Format;
use crate::core::op::Acl;
use crate::core::state::access_lists::AccessLists;
use crate::core::state::znode::{Lifetime, Znode};
use crate::core::types::{SessionId, Zxid};

/// The lists that were said, by where they are in memory: the snapshot keeps them there.
#[derive(Debug, Default)]
pub(super) struct Said(BTreeMap<usize, u64>);

/// The lists that were read, by number, and all of them as one each.
#[derive(Debug, Default)]
pub(super) struct Read {
    by_number: Vec<Arc<[Acl]>>,
    pub(super) lists: AccessLists,
}

fn put_list(list: &Arc<[Acl]>, said: &mut Said, writer: &mut Writer) {
    let next = said.0.len() as u64;
    let number = *said.0.entry(Arc::as_ptr(list).cast::<Acl>() as usize).or_insert(next);
    put(number, writer);
    if number == next {
        encode_acl(list, writer);
    }
}

fn get_list(reader: &mut Reader, read: &mut Read) -> Result<Arc<[Acl]>, Malformed> {
    let number = get(reader)?;
    if number == read.by_number.len() as u64 {
        let list = acl_list(reader)?.ok_or(Malformed::Value)?;
        read.by_number.push(read.lists.intern(list.into()));
    }
    let number = usize::try_from(number).map_err(|_| Malformed::Value)?;
    read.by_number.get(number).cloned().ok_or(Malformed::Value)
}

pub(super) fn encode(znode: &Znode, said: &mut Said, writer: &mut Writer) {
    put(u64::from(znode.parent), writer);
    put_bytes(znode.name.as_bytes(), writer);
    match &znode.data {
        None => put(0, writer),
        Some(data) => {
            put(data.len() as u64 + 1, writer);
            writer.raw(data);
        }
    }
    put_list(&znode.acl, said, writer);
    match znode.lifetime {
        Lifetime::Persistent => writer.u8(0),
        Lifetime::Ephemeral(session) => {
            writer.u8(1);
            writer.long(session.0);
        }
        Lifetime::Container => writer.u8(2),
        Lifetime::Ttl(ttl) => {
            writer.u8(3);
            put_signed(ttl, writer);
        }
    }
    put_signed(znode.czxid.0, writer);
    for zxid in [znode.mzxid, znode.pzxid] {
        put_signed(zxid.0.wrapping_sub(znode.czxid.0), writer);
    }
    put_signed(znode.ctime, writer);
    put_signed(znode.mtime.wrapping_sub(znode.ctime), writer);
    for number in [znode.version, znode.aversion, znode.creates, znode.children] {
        put_signed(i64::from(number), writer);
    }
}

pub(super) fn decode(reader: &mut Reader, read: &mut Read) -> Result<Znode, Malformed> {
    let parent = u32::try_from(get(reader)?).map_err(|_| Malformed::Value)?;
    let name = get_bytes(reader)?;
    let name = std::str::from_utf8(&name).map_err(|_| Malformed::Utf8)?.into();
    let data = match get(reader)? {
        0 => None,
        length => {
            let length = usize::try_from(length - 1).map_err(|_| Malformed::Length)?;
            // Its own memory: otherwise one small znode would keep a whole block.
            Some(Bytes::copy_from_slice(&reader.take(length)?))
        }
    };
    let acl = get_list(reader, read)?;
    let lifetime = match reader.u8()? {
        0 => Lifetime::Persistent,
        1 => Lifetime::Ephemeral(SessionId(reader.long()?)),
        2 => Lifetime::Container,
        3 => Lifetime::Ttl(get_signed(reader)?),
        kind => return Err(Format::Snapshot.unknown_kind(kind).into()),
    };
    let czxid = get_signed(reader)?;
    let mut zxid = || Ok::<_, Malformed>(Zxid(czxid.wrapping_add(get_signed(reader)?)));
    let (mzxid, pzxid) = (zxid()?, zxid()?);
    let ctime = get_signed(reader)?;
    let mtime = ctime.wrapping_add(get_signed(reader)?);
    let (version, aversion) = (get_int(reader)?, get_int(reader)?);
    let (creates, children) = (get_int(reader)?, get_int(reader)?);
    let czxid = Zxid(czxid);
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
