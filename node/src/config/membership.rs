//! Among whom this server is: the list of servers, where others reach it, and who changes that.

use std::net::SocketAddr;

use super::args::RunArgs;
use super::notice::Notice;
use super::settings::Ports;
use super::zoo_cfg::ZooCfg;
use crate::core::options::{Options, ReconfigPolicy, StaticServer};
use crate::core::raft::config::Role;
use crate::core::types::ServerId;

/// Sets what the core is told of it; `own` is this server's line of the file.
pub(super) fn set(
    options: &mut Options,
    args: &RunArgs,
    file: &ZooCfg,
    own: Option<&StaticServer>,
    ports: &Ports,
    notices: &mut Vec<Notice>,
) {
    options.reconfig = reconfig_policy(args, file);
    if options.reconfig == ReconfigPolicy::Operated {
        notices.push(Notice::ReconfigIsOperated);
    }
    options.static_list = static_list(args, file, options.server, ports.peer);
    options.peer_address = match (&args.peer_host, own) {
        (Some(host), _) => host.clone(),
        (None, Some(own)) => own.peer.clone(),
        (None, None) => ports.peer.to_string(),
    };
    let public = ports.client.or(ports.secure.as_ref().map(|it| it.address));
    let public = public.map(|address| address.to_string());
    options.client_address = args.client_host.clone().or(public).unwrap_or_default();
}

/// Who starts servers without a list of them, or gives them a token, means an operator to decide who
/// is a member: clients that did, too, would work against it.
fn reconfig_policy(args: &RunArgs, file: &ZooCfg) -> ReconfigPolicy {
    let unlisted = file.servers.is_empty() && args.peer_host.is_some();
    let operated = unlisted || args.server_id_from_hostname || args.admin_token_file.is_some();
    match (file.reconfig_enabled, operated) {
        (false, _) => ReconfigPolicy::Off,
        (true, true) => ReconfigPolicy::Operated,
        (true, false) => {
            ReconfigPolicy::Clients { least_voters: if file.never_standalone { 1 } else { 2 } }
        }
    }
}

/// With neither a list nor an address for other members this is a server on its own, which forms
/// an ensemble of one, as ZooKeeper's standalone mode.
fn static_list(
    args: &RunArgs,
    file: &ZooCfg,
    server: ServerId,
    peer: SocketAddr,
) -> Vec<StaticServer> {
    if !file.servers.is_empty() || args.peer_host.is_some() {
        return file.servers.clone();
    }
    let peer = peer.to_string();
    vec![StaticServer { server, peer, client: String::new(), role: Role::Voter }]
}
