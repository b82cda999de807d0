//! What one reconcile has seen of an ensemble, made of what was read. Nothing is read here.

use std::collections::BTreeMap;

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{ConfigMap, PersistentVolumeClaim, Pod, Secret};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{
    ManagedFieldsEntry, ObjectMeta, OwnerReference,
};
use quorate_crds::CoordinationEnsemble;
use serde_json::Value;

use crate::mutants::planted;
use crate::owned;
use crate::plan::image::Image;
use crate::plan::names::{self, Names};
use crate::plan::object::{Kind, ObjectKey};
use crate::plan::observed::{self, Fate, Formation, Observed, Orphan, Seen};
use crate::plan::pin::Pin;
use crate::pods;

/// What was seen, and what must not be shown: the token.
pub struct Sight {
    /// For the plan.
    pub observed: Observed,
    /// Of the ensemble's objects.
    pub names: Names,
    /// For calls to members; empty while there is none.
    pub token: String,
}

/// What was read at the API server of one ensemble, whoever it belongs to.
#[derive(Clone, Debug)]
pub struct Objects<'a> {
    /// The resource.
    pub ensemble: &'a CoordinationEnsemble,
    /// What is called like the StatefulSet.
    pub stateful_set: Option<&'a StatefulSet>,
    /// Pods with the ensemble's labels.
    pub pods: Vec<&'a Pod>,
    /// ConfigMaps with the ensemble's labels.
    pub config_maps: Vec<&'a ConfigMap>,
    /// Claims that may be the ensemble's, if they can be seen.
    pub claims: Option<Vec<&'a PersistentVolumeClaim>>,
    /// What is called like the Secret with the token.
    pub secret: Option<&'a Secret>,
    /// What is called like an object that should exist.
    pub existing: Vec<(ObjectKey, &'a ObjectMeta)>,
    /// What Kubernetes says of those that do not get on.
    pub said: &'a [Said],
}

/// What Kubernetes says of an object that does not get on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// Of which kind it is.
    pub kind: &'static str,
    /// Its name.
    pub name: String,
    /// In Kubernetes' own words.
    pub why: String,
}

/// What else a decision is made of.
#[derive(Clone, Debug)]
pub struct Around {
    /// Seconds since the Unix epoch.
    pub now: i64,
    /// New for every reconcile.
    pub nonce: String,
    /// The image of ensembles that name none.
    pub default_image: Image,
    /// Whether it is this ensemble's turn to follow the operator.
    pub may_follow: bool,
    /// The cluster's DNS domain, if names are to be absolute.
    pub cluster_domain: String,
}

/// An object of ours that makes no sense: nothing is decided before it is restored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unreadable {
    /// The record of the formation.
    Formation {
        /// Its ConfigMap.
        config_map: String,
        /// What is wrong with it.
        why: String,
    },
    /// The token.
    Token {
        /// Its Secret.
        secret: String,
    },
}

/// What is seen in these objects; no member has answered yet. What belongs to somebody else is not
/// taken for ours, whatever it is called.
///
/// # Errors
/// When an object of ours makes no sense.
pub fn of(objects: &Objects<'_>, around: Around) -> Result<Sight, Unreadable> {
    let names = Names::of(objects.ensemble, &around.cluster_domain);
    let mut set = objects.stateful_set.filter(|set| takes(&set.metadata, &names)).map(summary);
    let mut pods: Vec<observed::Pod> = match &set {
        Some(set) => {
            let of = |pod: &&Pod| pods::summary(pod, &set.uid, &names);
            objects.pods.iter().filter_map(of).collect()
        }
        None => Vec::new(),
    };
    pods.sort_by_key(|pod| pod.ordinal);
    let said = |kind: &str, name: &str| {
        objects.said.iter().find(|it| it.kind == kind && it.name == name).map(|it| it.why.clone())
    };
    for pod in &mut pods {
        let claim = || said("PersistentVolumeClaim", &names::claim(&pod.name));
        pod.said = said("Pod", &pod.name).or_else(claim);
    }
    if let Some(set) = &mut set {
        set.said = said("StatefulSet", names.ensemble());
    }
    let mut sight = Sight {
        observed: Observed {
            now: around.now,
            nonce: around.nonce,
            ensemble: objects.ensemble.clone(),
            default_image: around.default_image,
            may_follow: around.may_follow,
            cluster_domain: around.cluster_domain,
            stateful_set: set,
            foreign: None,
            orphans: Vec::new(),
            existing: BTreeMap::new(),
            pods,
            claims: objects.claims.as_ref().map(|claims| of_claims(claims, &names)),
            formation: None,
            config_maps: Vec::new(),
            has_token: false,
            refusing: Vec::new(),
            members: Vec::new(),
        },
        names,
        token: String::new(),
    };
    sight.existing(objects);
    sight.config_maps(objects)?;
    sight.token(objects)?;
    Ok(sight)
}

impl Sight {
    /// Which of the objects that should exist are there, and whether each is ours.
    fn existing(&mut self, objects: &Objects<'_>) {
        for (key, meta) in &objects.existing {
            if self.takes(key, meta) {
                let uid = meta.uid.clone().unwrap_or_default();
                self.observed.existing.insert(key.clone(), uid);
            } else {
                self.observed.foreign = Some(key.clone());
            }
        }
    }

    /// Whether an object is the ensemble's, or is to be taken over, which is noted.
    fn takes(&mut self, key: &ObjectKey, meta: &ObjectMeta) -> bool {
        let whose = whose(meta, &self.names);
        if whose == Whose::Nobodys && !self.observed.orphans.iter().any(|it| it.key == *key) {
            let owners = meta.owner_references.iter().flatten();
            let stays = |it: &&OwnerReference| !self.names.is_resource(it);
            self.observed.orphans.push(Orphan {
                key: key.clone(),
                uid: meta.uid.clone().unwrap_or_default(),
                resource_version: meta.resource_version.clone().unwrap_or_default(),
                owners: owners.filter(stays).cloned().collect(),
            });
        }
        whose != Whose::Others
    }

    fn config_maps(&mut self, objects: &Objects<'_>) -> Result<(), Unreadable> {
        for map in &objects.config_maps {
            let meta = &map.metadata;
            let name = meta.name.clone().unwrap_or_default();
            let own =
                name == self.names.formation() || name.starts_with(&self.names.config_prefix());
            let key = ObjectKey { kind: Kind::ConfigMap, name: name.clone() };
            let there = if own { self.takes(&key, meta) } else { ours(meta, &self.names) };
            if !there {
                continue;
            }
            if name == self.names.formation() {
                self.observed.formation = Some(formation(map, name)?);
            } else {
                self.observed.config_maps.push(observed::ConfigMap {
                    name,
                    ensemble_generation: generation(meta),
                    uid: meta.uid.clone().unwrap_or_default(),
                    resource_version: meta.resource_version.clone().unwrap_or_default(),
                });
            }
        }
        Ok(())
    }

    fn token(&mut self, objects: &Objects<'_>) -> Result<(), Unreadable> {
        let Some(secret) = objects.secret else { return Ok(()) };
        let name = self.names.admin();
        let key = ObjectKey { kind: Kind::Secret, name: name.clone() };
        if !self.takes(&key, &secret.metadata) {
            self.observed.foreign = Some(key);
            return Ok(());
        }
        let bytes = secret.data.as_ref().and_then(|data| data.get("token"));
        let text = bytes.and_then(|bytes| String::from_utf8(bytes.0.clone()).ok());
        let text = text.ok_or(Unreadable::Token { secret: name })?;
        text.trim().clone_into(&mut self.token);
        self.observed.has_token = true;
        Ok(())
    }
}

/// Whether an object is controlled by this very ensemble.
fn ours(metadata: &ObjectMeta, names: &Names) -> bool {
    let owners = metadata.owner_references.as_deref().unwrap_or_default();
    owners.iter().any(|it| it.controller == Some(true) && it.uid == names.uid())
        || planted("another's objects are ours")
}

/// Whose an object with a name of ours is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Whose {
    /// This resource's.
    Ours,
    /// It carries our labels, and whoever controlled it is gone: there is one resource of a name.
    Nobodys,
    /// Somebody else's.
    Others,
}

fn whose(metadata: &ObjectMeta, names: &Names) -> Whose {
    if ours(metadata, names) {
        return Whose::Ours;
    }
    let wanted = names.labels();
    let mut wanted = wanted.as_object().into_iter().flatten();
    let labels = metadata.labels.as_ref();
    let labelled = wanted
        .all(|(key, value)| labels.and_then(|all| all.get(key)).is_some_and(|it| value == it));
    let mut owners = metadata.owner_references.iter().flatten();
    let other = |it: &OwnerReference| it.controller == Some(true) && !names.is_resource(it);
    let controlled = owners.any(other) && !planted("what others control is adopted");
    if labelled && !controlled { Whose::Nobodys } else { Whose::Others }
}

fn takes(metadata: &ObjectMeta, names: &Names) -> bool {
    whose(metadata, names) != Whose::Others
}

fn formation(map: &ConfigMap, config_map: String) -> Result<Formation, Unreadable> {
    let text = map.data.as_ref().and_then(|data| data.get("formation.json"));
    let parsed = match text {
        Some(text) => serde_json::from_str(text).map_err(|error| error.to_string()),
        None => Err("it has no key formation.json".to_owned()),
    };
    parsed.map_err(|why| Unreadable::Formation { config_map, why })
}

/// The generation of the ensemble that an object was applied for.
fn generation(meta: &ObjectMeta) -> i64 {
    let mark = meta.annotations.as_ref();
    let mark = mark.and_then(|all| all.get(names::GENERATION));
    mark.and_then(|text| text.parse().ok()).unwrap_or(0)
}

fn summary(set: &StatefulSet) -> observed::StatefulSet {
    let (meta, spec, status) = (&set.metadata, set.spec.as_ref(), set.status.as_ref());
    let annotation = |key: &str| meta.annotations.as_ref().and_then(|all| all.get(key));
    observed::StatefulSet {
        uid: meta.uid.clone().unwrap_or_default(),
        resource_version: meta.resource_version.clone().unwrap_or_default(),
        replicas: spec.and_then(|spec| spec.replicas).unwrap_or(0),
        ensemble_generation: generation(meta),
        configuration: annotation(names::CONFIGURATION).and_then(|it| Seen::parse(it)),
        update_revision: status.and_then(|it| it.update_revision.clone()).unwrap_or_default(),
        settled: status.and_then(|status| status.observed_generation) == meta.generation,
        said: None,
        retains: spec
            .and_then(|spec| spec.persistent_volume_claim_retention_policy.as_ref())
            .is_none_or(|policy| policy.when_deleted.as_deref() != Some("Delete")),
        pin: annotation(names::TEMPLATE).and_then(|it| Pin::parse(it)).or_else(|| applied(set)),
        claims: spec.and_then(|spec| spec.volume_claim_templates.clone()),
    }
}

/// Claims of the ensemble, by ordinal.
fn of_claims(claims: &[&PersistentVolumeClaim], names: &Names) -> Vec<observed::Claim> {
    let mut claims: Vec<observed::Claim> =
        claims.iter().filter_map(|claim| of_claim(claim, names)).collect();
    claims.sort_by_key(|claim| claim.ordinal);
    claims.dedup_by(|one, other| one.ordinal == other.ordinal);
    claims
}

/// A claim, if it has a name and the labels of the ensemble's, and nobody else controls it.
fn of_claim(claim: &PersistentVolumeClaim, names: &Names) -> Option<observed::Claim> {
    let meta = &claim.metadata;
    let labels = meta.labels.clone().unwrap_or_default();
    let (own, former) = (names.claim_labels(), names.selector());
    let carries = |wanted: &Value| {
        let mut all = wanted.as_object().into_iter().flatten();
        all.all(|(key, value)| labels.get(key).is_some_and(|it| value == it))
    };
    let owners = meta.owner_references.clone().unwrap_or_default();
    let other = |owner: &OwnerReference| {
        owner.controller == Some(true) && !names.is_set(owner) && !names.is_resource(owner)
    };
    let other = owners.iter().any(other) && !planted("another's objects are ours");
    if !(carries(&own) || carries(&former)) || other {
        return None;
    }
    let name = meta.name.clone()?;
    let fate = meta.annotations.as_ref().and_then(|all| all.get(names::FATE));
    let may_be_ours = names.labels();
    Some(observed::Claim {
        ordinal: names.claim_ordinal(&name)?,
        uid: meta.uid.clone()?,
        resource_version: meta.resource_version.clone()?,
        deleting: meta.deletion_timestamp.is_some(),
        labels: labels
            .iter()
            .filter(|(key, _)| *key == names::ENSEMBLE || !may_be_ours[key.as_str()].is_null())
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect(),
        owners,
        fate: fate.and_then(|it| Fate::parse(it)),
        name,
    })
}

/// The template of an operator that did not note it, as the API server knows what was applied.
fn applied(set: &StatefulSet) -> Option<Pin> {
    let managed = set.metadata.managed_fields.iter().flatten();
    let ours = |it: &&ManagedFieldsEntry| {
        it.manager.as_deref() == Some(names::MANAGER) && it.operation.as_deref() == Some("Apply")
    };
    let fields = managed.filter(|it| it.subresource.is_none()).find(ours)?.fields_v1.as_ref()?;
    let fields = &fields.0["f:spec"]["f:template"];
    let template = serde_json::to_value(&set.spec.as_ref()?.template).ok()?;
    let template = fields.is_object().then(|| owned::part(&template, fields))?;
    Some(Pin { template, ..Pin::default() })
}

#[cfg(test)]
mod tests;
