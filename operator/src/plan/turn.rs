//! One pod at a time, even across operators: a pod is deleted only while it alone has the turn.
//!
//! A deletion carries the pod's version as it was when it had the turn. An operator that takes over
//! sees the turn of its predecessor and takes it away before it gives it to another pod, which
//! changes that pod's version: a late deletion by the predecessor is then refused.

use super::action::{Action, Cause};
use super::observed::{Observed, Pod};
use crate::mutants::planted;

/// The next action of restarting this pod.
pub fn restart(observed: &Observed, pod: &Pod, cause: Cause) -> Action {
    let (name, uid) = (pod.name.clone(), pod.uid.clone());
    let resource_version = pod.resource_version.clone();
    let other = holder(observed, Some(pod)).filter(|_| !planted("another's turn is left"));
    if let Some(other) = other {
        take(other)
    } else if !pod.turn && !planted("a turn is not asked for") {
        Action::GiveTurn { name, uid, resource_version }
    } else {
        Action::DeletePod { name, uid, resource_version, cause }
    }
}

/// Who has the turn and is not restarted now loses it before anything else happens (I1): a late
/// deletion must never meet a membership, or a quorum, that has changed since.
pub fn settle(observed: &Observed, action: Option<Action>) -> Option<Action> {
    if action.as_ref().is_some_and(Action::restarts) {
        return action;
    }
    let holder = holder(observed, None).filter(|_| !planted("another's turn is left"));
    holder.map(take).or(action)
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
