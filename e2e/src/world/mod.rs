//! The operator's real plan, and the requests that it makes, on real consensus cores in the simulator:
//! one thread, one clock, one seed a world.
//!
//! [`cluster`] the world and its clock · [`api`] the API server · [`controllers`] Kubernetes' own ·
//! [`kubelet`] servers for pods · [`operator`] who looks, plans and asks · [`sight`] what it reads ·
//! [`judge`] what must hold · [`chaos`] a run of a seed ·
//! [`scenarios`] one operation each, and operators that die at any request of it · [`mutants`] faults that
//! are planted in the operator, and who finds them.

mod api;
mod chaos;
mod cluster;
mod controllers;
mod judge;
mod kubelet;
mod mutants;
mod operator;
mod scenarios;
mod sight;

pub(crate) use self::chaos::{Report, run};
pub(crate) use self::mutants::{ALL, Finders, Players, hunt, known, still_found};

/// Seeds that once found a fault, run before all others.
pub(crate) const KNOWN: [u64; 0] = [];
