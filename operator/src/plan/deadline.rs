//! How long a step may take. One that takes longer goes on as before, and people are told.

use k8s_openapi::jiff::Timestamp;
use quorate_crds::status::OperationStatus;

use super::block::Block;
use super::observed::Observed;
use super::proposal::Decision;
use super::step::Step;

/// A learner may have the whole of a large ensemble to fetch: so many times longer than anything else.
const LEARNER: i64 = 6;

/// Since when this step is the one that is done, in seconds since the epoch.
pub fn since(observed: &Observed, decision: &Decision) -> Option<i64> {
    let (operation, step) = decision.under_way.as_ref()?;
    let before = observed.ensemble.status.as_ref().and_then(|it| it.operation.as_ref());
    let same = |it: &&OperationStatus| it.kind == *operation && it.step == step.to_string();
    let since = before.filter(same).and_then(|it| it.since.as_deref()?.parse().ok());
    Some(since.map_or(observed.now, Timestamp::as_second).min(observed.now))
}

/// What to tell of a step that takes longer than a member may take to come back.
pub fn overdue(observed: &Observed, decision: &Decision) -> Option<Block> {
    let (_, step) = decision.under_way.as_ref()?;
    let patience = i64::from(observed.ensemble.spec.rollout.member_timeout_seconds);
    let seconds = match step {
        // It takes as long as the spec says.
        Step::AwaitStable { .. } => return None,
        Step::AwaitLearner { .. } => patience * LEARNER,
        _ => patience,
    };
    let late = observed.now - since(observed, decision)? > seconds;
    late.then(|| Block::Overdue { step: step.clone(), seconds })
}
