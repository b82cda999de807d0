//! What a command does, as bytes: in log entries, and in what followers forward to the leader. Version
//! 1 says everything in full; of version 2 is `short`.

use super::client::acl_list;
use super::client_reply::encode_acl;
use super::jute::{Malformed, Reader, Writer};
use super::short;
use super::versions::Format;
use crate::core::entry::Action;
use crate::core::op::{Acl, Create, Id, Reconfig, Write};
use crate::core::types::{EnsembleVersion, Index, ServerId, SessionId};

/// Appends an action in a version of entries.
pub(super) fn encode_action(action: &Action, version: u32, writer: &mut Writer) {
    if version > 1 {
        return short::encode_action(action, writer);
    }
    match action {
        Action::Write { session, attach, ids, write } => {
            writer.u8(0);
            writer.long(session.0);
            writer.u64(attach.0);
            writer.count(ids.len());
            for id in ids.iter() {
                writer.ustring(&id.scheme);
                writer.ustring(&id.id);
            }
            encode_write(write, writer);
        }
        Action::CreateSession { server, timeout_ms, password } => {
            writer.u8(1);
            writer.u8(server.0);
            writer.int(*timeout_ms);
            writer.raw(&password.0);
        }
        Action::Attach { session, password, timeout_ms } => {
            writer.u8(2);
            writer.long(session.0);
            writer.raw(&password.0);
            writer.int(*timeout_ms);
        }
        Action::CloseSession { session, attach } => {
            writer.u8(3);
            writer.long(session.0);
            writer.bool(attach.is_some());
            writer.u64(attach.unwrap_or_default().0);
        }
        Action::Reap(paths) => {
            writer.u8(4);
            writer.count(paths.len());
            for path in paths {
                writer.ustring(path);
            }
        }
        Action::EpochRoll => writer.u8(5),
        Action::RefuseReconfig(error) => {
            writer.u8(6);
            writer.int(*error as i32);
        }
        Action::SetVersion(version) => {
            writer.u8(7);
            writer.int(version.0 as i32);
        }
    }
}

/// Reads an action in a version of entries.
pub(super) fn decode_action(version: u32, reader: &mut Reader) -> Result<Action, Malformed> {
    if version > 1 {
        return short::decode_action(reader);
    }
    Ok(match reader.u8()? {
        0 => {
            let session = SessionId(reader.long()?);
            let attach = Index(reader.u64()?);
            let ids = reader.vector(|reader| {
                let scheme = reader.ustring()?.unwrap_or_default();
                Ok(Id { scheme, id: reader.ustring()?.unwrap_or_default() })
            })?;
            let ids = ids.unwrap_or_default().into();
            Action::Write { session, attach, ids, write: decode_write(reader, true)? }
        }
        1 => {
            let server = ServerId(reader.u8()?);
            let timeout_ms = reader.int()?;
            Action::CreateSession { server, timeout_ms, password: short::password(reader)? }
        }
        2 => {
            let session = SessionId(reader.long()?);
            let password = short::password(reader)?;
            Action::Attach { session, password, timeout_ms: reader.int()? }
        }
        3 => {
            let session = SessionId(reader.long()?);
            let some = reader.bool()?;
            let attach = Index(reader.u64()?);
            Action::CloseSession { session, attach: some.then_some(attach) }
        }
        4 => {
            let paths = reader.vector(|reader| reader.ustring()?.ok_or(Malformed::Value))?;
            Action::Reap(paths.unwrap_or_default())
        }
        5 => Action::EpochRoll,
        6 => Action::RefuseReconfig(short::error_of(reader.int()?)?),
        7 => Action::SetVersion(EnsembleVersion(Format::Ensemble.check(reader.int()? as u32)?)),
        kind => return Err(Format::Entry.unknown_kind(kind).into()),
    })
}

fn encode_write(write: &Write, writer: &mut Writer) {
    match write {
        Write::Create(create) => {
            writer.u8(0);
            writer.ustring(&create.path);
            writer.buffer(create.data.as_deref());
            encode_maybe_acl(create.acl.as_deref(), writer);
            writer.int(create.flags);
            writer.bool(create.ttl.is_some());
            writer.long(create.ttl.unwrap_or_default());
            writer.bool(create.with_stat);
        }
        Write::Delete { path, version } => {
            writer.u8(1);
            writer.ustring(path);
            writer.int(*version);
        }
        Write::SetData { path, data, version } => {
            writer.u8(2);
            writer.ustring(path);
            writer.buffer(data.as_deref());
            writer.int(*version);
        }
        Write::SetAcl { path, acl, version } => {
            writer.u8(3);
            writer.ustring(path);
            encode_maybe_acl(acl.as_deref(), writer);
            writer.int(*version);
        }
        Write::Check { path, version } => {
            writer.u8(4);
            writer.ustring(path);
            writer.int(*version);
        }
        Write::Multi(writes) => {
            writer.u8(5);
            writer.count(writes.len());
            for write in writes {
                encode_write(write, writer);
            }
        }
        Write::Reconfig(request) => {
            writer.u8(6);
            for list in [&request.joining, &request.leaving, &request.members] {
                writer.buffer(list.as_deref().map(str::as_bytes));
            }
            writer.long(request.version);
            writer.u8(request.least_voters);
        }
    }
}

fn encode_maybe_acl(acl: Option<&[Acl]>, writer: &mut Writer) {
    match acl {
        None => writer.int(-1),
        Some(acl) => encode_acl(acl, writer),
    }
}

/// A multi never holds another nor a reconfig, so the depth is bounded.
fn decode_write(reader: &mut Reader, outer: bool) -> Result<Write, Malformed> {
    let kind = reader.u8()?;
    if kind == 5 {
        if !outer {
            return Err(Malformed::Value);
        }
        let writes = reader.vector(|reader| decode_write(reader, false))?;
        return Ok(Write::Multi(writes.unwrap_or_default()));
    }
    if kind == 6 {
        if !outer {
            return Err(Malformed::Value);
        }
        return Ok(Write::Reconfig(Reconfig {
            joining: reader.ustring()?,
            leaving: reader.ustring()?,
            members: reader.ustring()?,
            version: reader.long()?,
            least_voters: reader.u8()?,
        }));
    }
    let path = reader.ustring()?.ok_or(Malformed::Value)?;
    Ok(match kind {
        0 => {
            let data = reader.buffer()?;
            let acl = acl_list(reader)?;
            let flags = reader.int()?;
            let some = reader.bool()?;
            let ttl = reader.long()?;
            let ttl = some.then_some(ttl);
            Write::Create(Create { path, data, acl, flags, ttl, with_stat: reader.bool()? })
        }
        1 => Write::Delete { path, version: reader.int()? },
        2 => Write::SetData { path, data: reader.buffer()?, version: reader.int()? },
        3 => Write::SetAcl { path, acl: acl_list(reader)?, version: reader.int()? },
        4 => Write::Check { path, version: reader.int()? },
        kind => return Err(Format::Entry.unknown_kind(kind).into()),
    })
}
