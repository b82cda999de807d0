//! What words and admin commands show of how the server was set up.

use std::collections::BTreeMap;

/// Settings as they are shown.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shown {
    /// `tickTime`, in milliseconds.
    pub(crate) tick_ms: u64,
    /// Lines of `conf`, under ZooKeeper's keys.
    pub(crate) conf: Vec<(String, String)>,
    /// The text of zoo.cfg; `None`: there is none.
    pub(crate) initial: Option<String>,
    /// ZooKeeper's system properties that were given, with their prefix.
    pub(crate) properties: BTreeMap<String, String>,
    /// Whether `mntr` prints names and numbers as ZooKeeper's Prometheus provider does.
    pub(crate) prometheus: bool,
}
