//! Connections to the admin port. Nobody has said who they are when they connect, so they are
//! bounded in number, and so is the time that each may take over a request.

use std::collections::VecDeque;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::timeout;

use crate::shell::accept::Port;
use crate::shell::sockets;

/// Connections at the same time.
const CONNECTIONS: usize = 256;
/// Time for the head of a request, also of the next one on the same connection.
const HEAD: Duration = Duration::from_secs(10);
/// Time for the rest of a request and for the answer to begin.
const ANSWER: Duration = Duration::from_secs(15);
/// Time without an acknowledgement after which a client is taken for gone.
const GONE: Duration = Duration::from_secs(30);

/// Serves until this is dropped. When there are too many connections the oldest one makes room:
/// a probe of the kubelet must get through whoever else is there.
pub(crate) async fn serve(mut port: Port, router: Router) {
    let router = router.layer(middleware::from_fn(in_time));
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEAD);
    let mut tasks = JoinSet::new();
    let mut open: VecDeque<AbortHandle> = VecDeque::new();
    loop {
        let (stream, _) = port.accept().await;
        while tasks.try_join_next().is_some() {}
        open.retain(|task| !task.is_finished());
        if open.len() >= CONNECTIONS
            && let Some(oldest) = open.pop_front()
        {
            oldest.abort();
        }
        sockets::tune(&stream, GONE);
        let service = TowerToHyperService::new(router.clone());
        let connection = http.serve_connection(TokioIo::new(stream), service);
        open.push_back(tasks.spawn(async move {
            // Whoever breaks off, or is too slow, is gone: there is nobody to tell.
            let _ = connection.await;
        }));
    }
}

async fn in_time(request: Request, next: Next) -> Response {
    match timeout(ANSWER, next.run(request)).await {
        Ok(response) => response,
        Err(_) => StatusCode::REQUEST_TIMEOUT.into_response(),
    }
}
