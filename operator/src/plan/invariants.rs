//! What no action may break, checked once more and on its own, whoever proposed it.

use std::collections::BTreeSet;

use super::action::Action;
use super::broken::Broken;
use super::claims;
use super::formation;
use super::formed;
use super::member::{DataState, Member};
use super::names::Names;
use super::observed::{Claim, Formation, Observed};
use super::quorum;
use super::repair;
use super::rollout;
use super::trouble;
use super::turn;
use super::versions;
use super::view::View;
use crate::mutants::planted;

/// Whether the action keeps them all.
///
/// # Errors
/// Names the one that it would break.
pub fn check(
    observed: &Observed,
    names: &Names,
    view: &View,
    action: &Action,
) -> Result<(), Broken> {
    if planted("invariants are not asked") {
        return Ok(());
    }
    ensure(!observed.ensemble.spec.paused || planted("paused is not paused"), Broken::Paused)?;
    let going = observed.ensemble.metadata.deletion_timestamp.is_some();
    ensure(!going, Broken::EnsembleGoing)?;
    let safe = matches!(
        action,
        Action::CreateToken { .. }
            | Action::DeleteConfigMap { .. }
            | Action::Adopt { .. }
            | Action::AdjustClaim { .. }
            | Action::DeleteClaim { .. }
    );
    let free = turn::holder(observed, None).is_none();
    ensure(action.restarts() || safe || free, Broken::TurnHeld)?;
    match action {
        Action::CreateToken { .. }
        | Action::DeleteConfigMap { .. }
        | Action::Adopt { .. }
        | Action::AdjustClaim { .. }
        | Action::TakeTurn { .. } => Ok(()),
        Action::DeleteClaim { uid, .. } => {
            let mut claims = observed.claims.iter().flatten();
            let departed = |claim: &Claim| claims::departed(observed, names, view, claim);
            let departed = claims.find(|it| it.uid == *uid).is_some_and(departed);
            ensure(departed, Broken::ClaimNeeded)
        }
        Action::CreateFormation { formation, .. } => may_record(observed, names, formation),
        Action::Form { ordinal, formation } => may_form(observed, names, *ordinal, formation),
        Action::AddLearners { expected, .. } => settled(observed, names, view, *expected).map(drop),
        Action::RemoveLearners { expected, members, .. } => {
            settled(observed, names, view, *expected)?;
            let votes = |id: &String| view.voters().any(|voter| voter.member_id == *id);
            ensure(!members.iter().any(votes), Broken::VoterIsNoLearner)
        }
        Action::ChangeVoters { expected, voters, .. } => {
            may_vote(view, settled(observed, names, view, *expected)?, voters)
        }
        Action::TransferLeader { target, .. } => {
            let votes = view.voters().any(|voter| voter.member_id == *target);
            ensure(votes && view.caught_up(target), Broken::TargetUnfit)
        }
        Action::RaiseVersion { expected, version, .. } => {
            settled(observed, names, view, *expected)?;
            let known = versions::possible(view).is_some_and(|possible| *version <= possible);
            ensure(known, Broken::VersionUnknown)?;
            ensure(versions::stable_since(observed, view).is_some(), Broken::NotStable)
        }
        Action::LowerReplicas { uid, resource_version, replicas, .. } => {
            may_lower(observed, view, uid, resource_version, *replicas)
        }
        Action::GiveTurn { uid, .. } => may_restart(observed, view, uid, false),
        Action::DeletePod { uid, .. } => may_restart(observed, view, uid, true),
    }
}

fn ensure(holds: bool, otherwise: Broken) -> Result<(), Broken> {
    if holds { Ok(()) } else { Err(otherwise) }
}

/// One formation, and only of blank disks.
fn may_record(observed: &Observed, names: &Names, formation: &Formation) -> Result<(), Broken> {
    ensure(observed.formation.is_none(), Broken::AlreadyRecorded)?;
    nobody_knows(observed, names)?;
    let size = observed.size();
    let blanks = formation::blanks(observed, names, size);
    ensure(size % 2 == 1, Broken::EvenFormation)?;
    ensure(blanks.as_ref() == Some(&formation.members), Broken::NotBlank)
}

fn may_form(
    observed: &Observed,
    names: &Names,
    ordinal: i32,
    formation: &Formation,
) -> Result<(), Broken> {
    ensure(observed.formation.as_ref() == Some(formation), Broken::NotRecorded)?;
    nobody_knows(observed, names)?;
    let seed = observed.member(ordinal).is_some_and(|member| {
        member.member_id == formation.seed && member.data_state == DataState::Blank
    });
    ensure(seed, Broken::NotTheSeed)?;
    ensure(formed::prepared(observed, formation), Broken::PodsNotSure)
}

/// A member that is not understood may know one.
fn nobody_knows(observed: &Observed, names: &Names) -> Result<(), Broken> {
    let knows = |member: &Member| member.ensemble_id.is_some();
    ensure(!observed.members.iter().any(knows), Broken::EnsembleKnown)?;
    understood(observed, names)
}

fn understood(observed: &Observed, names: &Names) -> Result<(), Broken> {
    match trouble::any_not_understood(observed, names) {
        Some(trouble) => Err(Broken::MemberNotUnderstood(trouble)),
        None => Ok(()),
    }
}

/// Nobody's vote is reckoned with before it is known whether there is one.
fn votes_understood(view: &View) -> Result<(), Broken> {
    match view.strange() {
        Some(strange) => Err(Broken::VoteNotUnderstood(strange)),
        None => Ok(()),
    }
}

/// A settled configuration, of the version that was decided on, and no word in sight that is not
/// understood.
fn settled<'a>(
    observed: &Observed,
    names: &Names,
    view: &'a View,
    expected: i64,
) -> Result<&'a Member, Broken> {
    understood(observed, names)?;
    votes_understood(view)?;
    let leader = view.leader.as_ref().ok_or(Broken::NoLeader)?;
    ensure(!view.changing(), Broken::ChangeUnderWay)?;
    ensure(leader.config.version == expected, Broken::OtherConfiguration)?;
    Ok(leader)
}

fn may_vote(view: &View, leader: &Member, voters: &[String]) -> Result<(), Broken> {
    let distinct: BTreeSet<&String> = voters.iter().collect();
    ensure(distinct.len() == voters.len(), Broken::VoterTwice)?;
    ensure(voters.len() % 2 == 1, Broken::EvenVoters)?;
    ensure(voters.contains(&leader.member_id), Broken::LeaderNoVoter)?;
    let known = |id: &String| view.members().iter().any(|member| member.member_id == *id);
    ensure(voters.iter().all(known), Broken::VoterNoMember)?;
    let ready = voters.iter().filter(|id| view.caught_up(id)).count();
    ensure(ready >= quorum::majority(voters.len()), Broken::NewQuorumBehind)
}

/// Only the StatefulSet as it was seen, and no pod that is wanted, or may be a member.
fn may_lower(
    observed: &Observed,
    view: &View,
    uid: &str,
    resource_version: &str,
    replicas: i32,
) -> Result<(), Broken> {
    let same = observed
        .stateful_set
        .as_ref()
        .is_some_and(|set| set.uid == uid && set.resource_version == resource_version);
    ensure(same && observed.applied(), Broken::OtherStatefulSet)?;
    ensure(replicas >= observed.wanted(), Broken::PodIsWanted)?;
    if formed::unformed(observed) {
        return Ok(());
    }
    ensure(view.healthy() && !view.changing(), Broken::NotSettled)?;
    let free = view.members().iter().all(|member| member.server_id <= replicas);
    ensure(free, Broken::PodIsMember)
}

/// One at a time, and never the quorum.
fn may_restart(observed: &Observed, view: &View, uid: &str, delete: bool) -> Result<(), Broken> {
    let pod = observed.pods.iter().find(|pod| pod.uid == uid).ok_or(Broken::PodGone)?;
    ensure(observed.outdated(pod), Broken::PodAsWanted)?;
    ensure(!observed.pods.iter().any(|pod| pod.deleting), Broken::OtherPodGoing)?;
    ensure(turn::holder(observed, Some(pod)).is_none(), Broken::OtherPodsTurn)?;
    ensure(pod.turn || !delete, Broken::NotItsTurn)?;
    if !rollout::serves(observed, pod) {
        return ensure(repair::replaceable(observed, view, pod), Broken::MayComeBack);
    }
    ensure(view.healthy() && !view.changing(), Broken::NotSettled)?;
    votes_understood(view)?;
    if observed.member(pod.ordinal).is_some_and(|member| !member.understood()) {
        // It was not counted: those that were are a quorum without it.
        return Ok(());
    }
    let voters = view.voters().count();
    let spared = voters == 1 || quorum::spares_one(voters, view.serving.len());
    ensure(spared, Broken::QuorumNeedsIt)
}

#[cfg(test)]
mod tests;
