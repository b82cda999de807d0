//! Whether wall time can be trusted to say how old a znode is.
//!
//! TTLs are measured in wall time, because znodes outlive processes. A clock that is set forward
//! would make every TTL znode look overdue at once, and what was deleted does not come back when
//! the clock is put right. So each member holds its wall time against its monotonic time: what wall
//! time gained on it ages no znode that was stamped before. Another member's clock may be ahead of
//! the leader's all the time, and everything would jump forward when that one takes over: so each
//! holds its wall time against the leader's stamps as well. A znode may outlive its TTL by that
//! much; it never dies early.

use crate::core::types::{Mono, Now, Reckoning, Term, Wall};

/// What wall time may gain or lose between two looks without being called a jump, in
/// milliseconds. A slewed clock gains far less between two ticks.
const TOLERANCE_MS: i64 = 1_000;

/// Holds the two clocks against each other.
#[derive(Debug, Default)]
pub(super) struct WallWatch {
    last: Option<(Mono, Wall)>,
    /// How far wall time has jumped ahead and not come back.
    ahead_ms: i64,
    /// Wall time right behind the newest jump forward: later stamps are of the clock as it is now.
    since: Wall,
    /// By how much our clock was ahead of the stamps of the leader of this term, at least: an entry
    /// is older than its stamp when it arrives, so the smallest distance tells most.
    lead: Option<(Term, i64)>,
}

impl WallWatch {
    /// Looks at both clocks; gives by how much wall time has just jumped.
    pub(super) fn look(&mut self, now: Now) -> Option<i64> {
        let (mono, wall) = self.last.replace((now.mono, now.wall))?;
        let passed = i64::try_from(now.mono.since(mono)).unwrap_or(i64::MAX);
        let jump = now.wall.0.saturating_sub(wall.0).saturating_sub(passed);
        if jump.saturating_abs() <= TOLERANCE_MS {
            return None;
        }
        self.lead = None;
        self.ahead_ms = self.ahead_ms.saturating_add(jump);
        if self.ahead_ms <= TOLERANCE_MS {
            self.ahead_ms = 0;
        } else if jump > 0 {
            self.since = now.wall;
        }
        Some(jump)
    }

    /// A command that the leader of this term stamped so has just arrived.
    pub(super) fn compare(&mut self, term: Term, now: Wall, stamp: Wall) {
        let distance = now.0.saturating_sub(stamp.0);
        self.lead = Some(match self.lead {
            Some((known, least)) if known == term => (term, least.min(distance)),
            _ => (term, distance),
        });
    }

    /// This member stamps from now on. Whatever was stamped before was so by another clock.
    pub(super) fn take_over(&mut self, now: Wall) {
        if let Some((_, lead)) = self.lead.take()
            && lead > TOLERANCE_MS
            && lead > self.ahead_ms
        {
            self.ahead_ms = lead;
            self.since = now;
        }
    }

    /// How to reckon ages now.
    pub(super) fn reckoning(&self, now: Now) -> Reckoning {
        Reckoning { wall: now.wall, ahead_ms: self.ahead_ms, since: self.since }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3_600_000;

    fn at(mono: u64, wall: i64) -> Now {
        Now { mono: Mono(mono), wall: Wall(wall), ..Now::default() }
    }

    fn age(watch: &WallWatch, now: Now, stamp: i64) -> i64 {
        watch.reckoning(now).age_ms(stamp)
    }

    #[test]
    fn a_jump_forward_ages_nothing_that_was_stamped_before_it() {
        let mut watch = WallWatch::default();
        assert_eq!(watch.look(at(0, 10_000)), None);
        assert_eq!(watch.look(at(1_000, 11_000)), None);
        assert_eq!(watch.look(at(2_000, 12_000 + HOUR)), Some(HOUR));
        let now = at(5_000, 15_000 + HOUR);
        assert_eq!(watch.look(now), None);
        assert_eq!(age(&watch, now, 10_000), 5_000, "stamped before");
        assert_eq!(age(&watch, now, 13_000 + HOUR), 2_000, "stamped after");
    }

    #[test]
    fn a_clock_that_is_put_right_again_is_believed() {
        let mut watch = WallWatch::default();
        watch.look(at(0, 0));
        watch.look(at(1_000, 1_000 + HOUR));
        watch.look(at(2_000, 2_000));
        assert_eq!(age(&watch, at(3_000, 3_000), 0), 3_000);
    }

    #[test]
    fn small_differences_and_long_pauses_are_no_jumps() {
        let mut watch = WallWatch::default();
        watch.look(at(0, 0));
        assert_eq!(watch.look(at(10, 200)), None);
        assert_eq!(watch.look(at(10_000_000, 10_000_100)), None);
        assert_eq!(age(&watch, at(10_000_000, 10_000_100), 100), 10_000_000);
    }

    #[test]
    fn a_new_leader_whose_clock_is_ahead_ages_nothing_by_that() {
        let mut watch = WallWatch::default();
        watch.look(at(0, HOUR));
        // Stamped by a leader whose clock says 0 now; the second one was on its way for longer.
        watch.compare(Term(1), Wall(HOUR + 20), Wall(0));
        watch.compare(Term(1), Wall(HOUR + 900), Wall(100));
        watch.take_over(Wall(HOUR + 1_000));
        let now = at(5_000, HOUR + 5_000);
        assert_eq!(age(&watch, now, 0), 4_980);
        assert_eq!(age(&watch, now, HOUR + 2_000), 3_000, "its own stamp");
    }

    #[test]
    fn a_new_leader_with_the_same_time_changes_nothing() {
        let mut watch = WallWatch::default();
        watch.look(at(0, 0));
        watch.compare(Term(1), Wall(2 * HOUR), Wall(0));
        watch.compare(Term(2), Wall(2 * HOUR + 30), Wall(2 * HOUR));
        watch.take_over(Wall(2 * HOUR + 100));
        let now = at(1_000, 3 * HOUR);
        assert_eq!(age(&watch, now, 0), 3 * HOUR, "only the last leader counts");
    }
}
