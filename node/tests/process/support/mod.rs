//! What the tests share: servers as processes, a client, an admin's HTTP, and waiting.

pub(crate) mod client;
pub(crate) mod ensemble;
pub(crate) mod facts;
pub(crate) mod http;
pub(crate) mod log_file;
pub(crate) mod older;
pub(crate) mod pki;
pub(crate) mod reconfig;
pub(crate) mod rights;
pub(crate) mod writer;

use std::time::{Duration, Instant};

/// How long anything that must happen may take on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(20);

/// Waits until there is something.
pub(crate) fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(began.elapsed() < PATIENCE, "waited in vain: {what}");
        std::thread::sleep(POLL);
    }
}

/// Waits until it is so.
pub(crate) fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    wait_for(what, || holds().then_some(()));
}

/// Looks again and again whether it stays so. What must never happen can only be given time to.
pub(crate) fn stays(what: &str, span: Duration, mut holds: impl FnMut() -> bool) {
    let began = Instant::now();
    while began.elapsed() < span {
        assert!(holds(), "did not stay so: {what}");
        std::thread::sleep(POLL);
    }
}
