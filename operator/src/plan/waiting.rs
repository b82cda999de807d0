//! Waiting for members: for whom, and when it is told that this is in vain.

use super::action::Proposal;
use super::names;
use super::observed::{Observed, Pod};

/// The operation waits for these ordinals' members to answer.
pub fn answers(observed: &Observed, kind: &'static str, ordinals: &[i32], proposal: &mut Proposal) {
    let name = |ordinal: &i32| names::pod(observed, *ordinal);
    let names: Vec<String> = ordinals.iter().map(name).collect();
    proposal.step(kind, format!("waiting for {} to answer", names.join(", ")));
    let of = |ordinal: &i32| in_vain(observed, observed.pod(*ordinal)?, "does not answer");
    let whys: Vec<String> = ordinals.iter().filter_map(of).collect();
    if !whys.is_empty() {
        proposal.block(whys.join("; "));
    }
}

/// Why a pod is waited for in vain: Kubernetes says so, or it has taken too long.
pub fn in_vain(observed: &Observed, pod: &Pod, otherwise: &str) -> Option<String> {
    let since = observed.now - pod.ready_changed.max(pod.created);
    let patience = i64::from(observed.ensemble.spec.rollout.member_timeout_seconds);
    match &pod.trouble {
        Some(trouble) => Some(format!("{} does not start: {trouble}", pod.name)),
        None if since > patience => Some(format!("{} {otherwise} after {patience} s", pod.name)),
        None => None,
    }
}
