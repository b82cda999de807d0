//! What the operator answers. All of it can be worked out anew: it is a report, never a memory.

#![allow(unreachable_pub)] // The schema derive repeats each struct inside a function.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::conditions::{ConditionReason, ConditionType};

crate::words! {
    /// The part that a member plays now.
    pub enum Role {
        /// It leads, as far as it knows.
        Leader = "Leader",
        /// It votes, and follows a leader or waits for one.
        Follower = "Follower",
        /// It votes, and asks for votes.
        Candidate = "Candidate",
        /// It receives the log until it has caught up, and does not vote.
        Learner = "Learner",
        /// It receives the log for good, and does not vote.
        Observer = "Observer",
        /// It belongs to no ensemble yet.
        Blank = "Blank",
        /// The ensemble has removed it.
        Removed = "Removed",
        /// Its volume is of a member that lives elsewhere: it takes no part.
        Elsewhere = "Elsewhere",
    }
}

crate::words! {
    /// What is being done to an ensemble.
    pub enum Operation {
        /// It is being formed.
        Create = "Create",
        /// It gets more voters.
        ScaleUp = "ScaleUp",
        /// It gets fewer voters.
        ScaleDown = "ScaleDown",
        /// A member takes another's place.
        Replace = "Replace",
        /// Members are restarted one by one.
        Rollout = "Rollout",
        /// The ensemble's version is raised: the last step of an upgrade.
        RaiseVersion = "RaiseVersion",
    }
}

/// The operator's report.
#[derive(Clone, Debug, Default, Deserialize, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EnsembleStatus {
    /// The spec's generation that this report is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Pods wanted of the StatefulSet.
    #[serde(default)]
    pub replicas: i32,
    /// Members that serve.
    #[serde(default)]
    pub ready_replicas: i32,
    /// Selects the members' pods (for the scale subresource).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selector: Option<String>,
    /// Made once, at formation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ensemble_id: Option<String>,
    /// Rises with every change of the membership.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config_version: Option<i64>,
    /// Whose rules hold, and which formats are written. Until an upgrade has raised it the image of
    /// before can be put back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ensemble_version: Option<i32>,
    /// The newest version that all members know: what the ensemble's is raised to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub possible_version: Option<i32>,
    /// Who leads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leader: Option<LeaderStatus>,
    /// The quorum.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quorum: Option<QuorumStatus>,
    /// Every member.
    #[serde(default)]
    #[schemars(length(max = 16))]
    pub members: Vec<MemberStatus>,
    /// What is being done; absent when nothing is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<OperationStatus>,
    /// Where clients connect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoints: Option<Endpoints>,
    /// The image that is wanted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// Observations, one of each type.
    #[serde(default)]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".to_owned()]))]
    #[schemars(length(max = 16))]
    pub conditions: Vec<Condition>,
}

impl EnsembleStatus {
    /// The condition of this type, if it was ever reported.
    pub fn condition(&self, of: &ConditionType) -> Option<&Condition> {
        self.conditions.iter().find(|it| it.type_ == of.as_str())
    }

    /// Whether the condition of this type is reported to be true.
    pub fn holds(&self, of: &ConditionType) -> bool {
        self.condition(of).is_some_and(|it| it.status == "True")
    }

    /// Whether the operator could not reach the members to see if there is a quorum.
    pub fn cut_off(&self) -> bool {
        self.unknown_for(&ConditionReason::OperatorCannotReachMembers)
    }

    /// Whether the operator could not see if there is a quorum, for whatever reason.
    pub fn unseen(&self) -> bool {
        self.cut_off() || self.unknown_for(&ConditionReason::NotObserved)
    }

    fn unknown_for(&self, reason: &ConditionReason) -> bool {
        let quorum = self.condition(&ConditionType::QuorumAvailable);
        quorum.is_some_and(|it| it.reason == reason.to_string())
    }
}

/// Who leads.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct LeaderStatus {
    /// The pod's name.
    pub member: String,
    /// The member's id.
    pub member_id: String,
    /// The Raft term.
    pub term: i64,
}

/// The quorum.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct QuorumStatus {
    /// Voters of the committed configuration.
    pub voters: i32,
    /// How many of them are needed.
    pub required: i32,
    /// How many of them serve.
    pub healthy: i32,
    /// How many more may fail.
    pub tolerance: i32,
}

/// One member.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct MemberStatus {
    /// The pod's name.
    pub name: String,
    /// This incarnation of its disk.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub member_id: Option<String>,
    /// Leader, Follower, Candidate, Learner, Observer, Blank, Removed, Elsewhere, or Unknown if it
    /// does not answer.
    #[schemars(with = "String")]
    pub role: Role,
    /// Whether it serves.
    pub ready: bool,
    /// Whether it runs the wanted image and configuration.
    pub updated: bool,
    /// The server's version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
}

/// An operation.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct OperationStatus {
    /// Create, ScaleUp, ScaleDown, Replace, Rollout or RaiseVersion.
    #[serde(rename = "type")]
    #[schemars(with = "String")]
    pub kind: Operation,
    /// What is done now.
    pub step: String,
    /// Since when, in RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
    /// What is in the way: why nothing is done now, or that it takes too long.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub blocked_by: Option<String>,
}

/// Where clients connect.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Endpoints {
    /// The Service.
    pub client: String,
    /// Every member, for a connection string.
    pub members: String,
}
