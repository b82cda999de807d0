//! From settings to what a server's parts are started with.

use std::path::Path;

use crate::config::notice::Notice;
use crate::config::settings::{ClientAuth, PeerTls, SecurePort, Settings};
use crate::shell::clients::budget::BudgetLimits;
use crate::shell::clients::port::Limits;
use crate::shell::disk::DiskConfig;
use crate::shell::inspect::shown::Shown;
use crate::shell::listeners::Addresses;
use crate::shell::memory;
use crate::shell::server::ServerConfig;
use crate::shell::tls::members::PeerTlsConfig;
use crate::shell::tls::{self, TlsConfig};

/// Asks the system for what the settings leave to it.
pub(super) fn of(settings: Settings) -> ServerConfig {
    let Settings { mut options, data, ports, clients, memory, shown, .. } = settings;
    let memory_limit = memory.limit_bytes.unwrap_or_else(memory::granted);
    options.watch_bytes = memory.watch_bytes.unwrap_or_else(|| memory::for_clients(memory_limit));
    ServerConfig {
        options,
        disk: DiskConfig {
            dir: data.dir,
            log_home: data.log_dir,
            segment_bytes: data.segment_bytes,
            retain: data.snapshots_kept,
            reserve: data.reserve_bytes,
        },
        addresses: Addresses {
            client: ports.client,
            secure: ports.secure.as_ref().map(|it| it.address),
            peer: ports.peer,
            admin: ports.admin,
            metrics: ports.metrics,
        },
        tls: ports.secure.map(certificates),
        peer_tls: settings.peer_tls.map(between_members),
        token_file: settings.admin_token_file,
        limits: Limits {
            frame: clients.frame_bytes,
            connections: clients.connections,
            per_address: clients.per_address,
            budget: BudgetLimits {
                bytes: memory::for_clients(memory_limit),
                requests: clients.requests,
            },
            words: clients.words,
        },
        memory_limit,
        shown: Shown {
            tick_ms: shown.tick_ms,
            conf: shown.conf,
            initial: shown.initial,
            properties: shown.properties,
            prometheus: shown.prometheus,
        },
    }
}

/// A data folder that no server is running on. Only its place matters.
pub(super) fn disk_of(dir: &Path) -> DiskConfig {
    DiskConfig {
        dir: dir.to_owned(),
        log_home: None,
        segment_bytes: 16 << 20,
        retain: 3,
        reserve: 0,
    }
}

fn certificates(port: SecurePort) -> TlsConfig {
    TlsConfig {
        certificates: port.certificates,
        key: port.key,
        authorities: port.authorities,
        client_auth: match port.client_auth {
            ClientAuth::None => tls::ClientAuth::None,
            ClientAuth::Want => tls::ClientAuth::Want,
            ClientAuth::Need => tls::ClientAuth::Need,
        },
    }
}

fn between_members(of: PeerTls) -> PeerTlsConfig {
    PeerTlsConfig {
        files: TlsConfig {
            certificates: of.certificates,
            key: of.key,
            authorities: Some(of.authorities),
            client_auth: tls::ClientAuth::Need,
        },
        dials: of.dials,
        takes_plain: of.takes_plain,
        verifies_names: of.verifies_names,
    }
}

/// Puts what a person should know of the settings into the log.
pub(super) fn tell(notice: &Notice) {
    match notice {
        Notice::Meaningless { line, key } => {
            tracing::info!(line, key, "this setting has no meaning here and is ignored");
        }
        Notice::Unknown { line, key } => {
            tracing::warn!(line, key, "this setting is not known and is ignored");
        }
        Notice::OfFileOnly { property } => {
            tracing::warn!(property, "ZooKeeper takes this from zoo.cfg only: ignored");
        }
        Notice::NoSection { file, section } => {
            let file = file.display();
            tracing::warn!(%file, section, "the JAAS file has no such section: SASL is off");
        }
        Notice::ReconfigIsOperated => tracing::warn!(
            "reconfigEnabled is set, but an operator changes the membership of this server's \
             ensemble: clients' reconfigs are refused"
        ),
    }
}
