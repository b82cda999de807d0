//! A real ZooKeeper, to hold Quorate against: from Maven, as `compat/java/server-3.9.xml` names it.

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
