//! Every read: of what the watches said last, to see whether there is anything to do, and live, for
//! whatever is done. What is seen in it, [`crate::sight`] says.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures::future::try_join_all;
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{ConfigMap, PersistentVolumeClaim, Pod, Secret};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::api::ListParams;
use kube::{Api, Client};
use quorate_crds::CoordinationEnsemble;
use tokio::time::Instant;

use crate::api::{dynamic, typed};
use crate::cache::{Key, Known};
use crate::error::{Error, Result};
use crate::plan::desired;
use crate::plan::image::Image;
use crate::plan::names::{self, Names};
use crate::plan::object::ObjectKey;
use crate::said::{self, Sayings};
use crate::sight::{self, Around, Objects, Sight};

/// For so long a Secret is not read again: nobody is told of its changes, as Secrets are not watched.
const SECRET_KEPT: Duration = Duration::from_secs(60);

/// Where to read.
#[derive(Clone)]
pub(crate) struct Observer {
    /// The API server.
    pub(crate) client: Client,
    /// The image of ensembles that name none.
    pub(crate) default_image: Image,
    /// The cluster's DNS domain, if names are to be absolute.
    pub(crate) cluster_domain: String,
}

/// What was read last of an ensemble, and is not read again for a while. That there is none is not kept.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    secret: Option<(Secret, Instant)>,
    sayings: Sayings,
    /// Whether claims with the labels of earlier releases were looked for.
    searched: bool,
}

/// What was read of one ensemble.
struct Parts {
    ensemble: Arc<CoordinationEnsemble>,
    stateful_set: Option<Arc<StatefulSet>>,
    pods: Vec<Arc<Pod>>,
    config_maps: Vec<Arc<ConfigMap>>,
    claims: Option<Vec<Arc<PersistentVolumeClaim>>>,
    secret: Option<Secret>,
    existing: Vec<(ObjectKey, ObjectMeta)>,
}

impl Observer {
    /// What the watches said last of one ensemble; `None` without it. What they do not know is read:
    /// they see only what carries the labels. Counts the requests that it takes.
    ///
    /// # Errors
    /// When anything cannot be read: a partial view is never acted upon.
    pub(crate) async fn cached(
        &self,
        known: &Known,
        kept: &mut Kept,
        may_follow: bool,
        requests: &mut u32,
    ) -> Result<Option<Sight>> {
        let Some(ensemble) = known.ensemble.clone() else {
            return Ok(None);
        };
        let names = Names::of(&ensemble, &self.cluster_domain);
        let mut reader = Reader { client: &self.client, names: &names, requests };
        let stateful_set = match known.sets.get(names.ensemble()) {
            Some(set) => Some(Arc::clone(set)),
            None => reader.stateful_set().await?,
        };
        let claims = {
            let cached = known.claims.values().cloned().collect();
            reader.claims(Some(cached), stateful_set.as_deref(), kept).await?
        };
        let secret = match &kept.secret {
            Some((secret, at)) if at.elapsed() < SECRET_KEPT => Some(secret.clone()),
            Some(_) | None => reader.secret().await?,
        };
        let existing = reader.existing(known, desired::keys(&ensemble, &names)).await?;
        let parts = Parts {
            stateful_set,
            pods: known.pods.values().cloned().collect(),
            config_maps: known.config_maps.values().cloned().collect(),
            claims,
            secret,
            existing,
            ensemble,
        };
        self.see(&parts, kept, may_follow, requests).await.map(Some)
    }

    /// Looks at everything of one ensemble now; `None` if it is gone. Only the uids of objects that
    /// exist are the watches': they are sent as preconditions, and judged by the API server. Counts the
    /// requests that it takes.
    ///
    /// # Errors
    /// When anything cannot be read: a partial view is never acted upon.
    pub(crate) async fn live(
        &self,
        key: &Key,
        known: &Known,
        kept: &mut Kept,
        may_follow: bool,
        requests: &mut u32,
    ) -> Result<Option<Sight>> {
        let ensembles: Api<CoordinationEnsemble> =
            Api::namespaced(self.client.clone(), &key.namespace);
        *requests += 1;
        let found = ensembles.get_opt(&key.name).await;
        let Some(ensemble) = found.map_err(|error| Error::ObserveEnsemble(error.into()))? else {
            return Ok(None);
        };
        let names = Names::of(&ensemble, &self.cluster_domain);
        let mut reader = Reader { client: &self.client, names: &names, requests };
        let stateful_set = reader.stateful_set().await?;
        let pods = match &stateful_set {
            Some(_) => reader.pods().await?,
            None => Vec::new(),
        };
        let config_maps = reader.config_maps().await?;
        let claims = reader.claims(None, stateful_set.as_deref(), kept).await?;
        let secret = reader.secret().await?;
        let existing = reader.existing(known, desired::keys(&ensemble, &names)).await?;
        let ensemble = Arc::new(ensemble);
        let parts = Parts { ensemble, stateful_set, pods, config_maps, claims, secret, existing };
        let sight = self.see(&parts, kept, may_follow, requests).await?;
        if !sight.observed.orphans.is_empty() {
            // What was read of them is taken over only by a resource that is there after that.
            *requests += 1;
            let found = ensembles.get_metadata_opt(&key.name).await;
            let found = found.map_err(|error| Error::ObserveEnsemble(error.into()))?;
            if found.is_none_or(|it| it.metadata.uid.as_deref() != Some(sight.names.uid())) {
                return Ok(None);
            }
        }
        Ok(Some(sight))
    }

    async fn see(
        &self,
        parts: &Parts,
        kept: &mut Kept,
        may_follow: bool,
        requests: &mut u32,
    ) -> Result<Sight> {
        kept.keep(parts.secret.as_ref());
        let (now, set) = (now()?, parts.stateful_set.as_deref());
        let stuck = said::stuck(set, parts.pods.iter().map(|it| &**it), now);
        let namespace = parts.ensemble.metadata.namespace.clone().unwrap_or_default();
        let said = kept.sayings.of(&self.client, &namespace, stuck, now, requests).await;
        let objects = Objects {
            ensemble: &parts.ensemble,
            stateful_set: parts.stateful_set.as_deref(),
            pods: parts.pods.iter().map(|it| &**it).collect(),
            config_maps: parts.config_maps.iter().map(|it| &**it).collect(),
            claims: parts.claims.as_ref().map(|all| all.iter().map(|it| &**it).collect()),
            secret: parts.secret.as_ref(),
            existing: parts.existing.iter().map(|(key, meta)| (key.clone(), meta)).collect(),
            said: &said,
        };
        let around = Around {
            now,
            nonce: nonce()?,
            default_image: self.default_image.clone(),
            may_follow,
            cluster_domain: self.cluster_domain.clone(),
        };
        Ok(sight::of(&objects, around)?)
    }
}

impl Kept {
    /// Keeps what was read, with the time at which it was read first.
    fn keep(&mut self, secret: Option<&Secret>) {
        self.secret = match (self.secret.take(), secret) {
            (_, None) => None,
            (Some((before, at)), Some(now)) if before == *now && at.elapsed() < SECRET_KEPT => {
                Some((before, at))
            }
            (_, Some(now)) => Some((now.clone(), Instant::now())),
        };
    }
}

/// Reads the objects of one ensemble.
struct Reader<'a> {
    client: &'a Client,
    names: &'a Names,
    requests: &'a mut u32,
}

impl Reader<'_> {
    async fn stateful_set(&mut self) -> Result<Option<Arc<StatefulSet>>> {
        *self.requests += 1;
        let api: Api<StatefulSet> = typed(self.client, self.names);
        let found = api.get_opt(self.names.ensemble()).await;
        Ok(found.map_err(|error| Error::ObserveStatefulSet(error.into()))?.map(Arc::new))
    }

    async fn pods(&mut self) -> Result<Vec<Arc<Pod>>> {
        *self.requests += 1;
        let api: Api<Pod> = typed(self.client, self.names);
        let list = api.list(&self.labelled()).await;
        let list = list.map_err(|error| Error::ObservePods(error.into()))?;
        Ok(list.items.into_iter().map(Arc::new).collect())
    }

    async fn config_maps(&mut self) -> Result<Vec<Arc<ConfigMap>>> {
        *self.requests += 1;
        let api: Api<ConfigMap> = typed(self.client, self.names);
        let list = api.list(&self.labelled()).await;
        let list = list.map_err(|error| Error::ObserveConfigMaps(error.into()))?;
        Ok(list.items.into_iter().map(Arc::new).collect())
    }

    /// The claims: those that are known, if it is known which carry our label, and those with the labels
    /// of earlier releases. `None` if they may not be seen: all else goes on without them.
    async fn claims(
        &mut self,
        known: Option<Vec<Arc<PersistentVolumeClaim>>>,
        set: Option<&StatefulSet>,
        kept: &mut Kept,
    ) -> Result<Option<Vec<Arc<PersistentVolumeClaim>>>> {
        let live = known.is_none();
        let mut claims = match known {
            Some(known) => known,
            None => {
                let own = format!("{}={}", names::ENSEMBLE, self.names.ensemble());
                match self.claims_with(&own).await? {
                    Some(claims) => claims,
                    None => return Ok(None),
                }
            }
        };
        let size = set.and_then(|set| set.spec.as_ref()?.replicas).unwrap_or(0);
        let there = |ordinal: i32| {
            let name = names::claim(&self.names.pod(ordinal));
            claims.iter().any(|claim| claim.metadata.name.as_ref() == Some(&name))
        };
        // A StatefulSet of an earlier release goes on making them. Before anything is done, all is live.
        if !kept.searched || (live && !(0..size).all(there)) {
            match self.claims_with(&self.names.selector_text()).await? {
                Some(former) => claims.extend(former),
                None => return Ok(None),
            }
            kept.searched = true;
        }
        Ok(Some(claims))
    }

    async fn claims_with(
        &mut self,
        labels: &str,
    ) -> Result<Option<Vec<Arc<PersistentVolumeClaim>>>> {
        *self.requests += 1;
        let api: Api<PersistentVolumeClaim> = typed(self.client, self.names);
        match api.list(&ListParams::default().labels(labels)).await {
            Ok(list) => Ok(Some(list.items.into_iter().map(Arc::new).collect())),
            Err(kube::Error::Api(status)) if status.code == 403 => Ok(None),
            Err(error) => Err(Error::ObserveClaims(error.into())),
        }
    }

    async fn secret(&mut self) -> Result<Option<Secret>> {
        *self.requests += 1;
        let api: Api<Secret> = typed(self.client, self.names);
        let found = api.get_opt(&self.names.admin()).await;
        found.map_err(|error| Error::ObserveToken(error.into()))
    }

    /// Which of these are there: what the watches do not know is looked for.
    async fn existing(
        &mut self,
        known: &Known,
        keys: impl IntoIterator<Item = ObjectKey>,
    ) -> Result<Vec<(ObjectKey, ObjectMeta)>> {
        let (mut found, mut unknown) = (Vec::new(), Vec::new());
        for key in keys {
            match known.meta(&key) {
                Some(meta) => found.push((key, meta.clone())),
                None => unknown.push(key),
            }
        }
        *self.requests += u32::try_from(unknown.len()).unwrap_or(u32::MAX);
        let get = |key: ObjectKey| async {
            let api = dynamic(self.client, self.names, key.kind);
            match api.get_metadata_opt(&key.name).await {
                Ok(found) => Ok(found.map(|found| (key, found.metadata))),
                Err(error) => Err(Error::ObserveObject { key, source: error.into() }),
            }
        };
        let read = try_join_all(unknown.into_iter().map(get)).await?;
        found.extend(read.into_iter().flatten());
        Ok(found)
    }

    fn labelled(&self) -> ListParams {
        ListParams::default().labels(&self.names.selector_text())
    }
}

/// Seconds since the Unix epoch.
pub(crate) fn now() -> Result<i64> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_err(|_| Error::Clock)?;
    i64::try_from(now.as_secs()).map_err(|_| Error::Clock)
}

fn nonce() -> Result<String> {
    let number = getrandom::u64().map_err(Error::Randomness)?;
    Ok(format!("{number:016x}"))
}
