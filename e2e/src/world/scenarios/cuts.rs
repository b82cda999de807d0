//! Operators that die or stand still at any request of an operation.

use quorate_node::sim::Rng;

use super::{Done, lose_disk, new, restart, up};
use crate::world::cluster::{Cluster, Counts, Cut};
use crate::world::operator::Fate;

/// Of so many requests, one is cut in a run.
const SHARE: usize = 12;

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

/// E3, E4, C1, C2: the end is the same, and it costs no more deletions or changes of the membership.
/// A run cuts at every twelfth request only: WORLD_CUTS=N says from which one on, so that runs take turns,
/// and WORLD_CUTS=all cuts at every single one.
fn costs_nothing_more(fate: Fate) -> Done {
    let cuts = std::env::var("WORLD_CUTS").unwrap_or_default();
    let (every, turn) = match cuts.as_str() {
        "all" => (1, 0),
        turn => (SHARE, turn.parse().unwrap_or(0)),
    };
    for (number, operation) in OPERATIONS.into_iter().enumerate() {
        let name = operation.0;
        let (requests, whole) = end(operation, u64::MAX, fate)?;
        if requests <= 5 {
            return Err(format!("{name} takes {requests} requests"));
        }
        let first = (turn + number) % every;
        for at in (0..requests).skip(first).step_by(every) {
            let ended = end(operation, at, fate);
            let (_, counts) = ended.map_err(|why| format!("{name}, {fate:?} at {at}: {why}"))?;
            if counts != whole {
                return Err(format!("E3: {name}, {fate:?} at {at}: {counts:?}, not {whole:?}"));
            }
        }
    }
    Ok(())
}

#[test]
#[ignore = "takes minutes: by name"]
fn an_operator_that_dies_before_any_request_costs_nothing_more_than_time() -> Done {
    costs_nothing_more(Fate::Dies)
}

#[test]
#[ignore = "takes minutes: by name"]
fn an_operator_that_dies_after_any_request_costs_nothing_more_than_time() -> Done {
    costs_nothing_more(Fate::DiesUnheard)
}

#[test]
#[ignore = "takes minutes: by name"]
fn a_request_that_comes_late_is_refused_or_harmless() -> Done {
    costs_nothing_more(Fate::DiesAndIsLate)
}

#[test]
#[ignore = "takes minutes: by name"]
fn an_operator_that_goes_on_after_its_successor_harms_nothing() -> Done {
    costs_nothing_more(Fate::Pauses)
}
