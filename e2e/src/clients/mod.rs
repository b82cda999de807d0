//! Stock clients, as users have them: kazoo, ZooKeeper's own Java client, and the crate
//! zookeeper-client. They run with the cluster's DNS, so that they see names as pods do.
//!
//! `java` · `kazoo` · `rust` · `session` what others of the suite write and look with.

pub(crate) mod java;
pub(crate) mod kazoo;
pub(crate) mod rust;
pub(crate) mod session;

use std::ffi::OsStr;
use std::path::PathBuf;

use anyhow::Result;
use tokio::fs;
use tokio::process::Command;

use crate::common::commands::output;
use crate::common::progress::say;
use crate::common::settings::Settings;

/// What pip installs.
pub(crate) const KAZOO: &str = "kazoo==2.11.0";

/// Where the clients are.
pub(crate) struct Clients {
    python: PathBuf,
    jars: PathBuf,
    /// Names the cluster's DNS; none where programs see it anyway.
    resolver: Option<PathBuf>,
}

impl Clients {
    /// Needs the packages of the script `packages`.
    pub(crate) async fn prepare(settings: &Settings) -> Result<Self> {
        let python = venv(settings, KAZOO, "kazoo").await?;
        let resolver = settings.foreign.is_none().then(|| settings.state.join("resolv.conf"));
        let jars = settings.cache.join("zookeeper/usr/share/java");
        Ok(Clients { python, jars, resolver })
    }

    /// A program that is to see the cluster's names.
    fn inside(&self, program: impl AsRef<OsStr>) -> Command {
        let Some(resolver) = &self.resolver else {
            return Command::new(program);
        };
        let mut command = Command::new("unshare");
        let script = "mount --bind \"$0\" /etc/resolv.conf && exec \"$@\"";
        command.args(["--mount", "sh", "-c", script]).arg(resolver).arg(program);
        command
    }
}

/// A Python that has what pip installs by this name, in an environment of its own in the cache.
pub(crate) async fn venv(settings: &Settings, package: &str, module: &str) -> Result<PathBuf> {
    let venv = settings.cache.join(package);
    let python = venv.join("bin/python");
    let import = format!("import {module}");
    if output(Command::new(&python).args(["-c", &import]), "").await.is_err() {
        say(format!("installing {package}"));
        let _ = fs::remove_dir_all(&venv).await;
        output(Command::new("python3").args(["-m", "venv"]).arg(&venv), "").await?;
        let install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", package];
        output(Command::new(&python).args(install), "").await?;
    }
    Ok(python)
}
