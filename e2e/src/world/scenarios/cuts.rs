//! Operators that die or stand still at any request of an operation.

use quorate_node::sim::Rng;

use super::{Done, lose_disk, new, restart, up};
use crate::world::cluster::{Cluster, Counts, Cut};
use crate::world::operator::Fate;

/// Something to be done, by name: how many members there are, and what changes.
type Operation = (&'static str, i32, fn(&mut Cluster) -> Done);

const OPERATIONS: [Operation; 5] = [
    ("create", 0, |_| Ok(())),
    ("grow", 3, |cluster| cluster.edit(|spec| spec.replicas = 5)),
    ("shrink", 5, |cluster| cluster.edit(|spec| spec.replicas = 1)),
    ("roll", 3, restart),
    ("replace", 3, |cluster| {
        lose_disk(cluster, &mut Rng::new(0), 1);
        Ok(())
    }),
];

/// Ends an operation with an operator that meets this fate at the request of this number, of those
/// that change something; how many there were, and what it cost.
fn end((_, members, change): Operation, at: u64, fate: Fate) -> Result<(u64, Counts), String> {
    let mut cluster = if members == 0 { new(3) } else { up(members)? };
    let before = cluster.counts.clone();
    cluster.requests = 0;
    cluster.hostility.cuts = vec![Cut { at, fate }];
    change(&mut cluster)?;
    // Not before the controllers have seen it.
    cluster.run(2)?;
    cluster.settle(200)?;
    if matches!(fate, Fate::DiesAndIsLate | Fate::Pauses) {
        // It goes on after its successor.
        cluster.run(62)?;
        cluster.settle(60)?;
    }
    let counts = Counts {
        deletions: cluster.counts.deletions - before.deletions,
        configurations: cluster.counts.configurations - before.configurations,
        formations: cluster.counts.formations,
    };
    Ok((cluster.requests, counts))
}

/// E3, E4, C1, C2: the end is the same, and it costs no more deletions, changes of the membership or
/// ensembles, whichever request is cut. It may cost fewer changes: whoever comes later takes more
/// newcomers in at once.
fn costs_nothing_more(fate: Fate) -> Done {
    for operation in OPERATIONS {
        let name = operation.0;
        let (requests, whole) = end(operation, u64::MAX, fate)?;
        if requests <= 5 {
            return Err(format!("{name} takes {requests} requests"));
        }
        for at in 0..requests {
            let ended = end(operation, at, fate);
            let (_, counts) = ended.map_err(|why| format!("{name}, {fate:?} at {at}: {why}"))?;
            let more = counts.deletions > whole.deletions
                || counts.configurations > whole.configurations
                || counts.formations > whole.formations;
            if more {
                return Err(format!("E3: {name}, {fate:?} at {at}: {counts:?}, not {whole:?}"));
            }
        }
    }
    Ok(())
}

#[test]
fn an_operator_that_dies_before_any_request_costs_nothing_more_than_time() -> Done {
    costs_nothing_more(Fate::Dies)
}

#[test]
fn an_operator_that_dies_after_any_request_costs_nothing_more_than_time() -> Done {
    costs_nothing_more(Fate::DiesUnheard)
}

#[test]
fn a_request_that_comes_late_is_refused_or_harmless() -> Done {
    costs_nothing_more(Fate::DiesAndIsLate)
}

#[test]
fn an_operator_that_goes_on_after_its_successor_harms_nothing() -> Done {
    costs_nothing_more(Fate::Pauses)
}
