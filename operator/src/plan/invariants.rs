//! What no action may break, checked once more and on its own, whoever proposed it.

use std::collections::BTreeSet;

use super::action::Action;
use super::formation;
use super::observed::{Formation, Member, Observed};
use super::quorum;
use super::rollout;
use super::turn;
use super::view::View;

/// Whether the action keeps them all; `Err` names the one that it would break.
///
/// # Errors
/// In one line, for the status.
pub fn check(observed: &Observed, view: &View, action: &Action) -> Result<(), String> {
    ensure(!observed.ensemble.spec.paused, "nothing is done while paused")?;
    ensure(observed.ensemble.metadata.deletion_timestamp.is_none(), "the ensemble is going")?;
    let restarts = matches!(
        action,
        Action::GiveTurn { .. } | Action::TakeTurn { .. } | Action::DeletePod { .. }
    );
    let safe = matches!(action, Action::CreateToken { .. } | Action::DeleteConfigMap { .. });
    ensure(
        restarts || safe || turn::holder(observed, None).is_none(),
        "a pod has the turn to be restarted",
    )?;
    match action {
        Action::CreateToken { .. } | Action::DeleteConfigMap { .. } | Action::TakeTurn { .. } => {
            Ok(())
        }
        Action::CreateFormation { formation, .. } => may_record(observed, formation),
        Action::Form { ordinal, formation } => may_form(observed, *ordinal, formation),
        Action::AddLearners { expected, .. } => settled(view, *expected).map(drop),
        Action::RemoveLearners { expected, members, .. } => {
            settled(view, *expected)?;
            let votes = |id: &String| view.voters().any(|voter| voter.member_id == *id);
            ensure(!members.iter().any(votes), "a voter is not removed as a learner")
        }
        Action::ChangeVoters { expected, voters, .. } => may_vote(view, *expected, voters),
        Action::TransferLeader { target, .. } => {
            let votes = view.voters().any(|voter| voter.member_id == *target);
            ensure(votes && view.caught_up(target), "only a voter in step is handed leadership")
        }
        Action::LowerReplicas { uid, resource_version, replicas, .. } => {
            ensure(view.healthy() && !view.changing(), "the membership is not settled")?;
            let same = observed
                .stateful_set
                .as_ref()
                .is_some_and(|set| set.uid == *uid && set.resource_version == *resource_version);
            ensure(same && observed.applied(), "another StatefulSet was meant")?;
            let free = view.members().iter().all(|member| member.server_id <= *replicas);
            ensure(free, "a pod is not removed while it is a member")
        }
        Action::GiveTurn { uid, .. } => may_delete(observed, view, uid, false),
        Action::DeletePod { uid, .. } => may_delete(observed, view, uid, true),
    }
}

fn ensure(holds: bool, otherwise: &str) -> Result<(), String> {
    if holds { Ok(()) } else { Err(otherwise.to_owned()) }
}

/// One formation, and only of blank disks.
fn may_record(observed: &Observed, formation: &Formation) -> Result<(), String> {
    ensure(observed.formation.is_none(), "the formation is recorded already")?;
    nobody_knows(observed)?;
    let size = observed.size();
    let blanks = formation::blanks(observed, size);
    ensure(size % 2 == 1, "an even number of members is not formed")?;
    ensure(blanks.as_ref() == Some(&formation.members), "not every member is blank")
}

fn may_form(observed: &Observed, ordinal: i32, formation: &Formation) -> Result<(), String> {
    ensure(observed.formation.as_ref() == Some(formation), "only what was recorded is formed")?;
    nobody_knows(observed)?;
    let seed = observed
        .member(ordinal)
        .is_some_and(|member| member.member_id == formation.seed && member.data_state == "Blank");
    ensure(seed, "only the recorded seed forms, and only while it is blank")
}

fn nobody_knows(observed: &Observed) -> Result<(), String> {
    let knows = |member: &Member| member.ensemble_id.is_some();
    ensure(!observed.members.iter().any(knows), "a member knows an ensemble already")
}

/// A settled configuration, of the version that was decided on.
fn settled(view: &View, expected: i64) -> Result<&Member, String> {
    let leader = view.leader.as_ref().ok_or("there is no leader")?;
    ensure(!view.changing(), "another change is under way")?;
    ensure(leader.config.version == expected, "the configuration is another one")?;
    Ok(leader)
}

fn may_vote(view: &View, expected: i64, voters: &[String]) -> Result<(), String> {
    let leader = settled(view, expected)?;
    let distinct: BTreeSet<&String> = voters.iter().collect();
    ensure(distinct.len() == voters.len(), "a voter is named twice")?;
    ensure(voters.len() % 2 == 1, "an even number of voters is never settled on")?;
    ensure(voters.contains(&leader.member_id), "the leader is a voter before and after")?;
    let known = |id: &String| view.members().iter().any(|member| member.member_id == *id);
    ensure(voters.iter().all(known), "only members become voters")?;
    let ready = voters.iter().filter(|id| view.caught_up(id)).count();
    ensure(ready >= quorum::majority(voters.len()), "the new voters would have no quorum")
}

/// One at a time, and never the quorum.
fn may_delete(observed: &Observed, view: &View, uid: &str, delete: bool) -> Result<(), String> {
    let pod = observed.pods.iter().find(|pod| pod.uid == uid).ok_or("that pod is gone")?;
    ensure(observed.outdated(pod), "a pod that is as wanted is not restarted")?;
    ensure(!observed.pods.iter().any(|pod| pod.deleting), "another pod is being restarted")?;
    ensure(turn::holder(observed, Some(pod)).is_none(), "it is another pod's turn")?;
    ensure(pod.turn || !delete, "it is not this pod's turn")?;
    if !rollout::serves(view, pod) {
        return Ok(());
    }
    ensure(view.healthy() && !view.changing(), "the membership is not settled")?;
    let voters = view.voters().count();
    let spared = voters == 1 || quorum::spares_one(voters, view.serving.len());
    ensure(spared, "the quorum needs this member")
}
