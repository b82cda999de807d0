//! Every read. Live ones: what a cache says is never a reason to change anything.

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use futures::future::{join_all, try_join_all};
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{ConfigMap, Pod, Secret};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::api::ListParams;
use kube::{Api, Client};
use quorate_crds::CoordinationEnsemble;
use tracing::debug;

use crate::api::{dynamic, typed};
use crate::error::{Error, Result};
use crate::member_api::MemberApi;
use crate::plan::desired;
use crate::plan::member::Member;
use crate::plan::names::{self, Names};
use crate::plan::object::{Kind, ObjectKey};
use crate::plan::observed::{self, Formation, Observed, Seen};
use crate::pods;
use crate::sight::Sight;

/// Where to read.
#[derive(Clone)]
pub(crate) struct Observer {
    /// The API server.
    pub(crate) client: Client,
    /// The members.
    pub(crate) members: MemberApi,
    /// The image of ensembles that name none.
    pub(crate) default_image: String,
    /// The cluster's DNS domain, if names are to be absolute.
    pub(crate) cluster_domain: String,
}

impl Observer {
    /// Looks at everything of one ensemble; `None` if it is gone.
    ///
    /// # Errors
    /// When anything cannot be read: a partial view is never acted upon.
    pub(crate) async fn observe(&self, namespace: &str, name: &str) -> Result<Option<Sight>> {
        let ensembles: Api<CoordinationEnsemble> = Api::namespaced(self.client.clone(), namespace);
        let found = ensembles.get_opt(name).await;
        let Some(ensemble) = found.map_err(|error| Error::ObserveEnsemble(error.into()))? else {
            return Ok(None);
        };
        let names = Names::of(&ensemble, &self.cluster_domain);
        let reader = Reader { client: &self.client, names: &names };
        let stateful_set = reader.stateful_set().await?;
        let pods = match &stateful_set {
            Some(set) => reader.pods(set).await?,
            None => Vec::new(),
        };
        let config_maps = reader.config_maps().await?;
        let token = reader.token().await?;
        let objects = reader.objects(desired::keys(&ensemble, &names)).await?;
        let members = self.ask(&pods).await;
        let foreign = (token == Token::Foreign)
            .then(|| ObjectKey { kind: Kind::Secret, name: names.admin() })
            .or(objects.foreign);
        let (has_token, token) = match token {
            Token::Ours(token) => (true, token),
            Token::Absent | Token::Foreign => (false, String::new()),
        };
        let observed = Observed {
            now: now()?,
            nonce: nonce()?,
            ensemble,
            default_image: self.default_image.clone(),
            cluster_domain: self.cluster_domain.clone(),
            stateful_set,
            foreign,
            existing: objects.existing,
            pods,
            formation: config_maps.formation,
            config_maps: config_maps.configurations,
            has_token,
            members,
        };
        Ok(Some(Sight { observed, names, token }))
    }

    /// What every member says, by ordinal; those that do not answer are missing.
    async fn ask(&self, pods: &[observed::Pod]) -> Vec<Member> {
        let ask = |pod: &observed::Pod| {
            let (ip, ordinal, members) = (pod.ip.clone(), pod.ordinal, self.members.clone());
            let pod = pod.name.clone();
            async move {
                match members.status(&ip?, ordinal).await {
                    Ok(member) => Some(member),
                    Err(error) => {
                        debug!(pod, %error, "a member does not answer");
                        None
                    }
                }
            }
        };
        join_all(pods.iter().map(ask)).await.into_iter().flatten().collect()
    }
}

/// Reads the objects of one ensemble.
struct Reader<'a> {
    client: &'a Client,
    names: &'a Names,
}

/// The ConfigMaps of an ensemble.
#[derive(Default)]
struct ConfigMaps {
    formation: Option<Formation>,
    configurations: Vec<observed::ConfigMap>,
}

/// The Secret with the token.
#[derive(PartialEq)]
enum Token {
    Absent,
    /// It belongs to somebody else.
    Foreign,
    Ours(String),
}

/// The objects with names of ours.
#[derive(Default)]
struct Objects {
    existing: BTreeMap<ObjectKey, String>,
    foreign: Option<ObjectKey>,
}

impl Reader<'_> {
    async fn stateful_set(&self) -> Result<Option<observed::StatefulSet>> {
        let api: Api<StatefulSet> = typed(self.client, self.names);
        let found = api.get_opt(self.names.ensemble()).await;
        let found = found.map_err(|error| Error::ObserveStatefulSet(error.into()))?;
        Ok(found.filter(|set| self.ours(&set.metadata)).map(|set| summary(&set)))
    }

    async fn pods(&self, set: &observed::StatefulSet) -> Result<Vec<observed::Pod>> {
        let api: Api<Pod> = typed(self.client, self.names);
        let list = api.list(&self.labelled()).await;
        let list = list.map_err(|error| Error::ObservePods(error.into()))?;
        let of = |pod: Pod| pods::summary(&pod, &set.uid, self.names);
        let mut pods: Vec<observed::Pod> = list.items.into_iter().filter_map(of).collect();
        pods.sort_by_key(|pod| pod.ordinal);
        Ok(pods)
    }

    async fn config_maps(&self) -> Result<ConfigMaps> {
        let api: Api<ConfigMap> = typed(self.client, self.names);
        let list = api.list(&self.labelled()).await;
        let list = list.map_err(|error| Error::ObserveConfigMaps(error.into()))?;
        let mut found = ConfigMaps::default();
        for map in list.items.into_iter().filter(|map| self.ours(&map.metadata)) {
            let name = map.metadata.name.clone().unwrap_or_default();
            if name == self.names.formation() {
                found.formation = Some(formation(&map, name)?);
            } else {
                found.configurations.push(observed::ConfigMap {
                    name,
                    ensemble_generation: generation(&map.metadata),
                    uid: map.metadata.uid.unwrap_or_default(),
                    resource_version: map.metadata.resource_version.unwrap_or_default(),
                });
            }
        }
        Ok(found)
    }

    async fn token(&self) -> Result<Token> {
        let (api, name): (Api<Secret>, _) = (typed(self.client, self.names), self.names.admin());
        let found = api.get_opt(&name).await;
        let Some(secret) = found.map_err(|error| Error::ObserveToken(error.into()))? else {
            return Ok(Token::Absent);
        };
        if !self.ours(&secret.metadata) {
            return Ok(Token::Foreign);
        }
        let bytes = secret.data.as_ref().and_then(|data| data.get("token"));
        let text = bytes.and_then(|bytes| String::from_utf8(bytes.0.clone()).ok());
        let text = text.ok_or(Error::ReadToken { secret: name })?;
        Ok(Token::Ours(text.trim().to_owned()))
    }

    /// Which of the objects that should exist are there, and whether each is ours.
    async fn objects(&self, keys: impl IntoIterator<Item = ObjectKey>) -> Result<Objects> {
        let get = |key: ObjectKey| async move {
            let api = dynamic(self.client, self.names, key.kind);
            match api.get_metadata_opt(&key.name).await {
                Ok(found) => Ok((key, found)),
                Err(error) => Err(Error::ObserveObject { key, source: error.into() }),
            }
        };
        let mut objects = Objects::default();
        for (key, found) in try_join_all(keys.into_iter().map(get)).await? {
            let Some(found) = found else { continue };
            if self.ours(&found.metadata) {
                objects.existing.insert(key, found.metadata.uid.unwrap_or_default());
            } else {
                objects.foreign = Some(key);
            }
        }
        Ok(objects)
    }

    fn labelled(&self) -> ListParams {
        ListParams::default().labels(&self.names.selector_text())
    }

    /// Whether an object is controlled by this very ensemble.
    fn ours(&self, metadata: &ObjectMeta) -> bool {
        let owners = metadata.owner_references.as_deref().unwrap_or_default();
        owners.iter().any(|it| it.controller == Some(true) && it.uid == self.names.uid())
    }
}

/// Seconds since the Unix epoch.
fn now() -> Result<i64> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_err(|_| Error::Clock)?;
    i64::try_from(now.as_secs()).map_err(|_| Error::Clock)
}

fn nonce() -> Result<String> {
    let number = getrandom::u64().map_err(Error::Randomness)?;
    Ok(format!("{number:016x}"))
}

fn formation(map: &ConfigMap, config_map: String) -> Result<Formation> {
    let text = map.data.as_ref().and_then(|data| data.get("formation.json"));
    let parsed = match text {
        Some(text) => serde_json::from_str(text).map_err(|error| error.to_string()),
        None => Err("it has no key formation.json".to_owned()),
    };
    parsed.map_err(|why| Error::ObserveFormation { config_map, why })
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
        claims: spec.and_then(|spec| spec.volume_claim_templates.clone()),
    }
}
