//! What one server was told, as plain values: checked, and defaulted where the system need not be
//! asked.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

use super::notice::Notice;
use crate::core::options::Options;

/// All settings of one server.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// What decides is told; its `watch_bytes` are of [`MemorySettings`].
    pub(crate) options: Options,
    pub(crate) data: DataSettings,
    pub(crate) ports: Ports,
    /// Between members; `None`: they talk in clear.
    pub(crate) peer_tls: Option<PeerTls>,
    pub(crate) clients: ClientSettings,
    pub(crate) memory: MemorySettings,
    /// Holds the bearer token of operators; `None`: their calls are refused.
    pub(crate) admin_token_file: Option<PathBuf>,
    pub(crate) shown: ShownSettings,
    /// To be made before the start; `None`: it is there, or not needed.
    pub(crate) new_myid: Option<NewFile>,
    /// What a person should know of them.
    pub(crate) notices: Vec<Notice>,
}

/// What survives a restart, and where.
#[derive(Clone, Debug)]
pub(crate) struct DataSettings {
    pub(crate) dir: PathBuf,
    /// `dataLogDir`; `None`: the log lies in `dir`.
    pub(crate) log_dir: Option<PathBuf>,
    /// Bytes of a log segment.
    pub(crate) segment_bytes: u64,
    /// How many snapshots are kept.
    pub(crate) snapshots_kept: usize,
    /// Free bytes below which no new data is taken.
    pub(crate) reserve_bytes: u64,
}

/// Where this server listens.
#[derive(Clone, Debug)]
pub(crate) struct Ports {
    /// For clients without TLS.
    pub(crate) client: Option<SocketAddr>,
    /// For clients with TLS.
    pub(crate) secure: Option<SecurePort>,
    /// For members.
    pub(crate) peer: SocketAddr,
    /// For operators and probes.
    pub(crate) admin: Option<SocketAddr>,
    /// Where ZooKeeper's Prometheus provider would listen.
    pub(crate) metrics: Option<SocketAddr>,
}

/// The client port with TLS, and its PEM files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SecurePort {
    pub(crate) address: SocketAddr,
    /// The server's certificate and its intermediates.
    pub(crate) certificates: PathBuf,
    /// The server's key; may be the same file.
    pub(crate) key: PathBuf,
    /// The authorities of clients' certificates.
    pub(crate) authorities: Option<PathBuf>,
    pub(crate) client_auth: ClientAuth,
}

/// TLS between members, and its PEM files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PeerTls {
    /// This server's certificate and its intermediates.
    pub(crate) certificates: PathBuf,
    /// Its key; may be the same file.
    pub(crate) key: PathBuf,
    /// The authorities of all members' certificates.
    pub(crate) authorities: PathBuf,
    /// Whether it is spoken on links to others.
    pub(crate) dials: bool,
    /// Whether others may speak in clear.
    pub(crate) takes_plain: bool,
    /// Whether a certificate must name the host at which its member is reached.
    pub(crate) verifies_names: bool,
}

/// Whether clients must show a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum ClientAuth {
    /// They are not asked for one.
    None,
    /// They may show one; a wrong one is refused.
    Want,
    /// They must show one.
    Need,
}

/// Bounds of the client ports.
#[derive(Clone, Debug)]
pub(crate) struct ClientSettings {
    /// Bytes of the longest frame (`jute.maxbuffer`).
    pub(crate) frame_bytes: usize,
    /// Connections of all addresses together; 0: any number.
    pub(crate) connections: usize,
    /// Connections of one address (`maxClientCnxns`); 0: any number.
    pub(crate) per_address: usize,
    /// Requests in progress of all clients (`globalOutstandingLimit`); 0: any number.
    pub(crate) requests: usize,
    /// Four-letter words that are answered.
    pub(crate) words: Vec<String>,
}

/// Bytes of memory; what is not given follows from what the system grants.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MemorySettings {
    /// Close to these no new data is taken.
    pub(crate) limit_bytes: Option<u64>,
    /// What the watches of all clients may take.
    pub(crate) watch_bytes: Option<usize>,
}

/// What four-letter words and admin commands show of the settings.
#[derive(Clone, Debug, Default)]
pub(crate) struct ShownSettings {
    /// `tickTime`, in milliseconds.
    pub(crate) tick_ms: u64,
    /// Lines of `conf`, under ZooKeeper's keys.
    pub(crate) conf: Vec<(String, String)>,
    /// The text of zoo.cfg; `None`: there is none, or it holds secrets.
    pub(crate) initial: Option<String>,
    /// ZooKeeper's system properties that were given, with their prefix.
    pub(crate) properties: BTreeMap<String, String>,
    /// Whether `mntr` prints names and numbers as ZooKeeper's Prometheus provider does.
    pub(crate) prometheus: bool,
}

/// A small file that is not there yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NewFile {
    pub(crate) path: PathBuf,
    pub(crate) text: String,
}
