//! `cargo world`: many worlds of `e2e/src/world`, one seed each.
//!
//! [`world`] one of them.

#![allow(clippy::print_stdout, reason = "what a command says on a terminal is its purpose")]

#[path = "../world/mod.rs"]
mod world;

use std::panic::{UnwindSafe, catch_unwind};
use std::process::{Command, ExitCode};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{SystemTime, UNIX_EPOCH};

use clap::Parser;

use world::{Finders, KNOWN, Players, Report};

/// A run of a seed, and of a scenario: what breaks is an error, however it breaks.
const PLAYERS: Players =
    Players { run: |seed| guarded(seed, false).map(drop), act: |play| caught(play) };

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
    /// Plants each fault of the operator's list in turn, and says who finds it: scenarios and as many
    /// seeds as `--runs` says, and of those that stay, the tests of the operator.
    #[arg(long)]
    mutants: bool,
    /// Plants each fault, and asks only who found it when all were hunted last, as `finders.txt` says.
    #[arg(long)]
    known_mutants: bool,
    /// With either: only faults whose name contains this.
    #[arg(long, default_value = "")]
    only: String,
    /// With `--mutants`: asks the operator's tests about every fault.
    #[arg(long)]
    tests: bool,
}

fn main() -> ExitCode {
    let args = Args::parse();
    if args.mutants {
        return mutants(&args);
    }
    if args.known_mutants {
        return known_mutants(&args);
    }
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

/// The table of who finds which fault, hunted anew; a failure if nobody finds one.
fn mutants(args: &Args) -> ExitCode {
    let chosen: Vec<&'static str> =
        world::ALL.iter().copied().filter(|name| name.contains(&args.only)).collect();
    let survivors = each(&chosen, |name| {
        let mut line = world::hunt(name, args.runs, PLAYERS)?;
        if args.tests || !line.in_worlds() {
            line.test = tests(name, &[]);
        }
        println!("{line}");
        if line.in_worlds() || line.test.is_some() {
            Ok(())
        } else {
            Err(format!("nobody finds \"{name}\""))
        }
    });
    println!("{} faults, {survivors} that nobody finds", chosen.len());
    ExitCode::from(u8::from(survivors > 0))
}

/// Asks those who found the faults when they were hunted last.
fn known_mutants(args: &Args) -> ExitCode {
    let lines = match world::known() {
        Ok(lines) => lines,
        Err(why) => {
            println!("{why}");
            return ExitCode::FAILURE;
        }
    };
    let chosen: Vec<&Finders> = lines.iter().filter(|it| it.fault.contains(&args.only)).collect();
    let survivors = each(&chosen, |line| {
        world::still_found(line, PLAYERS)?;
        match &line.test {
            Some(test) if tests(&line.fault, &["--exact", test]).is_none() => {
                Err(format!("\"{}\" is not found any more by {test}", line.fault))
            }
            None if !line.in_worlds() => Err(format!("nobody finds \"{}\"", line.fault)),
            _ => Ok(()),
        }
    });
    println!("{} faults, {survivors} that are not found by who found them", chosen.len());
    ExitCode::from(u8::from(survivors > 0))
}

/// Does this with each, as many at once as there are processors; how many failed.
fn each<T: Sync>(all: &[T], what: impl Fn(&T) -> Result<(), String> + Sync) -> usize {
    // A fault that is found ends in a panic as often as not, and that is no news.
    std::panic::set_hook(Box::new(|_| {}));
    let (next, failures) = (AtomicUsize::new(0), AtomicUsize::new(0));
    thread::scope(|scope| {
        let work = || {
            while let Some(one) = all.get(next.fetch_add(1, Ordering::Relaxed)) {
                if let Err(why) = what(one) {
                    println!("FAILED {why}");
                    failures.fetch_add(1, Ordering::Relaxed);
                }
            }
        };
        let threads = thread::available_parallelism().map_or(1, usize::from);
        (0..threads).for_each(|_| drop(scope.spawn(work)));
    });
    failures.into_inner()
}

/// The first test of the operator's crate that fails with this fault, of those that are chosen.
fn tests(name: &str, chosen: &[&str]) -> Option<String> {
    let suites: [&[&str]; 2] = [&["--lib", "--test", "plan_cases"], &["--test", "model"]];
    suites.into_iter().find_map(|suite| {
        let mut cargo = Command::new("cargo");
        cargo.args(["test", "-q", "-p", "quorate-operator", "--features", "mutants"]);
        cargo.args(suite).arg("--").args(chosen);
        cargo.env("QUORATE_MUTANT", name).env("MODEL_SEEDS", "60");
        let output = cargo.output().ok().filter(|it| !it.status.success())?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let failed = |line: &&str| line.ends_with("--- FAILED");
        let test = text.lines().find(failed).map(|line| line.replace(" --- FAILED", ""));
        Some(test.unwrap_or_else(|| "a test that does not run".to_owned()))
    })
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
    caught(|| world::run(seed, tells))
}

fn caught<T>(run: impl FnOnce() -> Result<T, String> + UnwindSafe) -> Result<T, String> {
    catch_unwind(run).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(|it| (*it).to_owned()));
        Err(format!("a panic: {}", text.unwrap_or_default()))
    })
}
