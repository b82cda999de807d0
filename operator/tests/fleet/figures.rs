//! What many ensembles cost, and how soon each is looked at: figures, by hand.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::fleet::{Fleet, SICK, namespace};

/// How long each state is measured, in seconds.
const WINDOW: u64 = 60;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes minutes and prints figures: cargo fleet"]
async fn figures() {
    let size = std::env::var("QUORATE_FLEET").ok().and_then(|it| it.parse().ok()).unwrap_or(200);
    let began = Instant::now();
    let fleet = Fleet::start(size).await;
    let left = fleet.until(Duration::from_secs(600), 0..size, Fleet::ready).await;
    say(&format!(
        "{size} ensembles, {} never ready, {:.1} s",
        left.len(),
        began.elapsed().as_secs_f64()
    ));
    tokio::time::sleep(Duration::from_secs(30)).await;
    measure(&fleet, "at rest", &(0..size).collect::<Vec<_>>(), &[]).await;
    let (sick, well) = (0..size / 2, size / 2..size);
    fleet.sicken(sick.clone(), &SICK);
    tokio::time::sleep(Duration::from_secs(30)).await;
    let (sick, well): (Vec<_>, Vec<_>) = (sick.collect(), well.collect());
    measure(&fleet, "half of them sick", &well, &sick).await;
    look(&fleet, &well).await;
}

#[allow(clippy::print_stdout)]
fn say(text: &str) {
    println!("{text}");
}

/// Requests a minute and ensemble, processor and memory.
async fn measure(fleet: &Fleet, what: &str, well: &[usize], sick: &[usize]) {
    fleet.server.api.take_asked();
    let (began, ticks) = (Instant::now(), fleet.operator.ticks());
    tokio::time::sleep(Duration::from_secs(WINDOW)).await;
    let minutes = began.elapsed().as_secs_f64() / 60.0;
    let asked = fleet.server.api.take_asked();
    let used = (fleet.operator.ticks() - ticks) as f64 / began.elapsed().as_secs_f64();
    say(&format!("{what}: {used:.1} % of a core, {} MB", fleet.operator.memory() / 1024));
    for (of, all) in [("well", well), ("sick", sick)] {
        let spent = |index: &usize| asked.get(&namespace(*index)).map_or(0, Vec::len);
        let (sum, most) = (all.iter().map(spent).sum::<usize>(), all.iter().map(spent).max());
        if let Some(most) = most {
            let mean = sum as f64 / minutes / all.len() as f64;
            say(&format!(
                "  {of}: {mean:.2} requests a minute and ensemble, at most {most} in {WINDOW} s"
            ));
        }
    }
    let mut kinds: BTreeMap<&str, u64> = BTreeMap::new();
    for kind in asked.values().flatten() {
        *kinds.entry(kind).or_default() += 1;
    }
    say(&format!("  {kinds:?}"));
}

/// How many of those that are well are looked at within seconds of a change.
async fn look(fleet: &Fleet, well: &[usize]) {
    let edit = |it: &usize| (*it, fleet.edit(*it, json!({ "rollout": { "minStableSeconds": 7 } })));
    let generations: BTreeMap<usize, i64> = well.iter().map(edit).collect();
    let seen = |fleet: &Fleet, it: usize| fleet.reported(it, generations[&it]);
    let began = Instant::now();
    let late = fleet.until(Duration::from_secs(5), well.iter().copied(), seen).await;
    let took = began.elapsed().as_secs_f64();
    say(&format!(
        "changed: {} of {} looked at within {took:.1} s",
        well.len() - late.len(),
        well.len()
    ));
    let never = fleet.until(Duration::from_secs(60), late, seen).await;
    say(&format!("changed: {} not within a minute", never.len()));
}
