//! What nobody planned.

use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use serde_json::json;

use crate::common::progress::{say, seconds};
use crate::common::until::until;
use crate::stage::ctx::Ctx;
use crate::stage::ensemble::{Ensemble, SOON};
use crate::stage::objects::uids;
use crate::tests::faults::kill;
use crate::watch::load::Load;

pub(super) async fn a_killed_leader_is_replaced(ctx: Arc<Ctx>) -> Result<()> {
    let ensemble = Ensemble::formed(&ctx, 3).await?;
    let leader = ensemble.leader().await?;
    let load = Load::start(&ensemble).await?;
    let begun = Instant::now();
    kill(&ctx, &ensemble.pod_api(), &[&leader.pod]).await?;
    let next = until("another member leads", 30, async || {
        let now = ensemble.leader().await?;
        ensure!(now.term > leader.term, "{} leads", now.pod);
        Ok(now)
    })
    .await?;
    say(format!("{} leads {} after {} was killed", next.pod, seconds(begun.elapsed()), leader.pod));
    ensemble.settled(3, SOON).await?;
    load.writer.writes(100).await?;
    let numbers = load.finish().await?;
    ensure!(numbers.ledger.lost.is_empty(), "acknowledged writes were lost");
    let lost = numbers.ledger.sessions_lost;
    ensure!(lost == 0, "{lost} sessions were lost");
    Ok(())
}

pub(super) async fn all_pods_at_once(ctx: Arc<Ctx>) -> Result<()> {
    let ensemble = Ensemble::formed(&ctx, 3).await?;
    let identity = ensemble.status().await?.ensemble_id;
    let load = Load::start(&ensemble).await?;

    let before = uids(&ensemble.pods().await?);
    let begun = Instant::now();
    ctx.kubectl(&["delete", "pods", "--all", "--wait=false"]).await?;
    until("every pod is another one", SOON, async || {
        let now = uids(&ensemble.pods().await?);
        ensure!(now.len() == 3 && now.iter().all(|it| !before.contains(it)), "there are {now:?}");
        Ok(())
    })
    .await?;
    ensemble.settled(3, SOON).await?;
    load.writer.writes(100).await?;
    say(format!("all serve again {} after all pods were deleted", seconds(begun.elapsed())));

    let names: Vec<String> = before.into_iter().map(|it| it.0).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let begun = Instant::now();
    kill(&ctx, &ensemble.pod_api(), &names).await?;
    ensemble.settled(3, SOON).await?;
    load.writer.writes(100).await?;
    say(format!("all serve again {} after all were killed", seconds(begun.elapsed())));

    let numbers = load.finish().await?;
    ensure!(numbers.ledger.lost.is_empty(), "acknowledged writes were lost");
    let now = ensemble.status().await?.ensemble_id;
    ensure!(now == identity, "it was the ensemble {identity:?}, and is {now:?}");
    Ok(())
}

pub(super) async fn a_lost_disk_is_replaced(ctx: Arc<Ctx>) -> Result<()> {
    let ensemble = Ensemble::formed(&ctx, 3).await?;
    let leader = ensemble.leader().await?;
    let views = ensemble.views().await?;
    let (pod, old) = views.iter().rfind(|it| it.0 != leader.pod).context("a follower")?;
    let load = Load::start(&ensemble).await?;
    let claim = format!("data-{pod}");
    let begun = Instant::now();
    ctx.kubectl(&["delete", "pvc", &claim, "--wait=false"]).await?;
    ctx.kubectl(&["delete", "pod", pod, "--wait=false"]).await?;
    let new = until("a new member has its place", SOON, async || {
        let views = ensemble.views().await?;
        let found = views.into_iter().find(|it| it.0 == *pod).context("there is no pod")?.1;
        ensure!(found.member_id != old.member_id, "the old member is there");
        Ok(found)
    })
    .await?;
    ensemble.settled(3, SOON).await?;
    say(format!(
        "{pod} is {} instead of {} after {}",
        new.member_id,
        old.member_id,
        seconds(begun.elapsed())
    ));
    for (pod, view) in ensemble.views().await? {
        let voters: Vec<&str> = view.config.voters().collect();
        ensure!(!voters.contains(&old.member_id.as_str()), "{pod} still counts the lost member");
        ensure!(view.ensemble_id == old.ensemble_id, "{pod} is of another ensemble");
    }
    load.writer.writes(100).await?;
    let numbers = load.finish().await?;
    numbers.hold()?;
    numbers.leader_changes(0)
}

/// Neither the StatefulSet nor the resource takes the volumes along, and who comes back finds all of it.
pub(super) async fn what_is_deleted_beside_the_ensemble_takes_no_data(ctx: Arc<Ctx>) -> Result<()> {
    let deletes = json!({ "storage": { "reclaimPolicy": "Delete" } });
    let ensemble = Ensemble::apply(&ctx, 3, deletes.clone()).await?;
    ensemble.settled(3, SOON).await?;
    let (identity, claims) = (ensemble.status().await?.ensemble_id, ensemble.claims().await?);
    owned_by_the_resource(&ctx).await?;
    let load = Load::start(&ensemble).await?;

    let (before, begun) = (uids(&ensemble.pods().await?), Instant::now());
    ctx.kubectl(&["delete", "statefulset", "zk", "--wait=false"]).await?;
    until("every pod is another one", SOON, async || {
        let now = uids(&ensemble.pods().await?);
        ensure!(now.len() == 3 && now.iter().all(|it| !before.contains(it)), "there are {now:?}");
        Ok(())
    })
    .await?;
    ensemble.settled(3, SOON).await?;
    load.writer.writes(100).await?;
    say(format!("all serve again {} after the StatefulSet was deleted", seconds(begun.elapsed())));

    let (before, begun) = (uids(&ensemble.pods().await?), Instant::now());
    ctx.kubectl(&["delete", "cens", "zk", "--cascade=orphan"]).await?;
    Ensemble::apply(&ctx, 3, deletes).await?;
    ensemble.settled(3, SOON).await?;
    owned_by_the_resource(&ctx).await?;
    load.writer.writes(100).await?;
    say(format!("another resource has it all {} after the first went", seconds(begun.elapsed())));
    let now = uids(&ensemble.pods().await?);
    ensure!(now == before, "the pods were {before:?} and are {now:?}");

    let now = ensemble.claims().await?;
    ensure!(now == claims, "the claims were {claims:?} and are {now:?}");
    let now = ensemble.status().await?.ensemble_id;
    ensure!(now == identity, "it was the ensemble {identity:?}, and is {now:?}");
    let numbers = load.finish().await?;
    ensure!(numbers.ledger.lost.is_empty(), "acknowledged writes were lost");
    Ok(())
}

async fn owned_by_the_resource(ctx: &Ctx) -> Result<()> {
    let uid = ctx.kubectl(&["get", "cens", "zk", "-o", "jsonpath={.metadata.uid}"]).await?;
    let path = "jsonpath={.items[*].metadata.ownerReferences[*].uid}";
    let (own, theirs) = ("quorate.dev/ensemble=zk", "app.kubernetes.io/instance=zk");
    until("each claim is the resource's", SOON, async || {
        let owners = ctx.kubectl(&["get", "pvc", "-l", own, "-o", path]).await?;
        ensure!(owners == [uid.as_str(); 3].join(" "), "they are owned by {owners:?}");
        let taken = ctx.kubectl(&["get", "pvc", "-l", theirs, "-o", "name"]).await?;
        ensure!(taken.trim().is_empty(), "other tools may take {taken} for theirs");
        Ok(())
    })
    .await
}
