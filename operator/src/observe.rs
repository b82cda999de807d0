//! Every read. Live ones: what a cache says is never a reason to change anything.

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use futures::future::{join_all, try_join_all};
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{ConfigMap, Pod, Secret};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::api::{ApiResource, DynamicObject, GroupVersionKind, ListParams};
use kube::{Api, Client};
use quorate_crds::CoordinationEnsemble;
use serde_json::json;

use crate::member_api::MemberApi;
use crate::plan::observed::{self, Observed, Seen};
use crate::plan::{desired, names};
use crate::pods;

/// Where to read.
#[derive(Clone)]
pub struct Observer {
    /// The API server.
    pub client: Client,
    /// The members.
    pub members: MemberApi,
    /// The image of ensembles that name none.
    pub default_image: String,
    /// The cluster's DNS domain, if names are to be absolute.
    pub cluster_domain: String,
}

/// What was seen, and what must not be shown: the token.
pub struct Sight {
    /// For the plan.
    pub observed: Observed,
    /// For calls to members; empty while there is none.
    pub token: String,
}

impl Observer {
    /// Looks at everything of one ensemble; `None` if it is gone.
    ///
    /// # Errors
    /// When anything cannot be read: a partial view is never acted upon.
    pub async fn observe(&self, namespace: &str, name: &str) -> Result<Option<Sight>> {
        let ensembles: Api<CoordinationEnsemble> = Api::namespaced(self.client.clone(), namespace);
        let Some(ensemble) = ensembles.get_opt(name).await.context("cannot read the ensemble")?
        else {
            return Ok(None);
        };
        let mut sight = Sight { observed: self.blank(ensemble)?, token: String::new() };
        let observed = &mut sight.observed;
        self.stateful_set(namespace, observed).await?;
        self.pods(namespace, observed).await?;
        self.config_maps(namespace, observed).await?;
        sight.token = self.secret(namespace, observed).await?;
        self.ownership(namespace, observed).await?;
        observed.members = self.ask(&observed.pods).await;
        Ok(Some(sight))
    }

    fn blank(&self, ensemble: CoordinationEnsemble) -> Result<Observed> {
        let now =
            SystemTime::now().duration_since(UNIX_EPOCH).context("the clock is before 1970")?;
        Ok(Observed {
            now: i64::try_from(now.as_secs())?,
            nonce: nonce()?,
            ensemble,
            default_image: self.default_image.clone(),
            cluster_domain: self.cluster_domain.clone(),
            stateful_set: None,
            foreign: None,
            existing: BTreeMap::new(),
            pods: Vec::new(),
            formation: None,
            config_maps: Vec::new(),
            has_token: false,
            members: Vec::new(),
        })
    }

    async fn stateful_set(&self, namespace: &str, observed: &mut Observed) -> Result<()> {
        let api: Api<StatefulSet> = Api::namespaced(self.client.clone(), namespace);
        let name = names::ensemble(observed);
        let found = api.get_opt(&name).await.context("cannot read the StatefulSet")?;
        if let Some(set) = found.filter(|set| ours(observed, &set.metadata)) {
            observed.stateful_set = Some(summary(&set));
        }
        Ok(())
    }

    async fn pods(&self, namespace: &str, observed: &mut Observed) -> Result<()> {
        let api: Api<Pod> = Api::namespaced(self.client.clone(), namespace);
        let wanted = ListParams::default().labels(&names::selector_text(observed));
        let list = api.list(&wanted).await.context("cannot list pods")?;
        let Some(set) = &observed.stateful_set else {
            return Ok(());
        };
        let prefix = names::ensemble(observed) + "-";
        let of = |pod: Pod| pods::summary(&pod, &set.uid, &prefix);
        observed.pods = list.items.into_iter().filter_map(of).collect();
        observed.pods.sort_by_key(|pod| pod.ordinal);
        Ok(())
    }

    async fn config_maps(&self, namespace: &str, observed: &mut Observed) -> Result<()> {
        let api: Api<ConfigMap> = Api::namespaced(self.client.clone(), namespace);
        let wanted = ListParams::default().labels(&names::selector_text(observed));
        let list = api.list(&wanted).await.context("cannot list config maps")?;
        let record = names::formation(observed);
        for map in list.items {
            if !ours(observed, &map.metadata) {
                continue;
            }
            let name = map.metadata.name.clone().unwrap_or_default();
            if name == record {
                let text = map.data.as_ref().and_then(|data| data.get("formation.json"));
                let text = text.context("the formation's ConfigMap has no formation.json")?;
                let parsed = serde_json::from_str(text);
                observed.formation = Some(parsed.context("the formation's record is damaged")?);
            } else {
                observed.config_maps.push(observed::ConfigMap {
                    name,
                    ensemble_generation: generation(&map.metadata),
                    uid: map.metadata.uid.unwrap_or_default(),
                    resource_version: map.metadata.resource_version.unwrap_or_default(),
                });
            }
        }
        Ok(())
    }

    async fn secret(&self, namespace: &str, observed: &mut Observed) -> Result<String> {
        let api: Api<Secret> = Api::namespaced(self.client.clone(), namespace);
        let name = names::admin(observed);
        let Some(secret) = api.get_opt(&name).await.context("cannot read the token's Secret")?
        else {
            return Ok(String::new());
        };
        if !ours(observed, &secret.metadata) {
            observed.foreign = Some(format!("the Secret {name}"));
            return Ok(String::new());
        }
        let bytes = secret.data.as_ref().and_then(|data| data.get("token"));
        let bytes = bytes.with_context(|| format!("the Secret {name} has no key token"))?;
        observed.has_token = true;
        Ok(String::from_utf8(bytes.0.clone()).context("the token is not text")?.trim().to_owned())
    }

    /// Which of the objects that should exist are there, and whether each is ours.
    async fn ownership(&self, namespace: &str, observed: &mut Observed) -> Result<()> {
        let identities = desired::identities(observed);
        let get = |(version, kind, name): (String, String, String)| async move {
            let api = dynamic(&self.client, namespace, &version, &kind);
            let found = api.get_metadata_opt(&name).await;
            let found = found.with_context(|| format!("cannot read {kind} {name}"))?;
            anyhow::Ok((kind, name, found))
        };
        for (kind, name, found) in try_join_all(identities.into_iter().map(get)).await? {
            let Some(found) = found else { continue };
            if ours(observed, &found.metadata) {
                let uid = found.metadata.uid.unwrap_or_default();
                observed.existing.insert(format!("{kind}/{name}"), uid);
            } else {
                observed.foreign = Some(format!("the {kind} {name}"));
            }
        }
        Ok(())
    }

    /// What every member says; those that do not answer are missing.
    async fn ask(&self, pods: &[observed::Pod]) -> Vec<observed::Member> {
        let ask = |pod: &observed::Pod| {
            let (ip, ordinal, members) = (pod.ip.clone(), pod.ordinal, self.members.clone());
            async move { members.status(&ip?, ordinal).await.ok() }
        };
        join_all(pods.iter().map(ask)).await.into_iter().flatten().collect()
    }
}

fn nonce() -> Result<String> {
    let number = getrandom::u64().context("no randomness")?;
    Ok(format!("{number:016x}"))
}

/// Whether an object is controlled by this very ensemble.
fn ours(observed: &Observed, metadata: &ObjectMeta) -> bool {
    let uid = observed.ensemble.metadata.uid.as_deref();
    let owners = metadata.owner_references.as_deref().unwrap_or_default();
    owners.iter().any(|it| it.controller == Some(true) && Some(it.uid.as_str()) == uid)
}

/// Objects of a kind that is known by name only.
pub fn dynamic(client: &Client, namespace: &str, version: &str, kind: &str) -> Api<DynamicObject> {
    let (group, version) = version.split_once('/').unwrap_or(("", version));
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, kind));
    Api::namespaced_with(client.clone(), namespace, &resource)
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
    let claims = spec.and_then(|spec| spec.volume_claim_templates.as_ref());
    observed::StatefulSet {
        uid: meta.uid.clone().unwrap_or_default(),
        resource_version: meta.resource_version.clone().unwrap_or_default(),
        replicas: spec.and_then(|spec| spec.replicas).unwrap_or(0),
        ensemble_generation: generation(meta),
        configuration: annotation(names::CONFIGURATION).and_then(|it| Seen::parse(it)),
        update_revision: status.and_then(|it| it.update_revision.clone()).unwrap_or_default(),
        settled: status.and_then(|status| status.observed_generation) == meta.generation,
        claims: claims.map(|claims| json!(claims)),
    }
}
