//! The scripts under `e2e/cluster`, and the programs that they build.

use std::path::PathBuf;
use std::process::Stdio;

use anyhow::{Context, Result, ensure};
use tokio::process::Command;

use crate::common::settings::Settings;

/// One of the scripts under `e2e/cluster`.
pub(crate) fn script(settings: &Settings, name: &str) -> Command {
    let mut command = Command::new(settings.scripts().join(name));
    command
        .env("E2E_CACHE", &settings.cache)
        .env("E2E_STATE", &settings.state)
        .env_remove("KUBECONFIG");
    command
}

/// A program built from its Go module by the script `build-tool`.
pub(crate) async fn tool(settings: &Settings, name: &str) -> Result<PathBuf> {
    let mut build = script(settings, "build-tool");
    // The path is the last line; what goes on is told on standard error.
    build.arg(name).stderr(Stdio::inherit()).kill_on_drop(true);
    let done = build.output().await?;
    ensure!(done.status.success(), "{name} was not built");
    let path = String::from_utf8(done.stdout)?;
    let path = path.lines().last();
    Ok(path.with_context(|| format!("{name} is nowhere"))?.into())
}
