//! A real ZooKeeper, to hold Quorate against: from Maven, as `compat/java/server-3.9.xml` names it.

use std::fs;
use std::path::Path;

use anyhow::Result;

use crate::common::maven;
use crate::common::settings::Settings;
use crate::local::Server;

/// The server, resolved and cached.
///
/// # Errors
/// If Maven cannot resolve it.
pub(crate) async fn server(settings: &Settings) -> Result<Server> {
    let pom = settings.root.join("e2e/compat/java/server-3.9.xml");
    Ok(Server::ZooKeeper(maven::classpath(settings, &pom).await?))
}

/// Copies what it has stored from one data folder into another.
///
/// # Errors
/// If a file cannot be read or written.
pub(crate) fn copy_data(from: &Path, to: &Path) -> Result<()> {
    let (from, to) = (from.join("version-2"), to.join("version-2"));
    fs::create_dir_all(&to)?;
    for file in fs::read_dir(from)? {
        let file = file?;
        fs::copy(file.path(), to.join(file.file_name()))?;
    }
    Ok(())
}
