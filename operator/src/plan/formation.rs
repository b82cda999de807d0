//! The beginning of an ensemble, once: every member of the first StatefulSet answers as blank, the
//! decision is recorded, and the seed is told. After the record exists nothing else is ever formed
//! under this resource, and if any member knows any ensemble, nothing is.

use quorate_crds::status::Operation;
use serde_json::json;
use sha1::{Digest, Sha1};

use super::action::Action;
use super::block::Block;
use super::formed::{known, prepared, unformed};
use super::member::Member;
use super::names::{CLIENT_PORT, Names, PEER_PORT};
use super::observed::{Formation, NewMember, Observed};
use super::proposal::Proposal;
use super::step::Step;
use super::view::View;
use super::waiting;
use crate::mutants::planted;

/// The next step of a formation, if there is anything to form.
pub fn propose(observed: &Observed, names: &Names, view: &View) -> Option<Proposal> {
    if (known(observed) || view.healthy()) && !planted("a second ensemble is formed") {
        return None;
    }
    // An ensemble whose members are all silent is down, not yet to be created.
    let status = observed.ensemble.status.as_ref();
    let formed = status.is_some_and(|status| status.ensemble_id.is_some());
    if formed && observed.members.is_empty() {
        return None;
    }
    Some(match &observed.formation {
        Some(record) => tell_seed(observed, names, record),
        None => record(observed, names),
    })
}

/// All the first members are there and blank: decide.
fn record(observed: &Observed, names: &Names) -> Proposal {
    let size = observed.size();
    let partial = planted("an even or partial formation") && size > 0;
    if (!observed.applied() || size == 0 || size < observed.wanted()) && !partial {
        return Proposal::wait(Operation::Create, Step::StartMembers);
    }
    if let Some(lower) = lower(observed, names) {
        return lower;
    }
    let Some(members) = blanks(observed, names, size) else {
        let silent = |it: &i32| blank(observed, names, *it).is_none();
        let silent: Vec<i32> = (0..size).filter(silent).collect();
        return waiting::answers(observed, names, Operation::Create, &silent);
    };
    let uid = observed.ensemble.metadata.uid.clone().unwrap_or_default();
    let facts = json!([uid, members]).to_string();
    let digest = Sha1::digest(facts.as_bytes());
    let ensemble_id = digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    let seed = members[0].member_id.clone();
    let formation = Formation { ensemble_id, seed, members };
    let action = Action::CreateFormation { name: names.formation(), formation };
    Proposal::act(Operation::Create, Step::RecordFormation, action)
}

/// Fewer are wanted than the StatefulSet was made for: whoever is too many goes at once.
fn lower(observed: &Observed, names: &Names) -> Option<Proposal> {
    let set = observed.stateful_set.as_ref().filter(|set| set.replicas > observed.wanted())?;
    let action = Action::LowerReplicas {
        name: names.ensemble().to_owned(),
        uid: set.uid.clone(),
        resource_version: set.resource_version.clone(),
        replicas: observed.wanted(),
    };
    let act = || Proposal::act(Operation::Create, Step::RemovePods, action);
    unformed(observed).then(act)
}

/// Every ordinal's member, if each answers, is blank and has a pod of its own.
pub fn blanks(observed: &Observed, names: &Names, size: i32) -> Option<Vec<NewMember>> {
    let all = (0..size).map(|ordinal| blank(observed, names, ordinal));
    if planted("an even or partial formation") {
        return Some(all.flatten().collect()).filter(|some: &Vec<_>| !some.is_empty());
    }
    all.collect()
}

fn blank(observed: &Observed, names: &Names, ordinal: i32) -> Option<NewMember> {
    let member = observed.member(ordinal)?;
    let fits = member.blank()
        && member.server_id == ordinal + 1
        && observed.pod(ordinal).is_some_and(|pod| !pod.deleting);
    fits.then(|| describe(names, member))
}

/// A member as admin calls name it.
pub fn describe(names: &Names, member: &Member) -> NewMember {
    NewMember {
        member_id: member.member_id.clone(),
        server_id: member.ordinal + 1,
        peer: names.address(member.ordinal, PEER_PORT),
        client: names.address(member.ordinal, CLIENT_PORT),
    }
}

/// The record is there: the seed forms exactly what it says.
fn tell_seed(observed: &Observed, names: &Names, record: &Formation) -> Proposal {
    let seed = record.members.iter().find(|member| member.member_id == record.seed);
    let Some(ordinal) = seed.map(|member| member.server_id - 1) else {
        let block = Block::RecordWithoutSeed { config_map: names.formation() };
        return Proposal::blocked(Operation::Create, Step::StartMembers, block);
    };
    let pod = names.pod(ordinal);
    let Some(member) = observed.member(ordinal).filter(|member| member.understood()) else {
        return waiting::answers(observed, names, Operation::Create, &[ordinal]);
    };
    let step = Step::Form { pod: pod.clone() };
    if member.member_id != record.seed && !planted("a seed is formed again") {
        let block = Block::SeedBlankAgain { pod, config_map: names.formation() };
        return Proposal::blocked(Operation::Create, step, block);
    }
    let mut formation = record.clone();
    if planted("a seed is formed again") {
        formation.seed = member.member_id.clone();
        let own = formation.members.iter_mut().find(|it| it.server_id == ordinal + 1);
        own.into_iter().for_each(|it| it.member_id = member.member_id.clone());
    }
    if !prepared(observed, record) {
        return Proposal::wait(Operation::Create, step);
    }
    let action = Action::Form { ordinal, formation };
    Proposal::act(Operation::Create, step, action)
}
