//! Whether one caller may, remembered for the length of one request: a multi names the same access
//! lists ten thousand times, and each may have a thousand lines.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::acl::allowed;
use crate::core::op::{Acl, ErrorCode, Id};

/// Lists up to this length are judged anew: that is as cheap as remembering.
const SHORT: usize = 4;

/// A list and what was found.
type Verdict = (Arc<[Acl]>, bool);

/// One caller's verdicts.
#[derive(Debug)]
pub(super) struct Verdicts<'a> {
    ids: &'a [Id],
    /// By the list's place in memory. The list is held as well: its place must not become
    /// another one's meanwhile.
    known: BTreeMap<(usize, i32), Verdict>,
}

impl<'a> Verdicts<'a> {
    pub(super) fn of(ids: &'a [Id]) -> Verdicts<'a> {
        Verdicts { ids, known: BTreeMap::new() }
    }

    pub(super) fn ids(&self) -> &'a [Id] {
        self.ids
    }

    pub(super) fn allowed(&mut self, list: &Arc<[Acl]>, perm: i32) -> bool {
        if list.len() <= SHORT {
            return allowed(list, self.ids, perm);
        }
        let key = (list.as_ptr() as usize, perm);
        let known = self
            .known
            .entry(key)
            .or_insert_with(|| (Arc::clone(list), allowed(list, self.ids, perm)));
        known.1
    }

    /// # Errors
    /// `NoAuth` without the permission.
    pub(super) fn permit(&mut self, list: &Arc<[Acl]>, perm: i32) -> Result<(), ErrorCode> {
        if self.allowed(list, perm) { Ok(()) } else { Err(ErrorCode::NoAuth) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::state::acl::{READ, WRITE};

    fn list(perms: i32) -> Arc<[Acl]> {
        let line =
            |n: usize| Acl { perms, id: Id { scheme: "digest".to_owned(), id: format!("u{n}:h") } };
        (0..100).map(line).collect()
    }

    #[test]
    fn a_long_list_is_judged_once_for_each_permission_and_never_for_another_list() {
        let ids = [Id { scheme: "digest".to_owned(), id: "u99:h".to_owned() }];
        let mut verdicts = Verdicts::of(&ids);
        let (reads, writes) = (list(READ), list(WRITE));
        for _ in 0..1_000 {
            assert!(verdicts.allowed(&reads, READ));
            assert!(!verdicts.allowed(&reads, WRITE));
            assert!(verdicts.allowed(&writes, WRITE));
        }
        assert_eq!(verdicts.known.len(), 3);
        // A list that is gone leaves no verdict for the next one at its place.
        drop((reads, writes));
        for _ in 0..100 {
            assert!(!verdicts.allowed(&list(0), READ));
            assert!(verdicts.allowed(&list(READ), READ));
        }
    }
}
