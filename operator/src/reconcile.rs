//! One reconcile: observe, plan, apply. What the watches said is enough to find that nothing is to be done;
//! before anything is changed, everything is read live, and decided anew.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Resource as _;
use kube::runtime::events::Recorder;
use quorate_crds::{CoordinationEnsemble, EnsembleStatus};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::Instant;
use tracing::{debug, info, warn};

use crate::apply::{Applier, Outcome};
use crate::cache::{Key, Known};
use crate::error::{Error, Result};
use crate::labels::Acted;
use crate::lease::Leadership;
use crate::members::{self, Answer};
use crate::observability::Metrics;
use crate::observe::{Kept, Observer, now};
use crate::plan::action::{Action, Plan};
use crate::plan::conditions::Stated;
use crate::plan::convoy::{Convoy, Standing};
use crate::plan::events::{self, EventReason};
use crate::plan::names::Names;
use crate::plan::object::{Kind, Object, ObjectKey};
use crate::plan::{BUSY, plan};
use crate::refusals::{self, Before, Reach, Refusal, Refusals};
use crate::sight::Sight;
use crate::tell::tell;

/// A node gives its pods another token within this time, if ever.
const TAKES_A_TOKEN: Duration = Duration::from_secs(120);

/// What reconciles of all ensembles share.
pub(crate) struct Context {
    /// Reads.
    pub(crate) observer: Observer,
    /// Writes.
    pub(crate) applier: Applier,
    /// Whether writes are allowed.
    pub(crate) leadership: Leadership,
    /// Counts.
    pub(crate) metrics: Metrics,
    /// Tells people.
    pub(crate) recorder: Recorder,
    /// Reconciles at once. First come, first served.
    pub(crate) fast: Semaphore,
    /// Reconciles at once of ensembles whose last one failed or was slow, so that those, be they ever so
    /// many, leave the others alone.
    pub(crate) slow: Semaphore,
    /// Whose turn it is to follow this operator.
    pub(crate) convoy: Mutex<Convoy>,
}

impl Context {
    fn convoy(&self) -> MutexGuard<'_, Convoy> {
        self.convoy.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An ensemble is there, and was not looked at yet.
    pub(crate) fn enters(&self, key: &Key) {
        self.convoy().enters(&key.to_string());
    }

    /// An ensemble is gone.
    pub(crate) fn leaves(&self, key: &Key) {
        self.convoy().leaves(&key.to_string());
    }

    /// Whether it is the turn of this ensemble to follow this operator.
    pub(crate) fn may_follow(&self, key: &Key) -> bool {
        // Without a clock nothing is begun.
        now().is_ok_and(|now| self.convoy().may(&key.to_string(), now))
    }

    fn stands(&self, key: &Key, standing: Standing) {
        self.convoy().stands(&key.to_string(), standing);
        let behind = standing == Standing::Behind;
        self.metrics.behind([&key.namespace, &key.name], behind);
    }
}

/// What is remembered between reconciles of one ensemble, only to spare requests: an operator that knows
/// none of it does the same.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    owner: String,
    applied: Applied,
    kept: Kept,
    refused: Before,
    /// Pods, by uid, whose member does not know the token, and since when it was asked in vain.
    refusing: BTreeMap<String, Instant>,
}

impl Memory {
    /// Whatever was of another resource of the same name is forgotten.
    pub(crate) fn belong_to(&mut self, uid: &str) {
        if self.owner != uid {
            *self = Memory { owner: uid.to_owned(), ..Memory::default() };
        }
    }
}

/// The turn of a reconcile, in one of the lanes.
pub(crate) struct Turn<'a> {
    lane: &'a Semaphore,
    permit: Option<SemaphorePermit<'a>>,
}

impl<'a> Turn<'a> {
    /// Waits for it.
    pub(crate) async fn wait(lane: &'a Semaphore) -> Turn<'a> {
        let mut turn = Turn { lane, permit: None };
        turn.comes().await;
        turn
    }

    async fn comes(&mut self) {
        // The lane is never closed.
        self.permit = self.lane.acquire().await.ok();
    }

    fn yields(&mut self) {
        self.permit = None;
    }
}

/// What a reconcile came to.
pub(crate) struct Done {
    /// Whether anything was changed but the report.
    pub(crate) acted: bool,
    /// Whether all is as wanted.
    pub(crate) at_rest: bool,
    /// Whether nothing was refused, the report included.
    pub(crate) clean: bool,
    /// What is reported.
    pub(crate) status: Option<EnsembleStatus>,
    /// Whether everything was read live.
    pub(crate) live: bool,
    /// After which time something is to be done though nothing changes.
    pub(crate) due: Option<Duration>,
}

/// One reconcile of one ensemble.
pub(crate) struct Reconcile<'a> {
    context: &'a Context,
    key: &'a Key,
    known: Arc<Known>,
    answers: Vec<Answer>,
    memory: &'a mut Memory,
    turn: Turn<'a>,
    requests: u32,
}

impl<'a> Reconcile<'a> {
    /// On what the watches said, and on what members answered since the last reconcile.
    pub(crate) fn new(
        context: &'a Context,
        key: &'a Key,
        known: Arc<Known>,
        answers: Vec<Answer>,
        memory: &'a mut Memory,
        turn: Turn<'a>,
    ) -> Reconcile<'a> {
        Reconcile { context, key, known, answers, memory, turn, requests: 0 }
    }

    /// How many requests the API server had so far.
    pub(crate) fn requests(&self) -> u32 {
        self.requests
    }

    /// Does it. `live`: nothing is taken from the cache.
    pub(crate) async fn run(&mut self, live: bool) -> Result<Done> {
        let mut live = live;
        let (sight, plan) = loop {
            let observed = self.observe(live).await;
            if let Err(error) = &observed {
                self.blind(error).await;
            }
            let Some(sight) = observed? else {
                let (acted, at_rest, clean) = (false, true, true);
                return Ok(Done { acted, at_rest, clean, status: None, live, due: None });
            };
            let mut plan = plan(&sight.observed);
            self.context.stands(self.key, plan.standing);
            plan.objects.retain(|object| !self.memory.applied.has(object, &self.known));
            if live || (plan.objects.is_empty() && plan.actions.is_empty()) {
                break (sight, plan);
            }
            live = true;
        };
        let mut refusals = Refusals::none(&sight.names);
        if sight.observed.claims.is_none() {
            refusals.claims_unseen();
        }
        let acted = self.carry_out(&sight, &plan, &mut refusals).await;
        let told = self.note(&refusals);
        let stated = sight.observed.stated();
        let status = plan.status.map(|it| refusals.reported(it, &stated, &told));
        let written = match &status {
            Some(status) => self.report(&sight, status).await?,
            None => true,
        };
        let clean = refusals.is_empty() && written;
        // Of what belongs to others no watch tells.
        let foreign = sight.observed.foreign.is_some();
        let at_rest = plan.requeue > BUSY && !acted && clean && !foreign;
        let due = plan.due.map(Duration::from_secs);
        Ok(Done { acted, at_rest, clean, status, live, due })
    }

    /// Counts and logs what was refused; what is to be told in the report.
    fn note(&mut self, refusals: &Refusals) -> Vec<Refusal> {
        let (namespace, ensemble) = (&self.key.namespace, &self.key.name);
        for refusal in refusals.iter() {
            let Refusal { step, about, why } = refusal;
            self.context.metrics.failed([namespace, ensemble], step);
            if self.memory.refused.has(refusal) {
                debug!(namespace, ensemble, step, about, why, "refused again");
            } else {
                warn!(namespace, ensemble, step, about, why, "refused");
            }
        }
        self.memory.refused.tell(refusals)
    }

    /// What cannot be seen is told on the resource as it was last known.
    async fn blind(&mut self, error: &Error) {
        let Some(ensemble) = self.known.ensemble.clone() else { return };
        let mut refusals = Refusals::none(&Names::of(&ensemble, ""));
        refusals.unseen(error.refusal(String::new()));
        let told = self.memory.refused.tell(&refusals);
        let Ok(now) = now() else { return };
        if told.is_empty() {
            return;
        }
        let before = ensemble.status.as_ref();
        let stated = Stated { before, generation: ensemble.metadata.generation, now };
        let status = refusals::blind(before.cloned().unwrap_or_default(), &stated, &told);
        let key = [self.key.namespace.as_str(), self.key.name.as_str()];
        self.context.metrics.report(key, ensemble.spec.replicas, ensemble.spec.paused, &status);
        if let Err(error) = self.write(&ensemble, &status).await {
            debug!(%error, "not told");
        }
    }

    async fn observe(&mut self, live: bool) -> Result<Option<Sight>> {
        let observer = &self.context.observer;
        let kept = &mut self.memory.kept;
        let turn = self.context.may_follow(self.key);
        let looked = if live {
            observer.live(self.key, &self.known, kept, turn, &mut self.requests).await
        } else {
            observer.cached(&self.known, kept, turn, &mut self.requests).await
        };
        Ok(looked?.map(|mut sight| {
            sight.observed.members = members::heard(&self.answers, &sight.observed.pods);
            self.memory
                .refusing
                .retain(|uid, _| sight.observed.pods.iter().any(|it| it.uid == *uid));
            let refuses = |uid: &String| {
                self.memory.refusing.get(uid).is_some_and(|since| since.elapsed() > TAKES_A_TOKEN)
            };
            let refusing = sight.observed.pods.iter().filter(|pod| refuses(&pod.uid));
            sight.observed.refusing = refusing.map(|pod| pod.ordinal).collect();
            sight
        }))
    }

    /// Objects first, then actions; whether anything was done. What was refused is noted, and ends what
    /// follows as far as it reaches.
    async fn carry_out(&mut self, sight: &Sight, plan: &Plan, refusals: &mut Refusals) -> bool {
        let mut acted = false;
        for object in &plan.objects {
            if refusals.lets_apply(&object.key) {
                acted |= self.apply(sight, object, refusals).await;
            }
        }
        let mut adopted = Vec::new();
        for action in &plan.actions {
            if self.context.leadership.holds() && refusals.lets_act(action) {
                let done = self.act(sight, action, refusals).await;
                acted |= done;
                if let Action::Adopt { key, .. } = action
                    && done
                {
                    adopted.push(key.to_string());
                }
            }
        }
        if !adopted.is_empty() {
            let about = sight.observed.ensemble.object_ref(&());
            let note =
                format!("took over what a resource of this name left: {}", adopted.join(", "));
            self.requests += 1;
            let reason = EventReason::Adopted.to_string();
            tell(&self.context.recorder, &about, false, reason, &note).await;
        }
        acted
    }

    async fn apply(&mut self, sight: &Sight, object: &Object, refusals: &mut Refusals) -> bool {
        self.requests += 1;
        match self.context.applier.object(sight, object).await {
            Ok((Outcome::Done, meta)) => {
                self.memory.applied.note(object, meta.as_ref());
                return true;
            }
            Ok((Outcome::Refused(why) | Outcome::Unauthorized(why), _)) => {
                let why = format!("cannot apply {}: {why}", object.key);
                let about = object.key.to_string();
                let refusal = Refusal { step: "ApplyObject", about, why };
                refusals.object(object, Reach::Everything, refusal);
            }
            Err(error) => {
                let refusal = error.refusal(object.key.to_string());
                refusals.object(object, error.reach(), refusal);
            }
        }
        false
    }

    async fn act(&mut self, sight: &Sight, action: &Action, refusals: &mut Refusals) -> bool {
        let (namespace, ensemble) = (sight.names.namespace(), sight.names.ensemble());
        let (name, about) = (action.name(), action.to_string());
        let outcome = self.send(sight, action).await;
        self.heed(sight, action, outcome.as_ref().ok());
        let (label, refusal) = match outcome {
            Ok(Outcome::Done) => (Acted::Done, None),
            Ok(Outcome::Refused(why) | Outcome::Unauthorized(why)) => {
                let why = format!("{name} of {about} was refused: {why}");
                let refusal = Refusal { step: name, about: about.clone(), why };
                (Acted::Refused, Some((Reach::Everything, refusal)))
            }
            Err(error) => (Acted::Failed, Some((error.reach(), error.refusal(about.clone())))),
        };
        self.context.metrics.acted(name, label);
        let label = label.as_str();
        info!(namespace, ensemble, action = name, subject = about, outcome = label, "acted");
        let done = refusal.is_none();
        if let Some((reach, refusal)) = refusal {
            refusals.action(action, reach, refusal);
        }
        done
    }

    /// Who does not know the token, and since when.
    fn heed(&mut self, sight: &Sight, action: &Action, outcome: Option<&Outcome>) {
        let pod = action.callee().and_then(|ordinal| sight.observed.pod(ordinal));
        let (Some(pod), Some(outcome)) = (pod, outcome) else { return };
        match outcome {
            Outcome::Unauthorized(_) => {
                self.memory.refusing.entry(pod.uid.clone()).or_insert_with(Instant::now);
            }
            Outcome::Done => drop(self.memory.refusing.remove(&pod.uid)),
            Outcome::Refused(_) => {}
        }
    }

    /// One action. Whoever waits for a member's answer is in nobody's way.
    async fn send(&mut self, sight: &Sight, action: &Action) -> Result<Outcome> {
        let calls = action.calls();
        if calls {
            self.turn.yields();
        } else {
            self.requests += 1;
        }
        let outcome = self.context.applier.action(sight, action).await;
        if calls {
            self.turn.comes().await;
        }
        outcome
    }

    async fn report(&mut self, sight: &Sight, status: &EnsembleStatus) -> Result<bool> {
        let ensemble = &sight.observed.ensemble;
        let key = [sight.names.namespace(), sight.names.ensemble()];
        let spec = &ensemble.spec;
        self.context.metrics.report(key, spec.replicas, spec.paused, status);
        self.write(ensemble, status).await
    }

    /// Writes the report, and tells what has changed in it; whether it says now what it should.
    async fn write(
        &mut self,
        ensemble: &CoordinationEnsemble,
        status: &EnsembleStatus,
    ) -> Result<bool> {
        if ensemble.status.as_ref() == Some(status) {
            return Ok(true);
        }
        self.requests += 1;
        let written = self.context.applier.status(ensemble, status).await? == Outcome::Done;
        if written {
            for notice in events::of(ensemble.status.as_ref(), status) {
                let about = ensemble.object_ref(&());
                self.requests += 1;
                let (reason, note) = (notice.reason.to_string(), &notice.note);
                tell(&self.context.recorder, &about, notice.warning, reason, note).await;
            }
        }
        Ok(written)
    }
}

/// What was applied, and how each object looked then: who finds it the same need not apply it again.
#[derive(Debug, Default)]
pub(crate) struct Applied {
    marks: BTreeMap<ObjectKey, Mark>,
}

/// Of what was applied, and of what it became.
#[derive(Debug, PartialEq)]
struct Mark {
    body: u64,
    look: u64,
}

impl Applied {
    /// Whether an object says what was applied last, and nobody has touched it since.
    fn has(&self, object: &Object, known: &Known) -> bool {
        let Some(meta) = known.meta(&object.key) else { return false };
        let now = Mark { body: body(object), look: look(object.key.kind, meta) };
        self.marks.get(&object.key) == Some(&now)
    }

    fn note(&mut self, object: &Object, meta: Option<&ObjectMeta>) {
        let Some(meta) = meta else { return };
        let mark = Mark { body: body(object), look: look(object.key.kind, meta) };
        self.marks.insert(object.key.clone(), mark);
    }
}

fn body(object: &Object) -> u64 {
    let mut hasher = DefaultHasher::new();
    object.body().to_string().hash(&mut hasher);
    hasher.finish()
}

/// What of an object changes when somebody touches what is wanted of it: its generation where it has
/// one, for its status changes by itself.
fn look(kind: Kind, meta: &ObjectMeta) -> u64 {
    let mut hasher = DefaultHasher::new();
    meta.uid.hash(&mut hasher);
    match kind {
        Kind::NetworkPolicy | Kind::PodDisruptionBudget | Kind::StatefulSet => {
            meta.generation.hash(&mut hasher);
            meta.labels.hash(&mut hasher);
            meta.annotations.hash(&mut hasher);
            for owner in meta.owner_references.iter().flatten() {
                (&owner.uid, owner.controller, owner.block_owner_deletion).hash(&mut hasher);
            }
        }
        Kind::ConfigMap
        | Kind::PersistentVolumeClaim
        | Kind::Pod
        | Kind::Secret
        | Kind::Service
        | Kind::ServiceAccount => meta.resource_version.hash(&mut hasher),
    }
    hasher.finish()
}

#[cfg(test)]
mod tests;
