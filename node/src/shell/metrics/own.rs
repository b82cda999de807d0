//! Gauges of notions that ZooKeeper has no name for.

use prometheus::{Gauge, GaugeVec, Opts, Registry};

use crate::core::status::{RoleName, Status};
use crate::shell::disk::Sizes;

/// Gauges as of now, in a registry of their own.
pub(super) fn instant(status: &Status, sizes: &Sizes) -> prometheus::Result<Registry> {
    let registry = Registry::new();
    let flag = |it: bool| f64::from(u8::from(it));
    let leads = status.role == RoleName::Leader;
    let voters = status.config.voters().len() as f64;
    let gauges = [
        ("is_leader", "Whether it leads", flag(leads)),
        ("ready", "Whether it is ready", flag(status.ready.is_ok())),
        ("serving", "Whether it serves clients", flag(status.serving)),
        ("term", "Raft term", status.term.0 as f64),
        ("commit_index", "Committed entries", status.commit.0 as f64),
        ("applied_index", "Applied entries", status.applied.0 as f64),
        ("last_index", "Entries in the log", status.last.0 as f64),
        ("voters", "Voters in the configuration", voters),
        ("joint", "Whether it is joint", flag(status.config.joint())),
        ("wal_bytes", "Bytes of log segments", sizes.log_bytes as f64),
        (
            "snapshot_bytes",
            "Bytes of snapshots",
            sizes.snapshot_bytes as f64,
        ),
        ("disk_free_bytes", "Free bytes", sizes.free_bytes as f64),
        (
            "disk_size_bytes",
            "Bytes of the volume",
            sizes.total_bytes as f64,
        ),
    ];
    for (name, help, value) in gauges {
        let gauge = Gauge::new(format!("quorate_node_{name}"), help)?;
        gauge.set(value);
        registry.register(Box::new(gauge))?;
    }
    let labels = ["version", "member", "ensemble", "server"];
    let info = GaugeVec::new(Opts::new("quorate_node_info", "Who this is"), &labels)?;
    let ensemble = status
        .ensemble
        .map_or_else(String::new, |it| it.to_string());
    let (member, server) = (status.member.to_string(), status.server.to_string());
    let values = [env!("CARGO_PKG_VERSION"), &member, &ensemble, &server];
    info.with_label_values(&values).set(1.0);
    registry.register(Box::new(info))?;
    let lag = GaugeVec::new(
        Opts::new(
            "quorate_node_peer_lag",
            "Leader: entries that a member is behind",
        ),
        &["member"],
    )?;
    for peer in &status.peers {
        let behind = status.last.0.saturating_sub(peer.matched.0);
        lag.with_label_values(&[&peer.id.to_string()])
            .set(behind as f64);
    }
    registry.register(Box::new(lag))?;
    Ok(registry)
}
