//! Go programs, built from their modules.

use std::path::PathBuf;

use anyhow::Result;
use tokio::process::Command;

use super::stand::Stand;
use crate::common::cache;
use crate::common::commands::output;
use crate::common::settings::Settings;

/// Builds a package in one of the modules below `e2e/compat/go`; gives the program.
pub(super) async fn build(settings: &Settings, module: &str, package: &str) -> Result<PathBuf> {
    let home = settings.root.join("e2e/compat/go").join(module);
    let mut inputs = cache::files(&home, "go")?;
    inputs.extend(["go.mod", "go.sum"].map(|it| home.join(it)));
    let name = format!("go-{module}");
    let folder = cache::made(settings, &name, &inputs, async |folder| {
        let mut go = Command::new("go");
        go.current_dir(&home)
            .args(["build", "-trimpath", "-buildvcs=false", "-o"])
            .arg(folder.join("program"))
            .arg(package);
        output(&mut go, "").await.map(drop)
    })
    .await?;
    Ok(folder.join("program"))
}

/// The client go-zookeeper.
pub(super) async fn client(stand: &mut Stand) -> Result<()> {
    let program = build(&stand.settings, "client", ".").await?;
    stand.everywhere(|| Command::new(&program)).await
}
