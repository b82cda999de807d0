//! Java programs: compiled against the libraries of a pom, and run with them.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::Result;
use tokio::process::Command;

use super::stand::Stand;
use crate::common::cache;
use crate::common::commands::output;
use crate::common::maven;
use crate::common::settings::Settings;

/// A compiled program and all that it needs.
pub(super) struct Program {
    classpath: OsString,
    main: &'static str,
}

impl Program {
    /// Compiles the folders of sources against the pom's libraries.
    pub(super) async fn compile(
        settings: &Settings,
        pom: &str,
        folders: &[&str],
        main: &'static str,
    ) -> Result<Self> {
        let home = home(settings);
        let pom = home.join(pom);
        let libraries = maven::classpath(settings, &pom).await?;
        let mut sources = Vec::new();
        for folder in folders {
            sources.extend(cache::files(&home.join(folder), "java")?);
        }
        let name = format!("classes-{main}");
        let mut inputs = sources.clone();
        inputs.push(pom);
        let classes = cache::made(settings, &name, &inputs, async |folder| {
            let mut javac = Command::new("javac");
            javac.args(["-proc:none", "-cp"]).arg(&libraries);
            javac.arg("-d").arg(folder).args(&sources);
            output(&mut javac, "").await.map(drop)
        })
        .await?;
        let classpath = std::env::join_paths([classes, PathBuf::from(libraries)])?;
        Ok(Program { classpath, main })
    }

    pub(super) fn command(&self) -> Command {
        self.other(self.main)
    }

    /// With a property of the Java machine that names a file.
    pub(super) fn with_property(&self, key: &str, file: &Path) -> Command {
        let mut options = OsString::from(format!("-D{key}="));
        options.push(file);
        let mut java = self.command();
        // Taken before all arguments; its words must not hold spaces, and none of ours does.
        java.env("JDK_JAVA_OPTIONS", options);
        java
    }

    /// Another program that lies in the same libraries.
    pub(super) fn other(&self, main: &str) -> Command {
        let mut java = Command::new("java");
        // Its life is short: what starts fast wins.
        java.args(["-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]);
        java.args(["-Xshare:auto", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"]);
        java.arg("-cp").arg(&self.classpath).arg(main);
        java
    }
}

fn home(settings: &Settings) -> PathBuf {
    settings.root.join("e2e/compat/java")
}

/// ZooKeeper's own client.
pub(super) async fn client_39(stand: &mut Stand) -> Result<()> {
    let folders = ["common", "api", "api39"];
    run(stand, "client-3.9.xml", &folders, "Api39").await
}

/// The same of the oldest series that is still around.
pub(super) async fn client_35(stand: &mut Stand) -> Result<()> {
    run(stand, "client-3.5.xml", &["common", "api"], "Api").await
}

/// Curator's recipes on the client 3.9, with those that need persistent watches.
pub(super) async fn curator_39(stand: &mut Stand) -> Result<()> {
    let folders = ["common", "curator", "curator39"];
    run(stand, "curator-3.9.xml", &folders, "Recipes39").await
}

/// The rest of them on the client 3.5.
pub(super) async fn curator_35(stand: &mut Stand) -> Result<()> {
    run(stand, "curator-3.5.xml", &["common", "curator"], "Recipes").await
}

async fn run(stand: &mut Stand, pom: &str, folders: &[&str], main: &'static str) -> Result<()> {
    let program = Program::compile(&stand.settings, pom, folders, main).await?;
    stand.everywhere(|| program.command()).await
}
