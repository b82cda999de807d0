//! What Prometheus knows.

use std::sync::Arc;

use anyhow::Result;
use serde_json::json;

use crate::stage::ctx::Ctx;
use crate::stage::ensemble::{Ensemble, SOON};
use crate::stage::prometheus::Prometheus;

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
