//! What the user typed ([`args`], [`zoo_cfg`], [`container`]) and what it means ([`ServerConfig`]).
//! Flags and their variables win over the file, the file over ZooKeeper's system properties.

pub(crate) mod args;
pub mod container;
pub(crate) mod jaas;
pub mod zoo_auth;
pub mod zoo_cfg;
pub mod zoo_keys;
pub mod zoo_ops;
pub mod zoo_tls;

mod shown;

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;

use anyhow::{Context, bail};

use self::args::RunArgs;
use self::container::{Process, Source};
use self::zoo_cfg::ZooCfg;
use crate::codec::four_letter;
use crate::core::options::{Options, ReconfigPolicy, StaticServer};
use crate::core::raft::config::Role;
use crate::core::types::ServerId;
use crate::shell::budget::BudgetLimits;
use crate::shell::client_port::Limits;
use crate::shell::disk::DiskConfig;
use crate::shell::memory;
use crate::shell::server::ServerConfig;
use crate::shell::shown::Shown;

/// ZooKeeper's `jute.maxbuffer`.
const FRAME_MAX: usize = 0xF_FFFF;
/// Its `maxClientCnxns`.
const PER_ADDRESS: usize = 60;

/// Puts a server's configuration together.
///
/// # Errors
/// Says which setting is missing or contradicts another.
pub(crate) fn resolve(args: &RunArgs) -> anyhow::Result<ServerConfig> {
    let (file, text) = read(args)?;
    let properties = container::properties(&Process);
    let dir = args.data_dir.clone().or_else(|| file.data_dir.clone());
    let dir = dir.context("say where the data is to lie: --data-dir, or dataDir in the file")?;
    let server = server_id(args, &file, &dir)?;
    let own = file.servers.iter().find(|it| it.server == server);
    if own.is_none() && !file.servers.is_empty() {
        bail!("server {server} (myid) is not among the server.N lines of the file");
    }
    let tls = file.tls.config(&args.secure)?;
    let client = match args.client_addr {
        Some(address) => Some(address),
        // As in ZooKeeper: a file may ask for the secure port alone.
        None if file.tls.has_port() && !names_client_port(&file, server) => None,
        None => Some(client_address(&file, server)?),
    };
    let public = client.or(tls.as_ref().map(|it| it.address));
    let any = |port| SocketAddr::new(IpAddr::V6(Ipv6Addr::UNSPECIFIED), port);
    let own_peer_port = own.and_then(|it| it.peer.rsplit(':').next()?.parse().ok());
    let peer = args.peer_addr.unwrap_or_else(|| any(own_peer_port.unwrap_or(2888)));
    let admin = args.admin_addr.or_else(|| file.ops.admin());

    let mut options = Options::new(server);
    let tick = args.tick_time.or(file.tick_time).unwrap_or(2_000);
    if tick == 0 {
        bail!("tickTime must be more than 0 milliseconds");
    }
    options.tick_ms = tick.min(1_000);
    (options.min_session_timeout_ms, options.max_session_timeout_ms) =
        session_timeouts(args, &file, tick)?;
    // As in ZooKeeper: a server that has not heard a leader for so many ticks lets its clients go.
    if let Some(ticks) = file.sync_limit {
        options.leaderless_grace_ms = tick.saturating_mul(ticks.max(1));
    }
    options.snapshot_every = args.snapshot_every.or(file.snap_count).unwrap_or(100_000).max(1);
    options.linearizable_reads = args.linearizable_reads;
    options.skip_acl = file.skip_acl;
    options.read_only_mode = file.read_only_mode;
    file.ops.reaping(&mut options);
    options.auth = file.auth.options(args.secure.jaas_file.as_deref(), tls.is_some())?;
    options.reconfig = reconfig_policy(args, &file);
    options.static_list = static_list(args, &file, server, peer);
    options.peer_address = match (&args.peer_host, own) {
        (Some(host), _) => host.clone(),
        (None, Some(own)) => own.peer.clone(),
        (None, None) => peer.to_string(),
    };
    options.client_address =
        args.client_host.clone().or(public.map(|address| address.to_string())).unwrap_or_default();
    let retain = args.snapshot_retain.or(file.snap_retain).unwrap_or(3).max(1);
    let memory_limit = match args.memory_limit_bytes {
        0 => memory::granted(),
        bytes => bytes,
    };
    options.watch_bytes = match args.watch_memory_bytes {
        0 => memory::for_clients(memory_limit),
        bytes => bytes,
    };
    let mut config = ServerConfig {
        disk: DiskConfig {
            dir,
            log_home: file.log_dir.clone(),
            segment_bytes: args.wal_segment_bytes.max(1 << 16),
            retain,
            reserve: args.disk_reserve_bytes,
        },
        client,
        tls,
        peer,
        admin,
        metrics: file.ops.metrics(),
        token_file: args.admin_token_file.clone(),
        limits: Limits {
            frame: file.max_buffer.unwrap_or(FRAME_MAX),
            connections: match args.max_client_connections {
                0 => file.ops.max_cnxns.unwrap_or(0),
                most => most,
            },
            per_address: file.max_client_cnxns.unwrap_or(PER_ADDRESS),
            budget: BudgetLimits {
                bytes: memory::for_clients(memory_limit),
                requests: file.outstanding.unwrap_or(0),
            },
            words: four_letter::allowed(file.words.as_deref(), file.read_only_mode),
        },
        memory_limit,
        shown: Shown::default(),
        options,
    };
    config.shown = shown::of(&config, &file, tick, text, &properties);
    Ok(config)
}

/// Who starts servers without a list of them, or gives them a token, means an operator to decide who
/// is a member: clients that did, too, would work against it.
fn reconfig_policy(args: &RunArgs, file: &ZooCfg) -> ReconfigPolicy {
    let unlisted = file.servers.is_empty() && args.peer_host.is_some();
    let operated = unlisted || args.server_id_from_hostname || args.admin_token_file.is_some();
    match (file.reconfig_enabled, operated) {
        (false, _) => ReconfigPolicy::Off,
        (true, true) => {
            let why = "an operator changes the membership of this server's ensemble";
            tracing::warn!(why, "reconfigEnabled is set, and clients are refused all the same");
            ReconfigPolicy::Operated
        }
        (true, false) => {
            ReconfigPolicy::Clients { least_voters: if file.never_standalone { 1 } else { 2 } }
        }
    }
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
    Ok(SocketAddr::new(ip, port.unwrap_or(2181)))
}

/// The shortest and the longest, in milliseconds.
fn session_timeouts(args: &RunArgs, file: &ZooCfg, tick: u64) -> anyhow::Result<(i32, i32)> {
    let ticks = |n: u64| i32::try_from(tick.saturating_mul(n)).unwrap_or(i32::MAX);
    let low = args.min_session_timeout.or(file.min_session_timeout);
    let high = args.max_session_timeout.or(file.max_session_timeout);
    let (low, high) = (low.unwrap_or(ticks(2)), high.unwrap_or(ticks(20)));
    if low > high {
        let (at, high_at) = (file.place("minSessionTimeout"), file.place("maxSessionTimeout"));
        bail!("minSessionTimeout {low}{at} is longer than maxSessionTimeout {high}{high_at}");
    }
    Ok((low, high))
}

fn server_id(args: &RunArgs, file: &ZooCfg, dir: &std::path::Path) -> anyhow::Result<ServerId> {
    if let Some(id) = args.server_id {
        return Ok(ServerId(id));
    }
    if args.server_id_from_hostname {
        let name =
            std::fs::read_to_string("/proc/sys/kernel/hostname").context("read host name")?;
        let ordinal = name.trim().rsplit('-').next().and_then(|it| it.parse::<u8>().ok());
        let id = ordinal.and_then(|it| it.checked_add(1)).filter(|id| *id <= 254);
        let id = id.with_context(|| {
            format!("host name {} does not end in an ordinal, as in name-0", name.trim())
        })?;
        return Ok(ServerId(id));
    }
    let path: PathBuf = dir.join("myid");
    match std::fs::read_to_string(&path) {
        Ok(text) => {
            let id = text.trim().parse().ok().filter(|id| (1..=254).contains(id));
            let id = id.with_context(|| format!("{} must hold 1 to 254", path.display()))?;
            Ok(ServerId(id))
        }
        Err(_) if file.servers.is_empty() => Ok(ServerId(1)),
        Err(_) => {
            bail!("which server.N is this? Write N into {}, or give --server-id N", path.display())
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

/// The file, or what stands for it, with the system properties of the environment.
fn read(args: &RunArgs) -> anyhow::Result<(ZooCfg, Option<String>)> {
    let source = match &args.config {
        Some(path) => Some(Source::File(path.clone())),
        // Whoever says where the data lies does not mean the container image's environment.
        None if args.data_dir.is_some() => None,
        None => {
            let source = container::source(&Process);
            if source.is_some() {
                container::write_id(&Process)?;
            }
            source
        }
    };
    let (text, name) = match source {
        None => (None, String::new()),
        Some(Source::Made(text)) => (Some(text), "made of ZOO_* variables".to_owned()),
        Some(Source::File(path)) => {
            let text = std::fs::read_to_string(&path)
                .with_context(|| format!("read {}", path.display()))?;
            (Some(text), path.display().to_string())
        }
    };
    let mut file = ZooCfg::parse(text.as_deref().unwrap_or_default()).context(name)?;
    if let Some(path) = file.dynamic.clone() {
        let text =
            std::fs::read_to_string(&path).with_context(|| format!("read {}", path.display()));
        file.include(&text?).with_context(|| path.display().to_string())?;
    }
    container::apply(&mut file, &container::properties(&Process))?;
    for (line, key) in &file.ignored {
        tracing::info!(line, key, "this setting has no meaning here and is ignored");
    }
    for (line, key) in &file.unknown {
        tracing::warn!(line, key, "this setting is not known and is ignored");
    }
    Ok((file, text))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::config::args::{Cli, Command};

    #[test]
    fn sync_limit_is_counted_in_ticks_and_only_changed_when_given() {
        let dir = std::env::temp_dir().join(format!("quorate-config-{}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        let grace = |text: &str| {
            let file = dir.join("zoo.cfg");
            let data = dir.display();
            std::fs::write(&file, format!("dataDir={data}\ntickTime=500\n{text}")).unwrap();
            let words = ["quorate-node", "run", "--server-id=1", "--config"].map(Into::into);
            let words = words.into_iter().chain([file.into_os_string()]);
            let Command::Run(args) = Cli::parse_from(words).command else {
                panic!("another command");
            };
            resolve(&args).unwrap().options.leaderless_grace_ms
        };
        let given = grace("syncLimit=12\n");
        let absent = grace("");
        std::fs::remove_dir_all(&dir).unwrap();
        assert_eq!(given, 6_000);
        assert_eq!(absent, Options::new(ServerId(1)).leaderless_grace_ms);
    }

    #[test]
    fn a_file_may_ask_for_the_secure_port_alone_or_for_both() {
        let dir = std::env::temp_dir().join(format!("quorate-secure-{}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        let ports = |text: &str| {
            let file = dir.join("zoo.cfg");
            let data = dir.display();
            let text = format!(
                "dataDir={data}\nssl.keyStore.location=/k.pem\nssl.clientAuth=none\n{text}"
            );
            std::fs::write(&file, text).unwrap();
            let words = ["quorate-node", "run", "--server-id=1", "--config"].map(Into::into);
            let words = words.into_iter().chain([file.into_os_string()]);
            let Command::Run(args) = Cli::parse_from(words).command else {
                panic!("another command");
            };
            let config = resolve(&args).unwrap();
            let port = |address: Option<SocketAddr>| address.map(|it| it.port());
            (port(config.client), port(config.tls.map(|it| it.address)))
        };
        let cases = [
            ("", (Some(2181), None)),
            ("secureClientPort=2281\n", (None, Some(2281))),
            ("secureClientPort=2281\nclientPort=2182\n", (Some(2182), Some(2281))),
            ("secureClientPort=2281\nserver.1=a:2888:3888;2183\n", (Some(2183), Some(2281))),
        ];
        let found: Vec<_> = cases.iter().map(|(text, _)| ports(text)).collect();
        std::fs::remove_dir_all(&dir).unwrap();
        for ((text, expected), found) in cases.iter().zip(found) {
            assert_eq!(found, *expected, "{text}");
        }
    }
}
