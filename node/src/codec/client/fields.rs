//! Fields that several ops have.

use crate::codec::jute::{Malformed, Reader};
use crate::core::op::{Acl, ErrorCode, Id};

/// A vector of access list lines; `None` is null.
pub(crate) fn acl_list(reader: &mut Reader) -> Result<Option<Vec<Acl>>, Malformed> {
    reader.client_vector(|reader| {
        let perms = reader.int()?;
        Ok(Acl { perms, id: id(reader)? })
    })
}

/// One of no scheme, which no list may name, if it is null where a scheme reads it.
fn id(reader: &mut Reader) -> Result<Id, Malformed> {
    let scheme = reader.lossy_string()?.unwrap_or_default();
    Ok(match reader.lossy_string()? {
        Some(id) => Id { scheme, id },
        None => {
            Id { scheme: if scheme == "auth" { scheme } else { String::new() }, id: String::new() }
        }
    })
}

/// A path that must be there.
pub(super) fn path(reader: &mut Reader) -> Result<String, ErrorCode> {
    reader.lossy_string()?.ok_or(ErrorCode::MarshallingError)
}
