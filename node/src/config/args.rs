//! The command line.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use super::zoo_tls::SecureArgs;

/// A replicated, ZooKeeper-compatible znode server.
#[derive(Debug, Parser)]
#[command(version, about)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run one server.
    Run(Box<RunArgs>),
    /// Run a whole ensemble in one process on loopback.
    Dev(DevArgs),
    /// Ask a server's admin port; exits 0 if the answer is yes.
    Health(HealthArgs),
    /// Print the version.
    Version,
}

/// How log lines look.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// For machines.
    Json,
}

/// Settings of one server.
#[derive(Args, Debug)]
pub struct RunArgs {
    /// A zoo.cfg; flags and environment win over it.
    #[arg(long, env = "QUORATE_CONFIG")]
    pub config: Option<PathBuf>,
    /// The folder for everything that survives a restart.
    #[arg(long, env = "QUORATE_DATA_DIR")]
    pub data_dir: Option<PathBuf>,
    /// Where clients connect [default: [::]:2181].
    #[arg(long, env = "QUORATE_CLIENT_ADDR")]
    pub client_addr: Option<SocketAddr>,
    /// Where members connect [default: [::]:2888].
    #[arg(long, env = "QUORATE_PEER_ADDR")]
    pub peer_addr: Option<SocketAddr>,
    /// Where operators and probes connect [default: [::]:8080].
    #[arg(long, env = "QUORATE_ADMIN_ADDR")]
    pub admin_addr: Option<SocketAddr>,
    /// This server's number (ZooKeeper's myid).
    #[arg(long, env = "QUORATE_SERVER_ID", value_parser = clap::value_parser!(u8).range(1..=254))]
    pub server_id: Option<u8>,
    /// Take the number from the host name's ordinal, plus 1.
    #[arg(long, env = "QUORATE_SERVER_ID_FROM_HOSTNAME", conflicts_with = "server_id")]
    pub server_id_from_hostname: bool,
    /// HOST:PORT that other members dial. A blank server then waits to be formed or adopted.
    #[arg(long, env = "QUORATE_PEER_HOST")]
    pub peer_host: Option<String>,
    /// HOST:PORT that clients are told in /zookeeper/config.
    #[arg(long, env = "QUORATE_CLIENT_HOST")]
    pub client_host: Option<String>,
    /// A file with the bearer token of operators; without it their calls are refused.
    #[arg(long, env = "QUORATE_ADMIN_TOKEN_FILE")]
    pub admin_token_file: Option<PathBuf>,
    /// ZooKeeper's tickTime, in milliseconds.
    #[arg(long, env = "QUORATE_TICK_TIME")]
    pub tick_time: Option<u64>,
    /// In milliseconds [default: 2 ticks].
    #[arg(long, env = "QUORATE_MIN_SESSION_TIMEOUT")]
    pub min_session_timeout: Option<i32>,
    /// In milliseconds [default: 20 ticks].
    #[arg(long, env = "QUORATE_MAX_SESSION_TIMEOUT")]
    pub max_session_timeout: Option<i32>,
    /// Transactions between snapshots.
    #[arg(long, env = "QUORATE_SNAPSHOT_EVERY")]
    pub snapshot_every: Option<u64>,
    /// Snapshots to keep.
    #[arg(long, env = "QUORATE_SNAPSHOT_RETAIN")]
    pub snapshot_retain: Option<usize>,
    /// Client connections; 0 allows any number.
    #[arg(long, env = "QUORATE_MAX_CLIENT_CONNECTIONS", default_value_t = 0)]
    pub max_client_connections: usize,
    /// Bytes of a log segment.
    #[arg(long, env = "QUORATE_WAL_SEGMENT_BYTES", default_value_t = 16 << 20)]
    pub wal_segment_bytes: u64,
    /// Free bytes below which no new data is taken.
    #[arg(long, env = "QUORATE_DISK_RESERVE_BYTES", default_value_t = 64 << 20)]
    pub disk_reserve_bytes: u64,
    /// Bytes of memory close to which no new data is taken; 0: as the control group says.
    #[arg(long, env = "QUORATE_MEMORY_LIMIT_BYTES", default_value_t = 0)]
    pub memory_limit_bytes: u64,
    /// Bytes that all clients' watches may take, beyond which who watches most is let go; 0: an
    /// eighth of the memory limit, but between 16 MiB and 1 GiB.
    #[arg(long, env = "QUORATE_WATCH_MEMORY_BYTES", default_value_t = 0)]
    pub watch_memory_bytes: usize,
    /// Make every read linearizable (each asks a quorum).
    #[arg(long, env = "QUORATE_LINEARIZABLE_READS")]
    pub linearizable_reads: bool,
    /// The secure client port, and SASL.
    #[command(flatten)]
    pub secure: SecureArgs,
    /// How log lines look.
    #[arg(long, env = "QUORATE_LOG_FORMAT", value_enum, default_value_t)]
    pub log_format: LogFormat,
}

/// Settings of a development ensemble.
#[derive(Args, Debug)]
pub struct DevArgs {
    /// How many members.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u8).range(1..=7))]
    pub members: u8,
    /// The folder for the data.
    #[arg(long, default_value = ".quorate-dev")]
    pub data: PathBuf,
    /// The first member's client port; peer ports follow 700 above, admin ports 5900 above.
    #[arg(long, default_value_t = 2181, value_parser = clap::value_parser!(u16).range(1..=59_000))]
    pub client_port: u16,
}

/// What to ask.
#[derive(Args, Debug)]
pub struct HealthArgs {
    /// HOST:PORT of the admin port.
    #[arg(long, default_value = "127.0.0.1:8080")]
    pub admin_addr: String,
    /// livez, readyz, startupz or safe-to-stop.
    #[arg(default_value = "readyz")]
    pub what: String,
}
