//! From the server of before ensemble version 2 to this one, and back for as long as that is promised.

use std::sync::Arc;

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use crate::common::programs::EARLIER;
use crate::common::progress::say;
use crate::common::until::until;
use crate::stage::ctx::{Ctx, Skip};
use crate::stage::ensemble::{Ensemble, SOON};
use crate::stage::image::Image;
use crate::tests::rollouts::{halts, roll};
use crate::watch::load::Load;

/// What the earlier server knows.
const OLD: i32 = 1;

pub(super) async fn an_upgrade_is_taken_back_until_its_version_is_raised(
    ctx: Arc<Ctx>,
) -> Result<()> {
    let earlier = Image::earlier(&ctx.stage.settings, &ctx.stage.cluster).await?;
    let required = std::env::var_os("QUORATE_REQUIRE_OLDER").is_some();
    ensure!(
        earlier.is_some() || !required,
        "commit {EARLIER} is not there: fetch the whole history"
    );
    let earlier =
        earlier.ok_or(Skip("the server before is built from the history, for our own nodes"))?;
    let image =
        |tag: &str| json!({ "image": { "repository": ctx.stage.image.repository, "tag": tag } });
    let (before, now) = (image(&earlier), image(&ctx.stage.image.tag));
    let spec =
        json!({ "image": before["image"], "rollout": { "raiseVersionAfterSeconds": 86_400 } });
    let ensemble = Ensemble::apply(&ctx, 3, spec).await?;
    ensemble.settled(3, SOON).await?;
    let load = Load::start(&ensemble).await?;

    roll(&ensemble, "upgraded", now.clone()).await?;
    load.writer.writes(100).await?;
    let new = ensemble.status().await?.possible_version.unwrap_or(OLD);
    ensure!(new > OLD, "the new server knows no newer version than {OLD}");
    versions(&ensemble, OLD, new).await?;

    roll(&ensemble, "back on the server before", before.clone()).await?;
    load.writer.writes(100).await?;

    roll(&ensemble, "upgraded again", now.clone()).await?;
    ensemble.patch(json!({ "rollout": { "raiseVersionAfterSeconds": 5 } })).await?;
    until("the version is raised", 60, async || versions(&ensemble, new, new).await).await?;
    say(format!("the ensemble's version is {new}, by the operator"));
    ensemble.settled(3, SOON).await?;
    load.writer.writes(100).await?;

    refuses_to_go_back(&ensemble, &before, &now).await?;
    load.writer.writes(100).await?;
    let numbers = load.finish().await?;
    numbers.hold()?;
    // One handing over in each of three rolls; the refused one touched a follower only.
    numbers.leader_changes(3)
}

/// Every member says this version, and so does the resource.
async fn versions(ensemble: &Ensemble, current: i32, possible: i32) -> Result<()> {
    let status = ensemble.status().await?;
    let told = (status.ensemble_version, status.possible_version);
    ensure!(told == (Some(current), Some(possible)), "the resource says {told:?}");
    for (pod, view) in ensemble.views().await? {
        ensure!(view.ensemble_version == current, "{pod} says {}", view.ensemble_version);
    }
    Ok(())
}

/// The first member that gets the server before says why it does not start, the others are left
/// alone, and it serves again as soon as the image is as it was.
async fn refuses_to_go_back(ensemble: &Ensemble, before: &Value, now: &Value) -> Result<()> {
    let pods = ensemble.pods().await?;
    ensemble.patch(before.clone()).await?;
    let why = halts(ensemble, &pods).await?;
    ensure!(why.contains("newer Quorate"), "that does not say what to do");
    ensemble.patch(now.clone()).await?;
    ensemble.settled(3, SOON).await
}
