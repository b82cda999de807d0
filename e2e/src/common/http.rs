//! HTTP requests to members and to Prometheus.

use std::sync::OnceLock;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use http_body_util::{BodyExt, Empty};
use hyper::body::Bytes;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde::de::DeserializeOwned;

fn client() -> &'static Client<HttpConnector, Empty<Bytes>> {
    static CLIENT: OnceLock<Client<HttpConnector, Empty<Bytes>>> = OnceLock::new();
    CLIENT.get_or_init(|| {
        // A pod's address may be another pod's the next moment: nothing is kept open.
        Client::builder(TokioExecutor::new()).pool_max_idle_per_host(0).build_http()
    })
}

/// The body of an answer that must be 200.
pub(crate) async fn get(url: &str, limit: Duration) -> Result<Bytes> {
    let answer = async {
        let uri = url.parse().with_context(|| format!("{url} is no address"))?;
        let answer = client().get(uri).await.with_context(|| format!("GET {url}"))?;
        let status = answer.status();
        let body = answer.into_body().collect().await?.to_bytes();
        ensure!(status.is_success(), "GET {url}: {status}: {}", String::from_utf8_lossy(&body));
        Ok(body)
    };
    tokio::time::timeout(limit, answer).await.with_context(|| format!("GET {url}: no answer"))?
}

/// The same as a value.
pub(crate) async fn get_json<T: DeserializeOwned>(url: &str, limit: Duration) -> Result<T> {
    let body = get(url, limit).await?;
    serde_json::from_slice(&body).with_context(|| format!("GET {url}: not what was expected"))
}

/// A query string's value, escaped.
pub(crate) fn escaped(text: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_.~".contains(&b);
    text.bytes()
        .map(|b| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") })
        .collect()
}
