//! One reconcile: observe, plan, apply. What the watches said is enough to find that nothing is to be done;
//! before anything is changed, everything is read live, and decided anew.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Resource as _;
use kube::runtime::events::Recorder;
use quorate_crds::EnsembleStatus;
use tokio::sync::{Semaphore, SemaphorePermit};
use tracing::{debug, info};

use crate::apply::{Applier, Outcome};
use crate::cache::{Key, Known};
use crate::error::Result;
use crate::lease::Leadership;
use crate::members::{self, Answer};
use crate::observability::Metrics;
use crate::observe::{Observer, Secrets};
use crate::plan::action::{Action, Plan};
use crate::plan::object::{Kind, Object, ObjectKey};
use crate::plan::{BUSY, plan};
use crate::sight::Sight;
use crate::tell::tell;

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
}

/// What is remembered between reconciles of one ensemble, only to spare requests: an operator that knows
/// none of it does the same.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    owner: String,
    applied: Applied,
    secrets: Secrets,
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
            let Some(sight) = self.observe(live).await? else {
                let (acted, at_rest) = (false, true);
                return Ok(Done { acted, at_rest, status: None, live, due: None });
            };
            let mut plan = plan(&sight.observed);
            plan.objects.retain(|object| !self.memory.applied.has(object, &self.known));
            if live || (plan.objects.is_empty() && plan.actions.is_empty()) {
                break (sight, plan);
            }
            live = true;
        };
        let carried = self.carry_out(&sight, &plan).await;
        let reported = self.report(&sight, &plan).await;
        let acted = carried?;
        reported?;
        // Of what belongs to others no watch tells.
        let at_rest = plan.requeue > BUSY && !acted && sight.observed.foreign.is_none();
        let due = plan.due.map(Duration::from_secs);
        Ok(Done { acted, at_rest, status: plan.status, live, due })
    }

    async fn observe(&mut self, live: bool) -> Result<Option<Sight>> {
        let observer = &self.context.observer;
        let secrets = &mut self.memory.secrets;
        let looked = if live {
            observer.live(self.key, &self.known, secrets, &mut self.requests).await
        } else {
            observer.cached(&self.known, secrets, &mut self.requests).await
        };
        Ok(looked?.map(|mut sight| {
            sight.observed.members = members::heard(&self.answers, &sight.observed.pods);
            sight
        }))
    }

    /// Objects first, then actions; whether anything was done. What was refused ends the reconcile: it was
    /// decided on a view that is out of date.
    async fn carry_out(&mut self, sight: &Sight, plan: &Plan) -> Result<bool> {
        let (namespace, ensemble) = (sight.names.namespace(), sight.names.ensemble());
        let mut acted = false;
        for object in &plan.objects {
            self.requests += 1;
            match self.context.applier.object(sight, object).await? {
                (Outcome::Done, meta) => {
                    self.memory.applied.note(object, meta.as_ref());
                    acted = true;
                }
                (Outcome::Refused(why), _) => {
                    debug!(namespace, ensemble, object = %object.key, why, "an object was refused");
                    return Ok(false);
                }
            }
        }
        for action in &plan.actions {
            if !self.context.leadership.holds() {
                return Ok(false);
            }
            let outcome = self.act(sight, action).await;
            let (label, why) = match &outcome {
                Ok(Outcome::Done) => ("done", None),
                Ok(Outcome::Refused(why)) => ("refused", Some(why.as_str())),
                Err(_) => ("failed", None),
            };
            let name = action.name();
            self.context.metrics.acted(name, label);
            info!(namespace, ensemble, action = name, subject = %action, outcome = label, why, "acted");
            match outcome? {
                Outcome::Done => acted = true,
                Outcome::Refused(_) => return Ok(false),
            }
        }
        Ok(acted)
    }

    /// One action. Whoever waits for a member's answer is in nobody's way.
    async fn act(&mut self, sight: &Sight, action: &Action) -> Result<Outcome> {
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

    async fn report(&mut self, sight: &Sight, plan: &Plan) -> Result<()> {
        let Some(status) = &plan.status else { return Ok(()) };
        let observed = &sight.observed;
        let key = [sight.names.namespace(), sight.names.ensemble()];
        let spec = &observed.ensemble.spec;
        self.context.metrics.report(key, spec.replicas, spec.paused, status);
        if observed.ensemble.status.as_ref() == Some(status) {
            return Ok(());
        }
        self.requests += 1;
        if self.context.applier.status(sight, status).await? == Outcome::Done {
            for notice in &plan.events {
                let about = observed.ensemble.object_ref(&());
                let (reason, note) = (notice.reason.to_string(), &notice.note);
                self.requests += 1;
                tell(&self.context.recorder, &about, notice.warning, reason, note).await;
            }
        }
        Ok(())
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
        Kind::ConfigMap | Kind::Pod | Kind::Secret | Kind::Service | Kind::ServiceAccount => {
            meta.resource_version.hash(&mut hasher);
        }
    }
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::names::Names;
    use quorate_crds::{CoordinationEnsemble, CoordinationEnsembleSpec};
    use serde_json::{Value, json};

    fn object(kind: Kind, fields: Value) -> Object {
        let spec = CoordinationEnsembleSpec::default();
        Object::new(&Names::of(&CoordinationEnsemble::new("zk", spec), ""), kind, "zk", fields)
    }

    fn seen(key: &ObjectKey, meta: &ObjectMeta) -> Known {
        let mut known = Known::default();
        known.others.insert(key.clone(), Arc::new(meta.clone()));
        known
    }

    #[test]
    fn an_object_is_applied_again_only_when_it_or_what_is_wanted_of_it_has_changed() {
        for kind in [Kind::PodDisruptionBudget, Kind::Service] {
            let wanted = object(kind, json!({ "spec": { "a": 1 } }));
            let key = &wanted.key;
            let meta = ObjectMeta {
                uid: Some("u".to_owned()),
                generation: Some(1),
                resource_version: Some("1".to_owned()),
                ..ObjectMeta::default()
            };
            let mut applied = Applied::default();
            assert!(!applied.has(&wanted, &seen(key, &meta)), "never applied");
            applied.note(&wanted, Some(&meta));
            assert!(applied.has(&wanted, &seen(key, &meta)));
            assert!(!applied.has(&wanted, &Known::default()), "it is gone");
            assert!(!applied.has(&object(kind, json!({ "spec": { "a": 2 } })), &seen(key, &meta)));
            let other = |change: fn(&mut ObjectMeta)| {
                let mut meta = meta.clone();
                meta.resource_version = Some("2".to_owned());
                change(&mut meta);
                seen(key, &meta)
            };
            let edits: [fn(&mut ObjectMeta); 4] = [
                |meta| meta.generation = Some(2),
                |meta| meta.uid = Some("v".to_owned()),
                |meta| meta.labels = Some([("a".to_owned(), "b".to_owned())].into()),
                |meta| meta.annotations = Some([("a".to_owned(), "b".to_owned())].into()),
            ];
            for edit in edits {
                assert!(!applied.has(&wanted, &other(edit)));
            }
        }
    }

    #[test]
    fn of_another_resource_of_the_same_name_nothing_is_remembered() {
        let mut memory = Memory::default();
        memory.belong_to("u");
        memory.applied.note(&object(Kind::Service, json!({})), Some(&ObjectMeta::default()));
        memory.belong_to("u");
        assert_eq!(memory.applied.marks.len(), 1);
        memory.belong_to("v");
        assert_eq!(memory.applied.marks.len(), 0);
    }

    #[test]
    fn a_status_that_changes_by_itself_is_no_reason_to_apply() {
        let wanted = object(Kind::PodDisruptionBudget, json!({}));
        let version = |it: &str| ObjectMeta {
            generation: Some(1),
            resource_version: Some(it.to_owned()),
            ..ObjectMeta::default()
        };
        let mut applied = Applied::default();
        applied.note(&wanted, Some(&version("1")));
        assert!(applied.has(&wanted, &seen(&wanted.key, &version("2"))));
    }
}
