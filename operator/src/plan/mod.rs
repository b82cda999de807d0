//! What to do. Pure: no client, no async, no clock; equal observations give equal plans.
//!
//! [`observed`] what was seen, [`member`] of a member · [`names`] every name · [`image`] what members run · [`quorum`] how many
//! may be absent · [`view`] the ensemble as its leader sees it, [`reach`] whether it can be seen ·
//! [`adoption`] of what a former resource left ·
//! rooms, each with at most one [`proposal`]: [`formation`] beginning, by what is [`formed`] already ·
//! [`membership`] growing, shrinking, replacing, towards a [`target`] · [`repair`] replacing pods that
//! are broken · [`rollout`] restarting those that serve · [`versions`] raising the version · [`claims`] of volumes ·
//! [`waiting`] for whom, and how long, [`deadline`] of every step. [`step`], [`block`] and
//! [`trouble`] say what is done and what is in the way, [`action`] what can be done, with its
//! preconditions; [`turn`] one pod at a time; [`invariants`] what no action may break, [`broken`] if
//! it would · [`desired`] the objects that should exist, [`pin`] what
//! their template was made of, [`follow`] and [`convoy`] whose turn it is to take another operator's, each an [`object`] · [`status`],
//! [`conditions`] and [`events`] the report.

pub mod action;
pub mod adoption;
pub mod block;
pub mod broken;
pub mod claims;
pub mod conditions;
pub mod convoy;
pub mod deadline;
pub mod desired;
pub mod events;
pub mod follow;
pub mod formation;
pub mod formed;
pub mod image;
pub mod invariants;
pub mod member;
pub mod membership;
pub mod names;
pub mod object;
pub mod observed;
pub mod pin;
pub mod proposal;
pub mod quorum;
pub mod reach;
pub mod repair;
pub mod rollout;
pub mod status;
pub mod step;
pub mod target;
pub mod trouble;
pub mod turn;
pub mod versions;
pub mod view;
pub mod waiting;

use self::action::{Action, Plan};
use self::block::Block;
use self::desired::template::Templates;
use self::names::Names;
use self::object::ObjectKey;
use self::observed::Observed;
use self::proposal::Decision;
use self::view::View;
use crate::mutants::planted;

/// Seconds to the next look while something is under way.
pub(crate) const BUSY: u64 = 1;
/// Seconds to the next look while nothing is.
const IDLE: u64 = 20;

/// Decides. At most one action that disrupts or changes the membership comes out.
pub fn plan(observed: &Observed) -> Plan {
    if observed.ensemble.metadata.deletion_timestamp.is_some() {
        return Plan::nothing();
    }
    let names = Names::of(&observed.ensemble, &observed.cluster_domain);
    let view = View::of(observed);
    let mut decision = decide(observed, &names, &view);
    if decision.blocked.is_none() {
        decision.blocked = deadline::overdue(observed, &decision);
    }
    let adoption = adoption::actions(observed, &names);
    let paused = observed.ensemble.spec.paused && !planted("paused is not paused");
    let foreign = foreign(observed).is_some();
    let adopts = !observed.orphans.is_empty();
    let frozen = paused || foreign || adopts || stale(observed);
    let templates = Templates::of(observed, &names);
    let status = status::report(observed, &names, &view, &templates, &decision);
    let standing = follow::standing(observed, &view, &templates, &decision);
    let busy = status.operation.is_some() || !status::settled(&status);
    let (mut objects, mut actions) = (Vec::new(), Vec::new());
    if !frozen {
        objects = desired::objects(observed, &names, &view, &templates);
        if !observed.has_token {
            actions.push(Action::CreateToken { name: names.admin() });
        }
        actions.extend(decision.action);
        actions.extend(claims::actions(observed, &names, &view));
        actions.extend(desired::stale_config_maps(observed, &names, &templates));
    }
    if let Ok(adoption) = adoption
        && !paused
        && !foreign
    {
        actions.extend(adoption);
    }
    let soon = stale(observed) || (busy && !frozen);
    let due = versions::due_in(observed, &view).filter(|_| !frozen);
    let due = due.map(|seconds| seconds.max(1) as u64);
    let idle = due.map_or(IDLE, |due| IDLE.min(due));
    let requeue = if soon { BUSY } else { idle };
    Plan { objects, actions, status: Some(status), standing, requeue, due }
}

/// The one thing to do: the first room that wants anything has the word, a turn is taken back
/// before, and nothing is done that may not be.
fn decide(observed: &Observed, names: &Names, view: &View) -> Decision {
    if let Some(foreign) = foreign(observed) {
        return Decision::blocked(Block::Foreign(foreign.clone()));
    }
    match adoption::actions(observed, names) {
        Ok(adoption) if adoption.is_empty() => {}
        Ok(_) => return Decision::default(),
        Err(block) => return Decision::blocked(block),
    }
    let proposal = repair::propose(observed, view)
        .or_else(|| formation::propose(observed, names, view))
        .or_else(|| membership::propose(observed, names, view))
        .or_else(|| rollout::propose(observed, names, view))
        .or_else(|| versions::propose(observed, view));
    let mut decision = Decision::from(proposal);
    decision.action = turn::settle(observed, decision.action);
    if observed.ensemble.spec.paused && !planted("paused is not paused") {
        return decision.paused();
    }
    let allowed = decision
        .action
        .as_ref()
        .map_or(Ok(()), |action| invariants::check(observed, names, view, action));
    match allowed {
        Ok(()) => decision,
        Err(broken) => decision.held(Block::Invariant(broken)),
    }
}

/// What has a name of ours and belongs to somebody else.
fn foreign(observed: &Observed) -> Option<&ObjectKey> {
    observed.foreign.as_ref().filter(|_| !planted("a foreign object is none"))
}

/// Whether a newer spec than the one in view was applied already.
fn stale(observed: &Observed) -> bool {
    let generation = observed.stateful_set.as_ref().map(|set| set.ensemble_generation);
    generation.is_some_and(|applied| applied > observed.generation())
        && !planted("an old spec is applied again")
}
