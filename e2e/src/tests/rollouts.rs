//! Restarts and changes, one member after another.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};
use k8s_openapi::api::core::v1::Pod;
use quorate_crds::status::Operation;
use serde_json::{Value, json};

use crate::common::progress::{say, seconds};
use crate::common::until::{throughout, until};
use crate::stage::ctx::Ctx;
use crate::stage::ensemble::{Ensemble, SOON};
use crate::stage::objects::uids;
use crate::watch::load::{CLIENTS, Load, Numbers};

pub(super) async fn restart_moves_the_leader_once(ctx: Arc<Ctx>) -> Result<()> {
    let ensemble = Ensemble::formed(&ctx, 3).await?;
    let load = Load::start(&ensemble).await?;
    roll(&ensemble, "restarted", json!({ "rollout": { "restartAt": "2024-01-01" } })).await?;
    load.writer.writes(100).await?;
    let numbers = load.finish().await?;
    planned(&numbers)?;
    numbers.leader_changes(1)
}

pub(super) async fn changes_roll(ctx: Arc<Ctx>) -> Result<()> {
    let ensemble = Ensemble::formed(&ctx, 3).await?;
    let hashes = config_hashes(&ensemble).await?;
    let load = Load::start(&ensemble).await?;
    roll(&ensemble, "reconfigured", json!({ "config": { "extra": { "maxClientCnxns": "77" } } }))
        .await?;
    for (pod, hash) in config_hashes(&ensemble).await? {
        ensure!(hashes.get(&pod) != Some(&hash), "{pod} runs the old configuration");
    }
    let mut rolls = 1;
    if let Some(second) = &ctx.stage.image.second_tag {
        let image = json!({ "repository": ctx.stage.image.repository, "tag": second });
        roll(&ensemble, "of the second image", json!({ "image": image })).await?;
        for pod in ensemble.pods().await? {
            let spec = pod.spec.context("a pod has a spec")?;
            let image = spec.containers[0].image.clone().unwrap_or_default();
            ensure!(image.ends_with(second), "a pod runs {image}");
        }
        rolls += 1;
    }
    let numbers = load.finish().await?;
    planned(&numbers)?;
    numbers.leader_changes(rolls)
}

/// What holds for restarts: each client is sent away a few times, never for long.
fn planned(numbers: &Numbers) -> Result<()> {
    numbers.hold()?;
    let failed = numbers.ledger.failures();
    ensure!(failed <= 10 * CLIENTS as u64, "{failed} requests failed");
    Ok(())
}

/// Changes the spec so that every pod is replaced.
pub(super) async fn roll(ensemble: &Ensemble, what: &str, spec: Value) -> Result<()> {
    let before = uids(&ensemble.pods().await?);
    let begun = Instant::now();
    ensemble.patch(spec).await?;
    ensemble.settled(3, SOON).await?;
    let after = uids(&ensemble.pods().await?);
    ensure!(after.iter().all(|it| !before.contains(it)), "some were not replaced: {after:?}");
    say(format!("all members are {what} after {}", seconds(begun.elapsed())));
    Ok(())
}

async fn config_hashes(ensemble: &Ensemble) -> Result<BTreeMap<String, String>> {
    let views = ensemble.views().await?.into_iter();
    Ok(views.map(|(pod, view)| (pod, view.config_hash)).collect())
}

pub(super) async fn a_bad_image_halts_after_one(ctx: Arc<Ctx>) -> Result<()> {
    let ensemble = Ensemble::formed(&ctx, 3).await?;
    let before = ensemble.pods().await?;
    let load = Load::start(&ensemble).await?;
    let bad = json!({ "repository": "localhost/quorate", "tag": "missing", "pullPolicy": "Never" });
    ensemble.patch(json!({ "image": bad })).await?;
    halts(&ensemble, &before).await?;
    load.writer.writes(100).await?;
    // Taken back.
    ensemble.patch(json!({ "image": null })).await?;
    ensemble.settled(3, SOON).await?;
    one_replaced(&ensemble, &before).await?;
    let numbers = load.finish().await?;
    numbers.hold()?;
    numbers.leader_changes(0)
}

/// Waits until a rollout cannot go on, having touched one member only; gives what is said of it.
pub(super) async fn halts(ensemble: &Ensemble, before: &[Pod]) -> Result<String> {
    let why =
        until("the rollout is blocked", 60, async || match ensemble.status().await?.operation {
            Some(it) if it.kind == Operation::Rollout => it.blocked_by.context("it is not blocked"),
            other => bail!("{other:?} is under way"),
        })
        .await?;
    say(format!("blocked by: {why}"));
    let one = async || one_replaced(ensemble, before).await;
    throughout("only one member is touched", 8, one).await?;
    Ok(why)
}

/// Of three pods that were, two are still there.
async fn one_replaced(ensemble: &Ensemble, before: &[Pod]) -> Result<()> {
    let (before, now) = (uids(before), uids(&ensemble.pods().await?));
    let same = before.iter().filter(|it| now.contains(it)).count();
    ensure!(same == 2, "{same} of {before:?} are as they were: {now:?}");
    Ok(())
}
