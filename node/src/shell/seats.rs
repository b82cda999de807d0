//! How many connections a port may have: in all, and of one address.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Who is connected, of those that may be.
#[derive(Debug)]
pub(crate) struct Seats {
    taken: Mutex<Taken>,
    /// In all; 0: any number.
    pub(crate) most: usize,
    /// Of one address; 0: any number.
    pub(crate) per_address: usize,
}

#[derive(Debug, Default)]
struct Taken {
    all: usize,
    by_address: HashMap<IpAddr, usize>,
}

/// A connection's place among the allowed number; given back when dropped.
#[derive(Debug)]
pub(crate) struct Seat {
    seats: Arc<Seats>,
    ip: IpAddr,
}

impl Seats {
    /// Nobody is connected yet. 0 allows any number.
    pub(crate) fn new(most: usize, per_address: usize) -> Arc<Seats> {
        Arc::new(Seats { taken: Mutex::default(), most, per_address })
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place for another connection of this address, if there is one.
    pub(crate) fn reserve(self: &Arc<Seats>, ip: IpAddr) -> Option<Seat> {
        let mut taken = self.taken();
        let own = taken.by_address.get(&ip).copied().unwrap_or(0);
        let full = self.most > 0 && taken.all >= self.most;
        if full || (self.per_address > 0 && own >= self.per_address) {
            return None;
        }
        taken.all += 1;
        taken.by_address.insert(ip, own + 1);
        drop(taken);
        Some(Seat { seats: Arc::clone(self), ip })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut taken = self.seats.taken();
        taken.all -= 1;
        if let Some(own) = taken.by_address.get_mut(&self.ip) {
            *own -= 1;
            if *own == 0 {
                taken.by_address.remove(&self.ip);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seats_are_bounded_in_all_and_per_address_and_come_back() {
        let seats = Seats::new(3, 2);
        let ips = [1, 2].map(|last| IpAddr::from([127, 0, 0, last]));
        let first = seats.reserve(ips[0]);
        let second = seats.reserve(ips[0]);
        assert!(first.is_some() && second.is_some());
        assert!(seats.reserve(ips[0]).is_none(), "two of one address");
        let third = seats.reserve(ips[1]);
        assert!(third.is_some());
        assert!(seats.reserve(ips[1]).is_none(), "three in all");
        drop(first);
        assert!(seats.reserve(ips[1]).is_some());
        let any = Seats::new(0, 0);
        let many: Vec<_> = (0..100).map(|_| any.reserve(ips[0])).collect();
        assert!(many.iter().all(Option::is_some));
    }
}
