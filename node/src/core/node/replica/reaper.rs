//! What the leader removes or begins anew by itself: containers and TTL znodes that are due, and the
//! zxid epoch.

use super::super::ctx::Ctx;
use super::wall_watch::WallWatch;
use crate::core::entry::Action;
use crate::core::state::{Glance, State};
use crate::core::types::Mono;

/// A tick looks at so many and proposes so many: neither may hold up what waits behind it.
const GLANCE: Glance = Glance { looks: 2_000, paths: 100, bytes: 1 << 20 };

/// Where the leader is in its sweeps over containers and TTL znodes.
#[derive(Debug, Default)]
pub(super) struct Reaper {
    /// When the last sweep began.
    began: Mono,
    /// The place at which the present sweep goes on.
    at: Option<u32>,
    /// Not before this: removals are spread out.
    rest: Mono,
    /// The epoch that was ended last.
    rolled: Option<u32>,
}

impl Reaper {
    /// Where to look now, if anywhere.
    fn place(&mut self, now: Mono, every_ms: u64) -> Option<u32> {
        if self.at.is_none() && now.since(self.began) >= every_ms {
            self.began = now;
            self.at = Some(0);
        }
        self.at.filter(|_| now >= self.rest)
    }

    /// So many were removed.
    fn looked(&mut self, now: Mono, removed: usize, per_minute: u32, next: Option<u32>) {
        let pause = 60_000 * removed as u64 / u64::from(per_minute.max(1));
        self.rest = now.plus(pause);
        self.at = next;
    }

    /// Somebody else leads: a sweep of ours begins one interval after that is over.
    fn stand_by(&mut self, now: Mono) {
        self.began = now;
        self.at = None;
    }

    /// As leader: removes containers and TTL znodes that are due, and starts a new zxid epoch
    /// long before the counter is used up.
    pub(super) fn tick(&mut self, cx: &mut Ctx<'_>, state: &State, wall_watch: &WallWatch) {
        if cx.raft.is_none() {
            return;
        }
        if cx.proposing().is_none() {
            return self.stand_by(cx.now.mono);
        }
        if let Some(place) = self.place(cx.now.mono, cx.options.reap_ms) {
            let reckoning = wall_watch.reckoning(cx.now);
            let (due, next) = state.due(place, reckoning, GLANCE);
            let rate = cx.options.reap_per_minute;
            self.looked(cx.now.mono, due.len(), rate, next);
            if !due.is_empty() {
                cx.propose(Action::Reap(due));
            }
        }
        let zxid = state.zxid();
        if zxid.counter() >= cx.options.epoch_roll_at && self.rolled != Some(zxid.epoch()) {
            self.rolled = Some(zxid.epoch());
            cx.propose(Action::EpochRoll);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sweep_begins_at_its_interval_and_goes_on_where_it_stopped() {
        let mut reaper = Reaper::default();
        assert_eq!(reaper.place(Mono(999), 1_000), None);
        assert_eq!(reaper.place(Mono(1_000), 1_000), Some(0));
        reaper.looked(Mono(1_000), 0, 10_000, Some(70));
        assert_eq!(reaper.place(Mono(1_000), 1_000), Some(70));
        reaper.looked(Mono(1_010), 0, 10_000, None);
        assert_eq!(reaper.place(Mono(1_999), 1_000), None);
        assert_eq!(reaper.place(Mono(2_000), 1_000), Some(0));
    }

    #[test]
    fn removals_keep_to_their_rate_and_none_is_put_off_to_the_next_sweep() {
        let mut reaper = Reaper::default();
        reaper.place(Mono(60_000), 60_000);
        reaper.looked(Mono(60_000), 100, 10_000, Some(100));
        assert_eq!(reaper.place(Mono(60_599), 60_000), None, "6 ms for each");
        assert_eq!(reaper.place(Mono(60_600), 60_000), Some(100));
    }

    #[test]
    fn a_leader_begins_one_interval_after_it_was_elected() {
        let mut reaper = Reaper::default();
        reaper.place(Mono(1_000), 1_000);
        reaper.looked(Mono(1_000), 100, 10_000, Some(100));
        reaper.stand_by(Mono(5_000));
        assert_eq!(reaper.place(Mono(5_999), 1_000), None);
        assert_eq!(reaper.place(Mono(6_000), 1_000), Some(0));
    }
}
