//! What can be done. Each action carries the preconditions under which it was decided, so that a
//! late request of an operator that is gone is refused or harmless.

use std::collections::BTreeMap;
use std::fmt;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use quorate_crds::EnsembleStatus;
use serde::Serialize;

use super::convoy::Standing;
use super::object::{Object, ObjectKey};
use super::observed::{Fate, Formation, NewMember};

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
    /// Under the configuration's version; done already if the version is reached.
    RaiseVersion {
        leader: i32,
        ensemble_id: String,
        expected: i64,
        version: i32,
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
        cause: Cause,
    },
    /// Makes the resource the controller of an object that a former one has left, only as it was seen.
    Adopt {
        key: ObjectKey,
        uid: String,
        resource_version: String,
        /// All that it has then.
        owners: Vec<OwnerReference>,
    },
    /// Labels, owners and fate of a claim, only as it was seen.
    AdjustClaim {
        name: String,
        uid: String,
        resource_version: String,
        /// What changes in its labels; `None` removes.
        labels: BTreeMap<String, Option<String>>,
        /// All of them.
        owners: Vec<OwnerReference>,
        fate: Fate,
    },
    /// A claim whose member has left for good, only as it was seen.
    DeleteClaim {
        name: String,
        uid: String,
        resource_version: String,
    },
    /// An unused configuration map, only as it was seen.
    DeleteConfigMap {
        name: String,
        uid: String,
        resource_version: String,
    },
}

/// Why a pod is restarted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Cause {
    /// It is outdated, and serves nobody.
    NotServing,
    /// It is outdated, and the others are a quorum.
    Outdated,
    /// It is outdated, and there are no others.
    OnlyMember,
}

impl Action {
    /// Whether it is a step of restarting a pod.
    pub fn restarts(&self) -> bool {
        matches!(self, Action::GiveTurn { .. } | Action::TakeTurn { .. } | Action::DeletePod { .. })
    }

    /// The ordinal of the member that it is a call to.
    pub(crate) fn callee(&self) -> Option<i32> {
        match self {
            Action::Form { ordinal, .. } => Some(*ordinal),
            Action::AddLearners { leader, .. }
            | Action::ChangeVoters { leader, .. }
            | Action::RemoveLearners { leader, .. }
            | Action::TransferLeader { leader, .. }
            | Action::RaiseVersion { leader, .. } => Some(*leader),
            Action::CreateToken { .. }
            | Action::CreateFormation { .. }
            | Action::GiveTurn { .. }
            | Action::TakeTurn { .. }
            | Action::LowerReplicas { .. }
            | Action::DeletePod { .. }
            | Action::Adopt { .. }
            | Action::AdjustClaim { .. }
            | Action::DeleteClaim { .. }
            | Action::DeleteConfigMap { .. } => None,
        }
    }

    /// Whether it is a call to a member, and not a request to the API server.
    pub(crate) fn calls(&self) -> bool {
        self.callee().is_some()
    }

    /// Its name, for metrics and logs.
    pub fn name(&self) -> &'static str {
        match self {
            Action::CreateToken { .. } => "CreateToken",
            Action::CreateFormation { .. } => "CreateFormation",
            Action::Form { .. } => "Form",
            Action::AddLearners { .. } => "AddLearners",
            Action::ChangeVoters { .. } => "ChangeVoters",
            Action::RemoveLearners { .. } => "RemoveLearners",
            Action::TransferLeader { .. } => "TransferLeader",
            Action::RaiseVersion { .. } => "RaiseVersion",
            Action::GiveTurn { .. } => "GiveTurn",
            Action::TakeTurn { .. } => "TakeTurn",
            Action::LowerReplicas { .. } => "LowerReplicas",
            Action::DeletePod { .. } => "DeletePod",
            Action::Adopt { .. } => "Adopt",
            Action::AdjustClaim { .. } => "AdjustClaim",
            Action::DeleteClaim { .. } => "DeleteClaim",
            Action::DeleteConfigMap { .. } => "DeleteConfigMap",
        }
    }
}

/// What it is about, for people: names and ids, no secrets.
impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Action::CreateToken { name }
            | Action::CreateFormation { name, .. }
            | Action::GiveTurn { name, .. }
            | Action::TakeTurn { name, .. }
            | Action::DeletePod { name, .. }
            | Action::AdjustClaim { name, .. }
            | Action::DeleteClaim { name, .. }
            | Action::DeleteConfigMap { name, .. } => f.write_str(name),
            Action::Adopt { key, .. } => write!(f, "{key}"),
            Action::Form { formation, .. } => {
                write!(f, "ensemble {} by member {}", formation.ensemble_id, formation.seed)
            }
            Action::AddLearners { expected, members, .. } => {
                let ids: Vec<&str> = members.iter().map(|it| it.member_id.as_str()).collect();
                write!(f, "members {} to configuration {expected}", ids.join(", "))
            }
            Action::ChangeVoters { expected, voters, .. } => {
                write!(f, "members {} after configuration {expected}", voters.join(", "))
            }
            Action::RemoveLearners { expected, members, .. } => {
                write!(f, "members {} from configuration {expected}", members.join(", "))
            }
            Action::TransferLeader { target, .. } => write!(f, "member {target}"),
            Action::RaiseVersion { version, expected, .. } => {
                write!(f, "to {version} under configuration {expected}")
            }
            Action::LowerReplicas { name, replicas, .. } => write!(f, "{name} to {replicas}"),
        }
    }
}

/// What comes out of a reconcile.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Plan {
    /// Objects to server-side apply, in order.
    pub objects: Vec<Object>,
    /// What to do then, in order.
    pub actions: Vec<Action>,
    /// What to report.
    pub status: Option<EnsembleStatus>,
    /// How the ensemble stands to what its operator brings.
    #[serde(skip)]
    pub standing: Standing,
    /// Seconds to the next look.
    pub requeue: u64,
    /// Seconds until something is to be done though nothing changes; `None` if time alone is no reason.
    #[serde(skip)]
    pub due: Option<u64>,
}

impl Plan {
    /// The object is going: nothing is made any more.
    pub fn nothing() -> Plan {
        let (objects, actions, standing) = (Vec::new(), Vec::new(), Standing::Apart);
        Plan { objects, actions, status: None, standing, requeue: 60, due: None }
    }
}
