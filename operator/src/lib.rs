//! The operator: [`observe`] (every read) → [`plan`] (pure) → [`apply`] (every write).
//!
//! Nothing is remembered between passes: whatever an operator did, its successor can tell from what
//! is there.

pub mod apply;
pub mod args;
pub mod controller;
pub mod lease;
pub mod member_api;
pub mod observability;
pub mod observe;
pub mod plan;
pub mod pods;
pub mod program;
