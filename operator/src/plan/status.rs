//! The report: worked out anew from what was seen, never a memory. Only the instants of
//! conditions' transitions are carried over.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use k8s_openapi::jiff::Timestamp;
use quorate_crds::EnsembleStatus;
use quorate_crds::status::{
    Endpoints, LeaderStatus, MemberStatus, OperationStatus, QuorumStatus, conditions,
};

use super::action::Proposal;
use super::names::{self, CLIENT_PORT};
use super::observed::Observed;
use super::quorum;
use super::view::View;

/// What to report.
pub fn report(observed: &Observed, view: &View, proposal: &Proposal) -> EnsembleStatus {
    let known = observed.members.iter().find_map(|member| member.ensemble_id.clone());
    let before = observed.ensemble.status.as_ref();
    let mut status = EnsembleStatus {
        observed_generation: observed.ensemble.metadata.generation,
        replicas: observed.size(),
        ready_replicas: observed.pods.iter().filter(|pod| pod.ready).count() as i32,
        selector: Some(names::selector_text(observed)),
        ensemble_id: known.or_else(|| before.and_then(|status| status.ensemble_id.clone())),
        config_version: view.leader.as_ref().map(|leader| leader.config.version),
        leader: leader(observed, view),
        quorum: quorum_status(view),
        members: members(observed, view),
        operation: proposal.operation.as_ref().map(|(kind, step)| OperationStatus {
            kind: (*kind).to_owned(),
            step: step.clone(),
            blocked_by: proposal.blocked.clone(),
        }),
        endpoints: Some(endpoints(observed)),
        image: Some(observed.image()),
        conditions: Vec::new(),
    };
    let ready = ready(observed, view, proposal, &status);
    status.conditions = vec![
        condition(observed, conditions::READY, ready),
        condition(observed, conditions::QUORUM, quorum_available(observed, view)),
        condition(observed, conditions::MEMBERSHIP, membership(observed, view, proposal)),
        condition(observed, conditions::IN_SYNC, in_sync(observed, proposal)),
        condition(observed, conditions::PROGRESSING, progressing(proposal)),
        condition(observed, conditions::PAUSED, paused(observed)),
    ];
    status
}

/// Whether all is as wanted.
pub fn settled(status: &EnsembleStatus) -> bool {
    status.operation.is_none() && status.conditions.iter().any(|it| holds(it, conditions::READY))
}

/// Whether this is that condition, and it is true.
pub fn holds(condition: &Condition, kind: &str) -> bool {
    condition.type_ == kind && condition.status == "True"
}

/// A condition's status, reason and message.
type Verdict = (&'static str, &'static str, String);

fn yes(reason: &'static str, message: impl Into<String>) -> Verdict {
    ("True", reason, message.into())
}

fn no(reason: &'static str, message: impl Into<String>) -> Verdict {
    ("False", reason, message.into())
}

fn unknown(reason: &'static str, message: impl Into<String>) -> Verdict {
    ("Unknown", reason, message.into())
}

/// A condition; its transition is now, unless its status is what it was.
fn condition(observed: &Observed, kind: &str, (status, reason, message): Verdict) -> Condition {
    let before = observed.ensemble.status.as_ref();
    let same = |it: &&Condition| it.type_ == kind && it.status == status;
    let last = before.and_then(|before| before.conditions.iter().find(same));
    let now = || Time(Timestamp::from_second(observed.now).unwrap_or(Timestamp::UNIX_EPOCH));
    Condition {
        type_: kind.to_owned(),
        status: status.to_owned(),
        reason: reason.to_owned(),
        message,
        observed_generation: observed.ensemble.metadata.generation,
        last_transition_time: last.map_or_else(now, |it| it.last_transition_time.clone()),
    }
}

fn ready(
    observed: &Observed,
    view: &View,
    proposal: &Proposal,
    status: &EnsembleStatus,
) -> Verdict {
    let wanted = observed.wanted();
    if let (None, Some(why)) = (&proposal.operation, &proposal.blocked) {
        return no("Blocked", why);
    }
    if !view.healthy() {
        let forming = proposal.operation.as_ref().filter(|(kind, _)| *kind == "Create");
        return match forming {
            Some((_, step)) => no("Forming", proposal.blocked.as_ref().unwrap_or(step)),
            None => no("NoQuorum", no_quorum(observed)),
        };
    }
    let voters = view.voters().count() as i32;
    let serving = view.serving.len() as i32;
    if voters == wanted && serving == wanted && status.ready_replicas >= wanted {
        return yes("EnsembleServing", format!("all {wanted} members serve"));
    }
    let message = format!("{serving} of {voters} voters serve; {wanted} are wanted");
    no("MembersNotReady", because(message, &troubles(observed)))
}

fn quorum_available(observed: &Observed, view: &View) -> Verdict {
    match &view.leader {
        Some(leader) => {
            yes("LeaderElected", format!("{} leads", names::pod(observed, leader.ordinal)))
        }
        None if observed.members.is_empty() && !observed.pods.is_empty() => {
            unknown("MembersSilent", no_quorum(observed))
        }
        None => no("NoLeader", no_quorum(observed)),
    }
}

/// Why there is no quorum, as far as Kubernetes tells.
fn no_quorum(observed: &Observed) -> String {
    let troubles = troubles(observed);
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
fn troubles(observed: &Observed) -> Vec<String> {
    let state = |ordinal: i32| {
        let name = names::pod(observed, ordinal);
        let Some(pod) = observed.pod(ordinal) else {
            return Some(format!("{name} has no pod"));
        };
        match (&pod.trouble, observed.member(ordinal)) {
            (Some(trouble), _) => Some(format!("{name}: {trouble}")),
            (None, None) => Some(format!("{name} does not answer")),
            (None, Some(member)) if member.data_state == "Blank" => {
                Some(format!("{name} has a blank disk"))
            }
            (None, Some(_)) => None,
        }
    };
    (0..observed.size()).filter_map(state).collect()
}

fn membership(observed: &Observed, view: &View, proposal: &Proposal) -> Verdict {
    let Some(leader) = &view.leader else {
        return unknown("NoLeader", "only a leader can tell the membership");
    };
    let wanted = observed.wanted();
    let exact = leader.config.members.len() == wanted as usize
        && view.voters().count() == wanted as usize
        && leader.config.members.iter().all(|member| member.server_id <= wanted);
    let replaces = matches!(proposal.operation, Some(("Replace", _)));
    match &proposal.operation {
        _ if exact && !replaces && !view.changing() && observed.size() == wanted => {
            yes("Converged", format!("the {wanted} voters are the wanted ones"))
        }
        Some((kind, step)) if *kind != "Rollout" => {
            no(kind, proposal.blocked.as_ref().unwrap_or(step))
        }
        _ => no("Changing", "the membership is not the wanted one yet"),
    }
}

fn in_sync(observed: &Observed, proposal: &Proposal) -> Verdict {
    let Some(set) = observed.stateful_set.as_ref().filter(|set| set.settled) else {
        return unknown("NotApplied", "the StatefulSet is not up to date yet");
    };
    let outdated = observed.pods.iter().filter(|pod| observed.outdated(pod)).count();
    if outdated == 0 && observed.applied() {
        let size = observed.ensemble.spec.storage.size.0.as_str();
        let claimed = set.claims.as_ref().and_then(|claims| {
            claims[0]["spec"]["resources"]["requests"]["storage"].as_str().map(str::to_owned)
        });
        return match claimed {
            Some(claimed) if claimed != size => no(
                "StorageSizeDiffers",
                format!(
                    "volumes are made with {claimed}, not {size}: enlarge the \
                     PersistentVolumeClaims with kubectl; this version does not do it"
                ),
            ),
            _ => yes("UpToDate", "every member runs the wanted image and configuration"),
        };
    }
    let reason = match (&proposal.operation, &proposal.blocked) {
        (Some(("Rollout", _)), Some(_)) => "RolloutBlocked",
        _ => "RollingOut",
    };
    let message = match &proposal.blocked {
        Some(why) => format!("{outdated} members are outdated: {why}"),
        None => format!("{outdated} members are outdated"),
    };
    no(reason, message)
}

fn progressing(proposal: &Proposal) -> Verdict {
    match (&proposal.operation, &proposal.blocked) {
        (Some((kind, _)), Some(why)) => no("Blocked", format!("{kind}: {why}")),
        (Some((kind, step)), None) => yes(kind, step.clone()),
        (None, _) => no("Idle", "nothing is under way"),
    }
}

fn paused(observed: &Observed) -> Verdict {
    if observed.ensemble.spec.paused {
        yes("UserRequested", "spec.paused is true: nothing is changed")
    } else {
        no("NotPaused", "")
    }
}

fn leader(observed: &Observed, view: &View) -> Option<LeaderStatus> {
    view.leader.as_ref().map(|leader| LeaderStatus {
        member: names::pod(observed, leader.ordinal),
        member_id: leader.member_id.clone(),
        term: leader.term,
    })
}

fn quorum_status(view: &View) -> Option<QuorumStatus> {
    view.leader.as_ref()?;
    let voters = view.voters().count();
    let required = quorum::majority(voters);
    let healthy = view.serving.len();
    Some(QuorumStatus {
        voters: voters as i32,
        required: required as i32,
        healthy: healthy as i32,
        tolerance: healthy.saturating_sub(required) as i32,
    })
}

fn members(observed: &Observed, view: &View) -> Vec<MemberStatus> {
    let describe = |ordinal: i32| {
        let pod = observed.pod(ordinal);
        let member = observed.member(ordinal);
        MemberStatus {
            name: names::pod(observed, ordinal),
            member_id: member.map(|member| member.member_id.clone()),
            role: member.map_or_else(|| "Unknown".to_owned(), |member| member.role.clone()),
            ready: pod.is_some_and(|pod| pod.ready) && view.serving.contains(&ordinal),
            updated: pod.is_some_and(|pod| !observed.outdated(pod)),
            version: member.map(|member| member.version.clone()),
        }
    };
    // Without a StatefulSet its size is not known: those that were stay until it is back.
    let before = observed.ensemble.status.as_ref();
    let known = match observed.stateful_set {
        Some(_) => observed.size(),
        None => before.map_or(0, |status| status.members.len() as i32),
    };
    (0..known).map(describe).collect()
}

fn endpoints(observed: &Observed) -> Endpoints {
    let member = |ordinal: i32| names::address(observed, ordinal, CLIENT_PORT);
    let members: Vec<String> = (0..observed.wanted()).map(member).collect();
    Endpoints {
        client: format!(
            "{}.{}.svc:{CLIENT_PORT}",
            names::ensemble(observed),
            names::namespace(observed)
        ),
        members: members.join(","),
    }
}
