//! One operation each, without other trouble, and operators that die or stand still at any request of it.

use quorate_crds::ensemble::AutoReplace;
use quorate_node::sim::Rng;
use serde_json::Value;

use super::api::text;
use super::chaos::{lose_disk, missing};
use super::cluster::{Cluster, Counts, Cut, NAME};
use super::operator::Fate;

type Done = Result<(), String>;

fn new(replicas: i32) -> Cluster {
    Cluster::new(7, replicas, false).expect("a world")
}

/// An ensemble that was created and is at rest.
fn up(replicas: i32) -> Result<Cluster, String> {
    let mut cluster = new(replicas);
    cluster.settle(60)?;
    cluster.run(5)?;
    Ok(cluster)
}

fn uids(cluster: &Cluster, first: usize) -> Vec<String> {
    let pods = cluster.api.list("Pod").take(first);
    pods.map(|pod| text(&pod["metadata"]["uid"])).collect()
}

fn scale(cluster: &mut Cluster, replicas: i32) -> Done {
    cluster.edit(|spec| spec.replicas = replicas)?;
    cluster.settle(90)
}

fn restart(cluster: &mut Cluster) -> Done {
    cluster.edit(|spec| spec.rollout.restart_at = Some("now".to_owned()))
}

#[test]
fn scaling_leaves_the_survivors_and_their_leader_alone() -> Done {
    let mut cluster = up(3)?;
    let (before, elections) = (uids(&cluster, 3), cluster.world.elections());
    for replicas in [5, 3, 5, 3] {
        scale(&mut cluster, replicas)?;
        assert_eq!(uids(&cluster, 3), before);
    }
    assert_eq!(cluster.world.elections(), elections);
    assert_eq!((cluster.counts.deletions, cluster.counts.formations), (0, 1));
    cluster.probe()
}

#[test]
fn one_member_becomes_three_and_one_again_with_all_its_data() -> Done {
    let mut cluster = up(1)?;
    for replicas in [3, 1, 3, 7, 1] {
        scale(&mut cluster, replicas)?;
    }
    assert_eq!((cluster.counts.deletions, cluster.counts.formations), (0, 1));
    cluster.probe()
}

#[test]
fn a_roll_restarts_every_member_once_and_moves_the_leader_once() -> Done {
    for replicas in [3, 5] {
        let mut cluster = up(replicas)?;
        let (before, elections) = (cluster.counts.clone(), cluster.world.elections());
        restart(&mut cluster)?;
        cluster.settle(200)?;
        assert_eq!(cluster.counts.deletions, before.deletions + replicas as u32);
        assert_eq!(cluster.counts.configurations, before.configurations);
        assert_eq!(cluster.world.elections(), elections + 1);
        cluster.probe()?;
    }
    Ok(())
}

#[test]
fn a_broken_image_takes_one_member_and_reverting_it_brings_that_one_back() -> Done {
    let mut cluster = up(3)?;
    cluster.edit(|spec| spec.image = missing())?;
    cluster.run(120)?;
    assert_eq!(cluster.counts.deletions, 1);
    let status = cluster.ensemble()?.status.unwrap_or_default();
    let blocked = status.operation.and_then(|operation| operation.blocked_by);
    assert!(blocked.is_some_and(|why| why.contains("ImagePullBackOff")));
    assert!(cluster.world.clients_are_served());
    cluster.edit(|spec| spec.image = None)?;
    cluster.settle(60)?;
    assert_eq!(cluster.counts.deletions, 2);
    cluster.probe()
}

#[test]
fn a_broken_image_from_the_start_is_healed_without_a_single_answer() -> Done {
    let mut cluster = new(3);
    cluster.edit(|spec| spec.image = missing())?;
    cluster.run(30)?;
    cluster.edit(|spec| spec.image = None)?;
    cluster.settle(100)
}

#[test]
fn a_lost_disk_becomes_a_new_member_with_all_the_data() -> Done {
    for seed in 0..4 {
        let mut cluster = up(3)?;
        lose_disk(&mut cluster, &mut Rng::new(seed), 1);
        cluster.run(3)?;
        cluster.settle(100)?;
        assert_eq!((cluster.counts.formations, cluster.counts.deletions), (1, 0));
        cluster.probe()?;
    }
    Ok(())
}

#[test]
fn a_lost_disk_stays_lost_where_the_spec_says_never() -> Done {
    let mut cluster = up(3)?;
    cluster.edit(|spec| spec.membership.auto_replace = AutoReplace::Never)?;
    let voters = cluster.voters();
    lose_disk(&mut cluster, &mut Rng::new(0), 1);
    cluster.run(40)?;
    assert_eq!(cluster.voters(), voters);
    cluster.edit(|spec| spec.membership.auto_replace = AutoReplace::DiskLost)?;
    cluster.settle(100)
}

#[test]
fn an_operation_that_is_reversed_at_any_moment_ends_where_it_began() -> Done {
    for second in (0..12).chain([15, 20]) {
        let mut cluster = up(3)?;
        let before = uids(&cluster, 3);
        cluster.edit(|spec| spec.replicas = 5)?;
        cluster.run(second)?;
        scale(&mut cluster, 3)?;
        assert_eq!(uids(&cluster, 3), before, "reversed after {second} s");
        assert_eq!((cluster.counts.deletions, cluster.counts.formations), (0, 1));
    }
    Ok(())
}

#[test]
fn nothing_but_the_report_is_written_while_it_is_paused() -> Done {
    let mut cluster = up(3)?;
    cluster.edit(|spec| {
        spec.paused = true;
        spec.replicas = 5;
        spec.rollout.restart_at = Some("now".to_owned());
    })?;
    cluster.run(10)?;
    let before = (cluster.counts.clone(), cluster.api.writes);
    cluster.run(30)?;
    assert_eq!((cluster.counts.clone(), cluster.api.writes), before);
    cluster.edit(|spec| spec.paused = false)?;
    cluster.settle(200)
}

#[test]
fn a_statefulset_that_is_deleted_while_members_leave_is_made_for_all_of_them() -> Done {
    let mut cluster = up(5)?;
    cluster.edit(|spec| spec.replicas = 1)?;
    cluster.api.remove("StatefulSet", NAME);
    cluster.settle(200)?;
    assert_eq!(cluster.counts.formations, 1);
    cluster.probe()
}

#[test]
fn an_ensemble_whose_resource_is_deleted_goes_and_its_disks_stay() -> Done {
    let mut cluster = up(3)?;
    let claims = |cluster: &Cluster| cluster.api.list("PersistentVolumeClaim").count();
    let before = claims(&cluster);
    cluster.api.remove("CoordinationEnsemble", NAME);
    cluster.run(40)?;
    let left: Vec<&Value> = cluster.api.list("Pod").collect();
    assert!(left.is_empty(), "{left:?}");
    assert_eq!(claims(&cluster), before);
    Ok(())
}

#[test]
fn the_same_seed_is_the_same_world() {
    for seed in [3, 4] {
        let (first, again) = (super::run(seed, false), super::run(seed, false));
        assert_eq!(first, again);
        assert_ne!(first, super::run(seed + 2, false));
    }
}

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
fn costs_nothing_more(fate: Fate, every: usize) -> Done {
    for operation in OPERATIONS {
        let name = operation.0;
        let (requests, whole) = end(operation, u64::MAX, fate)?;
        assert!(requests > 5, "{name} takes {requests} requests");
        for at in (0..requests).step_by(every) {
            let ended = end(operation, at, fate);
            let (_, counts) = ended.map_err(|why| format!("{name}, {fate:?} at {at}: {why}"))?;
            assert_eq!(counts, whole, "E3: {name}, {fate:?} at {at}");
        }
    }
    Ok(())
}

#[test]
#[ignore = "takes minutes: by name"]
fn an_operator_that_dies_before_any_request_costs_nothing_more_than_time() -> Done {
    costs_nothing_more(Fate::Dies, 3)
}

#[test]
#[ignore = "takes minutes: by name"]
fn an_operator_that_dies_after_any_request_costs_nothing_more_than_time() -> Done {
    costs_nothing_more(Fate::DiesUnheard, 2)
}

#[test]
#[ignore = "takes minutes: by name"]
fn a_request_that_comes_late_is_refused_or_harmless() -> Done {
    costs_nothing_more(Fate::DiesAndIsLate, 5)
}

#[test]
#[ignore = "takes minutes: by name"]
fn an_operator_that_goes_on_after_its_successor_harms_nothing() -> Done {
    costs_nothing_more(Fate::Pauses, 5)
}
