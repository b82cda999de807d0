//! Quotas: what a subtree may hold, and what it holds. Limits are znodes that clients write, usage
//! is kept beside them: `/zookeeper/quota<path>/zookeeper_limits` and `.../zookeeper_stats`.
//!
//! The nearest quota above a znode counts, the znode of the quota included. A soft limit is only
//! told, a hard one refuses. Hard limits always hold: ZooKeeper's `enforceQuota` is a setting of
//! each server, and members that judge an entry differently would be different from then on.
//! Source: `DataTree.updateQuotaStat`, `ZooKeeperServer.checkQuota`, `StatsTrack`.

use std::collections::BTreeSet;

use super::State;
use super::tree::Tree;
use super::txn::Txn;
use crate::core::op::ErrorCode;

const BRANCH: &str = "/zookeeper/quota";
pub(super) const LIMITS: &str = "zookeeper_limits";
const STATS: &str = "zookeeper_stats";

/// A write went, or would have gone, beyond a limit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Overrun {
    /// The znode that has the quota.
    pub path: String,
    /// It was refused.
    pub hard: bool,
}

/// Znodes that have a quota.
#[derive(Debug, Default)]
pub(super) struct Quotas {
    paths: BTreeSet<String>,
    /// Told by whoever asks next.
    overrun: Option<Overrun>,
}

impl Quotas {
    /// Those of a tree.
    pub(super) fn of(tree: &Tree) -> Quotas {
        let mut quotas = Quotas::default();
        let mut open: Vec<u32> = tree.find(BRANCH).into_iter().collect();
        while let Some(place) = open.pop() {
            if tree.child(place, LIMITS).is_some() {
                quotas.add(&tree.path_of(place));
            }
            open.extend(tree.children(place).map(|(_, child)| child));
        }
        quotas
    }

    fn add(&mut self, branch: &str) {
        match limited(branch) {
            // The root cannot have one.
            None | Some("") => {}
            Some(path) => drop(self.paths.insert(path.to_owned())),
        }
    }

    /// Whether no znode has one.
    pub(super) fn is_empty(&self) -> bool {
        self.paths.is_empty()
    }

    /// The nearest znode with a quota, upwards from this one.
    pub(super) fn nearest<'a>(&self, path: &'a str) -> Option<&'a str> {
        if self.paths.is_empty() {
            return None;
        }
        let mut at = path;
        while !at.is_empty() {
            if self.paths.contains(at) {
                return Some(at);
            }
            at = at.rfind('/').map_or("", |slash| &at[..slash]);
        }
        None
    }
}

/// The znode whose quota lies at this place of the branch.
fn limited(branch: &str) -> Option<&str> {
    branch.strip_prefix(BRANCH)
}

/// Limits, or usage; -1 where there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Track {
    count: i64,
    bytes: i64,
    count_hard: i64,
    bytes_hard: i64,
}

impl Track {
    /// What is unreadable is no limit.
    fn parse(text: &[u8]) -> Track {
        let mut track = Track { count: -1, bytes: -1, count_hard: -1, bytes_hard: -1 };
        let text = String::from_utf8_lossy(text);
        for pair in text.split([',', ';']) {
            let mut parts = pair.split('=');
            let (key, value) = (parts.next(), parts.next());
            let field = match key {
                Some("count") => &mut track.count,
                Some("bytes") => &mut track.bytes,
                Some("countHardLimit") => &mut track.count_hard,
                Some("byteHardLimit") => &mut track.bytes_hard,
                _ => continue,
            };
            *field = value.and_then(|value| value.parse().ok()).unwrap_or(-1);
        }
        track
    }
}

/// A limit that may be exceeded by a growth: whether that is refused, or `None` while it is kept.
fn exceeded(used: i64, growth: i64, soft: i64, hard: i64) -> Option<bool> {
    if growth == 0 {
        return None;
    }
    let is_hard = hard > -1;
    let limit = if is_hard { hard } else { soft };
    (limit > -1 && used.saturating_add(growth) > limit).then_some(is_hard)
}

impl State {
    /// A write that went beyond a limit, or was refused for it, since this was last asked.
    pub fn take_overrun(&mut self) -> Option<Overrun> {
        self.quotas.overrun.take()
    }

    /// # Errors
    /// `QuotaExceeded` if the subtree may not grow by so much.
    pub(super) fn check_quota(
        &mut self,
        path: &str,
        bytes: i64,
        count: i64,
    ) -> Result<(), ErrorCode> {
        let Some(quota) = self.quotas.nearest(path) else {
            return Ok(());
        };
        let (Some(limits), Some(used)) = (self.track(quota, LIMITS), self.track(quota, STATS))
        else {
            return Ok(());
        };
        let count = exceeded(used.count, count, limits.count, limits.count_hard);
        let bytes = exceeded(used.bytes, bytes, limits.bytes, limits.bytes_hard);
        let Some(hard) = count.max(bytes) else {
            return Ok(());
        };
        let path = quota.to_owned();
        self.quotas.overrun = Some(Overrun { path, hard });
        if hard {
            return Err(ErrorCode::QuotaExceeded);
        }
        Ok(())
    }

    /// A subtree grew, or shrank, at this znode.
    pub(super) fn use_quota(&mut self, path: &str, bytes: i64, count: i64, txn: &mut Txn<'_>) {
        let Some(quota) = self.quotas.nearest(path) else {
            return;
        };
        // Without the znode for it, usage is counted once that is made.
        if let Some(used) = self.track(quota, STATS) {
            let quota = quota.to_owned();
            let bytes = used.bytes.saturating_add(bytes);
            self.set_usage(&quota, used.count.saturating_add(count), bytes, txn);
        }
    }

    /// A znode was made: perhaps it is a quota's.
    pub(super) fn quota_made(&mut self, parent: &str, name: &str, txn: &mut Txn<'_>) {
        let Some(path) = limited(parent) else {
            return;
        };
        match name {
            LIMITS => {
                self.quotas.add(parent);
                txn.quotas_changed = true;
            }
            STATS => {
                let (count, bytes) = self.usage(path);
                self.set_usage(path, count, bytes, txn);
            }
            _ => {}
        }
    }

    /// A znode was removed: perhaps it was a quota's.
    pub(super) fn quota_gone(&mut self, parent: &str, name: &str, txn: &mut Txn<'_>) {
        if let (Some(path), LIMITS) = (limited(parent), name) {
            self.quotas.paths.remove(path);
            txn.quotas_changed = true;
        }
    }

    fn track(&self, quota: &str, name: &str) -> Option<Track> {
        let place = self.tree.find(&format!("{BRANCH}{quota}/{name}"))?;
        let data = self.tree.get(place)?.data.as_ref();
        Some(Track::parse(data.map_or(&[][..], |data| data)))
    }

    /// Znodes and bytes of data of a subtree, its own znode included.
    fn usage(&self, path: &str) -> (i64, i64) {
        let place = self.tree.find(path);
        let amount = place.map(|place| self.tree.holds(place));
        amount.map_or((0, 0), |it| (it.znodes, it.bytes))
    }

    /// The usage of a quota as its znode shows it; neither version nor times of that znode move.
    fn set_usage(&mut self, quota: &str, count: i64, bytes: i64, txn: &mut Txn<'_>) {
        let path = format!("{BRANCH}{quota}/{STATS}");
        if let Some(place) = self.tree.find(&path) {
            self.keep(place, txn);
            let text = format!("count={count},bytes={bytes}");
            self.tree.set_data(place, Some(text.into()), |_| ());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_read_in_the_forms_that_zookeepers_tools_write() {
        let track = |text: &str| {
            let Track { count, bytes, count_hard, bytes_hard } = Track::parse(text.as_bytes());
            [count, bytes, count_hard, bytes_hard]
        };
        assert_eq!(track("count=5,bytes=-1"), [5, -1, -1, -1]);
        let hard = "count=-1,bytes=7=;byteHardLimit=20;countHardLimit=10";
        assert_eq!(track(hard), [-1, 7, 10, 20]);
        assert_eq!(track("count=,bytes=x,y"), [-1; 4]);
        assert_eq!(track(""), [-1; 4]);
    }

    #[test]
    fn the_hard_limit_goes_before_the_soft_one_and_shrinking_is_free() {
        assert_eq!(exceeded(5, 1, 5, -1), Some(false));
        assert_eq!(exceeded(5, 1, 5, 6), None);
        assert_eq!(exceeded(6, 1, -1, 6), Some(true));
        assert_eq!(exceeded(9, 0, 5, 5), None);
        assert_eq!(exceeded(4, 1, -1, -1), None);
    }

    /// It decides what is refused, so members that have counted differently must notice.
    #[test]
    fn what_quotas_have_counted_is_part_of_the_digest() {
        let digest_with = |usage: &str| {
            let mut state = State::new();
            let branch = state.tree.find(BRANCH).unwrap();
            let znode = state.tree.get(branch).unwrap().clone();
            let at = state.tree.insert(branch, znode);
            state.tree.set_data(at, Some(usage.to_owned().into()), |_| ());
            state.digest()
        };
        assert_eq!(digest_with("count=1"), digest_with("count=1"));
        assert_ne!(digest_with("count=1"), digest_with("count=2"));
    }

    #[test]
    fn the_nearest_quota_upwards_counts_by_whole_names() {
        let mut quotas = Quotas::default();
        for path in ["/zookeeper/quota/a", "/zookeeper/quota/a/b/c", "/zookeeper/quota"] {
            quotas.add(path);
        }
        assert_eq!(quotas.nearest("/a"), Some("/a"));
        assert_eq!(quotas.nearest("/a/b"), Some("/a"));
        assert_eq!(quotas.nearest("/a/b/c/d"), Some("/a/b/c"));
        assert_eq!(quotas.nearest("/ab"), None);
        assert_eq!(quotas.nearest("/"), None);
    }
}
