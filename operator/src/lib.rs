//! The operator: `observe` (every read) → [`plan`] (pure) → `apply` (every write).
//!
//! Nothing is remembered between reconciles: whatever an operator did, its successor can tell from
//! what is there.
//!
//! [`args`] the command line · [`program`] puts the parts together · `controller` the loop ·
//! `lease` whose turn it is among operators · `observe` and `pods` what is seen, a `sight` ·
//! `member_api` the members' admin port · `apply` what is done · `api` handles on objects ·
//! `error` what can fail, `causes` in words · `observability` metrics and probes.

mod api;
mod apply;
pub mod args;
mod causes;
mod controller;
mod error;
mod lease;
mod member_api;
mod observability;
mod observe;
pub mod plan;
mod pods;
pub mod program;
mod sight;

/// For worlds without sockets: what is asked of members, and what a pod's object tells.
pub use self::member_api::request_of;
pub use self::pods::summary as pod_summary;
