//! What the program's subcommands do.
#![allow(clippy::print_stdout, clippy::print_stderr)] // A program talks to its user.

use std::io::{Read, Write};
use std::net::ToSocketAddrs;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, bail};
use tokio::runtime::Runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing_subscriber::EnvFilter;

use super::server::Server;
use super::{dev, limits};
use crate::config;
use crate::config::args::{DevArgs, HealthArgs, LogFormat, RunArgs};

fn logging(format: LogFormat, fallback: &str) {
    let filter = EnvFilter::try_from_env("QUORATE_LOG").unwrap_or_else(|_| fallback.into());
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match format {
        LogFormat::Text => builder.init(),
        LogFormat::Json => builder.json().init(),
    }
}

fn runtime() -> anyhow::Result<Runtime> {
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
///
/// # Errors
/// When it cannot start; the text says what to do.
pub fn run(args: &RunArgs) -> anyhow::Result<()> {
    logging(args.log_format, "info");
    limits::raise_descriptors();
    let config = config::resolve(args)?;
    let runtime = runtime()?;
    let outcome = runtime.block_on(async {
        let mut stop = StopSignals::listen()?;
        let server = tokio::select! {
            server = Server::start(config) => server?,
            () = stop.received() => {
                tracing::info!("stopped before all was recovered");
                return Ok(());
            }
        };
        tracing::info!(client = ?server.client, secure = ?server.secure, admin = ?server.admin, "up");
        stop.received().await;
        tracing::info!("draining");
        server.stop().await;
        tracing::info!("stopped");
        Ok(())
    });
    // A recovery that was cut off is not waited for; it may be cut off at any point.
    runtime.shutdown_background();
    outcome
}

/// Runs an ensemble until it is told to stop.
///
/// # Errors
/// When it cannot start.
pub fn dev(args: &DevArgs) -> anyhow::Result<()> {
    logging(LogFormat::Text, "warn");
    limits::raise_descriptors();
    runtime()?.block_on(async {
        let mut stop = StopSignals::listen()?;
        let servers = dev::start(args.members, &args.data, args.client_port).await?;
        for server in &servers {
            while !server.driver().status().serving {
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

/// Asks a server's admin port.
///
/// # Errors
/// When it does not answer, or the answer is no.
pub fn health(args: &HealthArgs) -> anyhow::Result<()> {
    let patience = Duration::from_secs(3);
    let address = args.admin_addr.to_socket_addrs().context("resolve the address")?.next();
    let address = address.with_context(|| format!("{} has no address", args.admin_addr))?;
    let mut stream = std::net::TcpStream::connect_timeout(&address, patience)
        .with_context(|| format!("connect to {address}"))?;
    stream.set_read_timeout(Some(patience))?;
    let path = args.what.trim_start_matches('/');
    let host = &args.admin_addr;
    write!(stream, "GET /{path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).context("read the answer")?;
    let body = answer.split("\r\n\r\n").nth(1).unwrap_or_default().trim();
    if !answer.starts_with("HTTP/1.1 200") {
        bail!("{path}: {body}");
    }
    println!("{body}");
    Ok(())
}

/// Prints the version.
///
/// # Errors
/// Never.
pub fn version() -> anyhow::Result<()> {
    println!("quorate-node {}", env!("CARGO_PKG_VERSION"));
    Ok(())
}

/// Says why the program ends.
pub fn complain(error: &anyhow::Error) -> ExitCode {
    eprintln!("quorate-node: {error:#}");
    ExitCode::FAILURE
}
