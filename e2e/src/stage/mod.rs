//! What tests and demo play on: a cluster with the operator installed, and stock clients.
//!
//! `cluster` itself · `image` what runs on it · `helm` the chart · `kubectl` as users run it ·
//! `ctx` a namespace to work in · `ensemble` one under test · `objects` what is looked up · `member` what a
//! member says · `prometheus`.

pub(crate) mod cluster;
pub(crate) mod ctx;
pub(crate) mod ensemble;
pub(crate) mod helm;
pub(crate) mod image;
pub(crate) mod kubectl;
pub(crate) mod member;
pub(crate) mod objects;
pub(crate) mod prometheus;

use std::sync::Arc;

use anyhow::Result;
use serde_json::json;

use crate::clients::Clients;
use crate::common::commands::aloud;
use crate::common::progress::say;
use crate::common::scripts::script;
use crate::common::settings::Settings;
use cluster::Cluster;
use helm::Helm;
use image::Image;

/// All that is there before the first test.
pub(crate) struct Stage {
    pub(crate) settings: Settings,
    pub(crate) cluster: Cluster,
    pub(crate) image: Image,
    pub(crate) helm: Helm,
    pub(crate) clients: Clients,
}

impl Stage {
    /// Brings up what is missing.
    pub(crate) async fn set(settings: Settings) -> Result<Arc<Self>> {
        let stage = Self::prepare(settings).await?;
        say("installing the chart with Helm");
        // Whatever the chart makes has to get by with this.
        let namespace = json!({
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {
                "name": helm::NAMESPACE,
                "labels": { "pod-security.kubernetes.io/enforce": "restricted" },
            },
        });
        stage.cluster.kubectl.feed(&["apply", "-f", "-"], &namespace.to_string()).await?;
        stage.helm.install().await?;
        Ok(stage)
    }

    /// The same without the operator.
    pub(crate) async fn prepare(settings: Settings) -> Result<Arc<Self>> {
        let cluster = Cluster::up(&settings).await?;
        let image = Image::provide(&settings, &cluster).await?;
        let helm = Helm::prepare(&settings, &cluster, &image).await?;
        if settings.foreign.is_some() {
            // With our own cluster, `up` has done this.
            aloud(&mut script(&settings, "packages")).await?;
        }
        let clients = Clients::prepare(&settings).await?;
        Ok(Arc::new(Stage { settings, cluster, image, helm, clients }))
    }

    /// What to type next.
    pub(crate) fn say_how_to_explore(&self) {
        let config = self.cluster.kubectl.kubeconfig.display();
        println!("\nThe cluster is up, with the operator installed. To look around:\n");
        if let Some(state) = &self.cluster.own {
            println!("  export KUBECONFIG={config} PATH={}/bin:$PATH", state.display());
        }
        println!("  kubectl apply -f {}/crds/examples/minimal.yaml", self.settings.root.display());
        println!("  kubectl get cens,pods -A -w\n");
        if self.cluster.own.is_some() {
            println!("Afterwards: cargo e2e down");
        }
    }
}
