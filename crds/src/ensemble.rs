//! What users write. Every rule is in the schema, with a message that says what to do: there is no
//! webhook, and the API server refuses what cannot work.

#![allow(unreachable_pub)] // The schema derive repeats each struct inside a function.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{
    Affinity, LocalObjectReference, PodSecurityContext, ResourceRequirements, Toleration,
    TopologySpreadConstraint,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::status::EnsembleStatus;

/// An ensemble of ZooKeeper-compatible servers.
#[derive(CustomResource, KubeSchema, Clone, Debug, Deserialize, Serialize, PartialEq)]
#[kube(
    group = "quorate.dev",
    version = "v1alpha1",
    kind = "CoordinationEnsemble",
    plural = "coordinationensembles",
    singular = "coordinationensemble",
    shortname = "cens",
    category = "coordination",
    doc = "An ensemble of servers that speak ZooKeeper's protocol and replicate one tree of znodes. `spec` says how many voting members it has, what they run and where they keep their data; `status` what there is, and what is being done.",
    namespaced,
    status = "EnsembleStatus",
    derive = "PartialEq",
    derive = "Default",
    scale(
        spec_replicas_path = ".spec.replicas",
        status_replicas_path = ".status.replicas",
        label_selector_path = ".status.selector"
    ),
    printcolumn(
        name = "Ready",
        type_ = "string",
        json_path = ".status.conditions[?(@.type=='Ready')].status"
    ),
    printcolumn(name = "Desired", type_ = "integer", json_path = ".spec.replicas"),
    printcolumn(name = "Voters", type_ = "integer", json_path = ".status.quorum.voters"),
    printcolumn(name = "Leader", type_ = "string", json_path = ".status.leader.member"),
    printcolumn(name = "Operation", type_ = "string", json_path = ".status.operation.type"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    validation = Rule::new("self.metadata.name.matches('^[a-z]([-a-z0-9]*[a-z0-9])?$') && size(self.metadata.name) <= 40").message("the name must be a DNS label of at most 40 characters that begins with a letter: Services and pods are named after it")
)]
#[serde(rename_all = "camelCase")]
pub struct CoordinationEnsembleSpec {
    /// How many voting members: 1, 3, 5 or 7. An even number would tolerate no more failures than
    /// one fewer.
    #[serde(default = "three")]
    #[x_kube(validation = Rule::new("self in [1, 3, 5, 7]").message("replicas must be 1, 3, 5 or 7: an even number of voters tolerates no more failures than one fewer; choose the next odd number"))]
    pub replicas: i32,

    /// Which image the members run. What is left out is as in the operator's default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<ImageSpec>,

    /// Where the members keep their data.
    #[serde(default)]
    pub storage: StorageSpec,

    /// How the members serve.
    #[serde(default)]
    pub config: ConfigSpec,

    /// How the members' pods look.
    #[serde(default)]
    pub pod: PodSpec,

    /// How members are restarted and upgraded.
    #[serde(default)]
    pub rollout: RolloutSpec,

    /// How members join and are replaced.
    #[serde(default)]
    pub membership: MembershipSpec,

    /// The operator changes nothing while this is true; it goes on reporting.
    #[serde(default)]
    pub paused: bool,
}

fn three() -> i32 {
    3
}

impl Default for CoordinationEnsembleSpec {
    fn default() -> Self {
        CoordinationEnsembleSpec {
            replicas: three(),
            image: None,
            storage: StorageSpec::default(),
            config: ConfigSpec::default(),
            pod: PodSpec::default(),
            rollout: RolloutSpec::default(),
            membership: MembershipSpec::default(),
            paused: false,
        }
    }
}

/// An image, and how it is pulled. Whatever is left out is as in the operator's default.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ImageSpec {
    /// Registry and name. Without it, those of the operator's default image; with it, nothing of that
    /// one's tag or digest counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    pub repository: Option<String>,
    /// The tag. Without a repository, digest and tag: the operator's default image as it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 128))]
    pub tag: Option<String>,
    /// `sha256:...`; wins over the tag.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = r"^sha256:[0-9a-f]{64}$"))]
    pub digest: Option<String>,
    /// `Always`, `IfNotPresent` or `Never`. Without it, the operator's default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pull_policy: Option<PullPolicy>,
    /// Secrets of this namespace for the registry. Without it, the operator's default; `[]` is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 8))]
    pub pull_secrets: Option<Vec<LocalObjectReference>>,
}

/// When the image is pulled.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema, PartialEq, Eq, Serialize)]
#[allow(missing_docs)]
pub enum PullPolicy {
    Always,
    #[default]
    IfNotPresent,
    Never,
}

/// The members' volumes.
#[derive(Clone, Debug, Deserialize, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("has(self.storageClassName) == has(oldSelf.storageClassName)").message("storage.storageClassName cannot be added or removed: volumes keep their class; create another ensemble and move the data"))]
pub struct StorageSpec {
    /// Size of each volume, at least 128Mi: members take no new data with less than 64 MiB free. It
    /// can grow, not shrink. It is for volumes that are made from now on: those that are there grow
    /// by `kubectl edit` of their PersistentVolumeClaims, if the storage class can expand volumes.
    #[serde(default = "ten_gib")]
    #[schemars(extend("nullable" = false, "maxLength" = 32, "pattern" = r"^\+?([0-9]+(\.[0-9]*)?|\.[0-9]+)([KMGTPE]i|[numkMGTPE]|[eE][+-]?[0-9]+)?$"))]
    #[x_kube(
        validation = Rule::new("isQuantity(string(self))").message("storage.size must be a quantity, as 10Gi is: a number and Mi, Gi or Ti"),
        validation = Rule::new("!isQuantity(string(self)) || quantity(string(self)).compareTo(quantity('128Mi')) >= 0").message("storage.size must be at least 128Mi: members take no new data with less than 64 MiB free"),
        validation = Rule::new("!isQuantity(string(self)) || !isQuantity(string(oldSelf)) || quantity(string(self)).compareTo(quantity(string(oldSelf))) >= 0").message("storage.size cannot shrink: volumes only grow; set it to at least its former value"),
    )]
    pub size: Quantity,
    /// The class; without it, the cluster's default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253))]
    #[x_kube(validation = Rule::new("self == oldSelf").message("storage.storageClassName cannot change: volumes keep their class; create another ensemble and move the data"))]
    pub storage_class_name: Option<String>,
    /// What becomes of the volumes: Retain leaves all of them, for an ensemble of the same name to find
    /// its data again, and for a member that left to come back. Delete deletes them with their data: all
    /// when this resource is deleted, and that of a member once the ensemble has gone on without it.
    /// Whatever becomes of the StatefulSet, no volume of a member is deleted while this resource is there.
    #[serde(default)]
    pub reclaim_policy: ReclaimPolicy,
}

fn ten_gib() -> Quantity {
    Quantity("10Gi".to_owned())
}

impl Default for StorageSpec {
    fn default() -> Self {
        StorageSpec {
            size: ten_gib(),
            storage_class_name: None,
            reclaim_policy: ReclaimPolicy::Retain,
        }
    }
}

/// What becomes of volumes when nobody needs them any more.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema, PartialEq, Eq, Serialize)]
pub enum ReclaimPolicy {
    /// They stay.
    #[default]
    Retain,
    /// They are deleted with the ensemble, or once their member has left it.
    Delete,
}

/// How the members serve. A change restarts them one by one.
#[derive(Clone, Debug, Deserialize, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("!has(self.sessionTimeoutMinMs) || !has(self.sessionTimeoutMaxMs) || self.sessionTimeoutMinMs <= self.sessionTimeoutMaxMs").message("config.sessionTimeoutMinMs must not be longer than config.sessionTimeoutMaxMs"))]
pub struct ConfigSpec {
    /// ZooKeeper's tickTime in milliseconds.
    #[serde(default = "two_seconds")]
    #[schemars(range(min = 100, max = 60_000))]
    pub tick_time_ms: i32,
    /// The shortest session timeout granted, in milliseconds. Without it, 2 ticks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 200, max = 3_600_000))]
    pub session_timeout_min_ms: Option<i32>,
    /// The longest. Without it, 20 ticks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 200, max = 86_400_000))]
    pub session_timeout_max_ms: Option<i32>,
    /// When snapshots are taken and how many are kept.
    #[serde(default)]
    pub snapshot: SnapshotSpec,
    /// Further zoo.cfg settings.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 32))]
    #[x_kube(validation = Rule::new("self.all(k, !(k in ['tickTime', 'minSessionTimeout', 'maxSessionTimeout', 'snapCount', 'autopurge.snapRetainCount', 'dataDir', 'dataLogDir', 'clientPort', 'clientPortAddress', 'admin.serverPort', 'skipACL']) && !k.startsWith('server.'))").message("config.extra must not hold settings that the operator owns (membership, ports, folders, and those with a field of their own): use the field, or leave it out"))]
    pub extra: BTreeMap<String, String>,
}

fn two_seconds() -> i32 {
    2_000
}

impl Default for ConfigSpec {
    fn default() -> Self {
        ConfigSpec {
            tick_time_ms: two_seconds(),
            session_timeout_min_ms: None,
            session_timeout_max_ms: None,
            snapshot: SnapshotSpec::default(),
            extra: BTreeMap::new(),
        }
    }
}

/// Snapshots.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SnapshotSpec {
    /// Transactions between snapshots.
    #[serde(default = "hundred_thousand")]
    #[schemars(range(min = 1))]
    pub every_entries: i64,
    /// Snapshots to keep.
    #[serde(default = "three")]
    #[schemars(range(min = 1, max = 100))]
    pub retain: i32,
}

fn hundred_thousand() -> i64 {
    100_000
}

impl Default for SnapshotSpec {
    fn default() -> Self {
        SnapshotSpec { every_entries: hundred_thousand(), retain: three() }
    }
}

/// The members' pods. A change restarts them one by one.
#[derive(Clone, Debug, Deserialize, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PodSpec {
    /// Requests and limits. Without them: 250m CPU, 512Mi memory (also the limit).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resources: Option<ResourceRequirements>,
    /// Further labels.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 32))]
    #[x_kube(validation = Rule::new("self.all(k, !k.startsWith('app.kubernetes.io/'))").message("pod.labels must not begin with app.kubernetes.io/: the operator selects pods by those; use another prefix"))]
    pub labels: BTreeMap<String, String>,
    /// Further annotations.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 32))]
    pub annotations: BTreeMap<String, String>,
    /// Labels that nodes must have.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 32))]
    pub node_selector: BTreeMap<String, String>,
    /// Taints that are tolerated.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    pub tolerations: Vec<Toleration>,
    /// Instead of the operator's own anti-affinity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub affinity: Option<Affinity>,
    /// Whether members may share a node.
    #[serde(default)]
    pub anti_affinity: AntiAffinity,
    /// How members spread. Without it: over zones, as far as possible.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8))]
    pub topology_spread_constraints: Vec<TopologySpreadConstraint>,
    /// Priority.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority_class_name: Option<String>,
    /// Instead of the restricted default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub security_context: Option<PodSecurityContext>,
    /// Time to hand leadership over and let clients go.
    #[serde(default = "sixty")]
    #[schemars(range(min = 20, max = 3_600))]
    pub termination_grace_period_seconds: i64,
}

fn sixty() -> i64 {
    60
}

impl Default for PodSpec {
    fn default() -> Self {
        PodSpec {
            resources: None,
            labels: BTreeMap::new(),
            annotations: BTreeMap::new(),
            node_selector: BTreeMap::new(),
            tolerations: Vec::new(),
            affinity: None,
            anti_affinity: AntiAffinity::default(),
            topology_spread_constraints: Vec::new(),
            priority_class_name: None,
            security_context: None,
            termination_grace_period_seconds: sixty(),
        }
    }
}

/// Whether members may share a node.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema, PartialEq, Eq, Serialize)]
pub enum AntiAffinity {
    /// If there is no other way.
    #[default]
    Preferred,
    /// Never.
    Required,
    /// As it comes.
    None,
}

/// Restarts and upgrades.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RolloutSpec {
    /// A new value restarts all members, one by one (for example the present time).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub restart_at: Option<String>,
    /// How long a restarted member must be ready before the next one is touched.
    #[serde(default = "five")]
    #[schemars(range(min = 0, max = 3_600))]
    pub min_stable_seconds: i32,
    /// A member that is not back after this long halts the rollout. A step of any operation that takes
    /// longer is reported as stalled.
    #[serde(default = "six_hundred")]
    #[schemars(range(min = 10, max = 86_400))]
    pub member_timeout_seconds: i32,
    /// Whether members are restarted because another operator would make their pods otherwise: with
    /// another default image, or in other ways of its own.
    #[serde(default)]
    pub follow: Follow,
    /// Whether the ensemble's version is raised by the operator. Until it is raised, the image of
    /// before can be put back; afterwards that image refuses to start.
    #[serde(default)]
    pub raise_version: RaiseVersion,
    /// How long all members must have run the wanted image and served before the version is raised.
    #[serde(default = "six_hundred")]
    #[schemars(range(min = 0, max = 2_592_000))]
    pub raise_version_after_seconds: i32,
}

/// What members take from another operator.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema, PartialEq, Eq, Serialize)]
pub enum Follow {
    /// Nothing, before they are restarted for something that the spec asks for, and no other default
    /// image before the spec names it.
    #[default]
    Pinned,
    /// All of it, when it is this ensemble's turn: one ensemble before all others, then as many at once
    /// as the operator is told to.
    Operator,
}

/// Who ends an upgrade by raising the ensemble's version.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub enum RaiseVersion {
    /// The operator, after `raiseVersionAfterSeconds`.
    #[default]
    Automatic,
    /// Nobody, before this is Automatic.
    Manual,
}

fn five() -> i32 {
    5
}

fn six_hundred() -> i32 {
    600
}

impl Default for RolloutSpec {
    fn default() -> Self {
        RolloutSpec {
            restart_at: None,
            min_stable_seconds: five(),
            member_timeout_seconds: six_hundred(),
            follow: Follow::Pinned,
            raise_version: RaiseVersion::Automatic,
            raise_version_after_seconds: six_hundred(),
        }
    }
}

/// Joining and replacing.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MembershipSpec {
    /// Whether a member whose disk came back blank is replaced without a human.
    #[serde(default)]
    pub auto_replace: AutoReplace,
}

impl Default for MembershipSpec {
    fn default() -> Self {
        MembershipSpec { auto_replace: AutoReplace::DiskLost }
    }
}

/// When members are replaced.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema, PartialEq, Eq, Serialize)]
pub enum AutoReplace {
    /// When the disk is provably gone.
    #[default]
    DiskLost,
    /// Only by a human.
    Never,
}
