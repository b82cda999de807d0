//! The members' admin port: the calls that change the membership. One request, one attempt: a call
//! whose outcome is unknown is never repeated before looking again. To look is the members' own part.

use std::time::Duration;

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;

use crate::causes::chain;
use crate::plan::names::ADMIN_PORT;
use crate::requests::{Verdict, call_verdict};

/// Time for a call; the member itself gives up after 9 s.
const PATIENCE: Duration = Duration::from_secs(10);
/// The largest answer that is read, in bytes.
const ANSWER_MAX: usize = 1 << 20;

/// A client for all members.
#[derive(Clone, Debug)]
pub(crate) struct MemberApi {
    http: Client<HttpConnector, Full<Bytes>>,
}

impl Default for MemberApi {
    fn default() -> Self {
        let mut connector = HttpConnector::new();
        connector.set_connect_timeout(Some(Duration::from_secs(1)));
        // Addresses of pods are reused, and a call may meet nobody else.
        let http = Client::builder(TokioExecutor::new()).pool_max_idle_per_host(0).build(connector);
        MemberApi { http }
    }
}

/// What came of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Called {
    /// Done, now or before.
    Done,
    /// Refused, with the reason: look again, then decide.
    Refused(String),
    /// It does not know the token.
    Unauthorized,
}

/// Why a member gave no answer, or none that says what came of a call.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CallError {
    /// Its pod has no address yet.
    #[error("its pod has no address yet")]
    NoAddress,
    /// The request makes no sense.
    #[error("the request cannot be written: {0}")]
    Request(String),
    /// Nobody listens there.
    #[error("cannot connect: {0}")]
    Connect(String),
    /// It did not answer in time.
    #[error("no answer after {} ms: the outcome is unknown", .0.as_millis())]
    Silent(Duration),
    /// The connection ended before the answer did.
    #[error("the answer broke off, and the outcome is unknown: {0}")]
    Cut(String),
    /// It answered with an error that says nothing of the outcome.
    #[error("it answered {code} {error}: {message}")]
    Answered {
        /// HTTP's code.
        code: u16,
        /// The error's name.
        error: String,
        /// What to do.
        message: String,
    },
    /// The member of another ordinal answered.
    #[error("the member with the server id {server_id} answered: the address is another pod's")]
    Another {
        /// What it says of itself.
        server_id: i32,
    },
    /// What it answered is no status.
    #[error("the answer is no status: {0}")]
    NoStatus(serde_json::Error),
}

impl MemberApi {
    /// Makes this call, an action, to the member at this address.
    ///
    /// # Errors
    /// When the outcome is unknown.
    pub(crate) async fn call(
        &self,
        ip: &str,
        token: &str,
        path: &str,
        body: &Value,
    ) -> Result<Called, CallError> {
        let request = Request::builder()
            .method(Method::POST)
            .uri(url(ip, path))
            .header("authorization", format!("Bearer {token}"))
            .header("content-type", "application/json")
            .body(Full::from(body.to_string()));
        let (code, body) = self.send(PATIENCE, request).await?;
        heard(code, &body)
    }

    async fn send(
        &self,
        patience: Duration,
        request: hyper::http::Result<Request<Full<Bytes>>>,
    ) -> Result<(StatusCode, Bytes), CallError> {
        let request = request.map_err(|error| CallError::Request(error.to_string()))?;
        let exchange = async {
            let response = self.http.request(request).await.map_err(|error| {
                let told = chain(&error);
                if error.is_connect() { CallError::Connect(told) } else { CallError::Cut(told) }
            })?;
            read(response).await
        };
        tokio::time::timeout(patience, exchange).await.map_err(|_| CallError::Silent(patience))?
    }
}

/// What an answer to a call says.
fn heard(code: StatusCode, body: &[u8]) -> Result<Called, CallError> {
    match call_verdict(code.as_u16()) {
        Verdict::Done => Ok(Called::Done),
        _ if code == StatusCode::UNAUTHORIZED => Ok(Called::Unauthorized),
        Verdict::Refused | Verdict::Denied => Ok(Called::Refused(answered(code, body).to_string())),
        Verdict::Failed => Err(answered(code, body)),
    }
}

/// The whole of an answer.
pub(crate) async fn read(response: Response<Incoming>) -> Result<(StatusCode, Bytes), CallError> {
    let code = response.status();
    let body = Limited::new(response.into_body(), ANSWER_MAX).collect().await;
    let body = body.map_err(|error| CallError::Cut(error.to_string()))?;
    Ok((code, body.to_bytes()))
}

/// What an answer that is no success says.
pub(crate) fn answered(code: StatusCode, body: &[u8]) -> CallError {
    let answer: Value = serde_json::from_slice(body).unwrap_or_default();
    let text = |key: &str| answer[key].as_str().unwrap_or_default().to_owned();
    CallError::Answered { code: code.as_u16(), error: text("error"), message: text("message") }
}

fn url(ip: &str, path: &str) -> String {
    let host = if ip.contains(':') { format!("[{ip}]") } else { ip.to_owned() };
    format!("http://{host}:{ADMIN_PORT}{path}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_that_does_not_know_the_token_is_told_from_one_that_refuses() {
        let body = br#"{ "error": "Unauthorized", "message": "send the token" }"#;
        assert!(matches!(heard(StatusCode::UNAUTHORIZED, body), Ok(Called::Unauthorized)));
        assert!(matches!(heard(StatusCode::CONFLICT, body), Ok(Called::Refused(_))));
        assert!(matches!(heard(StatusCode::OK, b"{}"), Ok(Called::Done)));
        assert!(heard(StatusCode::GATEWAY_TIMEOUT, b"{}").is_err(), "the outcome is unknown");
    }
}
