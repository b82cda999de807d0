//! The operator: `observe` (every read) → [`plan`] (pure) → `apply` (every write).
//!
//! Nothing is remembered between reconciles: whatever an operator did, its successor can tell from
//! what is there.
//!
//! [`args`] the command line · [`program`] puts the parts together · `controller` the loop ·
//! `lease` whose turn it is among operators · `observe` what is read, [`sight`] and `pods` what is
//! seen in it · [`requests`] what goes over the wire for each step, and what answers say of it ·
//! `apply` sends it · `member_api` the members' admin port · `api` handles on objects · `error` what
//! can fail, `causes` in words · `observability` metrics and probes ·
//! [`mutants`] faults that tests plant.

mod api;
mod apply;
pub mod args;
mod causes;
mod controller;
mod error;
mod lease;
mod member_api;
pub mod mutants;
mod observability;
mod observe;
pub mod plan;
mod pods;
pub mod program;
pub mod requests;
pub mod sight;
