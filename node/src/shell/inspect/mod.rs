//! What a server shows of itself, whoever asks: four-letter words, ZooKeeper's admin commands,
//! `/status` and Prometheus take it from here.
//!
//! [`inspector`] puts it together · `facts` what is so at one instant · [`connections`] who is
//! connected · [`shown`] what was set · [`environment`] what the process runs in · [`trace_mask`]
//! ZooKeeper's.

pub(crate) mod connections;
pub(crate) mod environment;
pub(crate) mod inspector;
pub(crate) mod shown;
pub(crate) mod trace_mask;

mod facts;
