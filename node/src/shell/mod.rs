//! All I/O, no decisions. The core sits behind one mutex ([`driver`]); whoever has input locks it,
//! steps it, and dispatches the effects onto queues before unlocking. Never I/O under the lock.
//!
//! [`server`] puts a server together · [`driver`] the mutex · `clock` the only reader of time ·
//! [`clients`] their ports · [`peers`] links to other members · [`admin`] the port for operators and
//! probes · [`inspect`] what a server shows of itself · [`disk`] durability · [`tls`] handshakes ·
//! [`metrics`] counters · `chores` what else the core asks for · `notes` what it notes, in the log,
//! `log_limit` not too often · `listeners` bound sockets, [`accept`] connections on them, `seats` how
//! many, `sockets` their options · [`memory`], `disk_space` and [`limits`] what the system grants ·
//! [`health`] asks another process.

pub(crate) mod accept;
pub(crate) mod admin;
pub(crate) mod clients;
pub(crate) mod disk;
pub(crate) mod driver;
pub(crate) mod health;
pub(crate) mod inspect;
pub(crate) mod limits;
pub(crate) mod listeners;
pub(crate) mod memory;
pub(crate) mod metrics;
pub(crate) mod peers;
pub(crate) mod server;
pub(crate) mod tls;

mod chores;
mod clock;
mod disk_space;
mod log_limit;
mod notes;
mod seats;
mod sockets;
