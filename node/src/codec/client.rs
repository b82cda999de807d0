//! ZooKeeper's client protocol, 3.4 to 3.9, what clients say. Op numbers and layouts:
//! `zookeeper.jute`, `ZooDefs.java`.
//!
//! `create` the ways to make a znode · `fields` that several ops have.

mod create;
mod fields;

use bytes::Bytes;

pub(crate) use self::fields::acl_list;
use self::fields::path;
use super::jute::{Malformed, Reader};
use crate::core::op::{
    ConnectRequest, ErrorCode, Op, Read, Request, SetWatches, WatcherType, Write,
};
use crate::core::types::{SessionId, Zxid};

/// The op numbers that clients use.
#[allow(missing_docs)] // The names are ZooKeeper's own.
pub mod op {
    pub const CREATE: i32 = 1;
    pub const DELETE: i32 = 2;
    pub const EXISTS: i32 = 3;
    pub const GET_DATA: i32 = 4;
    pub const SET_DATA: i32 = 5;
    pub const GET_ACL: i32 = 6;
    pub const SET_ACL: i32 = 7;
    pub const GET_CHILDREN: i32 = 8;
    pub const SYNC: i32 = 9;
    pub const PING: i32 = 11;
    pub const GET_CHILDREN2: i32 = 12;
    pub const CHECK: i32 = 13;
    pub const MULTI: i32 = 14;
    pub const CREATE2: i32 = 15;
    pub const RECONFIG: i32 = 16;
    pub const CHECK_WATCHES: i32 = 17;
    pub const REMOVE_WATCHES: i32 = 18;
    pub const CREATE_CONTAINER: i32 = 19;
    pub const CREATE_TTL: i32 = 21;
    pub const MULTI_READ: i32 = 22;
    pub const AUTH: i32 = 100;
    pub const SET_WATCHES: i32 = 101;
    pub const SASL: i32 = 102;
    pub const GET_EPHEMERALS: i32 = 103;
    pub const GET_ALL_CHILDREN_NUMBER: i32 = 104;
    pub const SET_WATCHES2: i32 = 105;
    pub const ADD_WATCH: i32 = 106;
    pub const WHO_AM_I: i32 = 107;
    pub const CLOSE: i32 = -11;
}

/// Reads the first frame of a connection.
pub fn connect_request(frame: Bytes) -> Result<ConnectRequest, Malformed> {
    let mut reader = Reader::new(frame);
    reader.int()?; // protocol version
    let last_zxid_seen = Zxid(reader.long()?);
    let timeout_ms = reader.int()?;
    let session = SessionId(reader.long()?);
    let password = reader.buffer()?;
    // Absent in clients of 3.3, and in Go's.
    let read_only = if reader.remaining() > 0 { Some(reader.bool()?) } else { None };
    Ok(ConnectRequest { last_zxid_seen, timeout_ms, session, password, read_only })
}

/// Reads a request frame. Only a frame too short for its header is an error of the connection; a
/// body that does not parse is an op that gets an answer.
pub fn request(frame: Bytes) -> Result<Request, Malformed> {
    let size = frame.len();
    let mut reader = Reader::new(frame);
    let xid = reader.int()?;
    let number = reader.int()?;
    let op = match body(number, &mut reader) {
        Ok(Some(op)) => op,
        Ok(None) => Op::Unknown(number),
        Err(error) => Op::Invalid(error),
    };
    Ok(Request { xid, op, size })
}

impl From<Malformed> for ErrorCode {
    fn from(_: Malformed) -> ErrorCode {
        ErrorCode::MarshallingError
    }
}

fn body(number: i32, reader: &mut Reader) -> Result<Option<Op>, ErrorCode> {
    let op = match number {
        op::EXISTS | op::GET_DATA | op::GET_CHILDREN | op::GET_CHILDREN2 => {
            Op::Read(watching_read(number, reader)?)
        }
        op::GET_ACL => Op::Read(Read::GetAcl { path: path(reader)? }),
        op::GET_EPHEMERALS => Op::Read(Read::GetEphemerals {
            // Null asks for all.
            prefix: reader.lossy_string()?.unwrap_or_default(),
        }),
        op::GET_ALL_CHILDREN_NUMBER => Op::Read(Read::GetAllChildrenNumber { path: path(reader)? }),
        op::MULTI_READ => Op::Read(Read::MultiRead(multi_read(reader)?)),
        op::WHO_AM_I => Op::Read(Read::WhoAmI),
        op::CREATE | op::CREATE2 | op::CREATE_CONTAINER | op::CREATE_TTL => {
            Op::Write(Write::Create(create::alone(number, reader)?))
        }
        op::DELETE => Op::Write(write(number, path(reader)?, reader)?),
        op::SET_DATA | op::SET_ACL => {
            // Null is as bad a path as none; only inside of a multi ZooKeeper trips over it.
            let path = reader.lossy_string()?.unwrap_or_default();
            Op::Write(write(number, path, reader)?)
        }
        op::MULTI => Op::Write(Write::Multi(multi(reader)?)),
        op::SYNC => Op::Sync { path: path(reader)? },
        op::PING => Op::Ping,
        op::AUTH => {
            reader.int()?;
            let scheme = reader.lossy_string()?.unwrap_or_default();
            Op::Auth { scheme, auth: reader.buffer()? }
        }
        op::SASL => Op::Sasl { token: reader.buffer()? },
        op::SET_WATCHES | op::SET_WATCHES2 => Op::SetWatches(set_watches(number, reader)?),
        op::ADD_WATCH => {
            let path = path(reader)?;
            match reader.int()? {
                mode @ (0 | 1) => Op::AddWatch { path, recursive: mode == 1 },
                _ => return Err(ErrorCode::MarshallingError),
            }
        }
        op::REMOVE_WATCHES | op::CHECK_WATCHES => {
            let path = reader.lossy_string()?;
            let kind = watcher_type(reader)?;
            // Nobody watches null.
            let path = path.ok_or(ErrorCode::NoWatcher)?;
            if number == op::REMOVE_WATCHES {
                Op::RemoveWatches { path, kind }
            } else {
                Op::CheckWatches { path, kind }
            }
        }
        op::RECONFIG => Op::Reconfig {
            joining: reader.lossy_string()?,
            leaving: reader.lossy_string()?,
            members: reader.lossy_string()?,
            version: reader.long()?,
        },
        op::CLOSE => Op::Close,
        _ => return Ok(None),
    };
    Ok(Some(op))
}

fn watching_read(number: i32, reader: &mut Reader) -> Result<Read, ErrorCode> {
    let path = path(reader)?;
    let watch = reader.bool()?;
    Ok(match number {
        op::EXISTS => Read::Exists { path, watch },
        op::GET_DATA => Read::GetData { path, watch },
        _ => Read::GetChildren { path, watch, with_stat: number == op::GET_CHILDREN2 },
    })
}

fn watcher_type(reader: &mut Reader) -> Result<WatcherType, ErrorCode> {
    Ok(match reader.int()? {
        1 => WatcherType::Children,
        2 => WatcherType::Data,
        3 => WatcherType::Any,
        4 => WatcherType::Persistent,
        5 => WatcherType::PersistentRecursive,
        _ => return Err(ErrorCode::MarshallingError),
    })
}

fn write(number: i32, path: String, reader: &mut Reader) -> Result<Write, ErrorCode> {
    Ok(match number {
        op::DELETE => Write::Delete { path, version: reader.int()? },
        op::SET_DATA => Write::SetData { path, data: reader.buffer()?, version: reader.int()? },
        op::SET_ACL => Write::SetAcl { path, acl: acl_list(reader)?, version: reader.int()? },
        op::CHECK => Write::Check { path, version: reader.int()? },
        _ => return Err(ErrorCode::MarshallingError),
    })
}

/// Paths as far as the first null, which may be the list itself; whether there is one.
fn paths(reader: &mut Reader) -> Result<(Vec<String>, bool), Malformed> {
    let paths = reader.client_vector(Reader::lossy_string)?;
    let Some(paths) = paths else {
        return Ok((Vec::new(), true));
    };
    let count = paths.len();
    let paths: Vec<String> = paths.into_iter().map_while(|path| path).collect();
    let ends_early = paths.len() < count;
    Ok((paths, ends_early))
}

fn set_watches(number: i32, reader: &mut Reader) -> Result<SetWatches, Malformed> {
    let mut set = SetWatches { relative_zxid: Zxid(reader.long()?), ..SetWatches::default() };
    let lists = [
        &mut set.data,
        &mut set.exist,
        &mut set.child,
        &mut set.persistent,
        &mut set.persistent_recursive,
    ];
    let known = if number == op::SET_WATCHES2 { 5 } else { 3 };
    for list in lists.into_iter().take(known) {
        let (paths, ends_early) = paths(reader)?;
        // The rest must parse, and means nothing.
        if !set.ends_early {
            *list = paths;
            set.ends_early = ends_early;
        }
    }
    Ok(set)
}

/// The next header of a multi: its op, `None` at the end.
fn multi_header(reader: &mut Reader) -> Result<Option<i32>, Malformed> {
    let number = reader.int()?;
    let done = reader.bool()?;
    reader.int()?;
    Ok((!done).then_some(number))
}

fn multi(reader: &mut Reader) -> Result<Vec<Write>, ErrorCode> {
    let mut writes = Vec::new();
    while let Some(number) = multi_header(reader)? {
        match number {
            op::CREATE | op::CREATE2 | op::CREATE_CONTAINER | op::CREATE_TTL => {
                writes.push(Write::Create(create::in_multi(number, reader)?));
            }
            op::DELETE | op::SET_DATA | op::CHECK => {
                writes.push(write(number, path(reader)?, reader)?)
            }
            _ => return Err(ErrorCode::MarshallingError),
        }
    }
    Ok(writes)
}

fn multi_read(reader: &mut Reader) -> Result<Vec<Read>, ErrorCode> {
    let mut reads = Vec::new();
    while let Some(number) = multi_header(reader)? {
        match number {
            op::GET_DATA | op::GET_CHILDREN => {
                let mut read = watching_read(number, reader)?;
                if let Read::GetData { watch, .. } | Read::GetChildren { watch, .. } = &mut read {
                    *watch = false;
                }
                reads.push(read);
            }
            _ => return Err(ErrorCode::MarshallingError),
        }
    }
    Ok(reads)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::jute::Writer;
    use crate::core::op::{Acl, Id};

    #[test]
    fn the_read_only_flag_is_answered_only_to_clients_that_know_it() {
        let mut writer = Writer::new();
        writer.int(0);
        writer.long(7);
        writer.int(10_000);
        writer.long(0);
        writer.buffer(Some(&[0; 16]));
        let old = writer.into_inner();
        assert_eq!(old.len(), 44);
        let mut new = old.clone();
        new.extend_from_slice(&[0]);
        assert_eq!(connect_request(old.freeze()).unwrap().read_only, None);
        assert_eq!(connect_request(new.freeze()).unwrap().read_only, Some(false));
    }

    #[test]
    fn an_op_of_the_servers_own_is_unknown_from_a_client() {
        for number in [10, 13, 20, -10, 99] {
            let mut writer = Writer::new();
            writer.int(1);
            writer.int(number);
            writer.ustring("/a");
            writer.int(-1);
            let request = request(writer.into_inner().freeze()).unwrap();
            assert_eq!(request.op, Op::Unknown(number));
        }
    }

    #[test]
    fn a_null_path_and_a_truncated_body_get_an_answer() {
        for body in [&[255, 255, 255, 255, 0][..], &[0, 0, 0, 9, 47][..], &[][..]] {
            let mut writer = Writer::new();
            writer.int(5);
            writer.int(op::EXISTS);
            writer.raw(body);
            let request = request(writer.into_inner().freeze()).unwrap();
            assert_eq!(request.op, Op::Invalid(ErrorCode::MarshallingError));
            assert_eq!(request.xid, 5);
        }
    }

    fn op_of(number: i32, body: impl FnOnce(&mut Writer)) -> Op {
        let mut writer = Writer::new();
        writer.int(1);
        writer.int(number);
        body(&mut writer);
        request(writer.into_inner().freeze()).unwrap().op
    }

    #[test]
    fn what_is_not_utf8_is_read_as_java_reads_it() {
        let op = op_of(op::GET_ACL, |body| body.buffer(Some(b"/\xFFx")));
        let path = "/\u{fffd}x".to_owned();
        assert_eq!(op, Op::Read(Read::GetAcl { path }));
    }

    #[test]
    fn watches_in_front_of_a_null_are_set() {
        let op = op_of(op::SET_WATCHES, |body| {
            body.long(7);
            body.int(3);
            body.ustring("/a");
            body.int(-1);
            body.ustring("/b");
            body.int(0);
            body.int(-1);
        });
        let expected = SetWatches {
            relative_zxid: Zxid(7),
            data: vec!["/a".to_owned()],
            ends_early: true,
            ..SetWatches::default()
        };
        assert_eq!(op, Op::SetWatches(expected));
    }

    #[test]
    fn a_null_id_is_of_no_scheme() {
        for (scheme, read) in [("sasl", ""), ("digest", ""), ("auth", "auth")] {
            let op = op_of(op::SET_ACL, |body| {
                body.ustring("/a");
                body.int(1);
                body.int(31);
                body.ustring(scheme);
                body.int(-1);
                body.int(0);
            });
            let Op::Write(Write::SetAcl { acl: Some(acl), .. }) = op else {
                panic!("{op:?}");
            };
            let (scheme, id) = (read.to_owned(), String::new());
            let id = Id { scheme, id };
            assert_eq!(acl, [Acl { perms: 31, id }]);
        }
    }

    #[test]
    fn a_null_is_refused_as_zookeeper_does_it() {
        let null_and_int = |number: i32, int: i32| {
            op_of(number, |body| {
                body.int(-1);
                body.int(int);
            })
        };
        let no_watcher = Op::Invalid(ErrorCode::NoWatcher);
        assert_eq!(null_and_int(op::REMOVE_WATCHES, 1), no_watcher);
        assert_eq!(null_and_int(op::CHECK_WATCHES, 3), no_watcher);
        let unreadable = Op::Invalid(ErrorCode::MarshallingError);
        assert_eq!(null_and_int(op::CHECK_WATCHES, 0), unreadable);
        assert_eq!(null_and_int(op::DELETE, 0), unreadable);
        let create = |flags: i32| {
            op_of(op::CREATE, |body| {
                body.int(-1);
                body.int(-1);
                body.int(-1);
                body.int(flags);
            })
        };
        assert_eq!(create(0), unreadable);
        assert_eq!(create(9), Op::Invalid(ErrorCode::BadArguments));
        let auth = op_of(op::AUTH, |body| {
            body.int(0);
            body.ustring("digest");
            body.int(-1);
        });
        let scheme = "digest".to_owned();
        assert_eq!(auth, Op::Auth { scheme, auth: None });
    }
}
