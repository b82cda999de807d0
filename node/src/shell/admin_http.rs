//! The admin port: health for Kubernetes, metrics, status, ZooKeeper's commands, and the
//! authenticated calls of operators.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Json, Response};
use axum::routing::{get, post};
use serde_json::json;
use tokio::time::timeout;

use super::admin_commands;
use super::admin_json::{self, CallJson};
use super::admin_status::{DiskDocument, StatusDocument};
use super::driver::Driver;
use crate::core::status::DataState;

/// Time for a call; after that its outcome is unknown.
pub(super) const PATIENCE: Duration = Duration::from_secs(9);

/// What the port needs.
#[derive(Clone, Debug)]
pub(crate) struct Admin {
    /// The server.
    pub driver: Arc<Driver>,
    /// Read anew for each call, so that it can be rotated. `None`: calls are refused.
    pub token_file: Option<PathBuf>,
}

/// All that the port answers.
pub(crate) fn routes(admin: Admin) -> Router {
    Router::new()
        .route("/livez", get(livez))
        .route("/readyz", get(readyz))
        .route("/startupz", get(startupz))
        .route("/safe-to-stop", get(safe_to_stop))
        .route("/metrics", get(metrics))
        .route("/status", get(status))
        .merge(admin_commands::routes())
        .route("/admin/{name}", post(call))
        .with_state(admin)
}

/// Metrics alone, as of ZooKeeper's Prometheus provider.
pub(crate) fn metrics_alone(admin: Admin) -> Router {
    let router = Router::new().route("/metrics", get(metrics));
    router.with_state(admin)
}

fn verdict(outcome: Result<(), String>) -> Response {
    match outcome {
        Ok(()) => "ok\n".into_response(),
        Err(why) => (StatusCode::SERVICE_UNAVAILABLE, why + "\n").into_response(),
    }
}

/// The event loop answers: taking the lock proves that nobody is stuck in it.
async fn livez(State(admin): State<Admin>) -> Response {
    let _ = admin.driver.status();
    verdict(Ok(()))
}

async fn readyz(State(admin): State<Admin>) -> Response {
    verdict(admin.driver.status().ready)
}

/// Recovery is over before this port is opened.
async fn startupz() -> Response {
    verdict(Ok(()))
}

async fn safe_to_stop(State(admin): State<Admin>) -> Response {
    verdict(admin.driver.status().safe_to_stop)
}

async fn metrics(State(admin): State<Admin>) -> Response {
    match admin.driver.metrics.render(&admin.driver) {
        Ok(text) => ([("content-type", "text/plain; version=0.0.4")], text).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")).into_response(),
    }
}

async fn status(State(admin): State<Admin>) -> Response {
    let hash = std::env::var("QUORATE_CONFIG_HASH").unwrap_or_default();
    let sizes = admin.driver.metrics.disk();
    let disk = DiskDocument { size_bytes: sizes.total_bytes, free_bytes: sizes.free_bytes };
    Json(StatusDocument::new(&admin.driver.status(), disk, &hash)).into_response()
}

fn refuse(status: StatusCode, error: &str, message: &str, leader: Option<String>) -> Response {
    let body = json!({ "error": error, "message": message, "leader": leader });
    (status, Json(body)).into_response()
}

async fn call(
    State(admin): State<Admin>,
    Path(name): Path<String>,
    headers: HeaderMap,
    body: String,
) -> Response {
    if let Err(response) = authorize(&admin, &headers) {
        return *response;
    }
    let body = if body.trim().is_empty() { "{}".to_owned() } else { body };
    let request = serde_json::from_str::<CallJson>(&body)
        .map_err(|error| error.to_string())
        .and_then(|call| call.request(&name));
    let request = match request {
        Ok(request) => request,
        Err(why) => return refuse(StatusCode::BAD_REQUEST, "InvalidRequest", &why, None),
    };
    let outcome = timeout(PATIENCE, admin.driver.call(request)).await;
    let status = admin.driver.status();
    let error = match outcome {
        Ok(Ok(Ok(version))) => {
            return Json(json!({ "result": "ok", "configVersion": version.0 })).into_response();
        }
        Ok(Ok(Err(error))) => error,
        Ok(Err(_)) | Err(_) => crate::core::input::AdminError::Timeout,
    };
    let (code, kind, advice) = admin_json::explain(error);
    let code = StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let leader = status.leader.map(|leader| leader.to_string());
    let blank = status.data == DataState::Blank;
    let advice = if blank { "this member is blank: form an ensemble first" } else { advice };
    refuse(code, kind, advice, leader)
}

/// Whether the caller has the token.
pub(super) fn authorize(admin: &Admin, headers: &HeaderMap) -> Result<(), Box<Response>> {
    let forbid = |why: &str| Box::new(refuse(StatusCode::FORBIDDEN, "Forbidden", why, None));
    let path = admin
        .token_file
        .as_ref()
        .ok_or_else(|| forbid("start the server with --admin-token-file to allow calls"))?;
    let token = std::fs::read_to_string(path)
        .map_err(|_| forbid("the token file cannot be read; see the server's log"))?;
    let given = headers
        .get("authorization")
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.strip_prefix("Bearer "))
        .unwrap_or_default();
    if token.trim().is_empty() || !same(token.trim().as_bytes(), given.trim().as_bytes()) {
        let why = "send the token as `Authorization: Bearer TOKEN`";
        return Err(Box::new(refuse(StatusCode::UNAUTHORIZED, "Unauthorized", why, None)));
    }
    Ok(())
}

/// Compares in a time that does not tell where they differ.
fn same(a: &[u8], b: &[u8]) -> bool {
    let differ = a.iter().zip(b).fold(0, |all, (a, b)| all | (a ^ b));
    a.len() == b.len() && differ == 0
}
