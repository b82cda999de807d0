//! The Quorate server: a replicated, ZooKeeper-compatible znode service.
//!
//! Modules in reading order. Each folder is one class of purity:
//! `core` decides (no clock, files, sockets, threads, randomness), `codec` turns bytes
//! into values and back, `config` turns what a user typed into settings, `shell` does all I/O,
//! `program` makes parts of settings, [`sim`] is a fake world around the core, and `driven` one whose
//! members others run, over the admin port's JSON.
//!
//! All of it is private but what the crate's programs, its tests and the simulated world name; that is
//! listed here, by what it is for: [`run_program`] is the server as a program, [`model`] its
//! values, [`wire`] and [`disk`] their forms outside of the process, [`settings`] the names that users
//! may write.

mod codec;
mod config;
mod core;
#[cfg(feature = "sim")]
mod driven;
mod program;
mod shell;
#[cfg(feature = "sim")]
pub mod sim;

#[cfg(feature = "sim")]
pub use driven::{Answer, Driven, Taken};
pub use program::main as run_program;

/// Values of the core that cross its border, and the replicated state itself.
pub mod model {
    pub use crate::core::auth::SaslUsers;
    pub use crate::core::auth::digest_md5::{Exchange, Step};
    pub use crate::core::entry::{Action, Command, Entry, Origin, Payload};
    pub use crate::core::input::Snapshot;
    pub use crate::core::message::{Capabilities, FormatRange, Hello, PeerMessage, Submission};
    pub use crate::core::op::{
        Acl, Body, Create, ErrorCode, EventType, Id, MultiResult, Op, Read, Reconfig, Write,
    };
    pub use crate::core::prng::Prng;
    pub use crate::core::raft::config::{Config, Member, Role};
    pub use crate::core::raft::event::{HardState, LogWrite, Message, SnapshotMeta};
    pub use crate::core::recovery::{Residence, Surroundings};
    pub use crate::core::state::znode::Lifetime;
    pub use crate::core::state::{Outcome, Overrun, State};
    pub use crate::core::types::{
        EnsembleId, EnsembleVersion, Index, MemberId, Password, ServerId, SessionId, Term, Wall,
        WriteSeq,
    };
}

/// Bytes of clients, members, files and tools, and what reads and writes them.
pub mod wire {
    pub use crate::codec::{client, entry, four_letter, jute, peer, record, snapshot, x500};
}

/// A server's data folder: what a start finds in it, and the thread that writes its log.
pub mod disk {
    pub use crate::shell::disk::{DiskConfig, DiskError, files, recovery, snapshots, writer};
}

/// Names that a `zoo.cfg`, flags and variables may use.
pub mod settings {
    pub use crate::config::{
        container, zoo_auth, zoo_cfg, zoo_keys, zoo_ops, zoo_quorum_tls, zoo_tls,
    };
}
