//! What may be written into a spec, and what is left alone.

use std::sync::Arc;

use anyhow::{Context, Result, bail, ensure};
use quorate_crds::conditions::ConditionType;
use serde_json::json;

use crate::common::until::{throughout, until};
use crate::stage::ctx::Ctx;
use crate::stage::ensemble::{Ensemble, condition};
use crate::stage::objects::uids;

pub(super) async fn bad_specs_are_refused(ctx: Arc<Ctx>) -> Result<()> {
    let crds = ctx.stage.settings.root.join("crds");
    let mut count = 0;
    for entry in std::fs::read_dir(crds.join("tests/refused"))? {
        let path = entry?.path();
        let text = std::fs::read_to_string(&path)?;
        let first = text.lines().next().unwrap_or_default();
        let expected = first
            .strip_prefix("# expect: ")
            .with_context(|| format!("{} does not say what to expect", path.display()))?;
        let path = path.display().to_string();
        match ctx.kubectl(&["apply", "--dry-run=server", "-f", &path]).await {
            Ok(_) => bail!("{path} is accepted"),
            Err(error) => {
                let said = format!("{error:#}");
                ensure!(said.contains(expected), "{path} is refused without {expected:?}: {said}");
            }
        }
        count += 1;
    }
    ensure!(count > 0, "there are no bad specs");
    let mut count = 0;
    for entry in std::fs::read_dir(crds.join("examples"))? {
        count += 1;
        let path = entry?.path().display().to_string();
        let said = ctx.kubectl(&["apply", "--dry-run=server", "-f", &path]).await?;
        ensure!(said.contains("created"), "{path}: {said}");
    }
    ensure!(count > 0, "there are no examples");
    // Before anybody has looked at it, a new one is not as it should be to whoever compares generations.
    let example = crds.join("examples/minimal.yaml").display().to_string();
    let path = "jsonpath={.status.observedGeneration}";
    let fresh = ctx.kubectl(&["create", "-f", &example, "-o", path]).await?;
    ensure!(fresh == "-1", "a new resource has observed its generation: {fresh:?}");
    ctx.kubectl(&["delete", "-f", &example]).await?;
    // The scale subresource knows the rules as well, and so do changes.
    let ensemble = Ensemble::apply(&ctx, 3, json!({ "paused": true })).await?;
    refused(ensemble.scale(4).await, "replicas must be 1, 3, 5 or 7")?;
    refused(ensemble.patch(json!({ "storage": { "size": "lots" } })).await, "must be a quantity")?;
    let smaller = json!({ "storage": { "size": "500Mi" } });
    refused(ensemble.patch(smaller).await, "storage.size cannot shrink")?;
    Ok(())
}

fn refused(outcome: Result<()>, expected: &str) -> Result<()> {
    let Err(error) = outcome else { bail!("accepted, and not refused with {expected:?}") };
    let said = format!("{error:#}");
    ensure!(said.contains(expected), "refused without {expected:?}: {said}");
    Ok(())
}

pub(super) async fn paused_ensembles_are_left_alone(ctx: Arc<Ctx>) -> Result<()> {
    let ensemble = Ensemble::formed(&ctx, 3).await?;
    let before = uids(&ensemble.pods().await?);
    ensemble.patch(json!({ "paused": true })).await?;
    until("the pause is reported", 30, async || {
        let (is, message) = condition(&ensemble.status().await?, &ConditionType::Paused)?;
        ensure!(is == "True", "Paused is {is}: {message}");
        Ok(())
    })
    .await?;
    ensemble.patch(json!({ "rollout": { "restartAt": "now" }, "replicas": 5 })).await?;
    throughout("nothing is done", 8, async || {
        ensure!(uids(&ensemble.pods().await?) == before, "the pods changed");
        Ok(())
    })
    .await?;
    let status = ensemble.status().await?;
    let generation = ensemble.get().await?.metadata.generation;
    ensure!(status.observed_generation == generation, "reports stop while it is paused");
    ensemble.patch(json!({ "paused": false, "replicas": 3 })).await?;
    ensemble.settled(3, 120).await?;
    let after = uids(&ensemble.pods().await?);
    ensure!(after.iter().all(|it| !before.contains(it)), "some were not restarted: {after:?}");
    Ok(())
}
