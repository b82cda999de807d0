//! Sessions of the crate zookeeper-client.

use std::time::Duration;

use anyhow::Result;
use zookeeper_client::Client;

use crate::common::until::until;

/// How long one lives without a connection: longer than any planned interruption, and short enough for a lost one to show.
const SESSION: Duration = Duration::from_secs(10);

/// A session. There may be nobody to grant one for a moment.
pub(crate) async fn client(connect: &str) -> Result<Client> {
    client_for(connect, SESSION).await
}

/// The same, which lives so long without a connection.
pub(crate) async fn client_for(connect: &str, session: Duration) -> Result<Client> {
    until("a client is connected", 60, async || {
        Ok(Client::connector().with_session_timeout(session).connect(connect).await?)
    })
    .await
}
