//! The writes that a client sends.

use bytes::Bytes;

use crate::core::op::{Acl, Create, Id, Write};

/// A create that anyone may do everything with.
pub(super) fn create(path: &str, data: &[u8], flags: i32) -> Write {
    create_for(path, data, flags, None)
}

/// The same of a znode that lives for so many milliseconds.
pub(super) fn create_for(path: &str, data: &[u8], flags: i32, ttl: Option<i64>) -> Write {
    let anyone = Id { scheme: "world".to_owned(), id: "anyone".to_owned() };
    Write::Create(Create {
        path: path.to_owned(),
        data: Some(Bytes::copy_from_slice(data)),
        acl: Some(vec![Acl { perms: 31, id: anyone }]),
        flags,
        ttl,
        with_stat: ttl.is_some(),
    })
}

/// New data, whatever the version.
pub(super) fn set(path: &str, data: &[u8]) -> Write {
    Write::SetData { path: path.to_owned(), data: Some(Bytes::copy_from_slice(data)), version: -1 }
}
