//! Which configuration a change leads to. Learners come and go by one entry. Voters change by a
//! joint configuration, which needs a majority of both halves, and, when that is committed, the
//! final one. Operators keep the number of voters odd; who changes the members as a whole may have
//! any.

use std::collections::BTreeSet;

use crate::core::raft::config::{Config, Member, Role};
use crate::core::raft::event::{Change, Refusal};
use crate::core::raft::quorum;
use crate::core::types::MemberId;

/// The configuration behind `config` that a change leads to. `caught_up`: who could be counted on
/// at once.
///
/// # Errors
/// Why it must not be.
pub(super) fn next(
    config: &Config,
    change: Change,
    caught_up: impl Fn(MemberId) -> bool,
) -> Result<Config, Refusal> {
    match change {
        Change::AddLearners(members) => add_learners(config, members),
        Change::RemoveLearners(ids) => remove_learners(config, &ids),
        Change::Voters(voters) => to_voters(config, voters, caught_up),
        Change::Members(members) => to_members(config, members, caught_up),
    }
}

fn add_learners(config: &Config, members: Vec<Member>) -> Result<Config, Refusal> {
    let mut next = config.clone();
    for member in members {
        if next.member(member.id).is_some() {
            continue;
        }
        if member.role == Role::Voter || member.id == MemberId(0) {
            return Err(Refusal::Invalid);
        }
        next.members.push(member);
    }
    next.members.sort_by_key(|member| member.id);
    Ok(next)
}

fn remove_learners(config: &Config, ids: &[MemberId]) -> Result<Config, Refusal> {
    if ids.iter().any(|id| config.votes(*id)) {
        return Err(Refusal::Invalid);
    }
    let mut next = config.clone();
    next.members.retain(|member| !ids.contains(&member.id));
    Ok(next)
}

/// The joint configuration towards exactly these voters.
fn to_voters(
    config: &Config,
    mut voters: Vec<MemberId>,
    caught_up: impl Fn(MemberId) -> bool,
) -> Result<Config, Refusal> {
    voters.sort();
    voters.dedup();
    let old = config.voters();
    if voters == old {
        return Ok(Config { leaving: Vec::new(), ..config.clone() });
    }
    if voters.len().is_multiple_of(2) {
        return Err(Refusal::Invalid);
    }
    for id in &voters {
        let member = config.member(*id).ok_or(Refusal::UnknownMember)?;
        if member.role == Role::Observer {
            return Err(Refusal::Invalid);
        }
    }
    can_commit(config, &voters, caught_up)?;
    let mut next = config.clone();
    next.leaving = old.iter().copied().filter(|id| !voters.contains(id)).collect();
    next.outgoing = old;
    for member in &mut next.members {
        if voters.contains(&member.id) {
            member.role = Role::Voter;
        } else if member.role == Role::Voter {
            member.role = Role::Learner;
        }
    }
    Ok(next)
}

/// The configuration towards exactly these members.
fn to_members(
    config: &Config,
    mut members: Vec<Member>,
    caught_up: impl Fn(MemberId) -> bool,
) -> Result<Config, Refusal> {
    members.sort_by_key(|member| member.id);
    let mut next = Config { members, ..Config::default() };
    let (old, voters) = (config.voters(), next.voters());
    let mut servers: Vec<_> = next.members.iter().map(|member| member.server).collect();
    servers.sort();
    servers.dedup();
    let known: BTreeSet<MemberId> = next.members.iter().map(|it| it.id).collect();
    let distinct = servers.len() == next.members.len() && known.len() == next.members.len();
    let learns = next.members.iter().any(|it| it.role == Role::Learner);
    if voters.is_empty() || !distinct || learns {
        return Err(Refusal::Invalid);
    }
    can_commit(config, &voters, caught_up)?;
    if voters == old {
        next.index = config.index;
        return Ok(next);
    }
    for member in &config.members {
        if !known.contains(&member.id) {
            next.leaving.push(member.id);
            next.members.push(Member { role: Role::Learner, ..member.clone() });
        }
    }
    next.members.sort_by_key(|member| member.id);
    next.outgoing = old;
    Ok(next)
}

/// Whether these could commit at once as the voters.
fn can_commit(
    config: &Config,
    voters: &[MemberId],
    caught_up: impl Fn(MemberId) -> bool,
) -> Result<(), Refusal> {
    for id in voters {
        let member = config.member(*id).ok_or(Refusal::UnknownMember)?;
        if member.role != Role::Voter && !caught_up(*id) {
            return Err(Refusal::LearnerBehind);
        }
    }
    let ready = voters.iter().filter(|id| caught_up(**id)).count();
    if ready < quorum::majority(voters.len()) {
        return Err(Refusal::NoQuorum);
    }
    Ok(())
}
