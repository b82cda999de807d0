//! The report: worked out anew from what was seen, never a memory.

use k8s_openapi::jiff::Timestamp;
use quorate_crds::EnsembleStatus;
use quorate_crds::conditions::ConditionType;
use quorate_crds::status::{
    Endpoints, LeaderStatus, MemberStatus, OperationStatus, QuorumStatus, Role,
};

use super::conditions;
use super::deadline;
use super::desired::template::Templates;
use super::names::{CLIENT_PORT, Names};
use super::observed::Observed;
use super::proposal::Decision;
use super::quorum;
use super::versions;
use super::view::View;

/// What to report.
pub fn report(
    observed: &Observed,
    names: &Names,
    view: &View,
    templates: &Templates,
    decision: &Decision,
) -> EnsembleStatus {
    let known = observed.members.iter().find_map(|member| member.ensemble_id.clone());
    let before = observed.ensemble.status.as_ref();
    EnsembleStatus {
        observed_generation: observed.ensemble.metadata.generation,
        replicas: observed.size(),
        ready_replicas: observed.ready(),
        selector: Some(names.selector_text()),
        ensemble_id: known.or_else(|| before.and_then(|status| status.ensemble_id.clone())),
        config_version: view.leader.as_ref().map(|leader| leader.config.version),
        ensemble_version: versions::current(view)
            .or_else(|| before.and_then(|status| status.ensemble_version)),
        possible_version: versions::possible(view),
        leader: leader(names, view),
        quorum: quorum_status(view),
        members: members(observed, names, view),
        operation: decision.under_way.as_ref().map(|(operation, step)| OperationStatus {
            kind: operation.clone(),
            step: step.to_string(),
            since: since(observed, decision),
            blocked_by: decision.blocked.as_ref().map(ToString::to_string),
        }),
        endpoints: Some(endpoints(observed, names)),
        image: Some(templates.wanted.reference().to_owned()),
        conditions: conditions::of(observed, names, view, templates, decision),
    }
}

fn since(observed: &Observed, decision: &Decision) -> Option<String> {
    let since = Timestamp::from_second(deadline::since(observed, decision)?);
    since.ok().map(|it| it.to_string())
}

/// Whether all is as wanted.
pub fn settled(status: &EnsembleStatus) -> bool {
    status.operation.is_none() && status.holds(&ConditionType::Ready)
}

fn leader(names: &Names, view: &View) -> Option<LeaderStatus> {
    view.leader.as_ref().map(|leader| LeaderStatus {
        member: names.pod(leader.ordinal),
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

fn members(observed: &Observed, names: &Names, view: &View) -> Vec<MemberStatus> {
    let describe = |ordinal: i32| {
        let pod = observed.pod(ordinal);
        let member = observed.member(ordinal);
        MemberStatus {
            name: names.pod(ordinal),
            member_id: member.map(|member| member.member_id.clone()),
            role: member.map_or_else(|| Role::from("Unknown"), |member| member.role.clone()),
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

fn endpoints(observed: &Observed, names: &Names) -> Endpoints {
    let member = |ordinal: i32| names.address(ordinal, CLIENT_PORT);
    let members: Vec<String> = (0..observed.wanted()).map(member).collect();
    Endpoints { client: names.client_address(), members: members.join(",") }
}
