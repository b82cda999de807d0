//! Which of ZooKeeper's keys mean nothing here, and which it reads from the file alone.

/// Keys that are accepted and change nothing: what they tune does not exist here.
pub const MEANINGLESS: [&str; 40] = [
    "initLimit",
    "autopurge.purgeInterval",
    "electionAlg",
    "syncEnabled",
    "quorumListenOnAllIPs",
    "preAllocSize",
    "forceSync",
    "leaderServes",
    "cnxTimeout",
    "extendedTypesEnabled",
    "enforceQuota",
    "fsync.warningthresholdms",
    "connectToLearnerMasterLimit",
    "admin.commandURL",
    "admin.idleTimeout",
    "clientPortListenBacklog",
    "localSessionsEnabled",
    "localSessionsUpgradingEnabled",
    "observerMasterPort",
    "peerType",
    "quorum.cnxn.threads.size",
    "multiAddress.enabled",
    "multiAddress.reachabilityCheckTimeoutMs",
    "multiAddress.reachabilityCheckEnabled",
    "tcpKeepAlive",
    "electionPortBindRetry",
    "commitLogCount",
    "snapSizeLimitInKb",
    "digest.enabled",
    "db.autocreate",
    "snapshot.trust.empty",
    "snapshot.compression.method",
    "serializeLastProcessedZxid.enabled",
    "nio.numSelectorThreads",
    "nio.numWorkerThreads",
    "nio.sessionlessCnxnTimeout",
    "serverCnxnFactory",
    "request_throttle_max_requests",
    "jvm.pause.monitor",
    "audit.enable",
];

/// Keys that ZooKeeper takes from its file only; given as a system property they are ignored, as
/// there.
pub const OF_FILE: [&str; 26] = [
    "tickTime",
    "initLimit",
    "syncLimit",
    "dataDir",
    "dataLogDir",
    "clientPort",
    "clientPortAddress",
    "secureClientPort",
    "secureClientPortAddress",
    "clientPortListenBacklog",
    "maxClientCnxns",
    "minSessionTimeout",
    "maxSessionTimeout",
    "electionAlg",
    "peerType",
    "syncEnabled",
    "dynamicConfigFile",
    "autopurge.snapRetainCount",
    "autopurge.purgeInterval",
    "standaloneEnabled",
    "reconfigEnabled",
    "localSessionsEnabled",
    "quorumListenOnAllIPs",
    "sslQuorum",
    "metricsProvider.className",
    "metricsProvider.httpPort",
];

/// What a key was probably meant to be: one that differs in case only.
pub(crate) fn meant<'a>(key: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let mut known = known.into_iter();
    known.find(|known| known.eq_ignore_ascii_case(key))
}
