//! What is formed, as far as it can be seen: whether anything may be, what is recorded to be, and the
//! mark of that on the StatefulSet.
//!
//! Before the record the size may still change, down as well: five that fit on no nodes become three.
//! A record of five may arrive late all the same, so the seed is told only while the StatefulSet has
//! a pod for each that is recorded, and the mark of the formation: the mark changes its version, which
//! makes every request fail that would lower it because nothing was recorded yet.

use super::member::Member;
use super::observed::{Formation, Observed, Pod, Seen};
use crate::mutants::planted;

/// Whether no ensemble can be there: nobody has recorded, marked or reported one, whoever answers has
/// a blank disk, and no pod serves. Who is silent may then have the disk of an earlier resource's
/// ensemble only; its volume stays, and its pod comes back once a member of that one says so.
pub fn unformed(observed: &Observed) -> bool {
    let status = observed.ensemble.status.as_ref();
    let told = status.is_some_and(|status| status.ensemble_id.is_some());
    let set = observed.stateful_set.as_ref();
    let marked = set.is_some_and(|set| set.configuration.is_some());
    let blank = |member: &Member| member.blank() && member.understood();
    let serves = |pod: &Pod| pod.ready;
    let nothing = observed.formation.is_none() && !marked && !told;
    let nobody = observed.members.iter().all(blank) && !observed.pods.iter().any(serves);
    (nothing && nobody) || planted("pods go though an ensemble may be there")
}

/// Whether any member knows an ensemble.
pub fn known(observed: &Observed) -> bool {
    observed.members.iter().any(|member| member.ensemble_id.is_some())
}

/// How many ordinals the record reaches to, while nobody knows whether it was formed.
pub fn recorded(observed: &Observed) -> i32 {
    let status = observed.ensemble.status.as_ref();
    let told = status.is_some_and(|status| status.ensemble_id.is_some());
    let record = observed.formation.as_ref().filter(|_| !told && !known(observed));
    record.map_or(0, reach)
}

fn reach(record: &Formation) -> i32 {
    record.members.iter().map(|member| member.server_id).max().unwrap_or(0)
}

/// The mark of what is to be formed, for the StatefulSet: once the seed can be told.
pub fn mark(observed: &Observed) -> Option<Seen> {
    let record = observed.formation.as_ref()?;
    let seed = |member: &Member| member.member_id == record.seed && member.blank();
    let ready = !known(observed) && observed.members.iter().any(seed);
    let mark = Seen { ensemble_id: record.ensemble_id.clone(), version: 0 };
    (ready && !marked(observed, record)).then_some(mark)
}

fn marked(observed: &Observed, record: &Formation) -> bool {
    let set = observed.stateful_set.as_ref();
    let mark = set.and_then(|set| set.configuration.as_ref());
    mark.is_some_and(|mark| mark.ensemble_id == record.ensemble_id)
}

/// Whether the StatefulSet has a pod for each that is recorded, and is not lowered any more.
pub fn prepared(observed: &Observed, record: &Formation) -> bool {
    (observed.size() >= reach(record) && marked(observed, record))
        || planted("an ensemble is formed before its pods are sure")
}
