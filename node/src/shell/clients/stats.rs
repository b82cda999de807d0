//! What one client connection did, as `stat`, `cons` and the admin port's `connections` tell.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::core::effect::Answered;

/// The last answered request, and how long answers took. Times are in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub(crate) struct Answers {
    /// Its short name, `NA` before the first.
    pub(crate) name: &'static str,
    /// The client's number for it; -1: none yet. Pings and the like do not count.
    pub(crate) cxid: i64,
    /// Of the answer; -1: none yet.
    pub(crate) zxid: i64,
    /// When it was answered, since this process started.
    pub(crate) at: u64,
    pub(crate) last: u64,
    pub(crate) min: u64,
    pub(crate) max: u64,
    count: u64,
    sum: u64,
}

impl Default for Answers {
    fn default() -> Self {
        Answers { name: "NA", cxid: -1, zxid: -1, at: 0, last: 0, min: 0, max: 0, count: 0, sum: 0 }
    }
}

impl Answers {
    /// The mean, rounded down as ZooKeeper does.
    pub(crate) fn mean(&self) -> u64 {
        self.sum.checked_div(self.count).unwrap_or(0)
    }

    fn record(&mut self, answered: &Answered, millis: u64, at: u64) {
        if answered.xid >= 0 {
            self.cxid = i64::from(answered.xid);
        }
        self.name = answered.name;
        self.zxid = answered.zxid.0;
        self.at = at;
        self.last = millis;
        self.min = if self.count == 0 { millis } else { self.min.min(millis) };
        self.max = self.max.max(millis);
        self.count += 1;
        self.sum += millis;
    }
}

/// A client's counters.
#[derive(Debug)]
#[allow(missing_docs)]
pub(crate) struct ClientStats {
    pub(crate) address: SocketAddr,
    /// Whether it came by the secure port.
    pub(crate) secure: bool,
    since: Instant,
    /// The same by wall clock, in milliseconds since 1970.
    pub(crate) since_wall: u64,
    pub(crate) received: AtomicU64,
    pub(crate) sent: AtomicU64,
    /// Milliseconds from `since` to when the client was last heard.
    heard: AtomicU64,
    answers: Mutex<Answers>,
}

impl ClientStats {
    /// Of a connection whose first frame has just arrived.
    pub(crate) fn new(address: SocketAddr, secure: bool) -> ClientStats {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH);
        ClientStats {
            address,
            secure,
            since: Instant::now(),
            since_wall: wall.map_or(0, |since| since.as_millis() as u64),
            received: AtomicU64::new(1),
            sent: AtomicU64::new(0),
            heard: AtomicU64::new(0),
            answers: Mutex::default(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Answers> {
        self.answers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Frames came in.
    pub(crate) fn received(&self, count: u64) {
        self.received.fetch_add(count, Ordering::Relaxed);
        let heard = self.since.elapsed().as_millis() as u64;
        self.heard.store(heard, Ordering::Relaxed);
    }

    /// Milliseconds since the client was last heard.
    pub(crate) fn silent_ms(&self) -> u64 {
        let now = self.since.elapsed().as_millis() as u64;
        now.saturating_sub(self.heard.load(Ordering::Relaxed))
    }

    /// A request of it was answered after this time, so many milliseconds after this process started.
    pub(crate) fn record(&self, answered: &Answered, took: Duration, at: u64) {
        self.lock().record(answered, took.as_millis() as u64, at);
    }

    /// The last answered request, and how long answers took.
    pub(crate) fn answers(&self) -> Answers {
        *self.lock()
    }

    /// As if the connection were new (`crst`).
    pub(crate) fn reset(&self) {
        self.received.store(0, Ordering::Relaxed);
        self.sent.store(0, Ordering::Relaxed);
        *self.lock() = Answers::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::types::{ConnId, Zxid};

    #[test]
    fn a_ping_is_the_last_operation_but_keeps_the_last_request_of_its_own_number() {
        let stats = ClientStats::new(SocketAddr::from(([127, 0, 0, 1], 1)), false);
        let mut answered = Answered {
            conn: ConnId(1),
            name: "GETD",
            xid: 7,
            zxid: Zxid(9),
            waited: 4_000,
            write: false,
        };
        stats.record(&answered, Duration::from_micros(4_900), 50);
        answered = Answered { name: "PING", xid: -2, ..answered };
        stats.record(&answered, Duration::from_millis(1), 60);
        let seen = stats.answers();
        assert_eq!((seen.name, seen.cxid, seen.zxid), ("PING", 7, 9));
        assert_eq!((seen.at, seen.last), (60, 1));
        assert_eq!((seen.min, seen.mean(), seen.max), (1, 2, 4));
        stats.reset();
        assert_eq!(stats.answers(), Answers::default());
        assert_eq!(stats.received.load(Ordering::Relaxed), 0);
    }
}
