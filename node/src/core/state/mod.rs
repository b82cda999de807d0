//! The replicated state: znodes, sessions, counters. Changes only by applied entries.

pub mod image;
