//! Who may call: whoever has the operators' token.

use std::path::Path;

use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;

use super::replies::refuse;

/// Whether the caller has the token.
pub(super) fn authorize(
    token_file: Option<&Path>,
    headers: &HeaderMap,
) -> Result<(), Box<Response>> {
    let forbid = |why: &str| Box::new(refuse(StatusCode::FORBIDDEN, "Forbidden", why, None));
    let path = token_file
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
