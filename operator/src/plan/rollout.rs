//! Restarting members that run an outdated pod: those that do not serve first, then followers, the
//! highest ordinal first, and the leader last, after it has handed over to an updated member. Every
//! step looks at the whole ensemble anew.

use super::action::{Action, Proposal};
use super::names;
use super::observed::{Member, Observed, Pod};
use super::quorum;
use super::turn;
use super::view::View;
use super::waiting;

/// A pod that does not serve and would come back with what is wanted: restarting it takes nothing
/// away, whatever else is wrong. This is how a broken image or limit is healed.
pub fn repair(observed: &Observed, view: &View, proposal: &mut Proposal) {
    if proposal.busy() || !observed.applied() {
        return;
    }
    let broken = |pod: &&Pod| observed.outdated(pod) && !pod.deleting && !serves(view, pod);
    let Some(pod) = observed.pods.iter().filter(broken).max_by_key(|pod| pod.ordinal) else {
        return;
    };
    proposal.step("Rollout", format!("replacing {}, which does not serve", pod.name));
    if let Some(going) = observed.pods.iter().find(|pod| pod.deleting) {
        proposal.step("Rollout", format!("waiting for {} to go", going.name));
        return;
    }
    turn::restart(observed, pod, "outdated, and does not serve", proposal);
}

/// Whether a pod may be serving: either the kubelet or its member says so.
pub fn serves(view: &View, pod: &Pod) -> bool {
    pod.ready || view.serving.contains(&pod.ordinal)
}

/// One step of restarting members that serve.
pub fn propose(observed: &Observed, view: &View, proposal: &mut Proposal) {
    if proposal.busy() || !observed.applied() {
        return;
    }
    let settled = observed.stateful_set.as_ref().is_some_and(|set| set.settled);
    let outdated: Vec<&Pod> = observed.pods.iter().filter(|pod| observed.outdated(pod)).collect();
    if outdated.is_empty() || !settled {
        return;
    }
    if let Err(hold) = gate(observed, view) {
        proposal.step("Rollout", hold.step);
        if let Some(why) = hold.blocked {
            proposal.block(why);
        }
        return;
    }
    let Some(leader) = &view.leader else { return };
    let follower = outdated.iter().filter(|pod| pod.ordinal != leader.ordinal);
    if let Some(pod) = follower.max_by_key(|pod| pod.ordinal) {
        proposal.step("Rollout", format!("restarting {}", pod.name));
        turn::restart(observed, pod, "outdated", proposal);
        return;
    }
    let Some(pod) = outdated.iter().find(|pod| pod.ordinal == leader.ordinal) else {
        return;
    };
    if view.voters().count() == 1 {
        proposal.step("Rollout", format!("restarting {}", pod.name));
        turn::restart(observed, pod, "outdated; the only member", proposal);
        return;
    }
    hand_over(observed, view, leader, proposal);
}

/// The leader is the last: it hands over first.
fn hand_over(observed: &Observed, view: &View, leader: &Member, proposal: &mut Proposal) {
    let updated = |member: &&Member| {
        let pod = observed.pod(member.ordinal);
        member.ordinal != leader.ordinal
            && pod.is_some_and(|pod| !observed.outdated(pod) && pod.ready)
            && view.serving.contains(&member.ordinal)
            && view.caught_up(&member.member_id)
    };
    let target = observed.members.iter().filter(updated).min_by_key(|member| member.ordinal);
    proposal.step("Rollout", "handing leadership to an updated member");
    match target {
        Some(target) => {
            proposal.action = Some(Action::TransferLeader {
                leader: leader.ordinal,
                ensemble_id: leader.ensemble_id.clone().unwrap_or_default(),
                target: target.member_id.clone(),
            });
        }
        None => proposal.block("no updated member is in step with the leader"),
    }
}

/// Why no further member may be restarted now.
struct Hold {
    step: String,
    blocked: Option<String>,
}

/// Whether all is well enough to take one member away for a moment.
fn gate(observed: &Observed, view: &View) -> Result<(), Hold> {
    let wait = |step: String| Hold { step, blocked: None };
    if let Some(pod) = observed.pods.iter().find(|pod| pod.deleting) {
        return Err(wait(format!("waiting for {} to go", pod.name)));
    }
    for ordinal in 0..observed.size() {
        let name = names::pod(observed, ordinal);
        let Some(pod) = observed.pod(ordinal) else {
            return Err(wait(format!("waiting for {name} to be created")));
        };
        if !pod.ready {
            return Err(not_back(observed, pod));
        }
    }
    if !view.healthy() {
        let blocked = Some("no quorum: nothing is restarted until there is a leader".to_owned());
        return Err(Hold { step: "waiting for a quorum".to_owned(), blocked });
    }
    if !view.whole() || view.changing() {
        return Err(wait("waiting for every member to be in step".to_owned()));
    }
    let stable = i64::from(observed.ensemble.spec.rollout.min_stable_seconds);
    let young = |pod: &&Pod| observed.now - pod.ready_changed < stable;
    if let Some(pod) = observed.pods.iter().find(young) {
        return Err(wait(format!("waiting for {} to be ready for {stable} s", pod.name)));
    }
    let voters = view.voters().count();
    if voters > 1 && !quorum::spares_one(voters, view.serving.len()) {
        return Err(wait("waiting for a member that can be spared".to_owned()));
    }
    Ok(())
}

/// A member that was restarted is not back: after a while, or when Kubernetes says why, that is
/// reported; the others are left alone in any case.
fn not_back(observed: &Observed, pod: &Pod) -> Hold {
    Hold {
        step: format!("waiting for {} to be ready", pod.name),
        blocked: waiting::in_vain(observed, pod, "is not ready"),
    }
}
