//! What all of the suite uses. It knows nothing of the rest.
//!
//! `settings` what the environment decides · `progress` what is said meanwhile · `until` waiting on
//! conditions · `http` requests · `commands` programs, run and heard · `scripts` those of `e2e/cluster` · `programs` that
//! go into the image · `cache` what is made once · `maven` Java's libraries.

pub(crate) mod cache;
pub(crate) mod commands;
pub(crate) mod http;
pub(crate) mod maven;
pub(crate) mod programs;
pub(crate) mod progress;
pub(crate) mod scripts;
pub(crate) mod settings;
pub(crate) mod until;
