//! Who may do what. Source: ZooKeeper's `ZooKeeperServer.checkACL` and `PrepRequestProcessor.fixupACL`.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::core::auth::scheme;
use crate::core::op::{Acl, ErrorCode, Id};

/// Read data and list children.
pub(crate) const READ: i32 = 1;
/// Change data.
pub(crate) const WRITE: i32 = 2;
/// Create children.
pub(crate) const CREATE: i32 = 4;
/// Delete children.
pub(crate) const DELETE: i32 = 8;
/// Change the access list.
pub(crate) const ADMIN: i32 = 16;
/// All of them.
pub(crate) const ALL: i32 = 31;

/// Lines that a list may have. ZooKeeper bounds it by the frame alone (some 40,000 lines), but each
/// request on the znode is judged by all of them, on every member.
pub(crate) const LINES_MAX: usize = 256;

/// `world:anyone` with these permissions.
pub(crate) fn anyone(perms: i32) -> Arc<[Acl]> {
    let id = Id { scheme: "world".to_owned(), id: "anyone".to_owned() };
    Arc::new([Acl { perms, id }])
}

/// Whether the caller has the permission. Any matching line is enough; `super` needs none.
pub(crate) fn allowed(acl: &[Acl], ids: &[Id], perm: i32) -> bool {
    if acl.is_empty() || ids.iter().any(|id| id.scheme == "super") {
        return true;
    }
    acl.iter().any(|line| line.perms & perm != 0 && names(&line.id, ids))
}

fn names(id: &Id, ids: &[Id]) -> bool {
    if id.scheme == "world" {
        return id.id == "anyone";
    }
    ids.iter().any(|own| own.scheme == id.scheme && scheme::matches(&id.scheme, &own.id, &id.id))
}

/// The list as it is stored: `auth` becomes the caller's own ids, repeats are dropped.
///
/// # Errors
/// `InvalidAcl` for an empty list, an unknown scheme, an id that the scheme does not know, or more
/// than [`LINES_MAX`] lines, given or stored.
pub(crate) fn fix_up(acl: Option<&[Acl]>, ids: &[Id]) -> Result<Arc<[Acl]>, ErrorCode> {
    let acl =
        acl.filter(|acl| !acl.is_empty() && acl.len() <= LINES_MAX).ok_or(ErrorCode::InvalidAcl)?;
    let (mut fixed, mut seen) = (Vec::new(), BTreeSet::new());
    for line in acl {
        let mut lines = Vec::new();
        match line.id.scheme.as_str() {
            "world" if line.id.id == "anyone" => lines.push(line.clone()),
            "auth" => {
                let own = ids.iter().filter(|id| id.scheme != "ip" && id.scheme != "super");
                lines.extend(own.map(|id| Acl { perms: line.perms, id: id.clone() }));
                if lines.is_empty() {
                    return Err(ErrorCode::InvalidAcl);
                }
            }
            other if scheme::is_valid(other, &line.id.id) => lines.push(line.clone()),
            _ => return Err(ErrorCode::InvalidAcl),
        }
        for line in lines {
            if seen.insert(line.clone()) {
                fixed.push(line);
            }
        }
        // Looked at after each line: an `auth` line becomes as many as the caller has ids.
        if fixed.len() > LINES_MAX {
            return Err(ErrorCode::InvalidAcl);
        }
    }
    Ok(fixed.into())
}

/// The list as somebody without ADMIN may see it.
pub(crate) fn masked(acl: &[Acl]) -> Vec<Acl> {
    let mask = |line: &Acl| match line.id.id.split_once(':') {
        Some((user, _)) if line.id.scheme == "digest" => {
            Acl { perms: line.perms, id: Id { scheme: "digest".into(), id: format!("{user}:x") } }
        }
        _ => line.clone(),
    };
    acl.iter().map(mask).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(scheme: &str, id: &str) -> Id {
        Id { scheme: scheme.to_owned(), id: id.to_owned() }
    }

    #[test]
    fn auth_becomes_the_callers_ids_and_needs_one() {
        let acl = [Acl { perms: ALL, id: id("auth", "") }];
        let ids = [id("ip", "127.0.0.1"), id("digest", "u:h")];
        let fixed = fix_up(Some(&acl), &ids).unwrap();
        assert_eq!(*fixed, [Acl { perms: ALL, id: id("digest", "u:h") }]);
        assert_eq!(fix_up(Some(&acl), &ids[..1]), Err(ErrorCode::InvalidAcl));
        assert_eq!(fix_up(None, &ids), Err(ErrorCode::InvalidAcl));
        assert_eq!(fix_up(Some(&[]), &ids), Err(ErrorCode::InvalidAcl));
    }

    #[test]
    fn a_list_that_is_or_becomes_too_long_is_invalid_and_repeats_are_dropped_in_order() {
        let line = |scheme: &str, n: usize| Acl { perms: READ, id: id(scheme, &format!("u{n}:h")) };
        let digests = |count: usize| (0..count).map(|n| line("digest", n)).collect::<Vec<_>>();
        let most = digests(LINES_MAX);
        assert_eq!(*fix_up(Some(&most), &[]).unwrap(), *most);
        let more = digests(LINES_MAX + 1);
        assert_eq!(fix_up(Some(&more), &[]), Err(ErrorCode::InvalidAcl));
        let ids: Vec<Id> = digests(LINES_MAX).into_iter().map(|it| it.id).collect();
        let auth = |perms: i32| Acl { perms, id: id("auth", "") };
        assert_eq!(*fix_up(Some(&[auth(READ)]), &ids).unwrap(), *most);
        let twice = [auth(READ), auth(WRITE)];
        assert_eq!(fix_up(Some(&twice), &ids), Err(ErrorCode::InvalidAcl));
        let repeats = [line("digest", 2), line("digest", 1), line("digest", 2)];
        assert_eq!(*fix_up(Some(&repeats), &[]).unwrap(), repeats[..2]);
    }

    #[test]
    fn without_admin_the_hash_is_hidden() {
        let acl = [Acl { perms: READ, id: id("digest", "u:secret") }];
        assert_eq!(masked(&acl)[0].id.id, "u:x");
    }
}
