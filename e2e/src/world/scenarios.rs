//! One operation each, without other trouble.
//!
//! `cuts` operators that die or stand still at any request of one.

use quorate_crds::conditions::ConditionType;
use quorate_crds::ensemble::{AutoReplace, ReclaimPolicy};
use quorate_node::sim::Rng;
use serde_json::{Value, json};

use super::api::{key, text};
use super::chaos::{lose_disk, missing};
use super::cluster::{Cluster, NAME, STEP_MS};
use super::controllers::owned_by;

pub(crate) type Done = Result<(), String>;

/// Each is a test of its own, and looks for planted faults as well.
macro_rules! scenarios {
    ($($name:ident,)*) => {
        /// All of them, by name.
        pub(crate) const SCENARIOS: &[(&str, fn() -> Done)] = &[$((stringify!($name), $name),)*];

        #[cfg(test)]
        mod alone {
            $(
                #[test]
                fn $name() -> super::Done {
                    super::$name()
                }
            )*
        }
    };
}

scenarios! {
    scaling_leaves_the_survivors_and_their_leader_alone,
    one_member_becomes_three_and_one_again_with_all_its_data,
    a_roll_restarts_every_member_once_and_moves_the_leader_once,
    a_broken_image_takes_one_member_and_reverting_it_brings_that_one_back,
    a_halted_roll_and_one_more_crash_leave_the_others_as_they_are,
    a_broken_image_from_the_start_is_healed_without_a_single_answer,
    a_lost_disk_becomes_a_new_member_with_all_the_data,
    a_lost_disk_stays_lost_where_the_spec_says_never,
    what_is_forbidden_holds_up_only_what_depends_on_it,
    a_change_that_its_leader_never_committed_stands_in_nobodys_way,
    a_seed_that_is_blank_again_forms_nothing_and_is_named,
    an_operation_that_is_reversed_at_any_moment_ends_where_it_began,
    nothing_but_the_report_is_written_while_it_is_paused,
    a_statefulset_that_is_deleted_while_members_leave_is_made_for_all_of_them,
    an_ensemble_whose_resource_is_deleted_goes_and_its_disks_stay,
    a_resource_that_comes_back_finds_its_pods_and_its_data,
    a_statefulset_that_is_deleted_takes_no_disk_of_a_living_ensemble,
    disks_that_an_earlier_release_gave_to_the_statefulset_are_taken_over_in_time,
    the_disk_of_a_member_that_left_goes_where_the_spec_says_so_and_comes_back_blank,
}

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

fn one_member_becomes_three_and_one_again_with_all_its_data() -> Done {
    let mut cluster = up(1)?;
    for replicas in [3, 1, 3, 7, 1] {
        scale(&mut cluster, replicas)?;
    }
    assert_eq!((cluster.counts.deletions, cluster.counts.formations), (0, 1));
    cluster.probe()
}

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

fn a_halted_roll_and_one_more_crash_leave_the_others_as_they_are() -> Done {
    let mut cluster = up(3)?;
    cluster.edit(|spec| spec.image = missing())?;
    cluster.run(60)?;
    let before = cluster.counts.clone();
    assert_eq!(before.deletions, 1);
    let crashed = (0..3).find(|slot| cluster.world.is_on(*slot)).ok_or("nobody runs")?;
    // A crash loop of two minutes: longer than readiness lasts, and than a silent member is waited for.
    for _ in 0..120 {
        cluster.world.power_off(crashed);
        cluster.run(1)?;
    }
    assert_eq!(cluster.counts, before);
    cluster.until("a leader", 30, |cluster| (0..3).any(|slot| cluster.world.leads(slot)))?;
    cluster.edit(|spec| spec.image = None)?;
    cluster.settle(100)?;
    cluster.probe()
}

fn a_broken_image_from_the_start_is_healed_without_a_single_answer() -> Done {
    let mut cluster = new(3);
    cluster.edit(|spec| spec.image = missing())?;
    cluster.run(30)?;
    cluster.edit(|spec| spec.image = None)?;
    cluster.settle(100)
}

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

fn what_is_forbidden_holds_up_only_what_depends_on_it() -> Done {
    for (kind, restarts) in [("NetworkPolicy", true), ("Service", true), ("ConfigMap", false)] {
        let mut cluster = up(3)?;
        cluster.api.forbidden = Some(kind);
        let (before, voters) = (cluster.counts.clone(), cluster.voters());
        // A change of the configuration needs another map.
        cluster.edit(|spec| spec.config.tick_time_ms = 3_000)?;
        cluster.run(if restarts { 120 } else { 30 })?;
        let deleted = if restarts { 3 } else { 0 };
        assert_eq!(cluster.counts.deletions, before.deletions + deleted, "{kind}");
        let status = cluster.ensemble()?.status.unwrap_or_default();
        let stalled = status.condition(&ConditionType::Stalled).filter(|it| it.status == "True");
        let stalled = stalled.ok_or("nobody is told")?;
        assert!(stalled.message.contains("forbidden"), "{kind}: {}", stalled.message);
        cluster.edit(|spec| spec.config.tick_time_ms = 2_000)?;
        cluster.run(if restarts { 120 } else { 5 })?;
        lose_disk(&mut cluster, &mut Rng::new(0), 1);
        cluster.run(60)?;
        assert_ne!(cluster.voters(), voters, "{kind}: a lost disk is not replaced");
        cluster.api.forbidden = None;
        cluster.settle(100)?;
        cluster.probe()?;
    }
    Ok(())
}

fn a_change_that_its_leader_never_committed_stands_in_nobodys_way() -> Done {
    let growing = || {
        let mut cluster = up(3)?;
        let leader = (0..3).find(|slot| cluster.world.leads(*slot)).ok_or("nobody leads")?;
        cluster.edit(|spec| spec.replicas = 5)?;
        Ok::<_, String>((cluster, leader))
    };
    let version = |cluster: &Cluster, slot| {
        cluster.world.status(slot).and_then(|it| it["config"]["version"].as_u64())
    };
    let (mut cluster, leader) = growing()?;
    let before = version(&cluster, leader);
    cluster.until("the change", 30, |cluster| version(cluster, leader) > before)?;
    let when = cluster.world.now() - STEP_MS;
    // The same again, but that the leader is cut off from the others when it is asked.
    let (mut cluster, leader) = growing()?;
    cluster.until("the same moment", 30, |cluster| cluster.world.now() == when)?;
    let others = (0..3).filter(|slot| *slot != leader);
    cluster.world.cut(others.flat_map(|slot| [(slot, leader), (leader, slot)]).collect(), 20_000);
    cluster.until("the change", 1, |cluster| version(cluster, leader) > before)?;
    cluster.succeed_operator();
    cluster.settle(100)?;
    cluster.probe()
}

fn a_seed_that_is_blank_again_forms_nothing_and_is_named() -> Done {
    let mut cluster = up(3)?;
    (0..3).for_each(|slot| cluster.world.replace_disk(slot));
    cluster.run(60)?;
    assert_eq!(cluster.counts.formations, 1);
    let status = cluster.ensemble()?.status.unwrap_or_default();
    let blocked = status.operation.and_then(|operation| operation.blocked_by).unwrap_or_default();
    assert!(blocked.contains("zk-formation"), "{blocked}");
    Ok(())
}

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

fn a_statefulset_that_is_deleted_while_members_leave_is_made_for_all_of_them() -> Done {
    let mut cluster = up(5)?;
    cluster.edit(|spec| spec.replicas = 1)?;
    cluster.api.remove("StatefulSet", NAME);
    cluster.settle(200)?;
    assert_eq!(cluster.counts.formations, 1);
    cluster.probe()
}

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

/// Its resource is deleted without what belongs to it, and defined again.
fn come_back(cluster: &mut Cluster) -> Done {
    let former = cluster.api.get("CoordinationEnsemble", NAME).cloned();
    let mut resource = former.ok_or("it is gone")?;
    let uid = resource["metadata"]["uid"].clone();
    cluster.api.remove("CoordinationEnsemble", NAME);
    let owned = cluster.api.all().filter(|it| owned_by(it, &uid));
    let owned: Vec<(String, String)> = owned.map(key).collect();
    for (kind, name) in owned {
        cluster.api.update(&kind, &name, |object| {
            let owners = object["metadata"]["ownerReferences"].as_array_mut();
            owners.into_iter().for_each(|owners| owners.retain(|it| it["uid"] != uid));
        });
    }
    resource["status"] = Value::Null;
    cluster.api.create(&resource).map_err(|refusal| format!("{refusal:?}"))?;
    cluster.edit(|_| {})
}

fn a_resource_that_comes_back_finds_its_pods_and_its_data() -> Done {
    for policy in [ReclaimPolicy::Retain, ReclaimPolicy::Delete] {
        let mut cluster = up(5)?;
        cluster.edit(|spec| spec.storage.reclaim_policy = policy)?;
        scale(&mut cluster, 3)?;
        let id = |cluster: &Cluster| {
            Ok::<_, String>(cluster.ensemble()?.status.and_then(|it| it.ensemble_id))
        };
        let (before, first) = (uids(&cluster, 3), id(&cluster)?);
        let disks = claims(&cluster);
        for _ in 0..2 {
            come_back(&mut cluster)?;
            cluster.run(2)?;
            cluster.settle(60)?;
            assert_eq!((uids(&cluster, 3), id(&cluster)?), (before.clone(), first.clone()));
            assert_eq!((claims(&cluster), cluster.counts.formations), (disks.clone(), 1));
            assert_eq!(cluster.counts.deletions, 0);
        }
        scale(&mut cluster, 5)?;
        cluster.probe()?;
    }
    Ok(())
}

fn deletes(cluster: &mut Cluster) -> Done {
    cluster.edit(|spec| spec.storage.reclaim_policy = ReclaimPolicy::Delete)
}

fn claims(cluster: &Cluster) -> Vec<String> {
    let claims = cluster.api.list("PersistentVolumeClaim");
    claims.map(|claim| text(&claim["metadata"]["uid"])).collect()
}

fn a_statefulset_that_is_deleted_takes_no_disk_of_a_living_ensemble() -> Done {
    for delete in [false, true] {
        let mut cluster = up(3)?;
        if delete {
            deletes(&mut cluster)?;
            cluster.settle(30)?;
        }
        let before = claims(&cluster);
        cluster.api.remove("StatefulSet", NAME);
        cluster.run(3)?;
        cluster.settle(100)?;
        assert_eq!((claims(&cluster), cluster.counts.formations), (before, 1));
        cluster.probe()?;
        cluster.api.remove("CoordinationEnsemble", NAME);
        cluster.run(40)?;
        assert_eq!(claims(&cluster).len(), if delete { 0 } else { 3 });
    }
    Ok(())
}

/// As an operator left them that let the StatefulSet own them.
fn own_by_set(cluster: &mut Cluster) {
    let uid = cluster.api.get("StatefulSet", NAME).map(|set| set["metadata"]["uid"].clone());
    cluster.api.update("StatefulSet", NAME, |set| {
        set["spec"]["persistentVolumeClaimRetentionPolicy"]["whenDeleted"] = json!("Delete");
    });
    for name in (0..5).map(|slot| format!("data-{NAME}-{slot}")) {
        cluster.api.update("PersistentVolumeClaim", &name, |claim| {
            claim["metadata"]["labels"] = json!({
                "app.kubernetes.io/name": "quorate",
                "app.kubernetes.io/instance": NAME,
                "app.kubernetes.io/component": "node",
            });
            claim["metadata"]["annotations"] = json!({ "theirs": "stays" });
            claim["metadata"]["ownerReferences"] = json!([{
                "apiVersion": "apps/v1", "kind": "StatefulSet", "controller": true,
                "blockOwnerDeletion": true, "name": NAME, "uid": uid,
            }]);
        });
    }
}

fn disks_that_an_earlier_release_gave_to_the_statefulset_are_taken_over_in_time() -> Done {
    for delete in [false, true] {
        let mut cluster = up(5)?;
        scale(&mut cluster, 3)?;
        if delete {
            deletes(&mut cluster)?;
            cluster.settle(30)?;
        }
        own_by_set(&mut cluster);
        let (pods, before) = (uids(&cluster, 3), claims(&cluster));
        cluster.run(2)?;
        cluster.settle(30)?;
        assert_eq!((uids(&cluster, 3), claims(&cluster)), (pods, before.clone()));
        let of = |claim: &Value| claim["metadata"]["annotations"]["theirs"] == "stays";
        assert!(cluster.api.list("PersistentVolumeClaim").all(of));
        cluster.api.remove("StatefulSet", NAME);
        cluster.run(3)?;
        cluster.settle(100)?;
        assert_eq!(claims(&cluster), before);
        cluster.probe()?;
    }
    Ok(())
}

fn the_disk_of_a_member_that_left_goes_where_the_spec_says_so_and_comes_back_blank() -> Done {
    let mut cluster = up(5)?;
    scale(&mut cluster, 3)?;
    cluster.run(10)?;
    assert_eq!(claims(&cluster).len(), 5, "the spec says Retain");
    scale(&mut cluster, 5)?;
    deletes(&mut cluster)?;
    for _ in 0..2 {
        let before = claims(&cluster);
        scale(&mut cluster, 3)?;
        cluster.run(10)?;
        assert_eq!(claims(&cluster), before[..3]);
        scale(&mut cluster, 5)?;
        assert_ne!(claims(&cluster)[3..], before[3..]);
    }
    assert_eq!((cluster.counts.deletions, cluster.counts.formations), (0, 1));
    cluster.probe()
}

#[cfg(test)]
#[test]
fn the_same_seed_is_the_same_world() {
    for seed in [3, 4] {
        let (first, again) = (super::run(seed, false), super::run(seed, false));
        assert_eq!(first, again);
        assert_ne!(first, super::run(seed + 2, false));
    }
}

#[cfg(test)]
mod cuts;
