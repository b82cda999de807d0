//! The chart.

use std::sync::Arc;

use anyhow::{Result, ensure};
use k8s_openapi::api::core::v1::Pod;
use kube::{Api, ResourceExt};

use crate::common::until::{throughout, until};
use crate::stage::ctx::Ctx;
use crate::stage::ensemble::Ensemble;
use crate::stage::helm;
use crate::stage::objects::{operator_pod, uids};
use crate::watch::load;

pub(super) async fn chart_installs(ctx: Arc<Ctx>) -> Result<()> {
    ensure!(ctx.stage.helm.installed().await?, "there is no release");
    let pods: Api<Pod> = Api::namespaced(ctx.client(), helm::NAMESPACE);
    let pod = operator_pod(&pods).await?;
    let kubectl = &ctx.stage.cluster.kubectl;
    until("the operator holds its lease", 60, async || {
        let path = "jsonpath={.items[*].spec.holderIdentity}";
        let holders = kubectl.run(&["-n", helm::NAMESPACE, "get", "lease", "-o", path]).await?;
        ensure!(holders.contains(&pod.name_any()), "it is held by {holders:?}");
        Ok(())
    })
    .await?;
    let enforce = "jsonpath={.metadata.labels.pod-security\\.kubernetes\\.io/enforce}";
    let level = kubectl.run(&["get", "namespace", helm::NAMESPACE, "-o", enforce]).await?;
    ensure!(level == "restricted", "the operator's namespace enforces {level:?}");
    ctx.stage.helm.test().await?;
    Ok(())
}

pub(super) async fn uninstalling_keeps_ensembles(ctx: Arc<Ctx>) -> Result<()> {
    let ensemble = Ensemble::formed(&ctx, 3).await?;
    let before = uids(&ensemble.pods().await?);
    let writer = load::write(&ensemble, 1).await?;
    ctx.stage.helm.uninstall().await?;
    let outcome = alone(&ensemble, &before).await;
    // Other tests, and whoever keeps the cluster, want an operator.
    ctx.stage.helm.install().await?;
    outcome?;
    ensemble.settled(3, 60).await?;
    ensemble.scale(1).await?;
    ensemble.settled(1, 90).await?;
    let ledger = writer.finish().await?;
    ensure!(ledger.lost.is_empty(), "acknowledged writes were lost: {:?}", ledger.lost);
    let after = uids(&ensemble.pods().await?);
    ensure!(after[0] == before[0], "the pod that stayed is another one: {before:?}, {after:?}");
    Ok(())
}

/// Without an operator an ensemble goes on.
async fn alone(ensemble: &Ensemble, before: &[(String, String)]) -> Result<()> {
    ensure!(!ensemble.ctx.stage.helm.installed().await?, "the release is still there");
    throughout("the ensemble is as it was", 5, async || {
        ensure!(uids(&ensemble.pods().await?) == before, "its pods changed");
        ensure!(ensemble.get().await?.metadata.deletion_timestamp.is_none(), "it is being deleted");
        Ok(())
    })
    .await
}
