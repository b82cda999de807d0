//! Many runs of trouble: always the same ones, and a few that were never run before. MODEL_SEED=N
//! replays one, MODEL_SEEDS=N runs so many of the fixed ones.

use std::panic::catch_unwind;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::chaos::Chaos;

const FIXED: u64 = 200;
const FRESH: u64 = 10;

#[test]
fn whatever_goes_wrong_no_property_breaks_and_peace_brings_what_the_spec_says() {
    let seeds = seeds();
    let next = AtomicUsize::new(0);
    let mut failures = thread::scope(|scope| {
        let work = || {
            let mut failures = Vec::new();
            while let Some(seed) = seeds.get(next.fetch_add(1, Ordering::Relaxed)) {
                match catch_unwind(|| Chaos::new(*seed).run()) {
                    Ok(Ok(())) => {}
                    Ok(Err(why)) => failures.push(format!("seed {seed}: {why}")),
                    Err(_) => failures.push(format!("seed {seed}: a property broke, see above")),
                }
            }
            failures
        };
        let threads = thread::available_parallelism().map_or(1, usize::from);
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        let ends = workers.into_iter().map(|worker| worker.join().expect("it ends"));
        ends.flatten().collect::<Vec<String>>()
    });
    failures.sort();
    assert!(
        failures.is_empty(),
        "{} of {} seeds failed; replay one with MODEL_SEED=N:\n{}",
        failures.len(),
        seeds.len(),
        failures.join("\n")
    );
}

fn seeds() -> Vec<u64> {
    let number = |key: &str| std::env::var(key).ok().and_then(|it| it.parse().ok());
    if let Some(seed) = number("MODEL_SEED") {
        return vec![seed];
    }
    let clock = SystemTime::now().duration_since(UNIX_EPOCH);
    let start = clock.map_or(0, |it| it.as_secs()) << 20;
    eprintln!("fresh seeds: {start} and the {} after it", FRESH - 1);
    let fixed = 0..number("MODEL_SEEDS").unwrap_or(FIXED);
    fixed.chain(start..start + FRESH).collect()
}
