//! What no sound member says. A broken or hostile one must neither end this process nor make it
//! unusable for good: what it says is not taken.

use super::event::{Implausible, SnapshotMeta};
use super::following::Append;
use crate::core::entry::{Entry, Payload};
use crate::core::types::{Index, Term};

/// How far beyond the newest term that was seen a term may be. More than elections make: one a
/// second for a century. A term is durable and never goes back, so without a bound one message
/// could use up all of them.
const TERM_LEAP: u64 = 1 << 32;

/// No log grows beyond it.
const LAST_INDEX: Index = Index(u64::MAX >> 1);

fn or(sound: bool, what: Implausible) -> Result<(), Implausible> {
    if sound { Ok(()) } else { Err(what) }
}

/// Whether elections can have led from a term to another.
pub(super) fn in_reach(seen: Term, term: Term) -> Result<(), Implausible> {
    or(term.0 <= seen.0.saturating_add(TERM_LEAP), Implausible::Term)
}

/// Whether a leader of a term can have these entries in its log, one behind the other.
pub(super) fn entries(term: Term, append: &Append) -> Result<(), Implausible> {
    let (mut index, mut of) = append.prev;
    let sound = append.entries.iter().all(|entry| {
        let behind = index.0.checked_add(1) == Some(entry.index.0);
        let ordered = of <= entry.term && entry.term <= term;
        (index, of) = (entry.index, entry.term);
        behind && ordered && named_rightly(entry)
    });
    or(sound, Implausible::Entries)
}

/// A configuration's version is where it stands.
fn named_rightly(entry: &Entry) -> bool {
    match &entry.payload {
        Payload::Config(config) => config.index == entry.index,
        _ => true,
    }
}

/// Whether a leader of a term can have made a snapshot of that.
pub(super) fn snapshot(term: Term, meta: &SnapshotMeta) -> Result<(), Implausible> {
    or(meta.term <= term && meta.index <= LAST_INDEX, Implausible::Snapshot)
}
