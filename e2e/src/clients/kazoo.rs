//! kazoo, the Python client.

use anyhow::{Result, ensure};
use tokio::process::Command;

use super::Clients;
use crate::common::commands::output;

const SCRIPT: &str = include_str!("kazoo.py");

impl Clients {
    /// Uses an ensemble for all that the script does.
    pub(crate) async fn kazoo(&self, connect: &str, root: &str) -> Result<()> {
        exercise(self.inside(&self.python), connect, root).await
    }
}

/// Has a Python run the script.
pub(crate) async fn exercise(mut python: Command, connect: &str, root: &str) -> Result<()> {
    let said = output(python.args(["-", connect, root]), SCRIPT).await?;
    ensure!(said.trim().ends_with("all is well"), "kazoo: {said}");
    Ok(())
}
