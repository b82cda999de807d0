//! Waiting for members: for whom, and when it is told that this is in vain.

use quorate_crds::status::Operation;

use super::block::Block;
use super::names::Names;
use super::observed::{Observed, Pod};
use super::proposal::Proposal;
use super::step::Step;
use super::trouble::{PodTrouble, not_understood};

/// The operation waits for these ordinals' members to answer.
pub fn answers(
    observed: &Observed,
    names: &Names,
    operation: Operation,
    ordinals: &[i32],
) -> Proposal {
    let step = Step::AwaitAnswers { pods: names.pods(ordinals) };
    let silent = |pod, seconds| PodTrouble::Silent { pod, seconds };
    let trouble = |ordinal: &i32| {
        let in_vain = || in_vain(observed, observed.pod(*ordinal)?, silent);
        not_understood(observed, names, *ordinal).or_else(in_vain)
    };
    let troubles: Vec<PodTrouble> = ordinals.iter().filter_map(trouble).collect();
    if troubles.is_empty() {
        Proposal::wait(operation, step)
    } else {
        Proposal::blocked(operation, step, Block::Pods(troubles))
    }
}

/// Why a pod is waited for in vain: Kubernetes says so, or it has taken too long, which is then
/// called `otherwise`.
pub fn in_vain(
    observed: &Observed,
    pod: &Pod,
    otherwise: fn(String, i64) -> PodTrouble,
) -> Option<PodTrouble> {
    let since = observed.now - pod.ready_changed.max(pod.created);
    let patience = i64::from(observed.ensemble.spec.rollout.member_timeout_seconds);
    let name = pod.name.clone();
    match &pod.trouble {
        Some(why) => Some(PodTrouble::DoesNotStart { pod: name, why: why.clone() }),
        None if since > patience => Some(otherwise(name, patience)),
        None => None,
    }
}
