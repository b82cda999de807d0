//! The command line.

use std::net::SocketAddr;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// The Kubernetes operator for CoordinationEnsemble.
#[derive(Debug, Parser)]
#[command(version, about)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Reconcile ensembles until told to stop.
    Run(Box<RunArgs>),
    /// Print the CustomResourceDefinition.
    Crd,
    /// Print the version.
    Version,
}

/// How log lines look.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// For machines.
    Json,
}

/// Settings of an operator.
#[derive(Args, Clone, Debug)]
pub struct RunArgs {
    /// Namespaces to watch, separated by commas; without any, all of them.
    #[arg(long, env = "QUORATE_WATCH_NAMESPACES", value_delimiter = ',')]
    pub namespaces: Vec<String>,
    /// The image of ensembles that name none.
    #[arg(long, env = "QUORATE_NODE_IMAGE")]
    pub node_image: String,
    /// The cluster's DNS domain; without it names stay relative to the pods' search path.
    #[arg(long, env = "QUORATE_CLUSTER_DOMAIN", default_value = "")]
    pub cluster_domain: String,
    /// Where probes and scrapers connect.
    #[arg(long, env = "QUORATE_HTTP_ADDR", default_value = "[::]:8080")]
    pub http_addr: SocketAddr,
    /// The namespace of the lease; without it, the operator's own.
    #[arg(long, env = "QUORATE_LEASE_NAMESPACE")]
    pub lease_namespace: Option<String>,
    /// The lease's name: operators that share it take turns.
    #[arg(long, env = "QUORATE_LEASE_NAME", default_value = "quorate-operator")]
    pub lease_name: String,
    /// This operator's name in the lease: its pod's.
    #[arg(long, env = "QUORATE_IDENTITY", default_value = "quorate-operator")]
    pub identity: String,
    /// How log lines look.
    #[arg(long, env = "QUORATE_LOG_FORMAT", value_enum, default_value_t)]
    pub log_format: LogFormat,
    /// What is logged, as RUST_LOG says it.
    #[arg(long, env = "QUORATE_LOG", default_value = "info")]
    pub log: String,
}

impl RunArgs {
    /// The namespaces to watch: one `None` stands for all.
    pub fn watched(&self) -> Vec<Option<String>> {
        let named = self.namespaces.iter().map(|it| it.trim()).filter(|it| !it.is_empty());
        let named: Vec<Option<String>> = named.map(|it| Some(it.to_owned())).collect();
        if named.is_empty() { vec![None] } else { named }
    }
}
