//! The files of a ZooKeeper server, 3.4 to 3.9: [`snapshot`] · [`log`]. Only read.
//!
//! Sources: ZooKeeper's `zookeeper.jute`, `FileSnap`, `SnapStream`, `FileTxnLog`, `SerializeUtils`.

pub(crate) mod log;
pub(crate) mod snapshot;

use std::sync::Arc;

use super::jute::{Malformed, Reader};
use crate::core::op::{Acl, Id};

/// The version of both formats, since the first one.
const VERSION: i32 = 2;

/// A file's first 16 bytes.
fn header(reader: &mut Reader, magic: &[u8; 4], what: &str) -> Result<(), String> {
    let found = reader.take(4).map_err(|_| "it is too short".to_owned())?;
    if found.as_ref() != magic {
        return Err(format!("its first bytes are not those of a {what}"));
    }
    let version = reader.int().map_err(|_| "it is too short".to_owned())?;
    if version != VERSION {
        return Err(format!("it is a {what} of format {version}, and {VERSION} is read"));
    }
    reader.long().map(drop).map_err(|_| "it is too short".to_owned())
}

fn path(reader: &mut Reader) -> Result<String, Malformed> {
    reader.lossy_string()?.ok_or(Malformed::Value)
}

/// An access list; null is an empty one.
fn acl(reader: &mut Reader) -> Result<Arc<[Acl]>, Malformed> {
    let list = reader.client_vector(|reader| {
        let perms = reader.int()?;
        let scheme = reader.lossy_string()?.unwrap_or_default();
        let id = reader.lossy_string()?.unwrap_or_default();
        Ok(Acl { perms, id: Id { scheme, id } })
    })?;
    Ok(list.unwrap_or_default().into())
}

fn adler(bytes: &[u8]) -> i64 {
    i64::from(adler2::adler32_slice(bytes))
}
