//! Containers and TTL znodes: which of them are due to be removed.

use super::State;
use super::tree::Tree;
use super::znode::Lifetime;
use crate::core::types::Reckoning;

/// How much one look may find and cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Glance {
    /// Containers and TTL znodes that are looked at.
    pub looks: usize,
    /// Paths that are given.
    pub paths: usize,
    /// Their bytes: one entry has to fit into a record and a frame. The first path is always
    /// given.
    pub bytes: usize,
}

impl State {
    /// Containers and TTL znodes that are due, from this place of the arena on, and where to go on
    /// looking; `None`: all were looked at.
    pub fn due(
        &self,
        from: u32,
        reckoning: Reckoning,
        glance: Glance,
    ) -> (Vec<String>, Option<u32>) {
        let (mut due, mut bytes) = (Vec::new(), 0);
        for (looked, place) in self.tree.mortal_from(from).enumerate() {
            if looked == glance.looks || due.len() == glance.paths {
                return (due, Some(place));
            }
            if !self.tree.is_due(place, reckoning) {
                continue;
            }
            let path = self.tree.path_of(place);
            bytes += path.len();
            if bytes > glance.bytes && !due.is_empty() {
                return (due, Some(place));
            }
            due.push(path);
        }
        (due, None)
    }
}

impl Tree {
    /// Whether a container or TTL znode is due (ZooKeeper's `ContainerManager`): childless, and
    /// a container must have had a child, a TTL znode must have been left alone for its time.
    pub(crate) fn is_due(&self, place: u32, reckoning: Reckoning) -> bool {
        let Some(znode) = self.get(place) else {
            return false;
        };
        znode.children == 0
            && match znode.lifetime {
                Lifetime::Container => znode.creates != 0,
                Lifetime::Ttl(ttl) => reckoning.age_ms(znode.mtime) > ttl,
                Lifetime::Persistent | Lifetime::Ephemeral(_) => false,
            }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::state::znode::ROOT;
    use crate::core::state::znode::Znode;
    use crate::core::types::Wall;

    /// Makes a used container of each of these names below the root.
    fn containers(names: &[String]) -> State {
        let mut state = State::new();
        let root = state.tree.get(ROOT).cloned().unwrap();
        for name in names {
            let znode = Znode {
                name: name.as_str().into(),
                lifetime: Lifetime::Container,
                creates: 1,
                children: 0,
                ..root.clone()
            };
            state.tree.insert(ROOT, znode);
        }
        state
    }

    /// All that is due, look by look.
    fn sweep(state: &State, glance: Glance) -> Vec<Vec<String>> {
        let (mut looks, mut from) = (Vec::new(), Some(0));
        while let Some(place) = from {
            let (due, next) = state.due(place, Reckoning::by(Wall(0)), glance);
            assert!(next.is_none_or(|next| next > place), "it goes on");
            looks.push(due);
            from = next;
        }
        looks
    }

    #[test]
    fn a_sweep_takes_so_many_bytes_at_once_and_leaves_nothing_out() {
        let names: Vec<String> = (0..5).map(|n| format!("{n}{}", "x".repeat(98))).collect();
        let state = containers(&names);
        let glance = Glance { looks: 100, paths: 100, bytes: 250 };
        let looks = sweep(&state, glance);
        let sizes: Vec<usize> = looks.iter().map(Vec::len).collect();
        assert_eq!(sizes, [2, 2, 1]);
        let narrow = Glance { bytes: 1, ..glance };
        assert_eq!(sweep(&state, narrow).len(), 5, "one that is longer goes alone");
        let paths: Vec<String> = looks.into_iter().flatten().collect();
        let all: Vec<String> = names.iter().map(|name| format!("/{name}")).collect();
        assert_eq!(paths, all);
    }

    #[test]
    fn a_look_is_short_also_where_nothing_is_due() {
        let names: Vec<String> = (0..25).map(|n| format!("c{n:02}")).collect();
        let mut state = containers(&names);
        let blank: Vec<u32> = state.tree.mortal_from(0).collect();
        for place in &blank[..20] {
            state.tree.change(*place, |znode| znode.creates = 0);
        }
        let glance = Glance { looks: 10, paths: 3, bytes: 1_000 };
        let sizes: Vec<usize> = sweep(&state, glance).iter().map(Vec::len).collect();
        assert_eq!(sizes, [0, 0, 3, 2], "never used, never used, and by so many");
    }
}
