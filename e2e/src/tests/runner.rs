//! Runs the tests: one after another, each in a namespace of its own that goes with it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow, ensure};
use futures::future::BoxFuture;

use crate::common::progress::{say, seconds};
use crate::common::scripts::tool;
use crate::common::settings::Settings;
use crate::stage::Stage;
use crate::stage::cluster;
use crate::stage::ctx::{Ctx, Skip};
use crate::tests;
use crate::tests::report;

/// No test may hang.
const LIMIT: Duration = Duration::from_secs(420);

/// A test.
pub(crate) struct Test {
    pub(crate) name: &'static str,
    /// What it shows, in words.
    pub(crate) about: &'static str,
    pub(crate) run: fn(Arc<Ctx>) -> BoxFuture<'static, Result<()>>,
}

/// Those whose names hold one of the words; all without words.
fn chosen(filter: &[String]) -> Vec<Test> {
    let wanted = |it: &Test| filter.is_empty() || filter.iter().any(|word| it.name.contains(word));
    tests::all().into_iter().filter(wanted).collect()
}

/// Prints what there is.
pub(crate) fn list(filter: &[String]) {
    for test in chosen(filter) {
        println!("{:<36} {}", test.name, test.about);
    }
}

/// Runs what was chosen; whether all passed.
pub(crate) async fn run(settings: Settings, filter: &[String], keep: bool) -> Result<bool> {
    let chosen = chosen(filter);
    ensure!(!chosen.is_empty(), "no test is called so: `cargo e2e test --list` prints them");
    let stage = Stage::set(settings.clone()).await?;
    // Now, so that no test has to wait for it.
    tool(&settings, "prometheus").await?;
    let (mut passed, mut skipped, mut failed) = (0, 0, Vec::new());
    for test in chosen {
        println!("\n{}: {}", test.name, test.about);
        let begun = Instant::now();
        let outcome = one(&stage, &test, keep).await;
        let took = seconds(begun.elapsed());
        match outcome {
            Ok(()) => {
                println!("ok      {} ({took})", test.name);
                passed += 1;
            }
            Err(error) if error.is::<Skip>() => {
                println!("skipped {}: {error}", test.name);
                skipped += 1;
            }
            Err(error) => {
                println!("FAILED  {} ({took}): {error:#}", test.name);
                failed.push(format!("{}: {error:#}", test.name));
            }
        }
    }
    println!();
    // What was there before stays.
    if !keep && !stage.cluster.found {
        cluster::down(&settings).await?;
    }
    for line in &failed {
        println!("FAILED  {line}");
    }
    let skipped = match skipped {
        0 => String::new(),
        some => format!(", {some} skipped"),
    };
    println!("{passed} passed, {} failed{skipped}", failed.len());
    Ok(failed.is_empty())
}

async fn one(stage: &Arc<Stage>, test: &Test, keep: bool) -> Result<()> {
    let ctx = Ctx::enter(stage, format!("e2e-{}", test.name.replace('_', "-"))).await?;
    // In a task, so that a test that breaks down is one that failed.
    let body = tokio::spawn((test.run)(Arc::clone(&ctx)));
    let abort = body.abort_handle();
    let outcome = match tokio::time::timeout(LIMIT, body).await {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(broken)) => Err(anyhow!("it broke down: {broken}")),
        Err(_) => {
            abort.abort();
            Err(anyhow!("it takes more than {} s", LIMIT.as_secs()))
        }
    };
    if let Err(error) = &outcome
        && !error.is::<Skip>()
    {
        say(format!("FAILED: {error:#}"));
        report::print(&ctx).await;
    }
    if !(keep && outcome.is_err()) {
        ctx.leave().await?;
    }
    outcome
}
