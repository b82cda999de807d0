//! What the program's subcommands do: the command line and the environment become settings
//! ([`config`]), settings become parts (`parts`), and the parts run ([`shell`](crate::shell)). Nothing
//! else knows both sides. `system` is where settings are read from · `dev` a whole ensemble in one
//! process · `cert` certificates for members.
#![allow(clippy::print_stdout, clippy::print_stderr)] // A program talks to its user.

mod cert;
mod dev;
mod parts;
mod system;

use std::io::IsTerminal;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use clap::Parser;
use tokio::runtime::Runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing_subscriber::EnvFilter;

use self::system::System;
use crate::config;
use crate::config::args::{Cli, Command, DevArgs, HealthArgs, ImportArgs, LogFormat, RunArgs};
use crate::shell::disk::intake;
use crate::shell::server::Server;
use crate::shell::{health, limits};

/// Does what the command line of this process asks.
pub fn main() -> ExitCode {
    let outcome = match Cli::parse().command {
        Command::Run(args) => run_server(&args),
        Command::Dev(args) => run_ensemble(&args),
        Command::Import(args) => import_data(&args),
        Command::Health(args) => ask_health(&args),
        Command::Cert(args) => cert::make(&args),
        Command::Version => {
            println!("quorate-node {}", env!("CARGO_PKG_VERSION"));
            Ok(())
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("quorate-node: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Log lines go to standard error, in colours only if that is a terminal.
fn start_logging(format: LogFormat, default_filter: &str) {
    let filter = EnvFilter::try_from_env("QUORATE_LOG").unwrap_or_else(|_| default_filter.into());
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let builder = builder.with_ansi(std::io::stderr().is_terminal());
    match format {
        LogFormat::Text => builder.init(),
        LogFormat::Json => builder.json().init(),
    }
}

fn start_runtime() -> anyhow::Result<Runtime> {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder.enable_all().build().context("start the runtime")
}

/// The wish that this process ends. Listened for from its making on: the first process of a
/// container ignores a signal for which it has no handler.
struct StopSignals {
    term: Signal,
    int: Signal,
}

impl StopSignals {
    fn listen() -> anyhow::Result<StopSignals> {
        Ok(StopSignals {
            term: signal(SignalKind::terminate()).context("listen for SIGTERM")?,
            int: signal(SignalKind::interrupt()).context("listen for SIGINT")?,
        })
    }

    async fn received(&mut self) {
        tokio::select! {
            _ = self.term.recv() => {}
            _ = self.int.recv() => {}
        }
    }
}

/// Runs one server until it is told to stop.
fn run_server(args: &RunArgs) -> anyhow::Result<()> {
    start_logging(args.log_format, "info");
    limits::raise_descriptors();
    let settings = config::resolve(args, &System)?;
    settings.notices.iter().for_each(parts::tell);
    if let Some(file) = &settings.new_myid {
        system::write_new(file)?;
    }
    let config = parts::of(settings);
    if args.import_zookeeper
        && let Some(done) = intake::at_first_start(&config.disk)?
    {
        tracing::info!("{done}");
    }
    let runtime = start_runtime()?;
    let outcome = runtime.block_on(async {
        let mut stop = StopSignals::listen()?;
        let server = tokio::select! {
            server = Server::start(config) => server?,
            () = stop.received() => {
                tracing::info!("stopped before the data folder was recovered");
                return Ok(());
            }
        };
        stop.received().await;
        tracing::info!("stopping: leadership is handed over and clients are let go");
        server.stop().await;
        tracing::info!("stopped");
        Ok(())
    });
    // A recovery that was cut off is not waited for; it may be cut off at any point.
    runtime.shutdown_background();
    outcome
}

/// Runs an ensemble until it is told to stop.
fn run_ensemble(args: &DevArgs) -> anyhow::Result<()> {
    start_logging(LogFormat::Text, "warn");
    limits::raise_descriptors();
    start_runtime()?.block_on(async {
        let mut stop = StopSignals::listen()?;
        let servers = dev::start(args.members, &args.data, args.client_port).await?;
        for server in &servers {
            while !server.serves() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
        println!("{} member(s), data in {}", servers.len(), args.data.display());
        println!("{}", dev::connection_string(&servers));
        stop.received().await;
        for server in servers {
            server.stop().await;
        }
        Ok(())
    })
}

/// Reads ZooKeeper's files into a blank data folder.
fn import_data(args: &ImportArgs) -> anyhow::Result<()> {
    let disk = parts::disk_of(&args.data_dir);
    println!("{}", intake::from(&args.from, args.log_dir.as_deref(), &disk)?);
    Ok(())
}

/// Asks a server's admin port.
fn ask_health(args: &HealthArgs) -> anyhow::Result<()> {
    println!("{}", health::ask(&args.admin_addr, &args.what)?);
    Ok(())
}
