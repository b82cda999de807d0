//! Taking over what a former resource of this name has left: an ensemble outlives its resource where that
//! was deleted without what belongs to it, or came back from a backup. There is one resource of a name,
//! so whatever names another uid of it has nobody any more. Only what carries all of our labels is taken,
//! nothing that anybody else controls, and only if all that is known of an ensemble is of the same one.
//! Until all of it is taken nothing else is done; no pod is touched.

use std::collections::BTreeSet;

use super::action::Action;
use super::block::Block;
use super::names::Names;
use super::observed::{Observed, Orphan};
use crate::mutants::planted;

/// What is taken over, or why it is not.
///
/// # Errors
/// While it is of more than one ensemble.
pub fn actions(observed: &Observed, names: &Names) -> Result<Vec<Action>, Block> {
    if observed.orphans.is_empty() {
        return Ok(Vec::new());
    }
    let ensembles = ensembles(observed);
    if ensembles.len() > 1 && !planted("several ensembles are adopted as one") {
        return Err(Block::SeveralEnsembles { ids: ensembles.into_iter().collect() });
    }
    Ok(observed.orphans.iter().map(|orphan| adopt(orphan, names)).collect())
}

/// All that members say, and all that is recorded, reported or marked.
fn ensembles(observed: &Observed) -> BTreeSet<String> {
    let members = observed.members.iter().filter_map(|member| member.ensemble_id.clone());
    let record = observed.formation.as_ref().map(|record| record.ensemble_id.clone());
    let set = observed.stateful_set.as_ref().and_then(|set| set.configuration.as_ref());
    let mark = set.map(|seen| seen.ensemble_id.clone());
    let status = observed.ensemble.status.as_ref();
    let reported = status.and_then(|status| status.ensemble_id.clone());
    members.chain(record).chain(mark).chain(reported).collect()
}

fn adopt(orphan: &Orphan, names: &Names) -> Action {
    let mut owners = orphan.owners.clone();
    owners.push(names.controller());
    Action::Adopt {
        key: orphan.key.clone(),
        uid: orphan.uid.clone(),
        resource_version: orphan.resource_version.clone(),
        owners,
    }
}

#[cfg(test)]
mod tests;
