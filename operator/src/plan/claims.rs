//! Claims of volumes belong to the ensemble, not to its StatefulSet: that may be deleted and made
//! again. Where the spec says Delete, each has the resource as an owner and goes with it, and one whose
//! member has left is deleted here; else nobody of ours owns them.
//!
//! Nothing that a pod needs is deleted by a request that comes late, or that was decided on an old
//! view: a claim says the last spec that wanted its member, and no pod is made on it before it does.
//! That changes its version, so requests from before are refused, and whoever sees an older spec
//! keeps off. Claims that nobody knew to be wanted once, those of earlier releases, stay until the next
//! spec at least.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use quorate_crds::ensemble::ReclaimPolicy;

use super::action::Action;
use super::names::{ENSEMBLE, Names};
use super::observed::{Claim, Fate, Observed, StatefulSet};
use super::view::View;
use crate::mutants::planted;

/// What is to be done about them.
pub fn actions(observed: &Observed, names: &Names, view: &View) -> Vec<Action> {
    let claims = observed.claims.iter().flatten().filter(|claim| !claim.deleting);
    let act = |claim: &Claim| {
        if adjusted_later(observed, names, claim) {
            return None;
        }
        let adjusted = adjust(observed, names, claim);
        adjusted.or_else(|| departed(observed, names, view, claim).then(|| delete(claim)))
    };
    claims.filter_map(act).collect()
}

/// To how many pods a StatefulSet may grow: on claims that are there, once these say that they are
/// wanted.
pub fn ready_for(observed: &Observed, names: &Names) -> i32 {
    let (size, wanted) = (observed.size(), observed.wanted());
    let said = |claim: &Claim| {
        let fate = claim.fate.as_ref().filter(|fate| fate.uid == names.uid());
        fate.is_some_and(|fate| fate.wanted >= observed.generation())
    };
    let new = |claim: &&Claim| (size..wanted).contains(&claim.ordinal) && !claim.deleting;
    let waits = observed.claims.iter().flatten().filter(new).any(|claim| !said(claim));
    if waits && !planted("pods grow on claims that may go") { size } else { wanted }
}

/// Whether a newer spec than the one in view decided on it.
fn adjusted_later(observed: &Observed, names: &Names, claim: &Claim) -> bool {
    let fate = claim.fate.as_ref().filter(|fate| fate.uid == names.uid());
    fate.is_some_and(|fate| fate.decided > observed.generation())
        && !planted("an old spec decides on claims")
}

fn adjust(observed: &Observed, names: &Names, claim: &Claim) -> Option<Action> {
    let labels = labels(names, claim);
    let owners = owners(observed, names, claim);
    let wanted = wanted(observed, names, claim);
    let known = claim.fate.as_ref().is_some_and(|fate| fate.wanted == wanted);
    let ours = claim.fate.as_ref().is_some_and(|fate| fate.uid == names.uid());
    if labels.is_empty() && owners == claim.owners && known && ours {
        return None;
    }
    Some(Action::AdjustClaim {
        name: claim.name.clone(),
        uid: claim.uid.clone(),
        resource_version: claim.resource_version.clone(),
        labels,
        owners,
        fate: Fate { uid: names.uid().to_owned(), wanted, decided: observed.generation() },
    })
}

/// Our label, and none of the keys by which other tools take it for theirs.
fn labels(names: &Names, claim: &Claim) -> BTreeMap<String, Option<String>> {
    let (theirs, ensemble) = (names.labels(), Some(names.ensemble()));
    let goes = |(key, value): &(&String, &String)| {
        theirs[key.as_str()] == value.as_str() && !planted("claims keep the keys of other tools")
    };
    let mut changes: BTreeMap<String, Option<String>> =
        claim.labels.iter().filter(goes).map(|(key, _)| (key.clone(), None)).collect();
    if claim.labels.get(ENSEMBLE).map(String::as_str) != ensemble {
        changes.insert(ENSEMBLE.to_owned(), ensemble.map(str::to_owned));
    }
    changes
}

/// Others' stay. A StatefulSet that would make itself an owner again is let do so first.
fn owners(observed: &Observed, names: &Names, claim: &Claim) -> Vec<OwnerReference> {
    let set = observed.stateful_set.as_ref();
    let takes = set.is_some_and(|set| !set.retains);
    let deletes = observed.ensemble.spec.storage.reclaim_policy == ReclaimPolicy::Delete
        || planted("claims go with any spec");
    let stays = |owner: &&OwnerReference| {
        if names.is_set(owner) {
            return takes;
        }
        !names.is_resource(owner) || (deletes && owner.uid == names.uid())
    };
    let mut owners: Vec<OwnerReference> = claim.owners.iter().filter(stays).cloned().collect();
    if planted("claims lose the owners of others") {
        owners.retain(|owner| names.is_set(owner) || names.is_resource(owner));
    }
    if deletes && !owners.iter().any(|owner| owner.uid == names.uid()) {
        owners.push(names.owner());
    }
    owners
}

/// The last spec that wanted its member: this one, if it is to have a pod now, or is new here.
fn wanted(observed: &Observed, names: &Names, claim: &Claim) -> i64 {
    let known = claim.fate.as_ref().filter(|fate| fate.uid == names.uid());
    let grows = (observed.size()..observed.wanted()).contains(&claim.ordinal);
    match known {
        Some(fate) if !grows => fate.wanted,
        Some(_) | None => observed.generation(),
    }
}

/// Whether nobody needs it any more: its member left for good, and all that stay serve.
pub fn departed(observed: &Observed, names: &Names, view: &View, claim: &Claim) -> bool {
    let generation = observed.generation();
    let asked = observed.ensemble.spec.storage.reclaim_policy == ReclaimPolicy::Delete
        && claim.owners.iter().any(|owner| owner.uid == names.uid());
    let fate = claim.fate.as_ref().filter(|fate| fate.uid == names.uid());
    let unwanted = claim.ordinal >= observed.wanted()
        && (fate.is_some_and(|fate| fate.wanted < generation)
            || planted("a claim goes that a late spec wants"));
    let lowered = |set: &StatefulSet| {
        set.retains
            && set.settled
            && set.replicas <= claim.ordinal
            && view.seen().is_some_and(|seen| set.configuration.as_ref() == Some(&seen))
    };
    let left = observed.applied() && observed.stateful_set.as_ref().is_some_and(lowered);
    let used = observed.pod(claim.ordinal).is_some() && !planted("a claim goes under its pod");
    let member = view.members().iter().any(|it| it.server_id == claim.ordinal + 1)
        && !planted("a claim goes before its member");
    let settled = view.whole() && !view.changing() && view.strange().is_none();
    (asked || planted("claims go with any spec")) && unwanted && left && !used && !member && settled
}

fn delete(claim: &Claim) -> Action {
    Action::DeleteClaim {
        name: claim.name.clone(),
        uid: claim.uid.clone(),
        resource_version: claim.resource_version.clone(),
    }
}

#[cfg(test)]
mod tests;
