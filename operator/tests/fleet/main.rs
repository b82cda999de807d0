//! Many ensembles at once: the program against an API server and members of the tests, all on
//! loopback. What is asserted are counts; `figures` prints more, by hand.
//!
//! `objects` what the server knows · `request` what it is asked for · `server` answers ·
//! `controllers` Kubernetes' own · `members` of ensembles · `program` the operator · `fleet` all of
//! them together · `refusals` what is refused again and again · `figures` what it costs.

mod controllers;
mod figures;
mod fleet;
mod members;
mod objects;
mod program;
mod refusals;
mod request;
mod server;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::json;

use members::Group;

use fleet::{Fleet, PATIENCE, STILL, add, namespace};

/// The requests of each ensemble in a while.
async fn spent(fleet: &Fleet, seconds: u64) -> BTreeMap<String, usize> {
    fleet.server.api.take_asked();
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    fleet.server.api.take_asked().into_iter().map(|(of, asked)| (of, asked.len())).collect()
}

fn most(counts: &BTreeMap<String, usize>, of: impl IntoIterator<Item = usize>) -> usize {
    let count = |index| counts.get(&namespace(index)).copied().unwrap_or(0);
    of.into_iter().map(count).max().unwrap_or(0)
}

/// Whatever is changed without having been read live since the last report.
fn unread(asked: &[String]) -> Vec<&str> {
    const READ: [&str; 3] = ["GET coordinationensembles", "GET statefulsets", "GET configmaps"];
    let (mut read, mut unread) = (BTreeSet::new(), Vec::new());
    for what in asked {
        match what.as_str() {
            "PUT coordinationensembles/status" => read.clear(),
            "POST events" | "PATCH events" => {}
            what if what.starts_with("GET") => drop(read.insert(what)),
            _ if READ.iter().all(|it| read.contains(it)) => {}
            what => unread.push(what),
        }
    }
    unread
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sick_ensembles_keep_nobody_waiting_and_standing_still_costs_nothing() {
    let fleet = Fleet::start(40).await;
    let (sick, well) = (0..30, 30..40);
    let left = fleet.until(PATIENCE, 0..40, Fleet::ready).await;
    assert!(left.is_empty(), "never ready: {left:?}\n{}", fleet.operator.log());

    fleet.sicken(sick.clone(), &STILL);
    let left = fleet.until(PATIENCE, sick.clone(), |fleet, it| !fleet.ready(it)).await;
    assert!(left.is_empty(), "nobody saw that they are sick: {left:?}");

    let asked = |of: fn(&Group) -> u64| well.clone().map(|it| of(&fleet.members[it].group)).sum();
    let (looks, connections): (u64, u64) = (asked(Group::looks), asked(Group::connections));
    let counts = spent(&fleet, 10).await;
    assert!(asked(Group::looks) > looks, "nobody asks those that are at rest");
    let anew = asked(Group::connections) - connections;
    assert_eq!(anew, 0, "connections to members that are at rest are kept");
    let (at_rest, ill) = (most(&counts, well.clone()), most(&counts, sick));
    assert!(at_rest <= 1, "{at_rest} requests in 10 s of one that is at rest");
    assert!(ill <= 5, "{ill} requests in 10 s of one that is sick and stands still");

    let generations: BTreeMap<usize, i64> = well
        .map(|it| (it, fleet.edit(it, json!({ "rollout": { "minStableSeconds": 7 } }))))
        .collect();
    let seen = |fleet: &Fleet, it: usize| fleet.reported(it, generations[&it]);
    let left = fleet.until(Duration::from_secs(20), generations.keys().copied(), seen).await;
    assert!(left.is_empty(), "not looked at after a change, because of others: {left:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_is_changed_was_read_live_and_a_new_operator_changes_nothing() {
    let mut fleet = Fleet::start(4).await;
    let left = fleet.until(PATIENCE, 0..4, Fleet::ready).await;
    assert!(left.is_empty(), "never ready: {left:?}\n{}", fleet.operator.log());
    let generation = fleet.edit(0, json!({ "rollout": { "minStableSeconds": 7 } }));
    let seen = |fleet: &Fleet, it: usize| fleet.reported(it, generation);
    assert!(fleet.until(PATIENCE, [0], seen).await.is_empty(), "not looked at after a change");
    let asked = fleet.server.api.take_asked();
    for index in 0..4 {
        let asked = &asked[&namespace(index)];
        let applied = asked.iter().filter(|it| it.starts_with("PATCH ")).count();
        assert!(applied >= 7, "every object was applied: {asked:?}");
        assert_eq!(unread(asked), [""; 0], "{asked:?}");
    }

    let in_sync = |fleet: &Fleet, it: usize| {
        let holds = |kind| fleet.condition(it, kind).as_deref() == Some("True");
        holds("ConfigurationInSync") && holds("MembershipConverged") && fleet.ready(it)
    };
    let left = fleet.until(PATIENCE, 0..4, in_sync).await;
    assert!(left.is_empty(), "never at rest: {left:?}\n{}", fleet.operator.log());
    fleet.operator.end();
    fleet.server.api.take_asked();
    fleet.restart().await;
    for index in 0..4 {
        let line = format!(
            "quorate_operator_last_success_timestamp_seconds\
             {{ensemble=\"zk\",namespace=\"n{index}\"}}"
        );
        assert!(fleet.until_metrics(&line).await, "{}", fleet.operator.log());
    }
    for (namespace, asked) in fleet.server.api.take_asked() {
        let changes = |it: &&String| it.ends_with("/status") || it.starts_with("DELETE");
        let changes: Vec<&String> = asked.iter().filter(changes).collect();
        assert!(changes.is_empty(), "{namespace}: {changes:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_fails_is_told_with_its_name_and_what_is_gone_is_not_spoken_of() {
    let fleet = Fleet::start(3).await;
    let report = "PUT coordinationensembles/status";
    fleet.server.api.refuse("n1", report);
    let left = fleet.until(PATIENCE, [0, 2], Fleet::ready).await;
    assert!(left.is_empty(), "never ready: {left:?}\n{}", fleet.operator.log());
    let of = |name: &str, more: &str| format!("{name}{{ensemble=\"zk\",namespace=\"n1\"{more}}}");
    let failed = of("quorate_operator_reconcile_errors_total", ",step=\"WriteStatus\"");
    assert!(fleet.until_metrics(&failed).await, "{}", fleet.operator.log());
    let (_, metrics) = fleet.operator.ask("/metrics").await;
    let success = of("quorate_operator_last_success_timestamp_seconds", "");
    assert!(!metrics.contains(&success), "nobody was told: that is no success\n{metrics}");

    fleet.delete(1);
    let gone = async {
        while fleet.operator.ask("/metrics").await.1.contains("namespace=\"n1\"") {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    let gone = tokio::time::timeout(PATIENCE, gone).await;
    assert!(gone.is_ok(), "its metrics stay: {}", fleet.operator.ask("/metrics").await.1);
    let said = fleet.operator.log().len();
    fleet.clear(1);
    // Another one of the same name is another one.
    fleet.server.api.allow("n1", report);
    add(&fleet.server, 1, json!({ "replicas": 3 }));
    let left = fleet.until(PATIENCE, [1], Fleet::ready).await;
    assert!(left.is_empty(), "never ready\n{}", fleet.operator.log());
    let log = fleet.operator.log();
    let warned: Vec<&str> = log[said..].lines().filter(|it| it.contains(" WARN ")).collect();
    assert!(warned.is_empty(), "{warned:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn somebody_elses_object_is_left_alone_and_it_is_seen_when_it_goes() {
    let fleet = Fleet::start(0).await;
    fleet.occupy(0);
    add(&fleet.server, 0, json!({ "replicas": 3 }));
    let said = |fleet: &Fleet, it| fleet.condition(it, "Ready").is_some();
    let left = fleet.until(PATIENCE, [0], said).await;
    assert!(left.is_empty(), "nobody is told:\n{}", fleet.operator.log());
    let asked = fleet.server.api.take_asked().remove("n0").unwrap_or_default();
    let writes: Vec<&String> = asked.iter().filter(|it| it.starts_with("PATCH ")).collect();
    assert!(writes.is_empty() && !fleet.ready(0), "{writes:?}");
    // No watch tells of what does not carry our labels.
    assert!(fleet.until_asked("n0", "GET services", 12).await, "nobody looks for it any more");
    fleet.vacate(0);
    let applied =
        |fleet: &Fleet, it| fleet.server.api.get("statefulsets", &namespace(it), "zk").is_some();
    let left = fleet.until(PATIENCE, [0], applied).await;
    assert!(left.is_empty(), "nobody saw it:\n{}", fleet.operator.log());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_resource_that_cannot_be_read_is_told_and_stops_nobody() {
    let fleet = Fleet::start(2).await;
    let strange = json!({ "replicas": 3, "storage": { "reclaimPolicy": "Recycle" } });
    add(&fleet.server, 7, strange);
    let left = fleet.until(PATIENCE, 0..2, Fleet::ready).await;
    assert!(left.is_empty(), "never ready: {left:?}\n{}", fleet.operator.log());
    let told = |fleet: &Fleet, _| fleet.operator.log().contains("namespace=\"n7\"");
    let left = fleet.until(PATIENCE, [7], told).await;
    assert!(left.is_empty(), "nobody is told:\n{}", fleet.operator.log());
    let (_, metrics) = fleet.operator.ask("/metrics").await;
    let line = "quorate_operator_unreadable{ensemble=\"zk\",namespace=\"n7\"} 1";
    assert!(metrics.contains(line), "{metrics}");
    assert_eq!(fleet.operator.ask("/readyz").await.0, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_refused_is_told_on_the_resource_and_holds_up_nothing_else() {
    let (policies, pods) = ("PATCH networkpolicies", "GET pods");
    let fleet = Fleet::start_with(1, |server| server.api.refuse("n0", policies)).await;
    let told = |fleet: &Fleet, it| {
        let stalled = fleet.message(it, "Stalled").unwrap_or_default();
        stalled.contains("cannot apply NetworkPolicy/zk: it is forbidden (403 Forbidden); allow it")
    };
    let left = fleet.until(PATIENCE, [0], told).await;
    assert!(left.is_empty(), "nobody is told:\n{}", fleet.operator.log());
    let left = fleet.until(PATIENCE, [0], Fleet::ready).await;
    assert!(left.is_empty(), "all else is done:\n{}", fleet.operator.log());
    let generation = fleet.edit(0, json!({ "rollout": { "minStableSeconds": 7 } }));
    let seen = |fleet: &Fleet, it: usize| fleet.reported(it, generation);
    assert!(fleet.until(PATIENCE, [0], seen).await.is_empty(), "a change is not looked at");
    let failed = "quorate_operator_reconcile_errors_total\
                  {ensemble=\"zk\",namespace=\"n0\",step=\"ApplyObject\"}";
    assert!(fleet.until_metrics(failed).await, "{}", fleet.operator.log());
    let log = fleet.operator.log();
    let warned = log.lines().filter(|it| it.contains("NetworkPolicy/zk")).count();
    assert_eq!(warned, 1, "it is logged once:\n{log}");
    fleet.server.api.allow("n0", policies);
    let over = |fleet: &Fleet, it| fleet.condition(it, "Stalled").as_deref() == Some("False");
    assert!(fleet.until(PATIENCE, [0], over).await.is_empty(), "it is told for ever");

    // What cannot be seen is not said to be well, nor to be lost.
    fleet.server.api.refuse("n0", pods);
    fleet.edit(0, json!({ "rollout": { "minStableSeconds": 8 } }));
    let blind = |fleet: &Fleet, it| fleet.condition(it, "Ready").as_deref() == Some("Unknown");
    assert!(fleet.until(PATIENCE, [0], blind).await.is_empty(), "{}", fleet.operator.log());
    let why = fleet.message(0, "Stalled").unwrap_or_default();
    assert!(why.starts_with("cannot list the pods: it is forbidden (403 Forbidden)"), "{why}");
    fleet.server.api.allow("n0", pods);
    assert!(fleet.until(PATIENCE, [0], Fleet::ready).await.is_empty(), "it stays blind");
    let events = fleet.server.api.take_asked().remove("n0").unwrap_or_default();
    let told = events.iter().filter(|it| it.ends_with(" events")).count();
    assert!(told >= 2, "events for people: {events:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upgrade_of_the_operator_restarts_who_follows_it_one_after_the_other() {
    const NEWER: &str = "quorate:2";
    let mut fleet = Fleet::start(5).await;
    let left = fleet.until(PATIENCE, 0..5, Fleet::ready).await;
    assert!(left.is_empty(), "never ready: {left:?}\n{}", fleet.operator.log());
    let follow = json!({ "rollout": { "follow": "Operator", "minStableSeconds": 0 } });
    let generations: Vec<i64> = (0..4).map(|it| fleet.edit(it, follow.clone())).collect();
    let seen = |fleet: &Fleet, it: usize| fleet.reported(it, generations[it]);
    assert!(fleet.until(PATIENCE, 0..4, seen).await.is_empty(), "{}", fleet.operator.log());
    let pinned = fleet.server.api.get("statefulsets", "n4", "zk").expect("it is there");

    fleet.upgrade(NEWER).await;
    let most = AtomicUsize::new(0);
    let done = |fleet: &Fleet, it: usize| {
        let (template, pods) = fleet.images(it);
        template == NEWER && pods.len() == 3 && pods.iter().all(|image| image == NEWER)
    };
    let looked = |fleet: &Fleet, it: usize| {
        let begun = (0..5).filter(|it| fleet.images(*it).0 == NEWER && !done(fleet, *it));
        most.fetch_max(begun.count(), Ordering::Relaxed);
        done(fleet, it)
    };
    let left = fleet.until(PATIENCE, 0..4, looked).await;
    let (_, metrics) = fleet.operator.ask("/metrics").await;
    assert!(left.is_empty(), "not restarted: {left:?}\n{}\n{metrics}", fleet.operator.log());
    assert_eq!(most.into_inner(), 1, "one at a time");
    let left = fleet.until(PATIENCE, 0..5, Fleet::ready).await;
    assert!(left.is_empty(), "not ready: {left:?}\n{}", fleet.operator.log());
    let after = fleet.server.api.get("statefulsets", "n4", "zk").expect("it is there");
    assert_eq!(after["spec"], pinned["spec"], "who does not follow is left alone");
    assert_eq!(fleet.images(4).1, ["quorate:1"; 3]);
}
