//! The plan against a model of the world: whatever is seen, lost, late or repeated, no accepted
//! request breaks a property, and in peace the world becomes what the spec says.

#![allow(clippy::print_stderr)] // A replayed seed tells its story.

mod chaos;
mod crashes;
mod properties;
mod seeds;
mod server;
mod sight;
mod world;

use std::collections::BTreeMap;

use chaos::{missing, pass, service, settle};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use quorate_operator::plan::action::Action;
use quorate_operator::plan::plan;
use server::{Request, requests};
use world::{Group, Pod, World};

pub(crate) fn up(replicas: i32) -> World {
    let mut world = World::new(replicas);
    settle(&mut world, 100).expect("an ensemble is created");
    rest(&mut world);
    world
}

/// Time for everything to become stable.
fn rest(world: &mut World) {
    for _ in 0..10 {
        world.tick();
        pass(world);
    }
}

#[test]
fn scaling_leaves_the_survivors_and_their_leader_alone() {
    let mut world = up(3);
    let before: Vec<String> = world.pods.values().map(|pod| pod.uid.clone()).collect();
    let (leader, counts) = (world.group.clone().and_then(|it| it.leader), world.counts.clone());
    for replicas in [5, 3, 5, 3] {
        world.edit(|spec| spec.replicas = replicas);
        settle(&mut world, 100).expect("it scales");
        rest(&mut world);
        let after: Vec<String> = world.pods.values().take(3).map(|pod| pod.uid.clone()).collect();
        assert_eq!(after, before);
    }
    assert_eq!(world.group.and_then(|it| it.leader), leader);
    assert_eq!(world.counts.leaders, counts.leaders);
    assert_eq!(world.counts.deletions, 0);
}

#[test]
fn a_leader_that_leaves_hands_over_once() {
    let mut world = up(5);
    if let Some(group) = &mut world.group {
        group.leader = group
            .members
            .iter()
            .map(|it| &it.info)
            .find(|it| it.server_id == 5)
            .map(|it| it.member_id.clone());
    }
    let before = world.counts.leaders;
    world.edit(|spec| spec.replicas = 3);
    settle(&mut world, 100).expect("it scales");
    assert_eq!(world.counts.leaders, before + 1);
}

#[test]
fn a_roll_restarts_every_member_once_and_moves_the_leader_once() {
    for replicas in [3, 5, 7] {
        let mut world = up(replicas);
        let before = world.counts.clone();
        world.edit(|spec| spec.rollout.restart_at = Some("now".to_owned()));
        settle(&mut world, 400).expect("it rolls");
        assert_eq!(world.counts.deletions, before.deletions + replicas as u32);
        assert_eq!(world.counts.leaders, before.leaders + 1);
        assert_eq!(world.counts.configurations, before.configurations);
    }
}

#[test]
fn a_broken_image_takes_one_member_and_reverting_it_brings_that_one_back() {
    let mut world = up(3);
    world.edit(|spec| spec.image = missing());
    for _ in 0..200 {
        pass(&mut world);
        world.tick();
    }
    assert_eq!(world.counts.deletions, 1);
    let operation = world.ensemble.status.clone().unwrap_or_default().operation.expect("blocked");
    assert!(operation.blocked_by.is_some_and(|why| why.contains("ImagePullBackOff")));
    world.edit(|spec| spec.image = None);
    settle(&mut world, 100).expect("it heals");
    assert_eq!(world.counts.deletions, 2);
}

#[test]
fn a_broken_image_from_the_start_is_healed_without_a_single_answer() {
    let mut world = World::new(3);
    world.edit(|spec| spec.image = missing());
    for _ in 0..50 {
        pass(&mut world);
        world.tick();
    }
    world.edit(|spec| spec.image = None);
    settle(&mut world, 100).expect("L6: it heals");
}

#[test]
fn an_ensemble_that_fits_on_no_nodes_is_made_smaller_before_it_is_formed() {
    let mut world = World::new(5);
    world.nodes = 3;
    for _ in 0..30 {
        pass(&mut world);
        world.tick();
    }
    assert_eq!(world.counts.formations, 0);
    world.edit(|spec| spec.replicas = 3);
    settle(&mut world, 100).expect("L1: it is formed of three");
    assert_eq!((world.counts.formations, world.voters().len()), (1, 3));
}

/// Passes until one would make such a request, which is on its way from then on.
fn on_its_way(world: &mut World, is: fn(&Action) -> bool) -> Request {
    for _ in 0..20 {
        let observed = world.observe();
        let wanted = |it: &&Request| matches!(it, Request::Action { action, .. } if is(action));
        let all = requests(&observed, plan(&observed), observed.now);
        if let Some(found) = all.iter().find(wanted) {
            return found.clone();
        }
        pass(world);
        world.tick();
    }
    panic!("nobody asks for it; {world}");
}

/// Five were to be formed, and three are wanted now: the record of five is late.
fn late_record() -> (World, Request) {
    let mut world = World::new(5);
    let record = on_its_way(&mut world, |action| matches!(action, Action::CreateFormation { .. }));
    world.edit(|spec| spec.replicas = 3);
    (world, record)
}

#[test]
fn a_late_record_of_more_members_gets_all_of_their_pods_before_it_is_formed() {
    let (mut world, record) = late_record();
    for _ in 0..2 {
        pass(&mut world);
        world.tick();
    }
    assert_eq!(world.set.as_ref().map(|set| set.replicas), Some(3));
    world.accept(&record).expect("nobody has recorded any other");
    settle(&mut world, 100).expect("L1: three are left of the five that were formed");
    assert_eq!(world.counts.formations, 1);
}

#[test]
fn whoever_would_remove_pods_because_nothing_was_formed_comes_too_late_once_it_is() {
    let (mut world, record) = late_record();
    let lower = on_its_way(&mut world, |action| matches!(action, Action::LowerReplicas { .. }));
    world.accept(&record).expect("nobody has recorded any other");
    while world.counts.formations == 0 {
        pass(&mut world);
        world.tick();
    }
    // S2 is judged.
    world.accept(&lower).expect_err("the StatefulSet was marked since");
    settle(&mut world, 100).expect("L1: three are left of the five that were formed");
}

#[test]
fn a_lost_disk_becomes_a_new_member() {
    let mut world = up(3);
    world.lose_disk(1);
    world.tick();
    world.tick();
    settle(&mut world, 100).expect("it is replaced");
    assert_eq!(world.counts.formations, 1);
}

#[test]
fn an_ensemble_goes_on_after_a_change_that_was_never_committed() {
    let mut world = up(3);
    world.edit(|spec| spec.replicas = 5);
    let pending =
        |world: &World| world.group.as_ref().is_some_and(|group| world.now < group.pending_until);
    for _ in 0..30 {
        if pending(&world) {
            break;
        }
        pass(&mut world);
        world.tick();
    }
    // It is seen before it is lost.
    assert!(pending(&world), "{world}");
    pass(&mut world);
    world.forget_change();
    world.edit(|spec| spec.replicas = 3);
    settle(&mut world, 100).expect("L1: its leader is believed");
}

#[test]
fn a_statefulset_that_was_scaled_by_hand_gets_its_members_back() {
    let mut world = up(3);
    world.scale_set(1);
    (0..5).for_each(|_| world.tick());
    settle(&mut world, 100).expect("L1: it is scaled back");
    assert_eq!(world.counts.configurations, 0);
}

#[test]
fn a_statefulset_that_was_deleted_while_members_were_leaving_is_made_for_all_of_them() {
    let mut world = up(7);
    world.edit(|spec| spec.replicas = 1);
    world.delete_set();
    settle(&mut world, 200).expect("L1: it goes on");
    assert_eq!(world.counts.formations, 1);
}

#[test]
fn an_object_of_somebody_else_is_named_and_nothing_is_written_until_it_is_gone() {
    let mut world = World::new(3);
    world.foreign = Some(service("zk"));
    for _ in 0..20 {
        pass(&mut world);
        world.tick();
    }
    // S7, L4: only the report, once.
    assert_eq!((world.writes, world.objects.len()), (1, 0));
    let status = world.ensemble.status.clone().unwrap_or_default();
    let named = |it: &Condition| it.type_ == "Ready" && it.message.contains("Service/zk");
    assert!(status.conditions.iter().any(named));
    world.foreign = None;
    settle(&mut world, 100).expect("L4: it is created");
}

/// V5: whatever is missing from the view of a world at rest, nothing comes of it.
#[test]
fn absence_forms_deletes_and_removes_nothing() {
    let world = up(3);
    let (group, pods) = (world.group.clone(), world.pods.clone());
    for missing in 0..1_u32 << 11 {
        let lacks = |bit: i32| missing & (1 << bit) != 0;
        let mut copy = world.clone();
        let mut observed = copy.observe();
        observed.members.retain(|it| !lacks(it.ordinal));
        observed.pods.retain(|it| !lacks(3 + it.ordinal));
        if lacks(6) {
            observed.stateful_set = None;
        }
        if lacks(7) {
            observed.formation = None;
        }
        if lacks(8) {
            observed.ensemble.status = None;
        }
        if lacks(9) {
            observed.existing.clear();
        }
        if lacks(10) {
            observed.config_maps.clear();
        }
        for request in requests(&observed, plan(&observed), observed.now) {
            // Refused or harmless.
            let _ = copy.accept(&request);
        }
        copy.tick();
        assert_eq!(copy.counts, world.counts, "V5: without {missing:b}");
        let version = |it: &Option<Group>| it.as_ref().map(|it| (it.version, it.term));
        assert_eq!(version(&copy.group), version(&group), "V5: {missing:b}");
        let uids = |it: &BTreeMap<i32, Pod>| it.values().map(|it| it.uid.clone()).collect();
        let (left, whole): (Vec<String>, Vec<String>) = (uids(&copy.pods), uids(&pods));
        assert_eq!(left, whole, "V5: without {missing:b}");
    }
}

#[test]
fn all_disks_lost_is_reported_and_nothing_is_formed_anew() {
    let mut world = up(3);
    (0..3).for_each(|ordinal| world.lose_disk(ordinal));
    for _ in 0..100 {
        world.tick();
        pass(&mut world);
    }
    assert_eq!(world.counts.formations, 1);
    let status = world.ensemble.status.clone().unwrap_or_default();
    let ready = status.conditions.iter().find(|it| it.type_ == "Ready").expect("a condition");
    assert_eq!(ready.status, "False");
    assert!(ready.message.contains("blank disk"), "{}", ready.message);
}

#[test]
fn paused_means_that_nothing_but_the_report_is_written() {
    let mut world = up(3);
    world.edit(|spec| {
        spec.paused = true;
        spec.replicas = 5;
        spec.rollout.restart_at = Some("now".to_owned());
    });
    for _ in 0..30 {
        let observed = world.observe();
        let plan = plan(&observed);
        assert_eq!((plan.objects.len(), plan.actions.len()), (0, 0));
        for request in requests(&observed, plan, observed.now) {
            let _ = world.accept(&request);
        }
        world.tick();
    }
    world.edit(|spec| spec.paused = false);
    settle(&mut world, 200).expect("it goes on");
}

#[test]
fn equal_observations_give_equal_plans() {
    let mut world = up(3);
    world.edit(|spec| spec.replicas = 5);
    for _ in 0..20 {
        let observed = world.observe();
        let text = serde_json::to_string(&observed).expect("it can be written");
        let again = serde_json::from_str(&text).expect("it can be read");
        assert_eq!(plan(&observed), plan(&again));
        pass(&mut world);
        world.tick();
    }
}
