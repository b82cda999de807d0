//! What to do. Pure: no client, no async, no clock; equal observations give equal plans.
//!
//! [`observed`] what was seen · [`action`] what can be done, with its preconditions · [`names`]
//! every name · [`quorum`] how many may be absent · [`view`] the ensemble as its leader sees it ·
//! [`desired`] the objects that should exist · [`formation`] beginning · [`membership`] growing,
//! shrinking, replacing · [`rollout`] restarting · [`turn`] one pod at a time · [`status`] and
//! [`events`] the report · [`waiting`] for whom, and how long · [`invariants`] what no action may break.

pub mod action;
pub mod desired;
pub mod events;
pub mod formation;
pub mod invariants;
pub mod membership;
pub mod names;
pub mod observed;
pub mod quorum;
pub mod rollout;
pub mod status;
pub mod turn;
pub mod view;
pub mod waiting;

use self::action::{Action, Plan, Proposal};
use self::observed::Observed;
use self::view::View;

/// Seconds to the next look while something is under way, and while nothing is.
const BUSY: u64 = 1;
const IDLE: u64 = 20;

/// Decides. At most one action that disrupts or changes the membership comes out.
pub fn plan(observed: &Observed) -> Plan {
    if observed.ensemble.metadata.deletion_timestamp.is_some() {
        return Plan::nothing();
    }
    let view = View::of(observed);
    let proposal = propose(observed, &view);
    let frozen = observed.ensemble.spec.paused || observed.foreign.is_some() || stale(observed);
    let status = status::report(observed, &view, &proposal);
    let events = events::of(observed.ensemble.status.as_ref(), &status);
    let busy = status.operation.is_some() || !status::settled(&status);
    let (mut objects, mut actions) = (Vec::new(), Vec::new());
    if !frozen {
        objects = desired::objects(observed, &view);
        if !observed.has_token {
            actions.push(Action::CreateToken { name: names::admin(observed) });
        }
        actions.extend(proposal.action);
        actions.extend(desired::stale_config_maps(observed));
    }
    let soon = stale(observed) || (busy && !frozen);
    let requeue = if soon { BUSY } else { IDLE };
    Plan { objects, actions, status: Some(status), events, requeue }
}

/// The one thing to do, if it may be done.
fn propose(observed: &Observed, view: &View) -> Proposal {
    let mut proposal = Proposal::default();
    if let Some(foreign) = &observed.foreign {
        proposal.block(format!(
            "{foreign} exists and does not belong to this ensemble: rename the ensemble, or \
             remove that object"
        ));
        return proposal;
    }
    rollout::repair(observed, view, &mut proposal);
    formation::propose(observed, view, &mut proposal);
    membership::propose(observed, view, &mut proposal);
    rollout::propose(observed, view, &mut proposal);
    turn::settle(observed, &mut proposal);
    if observed.ensemble.spec.paused {
        proposal.action = None;
        if proposal.operation.is_some() {
            proposal.block("paused by spec.paused");
        }
    }
    if let Some(action) = &proposal.action
        && let Err(broken) = invariants::check(observed, view, action)
    {
        proposal.block(broken);
        proposal.action = None;
    }
    proposal
}

/// Whether a newer spec than the one in view was applied already.
fn stale(observed: &Observed) -> bool {
    let generation = observed.stateful_set.as_ref().map(|set| set.ensemble_generation);
    generation.is_some_and(|applied| applied > observed.generation())
}
