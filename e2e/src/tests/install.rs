//! The chart.

use std::sync::Arc;

use anyhow::{Result, ensure};
use k8s_openapi::api::core::v1::Pod;
use kube::{Api, ResourceExt};
use quorate_crds::conditions::ConditionType;
use serde_json::json;

use crate::common::until::{throughout, until};
use crate::stage::ctx::{Ctx, Skip};
use crate::stage::ensemble::{Ensemble, SOON, condition};
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

/// One ensemble is left alone, though nobody noted what its template was made of; the other one takes
/// the operator's other default image.
pub(super) async fn an_upgrade_of_the_operator_restarts_only_who_follows_it(
    ctx: Arc<Ctx>,
) -> Result<()> {
    let second = ctx.stage.image.second_tag.clone();
    let second = second.ok_or(Skip("the image has one tag only"))?;
    let pinned = Ensemble::apply(&ctx, 1, json!({})).await?;
    let follow = json!({ "rollout": { "follow": "Operator" } });
    let follows = Ensemble::apply_as("follows", &ctx, 1, follow).await?;
    for ensemble in [&pinned, &follows] {
        ensemble.settled(1, SOON).await?;
    }
    let pods = [uids(&pinned.pods().await?), uids(&follows.pods().await?)];
    let operator = ["-n", helm::NAMESPACE, "scale", "deployment", "--all", "--replicas=0"];
    ctx.stage.cluster.kubectl.run(&operator).await?;
    until("no operator acts", 60, async || {
        let pods: Api<Pod> = Api::namespaced(ctx.client(), helm::NAMESPACE);
        ensure!(operator_pod(&pods).await.is_err(), "there is one");
        Ok(())
    })
    .await?;
    ctx.kubectl(&["annotate", "statefulset", "zk", "quorate.dev/template-"]).await?;
    let values = [("nodeImage.tag", second.as_str()), ("follow.soakSeconds", "0")];
    ctx.stage.helm.install_with(&values).await?;
    let outcome = followed(&pinned, &follows, &second, &pods).await;
    // Other tests want the operator as it was.
    ctx.stage.helm.install().await?;
    outcome
}

async fn followed(
    pinned: &Ensemble,
    follows: &Ensemble,
    image: &str,
    before: &[Vec<(String, String)>; 2],
) -> Result<()> {
    until("who follows has the other image", SOON, async || {
        let pods = follows.pods().await?;
        ensure!(uids(&pods) != before[1], "its pod is the same");
        let container = pods[0].spec.as_ref().and_then(|it| it.containers[0].image.as_deref());
        ensure!(container.is_some_and(|it| it.ends_with(image)), "it runs {container:?}");
        Ok(())
    })
    .await?;
    follows.settled(1, SOON).await?;
    until("the other one is told of it", 60, async || {
        let (is, said) = condition(&pinned.status().await?, &ConditionType::ConfigurationInSync)?;
        ensure!(is == "True" && said.contains(image), "ConfigurationInSync is {is}: {said}");
        Ok(())
    })
    .await?;
    throughout("it is left alone", 5, async || {
        ensure!(uids(&pinned.pods().await?) == before[0], "its pod is another one");
        Ok(())
    })
    .await?;
    pinned.settled(1, SOON).await
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
