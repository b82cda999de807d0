//! An ensemble under test: made and changed with kubectl as users do, looked at through the API
//! server and at its members.

use std::sync::Arc;

use anyhow::{Context, Result, bail, ensure};
use k8s_openapi::api::core::v1::{PersistentVolumeClaim, Pod, Service};
use kube::api::ListParams;
use kube::{Api, ResourceExt};
use quorate_crds::conditions::ConditionType;
use quorate_crds::status::Role;
use quorate_crds::{CoordinationEnsemble, EnsembleStatus};
use serde_json::{Value, json};

use crate::common::until::until;
use crate::stage::ctx::Ctx;
use crate::stage::member::{self, MemberView};
use crate::stage::objects::{is_ready, members, pod_ip};

/// How long an ordinary operation may take on a busy machine.
pub(crate) const SOON: u64 = 120;

/// An ensemble in a test's namespace.
pub(crate) struct Ensemble {
    pub(crate) ctx: Arc<Ctx>,
    pub(crate) name: String,
}

/// Who leads, as the members say.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Leader {
    pub(crate) pod: String,
    pub(crate) id: String,
    pub(crate) term: u64,
}

impl Ensemble {
    /// One that is there already, or soon will be.
    pub(crate) fn named(ctx: &Arc<Ctx>, name: &str) -> Self {
        Ensemble { ctx: Arc::clone(ctx), name: name.to_owned() }
    }

    /// Applies one of so many members; other parts of the spec are added to what suits tests.
    pub(crate) async fn apply(ctx: &Arc<Ctx>, replicas: i32, more: Value) -> Result<Self> {
        Self::apply_as("zk", ctx, replicas, more).await
    }

    /// The same, of this name.
    pub(crate) async fn apply_as(
        name: &str,
        ctx: &Arc<Ctx>,
        replicas: i32,
        more: Value,
    ) -> Result<Self> {
        let ensemble = Self::named(ctx, name);
        let mut spec = json!({
            "replicas": replicas,
            "storage": { "size": "1Gi" },
            "pod": { "resources": {
                "requests": { "cpu": "50m", "memory": "256Mi" },
                "limits": { "memory": "256Mi" },
            } },
            "rollout": { "minStableSeconds": 2 },
        });
        merge(&mut spec, more);
        let object = json!({
            "apiVersion": "quorate.dev/v1alpha1",
            "kind": "CoordinationEnsemble",
            "metadata": { "name": ensemble.name, "namespace": ctx.namespace },
            "spec": spec,
        });
        ctx.stage.cluster.kubectl.feed(&["apply", "-f", "-"], &object.to_string()).await?;
        Ok(ensemble)
    }

    /// The same, and waits until all members serve.
    pub(crate) async fn formed(ctx: &Arc<Ctx>, replicas: i32) -> Result<Self> {
        let ensemble = Self::apply(ctx, replicas, json!({})).await?;
        ensemble.settled(replicas, SOON).await?;
        Ok(ensemble)
    }

    /// Waits until all is as the spec wants, also in the members' own eyes.
    pub(crate) async fn settled(&self, replicas: i32, seconds: u64) -> Result<()> {
        until("the ensemble is as wanted", seconds, async || {
            let ensemble = self.get().await?;
            ensure!(ensemble.spec.replicas == replicas, "the spec says something else");
            let generation = ensemble.metadata.generation;
            let status = ensemble.status.context("there is no status")?;
            ensure!(status.observed_generation == generation, "the spec was not observed");
            for kind in [
                ConditionType::Ready,
                ConditionType::MembershipConverged,
                ConditionType::ConfigurationInSync,
            ] {
                let found = condition(&status, &kind)?;
                ensure!(found.0 == "True", "{kind} is {}: {}", found.0, found.1);
            }
            if let Some(operation) = &status.operation {
                bail!("{operation:?} is under way");
            }
            let voters = status.quorum.context("the quorum is unknown")?.voters;
            ensure!(voters == replicas, "there are {voters} voters");
            let pods = self.pods().await?;
            let ready = pods.iter().filter(|it| is_ready(it)).count();
            ensure!(
                (pods.len(), ready) == (replicas as usize, replicas as usize),
                "{ready} of {} pods are ready",
                pods.len()
            );
            for (pod, view) in self.views().await? {
                let voters = view.config.voters().count();
                ensure!(voters == replicas as usize, "{pod} knows of {voters} voters");
            }
            Ok(())
        })
        .await
    }

    pub(crate) fn api(&self) -> Api<CoordinationEnsemble> {
        Api::namespaced(self.ctx.client(), &self.ctx.namespace)
    }

    pub(crate) fn pod_api(&self) -> Api<Pod> {
        Api::namespaced(self.ctx.client(), &self.ctx.namespace)
    }

    pub(crate) async fn get(&self) -> Result<CoordinationEnsemble> {
        Ok(self.api().get(&self.name).await?)
    }

    pub(crate) async fn status(&self) -> Result<EnsembleStatus> {
        self.get().await?.status.context("there is no status")
    }

    /// Its pods, by ordinal.
    pub(crate) async fn pods(&self) -> Result<Vec<Pod>> {
        members(&self.pod_api(), &self.name).await
    }

    /// The names and uids of its volume claims.
    pub(crate) async fn claims(&self) -> Result<Vec<(String, String)>> {
        let claims: Api<PersistentVolumeClaim> =
            Api::namespaced(self.ctx.client(), &self.ctx.namespace);
        let found = claims.list(&ListParams::default()).await?.items;
        let mut found: Vec<(String, String)> =
            found.iter().map(|it| (it.name_any(), it.uid().unwrap_or_default())).collect();
        found.sort();
        Ok(found)
    }

    /// What each member says; every pod has to answer.
    pub(crate) async fn views(&self) -> Result<Vec<(String, MemberView)>> {
        let mut views = Vec::new();
        for pod in self.pods().await? {
            let ip = pod_ip(&pod).with_context(|| format!("{} has no address", pod.name_any()))?;
            views.push((pod.name_any(), member::ask(&ip).await?));
        }
        Ok(views)
    }

    /// Who leads; waits until somebody does.
    pub(crate) async fn leader(&self) -> Result<Leader> {
        until("there is a leader", 30, async || {
            let mut found = None;
            for pod in self.pods().await? {
                let Some(ip) = pod_ip(&pod) else { continue };
                let Ok(view) = member::ask(&ip).await else {
                    continue;
                };
                let newer = found.as_ref().is_none_or(|it: &Leader| it.term < view.term);
                if view.role == Role::Leader && view.serving && newer {
                    let (id, term) = (view.member_id, view.term);
                    found = Some(Leader { pod: pod.name_any(), id, term });
                }
            }
            found.context("no member leads")
        })
        .await
    }

    /// Changes the spec.
    pub(crate) async fn patch(&self, spec: Value) -> Result<()> {
        let patch = json!({ "spec": spec }).to_string();
        self.ctx.kubectl(&["patch", "cens", &self.name, "--type=merge", "-p", &patch]).await?;
        Ok(())
    }

    /// `kubectl scale`.
    pub(crate) async fn scale(&self, replicas: i32) -> Result<()> {
        let replicas = format!("--replicas={replicas}");
        self.ctx.kubectl(&["scale", "cens", &self.name, &replicas]).await?;
        Ok(())
    }

    /// Where clients on this machine connect: the Service's address.
    pub(crate) async fn address(&self) -> Result<String> {
        let services: Api<Service> = Api::namespaced(self.ctx.client(), &self.ctx.namespace);
        let service = services.get(&self.name).await?;
        let ip = service.spec.and_then(|it| it.cluster_ip).context("the Service has no address")?;
        Ok(format!("{ip}:2181"))
    }

    /// The Service's name for clients inside the cluster.
    pub(crate) fn service_name(&self) -> String {
        format!("{}.{}.svc.cluster.local:2181", self.name, self.ctx.namespace)
    }

    /// A member's name for clients inside the cluster.
    pub(crate) fn member_name(&self, ordinal: i32) -> String {
        let (name, namespace) = (&self.name, &self.ctx.namespace);
        format!("{name}-{ordinal}.{name}-peer.{namespace}.svc.cluster.local:2181")
    }
}

/// A condition's status and message.
pub(crate) fn condition(status: &EnsembleStatus, kind: &ConditionType) -> Result<(String, String)> {
    let found = status.condition(kind).with_context(|| format!("there is no condition {kind}"))?;
    Ok((found.status.clone(), found.message.clone()))
}

fn merge(into: &mut Value, from: Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            for (key, value) in from {
                merge(into.entry(key).or_insert(Value::Null), value);
            }
        }
        (into, from) => *into = from,
    }
}
