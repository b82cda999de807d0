//! Access lists in use, so that equal ones are one: most znodes have one of a few.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::core::op::Acl;

/// Lists that may be out of use before they are looked for.
const SLACK: usize = 64;

/// The lists of a tree. Which are in use is known by who else holds them, so nothing has to be
/// told when a znode changes its list or goes; a snapshot that is being stored counts, too.
#[derive(Debug, Default)]
pub(crate) struct AccessLists {
    lists: BTreeSet<Arc<[Acl]>>,
    /// How many were in use when that was last looked for.
    used: usize,
}

impl AccessLists {
    /// The one shared copy of a list. Those that nobody holds any more are dropped now and then,
    /// so that a client that sets ever new lists costs no more than twice what is in use.
    pub(crate) fn intern(&mut self, list: Arc<[Acl]>) -> Arc<[Acl]> {
        if let Some(known) = self.lists.get(&list) {
            return Arc::clone(known);
        }
        if self.lists.len() >= 2 * self.used + SLACK {
            self.lists.retain(|list| Arc::strong_count(list) > 1);
            self.used = self.lists.len();
        }
        self.lists.insert(Arc::clone(&list));
        list
    }

    /// How many are kept.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.lists.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::op::Id;

    fn list(n: usize) -> Arc<[Acl]> {
        let id = Id { scheme: "digest".to_owned(), id: format!("u{n}:h") };
        Arc::new([Acl { perms: 31, id }])
    }

    #[test]
    fn equal_lists_are_one() {
        let mut lists = AccessLists::default();
        let first = lists.intern(list(1));
        assert!(Arc::ptr_eq(&first, &lists.intern(list(1))));
        assert_eq!(lists.len(), 1);
    }

    #[test]
    fn lists_that_no_znode_has_any_more_are_dropped_and_the_others_stay_one() {
        let mut lists = AccessLists::default();
        let held: Vec<Arc<[Acl]>> = (0..100).map(|n| lists.intern(list(n))).collect();
        for n in 100..20_000 {
            lists.intern(list(n));
            assert!(lists.len() <= 2 * held.len() + SLACK + 1, "{n}");
        }
        for (n, held) in held.iter().enumerate() {
            assert!(Arc::ptr_eq(held, &lists.intern(list(n))));
        }
    }
}
