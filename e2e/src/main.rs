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

use args::{Args, Command};
use common::settings::Settings;
use stage::{Stage, cluster};
use tests::runner;

#[tokio::main]
async fn main() -> ExitCode {
    let args = Args::parse();
    let interrupted = async {
        // Without a handler for it, an interrupt is never seen here and ends the process.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    let outcome = tokio::select! {
        outcome = run(args.command) => outcome,
        () = interrupted => {
            println!("\ninterrupted: `cargo e2e down` removes what is left");
            return ExitCode::from(130);
        }
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
