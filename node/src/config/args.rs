//! The command line.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use super::zoo_tls::SecureArgs;
use crate::core::state::rules;

/// Those whose rules this program knows.
fn ensemble_versions() -> clap::builder::RangedU64ValueParser<u32> {
    let (first, newest) = (u64::from(rules::FIRST.0), u64::from(rules::NEWEST.0));
    clap::builder::RangedU64ValueParser::new().range(first..=newest)
}

/// A replicated, ZooKeeper-compatible znode server.
#[derive(Debug, Parser)]
#[command(version, about)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run one server of an ensemble.
    Run(Box<RunArgs>),
    /// Run a whole ensemble in one process on loopback, for development.
    Dev(DevArgs),
    /// Read a ZooKeeper server's snapshot and log into a blank data folder.
    Import(ImportArgs),
    /// Ask a server's admin port a question; exits with 0 if the answer is yes.
    Health(HealthArgs),
    /// Make certificates for TLS between members: an authority, if the folder has none, and a file
    /// for each host with its certificate and key.
    Cert(CertArgs),
    /// Print the version.
    Version,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub(crate) enum LogFormat {
    /// Lines for people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// Settings of one server.
#[derive(Args, Debug)]
pub(crate) struct RunArgs {
    /// A zoo.cfg file; flags and QUORATE_* variables win over it [default: none, or the zoo.cfg
    /// that the ZOO_* variables of ZooKeeper's container image stand for].
    #[arg(long, env = "QUORATE_CONFIG")]
    pub(crate) config: Option<PathBuf>,
    /// The folder for log, snapshots and identity (ZooKeeper's dataDir); needed here or in the
    /// file.
    #[arg(long, env = "QUORATE_DATA_DIR")]
    pub(crate) data_dir: Option<PathBuf>,
    /// IP:PORT where this server listens for clients [default: [::]:2181].
    #[arg(long, env = "QUORATE_CLIENT_ADDR")]
    pub(crate) client_addr: Option<SocketAddr>,
    /// IP:PORT where this server listens for the ensemble's other members [default: [::]:2888].
    #[arg(long, env = "QUORATE_PEER_ADDR")]
    pub(crate) peer_addr: Option<SocketAddr>,
    /// IP:PORT of the admin port, for operators, probes and metrics [default: [::]:8080].
    #[arg(long, env = "QUORATE_ADMIN_ADDR")]
    pub(crate) admin_addr: Option<SocketAddr>,
    /// This server's number, 1 to 254 (ZooKeeper's myid) [default: what the file `myid` in the
    /// data folder holds].
    #[arg(long, env = "QUORATE_SERVER_ID", value_parser = clap::value_parser!(u8).range(1..=254))]
    pub(crate) server_id: Option<u8>,
    /// Take the server's number from the ordinal that ends the host name, plus 1: `zk-0` is 1.
    #[arg(long, env = "QUORATE_SERVER_ID_FROM_HOSTNAME", conflicts_with = "server_id")]
    pub(crate) server_id_from_hostname: bool,
    /// HOST:PORT where other members reach this one. Without a list of servers, a blank server
    /// then waits until an operator forms an ensemble with it or adds it to one.
    #[arg(long, env = "QUORATE_PEER_HOST")]
    pub(crate) peer_host: Option<String>,
    /// HOST:PORT that clients are told in /zookeeper/config [default: the address of the client
    /// port].
    #[arg(long, env = "QUORATE_CLIENT_HOST")]
    pub(crate) client_host: Option<String>,
    /// A file with the bearer token that admin calls must carry; read anew for each call
    /// [default: none, and all calls are refused].
    #[arg(long, env = "QUORATE_ADMIN_TOKEN_FILE")]
    pub(crate) admin_token_file: Option<PathBuf>,
    /// ZooKeeper's tickTime, in milliseconds [default: 2000].
    #[arg(long, env = "QUORATE_TICK_TIME")]
    pub(crate) tick_time: Option<u64>,
    /// The shortest session timeout that a client is granted, in milliseconds [default: 2 ticks].
    #[arg(long, env = "QUORATE_MIN_SESSION_TIMEOUT")]
    pub(crate) min_session_timeout: Option<i32>,
    /// The longest session timeout that a client is granted, in milliseconds [default: 20 ticks].
    #[arg(long, env = "QUORATE_MAX_SESSION_TIMEOUT")]
    pub(crate) max_session_timeout: Option<i32>,
    /// How many transactions are logged between two snapshots (ZooKeeper's snapCount)
    /// [default: 100000].
    #[arg(long, env = "QUORATE_SNAPSHOT_EVERY")]
    pub(crate) snapshot_every: Option<u64>,
    /// How many snapshots are kept, at least 1 (ZooKeeper's autopurge.snapRetainCount)
    /// [default: 3].
    #[arg(long, env = "QUORATE_SNAPSHOT_RETAIN")]
    pub(crate) snapshot_retain: Option<usize>,
    /// The most client connections at the same time; 0: as many as there are file descriptors for.
    #[arg(long, env = "QUORATE_MAX_CLIENT_CONNECTIONS", default_value_t = 0)]
    pub(crate) max_client_connections: usize,
    /// The size of a log segment, in bytes; at least 65536.
    #[arg(long, env = "QUORATE_WAL_SEGMENT_BYTES", default_value_t = 16 << 20)]
    pub(crate) wal_segment_bytes: u64,
    /// Free disk space below which writes that need space are refused, in bytes.
    #[arg(long, env = "QUORATE_DISK_RESERVE_BYTES", default_value_t = 64 << 20)]
    pub(crate) disk_reserve_bytes: u64,
    /// Memory that this process may use, in bytes: from 80 % of it on writes that need memory are
    /// refused; 0: what its control group allows, or all that the machine has.
    #[arg(long, env = "QUORATE_MEMORY_LIMIT_BYTES", default_value_t = 0)]
    pub(crate) memory_limit_bytes: u64,
    /// Memory that the watches of all clients may take, in bytes; beyond it the client that watches
    /// most is disconnected; 0: an eighth of the memory limit, but between 16 MiB and 1 GiB.
    #[arg(long, env = "QUORATE_WATCH_MEMORY_BYTES", default_value_t = 0)]
    pub(crate) watch_memory_bytes: usize,
    /// Make every read linearizable: a quorum is asked before each.
    #[arg(long, env = "QUORATE_LINEARIZABLE_READS")]
    pub(crate) linearizable_reads: bool,
    /// Raise the ensemble to this version as soon as every member's program knows it; after that no
    /// older program starts on its disks [default: only when an admin call asks for it].
    #[arg(long, env = "QUORATE_ENSEMBLE_VERSION", value_parser = ensemble_versions())]
    pub(crate) ensemble_version: Option<u32>,
    /// Before the first start on a blank data folder, take in what a ZooKeeper server left in it (and in
    /// ZooKeeper's dataLogDir). Of several servers, the one with the newest data forms the ensemble.
    #[arg(long, env = "QUORATE_IMPORT_ZOOKEEPER")]
    pub(crate) import_zookeeper: bool,
    #[command(flatten)]
    pub(crate) secure: SecureArgs,
    /// How log lines are written to standard error; QUORATE_LOG filters them, as in `debug`.
    #[arg(long, env = "QUORATE_LOG_FORMAT", value_enum, default_value_t)]
    pub(crate) log_format: LogFormat,
}

/// What is read, and where it goes.
#[derive(Args, Debug)]
pub(crate) struct ImportArgs {
    /// ZooKeeper's dataDir: the folder that holds `version-2`. Its server must not run.
    #[arg(long)]
    pub(crate) from: PathBuf,
    /// ZooKeeper's dataLogDir, if that is another one.
    #[arg(long)]
    pub(crate) log_dir: Option<PathBuf>,
    /// The data folder of the server that is to be started with it; may be the same as --from.
    #[arg(long)]
    pub(crate) data_dir: PathBuf,
}

/// Settings of a development ensemble.
#[derive(Args, Debug)]
pub(crate) struct DevArgs {
    /// How many members the ensemble has.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u8).range(1..=7))]
    pub(crate) members: u8,
    /// The folder for the data of all members.
    #[arg(long, default_value = ".quorate-dev")]
    pub(crate) data: PathBuf,
    /// The first member's client port; the next members' follow it, peer ports lie 700 above and
    /// admin ports 5900 above.
    #[arg(long, default_value_t = 2181, value_parser = clap::value_parser!(u16).range(1..=59_000))]
    pub(crate) client_port: u16,
}

/// What certificates to make.
#[derive(Args, Debug)]
pub(crate) struct CertArgs {
    /// The folder: ca.pem (ssl.quorum.trustStore.location of all members), ca-key.pem, and for each
    /// host HOST.pem (ssl.quorum.keyStore.location of the member there).
    #[arg(long)]
    pub(crate) dir: PathBuf,
    /// How many days the members' certificates last.
    #[arg(long, default_value_t = 365, value_parser = clap::value_parser!(u32).range(1..=3_650))]
    pub(crate) days: u32,
    /// Host names or IP addresses, as the server.N lines have them.
    #[arg(required = true)]
    pub(crate) hosts: Vec<String>,
}

/// What to ask, and whom.
#[derive(Args, Debug)]
pub(crate) struct HealthArgs {
    /// HOST:PORT of the server's admin port.
    #[arg(long, default_value = "127.0.0.1:8080")]
    pub(crate) admin_addr: String,
    /// livez, readyz, startupz or safe-to-stop.
    #[arg(default_value = "readyz")]
    pub(crate) what: String,
}
