//! kazoo and its recipes.

use anyhow::Result;
use tokio::process::Command;

use super::stand::Stand;
use crate::clients::{self, kazoo};

/// The client: at first all that the script of the cluster's tests does, then the program.
pub(super) async fn client(stand: &mut Stand) -> Result<()> {
    let python = clients::venv(&stand.settings, clients::KAZOO, "kazoo").await?;
    for at in 0..stand.ensemble.len() {
        let connect = stand.ensemble.address(at)?;
        kazoo::exercise(Command::new(&python), &connect, &format!("/plain-{at}")).await?;
    }
    let program = stand.settings.root.join("e2e/compat/python/main.py");
    stand
        .everywhere(|| {
            let mut command = Command::new(&python);
            // Nothing is to be written into the checkout.
            command.arg("-B").arg(&program);
            command
        })
        .await
}
