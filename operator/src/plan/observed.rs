//! What was seen: each part at another instant, so each carries what tells whether it is still so.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::PersistentVolumeClaim;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use quorate_crds::CoordinationEnsemble;
use serde::{Deserialize, Serialize};

use super::image::Image;
use super::member::Member;
use super::object::ObjectKey;
use super::pin::Pin;

/// Everything that a decision is made of.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Observed {
    /// Seconds since the Unix epoch.
    pub now: i64,
    /// Random, and new for every pass: it tells what this pass creates from what any other does.
    #[serde(default)]
    pub nonce: String,
    /// The custom resource.
    pub ensemble: CoordinationEnsemble,
    /// The image for ensembles that name none.
    pub default_image: Image,
    /// Whether it is this ensemble's turn to follow the operator.
    #[serde(default)]
    pub may_follow: bool,
    /// The cluster's domain; empty leaves names relative.
    #[serde(default)]
    pub cluster_domain: String,
    /// The StatefulSet, if it is there and ours.
    #[serde(default)]
    pub stateful_set: Option<StatefulSet>,
    /// An object with a name of ours belongs to somebody else.
    #[serde(default)]
    pub foreign: Option<ObjectKey>,
    /// Objects of ours that a former resource of this name has left, with no other controller.
    #[serde(default)]
    pub orphans: Vec<Orphan>,
    /// The uid of each object with a name of ours that is there and ours.
    #[serde(default)]
    pub existing: BTreeMap<ObjectKey, String>,
    /// The pods, by ordinal.
    #[serde(default)]
    pub pods: Vec<Pod>,
    /// The claims of its volumes, by ordinal; `None` if they cannot be seen.
    #[serde(default)]
    pub claims: Option<Vec<Claim>>,
    /// The record of the formation.
    #[serde(default)]
    pub formation: Option<Formation>,
    /// Configuration maps of this ensemble.
    #[serde(default)]
    pub config_maps: Vec<ConfigMap>,
    /// Whether the secret with the token exists.
    #[serde(default)]
    pub has_token: bool,
    /// Ordinals of members that have refused the operator's token for so long that only a restart gives
    /// them the present one.
    #[serde(default)]
    pub refusing: Vec<i32>,
    /// What the members say, by ordinal; those that do not answer are missing.
    #[serde(default)]
    pub members: Vec<Member>,
}

/// The StatefulSet.
#[derive(Clone, Debug, Default, Deserialize, Serialize, PartialEq)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs)]
pub struct StatefulSet {
    pub uid: String,
    pub resource_version: String,
    pub replicas: i32,
    /// The generation of the ensemble that it was last applied for.
    pub ensemble_generation: i64,
    /// The last committed configuration that was seen when it was applied: older ones are out of date.
    pub configuration: Option<Seen>,
    /// What new pods are made of.
    pub update_revision: String,
    /// Whether the controller has seen the newest spec.
    pub settled: bool,
    /// Why it lacks pods, in Kubernetes' words.
    pub said: Option<String>,
    /// What its template was made of.
    pub pin: Option<Pin>,
    /// Whether claims stay when it is deleted.
    pub retains: bool,
    /// The claim template, which Kubernetes never lets change.
    pub claims: Option<Vec<PersistentVolumeClaim>>,
}

impl StatefulSet {
    /// The size of the volumes that it makes.
    pub fn claimed(&self) -> Option<&str> {
        let claim = self.claims.as_ref()?.first()?;
        let requests = claim.spec.as_ref()?.resources.as_ref()?.requests.as_ref()?;
        Some(requests.get("storage")?.0.as_str())
    }
}

/// An object that is to be taken over.
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)]
pub struct Orphan {
    pub key: ObjectKey,
    pub uid: String,
    pub resource_version: String,
    /// Those of its owners that stay.
    #[serde(default)]
    pub owners: Vec<OwnerReference>,
}

/// A claim of a volume.
#[derive(Clone, Debug, Default, Deserialize, Serialize, PartialEq)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs)]
pub struct Claim {
    pub ordinal: i32,
    pub name: String,
    pub uid: String,
    pub resource_version: String,
    pub deleting: bool,
    /// Those of its labels that we may have made.
    pub labels: BTreeMap<String, String>,
    pub owners: Vec<OwnerReference>,
    pub fate: Option<Fate>,
}

/// By which specs a claim was decided on.
#[derive(Clone, Debug, Default, Deserialize, Serialize, PartialEq)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs)]
pub struct Fate {
    /// Of the resource.
    pub uid: String,
    /// Its last generation that wanted the claim's member, or found the claim.
    pub wanted: i64,
    /// Its last generation that decided on the claim.
    pub decided: i64,
}

impl Fate {
    /// As an annotation says it.
    pub fn parse(text: &str) -> Option<Fate> {
        let (rest, decided) = text.rsplit_once('/')?;
        let (uid, wanted) = rest.rsplit_once('/')?;
        let (wanted, decided) = (wanted.parse().ok()?, decided.parse().ok()?);
        Some(Fate { uid: uid.to_owned(), wanted, decided })
    }
}

impl std::fmt::Display for Fate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}/{}", self.uid, self.wanted, self.decided)
    }
}

/// A configuration of an ensemble, as a mark on the StatefulSet names it.
#[derive(Clone, Debug, Default, Deserialize, Serialize, PartialEq)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs)]
pub struct Seen {
    pub ensemble_id: String,
    pub version: i64,
}

impl Seen {
    /// As an annotation says it.
    pub fn parse(text: &str) -> Option<Seen> {
        let (ensemble_id, version) = text.split_once('/')?;
        Some(Seen { ensemble_id: ensemble_id.to_owned(), version: version.parse().ok()? })
    }
}

impl std::fmt::Display for Seen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.ensemble_id, self.version)
    }
}

/// A configuration map.
#[derive(Clone, Debug, Default, Deserialize, Serialize, PartialEq)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs)]
pub struct ConfigMap {
    pub name: String,
    pub uid: String,
    pub resource_version: String,
    /// The generation of the ensemble that it was last applied for.
    pub ensemble_generation: i64,
}

/// A pod.
#[derive(Clone, Debug, Default, Deserialize, Serialize, PartialEq)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs)]
pub struct Pod {
    pub ordinal: i32,
    pub name: String,
    pub uid: String,
    pub resource_version: String,
    pub revision: String,
    pub ready: bool,
    /// Seconds since the epoch at which it became (un)ready, by its node's clock.
    pub ready_changed: i64,
    /// How many seconds that clock was ahead when the pod began, at most.
    pub ahead: i64,
    pub created: i64,
    pub deleting: bool,
    /// When it is to be gone, if it is deleted: its grace period is over then.
    pub gone_by: Option<i64>,
    /// The node that it is on.
    pub node: Option<String>,
    /// Whether it is its turn to be restarted: only the pod that has the turn may be deleted.
    pub turn: bool,
    pub ip: Option<String>,
    /// Why it does not run, in Kubernetes' words.
    pub trouble: Option<String>,
    /// What Kubernetes says of it, or of its claim, while it does not start. It is told, no more: it may
    /// pass by itself.
    pub said: Option<String>,
}

impl Pod {
    /// Since when it is ready. An instant that is still to come was told by a clock that is ahead:
    /// then it counts as much earlier as that clock was ahead when the pod began, so that nobody waits
    /// for the clock. Any other is taken as it was told.
    pub fn ready_since(&self, now: i64) -> i64 {
        if self.ready_changed > now { self.ready_changed - self.ahead } else { self.ready_changed }
    }
}

/// The formation's record: written once, never changed.
#[derive(Clone, Debug, Default, Deserialize, Serialize, PartialEq)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs)]
pub struct Formation {
    pub ensemble_id: String,
    pub seed: String,
    pub members: Vec<NewMember>,
}

/// A member as admin calls name it.
#[derive(Clone, Debug, Default, Deserialize, Serialize, PartialEq)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs)]
pub struct NewMember {
    pub member_id: String,
    pub server_id: i32,
    pub peer: String,
    pub client: String,
}

impl Observed {
    /// The wanted size.
    pub fn wanted(&self) -> i32 {
        self.ensemble.spec.replicas
    }

    /// The pod of an ordinal.
    pub fn pod(&self, ordinal: i32) -> Option<&Pod> {
        self.pods.iter().find(|pod| pod.ordinal == ordinal)
    }

    /// What the member of an ordinal says, if it answers.
    pub fn member(&self, ordinal: i32) -> Option<&Member> {
        self.members.iter().find(|member| member.ordinal == ordinal)
    }

    /// The spec's generation.
    pub fn generation(&self) -> i64 {
        self.ensemble.metadata.generation.unwrap_or(0)
    }

    /// How many pods the kubelets call ready.
    pub fn ready(&self) -> i32 {
        self.pods.iter().filter(|pod| pod.ready).count() as i32
    }

    /// The StatefulSet's size; 0 without one.
    pub fn size(&self) -> i32 {
        self.stateful_set.as_ref().map_or(0, |set| set.replicas)
    }

    /// Whether the StatefulSet was last applied for this very spec. Before that, no action may
    /// follow from the spec: applying it changes the StatefulSet's version, which makes requests
    /// decided under an older spec fail.
    pub fn applied(&self) -> bool {
        self.stateful_set.as_ref().is_some_and(|set| set.ensemble_generation == self.generation())
    }

    /// Whether a pod was made from an older template than the newest.
    pub fn outdated(&self, pod: &Pod) -> bool {
        let newest = |set: &&StatefulSet| set.settled && !set.update_revision.is_empty();
        let set = self.stateful_set.as_ref().filter(newest);
        set.is_some_and(|set| pod.revision != set.update_revision)
    }
}
