//! What members compare: a sum over all znodes, independent of their order, kept up to date by
//! taking a changed znode's old value out and putting its new one in.

use super::path;
use super::tree::{Lifetime, Znode};
use crate::core::types::Zxid;

/// FNV-1a over 8-byte steps: cheap, and any difference shows.
struct Hash(u64);

impl Hash {
    fn word(&mut self, word: u64) {
        self.0 = (self.0 ^ word).wrapping_mul(0x0000_0100_0000_01B3);
        self.0 ^= self.0 >> 29;
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.word(bytes.len() as u64);
        for step in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..step.len()].copy_from_slice(step);
            self.word(u64::from_le_bytes(word));
        }
    }
}

/// One znode's part. Reserved znodes have none, as in ZooKeeper.
pub(super) fn of_znode(path: &str, znode: &Znode) -> u64 {
    if path::is_reserved(path) {
        return 0;
    }
    let mut hash = Hash(0xCBF2_9CE4_8422_2325);
    hash.bytes(path.as_bytes());
    match &znode.data {
        None => hash.word(u64::MAX),
        Some(data) => hash.bytes(data),
    }
    let owner = match znode.lifetime {
        Lifetime::Persistent => 0,
        Lifetime::Ephemeral(session) => session.0 as u64,
        Lifetime::Container => 1 << 63,
        Lifetime::Ttl(ttl) => (0xFF << 56) | ttl as u64,
    };
    hash.word(owner);
    for zxid in [znode.czxid, znode.mzxid, znode.pzxid] {
        hash.word(zxid.0 as u64);
    }
    for time in [znode.ctime, znode.mtime] {
        hash.word(time as u64);
    }
    for count in [znode.version, znode.aversion, znode.creates, znode.children] {
        hash.word(count as u64);
    }
    hash.0
}

/// The counters' part.
pub(super) fn of_counters(zxid: Zxid, sessions: usize) -> u64 {
    let mut hash = Hash(0x8422_2325_CBF2_9CE4);
    hash.word(zxid.0 as u64);
    hash.word(sessions as u64);
    hash.0
}
