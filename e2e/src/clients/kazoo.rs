//! kazoo, the Python client.

use anyhow::{Result, ensure};

use super::Clients;
use crate::kubectl::output;

const SCRIPT: &str = include_str!("kazoo.py");

impl Clients {
    /// Uses an ensemble for all that the script does.
    pub(crate) async fn kazoo(&self, connect: &str, root: &str) -> Result<()> {
        let mut python = self.inside(&self.python);
        let said = output(python.args(["-", connect, root]), SCRIPT).await?;
        ensure!(said.trim().ends_with("all is well"), "kazoo: {said}");
        Ok(())
    }
}
