//! Counters and sizes, which srst sets back.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

/// A number that only grows, but for a reset.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    /// So many more.
    pub(crate) fn add(&self, count: u64) {
        self.0.fetch_add(count, Ordering::Relaxed);
    }

    /// How many.
    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    pub(super) fn reset(&self) {
        self.0.store(0, Ordering::Relaxed);
    }
}

/// The last, smallest and largest of some sizes in bytes; -1 before the first.
#[derive(Debug)]
pub(crate) struct Sizes {
    last: AtomicI64,
    min: AtomicI64,
    max: AtomicI64,
}

impl Default for Sizes {
    fn default() -> Self {
        Sizes { last: AtomicI64::new(-1), min: AtomicI64::new(-1), max: AtomicI64::new(-1) }
    }
}

impl Sizes {
    /// Another one.
    pub(crate) fn observe(&self, bytes: usize) {
        let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
        self.last.store(bytes, Ordering::Relaxed);
        self.max.fetch_max(bytes, Ordering::Relaxed);
        let smaller = |min: i64| (min < 0 || bytes < min).then_some(bytes);
        // Fails only when there is nothing to change.
        let _ = self.min.fetch_update(Ordering::Relaxed, Ordering::Relaxed, smaller);
    }

    /// Last, smallest, largest.
    pub(crate) fn get(&self) -> [i64; 3] {
        [&self.last, &self.min, &self.max].map(|it| it.load(Ordering::Relaxed))
    }

    pub(super) fn reset(&self) {
        for it in [&self.last, &self.min, &self.max] {
            it.store(-1, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_unknown_until_the_first_and_after_a_reset() {
        let sizes = Sizes::default();
        assert_eq!(sizes.get(), [-1, -1, -1]);
        for bytes in [20, 5, 9] {
            sizes.observe(bytes);
        }
        assert_eq!(sizes.get(), [9, 5, 20]);
        sizes.reset();
        assert_eq!(sizes.get(), [-1, -1, -1]);
    }
}
