//! The ensemble as its leader sees it, confirmed by the others.

use quorate_crds::status::Role;

use super::formed;
use super::member::{ConfigMember, Member, Peer, Strange};
use super::observed::{Observed, Seen};
use super::quorum;
use crate::mutants::planted;

/// A leader that was heard longer ago than this is not believed, in milliseconds.
pub(crate) const FRESH_MS: i64 = 3_000;
/// A member that lacks what the leader had longer ago than this is not caught up, in milliseconds.
pub const BEHIND_MAX_MS: i64 = 2_000;
/// The same in entries, where a leader does not say it in time. Under load there are more on their way.
pub const LAG_MAX: i64 = 100;

/// The view.
#[derive(Clone, Debug, Default)]
pub struct View {
    /// What the leader says; `None` without a believable one.
    pub leader: Option<Member>,
    /// Ordinals of voters that serve under that leader.
    pub serving: Vec<i32>,
    /// Any ensemble that any member or the record knows.
    pub ensemble_id: Option<String>,
    /// How many ordinals the newest configuration in sight reaches to, whoever knows it.
    pub reach: i32,
}

impl View {
    /// Finds the leader that a quorum follows.
    pub fn of(observed: &Observed) -> View {
        let known = observed.members.iter().find_map(|member| member.ensemble_id.clone());
        let record = observed.formation.as_ref().map(|it| it.ensemble_id.clone());
        let mut view =
            View { ensemble_id: known.or(record), reach: reach(observed), ..View::default() };
        let leads = |member: &&Member| {
            member.role == Role::Leader
                && member.understood()
                && (member.leader_contact_ms.is_some_and(|ms| ms <= FRESH_MS)
                    || planted("a leader is heard for ever"))
                && member.leader_id.as_deref() == Some(member.member_id.as_str())
        };
        // A deposed leader may still answer: the newest term wins, and a quorum must agree.
        let Some(leader) = observed.members.iter().filter(leads).max_by_key(|it| it.term) else {
            return view;
        };
        let voters: Vec<&ConfigMember> =
            leader.config.members.iter().filter(|member| member.votes()).collect();
        let follows = |member: &&Member| {
            member.leader_id.as_deref() == Some(leader.member_id.as_str())
                && (member.term == leader.term || planted("followers of any term count"))
                && (member.ready || planted("members that are not ready serve"))
                && member.understood()
                && voters.iter().any(|voter| voter.member_id == member.member_id)
        };
        view.serving = observed.members.iter().filter(follows).map(|it| it.ordinal).collect();
        let confirmed = view.serving.len() >= quorum::majority(voters.len());
        let believed = confirmed || planted("a leader is alone");
        if believed && !outdated(observed, leader) {
            view.reach = leader.config.reach();
            view.leader = Some(leader.clone());
        }
        view
    }

    /// The configuration that was seen, for the mark on the StatefulSet. One that may never be
    /// committed is no reason to disbelieve a later leader that does not have it.
    pub fn seen(&self) -> Option<Seen> {
        let pending = self.changing() && !planted("a change is marked before it is committed");
        let leader = self.leader.as_ref().filter(|_| !pending)?;
        let ensemble_id = leader.ensemble_id.clone()?;
        Some(Seen { ensemble_id, version: leader.config.version })
    }

    /// Whether a quorum follows a leader.
    pub fn healthy(&self) -> bool {
        self.leader.is_some()
    }

    /// The configuration's members; none without a leader.
    pub fn members(&self) -> &[ConfigMember] {
        self.leader.as_ref().map_or(&[], |leader| &leader.config.members)
    }

    /// Its voters.
    pub fn voters(&self) -> impl Iterator<Item = &ConfigMember> {
        self.members().iter().filter(|member| member.votes())
    }

    /// A member of the configuration of which this program does not know whether it votes.
    pub fn strange(&self) -> Option<Strange> {
        self.leader.as_ref().and_then(|leader| leader.config.strange())
    }

    /// Whether a change of the membership is between its steps.
    pub fn changing(&self) -> bool {
        self.leader.as_ref().is_some_and(|it| it.config.pending || it.config.joint)
    }

    /// Whether a member is in step with the leader.
    pub fn caught_up(&self, member_id: &str) -> bool {
        let Some(leader) = &self.leader else {
            return false;
        };
        let own = |peer: &Peer| peer.member_id == member_id && peer.connected && near(peer);
        leader.member_id == member_id || leader.peers.iter().any(own)
    }

    /// Whether all voters serve and are in step.
    pub fn whole(&self) -> bool {
        let voters: Vec<&ConfigMember> = self.voters().collect();
        self.healthy()
            && self.serving.len() == voters.len()
            && voters.iter().all(|voter| self.caught_up(&voter.member_id))
    }
}

/// Whether a member has what the leader had a moment ago.
pub(crate) fn near(peer: &Peer) -> bool {
    peer.behind_ms.map_or(peer.lag <= LAG_MAX, |ms| ms <= BEHIND_MAX_MS)
}

/// The newest configuration that is known without a leader, or what is recorded to be the first. A member that goes may have been
/// removed without having been told.
fn reach(observed: &Observed) -> i32 {
    let stays = |it: &&Member| observed.pod(it.ordinal).is_some_and(|pod| !pod.deleting);
    let newest = observed.members.iter().filter(stays).max_by_key(|it| it.config.version);
    newest.map_or(0, |it| it.config.reach()).max(formed::recorded(observed))
}

/// Whether a newer configuration than this leader's has been seen before.
fn outdated(observed: &Observed, leader: &Member) -> bool {
    let mark = observed.stateful_set.as_ref().and_then(|set| set.configuration.as_ref());
    mark.filter(|_| !planted("an old configuration is believed")).is_some_and(|mark| {
        Some(&mark.ensemble_id) == leader.ensemble_id.as_ref()
            && mark.version > leader.config.version
    })
}
