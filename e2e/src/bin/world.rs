//! `cargo world`: many worlds of `e2e/src/world`, one seed each.
//!
//! [`world`] one of them.

#![allow(clippy::print_stdout, reason = "what a command says on a terminal is its purpose")]

#[path = "../world/mod.rs"]
mod world;

use std::panic::catch_unwind;
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{SystemTime, UNIX_EPOCH};

use clap::Parser;

use world::{KNOWN, Report};

/// Runs the operator's plan on simulated ensembles, one seed a run.
#[derive(Debug, Parser)]
#[command(name = "cargo world", disable_version_flag = true)]
struct Args {
    /// How many seeds, from `--from` on.
    #[arg(long, default_value_t = 100)]
    runs: u64,
    /// The first seed.
    #[arg(long, default_value_t = 1)]
    from: u64,
    /// Replays one seed and tells its story.
    #[arg(long)]
    replay: Option<u64>,
    /// Besides, this many seeds that no run has had before.
    #[arg(long, default_value_t = 0)]
    fresh: u64,
}

fn main() -> ExitCode {
    let args = Args::parse();
    let clock = SystemTime::now().duration_since(UNIX_EPOCH);
    let start = clock.map_or(0, |since| since.as_secs()) << 16;
    let seeds: Vec<u64> = match args.replay {
        Some(seed) => vec![seed],
        None => {
            let fixed = KNOWN.into_iter().chain(args.from..args.from + args.runs);
            fixed.chain(start..start + args.fresh).collect()
        }
    };
    if args.fresh > 0 {
        println!("fresh seeds: {start} and the {} after it", args.fresh - 1);
    }
    let (total, failures) = run_all(&seeds, args.replay.is_some());
    println!("{total:?}");
    println!("{} passed, {} failed", seeds.len() - failures, failures);
    ExitCode::from(u8::from(failures > 0))
}

/// Runs these, as many at once as there are processors; what they did, and how many failed.
fn run_all(seeds: &[u64], tells: bool) -> (Report, usize) {
    let next = AtomicUsize::new(0);
    thread::scope(|scope| {
        let work = || {
            let (mut total, mut failures) = (Report::default(), 0);
            while let Some(seed) = seeds.get(next.fetch_add(1, Ordering::Relaxed)) {
                match guarded(*seed, tells) {
                    Ok(report) => total.add(&report),
                    Err(why) => {
                        failures += 1;
                        println!(
                            "FAILED seed {seed}: {why}\n  replay: cargo world --replay {seed}"
                        );
                    }
                }
            }
            (total, failures)
        };
        let threads = thread::available_parallelism().map_or(1, usize::from);
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        workers.into_iter().filter_map(|worker| worker.join().ok()).fold(
            (Report::default(), 0),
            |(mut total, failures), (report, failed)| {
                total.add(&report);
                (total, failures + failed)
            },
        )
    })
}

/// Runs one; a panic of what ships is a failure like any other.
fn guarded(seed: u64, tells: bool) -> Result<Report, String> {
    catch_unwind(|| world::run(seed, tells)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(|it| (*it).to_owned()));
        Err(format!("a panic: {}", text.unwrap_or_default()))
    })
}
