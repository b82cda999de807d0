//! The beginning of an ensemble, once: every member of the first StatefulSet answers as blank, the
//! decision is recorded, and the seed is told. After the record exists nothing else is ever formed
//! under this resource, and if any member knows any ensemble, nothing is.

use serde_json::json;
use sha1::{Digest, Sha1};

use super::action::{Action, Proposal};
use super::names::{self, CLIENT_PORT, PEER_PORT};
use super::observed::{Formation, Member, NewMember, Observed};
use super::view::View;
use super::waiting;

/// Proposes the next step of a formation.
pub fn propose(observed: &Observed, view: &View, proposal: &mut Proposal) {
    let known = observed.members.iter().any(|member| member.ensemble_id.is_some());
    if proposal.busy() || known || view.healthy() {
        return;
    }
    // An ensemble whose members are all silent is down, not yet to be created.
    let status = observed.ensemble.status.as_ref();
    let formed = status.is_some_and(|status| status.ensemble_id.is_some());
    if formed && observed.members.is_empty() {
        return;
    }
    proposal.step("Create", "starting the members");
    match &observed.formation {
        Some(record) => tell_seed(observed, record, proposal),
        None => record(observed, proposal),
    }
}

/// All the first members are there and blank: decide.
fn record(observed: &Observed, proposal: &mut Proposal) {
    let size = observed.size();
    if !observed.applied() || size == 0 {
        return;
    }
    if size < observed.wanted() {
        return;
    }
    let Some(members) = blanks(observed, size) else {
        let silent = |it: &i32| blank(observed, *it).is_none();
        let silent: Vec<i32> = (0..size).filter(silent).collect();
        waiting::answers(observed, "Create", &silent, proposal);
        return;
    };
    let uid = observed.ensemble.metadata.uid.clone().unwrap_or_default();
    let facts = json!([uid, members]).to_string();
    let digest = Sha1::digest(facts.as_bytes());
    let ensemble_id = digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    let seed = members[0].member_id.clone();
    let formation = Formation { ensemble_id, seed, members };
    proposal.step("Create", "recording the formation");
    proposal.action = Some(Action::CreateFormation { name: names::formation(observed), formation });
}

/// Every ordinal's member, if each answers, is blank and has a pod of its own.
pub fn blanks(observed: &Observed, size: i32) -> Option<Vec<NewMember>> {
    (0..size).map(|ordinal| blank(observed, ordinal)).collect()
}

fn blank(observed: &Observed, ordinal: i32) -> Option<NewMember> {
    let member = observed.member(ordinal)?;
    let fits = member.data_state == "Blank"
        && member.ensemble_id.is_none()
        && member.server_id == ordinal + 1
        && observed.pod(ordinal).is_some_and(|pod| !pod.deleting);
    fits.then(|| describe(observed, member))
}

/// A member as admin calls name it.
pub fn describe(observed: &Observed, member: &Member) -> NewMember {
    NewMember {
        member_id: member.member_id.clone(),
        server_id: member.ordinal + 1,
        peer: names::address(observed, member.ordinal, PEER_PORT),
        client: names::address(observed, member.ordinal, CLIENT_PORT),
    }
}

/// The record is there: the seed forms exactly what it says.
fn tell_seed(observed: &Observed, record: &Formation, proposal: &mut Proposal) {
    let seed = record.members.iter().find(|member| member.member_id == record.seed);
    let Some(ordinal) = seed.map(|member| member.server_id - 1) else {
        proposal.block(format!(
            "the ConfigMap {} does not name its seed: it was edited by hand; restore it",
            names::formation(observed)
        ));
        return;
    };
    let name = names::pod(observed, ordinal);
    match observed.member(ordinal) {
        None => waiting::answers(observed, "Create", &[ordinal], proposal),
        Some(member) if member.member_id != record.seed => {
            proposal.step("Create", "forming");
            proposal.block(format!(
                "{name} was told to form the ensemble and has a blank disk since; nothing is formed \
                 anew by itself. If no data is to be kept, delete the ConfigMap {}",
                names::formation(observed)
            ));
        }
        Some(_) => {
            proposal.step("Create", format!("forming the ensemble on {name}"));
            proposal.action = Some(Action::Form { ordinal, formation: record.clone() });
        }
    }
}
