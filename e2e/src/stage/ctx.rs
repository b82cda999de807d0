//! A namespace to work in, and all that is at hand there.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context, Result, ensure};
use k8s_openapi::api::core::v1::{Namespace, PersistentVolume};
use kube::api::{DeleteParams, ListParams, PostParams};
use kube::{Api, Client};
use serde_json::json;

use crate::common::until::until;
use crate::stage::Stage;

/// Why a test cannot be run where it is. It counts neither as passed nor as failed.
#[derive(Debug)]
pub(crate) struct Skip(pub(crate) &'static str);

impl fmt::Display for Skip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for Skip {}

/// What a test or the demo has at hand.
pub(crate) struct Ctx {
    pub(crate) stage: Arc<Stage>,
    pub(crate) namespace: String,
    serial: AtomicU32,
}

impl Ctx {
    /// With an empty namespace of this name.
    pub(crate) async fn enter(stage: &Arc<Stage>, namespace: String) -> Result<Arc<Self>> {
        let ctx = Arc::new(Ctx { stage: Arc::clone(stage), namespace, serial: AtomicU32::new(0) });
        ctx.leave().await.context("a namespace of an earlier run does not go")?;
        make_namespace(&ctx).await?;
        Ok(ctx)
    }

    /// Removes the namespace with all that is in it, its volumes included.
    pub(crate) async fn leave(&self) -> Result<()> {
        remove_namespace(self).await
    }

    pub(crate) fn client(&self) -> Client {
        self.stage.cluster.client.clone()
    }

    /// kubectl in the test's namespace.
    pub(crate) async fn kubectl(&self, args: &[&str]) -> Result<String> {
        let words = [&["-n", self.namespace.as_str()], args].concat();
        self.stage.cluster.kubectl.run(&words).await
    }

    /// A number that is not given twice.
    pub(crate) fn serial(&self) -> u32 {
        self.serial.fetch_add(1, Ordering::Relaxed)
    }
}

async fn make_namespace(ctx: &Ctx) -> Result<()> {
    let namespace: Namespace = serde_json::from_value(json!({
        "metadata": { "name": ctx.namespace, "labels": {
            "quorate.dev/e2e": "test",
            // Whatever a test makes has to get by with this.
            "pod-security.kubernetes.io/enforce": "restricted",
        } },
    }))?;
    let namespaces: Api<Namespace> = Api::all(ctx.client());
    namespaces.create(&PostParams::default(), &namespace).await?;
    Ok(())
}

async fn remove_namespace(ctx: &Ctx) -> Result<()> {
    let namespaces: Api<Namespace> = Api::all(ctx.client());
    if namespaces.get_opt(&ctx.namespace).await?.is_none() {
        return Ok(());
    }
    // Nobody needs what these would still write.
    let _ = ctx.kubectl(&["delete", "cens", "--all", "--wait=false"]).await;
    let _ = ctx.kubectl(&["delete", "pods", "--all", "--grace-period=1", "--wait=false"]).await;
    namespaces.delete(&ctx.namespace, &DeleteParams::default()).await?;
    let volumes: Api<PersistentVolume> = Api::all(ctx.client());
    until("the test's namespace and volumes are gone", 120, async || {
        ensure!(namespaces.get_opt(&ctx.namespace).await?.is_none(), "the namespace is there");
        let left = volumes.list(&ListParams::default()).await?.items;
        let claimed = |it: &PersistentVolume| {
            let claim = it.spec.as_ref().and_then(|it| it.claim_ref.as_ref());
            claim.is_some_and(|it| it.namespace.as_ref() == Some(&ctx.namespace))
        };
        ensure!(!left.iter().any(claimed), "volumes are there");
        Ok(())
    })
    .await
}
