//! The Quorate server: a replicated, ZooKeeper-compatible znode service.
//!
//! Modules in reading order. Each folder is one class of purity:
//! [`core`] decides (no clock, files, sockets, threads, randomness), [`codec`] turns bytes
//! into values and back, [`shell`] does all I/O, [`sim`] is a fake world around the core.

pub mod codec;
pub mod config;
pub mod core;
pub mod shell;
#[cfg(feature = "sim")]
pub mod sim;
