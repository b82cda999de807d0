//! `cargo e2e`: a real Kubernetes on this machine, and the end-to-end tests that run on it.
//!
//! Commands: `args` the command line · `tests` the operator's, one after another · `demo` ·
//! `compat` stock clients and tools · `differential` histories beside a real ZooKeeper · `bench` the
//! comparison of speeds.
//!
//! What they stand on: `stage` a cluster with the operator · `local` ensembles of processes, without a
//! cluster · `clients` stock ones · `watch` who writes without pause, who looks at the quorum, what both
//! may conclude · `common` what all of them use.

#![allow(clippy::print_stdout, reason = "what a command says on a terminal is its purpose")]

mod args;
mod bench;
mod clients;
mod common;
mod compat;
mod demo;
mod differential;
mod local;
mod stage;
mod tests;
mod watch;

use std::process::ExitCode;

use anyhow::Result;
use clap::Parser;
use tokio::signal::unix::{SignalKind, signal};

use args::{Args, Command};
use common::settings::Settings;
use stage::{Stage, cluster};
use tests::runner;

#[tokio::main]
async fn main() -> ExitCode {
    let args = Args::parse();
    let outcome = tokio::select! {
        // By whom it was told to end, it ends with what it started: processes and folders.
        biased;
        number = told_to_end() => {
            println!("\ninterrupted: `cargo e2e down` removes what is left of a cluster");
            return ExitCode::from(128 + number);
        }
        outcome = run(args.command) => outcome,
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            println!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Waits for a signal that asks for the end; gives its number. Without this they would end the process
/// at once, and members of local ensembles would outlive it.
async fn told_to_end() -> u8 {
    let signals =
        [(SignalKind::interrupt(), 2), (SignalKind::terminate(), 15), (SignalKind::hangup(), 1)];
    let told = signals.map(|(kind, number)| {
        Box::pin(async move {
            // Where it cannot be heard, it is not waited for.
            match signal(kind) {
                Ok(mut told) => told.recv().await,
                Err(_) => std::future::pending().await,
            };
            number
        })
    });
    futures::future::select_all(told).await.0
}

async fn run(command: Command) -> Result<bool> {
    let settings = Settings::from_environment()?;
    match command {
        Command::Up => {
            let stage = Stage::set(settings).await?;
            stage.say_how_to_explore();
            Ok(true)
        }
        Command::Down => cluster::down(&settings).await.map(|()| true),
        Command::Demo { keep } => demo::run(settings, keep).await.map(|()| true),
        Command::Test { list: true, filter, .. } => {
            runner::list(&filter);
            Ok(true)
        }
        Command::Test { filter, keep, .. } if filter.is_empty() && settings.foreign.is_none() => {
            test_all(settings, keep).await
        }
        Command::Test { filter, keep, .. } => runner::run(settings, &filter, keep).await,
        Command::Compat { list: true, filter, .. } => {
            compat::list(&filter);
            Ok(true)
        }
        Command::Compat { filter, baseline, .. } => compat::run(&settings, &filter, baseline).await,
        Command::Differential { histories, from, replay, membership } => {
            let plan = differential::Plan {
                from: replay.unwrap_or(from),
                histories: if replay.is_some() { 1 } else { histories },
                aloud: replay.is_some(),
                membership,
            };
            differential::run(&settings, &plan).await
        }
        Command::Bench(plan) => bench::run(&settings, plan).await,
        Command::RustClient { connect, root } => {
            clients::rust::exercise(&connect, &root).await.map(|()| true)
        }
        Command::RustCompat { connect, all, root } => {
            compat::rust::exercise(&connect, &all, &root).await.map(|()| true)
        }
    }
}

/// Everything, the quickest to tell first. What comes later runs whatever came before.
async fn test_all(settings: Settings, keep: bool) -> Result<bool> {
    let plan = differential::Plan {
        from: 1,
        histories: differential::HISTORIES,
        aloud: false,
        membership: false,
    };
    println!("--- the same histories on Quorate and on ZooKeeper");
    let alike = differential::run(&settings, &plan).await?;
    println!("--- stock clients, tools and applications");
    let compatible = compat::run(&settings, &[], false).await?;
    println!("--- the operator on a cluster");
    let operated = runner::run(settings, &[], keep).await?;
    Ok(alike && compatible && operated)
}
