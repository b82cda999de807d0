//! What to do. Pure: no client, no async, no clock; equal observations give equal plans.
//!
//! [`observed`] what was seen · [`action`] what can be done, with its preconditions · [`names`]
//! every name · [`quorum`] how many may be absent · [`view`] the ensemble as its leader sees it ·
//! [`desired`] the objects that should exist · [`membership`] forming, growing, shrinking,
//! replacing · [`rollout`] restarting · [`status`] the report · [`invariants`] what no action may
//! break.

pub mod action;
pub mod desired;
pub mod invariants;
pub mod membership;
pub mod names;
pub mod observed;
pub mod quorum;
pub mod rollout;
pub mod status;
pub mod view;

use self::action::{Action, Plan, Proposal};
use self::observed::Observed;
use self::view::View;

/// Seconds to the next look while something is under way, and while nothing is.
const BUSY: u64 = 1;
const IDLE: u64 = 20;

/// Decides. At most one action that disrupts or changes the membership comes out.
pub fn plan(observed: &Observed) -> Plan {
    let view = View::of(observed);
    if observed.ensemble.metadata.deletion_timestamp.is_some() {
        return Plan::nothing();
    }
    let mut proposal = Proposal::default();
    rollout::repair(observed, &view, &mut proposal);
    membership::propose(observed, &view, &mut proposal);
    rollout::propose(observed, &view, &mut proposal);
    let mut action = proposal.action.take();
    if let Some(proposed) = &action
        && let Err(broken) = invariants::check(observed, &view, proposed)
    {
        proposal.block(broken);
        action = None;
    }
    let paused = observed.ensemble.spec.paused;
    let objects =
        if paused { Vec::new() } else { desired::objects(observed, &view, proposal.replicas) };
    if paused {
        action = None;
        proposal.blocked = Some("paused by spec.paused".to_owned());
    }
    let status = status::report(observed, &view, &proposal, action.as_ref());
    let busy = status.operation.is_some() || !view.healthy();
    let stale = if paused { Vec::new() } else { desired::stale_config_maps(observed) };
    let mut actions: Vec<Action> = action.into_iter().collect();
    actions.extend(stale);
    let token = !observed.has_token && !paused;
    if token {
        actions.insert(0, Action::CreateToken { name: names::admin(observed) });
    }
    Plan { objects, actions, status: Some(status), requeue: if busy { BUSY } else { IDLE } }
}
