//! What becomes of an ensemble of which the API server refuses something again and again.

use std::time::Duration;

use crate::fleet::{Fleet, PATIENCE};

/// What was warned of since a place in the log.
fn warned(fleet: &Fleet, since: usize) -> Vec<String> {
    let log = fleet.operator.log();
    let warnings = log[since..].lines().filter(|it| it.contains(" WARN "));
    warnings.map(str::to_owned).collect()
}

/// Changes something that does not matter, many times a second.
async fn churn(fleet: &Fleet, seconds: u64) {
    for number in 0..seconds * 20 {
        fleet.touch(0, &number.to_string());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_report_that_somebody_was_faster_with_is_no_success() {
    let fleet = Fleet::start(0).await;
    fleet.server.api.conflict("n0", "PUT coordinationensembles/status");
    crate::add(&fleet.server, 0, serde_json::json!({ "replicas": 3 }));
    let told = fleet.until_asked("n0", "PUT coordinationensembles/status", 5).await;
    assert!(told, "nobody reports: {}", fleet.operator.log());
    let (_, metrics) = fleet.operator.ask("/metrics").await;
    let success = "quorate_operator_last_success_timestamp_seconds{";
    assert!(!metrics.contains(success), "nobody was told: that is no success\n{metrics}");
    fleet.server.api.allow("n0", "PUT coordinationensembles/status");
    assert!(fleet.until_metrics(success).await, "{}", fleet.operator.log());
}

/// As in a namespace that is deleted: parts go one by one, and none can be made again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_refused_while_everything_changes_is_told_now_and_then() {
    let fleet = Fleet::start(1).await;
    let left = fleet.until(PATIENCE, [0], Fleet::ready).await;
    assert!(left.is_empty(), "never ready: {}", fleet.operator.log());
    for what in ["PATCH poddisruptionbudgets", "GET statefulsets", "POST events", "PATCH events"] {
        fleet.server.api.refuse("n0", what);
    }
    let said = fleet.operator.log().len();
    fleet.remove(0, "poddisruptionbudgets");
    churn(&fleet, 6).await;
    let warnings = warned(&fleet, said);
    assert!(!warnings.is_empty(), "nobody is told: {}", fleet.operator.log());
    assert!(warnings.len() <= 10, "{} in 6 s: {warnings:?}", warnings.len());
    let named = |it: &String| it.contains("namespace=\"n0\"") && it.contains("ensemble=\"zk\"");
    assert!(warnings.iter().all(named), "{warnings:?}");

    fleet.delete(0);
    let said = fleet.operator.log().len();
    churn(&fleet, 3).await;
    let warnings = warned(&fleet, said);
    assert!(warnings.len() <= 1, "it is gone: {warnings:?}");
}
