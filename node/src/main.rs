//! The server's program: parses, sets logging up, hands over.

use std::process::ExitCode;

/// The system's keeps what is free between what is not: memory that ran short would stay short,
/// whatever clients delete.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    quorate_node::run_program()
}
