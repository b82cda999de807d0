//! What can be done. Each action carries the preconditions under which it was decided, so that a
//! late request of an operator that is gone is refused or harmless.

use quorate_crds::EnsembleStatus;
use serde::Serialize;
use serde_json::Value;

use super::observed::{Formation, NewMember};

/// One thing to do.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[allow(missing_docs)]
pub enum Action {
    /// Only by `create`: there is never a second one.
    CreateToken {
        name: String,
    },
    /// Only by `create`: the formation is decided once.
    CreateFormation {
        name: String,
        formation: Formation,
    },
    /// Idempotent: the seed refuses any other ensemble, and so does any other disk.
    Form {
        ordinal: i32,
        formation: Formation,
    },
    /// Under the configuration's version.
    AddLearners {
        leader: i32,
        ensemble_id: String,
        expected: i64,
        members: Vec<NewMember>,
    },
    ChangeVoters {
        leader: i32,
        ensemble_id: String,
        expected: i64,
        voters: Vec<String>,
    },
    RemoveLearners {
        leader: i32,
        ensemble_id: String,
        expected: i64,
        members: Vec<String>,
    },
    /// Done already if the target leads.
    TransferLeader {
        leader: i32,
        ensemble_id: String,
        target: String,
    },
    /// Gives a pod the turn to be restarted, or takes it away. Only this very pod as it was seen:
    /// taking the turn changes the pod's version, so a late deletion of it is refused.
    GiveTurn {
        name: String,
        uid: String,
        resource_version: String,
    },
    TakeTurn {
        name: String,
        uid: String,
        resource_version: String,
    },
    /// Only this very StatefulSet as it was seen.
    LowerReplicas {
        name: String,
        uid: String,
        resource_version: String,
        replicas: i32,
    },
    /// Only this very pod as it was seen.
    DeletePod {
        name: String,
        uid: String,
        resource_version: String,
        reason: String,
    },
    /// An unused configuration map, only as it was seen.
    DeleteConfigMap {
        name: String,
        uid: String,
        resource_version: String,
    },
}

impl Action {
    /// Its name, for metrics and events.
    pub fn name(&self) -> &'static str {
        match self {
            Action::CreateToken { .. } => "CreateToken",
            Action::CreateFormation { .. } => "CreateFormation",
            Action::Form { .. } => "Form",
            Action::AddLearners { .. } => "AddLearners",
            Action::ChangeVoters { .. } => "ChangeVoters",
            Action::RemoveLearners { .. } => "RemoveLearners",
            Action::TransferLeader { .. } => "TransferLeader",
            Action::GiveTurn { .. } => "GiveTurn",
            Action::TakeTurn { .. } => "TakeTurn",
            Action::LowerReplicas { .. } => "LowerReplicas",
            Action::DeletePod { .. } => "DeletePod",
            Action::DeleteConfigMap { .. } => "DeleteConfigMap",
        }
    }
}

/// What comes out of a pass.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Plan {
    /// Objects to server-side apply, in order.
    pub objects: Vec<Value>,
    /// What to do then, in order.
    pub actions: Vec<Action>,
    /// What to report.
    pub status: Option<EnsembleStatus>,
    /// What changed, for people.
    pub events: Vec<Notice>,
    /// Seconds to the next look.
    pub requeue: u64,
}

impl Plan {
    /// The object is going: nothing is made any more.
    pub fn nothing() -> Plan {
        Plan {
            objects: Vec::new(),
            actions: Vec::new(),
            status: None,
            events: Vec::new(),
            requeue: 60,
        }
    }
}

/// Something that changed, as a Kubernetes event says it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Notice {
    /// Whether somebody should look.
    pub warning: bool,
    /// In one word.
    pub reason: String,
    /// In one sentence.
    pub note: String,
}

/// A decision in the making: the first proposal wins, later ones are held back.
#[derive(Clone, Debug, Default)]
pub struct Proposal {
    /// What to do.
    pub action: Option<Action>,
    /// Which operation is under way, and its step.
    pub operation: Option<(&'static str, String)>,
    /// Why nothing is done now.
    pub blocked: Option<String>,
}

impl Proposal {
    /// Whether an operation is under way already.
    pub fn busy(&self) -> bool {
        self.operation.is_some()
    }

    /// An operation is under way, at this step.
    pub fn step(&mut self, kind: &'static str, step: impl Into<String>) {
        self.operation = Some((kind, step.into()));
    }

    /// It cannot go on.
    pub fn block(&mut self, why: impl Into<String>) {
        self.blocked = Some(why.into());
    }
}
