//! The only reader of time.

use std::sync::OnceLock;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use crate::core::types::{Micros, Mono, Now, Wall};

/// The instant of a step.
pub(super) fn now() -> Now {
    let micros = uptime();
    // Not from 0: an instant minus a timeout must not run into the start.
    let mono = micros.0 / 1_000 + 1_000_000;
    let wall = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |it| it.as_millis() as i64);
    Now { mono: Mono(mono), wall: Wall(wall), micros }
}

/// Since this process asked for the first time.
pub(super) fn uptime() -> Micros {
    static START: OnceLock<Instant> = OnceLock::new();
    Micros(START.get_or_init(Instant::now).elapsed().as_micros() as u64)
}
