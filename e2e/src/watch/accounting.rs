//! What a client that writes without pause may conclude about its writes. Pure.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

/// What a client knows about a znode that nobody else writes. Every write names the version it
/// builds on, so a write that was acknowledged and then lost shows at the very next one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Register {
    version: i32,
    value: u64,
    next: u64,
    /// Values whose writes may or may not have been applied; all of them build on `version`.
    doubtful: Vec<u64>,
}

/// What a read showed about writes of unknown outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    /// All is as acknowledged.
    Unchanged,
    /// One of the doubtful writes was applied.
    Applied,
}

impl Register {
    /// The next write: the value, and the version that it builds on.
    pub(crate) fn write(&mut self) -> (u64, i32) {
        self.next += 1;
        (self.next, self.version)
    }

    /// The write of `value` was acknowledged with this version.
    pub(crate) fn acknowledged(&mut self, value: u64, version: i32) -> Result<(), String> {
        let before = std::mem::replace(&mut self.version, version);
        self.value = value;
        self.doubtful.clear();
        if version == before + 1 {
            return Ok(());
        }
        Err(format!("the write of {value} on version {before} was acknowledged as {version}"))
    }

    /// Nobody knows what became of the write of `value`.
    pub(crate) fn doubt(&mut self, value: u64) {
        self.doubtful.push(value);
    }

    /// Goes on from what there is, after a loss was found.
    pub(crate) fn restart(&mut self, value: u64, version: i32) {
        (self.value, self.version) = (value, version);
        self.doubtful.clear();
    }

    /// The znode was read.
    pub(crate) fn read(&mut self, value: u64, version: i32) -> Result<Seen, String> {
        if (value, version) == (self.value, self.version) {
            return Ok(Seen::Unchanged);
        }
        if version == self.version + 1 && self.doubtful.contains(&value) {
            self.acknowledged(value, version)?;
            return Ok(Seen::Applied);
        }
        Err(format!(
            "{} was acknowledged as version {}, but there is {value} as version {version}",
            self.value, self.version
        ))
    }
}

/// An acknowledged write.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Acknowledged {
    /// When, since the start.
    pub(crate) at: Duration,
    /// How long it took.
    pub(crate) took: Duration,
}

/// The record of one client, or of several.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ledger {
    /// Writes that were acknowledged.
    pub(crate) acknowledged: Vec<Acknowledged>,
    /// Writes that were not, by error.
    pub(crate) failed: BTreeMap<String, u64>,
    /// Failed writes that had been applied nevertheless.
    pub(crate) applied: u64,
    /// Sessions that ended without being asked to.
    pub(crate) sessions_lost: u64,
    /// Acknowledged writes that are not there, in words.
    pub(crate) lost: Vec<String>,
    /// Acknowledged writes that were looked for at the end.
    pub(crate) verified: u64,
    /// The longest time one client went without an acknowledgement.
    longest_gap: Duration,
    /// When the latest acknowledgement came.
    last: Option<Duration>,
}

impl Ledger {
    /// A write was acknowledged.
    pub(crate) fn acknowledge(&mut self, at: Duration, took: Duration) {
        self.longest_gap = self.longest_gap.max(at - self.last.unwrap_or(at.saturating_sub(took)));
        self.last = Some(at);
        self.acknowledged.push(Acknowledged { at, took });
    }

    /// A write failed.
    pub(crate) fn fail(&mut self, error: impl Into<String>) {
        *self.failed.entry(error.into()).or_default() += 1;
    }

    /// The client stopped at this time.
    pub(crate) fn end(&mut self, at: Duration) {
        self.longest_gap = self.longest_gap.max(at.saturating_sub(self.last.unwrap_or_default()));
    }

    /// Adds the record of another client.
    pub(crate) fn join(&mut self, other: Ledger) {
        self.acknowledged.extend(other.acknowledged);
        for (error, count) in other.failed {
            *self.failed.entry(error).or_default() += count;
        }
        self.applied += other.applied;
        self.sessions_lost += other.sessions_lost;
        self.lost.extend(other.lost);
        self.verified += other.verified;
        self.longest_gap = self.longest_gap.max(other.longest_gap);
        self.last = self.last.max(other.last);
    }

    /// Writes that failed.
    pub(crate) fn failures(&self) -> u64 {
        self.failed.values().sum()
    }

    /// The longest time in which no client at all had an acknowledgement.
    pub(crate) fn longest_silence(&self) -> Duration {
        let mut times: Vec<Duration> = self.acknowledged.iter().map(|it| it.at).collect();
        times.sort_unstable();
        times.windows(2).map(|it| it[1] - it[0]).max().unwrap_or_default()
    }

    /// The time within which this share of the acknowledgements came.
    pub(crate) fn percentile(&self, share: f64) -> Duration {
        let mut took: Vec<Duration> = self.acknowledged.iter().map(|it| it.took).collect();
        took.sort_unstable();
        let rank = (share * took.len().saturating_sub(1) as f64).round() as usize;
        took.get(rank).copied().unwrap_or_default()
    }
}

impl fmt::Display for Ledger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let failed: Vec<String> =
            self.failed.iter().map(|(error, count)| format!("{count} × {error}")).collect();
        let failed = match failed.as_slice() {
            [] => String::new(),
            kinds => format!(" ({}; {} of them were applied)", kinds.join(", "), self.applied),
        };
        write!(
            f,
            "{} writes acknowledged, {} verified, {} lost, {} failed{failed}, {} sessions lost, \
             p50 {:.1?}, p99 {:.1?}, longest gap {:.0?} (of all clients at once {:.0?})",
            self.acknowledged.len(),
            self.verified,
            self.lost.len(),
            self.failures(),
            self.sessions_lost,
            self.percentile(0.5),
            self.percentile(0.99),
            self.longest_gap,
            self.longest_silence(),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn acknowledged_writes_build_on_one_another() {
        let mut register = Register::default();
        for version in 1..10 {
            let (value, on) = register.write();
            assert_eq!(on, version - 1);
            assert_eq!(register.acknowledged(value, version), Ok(()));
        }
        assert_eq!(register.read(9, 9), Ok(Seen::Unchanged));
    }

    #[test]
    fn a_lost_acknowledged_write_is_found() {
        let mut register = Register::default();
        for version in 1..=2 {
            let (value, _) = register.write();
            assert_eq!(register.acknowledged(value, version), Ok(()));
        }
        let lost = register.read(1, 1);
        assert!(lost.is_err_and(|it| it.contains("2 was acknowledged as version 2")));
    }

    #[test]
    fn a_write_applied_twice_is_found() {
        let mut register = Register::default();
        let (value, _) = register.write();
        assert_eq!(register.acknowledged(value, 1), Ok(()));
        assert!(register.read(1, 2).is_err());
    }

    #[test]
    fn a_doubtful_write_may_be_applied_or_not() {
        let mut register = Register::default();
        let (value, _) = register.write();
        register.doubt(value);
        assert_eq!(register.read(0, 0), Ok(Seen::Unchanged));
        assert_eq!(register.read(value, 1), Ok(Seen::Applied));
        assert_eq!(register.read(value, 1), Ok(Seen::Unchanged));
    }

    #[test]
    fn a_doubtful_write_may_not_show_up_after_a_later_one() {
        let mut register = Register::default();
        let (doubtful, _) = register.write();
        register.doubt(doubtful);
        let (value, _) = register.write();
        assert_eq!(register.acknowledged(value, 1), Ok(()));
        assert!(register.read(doubtful, 2).is_err());
    }

    #[test]
    fn an_acknowledgement_that_skips_a_version_is_found() {
        let mut register = Register::default();
        let (value, _) = register.write();
        assert!(register.acknowledged(value, 2).is_err());
    }

    #[test]
    fn gaps_are_of_one_client_and_silence_is_of_all() {
        let mut one = Ledger::default();
        for at in [10, 20, 520, 530] {
            one.acknowledge(ms(at), ms(5));
        }
        one.end(ms(540));
        let mut other = Ledger::default();
        for at in [15, 300, 535] {
            other.acknowledge(ms(at), ms(5));
        }
        other.end(ms(540));
        assert_eq!(one.longest_gap, ms(500));
        one.join(other);
        assert_eq!(one.longest_gap, ms(500));
        assert_eq!(one.longest_silence(), ms(280));
        assert_eq!(one.acknowledged.len(), 7);
    }

    #[test]
    fn a_client_that_ends_in_silence_had_a_gap() {
        let mut ledger = Ledger::default();
        ledger.acknowledge(ms(10), ms(10));
        ledger.end(ms(5010));
        assert_eq!(ledger.longest_gap, ms(5000));
    }

    #[test]
    fn failures_are_counted_by_kind() {
        let mut ledger = Ledger::default();
        ledger.fail("connection lost");
        ledger.fail("connection lost");
        ledger.fail("timeout");
        assert_eq!(ledger.failures(), 3);
        assert_eq!(ledger.failed.get("connection lost"), Some(&2));
    }

    #[test]
    fn percentiles_of_nothing_are_zero() {
        assert_eq!(Ledger::default().percentile(0.99), Duration::ZERO);
    }
}
