//! What Prometheus knows.

use std::sync::Arc;

use anyhow::{Result, ensure};
use serde_json::json;

use super::asked::{self, Answer};
use crate::common::until::until;
use crate::stage::ctx::Ctx;
use crate::stage::ensemble::{Ensemble, SOON};
use crate::stage::prometheus::Prometheus;
use crate::watch::load;

pub(super) async fn prometheus_answers(ctx: Arc<Ctx>) -> Result<()> {
    let prometheus = Prometheus::start(&ctx.stage).await?;
    let ensemble = Ensemble::formed(&ctx, 3).await?;
    let of = format!("namespace=\"{}\"", ctx.namespace);
    let node = format!("{of},ensemble=\"zk\",job=\"quorate-node\"");
    let operator = format!("{of},ensemble=\"zk\",job=\"quorate-operator\"");
    for (query, value) in [
        (format!("sum(up{{{node}}})"), 3.0),
        ("min(up{job=\"quorate-operator\"})".to_owned(), 1.0),
        (format!("sum(quorate_node_is_leader{{{node}}})"), 1.0),
        (format!("max(synced_followers{{{node}}})"), 2.0),
        (format!("sum(quorate_node_serving{{{node}}})"), 3.0),
        (format!("min(quorate_node_voters{{{node}}})"), 3.0),
        ("sum(quorate_operator_is_leader)".to_owned(), 1.0),
        (format!("quorate_ensemble_quorum{{{operator}}}"), 1.0),
        (format!("quorate_ensemble_voters{{{operator}}}"), 3.0),
        (format!("quorate_ensemble_desired_members{{{operator}}}"), 3.0),
        (format!("count(quorate_ensemble_operation{{{operator}}}) or vector(0)"), 0.0),
    ] {
        prometheus.says(&query, value).await?;
    }
    ensemble.patch(json!({ "rollout": { "restartAt": "2024-01-01" } })).await?;
    let rollout = format!("quorate_ensemble_operation{{{operator},type=\"Rollout\"}}");
    prometheus.says(&rollout, 1.0).await?;
    ensemble.settled(3, SOON).await?;
    prometheus.says(&format!("count({rollout}) or vector(0)"), 0.0).await?;
    prometheus.says(&format!("sum(quorate_node_is_leader{{{node}}})"), 1.0).await?;
    prometheus.stop().await
}

pub(super) async fn panels_and_alerts_find_what_they_ask_for(ctx: Arc<Ctx>) -> Result<()> {
    let prometheus = Prometheus::start(&ctx.stage).await?;
    let ensemble = Ensemble::formed(&ctx, 3).await?;
    let writer = load::write(&ensemble, 1).await?;
    writer.writes(100).await?;
    let all = asked::series(&ctx.stage.settings.root.join("charts/quorate/files"))?;
    ensure!(all.len() > 30, "only {} series are asked for", all.len());
    for (series, answer) in &all {
        let query =
            series.replace("$namespace", &ctx.namespace).replace("$ensemble", &ensemble.name);
        match answer {
            Answer::Something => {
                until(&query, 45, async || {
                    ensure!(!prometheus.query(&query).await?.is_empty(), "there is no such series");
                    Ok(())
                })
                .await?;
            }
            // It may be there or not; it must be understood.
            Answer::Perhaps(_) => drop(prometheus.query(&query).await?),
        }
    }
    let ledger = writer.finish().await?;
    ensure!(ledger.lost.is_empty(), "acknowledged writes were lost: {:?}", ledger.lost);
    prometheus.stop().await
}
