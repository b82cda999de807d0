//! All I/O, no decisions. The core sits behind one mutex ([`driver`]); whoever has input locks it,
//! steps it, and dispatches the effects onto queues before unlocking. Never I/O under the lock.
//!
//! [`server`] puts a server together · [`driver`] the mutex · `clock` the only reader of time ·
//! [`client_port`] clients · [`tls`] their handshakes on the secure port · [`client_queue`] what
//! waits to be written to them · [`budget`] what they may take together · [`memory`] what the system grants · [`client_stats`] what
//! each did · `words` four-letter words ·
//! [`peer_link`] links we dial, [`peer_queue`] what waits on them · [`peer_port`] links others dial ·
//! [`snapshot_stream`] snapshots between members · [`disk`] durability · [`accept`] listening ·
//! [`admin_port`] connections of the admin port, [`admin_http`] what it answers · `admin_commands`
//! ZooKeeper's commands on it, `admin_views` what they tell, in its `java_json` · `snapshot_download` one of them ·
//! [`metrics`] counters · [`shown`] and `environment` what is told of the set-up ·
//! [`dev`] a whole ensemble in one process · [`program`] the subcommands.

pub mod accept;
pub mod admin_http;
pub mod admin_json;
pub mod admin_port;
pub mod budget;
pub mod client_port;
pub mod client_queue;
pub mod client_stats;
pub mod dev;
pub mod disk;
pub mod driver;
pub mod memory;
pub mod metrics;
pub mod peer_link;
pub mod peer_port;
pub mod peer_queue;
pub mod program;
pub mod server;
pub mod shown;
pub mod snapshot_stream;
pub mod sockets;
pub mod tls;

mod admin_commands;
mod admin_views;
mod clock;
mod environment;
mod java_json;
mod limits;
mod snapshot_download;
mod words;
