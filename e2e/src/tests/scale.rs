//! Scaling, which must not be felt.

use std::sync::Arc;
use std::time::Instant;

use anyhow::{Result, ensure};

use crate::common::progress::{say, seconds};
use crate::stage::ctx::Ctx;
use crate::stage::ensemble::{Ensemble, SOON};
use crate::stage::objects::uids;
use crate::watch::load::Load;

pub(super) async fn scales_3_5_3_twice(ctx: Arc<Ctx>) -> Result<()> {
    let ensemble = Ensemble::formed(&ctx, 3).await?;
    let (before, leader) = (uids(&ensemble.pods().await?), ensemble.leader().await?);
    let load = Load::start(&ensemble).await?;
    let mut claims = Vec::new();
    for round in ["first", "second"] {
        for replicas in [5, 3] {
            let begun = Instant::now();
            ensemble.scale(replicas).await?;
            ensemble.settled(replicas, SOON).await?;
            say(format!("{round} time {replicas} members after {}", seconds(begun.elapsed())));
            load.writer.writes(100).await?;
        }
        let found = ensemble.claims().await?;
        ensure!(found.len() == 5, "the volumes of those who left are gone: {found:?}");
        ensure!(claims.is_empty() || claims == found, "other volumes: {claims:?}, {found:?}");
        claims = found;
    }
    let numbers = load.finish().await?;
    numbers.hold()?;
    numbers.leader_changes(0)?;
    let sizes: Vec<usize> = numbers.history.sizes.iter().copied().collect();
    ensure!(sizes == [3, 5], "settled sets of {sizes:?} voters");
    ensure!(numbers.ledger.failures() == 0, "requests failed: {:?}", numbers.ledger.failed);
    let after = uids(&ensemble.pods().await?);
    ensure!(after == before, "those who stayed changed: {before:?}, {after:?}");
    let now = ensemble.leader().await?;
    ensure!(now == leader, "{leader:?} led, and now {now:?}");
    Ok(())
}
