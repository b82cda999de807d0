//! Bytes into values and back. Pure and total: malformed input is an error value, never a panic,
//! and no allocation follows a claimed length.
//!
//! [`jute`] primitives · [`client`] what ZooKeeper's clients say · [`client_reply`] what they are
//! told · [`entry`] log entries, shared by disk and peers · `action` what those do, `short` both in
//! version 2, `configuration` of members · [`peer`] what members say, `hello` who they say they are ·
//! [`record`] the log on disk · [`snapshot`] the replicated state · [`disk`] the other files of the data folder, and what a start finds there · [`versions`] of all
//! these · `compact` short numbers · [`four_letter`] the words that tools send · [`x500`] subjects of
//! certificates · [`zookeeper`] the files of ZooKeeper's servers.

pub mod client;
pub(crate) mod client_reply;
pub(crate) mod disk;
pub mod entry;
pub mod four_letter;
pub mod jute;
pub mod peer;
pub mod record;
pub mod snapshot;
pub(crate) mod versions;
pub mod x500;
pub(crate) mod zookeeper;

mod action;
mod compact;
mod configuration;
#[cfg(test)]
mod golden;
mod hello;
mod short;
