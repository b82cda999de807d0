//! Restarting members that run an outdated pod and serve: followers first, the highest ordinal
//! before the others, and the leader last, after it has handed over to an updated member. Every step
//! looks at the whole ensemble anew.

use quorate_crds::status::Operation;

use super::action::{Action, Cause};
use super::block::Block;
use super::member::Member;
use super::names::Names;
use super::observed::{Observed, Pod};
use super::proposal::{Next, Proposal};
use super::quorum;
use super::reach;
use super::step::Step;
use super::trouble::{self, PodTrouble};
use super::turn;
use super::view::View;
use super::waiting;
use crate::mutants::planted;

/// Whether a pod may be serving: the kubelet or its member says so, whether or not it votes, or the
/// member says something that this program does not know.
pub fn serves(observed: &Observed, pod: &Pod) -> bool {
    let says = |member: &Member| member.ready || !member.understood();
    let ready = pod.ready && !planted("a pod is not asked whether it is ready");
    ready || observed.member(pod.ordinal).is_some_and(says)
}

/// One step of restarting members that serve.
pub fn propose(observed: &Observed, names: &Names, view: &View) -> Option<Proposal> {
    let settled = observed.stateful_set.as_ref().is_some_and(|set| set.settled);
    let outdated: Vec<&Pod> = observed.pods.iter().filter(|pod| observed.outdated(pod)).collect();
    if !observed.applied() || outdated.is_empty() || !settled {
        return None;
    }
    if let Some((step, next)) = hold(observed, names, view) {
        return Some(Proposal { operation: Operation::Rollout, step, next });
    }
    let leader = view.leader.as_ref()?;
    let restart = |pod: &Pod, cause| {
        let name = pod.name.clone();
        let step = match cause {
            Cause::OnlyMember => Step::RestartOnly { pod: name },
            Cause::NotServing | Cause::Outdated => Step::Restart { pod: name },
        };
        let action = turn::restart(observed, pod, cause);
        Some(Proposal::act(Operation::Rollout, step, action))
    };
    let any = planted("a leader is restarted like a follower");
    let follower = outdated.iter().filter(|pod| any || pod.ordinal != leader.ordinal);
    if let Some(pod) = follower.max_by_key(|pod| pod.ordinal) {
        return restart(pod, Cause::Outdated);
    }
    let pod = outdated.iter().find(|pod| pod.ordinal == leader.ordinal)?;
    if view.voters().count() == 1 {
        return restart(pod, Cause::OnlyMember);
    }
    // It would not be heard, and whoever is asked to end hands over by itself, if it can.
    if observed.refusing.contains(&leader.ordinal) && !planted("a handover waits for a lost token")
    {
        return restart(pod, Cause::Outdated);
    }
    Some(hand_over(observed, view, leader))
}

/// The leader is the last: it hands over first. All followers are ready and updated by then.
fn hand_over(observed: &Observed, view: &View, leader: &Member) -> Proposal {
    let updated = |member: &&Member| {
        member.ordinal != leader.ordinal
            && view.serving.contains(&member.ordinal)
            && view.caught_up(&member.member_id)
    };
    let target = observed.members.iter().filter(updated).min_by_key(|member| member.ordinal);
    let next = match target {
        Some(target) => Next::Act(Action::TransferLeader {
            leader: leader.ordinal,
            ensemble_id: leader.ensemble_id.clone().unwrap_or_default(),
            target: target.member_id.clone(),
        }),
        None => Next::Blocked(Block::NobodyUpdatedTakesOver),
    };
    Proposal { operation: Operation::Rollout, step: Step::HandOver, next }
}

/// What is waited for before one member more is taken away for a moment; `None` when all is well.
fn hold(observed: &Observed, names: &Names, view: &View) -> Option<(Step, Next)> {
    let wait = |step: Step| Some((step, Next::Wait));
    if let Some(pod) = observed.pods.iter().find(|pod| pod.deleting) {
        return Some(waiting::termination(observed, pod));
    }
    let beside = planted("a disruption beside an absent member");
    // What the newest template does comes first: it is what the others wait for.
    let mut ordinals: Vec<i32> = (0..observed.size()).filter(|_| !beside).collect();
    ordinals
        .sort_by_key(|ordinal| observed.pod(*ordinal).is_some_and(|pod| observed.outdated(pod)));
    for ordinal in ordinals {
        match observed.pod(ordinal) {
            None => return Some(waiting::creation(observed, names.pod(ordinal))),
            Some(pod) if !pod.ready => return Some(not_back(observed, pod)),
            Some(_) => {}
        }
    }
    if !view.healthy() {
        let pods = reach::cut_off(observed, names);
        let block = if pods.is_empty() { Block::NoQuorum } else { Block::CutOff { pods } };
        return Some((Step::AwaitQuorum, Next::Blocked(block)));
    }
    if let Some(trouble) = trouble::any_not_understood(observed, names) {
        return Some((Step::AwaitVoters, Next::Blocked(Block::Pods(vec![trouble]))));
    }
    if let Some(strange) = view.strange() {
        let block = Block::VoteNotUnderstood(strange);
        return Some((Step::AwaitVoters, Next::Blocked(block)));
    }
    let whole = view.whole() || beside || planted("a roll does not wait for voters");
    if !whole || view.changing() {
        return wait(Step::AwaitVoters);
    }
    let seconds = i64::from(observed.ensemble.spec.rollout.min_stable_seconds);
    let young = |pod: &&Pod| observed.now - pod.ready_since(observed.now) < seconds;
    if let Some(pod) = observed.pods.iter().find(young) {
        return wait(Step::AwaitStable { pod: pod.name.clone(), seconds });
    }
    let voters = view.voters().count();
    if voters > 1 && !quorum::spares_one(voters, view.serving.len()) {
        return wait(Step::AwaitSpare);
    }
    None
}

/// A member that was restarted is not back: after a while, or when Kubernetes says why, that is
/// reported; the others are left alone in any case.
fn not_back(observed: &Observed, pod: &Pod) -> (Step, Next) {
    let late = |pod, seconds| PodTrouble::NotReady { pod, seconds };
    let next = match waiting::in_vain(observed, pod, late) {
        Some(trouble) => Next::Blocked(Block::Pods(vec![trouble])),
        None => Next::Wait,
    };
    (Step::AwaitReady { pod: pod.name.clone() }, next)
}
