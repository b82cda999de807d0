//! A whole ensemble in one process, on loopback: for development and tests of applications.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;

use anyhow::Context;

use crate::codec::four_letter;
use crate::core::options::{Options, StaticServer};
use crate::core::raft::config::Role;
use crate::core::types::ServerId;
use crate::shell::clients::budget::BudgetLimits;
use crate::shell::clients::port::Limits;
use crate::shell::disk::DiskConfig;
use crate::shell::inspect::shown::Shown;
use crate::shell::listeners::Addresses;
use crate::shell::memory;
use crate::shell::server::{Server, ServerConfig};

fn local(port: u16) -> SocketAddr {
    SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port)
}

/// Starts an ensemble of `members`, client ports from `port` on, data under `dir`.
///
/// # Errors
/// When a folder or a port cannot be used.
pub(super) async fn start(members: u8, dir: &Path, port: u16) -> anyhow::Result<Vec<Server>> {
    let list: Vec<StaticServer> = (0..members)
        .map(|n| StaticServer {
            server: ServerId(n + 1),
            peer: local(port + 700 + u16::from(n)).to_string(),
            client: local(port + u16::from(n)).to_string(),
            role: Role::Voter,
        })
        .collect();
    let mut servers = Vec::new();
    for listed in &list {
        let number = u16::from(listed.server.0 - 1);
        let mut options = Options::new(listed.server);
        options.static_list.clone_from(&list);
        options.peer_address.clone_from(&listed.peer);
        options.client_address.clone_from(&listed.client);
        let config = ServerConfig {
            options,
            disk: DiskConfig {
                dir: dir.join(format!("server-{}", listed.server)),
                log_home: None,
                segment_bytes: 16 << 20,
                retain: 3,
                reserve: 16 << 20,
            },
            addresses: Addresses {
                client: Some(local(port + number)),
                secure: None,
                peer: local(port + 700 + number),
                admin: Some(local(port + 5_900 + number)),
                metrics: None,
            },
            tls: None,
            peer_tls: None,
            token_file: None,
            limits: Limits {
                budget: BudgetLimits::default(),
                frame: 0xF_FFFF,
                connections: 0,
                per_address: 0,
                words: four_letter::WORDS.map(str::to_owned).to_vec(),
            },
            memory_limit: memory::granted(),
            shown: Shown {
                conf: vec![("clientPort".to_owned(), (port + number).to_string())],
                tick_ms: 2_000,
                ..Shown::default()
            },
        };
        let started = Server::start(config).await;
        servers.push(started.with_context(|| format!("start server {}", listed.server))?);
    }
    Ok(servers)
}

/// What clients connect to.
pub(super) fn connection_string(servers: &[Server]) -> String {
    servers
        .iter()
        .filter_map(|it| it.client)
        .map(|client| client.to_string())
        .collect::<Vec<_>>()
        .join(",")
}
