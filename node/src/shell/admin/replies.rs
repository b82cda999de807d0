//! How the port replies, and when it does not.

use std::time::Duration;

use axum::http::StatusCode;
use axum::response::{IntoResponse, Json, Response};
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::java_json::JavaStyle;

/// Time for a call; after that its outcome is unknown.
pub(super) const PATIENCE: Duration = Duration::from_secs(9);

/// What one of ZooKeeper's commands tells.
pub(super) type Reply = Map<String, Value>;

/// A call is refused.
pub(super) fn refuse(
    status: StatusCode,
    error: &str,
    message: &str,
    leader: Option<String>,
) -> Response {
    let body = json!({ "error": error, "message": message, "leader": leader });
    (status, Json(body)).into_response()
}

pub(super) fn reply_with(code: StatusCode, answer: &Reply) -> Response {
    let mut text = Vec::new();
    let mut writer = serde_json::Serializer::with_formatter(&mut text, JavaStyle::default());
    match answer.serialize(&mut writer) {
        Ok(()) => (code, [("content-type", "application/json")], text).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")).into_response(),
    }
}

pub(super) fn failure(code: StatusCode, command: &str, error: &str) -> Response {
    let mut answer = Reply::new();
    answer.insert("command".to_owned(), json!(command));
    answer.insert("error".to_owned(), json!(error));
    reply_with(code, &answer)
}
