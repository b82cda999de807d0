//! Makes odd bytes of good ones.

use quorate_node::model::Prng;

/// Lengths, counts and numbers at which readers trip.
const EXTREMES: [i32; 12] =
    [i32::MAX, i32::MIN, -1, -2, 0, 1, 2, 255, 0xFFFF, 0x10_0000, 1 << 24, 64 << 20];

/// The same numbers for the same seed.
pub(crate) struct Random(Prng);

impl Random {
    pub(crate) fn new(seed: u64) -> Random {
        Random(Prng::new(seed))
    }

    /// Below `end`; 0 for an end of 0.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        self.0.below(end as u64) as usize
    }

    pub(crate) fn byte(&mut self) -> u8 {
        self.below(256) as u8
    }
}

/// One of the samples, spoilt in one to four places.
pub(crate) fn mutate(random: &mut Random, samples: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = samples[random.below(samples.len())].clone();
    for _ in 0..=random.below(4) {
        spoil(random, &mut bytes, samples);
    }
    bytes
}

fn spoil(random: &mut Random, bytes: &mut Vec<u8>, samples: &[Vec<u8>]) {
    let at = random.below(bytes.len() + 1);
    let to = at + random.below(bytes.len() - at + 1).min(24);
    match random.below(9) {
        0 if at < bytes.len() => bytes[at] ^= 1 << random.below(8),
        1 => bytes.truncate(at),
        // Most likely somebody's length.
        2 | 3 if at + 4 <= bytes.len() => {
            let extreme = EXTREMES[random.below(EXTREMES.len())];
            bytes[at..at + 4].copy_from_slice(&extreme.to_be_bytes());
        }
        4 => {
            // The end of another one in the place of this one's.
            let other = &samples[random.below(samples.len())];
            bytes.truncate(at);
            bytes.extend(&other[random.below(other.len() + 1)..]);
        }
        5 => bytes.drain(at..to).for_each(drop),
        6 => {
            let twice = bytes[at..to].to_vec();
            bytes.splice(at..at, twice).for_each(drop);
        }
        7 => bytes[at..to].fill_with(|| random.byte()),
        _ => bytes.extend(std::iter::repeat_n(0, random.below(40))),
    }
}
