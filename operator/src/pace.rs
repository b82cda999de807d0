//! When an ensemble is looked at next. Pure: time and chance are handed in.
//!
//! While something moves the looks are close together; the longer it stands still, the farther apart
//! they are, so that waiting for it takes a tenth longer at most. What moves without end, and costs
//! requests each time, is held to a rate by a budget of its own.

use std::time::Duration;

/// Between two looks at an ensemble that is as wanted. Members keep a connection for 10 s.
const AT_REST: Duration = Duration::from_secs(9);
/// Between two looks, at least; changes that come together are seen together.
const LEAST: Duration = Duration::from_millis(100);
/// After something was done: what comes of it may be there at once.
const AFTER_A_DEED: Duration = Duration::from_millis(300);
/// The first pause after something moved.
const QUICK: Duration = Duration::from_millis(500);
/// The longest of those. An ensemble that moves all the time, and never comes to rest, gets there.
const LESS_QUICK: Duration = Duration::from_secs(3);
/// The longest pause while something is under way, or failed.
const SLOW: Duration = Duration::from_secs(20);
/// The first pause after a failure; it doubles with each.
const FAILED: Duration = Duration::from_secs(1);
/// Requests that may be spent at once. To create, scale or roll an ensemble takes fewer than a hundred.
const BURST: f64 = 600.0;
/// Requests that are earned each second: 24 a minute.
const EARNED: f64 = 0.4;
/// Whatever is at rest is read anew after this time.
pub(crate) const RESYNC: Duration = Duration::from_secs(9 * 60);

/// What came of a look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Came {
    /// All is as wanted, and nothing is to be done.
    AtRest,
    /// Something was done.
    Deed,
    /// It is not as it was at the look before.
    Moved,
    /// It is as it was at the look before, and not as wanted.
    StandsStill,
    /// The look failed.
    Failed,
}

/// The pace of one ensemble.
#[derive(Debug)]
pub(crate) struct Pace {
    /// When something moved last.
    moved: Duration,
    /// When it was at rest last.
    rested: Duration,
    failures: u32,
    budget: f64,
    /// When the budget was reckoned last.
    reckoned: Duration,
}

/// When the next look is: by itself, and at the earliest if something changes before.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Next {
    /// From now, by itself.
    pub(crate) pause: Duration,
    /// From now, whatever happens.
    pub(crate) least: Duration,
}

impl Pace {
    /// Of an ensemble that nobody has looked at yet. `now`: since any fixed instant.
    pub(crate) fn new(now: Duration) -> Pace {
        Pace { moved: now, rested: now, failures: 0, budget: BURST, reckoned: now }
    }

    /// After a look that cost so many requests. `chance` is in 0..1: ensembles do not keep step.
    pub(crate) fn next(&mut self, now: Duration, came: Came, requests: u32, chance: f64) -> Next {
        let earned = now.saturating_sub(self.reckoned).as_secs_f64() * EARNED;
        self.budget = (self.budget + earned).min(BURST) - f64::from(requests);
        self.reckoned = now;
        self.failures = if came == Came::Failed { self.failures.saturating_add(1) } else { 0 };
        if came != Came::StandsStill && came != Came::Failed {
            self.moved = now;
        }
        if came == Came::AtRest {
            self.rested = now;
        }
        let still = now.saturating_sub(self.moved);
        let quick = (now.saturating_sub(self.rested) / 100).clamp(QUICK, LESS_QUICK);
        let pause = match came {
            Came::AtRest => AT_REST,
            Came::Deed => AFTER_A_DEED,
            Came::Moved | Came::StandsStill => (still / 10).clamp(quick, SLOW),
            Came::Failed => FAILED * 2_u32.saturating_pow(self.failures.min(8) - 1),
        };
        let owed = Duration::from_secs_f64((-self.budget / EARNED).max(0.0));
        // A change may be what helps; but what fails while everything changes, as in a namespace that
        // is being deleted, is not to fail all the time.
        let again = if came == Came::Failed { pause.min(LESS_QUICK) } else { LEAST };
        let least = owed.max(again);
        // Never longer than it says, so that a connection is still there.
        let pause = pause.min(SLOW).mul_f64(0.9 + 0.1 * chance.clamp(0.0, 1.0));
        Next { pause: pause.max(least), least }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// Looks at it for a while, each time with this outcome and cost; how often, and at what cost.
    fn looks(
        pace: &mut Pace,
        from: Duration,
        during: Duration,
        came: Came,
        cost: u32,
    ) -> (u32, u32) {
        let (mut now, mut count) = (from, 0);
        while now < from + during {
            count += 1;
            now += pace.next(now, came, cost, 0.0).pause;
        }
        (count, count * cost)
    }

    #[test]
    fn what_stands_still_is_looked_at_ever_less_often_and_soon_again_once_it_moves() {
        let mut pace = Pace::new(Duration::ZERO);
        let first = pace.next(SECOND, Came::StandsStill, 0, 1.0);
        assert!(first.pause <= SECOND, "{first:?}");
        let later = pace.next(SECOND * 100, Came::StandsStill, 0, 1.0);
        assert_eq!(later.pause, SECOND * 10, "a tenth of the time that it stands still");
        let late = pace.next(SECOND * 10_000, Came::StandsStill, 0, 1.0);
        assert_eq!(late.pause, SLOW);
        assert!(late.least <= SECOND, "a change is seen at once: {late:?}");
        pace.next(SECOND * 10_001, Came::AtRest, 0, 1.0);
        let moved = pace.next(SECOND * 10_002, Came::Moved, 0, 1.0);
        assert!(moved.pause <= SECOND, "{moved:?}");
    }

    #[test]
    fn failures_are_tried_again_ever_later_and_forgotten_after_a_success() {
        let mut pace = Pace::new(Duration::ZERO);
        let pauses: Vec<Duration> =
            (1..=8).map(|it| pace.next(SECOND * it, Came::Failed, 0, 1.0).pause).collect();
        assert_eq!(pauses[..5], [1, 2, 4, 8, 16].map(|it| SECOND * it));
        assert!(pauses[5..].iter().all(|it| *it == SLOW), "{pauses:?}");
        pace.next(SECOND * 9, Came::Moved, 0, 1.0);
        assert_eq!(pace.next(SECOND * 10, Came::Failed, 0, 1.0).pause, SECOND);
    }

    #[test]
    fn whatever_moves_without_end_spends_at_most_thirty_requests_a_minute() {
        for came in [Came::Moved, Came::Deed, Came::StandsStill, Came::Failed, Came::AtRest] {
            let mut pace = Pace::new(Duration::ZERO);
            let cost = 9;
            let (_, first) = looks(&mut pace, Duration::ZERO, SECOND * 3_600, came, cost);
            assert!(first <= 30 * 60 + BURST as u32, "{came:?}: {first} in the first hour");
            let from = SECOND * 3_700;
            let (_, then) = looks(&mut pace, from, SECOND * 600, came, cost);
            assert!(then <= 30 * 10 + 40, "{came:?}: {then} in ten minutes after it");
        }
    }

    #[test]
    fn an_operation_of_a_minute_is_looked_at_every_second_and_one_without_end_less_often() {
        let mut pace = Pace::new(Duration::ZERO);
        let pause = |pace: &mut Pace, at| pace.next(SECOND * at, Came::Moved, 0, 1.0).pause;
        assert!((1..=60).all(|at| pause(&mut pace, at) <= SECOND));
        assert_eq!(pause(&mut pace, 100_000), LESS_QUICK);
    }

    #[test]
    fn changes_do_not_get_around_the_budget() {
        let mut pace = Pace::new(Duration::ZERO);
        let next = pace.next(Duration::ZERO, Came::Moved, BURST as u32 + 4, 0.0);
        assert_eq!(next.least, SECOND * 10);
        let next = pace.next(SECOND * 10, Came::Moved, 0, 0.0);
        assert_eq!(next.least, LEAST);
    }

    #[test]
    fn an_ensemble_at_rest_is_looked_at_while_its_members_still_keep_the_connection() {
        let mut pace = Pace::new(Duration::ZERO);
        let pause = |pace: &mut Pace, chance| pace.next(SECOND, Came::AtRest, 0, chance).pause;
        let (soonest, latest) = (pause(&mut pace, 0.0), pause(&mut pace, 1.0));
        assert!(soonest < latest && latest < SECOND * 10, "{soonest:?} {latest:?}");
    }
}
