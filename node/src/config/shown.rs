//! What words and admin commands show of the settings.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use super::settings::{Settings, ShownSettings};
use super::zoo_cfg::ZooCfg;
use super::zoo_keys::OF_FILE;
use crate::core::raft::config::Role;
use crate::core::state::election_port;

/// Of a server with these settings; `properties` are those of `JVMFLAGS`.
pub(super) fn of(
    settings: &Settings,
    file: &ZooCfg,
    tick_ms: u64,
    initial: Option<String>,
    properties: &[(String, String)],
) -> ShownSettings {
    let mut shown: BTreeMap<String, String> = properties.iter().cloned().collect();
    for (key, value) in file.values() {
        // What ZooKeeper's parser does not know itself it makes a system property.
        if !OF_FILE.contains(&key) {
            shown.insert(format!("zookeeper.{key}"), value.to_owned());
        }
    }
    shown.retain(|key, _| !secret(key));
    ShownSettings {
        tick_ms,
        conf: conf(settings, file, tick_ms),
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
fn conf(settings: &Settings, file: &ZooCfg, tick_ms: u64) -> Vec<(String, String)> {
    let options = &settings.options;
    let observer = options
        .static_list
        .iter()
        .any(|it| it.server == options.server && it.role == Role::Observer);
    let folder = settings.data.dir.display().to_string();
    let log = settings.data.log_dir.as_ref();
    let peer_port = options.peer_address.rsplit(':').next().unwrap_or_default();
    let port = |address: Option<SocketAddr>| {
        address.map_or("-1".to_owned(), |address| address.port().to_string())
    };
    let secure = settings.ports.secure.as_ref().map(|it| it.address);
    let mut lines = vec![
        ("clientPort", port(settings.ports.client)),
        ("secureClientPort", port(secure)),
        ("dataDir", folder.clone()),
        ("dataLogDir", log.map_or(folder, |dir| dir.display().to_string())),
        ("tickTime", tick_ms.to_string()),
        ("maxClientCnxns", settings.clients.per_address.to_string()),
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
