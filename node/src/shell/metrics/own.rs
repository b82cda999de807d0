//! Gauges of notions that ZooKeeper has no name for.

use prometheus::{Gauge, GaugeVec, Opts, Registry};

use crate::core::status::{RoleName, Status};

/// Bytes of the data folder and of the volume it is on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DataVolume {
    pub(crate) log_bytes: u64,
    pub(crate) snapshot_bytes: u64,
    pub(crate) free_bytes: u64,
    pub(crate) size_bytes: u64,
}

/// Bytes of requests, replies and events in progress, and how many may be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ClientMemory {
    pub(crate) bytes: usize,
    pub(crate) limit_bytes: usize,
}

/// Gauges as of now, in a registry of their own.
pub(super) fn gauges(
    status: &Status,
    volume: DataVolume,
    client_memory: ClientMemory,
) -> prometheus::Result<Registry> {
    let registry = Registry::new();
    let flag = |it: bool| f64::from(u8::from(it));
    let leads = status.role == RoleName::Leader;
    let voters = status.config.voters().len() as f64;
    let gauges = [
        ("quorate_node_is_leader", "Whether this member leads", flag(leads)),
        ("quorate_node_ready", "Whether this member is ready", flag(status.ready.is_ok())),
        ("quorate_node_serving", "Whether this member serves clients", flag(status.serving)),
        ("quorate_node_term", "Raft term", status.term.0 as f64),
        ("quorate_node_commit_index", "Index of the last committed entry", status.commit.0 as f64),
        ("quorate_node_applied_index", "Index of the last applied entry", status.applied.0 as f64),
        ("quorate_node_last_index", "Index of the last log entry", status.last.0 as f64),
        ("quorate_node_voters", "Voters in the configuration", voters),
        ("quorate_node_ensemble_version", "The ensemble's version", f64::from(status.version.0)),
        ("quorate_node_joint", "Whether the configuration is joint", flag(status.config.joint())),
        ("quorate_node_wal_bytes", "Bytes of log segments on disk", volume.log_bytes as f64),
        ("quorate_node_snapshot_bytes", "Bytes of snapshots on disk", volume.snapshot_bytes as f64),
        ("quorate_node_disk_free_bytes", "Free bytes of the volume", volume.free_bytes as f64),
        ("quorate_node_disk_size_bytes", "Bytes of the volume", volume.size_bytes as f64),
        (
            "quorate_node_client_memory_bytes",
            "Requests, replies and events in progress, in bytes",
            client_memory.bytes as f64,
        ),
        (
            "quorate_node_client_memory_limit_bytes",
            "Most of quorate_node_client_memory_bytes",
            client_memory.limit_bytes as f64,
        ),
    ];
    for (name, help, value) in gauges {
        let gauge = Gauge::new(name, help)?;
        gauge.set(value);
        registry.register(Box::new(gauge))?;
    }
    let labels = ["version", "member", "ensemble", "server"];
    let info = GaugeVec::new(
        Opts::new("quorate_node_info", "Version and identity of this member"),
        &labels,
    )?;
    let ensemble = status.ensemble.map_or_else(String::new, |it| it.to_string());
    let (member, server) = (status.member.to_string(), status.server.to_string());
    let values = [env!("CARGO_PKG_VERSION"), &member, &ensemble, &server];
    info.with_label_values(&values).set(1.0);
    registry.register(Box::new(info))?;
    let lag = GaugeVec::new(
        Opts::new("quorate_node_peer_lag", "Leader: entries that a member is behind"),
        &["member"],
    )?;
    for peer in &status.peers {
        let behind = status.last.0.saturating_sub(peer.matched.0);
        lag.with_label_values(&[&peer.id.to_string()]).set(behind as f64);
    }
    registry.register(Box::new(lag))?;
    Ok(registry)
}
