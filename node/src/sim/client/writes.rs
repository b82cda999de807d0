//! The writes that a client sends.

use bytes::Bytes;

use crate::core::op::{Acl, Create, Id, Write};

/// A create that anyone may do everything with.
pub(super) fn create(path: &str, data: &[u8], flags: i32) -> Write {
    let anyone = Id {
        scheme: "world".to_owned(),
        id: "anyone".to_owned(),
    };
    Write::Create(Create {
        path: path.to_owned(),
        data: Some(Bytes::copy_from_slice(data)),
        acl: Some(vec![Acl {
            perms: 31,
            id: anyone,
        }]),
        flags,
        ttl: None,
        with_stat: false,
    })
}
