//! The command line.

use std::net::SocketAddr;

use clap::{Args, Parser, Subcommand, ValueEnum};
use k8s_openapi::api::core::v1::LocalObjectReference;
use quorate_crds::ensemble::PullPolicy;

use crate::plan::image::Image;

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
    /// When members pull their image, if their ensemble does not say: Always, IfNotPresent or Never.
    #[arg(long, env = "QUORATE_NODE_IMAGE_PULL_POLICY", value_parser = pull_policy)]
    #[arg(default_value = "IfNotPresent")]
    pub node_image_pull_policy: PullPolicy,
    /// Secrets of their own namespaces that members pull their image with, if their ensemble does not
    /// say, separated by commas.
    #[arg(long, env = "QUORATE_NODE_IMAGE_PULL_SECRETS", value_delimiter = ',')]
    pub node_image_pull_secrets: Vec<String>,
    /// How many ensembles that follow the operator (spec.rollout.follow) are restarted at once for what
    /// another version of it brings. 0: none.
    #[arg(long, env = "QUORATE_FOLLOW_AT_ONCE", default_value_t = 1)]
    pub follow_at_once: usize,
    /// For how long the first of them must have served before any other begins, in seconds.
    #[arg(long, env = "QUORATE_FOLLOW_SOAK_SECONDS", default_value_t = 600)]
    pub follow_soak_seconds: u32,
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
        let named: Vec<Option<String>> = listed(&self.namespaces).map(Some).collect();
        if named.is_empty() { vec![None] } else { named }
    }

    /// What members run whose ensemble does not say.
    pub fn default_image(&self) -> Image {
        let secret = |name: String| LocalObjectReference { name };
        Image {
            reference: self.node_image.clone(),
            pull_policy: self.node_image_pull_policy,
            pull_secrets: listed(&self.node_image_pull_secrets).map(secret).collect(),
        }
    }
}

/// What was given with commas between, and perhaps with blanks.
fn listed(given: &[String]) -> impl Iterator<Item = String> {
    given.iter().map(|it| it.trim()).filter(|it| !it.is_empty()).map(str::to_owned)
}

fn pull_policy(text: &str) -> Result<PullPolicy, String> {
    match text {
        "Always" => Ok(PullPolicy::Always),
        "IfNotPresent" => Ok(PullPolicy::IfNotPresent),
        "Never" => Ok(PullPolicy::Never),
        _ => Err("it is Always, IfNotPresent or Never".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(args: &[&str]) -> Result<Image, clap::Error> {
        let args = ["quorate-operator", "run", "--node-image=q:1"].iter().chain(args);
        match Cli::try_parse_from(args)?.command {
            Command::Run(args) => Ok(args.default_image()),
            Command::Crd | Command::Version => Ok(Image::default()),
        }
    }

    #[test]
    fn how_members_pull_their_image_is_said_in_flags() {
        let image = parsed(&[]).expect("nothing is needed");
        let default = Image { reference: "q:1".to_owned(), ..Image::default() };
        assert_eq!(image, default);
        let given = ["--node-image-pull-policy=Always", "--node-image-pull-secrets=a, b,"];
        let image = parsed(&given).expect("both are known");
        assert_eq!(image.pull_policy, PullPolicy::Always);
        let names: Vec<&str> = image.pull_secrets.iter().map(|it| it.name.as_str()).collect();
        assert_eq!(names, ["a", "b"]);
        let error = parsed(&["--node-image-pull-policy=always"]).expect_err("a typo");
        assert!(error.to_string().contains("Always, IfNotPresent or Never"), "{error}");
    }
}
