//! The conditions of the report: what is true of the ensemble now, and why. Only the instants of
//! their transitions are carried over.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use k8s_openapi::jiff::Timestamp;
use quorate_crds::EnsembleStatus;
use quorate_crds::conditions::{ConditionReason, ConditionType};
use quorate_crds::ensemble::Follow;
use quorate_crds::quantity;
use quorate_crds::status::Operation;

use super::block::Block;
use super::desired::template::Templates;
use super::names::Names;
use super::observed::Observed;
use super::proposal::Decision;
use super::reach;
use super::trouble;
use super::view::View;

/// All of them.
pub fn of(
    observed: &Observed,
    names: &Names,
    view: &View,
    templates: &Templates,
    decision: &Decision,
) -> Vec<Condition> {
    [
        (ConditionType::Ready, ready(observed, names, view, decision)),
        (ConditionType::QuorumAvailable, quorum_available(observed, names, view)),
        (ConditionType::MembershipConverged, membership(observed, view, decision)),
        (ConditionType::ConfigurationInSync, in_sync(observed, templates, decision)),
        (ConditionType::Reconciling, reconciling(decision)),
        (ConditionType::Stalled, stalled(decision)),
        (ConditionType::Paused, paused(observed)),
    ]
    .map(|(of, it)| observed.stated().condition(&of, it.status, &it.reason, &it.message))
    .into()
}

/// What a condition says of its type.
struct Verdict {
    status: &'static str,
    reason: ConditionReason,
    message: String,
}

fn yes(reason: ConditionReason, message: impl Into<String>) -> Verdict {
    Verdict { status: "True", reason, message: message.into() }
}

fn no(reason: ConditionReason, message: impl Into<String>) -> Verdict {
    Verdict { status: "False", reason, message: message.into() }
}

fn unknown(reason: ConditionReason, message: impl Into<String>) -> Verdict {
    Verdict { status: "Unknown", reason, message: message.into() }
}

/// What conditions are stated of, and when.
#[derive(Clone, Copy, Debug)]
pub struct Stated<'a> {
    /// The report before.
    pub before: Option<&'a EnsembleStatus>,
    /// The generation of the spec.
    pub generation: Option<i64>,
    /// Seconds since the epoch.
    pub now: i64,
}

impl Stated<'_> {
    /// A condition; its transition is now, unless its status is what it was.
    pub fn condition(
        &self,
        of: &ConditionType,
        status: &str,
        reason: &ConditionReason,
        message: &str,
    ) -> Condition {
        let last = self.before.and_then(|before| before.condition(of));
        let last = last.filter(|it| it.status == status);
        let now = || Time(Timestamp::from_second(self.now).unwrap_or(Timestamp::UNIX_EPOCH));
        Condition {
            type_: of.to_string(),
            status: status.to_owned(),
            reason: reason.to_string(),
            message: message.to_owned(),
            observed_generation: self.generation,
            last_transition_time: last.map_or_else(now, |it| it.last_transition_time.clone()),
        }
    }
}

impl Observed {
    /// What the conditions of its report are stated of.
    pub fn stated(&self) -> Stated<'_> {
        Stated {
            before: self.ensemble.status.as_ref(),
            generation: self.ensemble.metadata.generation,
            now: self.now,
        }
    }
}

fn ready(observed: &Observed, names: &Names, view: &View, decision: &Decision) -> Verdict {
    let wanted = observed.wanted();
    if let (None, Some(block)) = (&decision.under_way, &decision.blocked) {
        return no(ConditionReason::Blocked, block.to_string());
    }
    if !view.healthy() {
        return unseen(observed, names).unwrap_or_else(|| match &decision.under_way {
            Some((Operation::Create, _)) => no(ConditionReason::Forming, decision.outlook()),
            _ => no(ConditionReason::NoQuorum, no_quorum(observed, names)),
        });
    }
    let voters = view.voters().count() as i32;
    let serving = view.serving.len() as i32;
    if voters == wanted && serving == wanted && observed.ready() >= wanted {
        return yes(ConditionReason::EnsembleServing, format!("all {wanted} members serve"));
    }
    let message = format!("{serving} of {voters} voters serve; {wanted} are wanted");
    no(ConditionReason::MembersNotReady, because(message, &troubles(observed, names)))
}

fn quorum_available(observed: &Observed, names: &Names, view: &View) -> Verdict {
    if let Some(leader) = &view.leader {
        let message = format!("{} leads", names.pod(leader.ordinal));
        return yes(ConditionReason::LeaderElected, message);
    }
    unseen(observed, names).unwrap_or_else(|| {
        let why = no_quorum(observed, names);
        if observed.members.is_empty() && !observed.pods.is_empty() {
            unknown(ConditionReason::MembersSilent, why)
        } else {
            no(ConditionReason::NoLeader, why)
        }
    })
}

/// Without a leader in sight: whether it is only that members cannot be reached.
fn unseen(observed: &Observed, names: &Names) -> Option<Verdict> {
    let pods = reach::cut_off(observed, names);
    let reason = ConditionReason::OperatorCannotReachMembers;
    (!pods.is_empty()).then(|| unknown(reason, reach::advice(&pods)))
}

/// Why there is no quorum, as far as Kubernetes tells.
fn no_quorum(observed: &Observed, names: &Names) -> String {
    let troubles = troubles(observed, names);
    match (observed.size(), troubles.len()) {
        (0, _) => "there are no members yet".to_owned(),
        (_, 0) => "no leader is known to a quorum; an election may be under way".to_owned(),
        _ => because("no leader is known to a quorum".to_owned(), &troubles),
    }
}

fn because(what: String, whys: &[String]) -> String {
    if whys.is_empty() { what } else { format!("{what}: {}", whys.join("; ")) }
}

/// What keeps members from serving.
fn troubles(observed: &Observed, names: &Names) -> Vec<String> {
    let trouble = |ordinal: i32| {
        let name = names.pod(ordinal);
        let Some(pod) = observed.pod(ordinal) else {
            return Some(format!("{name} has no pod"));
        };
        if let Some(trouble) = &pod.trouble {
            return Some(format!("{name}: {trouble}"));
        }
        let Some(member) = observed.member(ordinal) else {
            return Some(format!("{name} does not answer"));
        };
        if member.blank() {
            return Some(format!("{name} has a blank disk"));
        }
        trouble::not_understood(observed, names, ordinal).map(|it| it.to_string())
    };
    (0..observed.size()).filter_map(trouble).collect()
}

fn membership(observed: &Observed, view: &View, decision: &Decision) -> Verdict {
    let Some(leader) = &view.leader else {
        return unknown(ConditionReason::NoLeader, "only a leader can tell the membership");
    };
    let wanted = observed.wanted();
    let exact = leader.config.members.len() == wanted as usize
        && view.voters().count() == wanted as usize
        && leader.config.members.iter().all(|member| member.server_id <= wanted);
    let replaces = decision.operation() == Some(&Operation::Replace);
    match decision.operation() {
        _ if exact && !replaces && !view.changing() && observed.size() == wanted => {
            let message = format!("the {wanted} voters are the wanted ones");
            yes(ConditionReason::Converged, message)
        }
        Some(Operation::Rollout | Operation::RaiseVersion) | None => {
            no(ConditionReason::Changing, "the membership is not the wanted one yet")
        }
        Some(operation) => no(ConditionReason::Operation(operation.clone()), decision.outlook()),
    }
}

fn in_sync(observed: &Observed, templates: &Templates, decision: &Decision) -> Verdict {
    let Some(set) = observed.stateful_set.as_ref().filter(|set| set.settled) else {
        return unknown(ConditionReason::NotApplied, "the StatefulSet is not up to date yet");
    };
    let outdated = observed.pods.iter().filter(|pod| observed.outdated(pod)).count();
    let (there, all) = (observed.pods.len(), observed.size());
    if outdated == 0 && (there as i32) < all {
        return unknown(ConditionReason::NotApplied, format!("{there} of {all} pods are there"));
    }
    if outdated == 0 && observed.applied() {
        let size = observed.ensemble.spec.storage.size.0.as_str();
        return match set.claimed() {
            Some(claimed) if !quantity::same(claimed, size) => {
                let message = format!(
                    "volumes are made with {claimed}, not {size}: enlarge the \
                     PersistentVolumeClaims with kubectl; this version does not do it"
                );
                no(ConditionReason::StorageSizeDiffers, message)
            }
            _ => {
                let message = "every pod has the wanted image and configuration";
                yes(ConditionReason::UpToDate, format!("{message}{}", newer(observed, templates)))
            }
        };
    }
    let reason = match (decision.operation(), &decision.blocked) {
        (Some(Operation::Rollout), Some(_)) => ConditionReason::RolloutBlocked,
        _ => ConditionReason::RollingOut,
    };
    let message = match &decision.blocked {
        Some(block) => format!("{outdated} members are outdated: {block}"),
        None => format!("{outdated} members are outdated"),
    };
    no(reason, message)
}

/// What this operator would make otherwise, and when it will.
fn newer(observed: &Observed, templates: &Templates) -> String {
    if !templates.behind(observed) {
        return String::new();
    }
    let when = match observed.ensemble.spec.rollout.follow {
        Follow::Pinned => "if spec.rollout.follow is Operator",
        Follow::Operator => "when it is this ensemble's turn",
    };
    let image = templates.newest.reference();
    format!("; this operator would make their pods otherwise, of the image {image}: {when}")
}

fn reconciling(decision: &Decision) -> Verdict {
    match (&decision.under_way, &decision.blocked) {
        (Some(_), Some(_)) => no(ConditionReason::Blocked, decision.outlook()),
        (Some((operation, step)), None) => {
            yes(ConditionReason::Operation(operation.clone()), step.to_string())
        }
        (None, _) => no(ConditionReason::Idle, "nothing is under way"),
    }
}

/// Who has paused it knows what is in the way.
fn stalled(decision: &Decision) -> Verdict {
    match (&decision.under_way, &decision.blocked) {
        (_, None | Some(Block::Paused)) => no(ConditionReason::NothingInTheWay, ""),
        (Some((operation, _)), Some(block)) => {
            yes(ConditionReason::Blocked, format!("{operation}: {block}"))
        }
        (None, Some(block)) => yes(ConditionReason::Blocked, block.to_string()),
    }
}

fn paused(observed: &Observed) -> Verdict {
    if observed.ensemble.spec.paused {
        yes(ConditionReason::UserRequested, "spec.paused is true: nothing is changed")
    } else {
        no(ConditionReason::NotPaused, "")
    }
}
