//! The members' admin port: status to read, and the calls that change the membership. One request,
//! one attempt: a call whose outcome is unknown is never repeated before looking again.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper::{Method, Request, StatusCode};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};

use crate::plan::action::Action;
use crate::plan::names::ADMIN_PORT;
use crate::plan::observed::Member;

/// Time for a status.
const GLANCE: Duration = Duration::from_millis(1_500);
/// Time for a call; the member itself gives up after 9 s.
const PATIENCE: Duration = Duration::from_secs(10);
/// The largest answer that is read, in bytes.
const ANSWER_MAX: usize = 1 << 20;

/// A client for all members.
#[derive(Clone, Debug)]
pub struct MemberApi {
    http: Client<HttpConnector, Full<Bytes>>,
}

impl Default for MemberApi {
    fn default() -> Self {
        let mut connector = HttpConnector::new();
        connector.set_connect_timeout(Some(Duration::from_secs(1)));
        // Addresses of pods are reused: a connection is never kept for the next one.
        let http = Client::builder(TokioExecutor::new()).pool_max_idle_per_host(0).build(connector);
        MemberApi { http }
    }
}

/// What came of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Called {
    /// Done, now or before.
    Done,
    /// Refused, with the reason: look again, then decide.
    Refused(String),
}

impl MemberApi {
    /// What the member at this address says of itself.
    ///
    /// # Errors
    /// When it does not answer in time, or not with a status.
    pub async fn status(&self, ip: &str, ordinal: i32) -> Result<Member> {
        let request = Request::builder().method(Method::GET).uri(url(ip, "/status"));
        let asked = self.send(request.body(Full::default())?);
        let (code, body) = tokio::time::timeout(GLANCE, asked).await.context("no answer")??;
        if code != StatusCode::OK {
            bail!("answered {code}");
        }
        let mut member: Member = serde_json::from_slice(&body).context("not a status")?;
        member.ordinal = ordinal;
        Ok(member)
    }

    /// Makes the call of an action to the member at this address.
    ///
    /// # Errors
    /// When the outcome is unknown.
    pub async fn call(&self, ip: &str, token: &str, action: &Action) -> Result<Called> {
        let Some((path, body)) = request_of(action) else {
            bail!("{} is no call to a member", action.name());
        };
        let request = Request::builder()
            .method(Method::POST)
            .uri(url(ip, path))
            .header("authorization", format!("Bearer {token}"))
            .header("content-type", "application/json")
            .body(Full::from(serde_json::to_vec(&body)?))?;
        let answered = tokio::time::timeout(PATIENCE, self.send(request)).await;
        let (code, body) = answered.context("no answer: the outcome is unknown")??;
        if code.is_success() {
            return Ok(Called::Done);
        }
        let answer: Value = serde_json::from_slice(&body).unwrap_or_default();
        let text = |key: &str| answer[key].as_str().unwrap_or_default().to_owned();
        if code == StatusCode::GATEWAY_TIMEOUT {
            bail!("{}: {}", text("error"), text("message"));
        }
        Ok(Called::Refused(format!("{code} {}: {}", text("error"), text("message"))))
    }

    async fn send(&self, request: Request<Full<Bytes>>) -> Result<(StatusCode, Bytes)> {
        let response = self.http.request(request).await.context("cannot connect")?;
        let code = response.status();
        let body = Limited::new(response.into_body(), ANSWER_MAX).collect().await;
        let body = body.map_err(|error| anyhow::anyhow!("no whole answer: {error}"))?;
        Ok((code, body.to_bytes()))
    }
}

fn url(ip: &str, path: &str) -> String {
    let host = if ip.contains(':') { format!("[{ip}]") } else { ip.to_owned() };
    format!("http://{host}:{ADMIN_PORT}{path}")
}

/// The path and the body of an action's call.
fn request_of(action: &Action) -> Option<(&'static str, Value)> {
    match action {
        Action::Form { formation, .. } => Some((
            "/admin/form",
            json!({
                "ensembleId": formation.ensemble_id,
                "self": formation.seed,
                "members": formation.members,
            }),
        )),
        Action::AddLearners { ensemble_id, expected, members, .. } => Some((
            "/admin/add-learners",
            json!({
                "ensembleId": ensemble_id,
                "expectedConfigVersion": expected,
                "members": members,
            }),
        )),
        Action::ChangeVoters { ensemble_id, expected, voters, .. } => Some((
            "/admin/change-voters",
            json!({
                "ensembleId": ensemble_id,
                "expectedConfigVersion": expected,
                "voters": voters,
            }),
        )),
        Action::RemoveLearners { ensemble_id, expected, members, .. } => Some((
            "/admin/remove-learners",
            json!({
                "ensembleId": ensemble_id,
                "expectedConfigVersion": expected,
                "members": members,
            }),
        )),
        Action::TransferLeader { ensemble_id, target, .. } => {
            Some(("/admin/transfer-leader", json!({ "ensembleId": ensemble_id, "target": target })))
        }
        _ => None,
    }
}
