//! Looks at a running server: at its core, its counters, its disk, its memory and its settings.

use std::sync::Arc;

use serde_json::Value;

use super::facts;
use super::shown::Shown;
use crate::codec::four_letter::Facts;
use crate::core::status::Status;
use crate::core::types::Zxid;
use crate::shell::clients::budget::Budget;
use crate::shell::clock;
use crate::shell::disk::{self, DiskConfig};
use crate::shell::driver::Driver;
use crate::shell::metrics::own::{ClientMemory, DataVolume};
use crate::shell::metrics::sample::Sample;
use crate::shell::metrics::{Metrics, Seen};

/// Handles to all that can be looked at.
#[derive(Debug)]
pub(crate) struct Inspector {
    pub(crate) driver: Arc<Driver>,
    pub(crate) metrics: Metrics,
    pub(crate) budget: Arc<Budget>,
    /// Where the data lies.
    pub(crate) disk: DiskConfig,
    /// What was set.
    pub(crate) shown: Shown,
}

impl Inspector {
    /// What words and commands tell, as of now.
    pub(crate) fn facts(&self) -> Facts {
        self.facts_of(&self.driver.status(), &self.disk_sizes())
    }

    fn facts_of(&self, status: &Status, disk: &disk::Sizes) -> Facts {
        let (conf, uptime_ms) = (&self.shown.conf, clock::uptime().0 / 1_000);
        facts::of(status, self.metrics.zookeeper(), disk, conf, uptime_ms)
    }

    /// Bytes of the data folder and its file system.
    pub(crate) fn disk_sizes(&self) -> disk::Sizes {
        disk::sizes(&self.disk)
    }

    /// The newest stored snapshot, and when it was stored, in seconds since 1970.
    pub(crate) fn last_snapshot(&self) -> Option<(Zxid, u64)> {
        self.metrics.last_snapshot()
    }

    /// Keys and values of `mntr` and the admin port's `monitor`, named as ZooKeeper's Prometheus
    /// provider names them, or as its default one.
    pub(crate) fn monitor(&self) -> Vec<(String, Value)> {
        let status = self.driver.status();
        let facts = self.facts_of(&status, &self.disk_sizes());
        let samples = self.metrics.samples(&facts, &status);
        let prometheus = self.shown.prometheus;
        let lines = if prometheus { Sample::as_prometheus_provider } else { Sample::plain };
        samples.iter().flat_map(lines).collect()
    }

    /// Everything in Prometheus' text format.
    ///
    /// # Errors
    /// When a metric cannot be encoded.
    pub(crate) fn prometheus_page(&self) -> prometheus::Result<String> {
        let (status, disk) = (self.driver.status(), self.disk_sizes());
        self.metrics.page(&Seen {
            facts: &self.facts_of(&status, &disk),
            status: &status,
            volume: DataVolume {
                log_bytes: disk.log_bytes,
                snapshot_bytes: disk.snapshot_bytes,
                free_bytes: disk.free_bytes,
                size_bytes: disk.total_bytes,
            },
            client_memory: ClientMemory {
                bytes: self.budget.bytes(),
                limit_bytes: self.budget.limit(),
            },
        })
    }
}
