//! Access lists in use, so that equal ones are one: most znodes have one of a few.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::digest;
use crate::core::op::Acl;

/// Lists that may be out of use before they are looked for.
const SLACK: usize = 64;

/// The lists of a tree. Which are in use is known by who else holds them, so nothing has to be
/// told when a znode changes its list or goes; a snapshot that is being stored counts, too.
#[derive(Debug, Default)]
pub(crate) struct AccessLists {
    lists: BTreeSet<Arc<[Acl]>>,
    /// What each of them says, as a hash, by where it is in memory: they may be long.
    hashes: BTreeMap<usize, u64>,
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
            let hashes = &mut self.hashes;
            self.lists.retain(|list| {
                let used = Arc::strong_count(list) > 1;
                if !used {
                    hashes.remove(&address(list));
                }
                used
            });
            self.used = self.lists.len();
        }
        self.hashes.insert(address(&list), digest::of_list(&list));
        self.lists.insert(Arc::clone(&list));
        list
    }

    /// The hash of what a list says.
    pub(super) fn hash(&self, list: &Arc<[Acl]>) -> u64 {
        let known = self.hashes.get(&address(list)).copied();
        known.unwrap_or_else(|| digest::of_list(list))
    }

    /// How many are kept.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.lists.len()
    }
}

/// Where a list is in memory: nothing else is there as long as it is kept.
fn address(list: &Arc<[Acl]>) -> usize {
    Arc::as_ptr(list).cast::<Acl>() as usize
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
