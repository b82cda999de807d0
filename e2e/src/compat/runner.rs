//! Runs the scenarios, a few at a time.

use std::time::{Duration, Instant};

use anyhow::{Result, anyhow, ensure};
use futures::StreamExt;

use super::stand::Stand;
use super::{Scenario, all};
use crate::common::progress::{say, seconds};
use crate::common::settings::Settings;
use crate::local::Server;
use crate::local::zookeeper;

/// How many scenarios run at once: most of the time each waits for the other side.
const AT_ONCE: usize = 3;
/// No scenario may hang.
const LIMIT: Duration = Duration::from_secs(300);

fn chosen(filter: &[String]) -> Vec<Scenario> {
    let wanted = |it: &Scenario| filter.is_empty() || filter.iter().any(|w| it.name.contains(w));
    all().into_iter().filter(wanted).collect()
}

/// Prints what there is.
pub(crate) fn list(filter: &[String]) {
    for scenario in chosen(filter) {
        println!("{:<16} {}", scenario.name, scenario.about);
    }
}

/// Runs what was chosen, on a real ZooKeeper if it is the baseline; whether all passed.
pub(crate) async fn run(settings: &Settings, filter: &[String], baseline: bool) -> Result<bool> {
    let chosen = chosen(filter);
    ensure!(!chosen.is_empty(), "no scenario is called so: `cargo e2e compat --list` prints them");
    let server = if baseline {
        zookeeper::server(settings).await?
    } else {
        Server::quorate(settings).await?
    };
    let outcomes: Vec<(&str, Result<()>)> = futures::stream::iter(chosen)
        .map(async |scenario| (scenario.name, one(settings, &server, &scenario).await))
        .buffer_unordered(AT_ONCE)
        .collect()
        .await;
    println!();
    let failed: Vec<_> = outcomes
        .iter()
        .filter_map(|(name, outcome)| Some((name, outcome.as_ref().err()?)))
        .collect();
    for (name, error) in &failed {
        println!("FAILED  {name}: {error:#}");
    }
    println!("{} passed, {} failed", outcomes.len() - failed.len(), failed.len());
    Ok(failed.is_empty())
}

async fn one(settings: &Settings, server: &Server, scenario: &Scenario) -> Result<()> {
    let name = scenario.name;
    say(format!("{name}: {}", scenario.about));
    let begun = Instant::now();
    let mut stand = Stand::set(settings, server, name).await?;
    let outcome = match tokio::time::timeout(LIMIT, (scenario.run)(&mut stand)).await {
        Ok(outcome) => outcome,
        Err(_) => Err(anyhow!("it takes more than {} s", LIMIT.as_secs())),
    };
    let took = seconds(begun.elapsed());
    match &outcome {
        Ok(()) => say(format!("ok      {name} ({took})")),
        Err(error) => {
            say(format!("FAILED  {name} ({took}): {error:#}"));
            stand.ensemble.print_logs(40);
        }
    }
    outcome
}
