//! Log entries as bytes: one encoding for the disk and for peers, with a version in front. Version 1
//! says everything in full; of version 2 is `short`.

use std::sync::Arc;

use super::action::{decode_action, encode_action};
use super::configuration::{decode_config, encode_config};
use super::jute::{Malformed, Reader, Writer};
use super::short;
use super::versions::Format;
use crate::core::entry::{Command, Entry, Origin, Payload};
use crate::core::types::{Index, MemberId, Term, Wall};

/// Appends an entry in a version that this program knows.
pub fn encode(entry: &Entry, version: u32, writer: &mut Writer) {
    writer.u8(version as u8);
    if version > 1 {
        return short::encode(entry, writer);
    }
    writer.u64(entry.term.0);
    writer.u64(entry.index.0);
    match &entry.payload {
        Payload::NewLeader => writer.u8(0),
        Payload::Config(config) => {
            writer.u8(1);
            encode_config(config, writer);
        }
        Payload::Command(command) => {
            writer.u8(2);
            writer.long(command.wall.0);
            match command.origin {
                None => writer.bool(false),
                Some(origin) => {
                    writer.bool(true);
                    writer.u64(origin.member.0);
                    writer.u64(origin.boot);
                    writer.u64(origin.request);
                }
            }
            encode_action(&command.action, 1, writer);
        }
    }
}

/// Reads an entry.
///
/// # Errors
/// When the bytes are of no version that this program reads.
pub fn decode(reader: &mut Reader) -> Result<Entry, Malformed> {
    if Format::Entry.check(u32::from(reader.u8()?))? > 1 {
        return short::decode(reader);
    }
    let term = Term(reader.u64()?);
    let index = Index(reader.u64()?);
    let payload = match reader.u8()? {
        0 => Payload::NewLeader,
        1 => Payload::Config(Arc::new(decode_config(reader)?)),
        2 => {
            let wall = Wall(reader.long()?);
            let origin = if reader.bool()? {
                let member = MemberId(reader.u64()?);
                let (boot, request) = (reader.u64()?, reader.u64()?);
                Some(Origin { member, boot, request })
            } else {
                None
            };
            let action = decode_action(1, reader)?;
            Payload::Command(Arc::new(Command { wall, origin, action }))
        }
        kind => return Err(Format::Entry.unknown_kind(kind).into()),
    };
    Ok(Entry { term, index, payload })
}

#[cfg(test)]
pub(super) mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::core::entry::Action;
    use crate::core::op::{Acl, Create, ErrorCode, Id, Reconfig, Write};
    use crate::core::raft::config::{Config, Member, Role};
    use crate::core::types::{EnsembleVersion, Password, ServerId, SessionId};

    const VERSIONS: [u32; 2] = [1, 2];

    fn samples() -> Vec<Action> {
        let acl = vec![Acl { perms: 31, id: Id { scheme: "world".into(), id: "anyone".into() } }];
        let create = Write::Create(Create {
            path: "/a".into(),
            data: Some(Bytes::from_static(b"x")),
            acl: Some(acl.clone()),
            flags: 5,
            ttl: Some(7),
            with_stat: true,
        });
        let writes = vec![
            create.clone(),
            Write::Delete { path: "/a".into(), version: -1 },
            Write::SetData { path: "/a".into(), data: None, version: 3 },
            Write::Check { path: "/a".into(), version: 1 },
        ];
        let mut actions: Vec<Action> = writes
            .iter()
            .cloned()
            .chain([
                Write::SetAcl { path: "/".into(), acl: None, version: 0 },
                Write::Multi(writes.clone()),
                Write::Reconfig(Reconfig {
                    joining: Some("server.4=d:2888:3888;2181".into()),
                    leaving: None,
                    members: Some(String::new()),
                    version: 0x2_0000_0001,
                    least_voters: 2,
                }),
            ])
            .map(|write| Action::Write {
                session: SessionId(-5),
                attach: Index(9),
                ids: vec![Id { scheme: "ip".into(), id: "::1".into() }].into(),
                write,
            })
            .collect();
        actions.extend([
            Action::CreateSession {
                server: ServerId(3),
                timeout_ms: 4,
                password: Password([7; 16]),
            },
            Action::Attach { session: SessionId(1), password: Password([8; 16]), timeout_ms: 5 },
            Action::CloseSession { session: SessionId(1), attach: None },
            Action::CloseSession { session: SessionId(1), attach: Some(Index(4)) },
            Action::Reap(vec!["/c".into()]),
            Action::EpochRoll,
            Action::RefuseReconfig(ErrorCode::NewConfigNoQuorum),
            Action::RefuseReconfig(ErrorCode::ReconfigInProgress),
            Action::SetVersion(EnsembleVersion(2)),
        ]);
        actions
    }

    /// One of every kind; later kinds are added at the end.
    pub(in crate::codec) fn entries() -> Vec<Entry> {
        let member = Member {
            id: MemberId(4),
            server: ServerId(2),
            role: Role::Observer,
            peer: "h:1".into(),
            client: "h:2".into(),
        };
        let config = Config {
            index: Index(3),
            members: vec![member],
            outgoing: vec![MemberId(1)],
            leaving: vec![MemberId(2)],
        };
        let mut payloads = vec![Payload::NewLeader, Payload::Config(Arc::new(config))];
        for action in samples() {
            let origin = Some(Origin { member: MemberId(1), boot: 2, request: 3 });
            payloads.push(Payload::Command(Arc::new(Command { wall: Wall(-1), origin, action })));
        }
        payloads
            .into_iter()
            .map(|payload| Entry { term: Term(5), index: Index(6), payload })
            .collect()
    }

    #[test]
    fn every_entry_comes_back_as_it_was() {
        for version in VERSIONS {
            for entry in entries() {
                let mut writer = Writer::new();
                encode(&entry, version, &mut writer);
                let mut reader = Reader::new(writer.into_inner().freeze());
                assert_eq!(decode(&mut reader).unwrap(), entry);
                assert_eq!(reader.remaining(), 0);
            }
        }
    }

    /// Messages and batches are cut by weight, and have to fit into frames.
    #[test]
    fn no_entry_is_much_longer_than_its_weight() {
        let long = "x".repeat(70_000);
        let id = || Id { scheme: "digest".into(), id: long.clone() };
        let acl = || Some(vec![Acl { perms: 31, id: id() }; 3]);
        let heavy = [
            Write::Create(Create {
                path: "/a".into(),
                data: None,
                acl: acl(),
                flags: 0,
                ttl: None,
                with_stat: false,
            }),
            Write::SetAcl { path: "/".into(), acl: acl(), version: 0 },
        ];
        let heavy = heavy.map(|write| Action::Write {
            session: SessionId(1),
            attach: Index(1),
            ids: vec![id(), id()].into(),
            write,
        });
        for action in samples().into_iter().chain(heavy) {
            let weight = action.weight();
            let entry = Entry {
                term: Term(1),
                index: Index(1),
                payload: Payload::Command(Arc::new(Command {
                    wall: Wall(1),
                    origin: None,
                    action,
                })),
            };
            for version in VERSIONS {
                let mut writer = Writer::over(bytes::BytesMut::new());
                encode(&entry, version, &mut writer);
                assert!(writer.len() <= weight + 256, "{} of {weight}", writer.len());
            }
        }
    }
}
