//! Raising the ensemble's version: whose rules hold, and which formats are written. It is the last
//! step of an upgrade and cannot be taken back: before it the previous image still reads everything
//! that is on the disks, after it that image refuses. So it comes when all members run what is
//! wanted and have been stable for as long as the spec says, and only while nothing is in the way.

use quorate_crds::ensemble::RaiseVersion;
use quorate_crds::status::Operation;

use super::action::Action;
use super::observed::{Observed, Pod};
use super::proposal::Proposal;
use super::step::Step;
use super::view::View;

/// The ensemble's version, as its leader says it; `None` without a leader, and of one that knows
/// of no versions yet.
pub fn current(view: &View) -> Option<i32> {
    view.leader.as_ref()?.ensemble_version
}

/// The newest version that every member of the configuration knows; `None` while one of them has
/// not said so.
pub fn possible(view: &View) -> Option<i32> {
    let leader = view.leader.as_ref()?;
    let known = |id: &String| {
        if *id == leader.member_id {
            return leader.newest_version;
        }
        leader.peers.iter().find(|peer| peer.member_id == *id)?.newest_version
    };
    let all: Option<Vec<i32>> = view.members().iter().map(|it| known(&it.member_id)).collect();
    all?.into_iter().min()
}

/// The raise, once it is due.
pub fn propose(observed: &Observed, view: &View) -> Option<Proposal> {
    if due_in(observed, view)? > 0 {
        return None;
    }
    let leader = view.leader.as_ref()?;
    let version = possible(view)?;
    let action = Action::RaiseVersion {
        leader: leader.ordinal,
        ensemble_id: leader.ensemble_id.clone().unwrap_or_default(),
        expected: leader.config.version,
        version,
    };
    Some(Proposal::act(Operation::RaiseVersion, Step::RaiseVersion { version }, action))
}

/// Seconds until the version is to be raised if all stays as it is; `None` while there is nothing
/// to raise, or something is not as it should be.
pub fn due_in(observed: &Observed, view: &View) -> Option<i64> {
    let rollout = &observed.ensemble.spec.rollout;
    if rollout.raise_version == RaiseVersion::Manual || possible(view)? <= current(view)? {
        return None;
    }
    let since = stable_since(observed, view)?;
    let patience = i64::from(rollout.raise_version_after_seconds);
    Some((since + patience - observed.now).max(0))
}

/// When the last member became ready, if all of the wanted ones serve, are caught up and run what
/// the spec says.
pub fn stable_since(observed: &Observed, view: &View) -> Option<i64> {
    let set = observed.stateful_set.as_ref().filter(|set| set.settled)?;
    let sized = set.replicas == observed.wanted() && observed.pods.len() as i32 == set.replicas;
    let wanted = |pod: &Pod| pod.ready && !pod.deleting && !observed.outdated(pod);
    let all = view.whole() && sized && observed.applied() && observed.pods.iter().all(wanted);
    if !all {
        return None;
    }
    observed.pods.iter().map(|pod| pod.ready_changed.max(pod.created)).max()
}
