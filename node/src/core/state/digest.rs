//! What members compare: a sum over all znodes, independent of their order, kept up to date by
//! taking a changed znode's old value out and putting its new one in.

use super::znode::{Lifetime, Znode};
use crate::core::op::Acl;
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
        let (steps, rest) = bytes.as_chunks();
        for step in steps {
            self.word(u64::from_le_bytes(*step));
        }
        if !rest.is_empty() {
            let byte = |word, byte: &u8| word << 8 | u64::from(*byte);
            self.word(rest.iter().rev().fold(0, byte));
        }
    }
}

/// The hash of a path, from that of its parent's.
pub(super) fn of_path(parent: u64, name: &str) -> u64 {
    let mut hash = Hash(parent ^ 0xCBF2_9CE4_8422_2325);
    hash.bytes(name.as_bytes());
    hash.0
}

/// The hash of a znode's data.
pub(super) fn of_data(data: Option<&bytes::Bytes>) -> u64 {
    let mut hash = Hash(0xCBF2_9CE4_8422_2325);
    match data {
        None => hash.word(u64::MAX),
        Some(data) => hash.bytes(data),
    }
    hash.0
}

/// One znode's part, from the hashes of its path and data: whatever else of it changes, those need
/// not be worked out again, and both may be long. Reserved znodes have their part like others: what
/// quotas have counted decides what is refused.
pub(super) fn of_znode(path: u64, data: u64, znode: &Znode) -> u64 {
    let mut hash = Hash(path);
    hash.word(data);
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

/// What an access list says.
pub(super) fn of_list(list: &[Acl]) -> u64 {
    let mut hash = Hash(0x2325_CBF2_9CE4_8422);
    for line in list {
        hash.word(u64::from(line.perms as u32));
        hash.bytes(line.id.scheme.as_bytes());
        hash.bytes(line.id.id.as_bytes());
    }
    hash.0
}

/// Some numbers, in their order.
pub(super) fn of_words(words: impl IntoIterator<Item = u64>) -> u64 {
    let mut hash = Hash(0x9CE4_8422_2325_CBF2);
    for word in words {
        hash.word(word);
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Members of different versions compare digests.
    #[test]
    fn the_last_step_is_filled_up_with_zeros() {
        let data: Vec<u8> = (1..=40).collect();
        for length in 0..=data.len() {
            let (mut by_steps, mut by_words) = (Hash(1), Hash(1));
            by_steps.bytes(&data[..length]);
            by_words.word(length as u64);
            let mut filled = data[..length].to_vec();
            filled.resize(length.next_multiple_of(8), 0);
            for at in (0..filled.len()).step_by(8) {
                let word: [u8; 8] = filled[at..at + 8].try_into().unwrap();
                by_words.word(u64::from_le_bytes(word));
            }
            assert_eq!(by_steps.0, by_words.0, "{length} bytes");
        }
    }
}
