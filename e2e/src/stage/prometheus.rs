//! Prometheus, with the chart's scrape configuration and real discovery.

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use tokio::process::{Child, Command};

use crate::common::http;
use crate::common::scripts::tool;
use crate::common::until::until;
use crate::stage::Stage;

/// A Prometheus that runs. It ends when this is dropped.
pub(crate) struct Prometheus {
    child: Child,
    url: String,
    folder: PathBuf,
}

impl Prometheus {
    pub(crate) async fn start(stage: &Stage) -> Result<Self> {
        let settings = &stage.settings;
        let chart = settings.root.join("charts/quorate/files/prometheus-scrape.yaml");
        let text = tokio::fs::read_to_string(&chart).await?;
        let mut config: Value = serde_yaml::from_str(&text)?;
        adapt(&mut config, &stage.cluster.kubectl.kubeconfig.display().to_string())?;
        let folder = settings.state.join("prometheus");
        let _ = tokio::fs::remove_dir_all(&folder).await;
        tokio::fs::create_dir_all(&folder).await?;
        let file = folder.join("prometheus.yaml");
        tokio::fs::write(&file, serde_json::to_vec_pretty(&config)?).await?;
        // Free a moment ago is good enough: nothing else listens here during a test.
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let log = std::fs::File::create(folder.join("log"))?;
        let child = Command::new(tool(settings, "prometheus").await?)
            .arg(format!("--config.file={}", file.display()))
            .arg(format!("--storage.tsdb.path={}", folder.join("data").display()))
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .context("cannot start Prometheus")?;
        let it = Prometheus { child, url: format!("http://127.0.0.1:{port}"), folder };
        until("Prometheus is ready", 30, async || {
            http::get(&format!("{}/-/ready", it.url), Duration::from_secs(2)).await
        })
        .await?;
        Ok(it)
    }

    /// The values of a query's series, with their labels.
    pub(crate) async fn query(&self, promql: &str) -> Result<Vec<(Value, f64)>> {
        let url = format!("{}/api/v1/query?query={}", self.url, http::escaped(promql));
        let answer: Value = http::get_json(&url, Duration::from_secs(5)).await?;
        let series = answer["data"]["result"].as_array().context("no result")?;
        let value = |it: &Value| {
            let number = it["value"][1].as_str().and_then(|it| it.parse().ok());
            Ok((it["metric"].clone(), number.context("no number")?))
        };
        series.iter().map(value).collect()
    }

    /// Waits until a query gives exactly one series, of this value.
    pub(crate) async fn says(&self, promql: &str, wanted: f64) -> Result<()> {
        until(promql, 45, async || {
            let found = self.query(promql).await?;
            let values: Vec<f64> = found.iter().map(|it| it.1).collect();
            ensure!(values == [wanted], "{values:?} instead of {wanted}");
            Ok(())
        })
        .await
    }

    /// Ends it and removes its data.
    pub(crate) async fn stop(mut self) -> Result<()> {
        self.child.kill().await?;
        tokio::fs::remove_dir_all(&self.folder).await?;
        Ok(())
    }
}

/// From outside of the cluster, and faster than anybody scrapes for life.
fn adapt(config: &mut Value, kubeconfig: &str) -> Result<()> {
    config["global"] = json!({ "scrape_interval": "1s", "scrape_timeout": "1s" });
    let jobs = config["scrape_configs"].as_array_mut().context("there are no jobs")?;
    for job in jobs {
        let discoveries = job["kubernetes_sd_configs"].as_array_mut().context("no discovery")?;
        for discovery in discoveries {
            discovery["kubeconfig_file"] = json!(kubeconfig);
        }
    }
    Ok(())
}
