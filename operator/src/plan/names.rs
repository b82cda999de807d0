//! Every name, label and port of an ensemble, worked out once.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use quorate_crds::CoordinationEnsemble;
use serde_json::{Value, json};

/// For clients.
pub const CLIENT_PORT: i32 = 2181;
/// For members.
pub const PEER_PORT: i32 = 2888;
/// For operators and probes.
pub const ADMIN_PORT: i32 = 8080;
/// The container.
pub const CONTAINER: &str = "node";
/// The field manager of everything that is applied.
pub const MANAGER: &str = "quorate-operator";
/// On a pod template: the wanted restart.
pub const RESTART_AT: &str = "quorate.dev/restart-at";

/// On a StatefulSet or a configuration: the generation of the ensemble that it was applied for.
pub const GENERATION: &str = "quorate.dev/ensemble-generation";
/// On a StatefulSet: the newest configuration of the ensemble that was seen when it was applied.
pub const CONFIGURATION: &str = "quorate.dev/configuration";
/// On a StatefulSet: what its template was made of, and the template as it was applied.
pub const TEMPLATE: &str = "quorate.dev/template";
/// On a claim template, which cannot change: the reconcile that made the StatefulSet. A late request
/// to make it once more differs in it, and is refused.
pub const CREATION: &str = "quorate.dev/creation";
/// On a claim: whose it is. No key that other tools know, for they take what carries one for theirs.
pub const ENSEMBLE: &str = "quorate.dev/ensemble";
/// On a claim: the resource that it is looked after for, the last generation of it that wanted the
/// claim's member, and the last one that decided on its fate.
pub const FATE: &str = "quorate.dev/fate";
/// The members' volume, and the template of its claims.
pub const VOLUME: &str = "data";
/// On a pod: it is its turn to be restarted.
pub const TURN: &str = "quorate.dev/turn";

/// As owners of objects name a resource.
const RESOURCE: &str = "CoordinationEnsemble";
const RESOURCE_VERSION: &str = "quorate.dev/v1alpha1";

/// The claim of a pod: Kubernetes' own name for it, of the claim template's.
pub fn claim(pod: &str) -> String {
    format!("{VOLUME}-{pod}")
}

/// The names of one ensemble's objects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Names {
    ensemble: String,
    namespace: String,
    /// Of the resource: what carries it as its controller belongs to the ensemble.
    uid: String,
    /// The part of a DNS name behind a pod's name.
    domain: String,
}

impl Names {
    /// Of this ensemble, in a cluster of this DNS domain; an empty one leaves names relative to the
    /// pods' search path.
    pub fn of(ensemble: &CoordinationEnsemble, cluster_domain: &str) -> Names {
        let meta = &ensemble.metadata;
        let name = meta.name.clone().unwrap_or_default();
        let namespace = meta.namespace.clone().unwrap_or_default();
        let tail = match cluster_domain {
            "" => String::new(),
            domain => format!(".{domain}"),
        };
        Names {
            domain: format!("{name}-peer.{namespace}.svc{tail}"),
            ensemble: name,
            namespace,
            uid: meta.uid.clone().unwrap_or_default(),
        }
    }

    /// The ensemble's name: of its StatefulSet, client Service, budget and policy.
    pub fn ensemble(&self) -> &str {
        &self.ensemble
    }

    /// The namespace of everything.
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// The uid of the resource.
    pub fn uid(&self) -> &str {
        &self.uid
    }

    /// The headless Service.
    pub fn peer(&self) -> String {
        format!("{}-peer", self.ensemble)
    }

    /// The Secret with the admin token.
    pub fn admin(&self) -> String {
        format!("{}-admin", self.ensemble)
    }

    /// The ConfigMap with the formation's record.
    pub fn formation(&self) -> String {
        format!("{}-formation", self.ensemble)
    }

    /// What the names of ConfigMaps with members' configuration begin with.
    pub fn config_prefix(&self) -> String {
        format!("{}-config-", self.ensemble)
    }

    /// A pod.
    pub fn pod(&self, ordinal: i32) -> String {
        format!("{}-{ordinal}", self.ensemble)
    }

    /// The pods of these ordinals.
    pub fn pods(&self, ordinals: &[i32]) -> Vec<String> {
        ordinals.iter().map(|ordinal| self.pod(*ordinal)).collect()
    }

    /// The ordinal of a pod of this ensemble.
    pub fn ordinal(&self, pod: &str) -> Option<i32> {
        pod.strip_prefix(self.ensemble.as_str())?.strip_prefix('-')?.parse().ok()
    }

    /// The ordinal of a claim of this ensemble.
    pub fn claim_ordinal(&self, claim: &str) -> Option<i32> {
        let ordinal = self.ordinal(claim.strip_prefix(VOLUME)?.strip_prefix('-')?)?;
        (claim == self::claim(&self.pod(ordinal))).then_some(ordinal)
    }

    /// The part of a DNS name behind the pod's name.
    pub fn domain(&self) -> &str {
        &self.domain
    }

    /// A member's address.
    pub fn address(&self, ordinal: i32, port: i32) -> String {
        format!("{}.{}:{port}", self.pod(ordinal), self.domain)
    }

    /// Where clients find any member that serves.
    pub fn client_address(&self) -> String {
        format!("{}.{}.svc:{CLIENT_PORT}", self.ensemble, self.namespace)
    }

    /// What selects everything of an ensemble: frozen, a StatefulSet cannot change it.
    pub fn selector(&self) -> Value {
        json!({
            "app.kubernetes.io/name": "quorate",
            "app.kubernetes.io/instance": self.ensemble,
            "app.kubernetes.io/component": "node",
        })
    }

    /// The same as a selector string.
    pub fn selector_text(&self) -> String {
        format!(
            "app.kubernetes.io/name=quorate,app.kubernetes.io/instance={},\
             app.kubernetes.io/component=node",
            self.ensemble
        )
    }

    /// Labels of everything.
    pub fn labels(&self) -> Value {
        let mut labels = self.selector();
        labels["app.kubernetes.io/managed-by"] = json!(MANAGER);
        labels
    }

    /// Labels of claims.
    pub fn claim_labels(&self) -> Value {
        json!({ ENSEMBLE: self.ensemble })
    }

    /// The resource as an owner that controls nothing and holds nothing up: what has it goes with the
    /// resource.
    pub fn owner(&self) -> OwnerReference {
        OwnerReference {
            api_version: RESOURCE_VERSION.to_owned(),
            kind: RESOURCE.to_owned(),
            name: self.ensemble.clone(),
            uid: self.uid.clone(),
            block_owner_deletion: None,
            controller: None,
        }
    }

    /// The resource as the one owner that controls an object.
    pub fn controller(&self) -> OwnerReference {
        let (controller, block_owner_deletion) = (Some(true), Some(true));
        OwnerReference { controller, block_owner_deletion, ..self.owner() }
    }

    /// Whether an owner is a resource of this name, whatever its uid.
    pub fn is_resource(&self, owner: &OwnerReference) -> bool {
        owner.kind == RESOURCE
            && owner.name == self.ensemble
            && owner.api_version.split('/').next() == RESOURCE_VERSION.split('/').next()
    }

    /// Whether an owner is a StatefulSet of this name, whatever its uid.
    pub fn is_set(&self, owner: &OwnerReference) -> bool {
        owner.kind == "StatefulSet"
            && owner.name == self.ensemble
            && owner.api_version.starts_with("apps/")
    }

    /// Metadata of an object of this name that belongs to the ensemble.
    pub fn metadata(&self, name: &str) -> Value {
        json!({
            "name": name,
            "namespace": self.namespace,
            "labels": self.labels(),
            "ownerReferences": [{
                "apiVersion": RESOURCE_VERSION,
                "kind": RESOURCE,
                "name": self.ensemble,
                "uid": self.uid,
                "controller": true,
                "blockOwnerDeletion": true,
            }],
        })
    }
}
