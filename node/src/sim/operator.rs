//! Changes the membership as an operator does: from what the servers say, one idempotent call at a
//! time, never remembering anything.

use super::net::Slot;
use crate::core::input::AdminRequest;
use crate::core::raft::config::{Member, Role};
use crate::core::raft::event::Change;
use crate::core::status::{DataState, RoleName, Status};
use crate::core::types::{EnsembleId, MemberId, ServerId};

/// Where clients read the configuration.
pub(super) const CONFIG: &str = "/zookeeper/config";

/// How a slot appears in configurations.
pub(super) fn member(slot: Slot, id: MemberId, role: Role) -> Member {
    let server = ServerId(slot as u8 + 1);
    Member { id, server, role, peer: address(slot), client: String::new() }
}

/// A slot's peer address.
pub(super) fn address(slot: Slot) -> String {
    format!("n{slot}:2888")
}

/// The next call and whom to make it to, given what each slot that answers says.
pub(super) fn next_call(
    ensemble: EnsembleId,
    desired: usize,
    statuses: &[Option<Status>],
) -> Option<(Slot, AdminRequest)> {
    let leads = |status: &&Status| status.role == RoleName::Leader && status.serving;
    let (leader, view) = statuses
        .iter()
        .enumerate()
        .filter_map(|(slot, status)| status.as_ref().filter(leads).map(|status| (slot, status)))
        .max_by_key(|(_, status)| status.term)?;
    if view.pending || view.config.joint() {
        return None;
    }
    let expected = view.config.index;
    let change = |change| Some((leader, AdminRequest::Change { ensemble, expected, change }));

    // Whoever should be in it: the present incarnation of each desired slot; a slot that does not
    // answer keeps the incarnation that is in the configuration.
    let mut wanted: Vec<(Slot, MemberId)> = Vec::new();
    for (slot, status) in statuses.iter().enumerate().take(desired) {
        let server = ServerId(slot as u8 + 1);
        let known =
            view.config.members.iter().find(|it| it.server == server && it.role == Role::Voter);
        match (status, known) {
            (Some(status), _) if status.data != DataState::Removed => {
                wanted.push((slot, status.member));
            }
            (_, Some(known)) => wanted.push((slot, known.id)),
            _ => {}
        }
    }
    let gone: Vec<MemberId> = view
        .config
        .members
        .iter()
        .filter(|it| it.role != Role::Voter && !wanted.iter().any(|(_, id)| *id == it.id))
        .map(|it| it.id)
        .collect();
    if !gone.is_empty() {
        return change(Change::RemoveLearners(gone));
    }
    let missing: Vec<Member> = wanted
        .iter()
        .filter(|(_, id)| view.config.member(*id).is_none())
        .map(|(slot, id)| member(*slot, *id, Role::Learner))
        .collect();
    if !missing.is_empty() {
        return change(Change::AddLearners(missing));
    }
    let mut voters: Vec<MemberId> = wanted.iter().map(|(_, id)| *id).collect();
    voters.sort();
    let all_answer = wanted.iter().all(|(slot, _)| statuses[*slot].is_some());
    if wanted.len() == desired && all_answer && voters != view.config.voters() {
        return change(Change::Voters(voters));
    }
    // What was removed for good may forget.
    let removed = |status: &Status| {
        status.data == DataState::Removed && view.config.member(status.member).is_none()
    };
    statuses.iter().enumerate().find_map(|(slot, status)| {
        let status = status.as_ref().filter(|status| removed(status))?;
        Some((slot, AdminRequest::Wipe { ensemble, member: status.member }))
    })
}
