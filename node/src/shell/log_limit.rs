//! Log lines about what may happen thousands of times a second.

use std::time::{Duration, Instant};

/// Lets one line through in a while, with how often the thing happened since the last.
#[derive(Debug)]
pub(crate) struct LogLimit {
    pause: Duration,
    logged: Option<Instant>,
    since: u64,
}

impl LogLimit {
    /// At most one line in this time.
    pub(crate) fn new(pause: Duration) -> LogLimit {
        LogLimit { pause, logged: None, since: 0 }
    }

    /// It happened. Gives how often since it was last logged, if it is to be logged now.
    pub(crate) fn allows(&mut self, now: Instant) -> Option<u64> {
        self.since += 1;
        if self.logged.is_some_and(|at| now.duration_since(at) < self.pause) {
            return None;
        }
        self.logged = Some(now);
        Some(std::mem::take(&mut self.since))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_is_logged_at_once_then_one_in_a_while_with_all_that_came_meanwhile() {
        let pause = Duration::from_secs(10);
        let mut limit = LogLimit::new(pause);
        let began = Instant::now();
        assert_eq!(limit.allows(began), Some(1));
        for _ in 0..5 {
            assert_eq!(limit.allows(began + pause / 2), None);
        }
        assert_eq!(limit.allows(began + pause), Some(6));
        assert_eq!(limit.allows(began + pause), None);
    }
}
