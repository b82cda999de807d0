//! How much memory clients may take together: requests that came and are not answered, half frames,
//! and replies and events that wait to be written.
//!
//! Three steps, in this order. A connection whose own requests are many is not read from until
//! some are answered. When half of the budget is taken, nobody is read from who has more than a
//! fair share. When all of it is taken, whoever has most is let go: its client reconnects, and the
//! others never notice.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use tokio::sync::Notify;

/// Requests of one connection in progress beyond which no more are read,
const AHEAD: usize = 2_000;
/// and their bytes.
const AHEAD_BYTES: usize = 2 << 20;
/// Of each connection, whatever the others have.
const LEAST: usize = 4 << 10;
/// Answers to these (ping, auth) leave out of order.
const OUT_OF_ORDER: [i32; 2] = [-2, -4];

/// The bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BudgetLimits {
    /// Bytes of all clients together.
    pub(crate) bytes: usize,
    /// Requests in progress of all clients together, beyond which nobody is read from who has one
    /// (`globalOutstandingLimit`); 0: any number.
    pub(crate) requests: usize,
}

impl Default for BudgetLimits {
    fn default() -> BudgetLimits {
        BudgetLimits { bytes: 256 << 20, requests: 0 }
    }
}

/// What all clients take.
#[derive(Debug)]
pub(crate) struct Budget {
    limits: BudgetLimits,
    bytes: AtomicUsize,
    requests: AtomicUsize,
    shares: Mutex<Shares>,
    room: Notify,
}

#[derive(Debug, Default)]
struct Shares {
    last: u64,
    all: BTreeMap<u64, Weak<Share>>,
    /// Was evicted, and has not given back yet what it has.
    evicted: Option<u64>,
}

/// What one client takes. Given back when dropped.
#[derive(Debug)]
pub(crate) struct Share {
    number: u64,
    budget: Arc<Budget>,
    bytes: AtomicUsize,
    requests: Mutex<Requests>,
    /// Of this client's own limits; those of all are told by the budget's.
    room: Notify,
    /// Whether it is to be evicted.
    chosen: AtomicBool,
    eviction: Notify,
}

#[derive(Debug, Default)]
struct Requests {
    /// Sizes of those that are answered in order.
    ordered: VecDeque<usize>,
    others: VecDeque<usize>,
    bytes: usize,
    /// Read, and not whole yet.
    half: usize,
}

impl Budget {
    /// Nothing is taken yet.
    pub(crate) fn new(limits: BudgetLimits) -> Arc<Budget> {
        Arc::new(Budget {
            limits,
            bytes: AtomicUsize::new(0),
            requests: AtomicUsize::new(0),
            shares: Mutex::default(),
            room: Notify::new(),
        })
    }

    fn shares(&self) -> MutexGuard<'_, Shares> {
        self.shares.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The share of a new client.
    pub(crate) fn share(self: &Arc<Budget>) -> Arc<Share> {
        let mut shares = self.shares();
        shares.last += 1;
        let number = shares.last;
        let share = Arc::new(Share {
            number,
            budget: Arc::clone(self),
            bytes: AtomicUsize::new(0),
            requests: Mutex::default(),
            room: Notify::new(),
            chosen: AtomicBool::new(false),
            eviction: Notify::new(),
        });
        shares.all.insert(number, Arc::downgrade(&share));
        share
    }

    /// Bytes taken now.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Bytes that may be taken.
    pub(crate) fn limit(&self) -> usize {
        self.limits.bytes
    }

    /// What each may have when memory is short.
    fn fair(&self) -> usize {
        let clients = self.shares().all.len().max(1);
        (self.limits.bytes / 2 / clients).max(LEAST)
    }

    /// Lets the largest go, one at a time: what it gives back may be enough.
    fn evict_largest(&self) {
        let mut shares = self.shares();
        if shares.evicted.is_some() {
            return;
        }
        let living: Vec<Arc<Share>> = shares.all.values().filter_map(Weak::upgrade).collect();
        let largest = living.iter().max_by_key(|it| it.bytes.load(Ordering::Relaxed));
        shares.evicted = largest.map(|share| share.number);
        // Before any share is: dropping the last hold on one takes the lock.
        drop(shares);
        if let Some(share) = largest {
            share.chosen.store(true, Ordering::Relaxed);
            share.eviction.notify_one();
        }
    }

    fn refund(&self, bytes: usize) {
        self.bytes.fetch_sub(bytes, Ordering::Relaxed);
        self.room.notify_waiters();
    }
}

impl Share {
    fn requests(&self) -> MutexGuard<'_, Requests> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn charge(&self, bytes: usize) {
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
        let all = self.budget.bytes.fetch_add(bytes, Ordering::Relaxed) + bytes;
        if all > self.budget.limits.bytes {
            self.budget.evict_largest();
        }
    }

    fn refund(&self, bytes: usize) {
        self.bytes.fetch_sub(bytes, Ordering::Relaxed);
        self.budget.refund(bytes);
    }

    /// A request came.
    pub(crate) fn requested(&self, xid: i32, bytes: usize) {
        let mut requests = self.requests();
        if OUT_OF_ORDER.contains(&xid) {
            requests.others.push_back(bytes);
        } else {
            requests.ordered.push_back(bytes);
        }
        requests.bytes += bytes;
        drop(requests);
        self.budget.requests.fetch_add(1, Ordering::Relaxed);
        self.charge(bytes);
    }

    /// So much of a frame has come that is not whole yet.
    pub(crate) fn half(&self, bytes: usize) {
        let before = std::mem::replace(&mut self.requests().half, bytes);
        if bytes > before {
            self.charge(bytes - before);
        } else {
            self.refund(before - bytes);
        }
    }

    /// Something waits to be written.
    pub(crate) fn queued(&self, bytes: usize) {
        self.charge(bytes);
    }

    /// Frames of this weight were written, with the answers to these requests among them.
    pub(crate) fn written(&self, bytes: usize, replies: &[i32]) {
        let mut requests = self.requests();
        let (mut count, mut freed) = (0, 0);
        for xid in replies {
            let line = if OUT_OF_ORDER.contains(xid) {
                &mut requests.others
            } else {
                &mut requests.ordered
            };
            if let Some(size) = line.pop_front() {
                count += 1;
                freed += size;
            }
        }
        requests.bytes -= freed;
        drop(requests);
        self.budget.requests.fetch_sub(count, Ordering::Relaxed);
        self.refund(bytes + freed);
        self.room.notify_one();
    }

    /// Whether the client may be read from.
    fn may_read(&self) -> bool {
        let requests = self.requests();
        let count = requests.ordered.len() + requests.others.len();
        if count > AHEAD || (count > 0 && requests.bytes > AHEAD_BYTES) {
            return false;
        }
        drop(requests);
        let limits = &self.budget.limits;
        let all = self.budget.requests.load(Ordering::Relaxed);
        if count > 0 && limits.requests > 0 && all > limits.requests {
            return false;
        }
        self.budget.bytes() <= limits.bytes / 2
            || self.bytes.load(Ordering::Relaxed) <= self.budget.fair()
    }

    /// Waits until the client may be read from.
    pub(crate) async fn wait_for_room(&self) {
        loop {
            let all = self.budget.room.notified();
            tokio::pin!(all);
            all.as_mut().enable();
            if self.may_read() {
                return;
            }
            tokio::select! {
                () = self.room.notified() => {}
                () = all => {}
            }
        }
    }

    /// Waits until this client is to be let go because it takes most.
    pub(crate) async fn evicted(&self) {
        while !self.chosen.load(Ordering::Relaxed) {
            self.eviction.notified().await;
        }
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let requests = self.requests();
        let count = requests.ordered.len() + requests.others.len();
        drop(requests);
        self.budget.requests.fetch_sub(count, Ordering::Relaxed);
        let mut shares = self.budget.shares();
        shares.all.remove(&self.number);
        if shares.evicted == Some(self.number) {
            shares.evicted = None;
        }
        drop(shares);
        self.budget.refund(self.bytes.load(Ordering::Relaxed));
    }
}
