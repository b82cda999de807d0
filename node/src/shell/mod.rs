//! All I/O, no decisions. The core sits behind one mutex ([`driver`]); whoever has input locks it,
//! steps it, and dispatches the effects onto queues before unlocking. Never I/O under the lock.
//!
//! [`server`] puts a server together · [`driver`] the mutex · `clock` the only reader of time ·
//! [`client_port`] clients · [`tls`] their handshakes on the secure port · [`client_queue`] what
//! waits to be written to them · [`budget`] what they may take together · [`memory`] what the system grants · [`client_stats`] what
//! each did · `words` four-letter words ·
//! [`peer_link`] links we dial, [`peer_queue`] what waits on them · [`peer_port`] links others dial ·
//! [`snapshot_stream`] snapshots between members · [`disk`] durability · [`accept`] listening ·
//! [`admin_port`] connections of the admin port, [`admin_http`] what it answers, `admin_status` of
//! itself, [`admin_json`] to operators' calls · `admin_commands`
//! ZooKeeper's commands on it, `admin_views` what they tell, in its `java_json` · `snapshot_download` one of them ·
//! [`metrics`] counters · [`shown`] and `environment` what is told of the set-up ·
//! [`dev`] a whole ensemble in one process · [`program`] the subcommands.

pub(crate) mod accept;
pub(crate) mod admin_http;
pub(crate) mod admin_json;
pub(crate) mod admin_port;
pub(crate) mod budget;
pub(crate) mod client_port;
pub(crate) mod client_queue;
pub(crate) mod client_stats;
pub(crate) mod dev;
pub(crate) mod disk;
pub(crate) mod driver;
pub(crate) mod memory;
pub(crate) mod metrics;
pub(crate) mod peer_link;
pub(crate) mod peer_port;
pub(crate) mod peer_queue;
pub mod program;
pub(crate) mod server;
pub(crate) mod shown;
pub(crate) mod snapshot_stream;
pub(crate) mod sockets;
pub(crate) mod tls;

mod admin_commands;
mod admin_status;
mod admin_views;
mod clock;
mod environment;
mod java_json;
mod limits;
mod snapshot_download;
mod words;
