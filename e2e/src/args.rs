//! The command line.

use clap::{Parser, Subcommand};

use crate::{bench, differential};

/// A real Kubernetes on this machine, and the end-to-end tests that run on it.
///
/// With KUBECONFIG in the environment that cluster is used instead: nothing is built and nothing is
/// torn down, and E2E_IMAGE names the image, which the cluster must be able to get. Addresses of
/// pods and Services must be reachable from here.
#[derive(Debug, Parser)]
#[command(name = "cargo e2e", disable_version_flag = true)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Brings up a cluster of three nodes, with the operator installed
    Up,
    /// Stops the cluster and removes all that it left on this machine, except for the cache
    Down,
    /// Shows an ensemble scaling and restarting while a client writes without pause
    Demo {
        /// Leave the cluster and the ensemble, for a look
        #[arg(long)]
        keep: bool,
    },
    /// Runs all tests: `differential`, `compat`, and then those on the cluster
    Test {
        /// Only tests on the cluster, those with one of these in their names
        filter: Vec<String>,
        /// Only print what there is
        #[arg(long)]
        list: bool,
        /// Leave the cluster, and the namespaces of failed tests, for a look
        #[arg(long)]
        keep: bool,
    },
    /// Runs stock clients and applications on ensembles of local processes, without a cluster
    Compat {
        /// Only scenarios with one of these in their names
        filter: Vec<String>,
        /// Only print what there is
        #[arg(long)]
        list: bool,
        /// Try the programs on a real ZooKeeper, to know what is theirs
        #[arg(long)]
        baseline: bool,
    },
    /// Plays seeded histories on Quorate and on a real ZooKeeper, and compares what clients see
    Differential {
        /// How many
        #[arg(long, default_value_t = differential::HISTORIES)]
        histories: u64,
        /// The first seed
        #[arg(long, default_value_t = 1)]
        from: u64,
        /// Only this seed, with all that is said
        #[arg(long)]
        replay: Option<u64>,
        /// Only histories of membership changes, of which there is otherwise one in a hundred
        #[arg(long)]
        membership: bool,
    },
    /// Puts the same load on Quorate and on its peers, without a cluster, and prints ratios
    Bench(bench::Plan),
    /// Uses an ensemble through the crate zookeeper-client (the tests start this)
    #[command(hide = true)]
    RustClient {
        /// HOST:PORT[,HOST:PORT...]
        connect: String,
        /// The znode below which it works
        root: String,
    },
    /// The same while members are restarted (`compat` starts this)
    #[command(hide = true)]
    RustCompat {
        /// HOST:PORT[,HOST:PORT...] of the members that the client knows
        connect: String,
        /// The same of all members
        all: String,
        /// The znode below which it works
        root: String,
    },
}
