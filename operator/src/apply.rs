//! Every write. Each carries the preconditions that its action names; one that is refused is not
//! repeated but decided anew.

use anyhow::{Context, Result, bail};
use k8s_openapi::ByteString;
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{ConfigMap, Pod, Secret};
use kube::api::{DeleteParams, DynamicObject, Patch, PatchParams, PostParams, Preconditions};
use kube::{Api, Client};
use quorate_crds::{CoordinationEnsemble, EnsembleStatus};

use serde_json::{Value, json};

use crate::member_api::{Called, MemberApi};
use crate::observe::dynamic;
use crate::plan::action::Action;
use crate::plan::names::{self, MANAGER};
use crate::plan::observed::Observed;

/// Where to write.
#[derive(Clone)]
pub struct Applier {
    /// The API server.
    pub client: Client,
    /// The members.
    pub members: MemberApi,
}

/// What came of a write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Done, now or before.
    Done,
    /// What it was decided on is not so any more.
    Refused(String),
}

impl Applier {
    /// Server-side applies one object. What exists is changed only if it is the one that was seen;
    /// what does not is made without taking fields from anybody.
    ///
    /// # Errors
    /// When the API server refuses it for any other reason than a conflict.
    pub async fn object(&self, object: &Value) -> Result<Outcome> {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let meta = &object["metadata"];
        let (kind, name) = (text(&object["kind"]), text(&meta["name"]));
        let api =
            dynamic(&self.client, &text(&meta["namespace"]), &text(&object["apiVersion"]), &kind);
        let params = PatchParams::apply(MANAGER);
        let params = if meta["uid"].is_string() { params.force() } else { params };
        let object: DynamicObject = serde_json::from_value(object.clone())?;
        let applied = api.patch(&name, &params, &Patch::Apply(&object)).await;
        conflict(applied.map(drop)).with_context(|| format!("cannot apply {kind} {name}"))
    }

    /// Carries out one action.
    ///
    /// # Errors
    /// When it fails for any other reason than its preconditions, or its outcome is unknown.
    pub async fn action(
        &self,
        observed: &Observed,
        token: &str,
        action: &Action,
    ) -> Result<Outcome> {
        let namespace = names::namespace(observed);
        let namespace = namespace.as_str();
        match action {
            Action::CreateToken { name } => self.create_token(observed, name).await,
            Action::CreateFormation { name, formation } => {
                let api: Api<ConfigMap> = Api::namespaced(self.client.clone(), namespace);
                let map = serde_json::from_value(json!({
                    "metadata": names::metadata(observed, "ConfigMap", name),
                    "immutable": true,
                    "data": { "formation.json": serde_json::to_string_pretty(formation)? },
                }))?;
                conflict(api.create(&creation(), &map).await.map(drop))
            }
            Action::DeleteConfigMap { name, uid, resource_version } => {
                let api: Api<ConfigMap> = Api::namespaced(self.client.clone(), namespace);
                let only = only(uid, resource_version);
                conflict(api.delete(name, &only).await.map(drop))
            }
            Action::LowerReplicas { name, uid, resource_version, replicas } => {
                let api: Api<StatefulSet> = Api::namespaced(self.client.clone(), namespace);
                let patch = json!({
                    "metadata": { "uid": uid, "resourceVersion": resource_version },
                    "spec": { "replicas": replicas },
                });
                merge(&api, name, &patch).await
            }
            Action::GiveTurn { name, uid, resource_version } => {
                self.turn(namespace, name, uid, resource_version, json!("next")).await
            }
            Action::TakeTurn { name, uid, resource_version } => {
                self.turn(namespace, name, uid, resource_version, Value::Null).await
            }
            Action::DeletePod { name, uid, resource_version, .. } => {
                let api: Api<Pod> = Api::namespaced(self.client.clone(), namespace);
                let only = only(uid, resource_version);
                conflict(api.delete(name, &only).await.map(drop))
            }
            Action::Form { ordinal: at, .. }
            | Action::AddLearners { leader: at, .. }
            | Action::ChangeVoters { leader: at, .. }
            | Action::RemoveLearners { leader: at, .. }
            | Action::TransferLeader { leader: at, .. } => {
                let Some(ip) = observed.pod(*at).and_then(|pod| pod.ip.as_deref()) else {
                    bail!("{} has no address", names::pod(observed, *at));
                };
                match self.members.call(ip, token, action).await? {
                    Called::Done => Ok(Outcome::Done),
                    Called::Refused(why) => Ok(Outcome::Refused(why)),
                }
            }
        }
    }

    async fn turn(
        &self,
        namespace: &str,
        name: &str,
        uid: &str,
        resource_version: &str,
        turn: Value,
    ) -> Result<Outcome> {
        let api: Api<Pod> = Api::namespaced(self.client.clone(), namespace);
        let patch = json!({ "metadata": {
            "uid": uid,
            "resourceVersion": resource_version,
            "annotations": { names::TURN: turn },
        } });
        merge(&api, name, &patch).await
    }

    /// Made once, of 32 random bytes; never overwritten.
    async fn create_token(&self, observed: &Observed, name: &str) -> Result<Outcome> {
        let mut bytes = [0_u8; 32];
        getrandom::fill(&mut bytes).context("no randomness")?;
        let token: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let api: Api<Secret> = Api::namespaced(self.client.clone(), &names::namespace(observed));
        let mut secret: Secret = serde_json::from_value(json!({
            "metadata": names::metadata(observed, "Secret", name),
            "immutable": true,
            "type": "Opaque",
        }))?;
        secret.data = Some([("token".to_owned(), ByteString(token.into_bytes()))].into());
        conflict(api.create(&creation(), &secret).await.map(drop))
    }

    /// Writes the report, unless it says nothing new or the ensemble has changed since.
    ///
    /// # Errors
    /// When the API server refuses it for any other reason.
    pub async fn status(&self, observed: &Observed, status: &EnsembleStatus) -> Result<Outcome> {
        if observed.ensemble.status.as_ref() == Some(status) {
            return Ok(Outcome::Done);
        }
        let api: Api<CoordinationEnsemble> =
            Api::namespaced(self.client.clone(), &names::namespace(observed));
        let mut ensemble = observed.ensemble.clone();
        ensemble.status = Some(status.clone());
        ensemble.metadata.managed_fields = None;
        let name = names::ensemble(observed);
        let replaced = api.replace_status(&name, &creation(), &ensemble).await;
        conflict(replaced.map(drop)).context("cannot write the status")
    }
}

fn creation() -> PostParams {
    PostParams { field_manager: Some(MANAGER.to_owned()), ..PostParams::default() }
}

/// Deletes this very object only.
fn only(uid: &str, resource_version: &str) -> DeleteParams {
    DeleteParams {
        preconditions: Some(Preconditions {
            uid: Some(uid.to_owned()),
            resource_version: Some(resource_version.to_owned()),
        }),
        ..DeleteParams::default()
    }
}

async fn merge<K>(api: &Api<K>, name: &str, patch: &Value) -> Result<Outcome>
where
    K: Clone + std::fmt::Debug + serde::de::DeserializeOwned,
{
    let params = PatchParams { field_manager: Some(MANAGER.to_owned()), ..PatchParams::default() };
    conflict(api.patch(name, &params, &Patch::Merge(patch)).await.map(drop))
}

/// A conflict, or an object that is gone, says that the decision is out of date.
fn conflict(result: kube::Result<()>) -> Result<Outcome> {
    match result {
        Ok(()) => Ok(Outcome::Done),
        Err(kube::Error::Api(status)) if matches!(status.code, 404 | 409) => {
            Ok(Outcome::Refused(status.message))
        }
        Err(error) => Err(error.into()),
    }
}
