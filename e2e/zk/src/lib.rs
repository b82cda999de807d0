//! A client's side of ZooKeeper's protocol, for tests and load generators: requests as bytes,
//! answers as values.
//!
//! It is written from ZooKeeper's `zookeeper.jute` and `KeeperException.java`, depends on nothing, and
//! shares nothing with the server's codec: what both had wrong in the same way, no test would see.
//! Neither program may depend on it but in its tests.
//!
//! `jute` numbers and buffers · `frame` lengths around them · `handshake` · `request` to a server ·
//! `reply` of one, and events of watches · `code` of an error · `op` numbers of operations ·
//! `connection` that waits for each answer.

mod code;
mod connection;
pub mod frame;
mod handshake;
mod jute;
pub mod op;
mod reply;
mod request;

pub use code::Code;
pub use connection::{Connection, Failure};
pub use handshake::{Granted, Handshake, Session};
pub use jute::{Jute, Malformed, Reader};
pub use reply::{Part, Reply, Stat, data, parts, path, stat};
pub use request::{Acl, OPEN, Request, flags, multi, raw, xid};
