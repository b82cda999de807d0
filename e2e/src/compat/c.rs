//! The C client, from Debian's packages, which are unpacked and not installed.

use std::path::Path;

use anyhow::{Context, Result};
use tokio::process::Command;

use super::stand::Stand;
use crate::common::cache;
use crate::common::commands::output;

const PACKAGE: &str = "libzookeeper-mt-dev";

/// The multi-threaded client.
pub(super) async fn client(stand: &mut Stand) -> Result<()> {
    let settings = &stand.settings;
    let library = cache::made(settings, PACKAGE, &[], async |folder| unpack(&folder).await).await?;
    let home = settings.root.join("e2e/compat/c");
    let sources = cache::files(&home, "c")?;
    let mut inputs = sources.clone();
    inputs.extend(cache::files(&home, "h")?);
    let folder = cache::made(settings, "c-client", &inputs, async |folder| {
        let mut archive = cache::files(&library, "a")?;
        let archive = archive.pop().context("the package has no library")?;
        let mut gcc = Command::new("gcc");
        gcc.args(["-std=gnu11", "-Wall", "-Wextra", "-Werror", "-DTHREADED", "-I"])
            .arg(library.join("usr/include"))
            .args(&sources)
            .arg(archive)
            .args(["-lpthread", "-lm", "-o"])
            .arg(folder.join("program"));
        output(&mut gcc, "").await.map(drop)
    })
    .await?;
    let program = folder.join("program");
    stand.everywhere(|| Command::new(&program)).await
}

/// Downloads the package and lays its files below a folder.
async fn unpack(folder: &Path) -> Result<()> {
    let download = || {
        let mut apt = Command::new("apt-get");
        // Without the sandbox user, which may not write here.
        apt.current_dir(folder).args(["-qq", "-o", "APT::Sandbox::User=root", "download", PACKAGE]);
        apt
    };
    if output(&mut download(), "").await.is_err() {
        // The list of packages may be missing or old.
        output(Command::new("apt-get").args(["-qq", "update"]), "").await?;
        output(&mut download(), "").await?;
    }
    for package in cache::files(folder, "deb")? {
        output(Command::new("dpkg").arg("-x").arg(&package).arg(folder), "").await?;
    }
    Ok(())
}
