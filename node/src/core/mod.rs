//! What the server decides. Pure: the same state and the same [`input::Input`] give the same
//! [`effect::Effect`]s. Time arrives with each step, entropy arrives inside inputs.
//!
//! [`node`] one server, and in it [`raft`] consensus · [`state`] what is replicated · [`watch`] who
//! waits for changes of it · [`recovery`] what a start makes of a disk, [`import`] what of ZooKeeper's data · [`auth`] who somebody is · [`input`] and [`effect`], with [`op`] what
//! clients say and [`message`] what members say · [`entry`] what the log holds · [`options`] what a
//! server is told, [`status`] what it tells · [`types`] numbers that must not be mixed up ·
//! [`op_name`] short names of requests · [`names`] of children, [`reply_size`] how large answers are,
//! [`sent`] what of them has not left yet · [`prng`] for elections.

pub(crate) mod auth;
pub(crate) mod effect;
pub(crate) mod entry;
pub(crate) mod import;
pub(crate) mod input;
pub(crate) mod message;
pub(crate) mod names;
pub(crate) mod node;
pub(crate) mod op;
pub(crate) mod op_name;
pub(crate) mod options;
pub(crate) mod prng;
pub(crate) mod raft;
pub(crate) mod recovery;
pub(crate) mod reply_size;
pub(crate) mod sent;
pub(crate) mod state;
pub(crate) mod status;
pub(crate) mod types;
pub(crate) mod watch;
