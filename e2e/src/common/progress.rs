//! Says on the terminal what goes on and since when.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

fn start() -> Instant {
    static START: OnceLock<Instant> = OnceLock::new();
    *START.get_or_init(Instant::now)
}

/// A line with the time since the first one.
pub(crate) fn say(text: impl AsRef<str>) {
    let elapsed = start().elapsed();
    for line in text.as_ref().lines() {
        println!("{:>7}  {line}", seconds(elapsed));
    }
}

/// `12.3 s`.
pub(crate) fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}
