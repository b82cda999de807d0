//! Clients: one reader and one writer task for each connection.
//!
//! [`port`] who connects · `reader` what they say · [`queue`] what waits to be
//! written to them, `writer` writes it · [`budget`] what they may take together · [`stats`] what each
//! did · `words` four-letter words.

pub(crate) mod budget;
pub(crate) mod port;
pub(crate) mod queue;
pub(crate) mod stats;

mod reader;
mod words;
mod writer;
