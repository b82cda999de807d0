//! One pod at a time, even across operators: a pod is deleted only while it alone has the turn.
//!
//! A deletion carries the pod's version as it was when it had the turn. An operator that takes over
//! sees the turn of its predecessor and takes it away before it gives it to another pod, which
//! changes that pod's version: a late deletion by the predecessor is then refused.

use super::action::{Action, Proposal};
use super::observed::{Observed, Pod};

/// The next step of restarting this pod.
pub fn restart(observed: &Observed, pod: &Pod, reason: &str, proposal: &mut Proposal) {
    let (name, uid) = (pod.name.clone(), pod.uid.clone());
    let resource_version = pod.resource_version.clone();
    proposal.action = Some(if let Some(other) = holder(observed, Some(pod)) {
        take(other)
    } else if !pod.turn {
        Action::GiveTurn { name, uid, resource_version }
    } else {
        Action::DeletePod { name, uid, resource_version, reason: reason.to_owned() }
    });
}

/// Who has the turn and is not restarted now loses it before anything else happens (I1): a late
/// deletion must never meet a membership, or a quorum, that has changed since.
pub fn settle(observed: &Observed, proposal: &mut Proposal) {
    let restarts = matches!(
        proposal.action,
        Some(Action::GiveTurn { .. } | Action::TakeTurn { .. } | Action::DeletePod { .. })
    );
    if !restarts && let Some(holder) = holder(observed, None) {
        proposal.action = Some(take(holder));
    }
}

/// A pod that has the turn, other than this one.
pub fn holder<'a>(observed: &'a Observed, but: Option<&Pod>) -> Option<&'a Pod> {
    let other = |pod: &&Pod| pod.turn && !pod.deleting && but.is_none_or(|but| but.uid != pod.uid);
    observed.pods.iter().find(other)
}

fn take(pod: &Pod) -> Action {
    Action::TakeTurn {
        name: pod.name.clone(),
        uid: pod.uid.clone(),
        resource_version: pod.resource_version.clone(),
    }
}
