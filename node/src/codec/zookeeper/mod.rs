//! The files of a ZooKeeper server, 3.4 to 3.9: [`snapshot`] · [`log`]. Only read.
//!
//! Sources: ZooKeeper's `zookeeper.jute`, `FileSnap`, `SnapStream`, `FileTxnLog`, `SerializeUtils`.

pub(crate) mod log;
pub(crate) mod snapshot;

use std::sync::Arc;

use super::jute::{Malformed, Reader};
use crate::core::op::{Acl, Id};
use crate::core::state::znode::Lifetime;
use crate::core::types::SessionId;

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

/// What ZooKeeper writes for the owner of a container.
const CONTAINER: i64 = i64::MIN;
/// The high byte of what it writes for the owner of a TTL znode; the five low ones are the TTL.
const TTL_MARK: u8 = 0xFF;
const TTL_BITS: i64 = 0xFF_FFFF_FFFF;

/// How a znode ends, by the owner that is stored of it: a session, or what stands in its place.
fn lifetime(owner: i64) -> Lifetime {
    match owner {
        0 => Lifetime::Persistent,
        CONTAINER => Lifetime::Container,
        owner if owner.to_be_bytes()[0] == TTL_MARK => Lifetime::Ttl(owner & TTL_BITS),
        owner => Lifetime::Ephemeral(SessionId(owner)),
    }
}

fn adler(bytes: &[u8]) -> i64 {
    i64::from(adler2::adler32_slice(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn containers_and_ttl_znodes_are_told_from_ephemerals() {
        let session = SessionId(0x0100_0000_0000_0001);
        assert_eq!(lifetime(i64::MIN), Lifetime::Container);
        assert_eq!(lifetime((0xFF << 56) | 60_000), Lifetime::Ttl(60_000));
        assert_eq!(lifetime(session.0), Lifetime::Ephemeral(session));
        assert_eq!(lifetime(0), Lifetime::Persistent);
    }
}
