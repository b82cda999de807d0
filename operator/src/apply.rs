//! Every write. Each carries the preconditions that its action names; one that is refused is not
//! repeated but decided anew.

use k8s_openapi::ByteString;
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{ConfigMap, Pod, Secret};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::api::{DeleteParams, Patch, PatchParams, PostParams, Preconditions};
use kube::{Api, Client};
use quorate_crds::{CoordinationEnsemble, EnsembleStatus};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::api::{dynamic, typed};
use crate::error::{Error, Result};
use crate::member_api::{CallError, Called, MemberApi};
use crate::plan::action::Action;
use crate::plan::names::{MANAGER, TURN};
use crate::plan::object::Object;
use crate::plan::observed::Formation;
use crate::sight::Sight;

/// Where to write.
#[derive(Clone)]
pub(crate) struct Applier {
    /// The API server.
    pub(crate) client: Client,
    /// The members.
    pub(crate) members: MemberApi,
}

/// What came of a write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Done, now or before.
    Done,
    /// What it was decided on is not so any more.
    Refused(String),
}

/// The very object that was seen.
struct Seen<'a> {
    name: &'a str,
    uid: &'a str,
    resource_version: &'a str,
}

impl Applier {
    /// Server-side applies one object. What exists is changed only if it is the one that was seen;
    /// what does not is made without taking fields from anybody.
    ///
    /// # Errors
    /// When the API server refuses it for any other reason than a conflict.
    pub(crate) async fn object(&self, sight: &Sight, object: &Object) -> Result<Outcome> {
        let key = &object.key;
        let api = dynamic(&self.client, &sight.names, key.kind);
        let params = PatchParams::apply(MANAGER);
        let params = if object.uid.is_some() { params.force() } else { params };
        let applied = api.patch(&key.name, &params, &Patch::Apply(object.manifest())).await;
        conflict(applied)
            .map_err(|error| Error::ApplyObject { key: key.clone(), source: error.into() })
    }

    /// Carries out one action.
    ///
    /// # Errors
    /// When it fails for any other reason than its preconditions, or its outcome is unknown.
    pub(crate) async fn action(&self, sight: &Sight, action: &Action) -> Result<Outcome> {
        let outcome = match action {
            Action::CreateToken { name } => self.create_token(sight, name, token()?).await,
            Action::CreateFormation { name, formation } => {
                self.create_formation(sight, name, formation).await
            }
            Action::DeleteConfigMap { name, uid, resource_version } => {
                let api: Api<ConfigMap> = typed(&self.client, &sight.names);
                delete(&api, &Seen { name, uid, resource_version }).await
            }
            Action::DeletePod { name, uid, resource_version, .. } => {
                let api: Api<Pod> = typed(&self.client, &sight.names);
                delete(&api, &Seen { name, uid, resource_version }).await
            }
            Action::LowerReplicas { name, uid, resource_version, replicas } => {
                let api: Api<StatefulSet> = typed(&self.client, &sight.names);
                let change = json!({ "spec": { "replicas": replicas } });
                merge(&api, &Seen { name, uid, resource_version }, change).await
            }
            Action::GiveTurn { name, uid, resource_version } => {
                self.turn(sight, &Seen { name, uid, resource_version }, json!("next")).await
            }
            Action::TakeTurn { name, uid, resource_version } => {
                self.turn(sight, &Seen { name, uid, resource_version }, Value::Null).await
            }
            Action::Form { ordinal: at, .. }
            | Action::AddLearners { leader: at, .. }
            | Action::ChangeVoters { leader: at, .. }
            | Action::RemoveLearners { leader: at, .. }
            | Action::TransferLeader { leader: at, .. }
            | Action::RaiseVersion { leader: at, .. } => {
                return self.call(sight, *at, action).await;
            }
        };
        let action = || Box::new(action.clone());
        outcome.map_err(|error| Error::Write { action: action(), source: error.into() })
    }

    /// Makes the call of an action to the member of this ordinal.
    async fn call(&self, sight: &Sight, ordinal: i32, action: &Action) -> Result<Outcome> {
        let called = match sight.observed.pod(ordinal).and_then(|pod| pod.ip.as_deref()) {
            Some(ip) => self.members.call(ip, &sight.token, action).await,
            None => Err(CallError::NoAddress),
        };
        match called {
            Ok(Called::Done) => Ok(Outcome::Done),
            Ok(Called::Refused(why)) => Ok(Outcome::Refused(why)),
            Err(source) => {
                let (action, pod) = (Box::new(action.clone()), sight.names.pod(ordinal));
                Err(Error::Call { action, pod, source })
            }
        }
    }

    async fn turn(&self, sight: &Sight, seen: &Seen<'_>, turn: Value) -> kube::Result<Outcome> {
        let api: Api<Pod> = typed(&self.client, &sight.names);
        merge(&api, seen, json!({ "metadata": { "annotations": { TURN: turn } } })).await
    }

    /// Made once; never overwritten.
    async fn create_formation(
        &self,
        sight: &Sight,
        name: &str,
        formation: &Formation,
    ) -> kube::Result<Outcome> {
        let api: Api<ConfigMap> = typed(&self.client, &sight.names);
        let text = serde_json::to_string_pretty(formation).map_err(kube::Error::SerdeError)?;
        let map = ConfigMap {
            metadata: metadata(sight, name)?,
            immutable: Some(true),
            data: Some([("formation.json".to_owned(), text)].into()),
            ..ConfigMap::default()
        };
        conflict(api.create(&creation(), &map).await)
    }

    /// Made once; never overwritten.
    async fn create_token(
        &self,
        sight: &Sight,
        name: &str,
        token: String,
    ) -> kube::Result<Outcome> {
        let api: Api<Secret> = typed(&self.client, &sight.names);
        let secret = Secret {
            metadata: metadata(sight, name)?,
            immutable: Some(true),
            type_: Some("Opaque".to_owned()),
            data: Some([("token".to_owned(), ByteString(token.into_bytes()))].into()),
            ..Secret::default()
        };
        conflict(api.create(&creation(), &secret).await)
    }

    /// Writes the report, unless it says nothing new or the ensemble has changed since.
    ///
    /// # Errors
    /// When the API server refuses it for any other reason.
    pub(crate) async fn status(&self, sight: &Sight, status: &EnsembleStatus) -> Result<Outcome> {
        let mut ensemble = sight.observed.ensemble.clone();
        if ensemble.status.as_ref() == Some(status) {
            return Ok(Outcome::Done);
        }
        ensemble.status = Some(status.clone());
        ensemble.metadata.managed_fields = None;
        let api: Api<CoordinationEnsemble> = typed(&self.client, &sight.names);
        let replaced = api.replace_status(sight.names.ensemble(), &creation(), &ensemble).await;
        conflict(replaced).map_err(|error| Error::WriteStatus(error.into()))
    }
}

/// 32 random bytes, as text.
fn token() -> Result<String> {
    let mut bytes = [0_u8; 32];
    getrandom::fill(&mut bytes).map_err(Error::Randomness)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

fn metadata(sight: &Sight, name: &str) -> kube::Result<ObjectMeta> {
    serde_json::from_value(sight.names.metadata(name)).map_err(kube::Error::SerdeError)
}

fn creation() -> PostParams {
    PostParams { field_manager: Some(MANAGER.to_owned()), ..PostParams::default() }
}

/// Deletes this very object only.
async fn delete<K>(api: &Api<K>, seen: &Seen<'_>) -> kube::Result<Outcome>
where
    K: Clone + std::fmt::Debug + DeserializeOwned,
{
    let only = Preconditions {
        uid: Some(seen.uid.to_owned()),
        resource_version: Some(seen.resource_version.to_owned()),
    };
    let params = DeleteParams { preconditions: Some(only), ..DeleteParams::default() };
    conflict(api.delete(seen.name, &params).await)
}

/// Changes this very object only.
async fn merge<K>(api: &Api<K>, seen: &Seen<'_>, change: Value) -> kube::Result<Outcome>
where
    K: Clone + std::fmt::Debug + DeserializeOwned,
{
    let mut patch = change;
    patch["metadata"]["uid"] = json!(seen.uid);
    patch["metadata"]["resourceVersion"] = json!(seen.resource_version);
    let params = PatchParams { field_manager: Some(MANAGER.to_owned()), ..PatchParams::default() };
    conflict(api.patch(seen.name, &params, &Patch::Merge(patch)).await)
}

/// A conflict, or an object that is gone, says that the decision is out of date.
fn conflict<T>(result: kube::Result<T>) -> kube::Result<Outcome> {
    match result {
        Ok(_) => Ok(Outcome::Done),
        Err(kube::Error::Api(status)) if matches!(status.code, 404 | 409) => {
            Ok(Outcome::Refused(status.message))
        }
        Err(error) => Err(error),
    }
}
