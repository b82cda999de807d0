//! The cluster: the one of this machine, or somebody else's.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use kube::Client;
use kube::config::{KubeConfigOptions, Kubeconfig};

use crate::common::commands::aloud;
use crate::common::progress::say;
use crate::common::scripts::script;
use crate::common::settings::Settings;
use crate::stage::kubectl::Kubectl;

/// A cluster that runs.
#[derive(Clone)]
pub(crate) struct Cluster {
    pub(crate) kubectl: Kubectl,
    pub(crate) client: Client,
    /// Set for the cluster of this machine: its folder.
    pub(crate) own: Option<PathBuf>,
    /// Whether it ran before.
    pub(crate) found: bool,
}

impl Cluster {
    pub(crate) async fn up(settings: &Settings) -> Result<Self> {
        if let Some(foreign) = &settings.foreign {
            say(format!("using the cluster of {}", foreign.kubeconfig.display()));
            let kubectl =
                Kubectl { program: "kubectl".into(), kubeconfig: foreign.kubeconfig.clone() };
            let client = connect(&foreign.kubeconfig).await?;
            return Ok(Cluster { kubectl, client, own: None, found: true });
        }
        let kubeconfig = settings.state.join("kubeconfig");
        let left = kubeconfig.exists();
        let found = left && answers(&kubeconfig).await;
        if left && !found {
            say("removing what is left of a cluster that ended");
            aloud(&mut script(settings, "down")).await?;
        }
        say(if found { "looking after the cluster that runs" } else { "bringing up a cluster" });
        aloud(&mut script(settings, "up")).await?;
        let client = connect(&kubeconfig).await?;
        let kubectl = Kubectl { program: settings.state.join("bin/kubectl"), kubeconfig };
        Ok(Cluster { kubectl, client, own: Some(settings.state.clone()), found })
    }

    /// The socket of a node's containerd, where nodes are ours.
    pub(crate) fn containerd(&self, node: &str) -> Option<PathBuf> {
        let state = self.own.as_ref()?;
        Some(state.join("nodes").join(node).join("containerd.sock"))
    }
}

/// Stops the cluster of this machine and removes what it left.
pub(crate) async fn down(settings: &Settings) -> Result<()> {
    if settings.foreign.is_some() {
        say("KUBECONFIG is set: that cluster is left alone");
        return Ok(());
    }
    say("stopping the cluster");
    aloud(&mut script(settings, "down")).await
}

/// Whether there is an API server.
async fn answers(kubeconfig: &Path) -> bool {
    let Ok(client) = connect(kubeconfig).await else {
        return false;
    };
    let version = client.apiserver_version();
    let patience = Duration::from_secs(5);
    matches!(tokio::time::timeout(patience, version).await, Ok(Ok(_)))
}

async fn connect(kubeconfig: &Path) -> Result<Client> {
    let text = tokio::fs::read_to_string(kubeconfig)
        .await
        .with_context(|| format!("cannot read {}", kubeconfig.display()))?;
    let parsed = Kubeconfig::from_yaml(&text)?;
    let options = KubeConfigOptions::default();
    let config = kube::Config::from_custom_kubeconfig(parsed, &options).await?;
    Ok(Client::try_from(config)?)
}
