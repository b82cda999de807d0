//! What the server decides. Pure: the same state and the same [`input::Input`] give the same
//! [`effect::Effect`]s. Time arrives with each step, entropy arrives inside inputs.

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
