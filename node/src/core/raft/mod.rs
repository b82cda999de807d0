//! Consensus: our own sans-I/O Raft. One entry point, [`Raft::step`].

pub mod config;
pub mod event;
