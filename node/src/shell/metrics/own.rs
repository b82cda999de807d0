//! Gauges of notions that ZooKeeper has no name for.

use std::sync::Arc;

use prometheus::{Gauge, GaugeVec, Opts, Registry};

use crate::core::status::{RoleName, Status};
use crate::shell::budget::Budget;
use crate::shell::disk::Sizes;

/// Gauges as of now, in a registry of their own.
pub(super) fn instant(
    status: &Status,
    sizes: &Sizes,
    budget: Option<&Arc<Budget>>,
) -> prometheus::Result<Registry> {
    let taken = |what: fn(&Budget) -> usize| budget.map_or(0.0, |it| what(it) as f64);
    let registry = Registry::new();
    let flag = |it: bool| f64::from(u8::from(it));
    let leads = status.role == RoleName::Leader;
    let voters = status.config.voters().len() as f64;
    let gauges = [
        ("quorate_node_is_leader", "Whether it leads", flag(leads)),
        ("quorate_node_ready", "Whether it is ready", flag(status.ready.is_ok())),
        ("quorate_node_serving", "Whether it serves clients", flag(status.serving)),
        ("quorate_node_term", "Raft term", status.term.0 as f64),
        ("quorate_node_commit_index", "Committed entries", status.commit.0 as f64),
        ("quorate_node_applied_index", "Applied entries", status.applied.0 as f64),
        ("quorate_node_last_index", "Entries in the log", status.last.0 as f64),
        ("quorate_node_voters", "Voters in the configuration", voters),
        ("quorate_node_joint", "Whether it is joint", flag(status.config.joint())),
        ("quorate_node_wal_bytes", "Bytes of log segments", sizes.log_bytes as f64),
        ("quorate_node_snapshot_bytes", "Bytes of snapshots", sizes.snapshot_bytes as f64),
        ("quorate_node_disk_free_bytes", "Free bytes", sizes.free_bytes as f64),
        ("quorate_node_disk_size_bytes", "Bytes of the volume", sizes.total_bytes as f64),
        (
            "quorate_node_client_memory_bytes",
            "Requests, replies and events in progress, in bytes",
            taken(Budget::bytes),
        ),
        (
            "quorate_node_client_memory_limit_bytes",
            "Most of quorate_node_client_memory_bytes",
            taken(Budget::limit),
        ),
    ];
    for (name, help, value) in gauges {
        let gauge = Gauge::new(name, help)?;
        gauge.set(value);
        registry.register(Box::new(gauge))?;
    }
    let labels = ["version", "member", "ensemble", "server"];
    let info = GaugeVec::new(Opts::new("quorate_node_info", "Who this is"), &labels)?;
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
