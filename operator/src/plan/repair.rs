//! Replacing outdated pods that cannot serve, whatever else is wrong: this is how a broken image or
//! limit is healed. Not serving is not broken, for without a quorum nobody serves, and the newest
//! template may be what is broken. So only a pod goes that would not come back by itself, never a
//! member that answers as a voter while there is no quorum without it, and no second one before the
//! newest template was seen to work.

use quorate_crds::status::Operation;

use super::action::Cause;
use super::member::Member;
use super::observed::{Observed, Pod};
use super::proposal::Proposal;
use super::rollout::serves;
use super::step::Step;
use super::turn;
use super::view::View;
use super::waiting;
use crate::mutants::planted;

/// The next one that is replaced.
pub fn propose(observed: &Observed, view: &View) -> Option<Proposal> {
    if !observed.applied() && !planted("a new spec is not applied first") {
        return None;
    }
    let replaceable = |pod: &&Pod| !pod.deleting && replaceable(observed, view, pod);
    let pod = observed.pods.iter().filter(replaceable).max_by_key(|pod| pod.ordinal)?;
    let going = observed.pods.iter().find(|pod| pod.deleting);
    if let Some(going) = going.filter(|_| !planted("a repair beside a pod that goes")) {
        let (step, next) = waiting::termination(observed, going);
        return Some(Proposal { operation: Operation::Rollout, step, next });
    }
    let name = pod.name.clone();
    let (step, cause) = if serves(observed, pod) {
        (Step::Restart { pod: name }, Cause::Outdated)
    } else {
        (Step::ReplacePod { pod: name }, Cause::NotServing)
    };
    let action = turn::restart(observed, pod, cause);
    Some(Proposal::act(Operation::Rollout, step, action))
}

/// Whether replacing this pod takes nothing away.
pub fn replaceable(observed: &Observed, view: &View, pod: &Pod) -> bool {
    observed.outdated(pod)
        && if serves(observed, pod) {
            dispensable(observed, view, pod)
        } else {
            stuck(observed, view, pod) && !unproven(observed, view)
        }
}

/// Whether a pod that does not serve will not do so by itself: Kubernetes says that it cannot run;
/// or its member has nothing to lose; or it has been silent for longer than a member may take to
/// come back; or it answers, has not become ready for as long, and the others are a quorum.
fn stuck(observed: &Observed, view: &View, pod: &Pod) -> bool {
    if planted("whoever does not serve is broken") {
        return true;
    }
    let patience = i64::from(observed.ensemble.spec.rollout.member_timeout_seconds);
    let late = observed.now - pod.ready_changed.max(pod.created) > patience;
    match observed.member(pod.ordinal) {
        None => pod.trouble.is_some() || late,
        Some(member) => member.blank() || (late && view.healthy()),
    }
}

/// Whether the newest template was tried, and no pod of it has shown yet that it works: by being
/// ready; or by answering, where more cannot be, for there is no quorum, or it is no member, yet or any more.
fn unproven(observed: &Observed, view: &View) -> bool {
    let proves = |pod: &&Pod| {
        let member = observed.member(pod.ordinal).filter(|member| member.understood());
        let outside = |member: &Member| {
            let mut members = view.members().iter();
            !members.any(|it| it.member_id == member.member_id)
        };
        let answers = |member: &Member| !view.healthy() || outside(member);
        pod.ready || (pod.trouble.is_none() && member.is_some_and(answers))
    };
    if planted("an image that has not worked is given to others") {
        return false;
    }
    let mut tried = observed.pods.iter().filter(|pod| !observed.outdated(pod)).peekable();
    tried.peek().is_some() && !tried.any(|pod| proves(&pod))
}

/// Whether the others are a quorum without this pod, whose member says what this program does not
/// know. So a newer image can be taken back again by an operator that does not understand it.
fn dispensable(observed: &Observed, view: &View, pod: &Pod) -> bool {
    let settled = view.healthy() && !view.changing() && view.strange().is_none();
    settled && observed.member(pod.ordinal).is_some_and(|member| !member.understood())
}
