//! Growing, shrinking and replacing, through the consensus group: pods come first and go last, new
//! members are learners until they have caught up, and one joint change makes the voters what they
//! should be. The voters are odd before and after.

use std::collections::BTreeSet;

use quorate_crds::status::Operation;

use super::action::Action;
use super::block::Block;
use super::member::{ConfigMember, Member};
use super::names::Names;
use super::observed::Observed;
use super::proposal::{Next, Proposal};
use super::quorum;
use super::step::Step;
use super::target::Target;
use super::view::View;
use super::waiting;
use crate::mutants::planted;

/// The next step towards the wanted members.
pub fn propose(observed: &Observed, names: &Names, view: &View) -> Option<Proposal> {
    let leader = view.leader.as_ref()?;
    if !observed.applied() && !planted("a new spec is not applied first") {
        return None;
    }
    let operation = operation(observed, view);
    let strange = stranger(observed, names, leader);
    if let Some(block) = strange.filter(|_| !planted("a stranger's disk fits")) {
        return Some(Proposal::blocked(operation, Step::JoinMembers, block));
    }
    if view.changing() && !planted("a change of the membership upon another") {
        return Some(Proposal::wait(operation, Step::CommitChange));
    }
    if observed.size() < observed.wanted() {
        return Some(Proposal::wait(Operation::ScaleUp, Step::AddPods));
    }
    let target = Target::of(observed, names, view, leader);
    join(names, leader, &target)
        .or_else(|| vote(observed, names, view, leader, &target))
        .or_else(|| remove(observed, view, leader, &target))
        .or_else(|| awaited(observed, names, view, &target))
        .or_else(|| shrink(observed, names, view))
        .or_else(|| barred(names, &target))
}

/// A disk of another ensemble under one of our names is never taken in, and never wiped.
fn stranger(observed: &Observed, names: &Names, leader: &Member) -> Option<Block> {
    let strange = |it: &&Member| it.ensemble_id.is_some() && it.ensemble_id != leader.ensemble_id;
    let member = observed.members.iter().find(strange)?;
    let ensemble_id = member.ensemble_id.clone().unwrap_or_default();
    Some(Block::VolumeOfAnother { pod: names.pod(member.ordinal), ensemble_id })
}

/// Whoever has a place and is no member yet becomes a learner.
fn join(names: &Names, leader: &Member, target: &Target) -> Option<Proposal> {
    if target.join.is_empty() {
        return None;
    }
    let replaces = target.join.iter().any(|new| {
        leader.config.members.iter().any(|it| it.votes() && it.server_id == new.server_id)
    });
    let operation = if replaces { Operation::Replace } else { Operation::ScaleUp };
    let pods = target.join.iter().map(|new| names.pod(new.server_id - 1)).collect();
    let action = Action::AddLearners {
        leader: leader.ordinal,
        ensemble_id: ensemble_id(leader),
        expected: leader.config.version,
        members: target.join.clone(),
    };
    Some(Proposal::act(operation, Step::AddLearners { pods }, action))
}

/// One joint change, once all of the new voters have caught up; the leader is one of them.
fn vote(
    observed: &Observed,
    names: &Names,
    view: &View,
    leader: &Member,
    target: &Target,
) -> Option<Proposal> {
    if !target.complete(observed.wanted()) || target.voters == voters(view) {
        return None;
    }
    let operation = operation(observed, view);
    let newcomer = |id: &&String| !view.voters().any(|voter| voter.member_id == **id);
    let behind = target.voters.iter().filter(newcomer).find(|id| !view.caught_up(id));
    if let Some(id) = behind.filter(|_| !planted("a learner votes at once")) {
        let pod = names.pod(ordinal(view, id));
        return Some(Proposal::wait(operation, Step::AwaitLearner { pod }));
    }
    let caught_up = target.voters.iter().filter(|id| view.caught_up(id)).count();
    let voters = target.voters.len();
    if caught_up < quorum::majority(voters) {
        let block = Block::TooFewCaughtUp { caught_up, voters };
        return Some(Proposal::blocked(operation, Step::ChangeVoters, block));
    }
    let stays = target.voters.contains(&leader.member_id);
    if stays || planted("a leader leaves without a successor") {
        return Some(change(observed, view, leader, target.voters.clone()));
    }
    Some(move_leader(observed, view, leader, target))
}

/// The leader is none of the wanted voters: one of those that are takes over first.
fn move_leader(observed: &Observed, view: &View, leader: &Member, target: &Target) -> Proposal {
    let operation = operation(observed, view);
    let able = |id: &&String| {
        let votes = view.voters().any(|voter| voter.member_id == **id);
        view.caught_up(id) && view.serving.contains(&ordinal(view, id)) && votes
    };
    let heir = target.voters.iter().filter(able).min_by_key(|id| ordinal(view, id));
    if let Some(to) = heir {
        let action = Action::TransferLeader {
            leader: leader.ordinal,
            ensemble_id: ensemble_id(leader),
            target: to.clone(),
        };
        return Proposal::act(operation, Step::MoveLeader, action);
    }
    // Whoever stays may be new, in the place of a lost disk: only a voter can lead, so it takes its
    // vote first, while those that go still have theirs.
    let next = replaced(view, target);
    if next == voters(view) {
        return Proposal::blocked(operation, Step::MoveLeader, Block::NobodyTakesOver);
    }
    change(observed, view, leader, next)
}

/// The joint change itself.
fn change(observed: &Observed, view: &View, leader: &Member, voters: BTreeSet<String>) -> Proposal {
    let action = Action::ChangeVoters {
        leader: leader.ordinal,
        ensemble_id: ensemble_id(leader),
        expected: leader.config.version,
        voters: voters.into_iter().collect(),
    };
    // The mark of the configuration goes first, with the objects of this reconcile.
    let mark = observed.stateful_set.as_ref().and_then(|set| set.configuration.clone());
    let marked =
        (mark.is_some() && mark == view.seen()) || planted("the mark comes after the change");
    let next = if marked { Next::Act(action) } else { Next::Wait };
    Proposal { operation: operation(observed, view), step: Step::ChangeVoters, next }
}

/// The present voters, each replaced by the newcomer of its ordinal, if there is one.
fn replaced(view: &View, target: &Target) -> BTreeSet<String> {
    let heir = |server_id: i32| {
        let wanted = |it: &&ConfigMember| target.voters.contains(&it.member_id);
        let own = |it: &&ConfigMember| it.server_id == server_id;
        view.members().iter().filter(own).find(wanted)
    };
    view.voters().map(|voter| heir(voter.server_id).unwrap_or(voter).member_id.clone()).collect()
}

/// Learners without a place go.
fn remove(observed: &Observed, view: &View, leader: &Member, target: &Target) -> Option<Proposal> {
    let members = target.leftovers(view);
    if members.is_empty() {
        return None;
    }
    let action = Action::RemoveLearners {
        leader: leader.ordinal,
        ensemble_id: ensemble_id(leader),
        expected: leader.config.version,
        members,
    };
    Some(Proposal::act(operation(observed, view), Step::RemoveLearners, action))
}

/// Ordinals without a member are waited for.
fn awaited(observed: &Observed, names: &Names, view: &View, target: &Target) -> Option<Proposal> {
    if target.missing.is_empty() {
        return None;
    }
    Some(waiting::answers(observed, names, operation(observed, view), &target.missing))
}

/// The pods go last, when no member needs them.
fn shrink(observed: &Observed, names: &Names, view: &View) -> Option<Proposal> {
    let wanted = observed.wanted();
    let set = observed.stateful_set.as_ref().filter(|set| set.replicas > wanted)?;
    let free = view.members().iter().all(|member| member.server_id <= wanted)
        || planted("a pod goes while it has a member");
    let next = if free {
        Next::Act(Action::LowerReplicas {
            name: names.ensemble().to_owned(),
            uid: set.uid.clone(),
            resource_version: set.resource_version.clone(),
            replicas: wanted,
        })
    } else {
        let strange = view.strange();
        strange.map_or(Next::Wait, |strange| Next::Blocked(Block::VoteNotUnderstood(strange)))
    };
    Some(Proposal { operation: Operation::ScaleDown, step: Step::RemovePods, next })
}

/// A lost disk that the spec says to leave alone is told.
fn barred(names: &Names, target: &Target) -> Option<Proposal> {
    let block = Block::DiskLost { pod: names.pod(*target.barred.first()?) };
    Some(Proposal::blocked(Operation::Replace, Step::ReplaceDisk, block))
}

fn ordinal(view: &View, id: &str) -> i32 {
    view.members().iter().find(|it| it.member_id == id).map_or(0, |it| it.server_id - 1)
}

fn voters(view: &View) -> BTreeSet<String> {
    view.voters().map(|voter| voter.member_id.clone()).collect()
}

fn ensemble_id(leader: &Member) -> String {
    leader.ensemble_id.clone().unwrap_or_default()
}

/// What the way from the present members to the wanted ones is called.
fn operation(observed: &Observed, view: &View) -> Operation {
    let (have, wanted) = (view.voters().count() as i32, observed.wanted());
    match have.cmp(&wanted) {
        std::cmp::Ordering::Less => Operation::ScaleUp,
        std::cmp::Ordering::Greater => Operation::ScaleDown,
        std::cmp::Ordering::Equal if observed.size() > wanted => Operation::ScaleDown,
        std::cmp::Ordering::Equal => Operation::Replace,
    }
}
