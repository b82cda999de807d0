//! Digests of the past. Members' are equal at equal zxids, so an operator can find by when two of
//! them went apart. Source of the numbers: ZooKeeper's `DataTree.logZxidDigest`.

use std::collections::VecDeque;

use crate::core::types::Zxid;

/// Transactions between two records.
const EVERY: u32 = 128;
/// Records that are kept.
const KEPT: usize = 1_024;

/// The newest records.
#[derive(Debug, Default)]
pub(super) struct DigestLog(VecDeque<(Zxid, u64)>);

impl DigestLog {
    /// The state's digest at this transaction; called again for the same one it changes nothing.
    pub(super) fn applied(&mut self, zxid: Zxid, digest: u64) {
        let due = zxid.counter() != 0 && zxid.counter().is_multiple_of(EVERY);
        if !due || self.0.back().is_some_and(|(last, _)| *last >= zxid) {
            return;
        }
        if self.0.len() == KEPT {
            self.0.pop_front();
        }
        self.0.push_back((zxid, digest));
    }

    /// Oldest first.
    pub(super) fn iter(&self) -> impl Iterator<Item = (Zxid, u64)> {
        self.0.iter().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_128th_transaction_is_recorded_once_and_the_oldest_records_go() {
        let mut log = DigestLog::default();
        for zxid in 1..=128 * 1_025 {
            log.applied(Zxid(zxid), zxid as u64);
            log.applied(Zxid(zxid), 0);
        }
        assert_eq!(log.iter().count(), 1_024);
        assert_eq!(log.iter().next(), Some((Zxid(256), 256)));
        assert_eq!(log.iter().last(), Some((Zxid(128 * 1_025), 128 * 1_025)));
    }
}
