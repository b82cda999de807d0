//! What the server decides. Pure: the same state and the same [`input::Input`] give the same
//! [`effect::Effect`]s. Time arrives with each step, entropy arrives inside inputs.
//!
//! [`node`] one server, and in it [`raft`] consensus · [`state`] what is replicated · [`watch`] who
//! waits for changes of it · [`auth`] who somebody is · [`input`] and [`effect`], with [`op`] what
//! clients say and [`message`] what members say · [`entry`] what the log holds · [`options`] what a
//! server is told, [`status`] what it tells · [`types`] numbers that must not be mixed up ·
//! [`op_name`] short names of requests · [`reply_size`] how large answers are · [`prng`] for elections.

pub mod auth;
pub mod effect;
pub mod entry;
pub mod input;
pub mod message;
pub mod node;
pub mod op;
pub mod op_name;
pub mod options;
pub mod prng;
pub mod raft;
pub mod reply_size;
pub mod state;
pub mod status;
pub mod types;
pub mod watch;
