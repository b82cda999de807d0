//! The beginning and the end of an ensemble.

use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use kube::{Api, ResourceExt};
use quorate_crds::conditions::ConditionType;
use serde_json::json;

use crate::common::progress::say;
use crate::common::until::until;
use crate::stage::ctx::Ctx;
use crate::stage::ensemble::{Ensemble, SOON, condition};

pub(super) async fn an_ensemble_is_created(ctx: Arc<Ctx>) -> Result<()> {
    let ensemble = Ensemble::formed(&ctx, 3).await?;
    let status = ensemble.status().await?;
    for kind in [
        ConditionType::Ready,
        ConditionType::QuorumAvailable,
        ConditionType::MembershipConverged,
        ConditionType::ConfigurationInSync,
    ] {
        let (is, message) = condition(&status, &kind)?;
        ensure!(is == "True", "{kind} is {is}: {message}");
    }
    let quorum = status.quorum.context("the quorum is not reported")?;
    ensure!(
        (quorum.voters, quorum.required, quorum.healthy, quorum.tolerance) == (3, 2, 3, 1),
        "{quorum:?} is reported"
    );
    let leader = ensemble.leader().await?;
    let reported = status.leader.context("the leader is not reported")?;
    ensure!(
        reported.member == leader.pod && reported.member_id == leader.id,
        "{reported:?} is reported, and {leader:?} leads"
    );
    ensure!(
        status.members.len() == 3 && status.members.iter().all(|it| it.ready && it.updated),
        "{:?} are reported",
        status.members
    );
    one_ensemble(&ensemble, status.ensemble_id).await?;
    budget(&ensemble).await?;
    restricted(&ensemble).await?;

    let events = ctx
        .kubectl(&[
            "get",
            "events",
            "--field-selector=involvedObject.kind=CoordinationEnsemble",
            "-o",
            "jsonpath={.items[*].reason}",
        ])
        .await?;
    ensure!(events.contains("EnsembleFormed"), "the events are {events:?}");
    let row = ctx.kubectl(&["get", "cens", "zk"]).await?;
    say(row.trim());
    ensure!(row.contains(&leader.pod), "kubectl get does not show the leader: {row}");
    let all = ctx.kubectl(&["get", "coordination"]).await?;
    ensure!(all.contains("zk"), "the category is unknown: {all}");
    Ok(())
}

/// All members are of the one ensemble that is reported.
async fn one_ensemble(ensemble: &Ensemble, reported: Option<String>) -> Result<()> {
    for (pod, view) in ensemble.views().await? {
        ensure!(
            view.ensemble_id == reported && reported.is_some(),
            "{pod} is of {:?}, and {reported:?} is reported",
            view.ensemble_id
        );
    }
    Ok(())
}

/// One pod may be away.
async fn budget(ensemble: &Ensemble) -> Result<()> {
    let ctx = &ensemble.ctx;
    let budgets: Api<PodDisruptionBudget> = Api::namespaced(ctx.client(), &ctx.namespace);
    until("the budget allows one disruption", 30, async || {
        let budget = budgets.get(&ensemble.name).await?;
        let allowed = budget.status.map(|it| it.disruptions_allowed);
        ensure!(allowed == Some(1), "it allows {allowed:?}");
        Ok(())
    })
    .await
}

/// The namespace enforces it; this is beyond that.
async fn restricted(ensemble: &Ensemble) -> Result<()> {
    for pod in ensemble.pods().await? {
        let name = pod.name_any();
        let spec = pod.spec.context("a pod has a spec")?;
        ensure!(spec.automount_service_account_token == Some(false), "{name} gets a token");
        for container in spec.containers {
            let own = container.security_context.unwrap_or_default();
            ensure!(own.read_only_root_filesystem == Some(true), "{name} can write its image");
        }
    }
    Ok(())
}

pub(super) async fn deletion_keeps_volumes(ctx: Arc<Ctx>) -> Result<()> {
    let ensemble = Ensemble::apply(&ctx, 1, json!({})).await?;
    ensemble.settled(1, 90).await?;
    let claims = ensemble.claims().await?;
    ensure!(claims.len() == 1, "the claims are {claims:?}");
    ctx.kubectl(&["delete", "cens", "zk"]).await?;
    until("all but the volumes is gone", 90, async || {
        let kinds = "pods,statefulsets,services,secrets,poddisruptionbudgets,networkpolicies";
        let left = ctx.kubectl(&["get", kinds, "-o", "name"]).await?;
        ensure!(left.trim().is_empty(), "there are {}", left.replace('\n', " "));
        Ok(())
    })
    .await?;
    let left = ensemble.claims().await?;
    ensure!(left == claims, "of the claims {claims:?} there are {left:?}");
    Ok(())
}

pub(super) async fn what_kubernetes_refuses_is_told(ctx: Arc<Ctx>) -> Result<()> {
    ctx.kubectl(&["create", "quota", "few", "--hard=pods=2"]).await?;
    until("the quota is in force", 60, async || {
        let path = "jsonpath={.status.hard.pods}";
        let hard = ctx.kubectl(&["get", "quota", "few", "-o", path]).await?;
        ensure!(hard == "2", "it allows {hard:?} pods");
        Ok(())
    })
    .await?;
    let ensemble = Ensemble::apply(&ctx, 3, json!({})).await?;
    let begun = Instant::now();
    let why = until("somebody is told", 60, async || {
        let status = ensemble.status().await?;
        let (is, why) = condition(&status, &ConditionType::Stalled)?;
        ensure!(is == "True" && why.contains("exceeded quota"), "Stalled is {is}: {why}");
        Ok(why)
    })
    .await?;
    say(format!("told after {:.0?}: {why}", begun.elapsed()));
    let events =
        ctx.kubectl(&["get", "events", "--field-selector=reason=OperationBlocked"]).await?;
    ensure!(events.contains("exceeded quota"), "there is no event:\n{events}");
    ctx.kubectl(&["delete", "quota", "few"]).await?;
    ensemble.settled(3, SOON).await?;
    let (is, why) = condition(&ensemble.status().await?, &ConditionType::Stalled)?;
    ensure!(is == "False", "Stalled is {is}: {why}");
    Ok(())
}
