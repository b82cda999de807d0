//! The admin port: health for Kubernetes, metrics, status, ZooKeeper's commands, and the
//! authenticated calls of operators.

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Json, Response};
use axum::routing::{get, post};
use serde_json::json;
use tokio::time::timeout;

use super::Admin;
use super::calls::{self, CallJson};
use super::commands;
use super::replies::{PATIENCE, refuse};
use super::status::{DiskDocument, StatusDocument};
use super::token::authorize;
use crate::core::input::AdminError;
use crate::core::status::DataState;

/// All that the port answers.
pub(crate) fn routes(admin: Admin) -> Router {
    Router::new()
        .route("/livez", get(livez))
        .route("/readyz", get(readyz))
        .route("/startupz", get(startupz))
        .route("/safe-to-stop", get(safe_to_stop))
        .route("/metrics", get(metrics))
        .route("/status", get(status))
        .merge(commands::routes())
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
    let _ = admin.inspector.driver.status();
    verdict(Ok(()))
}

async fn readyz(State(admin): State<Admin>) -> Response {
    verdict(admin.inspector.driver.status().ready)
}

/// Recovery is over before this port is opened.
async fn startupz() -> Response {
    verdict(Ok(()))
}

async fn safe_to_stop(State(admin): State<Admin>) -> Response {
    verdict(admin.inspector.driver.status().safe_to_stop)
}

async fn metrics(State(admin): State<Admin>) -> Response {
    match admin.inspector.prometheus_page() {
        Ok(text) => ([("content-type", "text/plain; version=0.0.4")], text).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")).into_response(),
    }
}

async fn status(State(admin): State<Admin>) -> Response {
    let hash = std::env::var("QUORATE_CONFIG_HASH").unwrap_or_default();
    let sizes = admin.inspector.disk_sizes();
    let disk = DiskDocument { size_bytes: sizes.total_bytes, free_bytes: sizes.free_bytes };
    Json(StatusDocument::new(&admin.inspector.driver.status(), disk, &hash)).into_response()
}

async fn call(
    State(admin): State<Admin>,
    Path(name): Path<String>,
    headers: HeaderMap,
    body: String,
) -> Response {
    if let Err(response) = authorize(admin.token_file.as_deref(), &headers) {
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
    let outcome = timeout(PATIENCE, admin.inspector.driver.call(request)).await;
    let status = admin.inspector.driver.status();
    let error = match outcome {
        Ok(Ok(Ok(version))) => {
            return Json(json!({ "result": "ok", "configVersion": version.0 })).into_response();
        }
        Ok(Ok(Err(error))) => error,
        Ok(Err(_)) | Err(_) => AdminError::Timeout,
    };
    let (code, kind, advice) = calls::explain(error);
    let code = StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let leader = status.leader.map(|leader| leader.to_string());
    let blank = status.data == DataState::Blank;
    let advice = if blank { "this member is blank: form an ensemble first" } else { advice };
    refuse(code, kind, advice, leader)
}
