//! Every write: the requests of [`crate::requests`], sent as they are. One that is refused is not
//! repeated but decided anew.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::api::{DeleteParams, DynamicObject, Patch, PatchParams, PostParams, Preconditions};
use kube::{Api, Client};
use quorate_crds::{CoordinationEnsemble, EnsembleStatus};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::api::{dynamic, typed};
use crate::error::{Error, Result};
use crate::member_api::{CallError, Called, MemberApi};
use crate::plan::action::Action;
use crate::plan::names::Names;
use crate::plan::object::Object;
use crate::requests::{self, Call, Request, Verdict, Write};
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
    /// The member that was called does not know the token.
    Unauthorized(String),
}

impl Applier {
    /// Server-side applies one object; and what it then is.
    ///
    /// # Errors
    /// When the API server refuses it for any other reason than a conflict.
    pub(crate) async fn object(
        &self,
        sight: &Sight,
        object: &Object,
    ) -> Result<(Outcome, Option<ObjectMeta>)> {
        let mut meta = None;
        let sent = self.send(&sight.names, &requests::of_object(object)).await;
        let wrote = verdict(sent.map(|it| meta = it));
        let failed = |error: kube::Error| Error::ApplyObject {
            key: object.key.clone(),
            source: error.into(),
        };
        Ok((wrote.map_err(failed)?, meta))
    }

    /// Carries out one action.
    ///
    /// # Errors
    /// When it fails for any other reason than its preconditions, or its outcome is unknown.
    pub(crate) async fn action(&self, sight: &Sight, action: &Action) -> Result<Outcome> {
        let token = match action {
            Action::CreateToken { .. } => token()?,
            _ => String::new(),
        };
        let request = requests::of_action(&sight.observed, &sight.names, action, &token);
        let action = || Box::new(action.clone());
        match request {
            Ok(Request::Write(write)) => {
                let wrote = self.write(&sight.names, &write).await;
                wrote.map_err(|error| Error::Write { action: action(), source: error.into() })
            }
            Ok(Request::Call(Call { pod, ip, path, body })) => {
                match self.members.call(&ip, &sight.token, path, &body).await {
                    Ok(Called::Done) => Ok(Outcome::Done),
                    Ok(Called::Refused(why)) => Ok(Outcome::Refused(why)),
                    Ok(Called::Unauthorized) => {
                        Ok(Outcome::Unauthorized(unauthorized(&pod, &sight.names.admin())))
                    }
                    Err(source) => Err(Error::Call { action: action(), pod, source }),
                }
            }
            Err(requests::NoAddress { pod }) => {
                Err(Error::Call { action: action(), pod, source: CallError::NoAddress })
            }
        }
    }

    /// Writes the report, unless it says nothing new or the ensemble has changed since.
    ///
    /// # Errors
    /// When the API server refuses it for any other reason.
    pub(crate) async fn status(
        &self,
        ensemble: &CoordinationEnsemble,
        status: &EnsembleStatus,
    ) -> Result<Outcome> {
        match requests::of_status(ensemble, status) {
            Some(write) => {
                let wrote = self.write(&Names::of(ensemble, ""), &write).await;
                wrote.map_err(|error| Error::WriteStatus(error.into()))
            }
            None => Ok(Outcome::Done),
        }
    }

    async fn write(&self, names: &Names, write: &Write) -> kube::Result<Outcome> {
        verdict(self.send(names, write).await.map(drop))
    }

    /// Sends one request, and nothing that is not in it; what was applied, as it then is.
    async fn send(&self, names: &Names, write: &Write) -> kube::Result<Option<ObjectMeta>> {
        let objects = |kind| dynamic(&self.client, names, kind);
        let manager = |name: &str| Some(name.to_owned());
        match write {
            Write::Apply { key, manager: name, force, manifest } => {
                let params = PatchParams {
                    field_manager: manager(name),
                    force: *force,
                    ..PatchParams::default()
                };
                let patch = Patch::Apply(manifest);
                let applied = objects(key.kind).patch(&key.name, &params, &patch).await?;
                return Ok(Some(applied.metadata));
            }
            Write::Create { key, manager: name, manifest } => {
                let object =
                    DynamicObject::deserialize(manifest).map_err(kube::Error::SerdeError)?;
                let params = PostParams { field_manager: manager(name), ..PostParams::default() };
                objects(key.kind).create(&params, &object).await.map(drop)
            }
            Write::Merge { key, manager: name, patch } => {
                let params = PatchParams { field_manager: manager(name), ..PatchParams::default() };
                objects(key.kind).patch(&key.name, &params, &Patch::Merge(patch)).await.map(drop)
            }
            Write::Delete(target) => {
                let only = Preconditions {
                    uid: Some(target.uid.clone()),
                    resource_version: Some(target.resource_version.clone()),
                };
                let params = DeleteParams { preconditions: Some(only), ..DeleteParams::default() };
                objects(target.key.kind).delete(&target.key.name, &params).await.map(drop)
            }
            Write::Evict(target) => {
                // Not by the client's own call: it misspells the options, and the server would
                // leave out what it does not know.
                let body = json!({
                    "apiVersion": "policy/v1",
                    "kind": "Eviction",
                    "metadata": { "name": target.key.name },
                    "deleteOptions": { "preconditions": {
                        "uid": target.uid, "resourceVersion": target.resource_version,
                    } },
                });
                let (pods, params) = (objects(target.key.kind), PostParams::default());
                let evicted =
                    pods.create_subresource("eviction", &target.key.name, &params, &body).await;
                evicted.map(drop::<Value>)
            }
            Write::ReplaceStatus { manager: name, ensemble } => {
                let api: Api<CoordinationEnsemble> = typed(&self.client, names);
                let params = PostParams { field_manager: manager(name), ..PostParams::default() };
                api.replace_status(names.ensemble(), &params, ensemble).await.map(drop)
            }
        }?;
        Ok(None)
    }
}

fn unauthorized(pod: &str, secret: &str) -> String {
    format!(
        "{pod} does not take the token of the Secret {secret}, which is not the one that it started \
         with: it takes it within two minutes, or else, where that one was immutable, when it is \
         restarted: set spec.rollout.restartAt"
    )
}

/// 32 random bytes, as text.
fn token() -> Result<String> {
    let mut bytes = [0_u8; 32];
    getrandom::fill(&mut bytes).map_err(Error::Randomness)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// What the API server's answer says of the decision.
fn verdict(answer: kube::Result<()>) -> kube::Result<Outcome> {
    match answer {
        Ok(()) => Ok(Outcome::Done),
        Err(kube::Error::Api(status)) if requests::api_verdict(status.code) == Verdict::Refused => {
            Ok(Outcome::Refused(status.message))
        }
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests;
