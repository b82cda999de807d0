//! The operator: `observe` (every read) → [`plan`] (pure) → `apply` (every write).
//!
//! Nothing that decides is remembered between reconciles: whatever an operator did, its successor can
//! tell from what is there. What is kept only spares requests.
//!
//! [`args`] the command line · [`program`] puts the parts together · `lease` whose turn it is among
//! operators · `controller` the loop · `watches` fill a `cache`, and `health` says whether they can be
//! relied upon · `keeper` who looks after one ensemble, at its `pace` · `members` what they say of
//! themselves · `reconcile` one run of observe, plan, apply · `observe` what is read, `said` what Kubernetes says where something does not get on, [`sight`], `pods`
//! and `owned` what is seen in it · [`requests`] what goes over the wire for each step, and what answers say of it ·
//! [`refusals`] what was refused, what that keeps from being done, and who is told ·
//! `apply` sends it · `member_api` calls to members · `api` handles on objects · `error` what can fail,
//! `causes` in words · `observability` metrics and probes, with `labels` · `tell` events for people ·
//! [`mutants`] faults that tests plant.

mod api;
mod apply;
pub mod args;
mod cache;
mod causes;
mod controller;
mod error;
mod health;
mod keeper;
mod labels;
mod lease;
mod member_api;
mod members;
pub mod mutants;
mod observability;
mod observe;
mod owned;
mod pace;
pub mod plan;
mod pods;
pub mod program;
mod reconcile;
pub mod refusals;
pub mod requests;
mod said;
pub mod sight;
mod tell;
mod watches;
