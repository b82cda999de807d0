//! The sockets of all ports, bound before anything else begins.

use std::net::SocketAddr;

use anyhow::Context;

use super::accept::Port;
use super::sockets;

/// Where a server is to listen.
#[derive(Clone, Debug)]
pub(crate) struct Addresses {
    /// For clients without TLS.
    pub(crate) client: Option<SocketAddr>,
    /// For clients with TLS.
    pub(crate) secure: Option<SocketAddr>,
    /// For members.
    pub(crate) peer: SocketAddr,
    /// For operators and probes.
    pub(crate) admin: Option<SocketAddr>,
    /// Where ZooKeeper's Prometheus provider would listen; metrics are on the admin port as well.
    pub(crate) metrics: Option<SocketAddr>,
}

/// Where it listens.
#[derive(Debug)]
pub(super) struct Listeners {
    pub(super) client: Option<Port>,
    pub(super) secure: Option<Port>,
    pub(super) peer: Port,
    pub(super) admin: Option<Port>,
    pub(super) metrics: Option<Port>,
}

impl Listeners {
    pub(super) async fn open(addresses: &Addresses) -> anyhow::Result<Listeners> {
        Ok(Listeners {
            client: open_if(addresses.client, "clients").await?,
            secure: open_if(addresses.secure, "clients with TLS").await?,
            peer: open(addresses.peer, "members").await?,
            admin: open_if(addresses.admin, "operators").await?,
            metrics: open_if(addresses.metrics, "Prometheus").await?,
        })
    }
}

async fn open_if(at: Option<SocketAddr>, who: &'static str) -> anyhow::Result<Option<Port>> {
    match at {
        Some(at) => open(at, who).await.map(Some),
        None => Ok(None),
    }
}

async fn open(at: SocketAddr, who: &'static str) -> anyhow::Result<Port> {
    let listener = sockets::listen(at).await;
    let listener = listener.with_context(|| format!("listen for {who} on {at}"))?;
    let port = Port::new(listener, who);
    if let Some(address) = port.address() {
        tracing::info!(%address, who, "listening");
    }
    Ok(port)
}
