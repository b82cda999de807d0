//! `quorate-operator`: runs ensembles on Kubernetes.

use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser as _;
use quorate_operator::args::{Cli, Command};
use quorate_operator::program;

#[tokio::main]
async fn main() -> ExitCode {
    let outcome = match Cli::parse().command {
        Command::Run(args) => program::run(*args).await,
        Command::Crd => quorate_crds::crd_yaml().map_err(Into::into).and_then(|yaml| print(&yaml)),
        Command::Version => print(concat!(env!("CARGO_PKG_VERSION"), "\n")),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nothing is left to tell, if even this cannot be written.
            let _ = writeln!(std::io::stderr(), "quorate-operator: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn print(text: &str) -> anyhow::Result<()> {
    Ok(std::io::stdout().write_all(text.as_bytes())?)
}
