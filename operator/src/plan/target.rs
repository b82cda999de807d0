//! Which member each wanted ordinal should have, by what is in the configuration and who answers.

use std::collections::BTreeSet;

use quorate_crds::ensemble::AutoReplace;

use super::formation::describe;
use super::member::{Member, Suffrage};
use super::names::Names;
use super::observed::{NewMember, Observed};
use super::view::View;
use crate::mutants::planted;

/// Which member each wanted ordinal should have.
#[derive(Debug, Default)]
pub struct Target {
    /// Those that are in the configuration.
    pub voters: BTreeSet<String>,
    /// Those that are not.
    pub join: Vec<NewMember>,
    /// Ordinals without any.
    pub missing: Vec<i32>,
    /// Ordinals whose member may not be replaced.
    pub barred: Vec<i32>,
}

impl Target {
    /// As the wanted size, the configuration and the answers of the members say.
    pub fn of(observed: &Observed, names: &Names, view: &View, leader: &Member) -> Target {
        let mut target = Target::default();
        let may_replace = observed.ensemble.spec.membership.auto_replace != AutoReplace::Never
            || planted("a lost disk is replaced whatever the spec says");
        for ordinal in 0..observed.wanted() {
            let configured = |id: &str| view.members().iter().any(|it| it.member_id == id);
            let incumbent = view.voters().find(|voter| voter.server_id == ordinal + 1);
            // A pod that is going does not say what its ordinal's disk will be.
            let going = observed.pod(ordinal).is_none_or(|pod| pod.deleting)
                && !planted("a disk that goes is taken in");
            let answering = observed.member(ordinal).filter(|member| {
                !going && !member.member_id.is_empty() && member.server_id == ordinal + 1
            });
            match answering {
                Some(member) if configured(&member.member_id) => {
                    target.voters.insert(member.member_id.clone());
                }
                Some(member) if fits(leader, member) && (incumbent.is_none() || may_replace) => {
                    target.join.push(describe(names, member));
                }
                // One that is silent keeps its place; absence is no reason to remove it.
                None if incumbent.is_some() && planted("an absent member is removed") => {
                    target.missing.push(ordinal);
                }
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

    /// Whether every wanted ordinal has a member.
    pub fn complete(&self, wanted: i32) -> bool {
        self.voters.len() == wanted as usize || planted("an absent member is removed")
    }

    /// Learners that have no place. Observers are somebody else's, and whoever has a role that is not
    /// known here may be.
    pub fn leftovers(&self, view: &View) -> Vec<String> {
        let stays = |id: &String| self.voters.contains(id);
        view.members()
            .iter()
            .filter(|it| it.suffrage == Suffrage::Learner && !stays(&it.member_id))
            .map(|it| it.member_id.clone())
            .collect()
    }
}

/// Whether a member outside the configuration can be taken in: a blank disk, or one that this
/// ensemble has removed before.
fn fits(leader: &Member, member: &Member) -> bool {
    let ours = member.ensemble_id.is_some() && member.ensemble_id == leader.ensemble_id;
    member.understood() && (member.blank() || ours || planted("a stranger's disk fits"))
}
