//! The operator: `observe` (every read) → [`plan`] (pure) → `apply` (every write).

pub mod apply;
pub mod args;
pub mod controller;
pub mod lease;
pub mod member_api;
pub mod observability;
pub mod observe;
pub mod plan;
