//! Numbers of many observations, as ZooKeeper's summaries: how many, their sum, the least and the
//! largest, and percentiles of the newest ones.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// How many of the newest observations percentiles are taken from.
const RECENT: usize = 1_024;

/// One summary.
#[derive(Debug, Default)]
pub(crate) struct Summary(Mutex<Seen>);

#[derive(Debug, Default)]
struct Seen {
    count: u64,
    sum: u64,
    min: u64,
    max: u64,
    recent: Vec<u64>,
    next: usize,
}

/// What a summary holds at one instant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)]
pub(crate) struct View {
    pub(crate) count: u64,
    pub(crate) sum: u64,
    pub(crate) min: u64,
    pub(crate) max: u64,
    sorted: Vec<u64>,
}

impl Summary {
    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Another observation.
    pub(crate) fn observe(&self, value: u64) {
        let mut seen = self.lock();
        seen.min = if seen.count == 0 { value } else { seen.min.min(value) };
        seen.max = seen.max.max(value);
        seen.count += 1;
        seen.sum = seen.sum.saturating_add(value);
        let at = seen.next % RECENT;
        seen.next = at + 1;
        match seen.recent.get_mut(at) {
            Some(oldest) => *oldest = value,
            None => seen.recent.push(value),
        }
    }

    /// Forgets everything.
    pub(crate) fn reset(&self) {
        *self.lock() = Seen::default();
    }

    /// What it holds now.
    pub(crate) fn view(&self) -> View {
        let seen = self.lock();
        let mut sorted = seen.recent.clone();
        let (count, sum, min, max) = (seen.count, seen.sum, seen.min, seen.max);
        drop(seen);
        sorted.sort_unstable();
        View { count, sum, min, max, sorted }
    }
}

impl View {
    /// The mean; 0 when there was none.
    pub(crate) fn mean(&self) -> f64 {
        if self.count == 0 { 0.0 } else { self.sum as f64 / self.count as f64 }
    }

    /// The value that this part of the newest observations does not exceed (nearest rank).
    pub(crate) fn quantile(&self, part: f64) -> Option<u64> {
        let rank = (part * self.sorted.len() as f64).ceil() as usize;
        self.sorted.get(rank.saturating_sub(1)).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_of_the_newest_and_the_rest_is_of_all() {
        let summary = Summary::default();
        assert_eq!(summary.view().quantile(0.5), None);
        summary.observe(1_000_000);
        for value in 1..=RECENT as u64 {
            summary.observe(value);
        }
        let view = summary.view();
        assert_eq!((view.count, view.min, view.max), (1_025, 1, 1_000_000));
        assert_eq!(view.quantile(0.5), Some(512));
        assert_eq!(view.quantile(0.999), Some(1_023));
        assert_eq!(view.quantile(1.0), Some(1_024));
        summary.reset();
        assert_eq!(summary.view(), View::default());
    }
}
