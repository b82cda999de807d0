//! The server's program: parses, sets logging up, hands over.

use std::process::ExitCode;

use clap::Parser;
use quorate_node::{Cli, Command, program};

/// The system's keeps what is free between what is not: memory that ran short would stay short,
/// whatever clients delete.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    let outcome = match Cli::parse().command {
        Command::Run(args) => program::run(&args),
        Command::Dev(args) => program::dev(&args),
        Command::Health(args) => program::health(&args),
        Command::Version => program::version(),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => program::complain(&error),
    }
}
