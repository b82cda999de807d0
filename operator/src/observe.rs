//! Every read. Live ones: what a cache says is never a reason to change anything. What is seen in it,
//! [`crate::sight`] says.

use std::time::{SystemTime, UNIX_EPOCH};

use futures::future::{join_all, try_join_all};
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{ConfigMap, Pod, Secret};
use kube::api::{DynamicObject, ListParams, PartialObjectMeta};
use kube::{Api, Client};
use quorate_crds::CoordinationEnsemble;
use tracing::debug;

use crate::api::{dynamic, typed};
use crate::error::{Error, Result};
use crate::member_api::MemberApi;
use crate::plan::desired;
use crate::plan::member::Member;
use crate::plan::names::Names;
use crate::plan::object::ObjectKey;
use crate::plan::observed;
use crate::sight::{self, Around, Objects, Sight};

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
            Some(_) => reader.pods().await?,
            None => Vec::new(),
        };
        let config_maps = reader.config_maps().await?;
        let secret = reader.secret().await?;
        let existing = reader.objects(desired::keys(&ensemble, &names)).await?;
        let objects = Objects {
            ensemble: &ensemble,
            stateful_set: stateful_set.as_ref(),
            pods: pods.iter().collect(),
            config_maps: config_maps.iter().collect(),
            secret: secret.as_ref(),
            existing: existing.iter().map(|(key, it)| (key.clone(), &it.metadata)).collect(),
        };
        let around = Around {
            now: now()?,
            nonce: nonce()?,
            default_image: self.default_image.clone(),
            cluster_domain: self.cluster_domain.clone(),
        };
        let mut sight = sight::of(&objects, around)?;
        sight.observed.members = self.ask(&sight.observed.pods).await;
        Ok(Some(sight))
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

impl Reader<'_> {
    async fn stateful_set(&self) -> Result<Option<StatefulSet>> {
        let api: Api<StatefulSet> = typed(self.client, self.names);
        let found = api.get_opt(self.names.ensemble()).await;
        found.map_err(|error| Error::ObserveStatefulSet(error.into()))
    }

    async fn pods(&self) -> Result<Vec<Pod>> {
        let api: Api<Pod> = typed(self.client, self.names);
        let list = api.list(&self.labelled()).await;
        Ok(list.map_err(|error| Error::ObservePods(error.into()))?.items)
    }

    async fn config_maps(&self) -> Result<Vec<ConfigMap>> {
        let api: Api<ConfigMap> = typed(self.client, self.names);
        let list = api.list(&self.labelled()).await;
        Ok(list.map_err(|error| Error::ObserveConfigMaps(error.into()))?.items)
    }

    async fn secret(&self) -> Result<Option<Secret>> {
        let api: Api<Secret> = typed(self.client, self.names);
        let found = api.get_opt(&self.names.admin()).await;
        found.map_err(|error| Error::ObserveToken(error.into()))
    }

    /// Which of these are there.
    async fn objects(&self, keys: impl IntoIterator<Item = ObjectKey>) -> Result<Existing> {
        let get = |key: ObjectKey| async move {
            let api = dynamic(self.client, self.names, key.kind);
            match api.get_metadata_opt(&key.name).await {
                Ok(found) => Ok(found.map(|found| (key, found))),
                Err(error) => Err(Error::ObserveObject { key, source: error.into() }),
            }
        };
        let found = try_join_all(keys.into_iter().map(get)).await?;
        Ok(found.into_iter().flatten().collect())
    }

    fn labelled(&self) -> ListParams {
        ListParams::default().labels(&self.names.selector_text())
    }
}

/// Objects of which only the metadata was read.
type Existing = Vec<(ObjectKey, PartialObjectMeta<DynamicObject>)>;

/// Seconds since the Unix epoch.
fn now() -> Result<i64> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_err(|_| Error::Clock)?;
    i64::try_from(now.as_secs()).map_err(|_| Error::Clock)
}

fn nonce() -> Result<String> {
    let number = getrandom::u64().map_err(Error::Randomness)?;
    Ok(format!("{number:016x}"))
}
