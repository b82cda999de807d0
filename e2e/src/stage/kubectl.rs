//! kubectl, as users run it.

use std::path::PathBuf;

use anyhow::Result;
use tokio::process::Command;

use crate::common::commands::output;

/// kubectl with its cluster.
#[derive(Clone, Debug)]
pub(crate) struct Kubectl {
    pub(crate) program: PathBuf,
    pub(crate) kubeconfig: PathBuf,
}

impl Kubectl {
    /// What it printed; an error holds what it complained about.
    pub(crate) async fn run(&self, args: &[&str]) -> Result<String> {
        output(&mut self.command(args), "").await
    }

    /// The same with something to read.
    pub(crate) async fn feed(&self, args: &[&str], input: &str) -> Result<String> {
        output(&mut self.command(args), input).await
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.env("KUBECONFIG", &self.kubeconfig).args(args);
        command
    }
}
