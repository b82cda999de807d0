//! What words and admin commands show of the settings.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use super::zoo_cfg::ZooCfg;
use super::zoo_keys::OF_FILE;
use crate::core::raft::config::Role;
use crate::core::state::election_port;
use crate::shell::server::ServerConfig;
use crate::shell::shown::Shown;

/// Of a server with these settings; `properties` are those of `JVMFLAGS`.
pub(super) fn of(
    config: &ServerConfig,
    file: &ZooCfg,
    tick_ms: u64,
    initial: Option<String>,
    properties: &[(String, String)],
) -> Shown {
    let mut shown: BTreeMap<String, String> = properties.iter().cloned().collect();
    for (key, value) in file.values() {
        // What ZooKeeper's parser does not know itself it makes a system property.
        if !OF_FILE.contains(&key) {
            shown.insert(format!("zookeeper.{key}"), value.to_owned());
        }
    }
    shown.retain(|key, _| !secret(key));
    Shown {
        tick_ms,
        conf: conf(config, file, tick_ms),
        initial: initial.filter(|text| !text.lines().any(secret)),
        properties: shown,
        prometheus: file.ops.prometheus(),
    }
}

/// ZooKeeper shows passwords to whoever asks; this server does not.
fn secret(key: &str) -> bool {
    let key = key.split('=').next().unwrap_or_default().to_lowercase();
    ["password", "passwd", "superdigest", "secret"].iter().any(|part| key.contains(part))
}

/// Lines of `conf`, in ZooKeeper's order.
fn conf(config: &ServerConfig, file: &ZooCfg, tick_ms: u64) -> Vec<(String, String)> {
    let options = &config.options;
    let observer = options
        .static_list
        .iter()
        .any(|it| it.server == options.server && it.role == Role::Observer);
    let folder = config.disk.dir.display().to_string();
    let log = config.disk.log_home.as_ref();
    let peer_port = options.peer_address.rsplit(':').next().unwrap_or_default();
    let port = |address: Option<SocketAddr>| {
        address.map_or("-1".to_owned(), |address| address.port().to_string())
    };
    let secure = config.tls.as_ref().map(|it| it.address);
    let mut lines = vec![
        ("clientPort", port(config.client)),
        ("secureClientPort", port(secure)),
        ("dataDir", folder.clone()),
        ("dataLogDir", log.map_or(folder, |dir| dir.display().to_string())),
        ("tickTime", tick_ms.to_string()),
        ("maxClientCnxns", config.limits.per_address.to_string()),
        ("minSessionTimeout", options.min_session_timeout_ms.to_string()),
        ("maxSessionTimeout", options.max_session_timeout_ms.to_string()),
        ("clientPortListenBacklog", "-1".to_owned()),
        ("serverId", options.server.to_string()),
    ];
    for key in ["initLimit", "syncLimit"] {
        let given = file.values().find(|(known, _)| *known == key);
        lines.extend(given.map(|(_, value)| (key, value.to_owned())));
    }
    lines.extend([
        ("electionPort", election_port(&options.peer_address).to_string()),
        ("quorumPort", peer_port.to_owned()),
        ("peerType", u8::from(observer).to_string()),
    ]);
    let owned = lines.into_iter();
    owned.map(|(key, value)| (key.to_owned(), value)).collect()
}
