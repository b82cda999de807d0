//! Runs the simulator.
#![allow(clippy::print_stdout, missing_docs)] // A program for people.
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};

use clap::Parser;
use quorate_node::sim;

/// Runs whole ensembles in a fake world, one seed a run.
#[derive(Debug, Parser)]
struct Args {
    /// How many seeds, from `--from` on.
    #[arg(long, default_value_t = 100)]
    runs: u64,
    /// The first seed.
    #[arg(long, default_value_t = 1)]
    from: u64,
    /// Replays one seed with a trace of what each server noted.
    #[arg(long)]
    replay: Option<u64>,
    /// Besides those that once found a bug, this many seeds that no run has had before.
    #[arg(long, default_value_t = 0)]
    fresh: u64,
    /// Prints the fingerprints of the fixed seeds, and nothing else: a line for each with the seed, the
    /// number of steps, and hashes of all effects and of all states. They change only when
    /// behaviour does; node/tests/golden/fingerprints.txt has them as of now.
    #[arg(long)]
    fingerprint: bool,
    /// Servers run this program and the one before, are rolled forward and back, and the ensemble's
    /// version is raised.
    #[arg(long)]
    mixed: bool,
}

/// The seed of the run under way.
static RUNNING: AtomicU64 = AtomicU64::new(0);

/// A panic ends the whole program where that is how it was built: its last words name the seed.
fn name_the_seed_of_a_panic() {
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        before(panic);
        let seed = RUNNING.load(Ordering::Relaxed);
        println!("FAILED seed {seed}: a panic\n  replay: cargo sim --replay {seed}");
    }));
}

fn main() -> ExitCode {
    name_the_seed_of_a_panic();
    let args = Args::parse();
    if args.fingerprint {
        return fingerprints();
    }
    let mut seeds: Vec<u64> = match args.replay {
        Some(seed) => vec![seed],
        None => (sim::KNOWN.iter().copied()).chain(args.from..args.from + args.runs).collect(),
    };
    let clock = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let start = clock.map_or(0, |since| since.as_nanos() as u64 >> 8);
    seeds.extend((0..args.fresh).map(|n| start.wrapping_add(n)));
    let (mut passed, mut failed) = (0, 0);
    let mut total = sim::Report::default();
    for seed in &seeds {
        RUNNING.store(*seed, Ordering::Relaxed);
        let run = if args.mixed { sim::run_mixed } else { sim::run };
        match run(*seed, args.replay.is_some()) {
            Ok(report) => {
                passed += 1;
                total.add(&report);
            }
            Err(why) => {
                failed += 1;
                let mixed = if args.mixed { " --mixed" } else { "" };
                println!("FAILED {why}\n  replay: cargo sim{mixed} --replay {seed}");
            }
        }
    }
    if args.fresh > 0 {
        println!("fresh seeds: {start} and the {} after it", args.fresh - 1);
    }
    println!("{total:?}");
    println!("{passed} passed, {failed} failed");
    ExitCode::from(u8::from(failed > 0))
}

fn fingerprints() -> ExitCode {
    for seed in sim::FINGERPRINTED {
        RUNNING.store(seed, Ordering::Relaxed);
        match sim::fingerprint(seed) {
            Ok(print) => println!("{seed} {print}"),
            Err(why) => {
                println!("FAILED {why}");
                return ExitCode::FAILURE;
            }
        }
    }
    ExitCode::SUCCESS
}
