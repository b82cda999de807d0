//! Waiting for members: for whom, and when it is told that this is in vain.

use quorate_crds::status::Operation;

use super::block::Block;
use super::names::Names;
use super::observed::{Observed, Pod};
use super::proposal::{Next, Proposal};
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
    let absent = ordinals.iter().copied().filter(|ordinal| observed.pod(*ordinal).is_none());
    let absent = not_made(observed, names.pods(&absent.collect::<Vec<_>>()));
    let troubles: Vec<PodTrouble> =
        absent.into_iter().chain(ordinals.iter().filter_map(trouble)).collect();
    if troubles.is_empty() {
        Proposal::wait(operation, step)
    } else {
        Proposal::blocked(operation, step, Block::Pods(troubles))
    }
}

/// How long a pod that is deleted may take after its grace period before that is told, in seconds.
/// Only its node can say that its processes have ended, so one whose node is gone stays for ever.
const GOING_MAX: i64 = 60;

/// A pod that is going is waited for, and named with its node if it does not go.
pub fn termination(observed: &Observed, pod: &Pod) -> (Step, Next) {
    let next = match does_not_go(observed, pod) {
        Some(trouble) => Next::Blocked(Block::Pods(vec![trouble])),
        None => Next::Wait,
    };
    (Step::AwaitTermination { pod: pod.name.clone() }, next)
}

fn does_not_go(observed: &Observed, pod: &Pod) -> Option<PodTrouble> {
    let late = pod.gone_by.is_some_and(|by| observed.now - by > GOING_MAX);
    let (name, node) = (pod.name.clone(), pod.node.clone());
    late.then_some(PodTrouble::DoesNotGo { pod: name, node, seconds: GOING_MAX })
}

/// A pod that is to be made is waited for, and Kubernetes may say why it is not.
pub fn creation(observed: &Observed, pod: String) -> (Step, Next) {
    let next = match not_made(observed, vec![pod.clone()]) {
        Some(trouble) => Next::Blocked(Block::Pods(vec![trouble])),
        None => Next::Wait,
    };
    (Step::AwaitCreation { pod }, next)
}

fn not_made(observed: &Observed, pods: Vec<String>) -> Option<PodTrouble> {
    let why = observed.stateful_set.as_ref()?.said.clone()?;
    (!pods.is_empty()).then_some(PodTrouble::NotMade { pods, why })
}

/// Why a pod is waited for in vain: Kubernetes says so, or it has taken too long, which is then
/// called `otherwise`.
pub fn in_vain(
    observed: &Observed,
    pod: &Pod,
    otherwise: fn(String, i64) -> PodTrouble,
) -> Option<PodTrouble> {
    if let Some(trouble) = does_not_go(observed, pod) {
        return Some(trouble);
    }
    let since = observed.now - pod.ready_changed.max(pod.created);
    let patience = i64::from(observed.ensemble.spec.rollout.member_timeout_seconds);
    let name = pod.name.clone();
    match pod.trouble.as_ref().or(pod.said.as_ref()) {
        Some(why) => Some(PodTrouble::DoesNotStart { pod: name, why: why.clone() }),
        None if since > patience => Some(otherwise(name, patience)),
        None => None,
    }
}
