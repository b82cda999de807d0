//! What an entry changed, for those who watch. Paths are put together only when they are asked for:
//! a session may end with more ephemerals than their paths would fit into memory, for a tree keeps
//! the names above a znode once, however many are below.

use std::sync::Arc;

use crate::core::op::{Acl, EventType};

/// A path, among those of some [`Changes`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct At(u32);

impl At {
    /// Its number, counted from 0; a path has a higher one than those above it.
    pub fn number(self) -> usize {
        self.0 as usize
    }
}

/// A change that watches may be waiting for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// What happened.
    pub kind: EventType,
    /// To which znode.
    pub at: At,
    /// The znode's access list (before it was deleted): a watcher must be allowed to read it.
    pub acl: Arc<[Acl]>,
}

/// A whole path, or a name below another one.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Step {
    above: Option<At>,
    text: Arc<str>,
}

/// What changed, in the order in which watches fire.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    steps: Vec<Step>,
    all: Vec<Change>,
}

impl Changes {
    /// A whole path.
    pub fn path(&mut self, path: &str) -> At {
        self.step(None, path.into())
    }

    /// A child's path.
    pub fn below(&mut self, above: At, name: Arc<str>) -> At {
        self.step(Some(above), name)
    }

    fn step(&mut self, above: Option<At>, text: Arc<str>) -> At {
        // Places have 32 bits as well, and an entry has at most two steps for each.
        let at = At(u32::try_from(self.steps.len()).unwrap_or(u32::MAX));
        self.steps.push(Step { above, text });
        at
    }

    /// Something happened there.
    pub fn push(&mut self, kind: EventType, at: At, acl: Arc<[Acl]>) {
        self.all.push(Change { kind, at, acl });
    }

    /// Nothing happened.
    pub fn clear(&mut self) {
        self.steps.clear();
        self.all.clear();
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Change> {
        self.all.iter()
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// Whether nothing changed.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// How many paths are told apart.
    pub fn paths(&self) -> usize {
        self.steps.len()
    }

    /// The path above, and the name; or the whole path.
    pub fn parts(&self, at: At) -> (Option<At>, &str) {
        self.steps.get(at.number()).map_or((None, ""), |step| (step.above, &step.text))
    }

    /// The whole path.
    pub fn text(&self, at: At) -> String {
        let (mut parts, mut next) = (Vec::new(), Some(at));
        while let Some(at) = next {
            let (above, text) = self.parts(at);
            parts.push(text);
            next = above;
        }
        let length = parts.iter().map(|part| part.len() + 1).sum();
        let mut path = String::with_capacity(length);
        for part in parts.into_iter().rev() {
            if !path.is_empty() && path != "/" {
                path.push('/');
            }
            path += part;
        }
        path
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_put_together_of_what_is_above_it() {
        let mut changes = Changes::default();
        let root = changes.path("/");
        let a = changes.below(root, "a".into());
        let b = changes.below(a, "b".into());
        let deep = changes.path("/x/y");
        let z = changes.below(deep, "z".into());
        let texts = [root, a, b, deep, z].map(|at| changes.text(at));
        assert_eq!(texts, ["/", "/a", "/a/b", "/x/y", "/x/y/z"]);
        assert_eq!(changes.paths(), 5);
        assert!(changes.is_empty());
    }
}
