//! How far a member is behind its leader in time. Entries on their way say nothing of that: under load
//! there are always many.
//!
//! Measured in rounds: what the leader has at one instant is a goal, and when the member has
//! acknowledged that, the leader's last entry of then is the next. So a member has everything that the
//! leader had when the goal before was set.

use crate::core::types::{Index, Mono};

/// Since when a member lacks something.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Behind {
    /// It has everything that the leader had then; not known before its first goal is reached.
    had: Option<Mono>,
    /// What the leader had, and when.
    goal: Option<(Index, Mono)>,
}

impl Behind {
    /// It has everything up to `matched`, of a log that ends at `last`.
    pub(super) fn acknowledged(&mut self, now: Mono, matched: Index, last: Index) {
        if self.goal.is_none_or(|(goal, _)| matched >= goal) {
            self.had = self.goal.map(|(_, at)| at).or(self.had);
            self.goal = Some((last, now));
        }
        if matched >= last {
            self.had = Some(now);
        }
    }

    /// It has everything that the leader had so many milliseconds ago, at most; `None`: nobody knows.
    pub(super) fn ms(&self, now: Mono, matched: Index, last: Index) -> Option<u64> {
        if matched >= last { Some(0) } else { self.had.map(|had| now.since(had)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn acknowledged(behind: &mut Behind, now: u64, matched: u64, last: u64) -> Option<u64> {
        behind.acknowledged(Mono(now), Index(matched), Index(last));
        behind.ms(Mono(now), Index(matched), Index(last))
    }

    #[test]
    fn a_member_that_follows_a_fast_stream_is_a_moment_behind_though_entries_are_many() {
        let mut behind = Behind::default();
        // A thousand entries every ten milliseconds, and each is acknowledged twenty later.
        for now in (0..1_000).step_by(10) {
            let (last, matched) =
                (100 * now + 5_000, (100 * now + 5_000_u64).saturating_sub(2_000));
            let ms = acknowledged(&mut behind, now, matched, last);
            assert!(now < 50 || ms.is_some_and(|ms| ms <= 60), "at {now}: {ms:?}");
        }
    }

    #[test]
    fn a_member_that_stands_still_is_behind_for_as_long_however_few_entries_it_lacks() {
        let mut behind = Behind::default();
        assert_eq!(acknowledged(&mut behind, 1_000, 7, 7), Some(0));
        assert_eq!(behind.ms(Mono(1_400), Index(7), Index(8)), Some(400));
        // It answers, and says nothing new.
        assert_eq!(acknowledged(&mut behind, 2_000, 7, 8), Some(1_000));
        assert_eq!(acknowledged(&mut behind, 60_000, 7, 9), Some(59_000));
        assert_eq!(acknowledged(&mut behind, 61_000, 9, 9), Some(0));
    }

    #[test]
    fn one_that_has_reached_nothing_yet_is_not_known_to_be_near() {
        let mut behind = Behind::default();
        assert_eq!(behind.ms(Mono(1_000), Index(0), Index(50)), None);
        assert_eq!(acknowledged(&mut behind, 1_000, 10, 50), None);
        assert_eq!(acknowledged(&mut behind, 2_000, 40, 90), None);
        // What the leader had at 1000 it has now.
        assert_eq!(acknowledged(&mut behind, 3_000, 50, 99), Some(2_000));
    }
}
