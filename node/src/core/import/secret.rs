//! A session's password. ZooKeeper does not keep it: it draws it anew from the session's number, with
//! Java's `Random` (`SessionTrackerImpl`'s ids, `ZooKeeperServer.generatePasswd`). Drawn likewise here, a
//! client's session goes on with the password that it was given.

use crate::core::types::{Password, SessionId};

/// What ZooKeeper mixes into the number (`ZooKeeperServer.superSecret`).
const MIX: u64 = 0xB341_5C00;

/// The password of a session.
pub(super) fn password(session: SessionId) -> Password {
    let mut random = Random::new(session.0 as u64 ^ MIX);
    let mut bytes = [0; 16];
    for chunk in bytes.chunks_mut(4) {
        chunk.copy_from_slice(&random.next().to_le_bytes());
    }
    Password(bytes)
}

/// `java.util.Random`, whose algorithm Java's documentation lays down.
struct Random(u64);

impl Random {
    const MULTIPLIER: u64 = 0x5_DEEC_E66D;
    const MASK: u64 = (1 << 48) - 1;

    fn new(seed: u64) -> Random {
        Random((seed ^ Random::MULTIPLIER) & Random::MASK)
    }

    /// `next(32)`.
    fn next(&mut self) -> u32 {
        self.0 = (self.0.wrapping_mul(Random::MULTIPLIER) + 0xB) & Random::MASK;
        (self.0 >> 16) as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_those_that_java_documents_for_a_seed() {
        // `new Random(42).nextInt()`, three times.
        let mut random = Random::new(42);
        let drawn = [random.next(), random.next(), random.next()].map(|it| it as i32);
        assert_eq!(drawn, [-1_170_105_035, 234_785_527, -1_360_544_799]);
    }
}
