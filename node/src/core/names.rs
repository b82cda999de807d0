//! Names of children, as many as one answer has room for.

use std::sync::Arc;

/// The names below a znode. They are the tree's own, and weighed while they are gathered: a parent
/// may have a million.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    list: Vec<Arc<str>>,
    bytes: usize,
}

impl Names {
    /// Gathers names of at most `room` bytes; `None` if there are more.
    pub fn gather<'a>(names: impl Iterator<Item = &'a Arc<str>>, room: usize) -> Option<Names> {
        let mut gathered = Names::default();
        for name in names {
            gathered.bytes += 4 + name.len();
            if gathered.bytes > room {
                return None;
            }
            gathered.list.push(Arc::clone(name));
        }
        Some(gathered)
    }

    /// The names, in their order.
    pub fn list(&self) -> &[Arc<str>] {
        &self.list
    }

    /// What they take in an answer.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_beyond_the_room_are_not_gathered() {
        let all: Vec<Arc<str>> = vec!["aa".into(), "bbbb".into()];
        assert!(Names::gather(all.iter(), 13).is_none());
        assert_eq!(Names::gather(all.iter(), 14).unwrap().list(), all);
    }
}
