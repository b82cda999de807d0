//! What was refused, or failed, in one reconcile, and what that means: for the rest of it, and for the
//! report. What a part that is refused does not concern goes on; nothing is restarted whose successor
//! could not start. Only what comes again is told, for most of it passes.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use quorate_crds::EnsembleStatus;
use quorate_crds::conditions::{ConditionReason, ConditionType};

use crate::mutants::planted;
use crate::plan::action::Action;
use crate::plan::conditions::Stated;
use crate::plan::names::Names;
use crate::plan::object::{Kind, Object, ObjectKey};

/// Something that was not done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Of which kind of step, as metrics and logs name it.
    pub step: &'static str,
    /// What it was about.
    pub about: String,
    /// Why not, in a sentence.
    pub why: String,
}

impl Refusal {
    fn same(&self, other: &Refusal) -> bool {
        self.step == other.step && self.about == other.about
    }
}

/// How far a refusal reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// The API server said no: only what depends on it cannot be done.
    Dependents,
    /// What was seen is not so any more, or nobody knows what came of it: everything has to be looked at
    /// again before anything else is done.
    Everything,
}

/// What was refused in one reconcile.
#[derive(Clone, Debug)]
pub struct Refusals {
    /// What the Service for clients is called.
    clients: String,
    all: Vec<Refusal>,
    /// Whether what pods need to start is missing because of one of them.
    start: bool,
    /// Whether the budget that guards them is.
    guard: bool,
    /// Whether an action was refused, or not tried because of a refusal.
    action: bool,
    over: bool,
}

impl Refusals {
    /// None yet, of this ensemble.
    pub fn none(names: &Names) -> Refusals {
        let clients = names.ensemble().to_owned();
        Refusals {
            clients,
            all: Vec::new(),
            start: false,
            guard: false,
            action: false,
            over: false,
        }
    }

    /// An object was not applied. One that is there all the same serves as it is.
    pub fn object(&mut self, object: &Object, reach: Reach, refusal: Refusal) {
        if object.uid.is_none() {
            self.guard |= object.key.kind == Kind::PodDisruptionBudget;
            self.start |= self.starts_pods(&object.key);
        }
        self.note(reach, refusal);
    }

    /// An action was not carried out.
    pub fn action(&mut self, action: &Action, reach: Reach, refusal: Refusal) {
        // Without the token no pod starts.
        self.start |= matches!(action, Action::CreateToken { .. });
        self.action = true;
        self.note(reach, refusal);
    }

    /// What there is could not be seen.
    pub fn unseen(&mut self, refusal: Refusal) {
        self.note(Reach::Everything, refusal);
    }

    /// Claims may not be seen: all else goes on.
    pub fn claims_unseen(&mut self) {
        let why = "cannot list the PersistentVolumeClaims: forbidden; give the operator the chart's \
                   permissions for them (get, list, watch, patch, delete)";
        let (step, about) = ("ObserveClaims", "PersistentVolumeClaims".to_owned());
        self.note(Reach::Dependents, Refusal { step, about, why: why.to_owned() });
    }

    fn note(&mut self, reach: Reach, refusal: Refusal) {
        self.over |= reach == Reach::Everything;
        self.all.push(refusal);
    }

    /// Whether a pod needs it to start. How clients get to it it does not.
    fn starts_pods(&self, key: &ObjectKey) -> bool {
        match key.kind {
            Kind::NetworkPolicy | Kind::PersistentVolumeClaim | Kind::PodDisruptionBudget => false,
            Kind::Service => key.name != self.clients,
            Kind::ConfigMap
            | Kind::Pod
            | Kind::Secret
            | Kind::ServiceAccount
            | Kind::StatefulSet => true,
        }
    }

    /// Whether this object may still be applied: a template waits for what its pods need.
    pub fn lets_apply(&self, key: &ObjectKey) -> bool {
        let waits = key.kind == Kind::StatefulSet && self.start;
        !self.over && (!waits || planted("a template is applied without what it needs"))
    }

    /// Whether this action may still be tried. One that takes a pod away may not while another could not
    /// take its place, or no budget would guard it.
    pub fn lets_act(&mut self, action: &Action) -> bool {
        let takes = matches!(action, Action::GiveTurn { .. } | Action::DeletePod { .. });
        let held = takes
            && (self.start || self.guard)
            && !planted("a pod goes though another could not start");
        self.action |= held;
        !self.over && !held
    }

    /// Whether there were none.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Each.
    pub fn iter(&self) -> impl Iterator<Item = &Refusal> {
        self.all.iter()
    }

    /// The report, with those that are told.
    pub fn reported(
        &self,
        status: EnsembleStatus,
        stated: &Stated<'_>,
        told: &[Refusal],
    ) -> EnsembleStatus {
        let mut status = status;
        if told.is_empty() {
            return status;
        }
        let why = sentences(told);
        if let Some(operation) = status.operation.as_mut().filter(|_| self.action) {
            operation.blocked_by.get_or_insert_with(|| why.clone());
        }
        let stalled = status.condition(&ConditionType::Stalled).filter(|it| it.status == "True");
        let all = match stalled {
            Some(blocked) => format!("{}; {why}", blocked.message),
            None => why,
        };
        // Whoever waits for one of the two takes the first that is true.
        let reason = ConditionReason::ReconcileFailed;
        set(&mut status, stated.condition(&ConditionType::Reconciling, "False", &reason, &all));
        set(&mut status, stated.condition(&ConditionType::Stalled, "True", &reason, &all));
        status
    }
}

/// The report of an operator that could not see what there is.
pub fn blind(status: EnsembleStatus, stated: &Stated<'_>, told: &[Refusal]) -> EnsembleStatus {
    let (mut status, why) = (status, sentences(told));
    for of in ConditionType::KNOWN {
        let (is, reason) = match of {
            ConditionType::Stalled => ("True", ConditionReason::ReconcileFailed),
            ConditionType::Reconciling => ("False", ConditionReason::ReconcileFailed),
            // It is said by the spec.
            ConditionType::Paused => continue,
            _ => ("Unknown", ConditionReason::NotObserved),
        };
        set(&mut status, stated.condition(of, is, &reason, &why));
    }
    status
}

fn sentences(told: &[Refusal]) -> String {
    told.iter().map(|it| it.why.as_str()).collect::<Vec<_>>().join("; ")
}

fn set(status: &mut EnsembleStatus, condition: Condition) {
    match status.conditions.iter_mut().find(|it| it.type_ == condition.type_) {
        Some(before) => *before = condition,
        None => status.conditions.push(condition),
    }
}

/// What was refused in the reconcile before.
#[derive(Clone, Debug, Default)]
pub struct Before(Vec<Refusal>);

impl Before {
    /// Whether it was refused before, too.
    pub fn has(&self, refusal: &Refusal) -> bool {
        self.0.iter().any(|it| it.same(refusal))
    }

    /// Which of these are told: those that came again. From here on they are what was before.
    pub fn tell(&mut self, now: &Refusals) -> Vec<Refusal> {
        let told: Vec<Refusal> = now.iter().filter(|it| self.has(it)).cloned().collect();
        let mut all = now.all.clone();
        if now.over {
            // What was not tried is as it was.
            let left = self.0.drain(..).filter(|old| !all.iter().any(|it| it.same(old)));
            let left: Vec<Refusal> = left.collect();
            all.extend(left);
        }
        self.0 = all;
        told
    }
}

#[cfg(test)]
mod tests;
