//! The operator is killed in the middle of what it does. Nothing is remembered, so the next one
//! finishes it.

use std::sync::Arc;

use anyhow::{Result, ensure};
use k8s_openapi::api::core::v1::Pod;
use kube::{Api, ResourceExt};
use quorate_crds::status::Operation;
use serde_json::json;

use crate::common::until::until;
use crate::stage::ctx::Ctx;
use crate::stage::ensemble::{Ensemble, SOON};
use crate::stage::helm;
use crate::stage::objects::{operator_pod, uids};
use crate::tests::faults::kill;
use crate::watch::load::Load;

pub(super) async fn while_it_scales(ctx: Arc<Ctx>) -> Result<()> {
    let ensemble = Ensemble::formed(&ctx, 3).await?;
    let (before, leader) = (uids(&ensemble.pods().await?), ensemble.leader().await?);
    let load = Load::start(&ensemble).await?;
    let operators: Api<Pod> = Api::namespaced(ctx.client(), helm::NAMESPACE);
    for (replicas, operation) in [(5, Operation::ScaleUp), (3, Operation::ScaleDown)] {
        let name = operator_name(&operators).await?;
        ensemble.scale(replicas).await?;
        under_way(&ensemble, &operation).await?;
        kill(&ctx, &operators, &[&name]).await?;
        ensemble.settled(replicas, SOON).await?;
    }
    let numbers = load.finish().await?;
    numbers.hold()?;
    numbers.leader_changes(0)?;
    let after = uids(&ensemble.pods().await?);
    ensure!(after == before, "those who stayed changed: {before:?}, {after:?}");
    ensure!(ensemble.leader().await? == leader, "another member leads");
    Ok(())
}

pub(super) async fn while_it_restarts(ctx: Arc<Ctx>) -> Result<()> {
    let ensemble = Ensemble::formed(&ctx, 3).await?;
    let before = uids(&ensemble.pods().await?);
    let load = Load::start(&ensemble).await?;
    let operators: Api<Pod> = Api::namespaced(ctx.client(), helm::NAMESPACE);
    let name = operator_name(&operators).await?;
    ensemble.patch(json!({ "rollout": { "restartAt": "2024-01-01" } })).await?;
    until("the first member is replaced", 60, async || {
        let now = uids(&ensemble.pods().await?);
        ensure!(now != before, "none is");
        Ok(())
    })
    .await?;
    // Its successor has another name, and so has to wait for the lease.
    let kubectl = &ctx.stage.cluster.kubectl;
    let gone = ["delete", "pod", &name, "--grace-period=0", "--force"];
    kubectl.run(&[&["-n", helm::NAMESPACE], gone.as_slice()].concat()).await?;
    ensemble.settled(3, SOON).await?;
    let after = uids(&ensemble.pods().await?);
    ensure!(after.iter().all(|it| !before.contains(it)), "some were not restarted: {after:?}");
    let numbers = load.finish().await?;
    numbers.hold()?;
    numbers.leader_changes(1)
}

async fn operator_name(operators: &Api<Pod>) -> Result<String> {
    let ready = async || Ok(operator_pod(operators).await?.name_any());
    until("the operator is ready", 60, ready).await
}

async fn under_way(ensemble: &Ensemble, operation: &Operation) -> Result<()> {
    until("the operation is under way", 30, async || {
        let now = ensemble.status().await?.operation;
        ensure!(now.as_ref().is_some_and(|it| it.kind == *operation), "{now:?} is");
        Ok(())
    })
    .await
}
