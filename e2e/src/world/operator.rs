//! An operator: it looks, plans with the plan that ships, and makes the requests that ship with it, one
//! after the other. It may die, be paused or lose replies at any of them.

use std::collections::VecDeque;
use std::rc::Rc;

use quorate_crds::EnsembleStatus;
use quorate_node::Taken;
use quorate_node::sim::Rng;
use quorate_operator::plan::action::{Action, Plan};
use quorate_operator::plan::object::Object;
use quorate_operator::plan::plan;
use quorate_operator::refusals::{Reach, Refusal, Refusals};
use quorate_operator::requests::{self, NoAddress, Request};
use quorate_operator::sight::Sight;

use super::sight::Parts;

/// How long an operator waits for a member's answer, in milliseconds.
const PATIENCE_MS: u64 = 10_000;
/// The token of every ensemble.
const TOKEN: &str = "token";
/// How long after a change it looks again, in milliseconds.
const WAKE_MS: u64 = 200;

/// One thing to ask, in the order of a pass.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    Object(Object),
    Action(Action),
    Status(Box<EnsembleStatus>),
}

/// A step with what it was decided on.
#[derive(Clone)]
pub(crate) struct Asked {
    pub(crate) step: Step,
    pub(crate) sight: Rc<Sight>,
    /// When members were asked, in seconds since the epoch.
    pub(crate) seen: i64,
}

/// Where an operator is: what it may look at, and who takes what it asks.
pub(crate) trait Surroundings {
    /// Milliseconds since the beginning.
    fn now(&self) -> u64;
    /// How many changes of objects there were.
    fn writes(&self) -> u64;
    fn rng(&mut self) -> &mut Rng;
    /// What can be read now, and whether all of it is of this very instant.
    fn read(&mut self) -> (Parts, bool);
    fn see(&self, parts: &Parts) -> Result<Option<Sight>, String>;
    /// A plan was made of a view of this very instant.
    fn judge_plan(&self, sight: &Sight, plan: &Plan) -> Result<(), String>;
    /// What becomes of the next request, and of the operator that makes it.
    fn fate(&mut self, asked: &Asked) -> Fate;
    fn deliver(&mut self, asked: &Asked) -> Result<Outcome, String>;
    /// It is delivered some time later.
    fn delay(&mut self, asked: Asked);
    /// How a call to a member stands.
    fn answer(&self, call: Taken) -> Outcome;
}

/// What came of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Done,
    Refused(String),
    /// Not this, whatever it was decided on.
    Denied(String),
    /// Nobody knows, or it cannot be asked.
    Failed(String),
    /// A member has not answered yet.
    Waits(Taken),
}

/// What happens to a request, and to whoever made it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Arrives,
    /// It is lost, and the operator dies.
    Dies,
    /// It arrives, and the operator dies before it hears of it.
    DiesUnheard,
    /// It arrives some time after the operator has died.
    DiesAndIsLate,
    /// The operator stands still before it, and another one takes over.
    Pauses,
}

struct Pass {
    rest: VecDeque<Step>,
    status: Option<Box<EnsembleStatus>>,
    sight: Rc<Sight>,
    seen: i64,
    /// Seconds to the next look, if all goes well.
    requeue: u64,
    waits: Option<(Taken, u64)>,
    /// What is asked now.
    asks: Option<Step>,
    refusals: Refusals,
}

impl Pass {
    /// The next step that no refusal keeps from being done.
    fn next(&mut self) -> Option<Step> {
        while let Some(step) = self.rest.pop_front() {
            let may = match &step {
                Step::Object(object) => self.refusals.lets_apply(&object.key),
                Step::Action(action) => self.refusals.lets_act(action),
                Step::Status(_) => true,
            };
            if may {
                return Some(step);
            }
        }
        None
    }

    /// What is reported at the end.
    fn report(&mut self) -> Option<Step> {
        let status = self.status.take()?;
        let (told, stated) =
            (self.refusals.iter().cloned().collect::<Vec<_>>(), self.sight.observed.stated());
        Some(Step::Status(Box::new(self.refusals.reported(*status, &stated, &told))))
    }
}

enum Phase {
    /// Until then, or until something changes.
    Rests(u64),
    Acts(Box<Pass>),
}

/// One process of it.
pub(crate) struct Operator {
    phase: Phase,
    /// It stands still until then; after that it ends what it had begun, and dies.
    pub(crate) paused_until: Option<u64>,
    /// The API server's count of writes when it last looked.
    writes: u64,
    pub(crate) dead: bool,
}

impl Operator {
    /// One that looks at this time.
    pub(crate) fn new(at: u64) -> Operator {
        Operator { phase: Phase::Rests(at), paused_until: None, writes: 0, dead: false }
    }

    /// Whether it is the one that looks and decides.
    pub(crate) fn leads(&self) -> bool {
        !self.dead && self.paused_until.is_none()
    }

    /// Goes as far as it can without waiting.
    pub(crate) fn run(&mut self, around: &mut impl Surroundings) -> Result<(), String> {
        let now = around.now();
        if self.paused_until.is_some_and(|until| until > now) {
            return Ok(());
        }
        if let Phase::Rests(until) = self.phase {
            if self.paused_until.is_some() {
                self.dead = true;
                return Ok(());
            }
            let woken = around.writes() != self.writes && now.is_multiple_of(WAKE_MS);
            if now < until && !woken {
                return Ok(());
            }
            self.look(around)?;
        }
        while !self.dead && self.act(around)? {}
        Ok(())
    }

    /// Reads everything and decides.
    fn look(&mut self, around: &mut impl Surroundings) -> Result<(), String> {
        let now = around.now();
        self.writes = around.writes();
        let (parts, fresh) = around.read();
        let Some(sight) = around.see(&parts)? else {
            self.phase = Phase::Rests(now + 20_000);
            return Ok(());
        };
        let Plan { objects, actions, status, requeue, .. } = {
            let plan = plan(&sight.observed);
            if fresh {
                around.judge_plan(&sight, &plan)?;
            }
            plan
        };
        let objects = objects.into_iter().map(Step::Object);
        let rest = objects.chain(actions.into_iter().map(Step::Action)).collect();
        let (sight, seen) = (Rc::new(sight), seen_at(&parts));
        let status = status.map(Box::new);
        let refusals = Refusals::none(&sight.names);
        let (waits, asks) = (None, None);
        self.phase = Phase::Acts(Box::new(Pass {
            rest,
            status,
            sight,
            seen,
            requeue,
            waits,
            asks,
            refusals,
        }));
        Ok(())
    }

    /// The next request of the pass, or the end of it; whether there is more to do now.
    fn act(&mut self, around: &mut impl Surroundings) -> Result<bool, String> {
        let now = around.now();
        let Phase::Acts(pass) = &mut self.phase else { return Ok(false) };
        if let Some((call, deadline)) = pass.waits {
            let outcome = match around.answer(call) {
                Outcome::Waits(_) if now < deadline => return Ok(false),
                Outcome::Waits(_) => Outcome::Failed("no answer".to_owned()),
                outcome => outcome,
            };
            pass.waits = None;
            self.went(&outcome);
            return Ok(true);
        }
        let Some(step) = pass.next().or_else(|| pass.report()) else {
            self.phase = Phase::Rests(now + pass.requeue * 1_000);
            return Ok(false);
        };
        pass.asks = Some(step.clone());
        let asked = Asked { step, sight: Rc::clone(&pass.sight), seen: pass.seen };
        match around.fate(&asked) {
            Fate::Arrives => {}
            Fate::Dies => {
                self.dead = true;
                return Ok(false);
            }
            Fate::DiesUnheard => {
                self.dead = true;
                around.deliver(&asked)?;
                return Ok(false);
            }
            Fate::DiesAndIsLate => {
                self.dead = true;
                around.delay(asked);
                return Ok(false);
            }
            Fate::Pauses => {
                match asked.step {
                    Step::Status(status) => pass.status = Some(status),
                    step => pass.rest.push_front(step),
                }
                self.paused_until = Some(now + around.rng().between(1_000, 40_000));
                return Ok(false);
            }
        }
        match around.deliver(&asked)? {
            Outcome::Waits(call) => {
                pass.waits = Some((call, now + PATIENCE_MS));
                Ok(false)
            }
            outcome => {
                self.went(&outcome);
                Ok(true)
            }
        }
    }

    /// A request was answered. What was refused or failed ends the pass as far as it reaches, but for the
    /// report.
    fn went(&mut self, outcome: &Outcome) {
        let Phase::Acts(pass) = &mut self.phase else { return };
        let (again, reach, why) = match outcome {
            Outcome::Done | Outcome::Waits(_) => return,
            Outcome::Refused(why) => (1, Reach::Everything, why),
            Outcome::Denied(why) => (3, Reach::Dependents, why),
            Outcome::Failed(why) => (3, Reach::Everything, why),
        };
        pass.requeue = again;
        let refusal = |about: String| Refusal { step: "Ask", about, why: why.clone() };
        match &pass.asks {
            Some(Step::Object(object)) => {
                pass.refusals.object(object, reach, refusal(object.key.to_string()));
            }
            Some(Step::Action(action)) => {
                pass.refusals.action(action, reach, refusal(action.to_string()));
            }
            Some(Step::Status(_)) | None => {}
        }
    }
}

fn seen_at(parts: &Parts) -> i64 {
    parts.members.now
}

impl Asked {
    /// What goes over the wire; `None` if there is nothing to say.
    pub(crate) fn request(&self) -> Result<Option<Request>, NoAddress> {
        let Sight { observed, names, .. } = &*self.sight;
        Ok(match &self.step {
            Step::Object(object) => Some(Request::Write(requests::of_object(object))),
            Step::Action(action) => Some(requests::of_action(observed, names, action, TOKEN)?),
            Step::Status(status) => {
                requests::of_status(&observed.ensemble, status).map(Request::Write)
            }
        })
    }
}
