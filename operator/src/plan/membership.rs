//! Growing, shrinking and replacing, through the consensus group: pods come first and go last, new
//! members are learners until they have caught up, and one joint change makes the voters what they
//! should be. The voters are odd before and after.

use std::collections::BTreeSet;

use quorate_crds::ensemble::AutoReplace;

use super::action::{Action, Proposal};
use super::formation::describe;
use super::names;
use super::observed::{ConfigMember, Member, NewMember, Observed};
use super::quorum;
use super::view::View;
use super::waiting;

/// Proposes the next step towards the wanted members.
pub fn propose(observed: &Observed, view: &View, proposal: &mut Proposal) {
    let Some(leader) = &view.leader else {
        return;
    };
    if proposal.busy() || !observed.applied() {
        return;
    }
    if let Some(stranger) = stranger(observed, leader) {
        proposal.step(kind(observed, view), "joining members");
        proposal.block(stranger);
        return;
    }
    if view.changing() {
        proposal.step(kind(observed, view), "committing the change of the membership");
        return;
    }
    let wanted = observed.wanted();
    if observed.size() < wanted {
        proposal.step("ScaleUp", "adding pods");
        return;
    }
    let target = Target::of(observed, view, leader);
    if !target.join.is_empty() {
        join(observed, leader, target, proposal);
        return;
    }
    if target.complete(wanted) && target.voters != voters(view) {
        vote(observed, view, leader, &target, proposal);
        return;
    }
    let leftovers = target.leftovers(view);
    if !leftovers.is_empty() {
        proposal.step(kind(observed, view), "removing members that are not wanted");
        proposal.action = Some(Action::RemoveLearners {
            leader: leader.ordinal,
            ensemble_id: ensemble_id(leader),
            expected: leader.config.version,
            members: leftovers,
        });
        return;
    }
    if !target.missing.is_empty() {
        waiting::answers(observed, kind(observed, view), &target.missing, proposal);
        return;
    }
    shrink(observed, view, proposal);
    if !proposal.busy()
        && let Some(ordinal) = target.barred.first()
    {
        proposal.step("Replace", "replacing a lost disk");
        proposal.block(format!(
            "{} has lost its disk, and spec.membership.autoReplace is Never: set it to DiskLost \
             to have it replaced",
            names::pod(observed, *ordinal)
        ));
    }
}

/// Which member each wanted ordinal should have.
#[derive(Debug, Default)]
struct Target {
    /// Those that are in the configuration.
    voters: BTreeSet<String>,
    /// Those that are not.
    join: Vec<NewMember>,
    /// Ordinals without any.
    missing: Vec<i32>,
    /// Ordinals whose member may not be replaced.
    barred: Vec<i32>,
}

impl Target {
    fn of(observed: &Observed, view: &View, leader: &Member) -> Target {
        let mut target = Target::default();
        let may_replace = observed.ensemble.spec.membership.auto_replace != AutoReplace::Never;
        for ordinal in 0..observed.wanted() {
            let configured = |id: &str| view.members().iter().any(|it| it.member_id == id);
            let incumbent = view.voters().find(|voter| voter.server_id == ordinal + 1);
            // A pod that is going does not say what its ordinal's disk will be.
            let going = observed.pod(ordinal).is_none_or(|pod| pod.deleting);
            let answering = observed.member(ordinal).filter(|member| {
                !going && !member.member_id.is_empty() && member.server_id == ordinal + 1
            });
            match answering {
                Some(member) if configured(&member.member_id) => {
                    target.voters.insert(member.member_id.clone());
                }
                Some(member) if fits(leader, member) && (incumbent.is_none() || may_replace) => {
                    target.join.push(describe(observed, member));
                }
                // One that is silent keeps its place; absence is no reason to remove it.
                _ => match incumbent {
                    Some(voter) => {
                        target.voters.insert(voter.member_id.clone());
                        if answering.is_some_and(|member| fits(leader, member)) {
                            target.barred.push(ordinal);
                        }
                    }
                    None => target.missing.push(ordinal),
                },
            }
        }
        target
    }

    fn complete(&self, wanted: i32) -> bool {
        self.voters.len() == wanted as usize
    }

    /// Members without a vote that have no place.
    fn leftovers(&self, view: &View) -> Vec<String> {
        let stays = |id: &String| self.voters.contains(id);
        view.members()
            .iter()
            .filter(|it| !it.votes() && it.role != "Observer" && !stays(&it.member_id))
            .map(|it| it.member_id.clone())
            .collect()
    }
}

/// Whether a member outside the configuration can be taken in: a blank disk, or one that this
/// ensemble has removed before.
fn fits(leader: &Member, member: &Member) -> bool {
    let blank = member.data_state == "Blank" && member.ensemble_id.is_none();
    blank || (member.ensemble_id.is_some() && member.ensemble_id == leader.ensemble_id)
}

/// A disk of another ensemble under one of our names is never taken in, and never wiped.
fn stranger(observed: &Observed, leader: &Member) -> Option<String> {
    let strange = |it: &&Member| it.ensemble_id.is_some() && it.ensemble_id != leader.ensemble_id;
    let member = observed.members.iter().find(strange)?;
    Some(format!(
        "the volume of {} belongs to another ensemble ({}): delete its PersistentVolumeClaim and \
         the pod if that data is not needed",
        names::pod(observed, member.ordinal),
        member.ensemble_id.as_deref().unwrap_or_default(),
    ))
}

fn join(observed: &Observed, leader: &Member, target: Target, proposal: &mut Proposal) {
    let replaces = target.join.iter().any(|new| {
        leader.config.members.iter().any(|it| it.votes() && it.server_id == new.server_id)
    });
    let names: Vec<String> =
        target.join.iter().map(|new| names::pod(observed, new.server_id - 1)).collect();
    let kind = if replaces { "Replace" } else { "ScaleUp" };
    proposal.step(kind, format!("adding {} as learner", names.join(", ")));
    proposal.action = Some(Action::AddLearners {
        leader: leader.ordinal,
        ensemble_id: ensemble_id(leader),
        expected: leader.config.version,
        members: target.join,
    });
}

/// One joint change, once all of the new voters are in step; the leader is one of them.
fn vote(
    observed: &Observed,
    view: &View,
    leader: &Member,
    target: &Target,
    proposal: &mut Proposal,
) {
    let kind = kind(observed, view);
    let ordinal = |id: &str| {
        view.members().iter().find(|it| it.member_id == id).map_or(0, |it| it.server_id - 1)
    };
    let newcomer = |id: &&String| !view.voters().any(|voter| voter.member_id == **id);
    let behind = target.voters.iter().filter(newcomer).find(|id| !view.caught_up(id));
    if let Some(id) = behind {
        let name = names::pod(observed, ordinal(id));
        proposal.step(kind, format!("waiting for {name} to catch up"));
        return;
    }
    let ready = target.voters.iter().filter(|id| view.caught_up(id)).count();
    if ready < quorum::majority(target.voters.len()) {
        proposal.step(kind, "changing the voters");
        proposal.block(format!(
            "only {ready} of the {} wanted voters are in step: bring the others up first",
            target.voters.len()
        ));
        return;
    }
    let mut next = target.voters.clone();
    if !next.contains(&leader.member_id) {
        let able = |id: &&String| {
            view.caught_up(id) && view.serving.contains(&ordinal(id)) && !newcomer(id)
        };
        proposal.step(kind, "moving the leader to a member that stays");
        let heir = target.voters.iter().filter(able).min_by_key(|id| ordinal(id));
        if let Some(to) = heir {
            proposal.action = Some(Action::TransferLeader {
                leader: leader.ordinal,
                ensemble_id: ensemble_id(leader),
                target: to.clone(),
            });
            return;
        }
        // Whoever stays may be new, in the place of a lost disk: only a voter can lead, so it
        // takes its vote first, while those that go still have theirs.
        next = replaced(view, target);
        if next == voters(view) {
            proposal.block("no member that stays is in step with the leader");
            return;
        }
    }
    proposal.step(kind, "changing the voters");
    // The mark of the configuration goes first, with the objects of this pass.
    if observed.stateful_set.as_ref().and_then(|set| set.configuration.clone()) != view.seen() {
        return;
    }
    proposal.action = Some(Action::ChangeVoters {
        leader: leader.ordinal,
        ensemble_id: ensemble_id(leader),
        expected: leader.config.version,
        voters: next.into_iter().collect(),
    });
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

/// The pods go last, when no member needs them.
fn shrink(observed: &Observed, view: &View, proposal: &mut Proposal) {
    let Some(set) = observed.stateful_set.as_ref().filter(|set| set.replicas > observed.wanted())
    else {
        return;
    };
    proposal.step("ScaleDown", "removing pods");
    if view.members().iter().all(|member| member.server_id <= observed.wanted()) {
        proposal.action = Some(Action::LowerReplicas {
            name: names::ensemble(observed),
            uid: set.uid.clone(),
            resource_version: set.resource_version.clone(),
            replicas: observed.wanted(),
        });
    }
}

fn voters(view: &View) -> BTreeSet<String> {
    view.voters().map(|voter| voter.member_id.clone()).collect()
}

fn ensemble_id(leader: &Member) -> String {
    leader.ensemble_id.clone().unwrap_or_default()
}

/// What the way from the present members to the wanted ones is called.
fn kind(observed: &Observed, view: &View) -> &'static str {
    let (have, wanted) = (view.voters().count() as i32, observed.wanted());
    match have.cmp(&wanted) {
        std::cmp::Ordering::Less => "ScaleUp",
        std::cmp::Ordering::Greater => "ScaleDown",
        std::cmp::Ordering::Equal if observed.size() > wanted => "ScaleDown",
        std::cmp::Ordering::Equal => "Replace",
    }
}
