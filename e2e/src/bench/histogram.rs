//! Latencies, in buckets of at most 1.6 % of their value.

use std::time::Duration;

/// Buckets for each doubling.
const PARTS: u32 = 64;

/// Counts of latencies.
#[derive(Clone, Debug, Default)]
pub(super) struct Histogram {
    buckets: Vec<u64>,
    count: u64,
}

impl Histogram {
    pub(super) fn add(&mut self, latency: Duration) {
        let at = bucket(u64::try_from(latency.as_nanos()).unwrap_or(u64::MAX));
        if self.buckets.len() <= at {
            self.buckets.resize(at + 1, 0);
        }
        if let Some(bucket) = self.buckets.get_mut(at) {
            *bucket += 1;
        }
        self.count += 1;
    }

    /// The latency in milliseconds that this part of all does not exceed; 0 if there are none.
    pub(super) fn quantile(&self, part: f64) -> f64 {
        let rank = (part * self.count as f64).ceil() as u64;
        let mut seen = 0;
        for (at, count) in self.buckets.iter().enumerate() {
            seen += count;
            if seen >= rank && seen > 0 {
                return value(at) as f64 / 1e6;
            }
        }
        0.0
    }
}

fn bucket(nanos: u64) -> usize {
    let nanos = nanos.max(u64::from(PARTS));
    let shift = nanos.ilog2() - PARTS.ilog2();
    let part = (nanos >> shift) as usize - PARTS as usize;
    (shift * PARTS) as usize + part
}

/// The largest number of nanoseconds that falls into a bucket.
fn value(bucket: usize) -> u64 {
    let (shift, part) = (bucket as u32 / PARTS, bucket as u64 % u64::from(PARTS));
    ((u64::from(PARTS) + part + 1) << shift) - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_near_the_values_at_their_ranks() {
        let mut histogram = Histogram::default();
        assert_eq!(histogram.quantile(0.5), 0.0);
        for micros in 1..=10_000 {
            histogram.add(Duration::from_micros(micros));
        }
        for (part, expected) in [(0.5, 5.0), (0.99, 9.9), (0.999, 9.99), (1.0, 10.0)] {
            let seen = histogram.quantile(part);
            assert!((seen / expected - 1.0).abs() < 0.02, "{part}: {seen}");
        }
    }
}
