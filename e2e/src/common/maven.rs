//! Java libraries, as Maven resolves them from the dependencies of a `pom.xml`.

use std::ffi::OsString;
use std::path::Path;

use anyhow::{Context, Result};
use tokio::process::Command;

use crate::common::cache;
use crate::common::commands::output;
use crate::common::settings::Settings;

/// The class path of a pom's dependencies, which lie in the cache by the pom's content.
///
/// # Errors
/// If Maven is missing, or cannot resolve them.
pub(crate) async fn classpath(settings: &Settings, pom: &Path) -> Result<OsString> {
    let stem = pom.file_stem().context("a pom has a name")?;
    let name = format!("jars-{}", stem.display());
    let folder = cache::made(settings, &name, &[pom.to_owned()], async |folder| {
        let mut maven = Command::new("mvn");
        maven
            .args(["--batch-mode", "--quiet", "--no-transfer-progress"])
            .arg("--file")
            .arg(pom)
            .args(["dependency:copy-dependencies", "-DincludeScope=runtime"])
            .arg(format!("-DoutputDirectory={}", folder.display()));
        output(&mut maven, "").await.map(drop)
    })
    .await?;
    Ok(folder.join("*").into_os_string())
}
