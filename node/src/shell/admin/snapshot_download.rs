//! The admin command `snapshot`: stores a snapshot of now and streams its file, which is of this
//! server's own format.

use std::io::Read;
use std::path::PathBuf;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use http_body::Frame;
use serde_json::{Value, json};
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::time::{sleep, timeout};

use super::replies::{PATIENCE, Reply, failure, reply_with};
use crate::core::input::AdminRequest;
use crate::core::types::Index;
use crate::shell::disk::snapshots;
use crate::shell::inspect::inspector::Inspector;

/// Bytes of a piece.
const PIECE: usize = 256 << 10;
/// Pieces that are read ahead of a slow reader.
const AHEAD: usize = 4;

/// A file on its way out.
struct Pieces(Receiver<std::io::Result<Bytes>>);

impl http_body::Body for Pieces {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<std::io::Result<Frame<Bytes>>>> {
        let piece = self.0.poll_recv(context);
        piece.map(|piece| piece.map(|piece| piece.map(Frame::data)))
    }
}

/// Ends at the end of the file, at an error, or when nobody reads any more.
fn read_pieces(mut file: std::fs::File, to: &Sender<std::io::Result<Bytes>>) {
    loop {
        let mut piece = Vec::with_capacity(PIECE);
        let read = (&mut file).take(PIECE as u64).read_to_end(&mut piece);
        let last = matches!(read, Ok(0) | Err(_));
        let sent = match read {
            Ok(0) => return,
            Ok(_) => to.blocking_send(Ok(piece.into())),
            Err(error) => to.blocking_send(Err(error)),
        };
        if last || sent.is_err() {
            return;
        }
    }
}

/// A stored snapshot that covers this position, as soon as there is one.
async fn wait_stored(inspector: &Inspector, least: Index) -> PathBuf {
    loop {
        let newest = snapshots::list(&inspector.disk).into_iter().next();
        if let Some((_, _, path)) = newest.filter(|(index, _, _)| *index >= least) {
            return path;
        }
        sleep(Duration::from_millis(20)).await;
    }
}

/// Stores a snapshot; the file follows, or only its size and zxid in the headers.
pub(super) async fn respond(inspector: &Inspector, stream: bool) -> Response {
    let driver = &inspector.driver;
    let failed = |why: &str| failure(StatusCode::INTERNAL_SERVER_ERROR, "snapshot", why);
    let status = driver.status();
    let asked = async {
        // Its answer says that the snapshot was asked for, not that it is stored.
        let _ = driver.call(AdminRequest::Snapshot).await;
        wait_stored(inspector, status.applied).await
    };
    let Ok(path) = timeout(PATIENCE, asked).await else {
        return failed("the snapshot is not stored yet: ask again later, or see the server's log");
    };
    let opened = std::fs::File::open(&path).and_then(|file| Ok((file.metadata()?.len(), file)));
    let Ok((size, file)) = opened else {
        return failed("the snapshot cannot be read: see the server's log");
    };
    let zxid = inspector.last_snapshot().map_or(status.zxid, |(zxid, _)| zxid);
    let headers = [("last_zxid", format!("{:#x}", zxid.0)), ("snapshot_size", size.to_string())];
    if !stream {
        let mut answer = Reply::new();
        answer.insert("command".to_owned(), json!("snapshot"));
        answer.insert("error".to_owned(), Value::Null);
        return (headers, reply_with(StatusCode::OK, &answer)).into_response();
    }
    let (to, pieces) = channel(AHEAD);
    tokio::task::spawn_blocking(move || read_pieces(file, &to));
    let kind = [("content-type", "application/octet-stream")];
    (headers, kind, Body::new(Pieces(pieces))).into_response()
}
