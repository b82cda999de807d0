//! What goes wrong, drawn from the seed.

use super::net::Slot;
use super::options::SimOptions;
use super::rng::Rng;

/// One fault.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub(super) enum Fault {
    /// Power off, on again after a while.
    Crash { slot: Slot, down_ms: u64 },
    /// Packets between these directions are lost for a while.
    Cut { pairs: Vec<(Slot, Slot)>, for_ms: u64 },
    /// All connections of a server break.
    BreakLinks { slot: Slot },
    /// The process does not run for a while, and its clock shows it afterwards.
    Pause { slot: Slot, for_ms: u64 },
    /// Syncs of this disk take this long for a while.
    SlowDisk { slot: Slot, fsync_ms: u64, for_ms: u64 },
    /// Power off, and the disk is gone.
    LoseDisk { slot: Slot, down_ms: u64 },
    /// Power off, and part of the log cannot be read afterwards.
    DamageDisk { slot: Slot, down_ms: u64 },
    /// The ensemble should have another size.
    Resize { members: usize },
    /// Leadership should move.
    Transfer,
    /// Another program is started on this disk: the one before, or this one.
    Roll { slot: Slot, back: bool, down_ms: u64 },
    /// Somebody sets the wall clock, forward or back.
    SetClock { slot: Slot, by_ms: i64 },
    /// A client's connection breaks.
    DropClient { client: usize },
}

/// The faults of one opportunity.
pub(super) fn draw(options: &SimOptions, slots: usize, rng: &mut Rng) -> Vec<Fault> {
    let mut faults = Vec::new();
    let slot = rng.below(slots as u64) as Slot;
    if rng.chance(options.crash) {
        faults.push(Fault::Crash { slot, down_ms: rng.between(50, 4_000) });
        if rng.chance(10) {
            // The whole ensemble loses power.
            let down_ms = rng.between(50, 1_000);
            faults.extend((0..slots).map(|slot| Fault::Crash { slot, down_ms }));
        }
    }
    if rng.chance(options.partition) {
        faults.push(Fault::Cut { pairs: cut(slots, rng), for_ms: rng.between(100, 6_000) });
    }
    if rng.chance(options.link_break) {
        faults.push(Fault::BreakLinks { slot: rng.below(slots as u64) as Slot });
        faults.push(Fault::DropClient { client: rng.below(options.clients as u64) as usize });
    }
    if rng.chance(options.pause) {
        faults.push(Fault::Pause { slot, for_ms: rng.between(100, 8_000) });
    }
    if rng.chance(options.slow_disk) {
        let fsync_ms = rng.between(50, 1_500);
        faults.push(Fault::SlowDisk { slot, fsync_ms, for_ms: rng.between(500, 5_000) });
    }
    if rng.chance(options.disk_loss) {
        faults.push(Fault::LoseDisk { slot, down_ms: rng.between(50, 4_000) });
    }
    // Drawn only where it can happen, so that older seeds keep their course.
    if options.disk_damage > 0 && rng.chance(options.disk_damage) {
        faults.push(Fault::DamageDisk {
            slot: rng.below(slots as u64) as Slot,
            down_ms: rng.between(50, 4_000),
        });
    }
    if options.skewed && rng.chance(8) {
        faults.push(Fault::SetClock { slot: rng.below(slots as u64) as Slot, by_ms: hours(rng) });
    }
    if rng.chance(options.membership) {
        let members = [1, 3, 3, 5, 5][rng.below(5) as usize];
        faults.push(Fault::Resize { members });
    }
    if rng.chance(options.transfer) {
        faults.push(Fault::Transfer);
    }
    if options.mixed && rng.chance(15) {
        let slot = rng.below(slots as u64) as Slot;
        let (back, down_ms) = (rng.chance(40), rng.between(50, 2_000));
        faults.push(Fault::Roll { slot, back, down_ms });
    }
    faults
}

/// Between half a minute and some hours, forward or back.
pub(super) fn hours(rng: &mut Rng) -> i64 {
    let far = rng.between(30_000, 10_000_000) as i64;
    if rng.chance(50) { far } else { -far }
}

/// Which directions are cut: one server off, two halves, one direction, or a bridge in between.
fn cut(slots: usize, rng: &mut Rng) -> Vec<(Slot, Slot)> {
    let one = rng.below(slots as u64) as Slot;
    let half = rng.word();
    let one_way = rng.chance(30);
    let isolate = rng.chance(50);
    let mut pairs = Vec::new();
    for a in 0..slots {
        for b in 0..slots {
            let apart = if isolate { a == one } else { (half >> a) & 1 != (half >> b) & 1 };
            if a != b && apart {
                pairs.push((a, b));
                if !one_way {
                    pairs.push((b, a));
                }
            }
        }
    }
    pairs
}
