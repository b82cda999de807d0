//! The only reader of time.

use std::sync::OnceLock;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use crate::core::types::{Mono, Now, Wall};

/// The instant of a step.
pub(super) fn now() -> Now {
    static START: OnceLock<Instant> = OnceLock::new();
    // Not from 0: an instant minus a timeout must not run into the start.
    let mono = START.get_or_init(Instant::now).elapsed().as_millis() as u64 + 1_000_000;
    let wall = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |it| it.as_millis() as i64);
    Now { mono: Mono(mono), wall: Wall(wall) }
}
