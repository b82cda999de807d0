//! Entries and actions in version 2: numbers take what they need, and the words that nearly every
//! request repeats (the schemes and ids of those who asked and of usual access lists) are said by
//! number.
//!
//! An entry still says all by itself. A table beside the entries would save some 30 bytes more a
//! write, but then one damaged record would take the sense of all behind it, by which a start tells
//! damage from a torn write; and a member is sent entries from any place of the log on.

use std::sync::Arc;

use super::compact::{get, get_bytes, get_int, get_signed, put, put_bytes, put_signed};
use super::configuration::{decode_config, encode_config};
use super::jute::{Malformed, Reader, Writer};
use super::versions::Format;
use crate::core::entry::{Action, Command, Entry, Origin, Payload};
use crate::core::op::{Acl, Create, ErrorCode, Id, Reconfig, Write};
use crate::core::types::{
    EnsembleVersion, Index, MemberId, Password, ServerId, SessionId, Term, Wall,
};

/// Words that are said by their place here. Part of the version: never changed.
const WORDS: [&str; 8] = ["", "world", "anyone", "auth", "digest", "ip", "sasl", "x509"];

/// A text: a word's place, or its length behind all places, and then the text.
fn put_text(text: &str, writer: &mut Writer) {
    match WORDS.iter().position(|word| *word == text) {
        Some(place) => put(place as u64, writer),
        None => {
            put((WORDS.len() + text.len()) as u64, writer);
            writer.raw(text.as_bytes());
        }
    }
}

fn get_text(reader: &mut Reader) -> Result<String, Malformed> {
    let number = usize::try_from(get(reader)?).map_err(|_| Malformed::Length)?;
    match (WORDS.get(number), number.checked_sub(WORDS.len())) {
        (Some(word), _) => Ok((*word).to_owned()),
        (None, length) => utf8(&reader.take(length.ok_or(Malformed::Length)?)?),
    }
}

fn utf8(bytes: &[u8]) -> Result<String, Malformed> {
    std::str::from_utf8(bytes).map(str::to_owned).map_err(|_| Malformed::Utf8)
}

fn get_path(reader: &mut Reader) -> Result<String, Malformed> {
    utf8(&get_bytes(reader)?)
}

/// Bytes, or none.
fn put_maybe(bytes: Option<&[u8]>, writer: &mut Writer) {
    match bytes {
        None => put(0, writer),
        Some(bytes) => {
            put(bytes.len() as u64 + 1, writer);
            writer.raw(bytes);
        }
    }
}

fn get_maybe(reader: &mut Reader) -> Result<Option<bytes::Bytes>, Malformed> {
    match get(reader)?.checked_sub(1) {
        None => Ok(None),
        Some(length) => {
            let length = usize::try_from(length).map_err(|_| Malformed::Length)?;
            reader.take(length).map(Some)
        }
    }
}

/// So many things, each of which takes at least one byte: nothing is allocated for a claim.
fn get_list<T>(
    count: u64,
    reader: &mut Reader,
    one: impl Fn(&mut Reader) -> Result<T, Malformed>,
) -> Result<Vec<T>, Malformed> {
    if count > reader.remaining() as u64 {
        return Err(Malformed::Length);
    }
    (0..count).map(|_| one(reader)).collect()
}

fn put_id(id: &Id, writer: &mut Writer) {
    put_text(&id.scheme, writer);
    put_text(&id.id, writer);
}

fn get_id(reader: &mut Reader) -> Result<Id, Malformed> {
    Ok(Id { scheme: get_text(reader)?, id: get_text(reader)? })
}

/// One more than its lines; 0: none was given.
fn put_acl(acl: Option<&[Acl]>, writer: &mut Writer) {
    put(acl.map_or(0, |lines| lines.len() as u64 + 1), writer);
    for line in acl.into_iter().flatten() {
        put_signed(i64::from(line.perms), writer);
        put_id(&line.id, writer);
    }
}

fn get_acl(reader: &mut Reader) -> Result<Option<Vec<Acl>>, Malformed> {
    let Some(count) = get(reader)?.checked_sub(1) else {
        return Ok(None);
    };
    let line = |reader: &mut Reader| Ok(Acl { perms: get_int(reader)?, id: get_id(reader)? });
    get_list(count, reader, line).map(Some)
}

/// Appends an entry, behind its version.
pub(super) fn encode(entry: &Entry, writer: &mut Writer) {
    put(entry.term.0, writer);
    put(entry.index.0, writer);
    match &entry.payload {
        Payload::NewLeader => writer.u8(0),
        Payload::Config(config) => {
            writer.u8(1);
            encode_config(config, writer);
        }
        Payload::Command(command) => {
            writer.u8(if command.origin.is_some() { 3 } else { 2 });
            put_signed(command.wall.0, writer);
            if let Some(origin) = command.origin {
                // Random, both.
                writer.u64(origin.member.0);
                writer.u64(origin.boot);
                put(origin.request, writer);
            }
            encode_action(&command.action, writer);
        }
    }
}

/// Reads an entry behind its version.
pub(super) fn decode(reader: &mut Reader) -> Result<Entry, Malformed> {
    let (term, index) = (Term(get(reader)?), Index(get(reader)?));
    let payload = match reader.u8()? {
        0 => Payload::NewLeader,
        1 => Payload::Config(Arc::new(decode_config(reader)?)),
        kind @ (2 | 3) => {
            let wall = Wall(get_signed(reader)?);
            let origin = if kind == 3 {
                let (member, boot) = (MemberId(reader.u64()?), reader.u64()?);
                Some(Origin { member, boot, request: get(reader)? })
            } else {
                None
            };
            let action = decode_action(reader)?;
            Payload::Command(Arc::new(Command { wall, origin, action }))
        }
        kind => return Err(Format::Entry.unknown_kind(kind).into()),
    };
    Ok(Entry { term, index, payload })
}

/// Appends an action.
pub(super) fn encode_action(action: &Action, writer: &mut Writer) {
    match action {
        Action::Write { session, attach, ids, write } => {
            writer.u8(0);
            writer.long(session.0);
            put(attach.0, writer);
            put(ids.len() as u64, writer);
            ids.iter().for_each(|id| put_id(id, writer));
            encode_write(write, writer);
        }
        Action::CreateSession { server, timeout_ms, password } => {
            writer.u8(1);
            writer.u8(server.0);
            put_signed(i64::from(*timeout_ms), writer);
            writer.raw(&password.0);
        }
        Action::Attach { session, password, timeout_ms } => {
            writer.u8(2);
            writer.long(session.0);
            writer.raw(&password.0);
            put_signed(i64::from(*timeout_ms), writer);
        }
        Action::CloseSession { session, attach } => {
            writer.u8(if attach.is_some() { 4 } else { 3 });
            writer.long(session.0);
            if let Some(attach) = attach {
                put(attach.0, writer);
            }
        }
        Action::Reap(paths) => {
            writer.u8(5);
            put(paths.len() as u64, writer);
            paths.iter().for_each(|path| put_bytes(path.as_bytes(), writer));
        }
        Action::EpochRoll => writer.u8(6),
        Action::RefuseReconfig(error) => {
            writer.u8(7);
            put_signed(i64::from(*error as i32), writer);
        }
        Action::SetVersion(version) => {
            writer.u8(8);
            put(u64::from(version.0), writer);
        }
    }
}

pub(super) fn password(reader: &mut Reader) -> Result<Password, Malformed> {
    let bytes = reader.take(16)?;
    bytes.as_ref().try_into().map(Password).map_err(|_| Malformed::Short)
}

/// Why a reconfig did not come to pass, by its code.
pub(super) fn error_of(code: i32) -> Result<ErrorCode, Malformed> {
    match code {
        -13 => Ok(ErrorCode::NewConfigNoQuorum),
        -14 => Ok(ErrorCode::ReconfigInProgress),
        _ => Err(Malformed::Value),
    }
}

/// Reads an action.
pub(super) fn decode_action(reader: &mut Reader) -> Result<Action, Malformed> {
    Ok(match reader.u8()? {
        0 => {
            let (session, attach) = (SessionId(reader.long()?), Index(get(reader)?));
            let count = get(reader)?;
            let ids = get_list(count, reader, get_id)?.into();
            Action::Write { session, attach, ids, write: decode_write(reader, true)? }
        }
        1 => {
            let (server, timeout_ms) = (ServerId(reader.u8()?), get_int(reader)?);
            Action::CreateSession { server, timeout_ms, password: password(reader)? }
        }
        2 => {
            let (session, password) = (SessionId(reader.long()?), password(reader)?);
            Action::Attach { session, password, timeout_ms: get_int(reader)? }
        }
        3 => Action::CloseSession { session: SessionId(reader.long()?), attach: None },
        4 => {
            let session = SessionId(reader.long()?);
            Action::CloseSession { session, attach: Some(Index(get(reader)?)) }
        }
        5 => {
            let count = get(reader)?;
            Action::Reap(get_list(count, reader, get_path)?)
        }
        6 => Action::EpochRoll,
        7 => Action::RefuseReconfig(error_of(get_int(reader)?)?),
        8 => {
            let version = u32::try_from(get(reader)?).map_err(|_| Malformed::Value)?;
            Action::SetVersion(EnsembleVersion(Format::Ensemble.check(version)?))
        }
        kind => return Err(Format::Entry.unknown_kind(kind).into()),
    })
}

fn encode_write(write: &Write, writer: &mut Writer) {
    let mut on = |kind: u8, path: &str| {
        writer.u8(kind);
        put_bytes(path.as_bytes(), writer);
    };
    match write {
        Write::Create(create) => {
            on(u8::from(create.with_stat), &create.path);
            put_maybe(create.data.as_deref(), writer);
            put_acl(create.acl.as_deref(), writer);
            put_signed(i64::from(create.flags), writer);
            writer.bool(create.ttl.is_some());
            if let Some(ttl) = create.ttl {
                put_signed(ttl, writer);
            }
        }
        Write::Delete { path, version } => {
            on(2, path);
            put_signed(i64::from(*version), writer);
        }
        Write::SetData { path, data, version } => {
            on(3, path);
            put_maybe(data.as_deref(), writer);
            put_signed(i64::from(*version), writer);
        }
        Write::SetAcl { path, acl, version } => {
            on(4, path);
            put_acl(acl.as_deref(), writer);
            put_signed(i64::from(*version), writer);
        }
        Write::Check { path, version } => {
            on(5, path);
            put_signed(i64::from(*version), writer);
        }
        Write::Multi(writes) => {
            writer.u8(6);
            put(writes.len() as u64, writer);
            writes.iter().for_each(|write| encode_write(write, writer));
        }
        Write::Reconfig(request) => {
            writer.u8(7);
            for list in [&request.joining, &request.leaving, &request.members] {
                put_maybe(list.as_deref().map(str::as_bytes), writer);
            }
            writer.long(request.version);
            writer.u8(request.least_voters);
        }
    }
}

/// A multi never holds another nor a reconfig, so the depth is bounded.
fn decode_write(reader: &mut Reader, outer: bool) -> Result<Write, Malformed> {
    let kind = reader.u8()?;
    match kind {
        6 | 7 if !outer => return Err(Malformed::Value),
        6 => {
            let count = get(reader)?;
            let inner = |reader: &mut Reader| decode_write(reader, false);
            return get_list(count, reader, inner).map(Write::Multi);
        }
        7 => return decode_reconfig(reader).map(Write::Reconfig),
        _ => {}
    }
    let known = kind <= 5;
    let path = if known { get_path(reader)? } else { String::new() };
    Ok(match kind {
        0 | 1 => {
            let (data, acl) = (get_maybe(reader)?, get_acl(reader)?);
            let flags = get_int(reader)?;
            let ttl = if reader.bool()? { Some(get_signed(reader)?) } else { None };
            Write::Create(Create { path, data, acl, flags, ttl, with_stat: kind == 1 })
        }
        2 => Write::Delete { path, version: get_int(reader)? },
        3 => Write::SetData { path, data: get_maybe(reader)?, version: get_int(reader)? },
        4 => Write::SetAcl { path, acl: get_acl(reader)?, version: get_int(reader)? },
        5 => Write::Check { path, version: get_int(reader)? },
        kind => return Err(Format::Entry.unknown_kind(kind).into()),
    })
}

fn decode_reconfig(reader: &mut Reader) -> Result<Reconfig, Malformed> {
    let text = |reader: &mut Reader| get_maybe(reader)?.map(|it| utf8(&it)).transpose();
    Ok(Reconfig {
        joining: text(reader)?,
        leaving: text(reader)?,
        members: text(reader)?,
        version: reader.long()?,
        least_voters: reader.u8()?,
    })
}
