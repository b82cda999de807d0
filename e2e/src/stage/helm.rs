//! Helm, and the chart installed with it.

use std::path::PathBuf;

use anyhow::Result;
use tokio::process::Command;

use crate::common::commands::output;
use crate::common::scripts::tool;
use crate::common::settings::Settings;
use crate::stage::cluster::Cluster;
use crate::stage::image::Image;

/// The release's namespace.
pub(crate) const NAMESPACE: &str = "quorate-system";
const RELEASE: &str = "quorate";

/// Helm with its cluster.
#[derive(Clone, Debug)]
pub(crate) struct Helm {
    program: PathBuf,
    kubeconfig: PathBuf,
    cache: PathBuf,
    chart: PathBuf,
    image: Image,
}

impl Helm {
    pub(crate) async fn prepare(
        settings: &Settings,
        cluster: &Cluster,
        image: &Image,
    ) -> Result<Self> {
        let program = tool(settings, "helm").await?;
        Ok(Helm {
            program,
            kubeconfig: cluster.kubectl.kubeconfig.clone(),
            cache: settings.cache.join("helm"),
            chart: settings.root.join("charts/quorate"),
            image: image.clone(),
        })
    }

    /// What one has to type after `helm` for `install`.
    pub(crate) fn install_words(&self) -> Vec<String> {
        let chart = self.chart.display().to_string();
        let image = &self.image;
        let set = |key: &str, value: &str| ["--set".to_owned(), format!("{key}={value}")];
        let mut words: Vec<String> =
            ["upgrade", "--install", RELEASE, &chart, "--namespace", NAMESPACE]
                .map(str::to_owned)
                .into();
        words.push("--create-namespace".to_owned());
        words.extend(set("image.repository", &image.repository));
        words.extend(set("image.tag", &image.tag));
        words.extend(["--wait".to_owned(), "--timeout=120s".to_owned()]);
        words
    }

    /// Installs the chart, or upgrades it to this checkout's.
    pub(crate) async fn install(&self) -> Result<String> {
        let words = self.install_words();
        self.run(&words.iter().map(String::as_str).collect::<Vec<_>>()).await
    }

    /// The same, with other values besides.
    pub(crate) async fn install_with(&self, values: &[(&str, &str)]) -> Result<String> {
        let mut words = self.install_words();
        let set = |(key, value): &(&str, &str)| ["--set".to_owned(), format!("{key}={value}")];
        words.extend(values.iter().flat_map(set));
        self.run(&words.iter().map(String::as_str).collect::<Vec<_>>()).await
    }

    /// Runs the chart's own tests.
    pub(crate) async fn test(&self) -> Result<String> {
        self.run(&["test", RELEASE, "--namespace", NAMESPACE, "--timeout=90s"]).await
    }

    /// Removes the release.
    pub(crate) async fn uninstall(&self) -> Result<String> {
        self.run(&["uninstall", RELEASE, "--namespace", NAMESPACE, "--wait", "--timeout=90s"]).await
    }

    /// Whether there is a release.
    pub(crate) async fn installed(&self) -> Result<bool> {
        let releases = self.run(&["list", "--short", "--namespace", NAMESPACE]).await?;
        Ok(releases.lines().any(|it| it == RELEASE))
    }

    async fn run(&self, args: &[&str]) -> Result<String> {
        let mut command = Command::new(&self.program);
        // Whatever the user has set up for Helm is left alone.
        command
            .env("KUBECONFIG", &self.kubeconfig)
            .env("HELM_CACHE_HOME", self.cache.join("cache"))
            .env("HELM_CONFIG_HOME", self.cache.join("config"))
            .env("HELM_DATA_HOME", self.cache.join("data"))
            .args(args);
        output(&mut command, "").await
    }
}
