//! Whose turn it is to take what another operator brings: a few ensembles at a time, one before all
//! others, and nobody more once one does not come through it.

use std::collections::BTreeMap;

/// How an ensemble stands to what its operator brings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It does not follow, or cannot: nobody waits for it.
    Apart,
    /// It would follow, and has not begun.
    Behind,
    /// It has begun, and is not done; or it is not well since.
    Taking,
    /// The same, and something is in the way.
    Stuck,
    /// It is done, since this many seconds since the epoch.
    Taken(i64),
}

/// All ensembles of an operator, by name, and how each stands; `None` while it was not looked at.
#[derive(Clone, Debug, Default)]
pub struct Convoy {
    all: BTreeMap<String, Option<Standing>>,
    at_once: usize,
    soak: i64,
}

impl Convoy {
    /// Of which so many may be under way at once, after the first one was watched for so many seconds.
    pub fn new(at_once: usize, soak: u32) -> Convoy {
        Convoy { all: BTreeMap::new(), at_once, soak: i64::from(soak) }
    }

    /// There is an ensemble of this name, and nobody has looked at it.
    pub fn enters(&mut self, name: &str) {
        self.all.entry(name.to_owned()).or_default();
    }

    /// It was looked at.
    pub fn stands(&mut self, name: &str, standing: Standing) {
        self.all.insert(name.to_owned(), Some(standing));
    }

    /// It is gone.
    pub fn leaves(&mut self, name: &str) {
        self.all.remove(name);
    }

    /// Whether it may begin now.
    pub fn may(&self, name: &str, now: i64) -> bool {
        if self.all.get(name) != Some(&Some(Standing::Behind)) {
            return false;
        }
        let standings = || self.all.values().flatten();
        let unknown = self.all.values().any(Option::is_none);
        let stuck = standings().any(|it| *it == Standing::Stuck);
        let taking = standings().filter(|it| **it == Standing::Taking).count();
        let taken = |it: &&Standing| matches!(it, Standing::Taken(_));
        let soaked =
            |it: &Standing| matches!(it, Standing::Taken(since) if now - since >= self.soak);
        let first = !standings().any(|it| taken(&it));
        let free = if standings().any(soaked) {
            self.at_once.saturating_sub(taking)
        } else {
            usize::from(first && taking == 0)
        };
        let behind = self.all.iter().filter(|(_, it)| **it == Some(Standing::Behind));
        !unknown && !stuck && behind.take(free).any(|(of, _)| of == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn convoy(all: &[(&str, Option<Standing>)], at_once: usize) -> Convoy {
        let all = all.iter().map(|(name, it)| ((*name).to_owned(), *it)).collect();
        Convoy { all, at_once, soak: 60 }
    }

    fn begin(convoy: &Convoy) -> Vec<&str> {
        let names = convoy.all.keys().map(String::as_str);
        names.filter(|name| convoy.may(name, 1_000)).collect()
    }

    const BEHIND: Option<Standing> = Some(Standing::Behind);

    #[test]
    fn one_begins_and_is_watched_before_any_other() {
        let mut convoy = convoy(&[("a", BEHIND), ("b", BEHIND), ("c", BEHIND), ("d", BEHIND)], 2);
        assert_eq!(begin(&convoy), ["a"]);
        convoy.stands("a", Standing::Taking);
        assert_eq!(begin(&convoy), [""; 0]);
        convoy.stands("a", Standing::Taken(941));
        assert_eq!(begin(&convoy), [""; 0], "it is watched still");
        convoy.stands("a", Standing::Taken(940));
        assert_eq!(begin(&convoy), ["b", "c"]);
    }

    #[test]
    fn no_more_than_so_many_are_under_way_at_once() {
        let taken = Some(Standing::Taken(0));
        let taking = Some(Standing::Taking);
        let all = [("a", taken), ("b", taking), ("c", BEHIND), ("d", BEHIND), ("e", BEHIND)];
        assert_eq!(begin(&convoy(&all, 1)), [""; 0]);
        assert_eq!(begin(&convoy(&all, 2)), ["c"]);
        assert_eq!(begin(&convoy(&all, 3)), ["c", "d"]);
        assert_eq!(begin(&convoy(&all, 0)), [""; 0], "nobody follows");
    }

    #[test]
    fn once_one_does_not_come_through_it_nobody_begins() {
        let all = [("a", Some(Standing::Taken(0))), ("b", Some(Standing::Stuck)), ("c", BEHIND)];
        assert_eq!(begin(&convoy(&all, 9)), [""; 0]);
    }

    #[test]
    fn an_operator_that_has_not_looked_at_all_of_them_lets_nobody_begin() {
        let mut convoy = convoy(&[("a", Some(Standing::Taken(0))), ("b", BEHIND)], 1);
        assert_eq!(begin(&convoy), ["b"]);
        convoy.enters("c");
        assert_eq!(begin(&convoy), [""; 0]);
        convoy.stands("c", Standing::Apart);
        assert_eq!(begin(&convoy), ["b"]);
        convoy.enters("c");
        assert_eq!(begin(&convoy), ["b"], "it is known already");
        convoy.leaves("b");
        assert_eq!(begin(&convoy), [""; 0]);
    }
}
