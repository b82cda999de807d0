//! How an ensemble stands to what another operator brings, if it follows.

use quorate_crds::ensemble::Follow;

use super::convoy::Standing;
use super::desired::template::Templates;
use super::observed::Observed;
use super::proposal::Decision;
use super::versions;
use super::view::View;

/// How this one stands.
pub fn standing(
    observed: &Observed,
    view: &View,
    templates: &Templates,
    decision: &Decision,
) -> Standing {
    let spec = &observed.ensemble.spec;
    let going = observed.ensemble.metadata.deletion_timestamp.is_some();
    let formed = observed.stateful_set.is_some() && view.ensemble_id.is_some();
    if spec.rollout.follow != Follow::Operator || spec.paused || going || !formed {
        return Standing::Apart;
    }
    if templates.behind(observed) {
        return Standing::Behind;
    }
    match versions::stable_since(observed, view) {
        Some(since) => Standing::Taken(since),
        // Whatever keeps it from being well, nobody knows that it is not what it took.
        None if decision.blocked.is_some() => Standing::Stuck,
        None => Standing::Taking,
    }
}
