//! Where the server listens: flags win over the file.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use anyhow::bail;

use super::args::RunArgs;
use super::settings::Ports;
use super::zoo_cfg::ZooCfg;
use crate::core::options::StaticServer;
use crate::core::types::ServerId;

const CLIENT_PORT: u16 = 2181;
const PEER_PORT: u16 = 2888;

/// All ports; `own` is this server's line of the file.
pub(super) fn find(
    args: &RunArgs,
    file: &ZooCfg,
    own: Option<&StaticServer>,
    server: ServerId,
) -> anyhow::Result<Ports> {
    let secure = file.tls.secure_port(&args.secure)?;
    let client = match args.client_addr {
        Some(address) => Some(address),
        // As in ZooKeeper: a file may ask for the secure port alone.
        None if file.tls.has_port() && !names_client_port(file, server) => None,
        None => Some(client_address(file, server)?),
    };
    let own_peer_port = own.and_then(|it| it.peer.rsplit(':').next()?.parse().ok());
    let any_peer =
        SocketAddr::new(IpAddr::V6(Ipv6Addr::UNSPECIFIED), own_peer_port.unwrap_or(PEER_PORT));
    Ok(Ports {
        client,
        secure,
        peer: args.peer_addr.unwrap_or(any_peer),
        admin: args.admin_addr.or_else(|| file.ops.admin()),
        metrics: file.ops.metrics(),
    })
}

fn names_client_port(file: &ZooCfg, server: ServerId) -> bool {
    file.client_port.is_some() || file.listens.contains_key(&server)
}

/// The file may say it twice: for all servers, and in this one's own line.
fn client_address(file: &ZooCfg, server: ServerId) -> anyhow::Result<SocketAddr> {
    let own = file.listens.get(&server).copied();
    if let (Some(port), Some((_, own))) = (file.client_port, own)
        && port != own
    {
        let (at, own_at) = (file.place("clientPort"), file.place(&format!("server.{server}")));
        bail!("clientPort {port}{at} differs from the {own} of server.{server}{own_at}");
    }
    let ip = file
        .client_address
        .or(own.and_then(|(ip, _)| ip))
        .unwrap_or(IpAddr::V6(Ipv6Addr::UNSPECIFIED));
    let port = file.client_port.or(own.map(|(_, port)| port));
    Ok(SocketAddr::new(ip, port.unwrap_or(CLIENT_PORT)))
}
