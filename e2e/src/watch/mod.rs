//! Who writes and who looks while something is done to an ensemble, and what they may conclude.
//!
//! `writer` writes without pause · `accounting` what it may conclude · `watcher` of the quorum ·
//! `quorum` what it saw · `load` both.

pub(crate) mod accounting;
pub(crate) mod load;
pub(crate) mod quorum;
pub(crate) mod watcher;
pub(crate) mod writer;
