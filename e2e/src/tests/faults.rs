//! Faults, done to what the tests made and to nothing else.

use anyhow::{Context, Result};
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use tokio::process::Command;

use crate::common::commands::output;
use crate::stage::ctx::{Ctx, Skip};

/// Kills the first processes of these pods' containers, all at once, as a crash would.
pub(crate) async fn kill(ctx: &Ctx, pods: &Api<Pod>, names: &[&str]) -> Result<()> {
    let mut kills = Vec::new();
    for name in names {
        let pod = pods.get(name).await?;
        let node = pod.spec.and_then(|it| it.node_name).context("it runs nowhere")?;
        let status = pod.status.and_then(|it| it.container_statuses).unwrap_or_default();
        let id = status.first().and_then(|it| it.container_id.clone());
        let id = id.with_context(|| format!("{name} has no container"))?;
        let id = id.trim_start_matches("containerd://").to_owned();
        let socket = ctx.stage.cluster.containerd(&node);
        let socket = socket.ok_or(Skip("processes are killed on this machine's own nodes only"))?;
        let mut ctr = Command::new("ctr");
        ctr.arg("--address").arg(socket).args(["-n", "k8s.io", "tasks", "kill", "-s", "SIGKILL"]);
        ctr.arg(id);
        kills.push(ctr);
    }
    let killed = kills.iter_mut().map(|it| output(it, ""));
    futures::future::try_join_all(killed).await?;
    Ok(())
}
