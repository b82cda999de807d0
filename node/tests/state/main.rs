//! The replicated state, entry by entry.

mod denials;
mod large;
mod quota;
mod restore;
mod support;
