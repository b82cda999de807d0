//! An API server on loopback: `objects` behind HTTP, with lists, watches and bookmarks, and a count
//! of what was asked for, by namespace. `controllers` do their part at each change.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::header::{ACCEPT, CONTENT_TYPE};
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse as _, Response};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::controllers;
use crate::objects::{Id, If, Objects, Refused, refused, selected};
use crate::request::{Asked, api_version, kind};

/// Between two bookmarks.
const BOOKMARK: Duration = Duration::from_secs(5);

/// A code and its reason.
type Verdict = (u16, &'static str);

/// What all requests share.
pub(crate) struct Api {
    objects: Mutex<Objects>,
    newest: watch::Sender<u64>,
    asked: Mutex<BTreeMap<String, Vec<String>>>,
    refused: Mutex<BTreeMap<(String, String), Verdict>>,
    address: Box<controllers::Address>,
}

/// A running server; dropped, it ends.
pub(crate) struct Server {
    pub api: Arc<Api>,
    pub url: String,
    task: JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Server {
    /// `address` says which address the pod of an ordinal has in a namespace.
    pub(crate) async fn start(
        address: impl Fn(&str, i32) -> Option<String> + Send + Sync + 'static,
    ) -> Server {
        let api = Arc::new(Api {
            objects: Mutex::default(),
            newest: watch::channel(0).0,
            asked: Mutex::default(),
            refused: Mutex::default(),
            address: Box::new(address),
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let router = Router::new().fallback(answer).with_state(api.clone());
        let task = tokio::spawn(async move {
            axum::serve(listener, router).await.expect("serve");
        });
        Server { api, url, task }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Api {
    /// What changes objects, and what Kubernetes' controllers make of it.
    pub(crate) fn change<T>(&self, change: impl FnOnce(&mut Objects) -> T) -> T {
        let mut objects = lock(&self.objects);
        let outcome = change(&mut objects);
        controllers::settle(&mut objects, &self.address);
        self.newest.send_replace(objects.version);
        outcome
    }

    pub(crate) fn get(&self, plural: &str, namespace: &str, name: &str) -> Option<Arc<Value>> {
        lock(&self.objects).get(&Id::new(plural, namespace, name))
    }

    /// Tells of every change.
    pub(crate) fn newest(&self) -> watch::Receiver<u64> {
        self.newest.subscribe()
    }

    /// What was asked for in each namespace, in this order, since this was called last.
    pub(crate) fn take_asked(&self) -> BTreeMap<String, Vec<String>> {
        std::mem::take(&mut *lock(&self.asked))
    }

    /// Refuses what is asked for so in a namespace from now on.
    pub(crate) fn refuse(&self, namespace: &str, what: &str) {
        self.answer(namespace, what, (403, "Forbidden"));
    }

    /// Says from now on that somebody else was faster.
    pub(crate) fn conflict(&self, namespace: &str, what: &str) {
        self.answer(namespace, what, (409, "Conflict"));
    }

    fn answer(&self, namespace: &str, what: &str, with: Verdict) {
        lock(&self.refused).insert((namespace.to_owned(), what.to_owned()), with);
    }

    /// Allows it again.
    pub(crate) fn allow(&self, namespace: &str, what: &str) {
        lock(&self.refused).remove(&(namespace.to_owned(), what.to_owned()));
    }

    /// Notes what is asked for; whether it is refused, and how.
    fn note(&self, asked: &Asked, method: &Method) -> Option<Verdict> {
        let method = if asked.watch { "WATCH".to_owned() } else { method.to_string() };
        let what = format!("{method} {}{}", asked.plural, asked.sub);
        lock(&self.asked).entry(asked.namespace.clone()).or_default().push(what.clone());
        lock(&self.refused).get(&(asked.namespace.clone(), what)).copied()
    }
}

async fn answer(State(api): State<Arc<Api>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let header = |name| parts.headers.get(name).and_then(|it| it.to_str().ok()).unwrap_or_default();
    let Some(asked) = Asked::read(&parts.uri, header(ACCEPT)) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let forbidden = api.note(&asked, &parts.method);
    let apply = header(CONTENT_TYPE).contains("apply-patch");
    let body = to_bytes(body, 1 << 20).await.unwrap_or_default();
    if asked.watch {
        return Response::new(Body::from_stream(changes(api, asked)));
    }
    if asked.namespace.is_empty() && asked.plural == "pods" {
        // Other lists are there before this one.
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let outcome = match (forbidden, parts.method) {
        (Some((code, reason)), _) => Err(refused(code, reason, "it is forbidden")),
        (None, Method::GET) => read(&api, &asked),
        (None, method) => write(&api, &method, &asked, &body, apply),
    };
    match outcome {
        Ok(value) => (StatusCode::OK, [(CONTENT_TYPE, "application/json")], value.to_string())
            .into_response(),
        Err(Refused { code, reason, message }) => {
            let status = json!({
                "kind": "Status", "apiVersion": "v1", "status": "Failure",
                "message": message, "reason": reason, "code": code,
            });
            let code = StatusCode::from_u16(code).expect("a code");
            (code, [(CONTENT_TYPE, "application/json")], status.to_string()).into_response()
        }
    }
}

fn read(api: &Api, asked: &Asked) -> Result<Value, Refused> {
    let objects = lock(&api.objects);
    if !asked.name.is_empty() {
        let found = objects.get(&asked.id()).ok_or_else(|| {
            refused(404, "NotFound", format!("{} {} not found", asked.plural, asked.name))
        })?;
        return Ok(asked.shown(&found));
    }
    if asked.plural == "events" {
        // Kubernetes says nothing here.
        return Ok(json!({ "apiVersion": "v1", "kind": "EventList", "metadata": {}, "items": [] }));
    }
    let found = objects.list(&asked.plural, &asked.namespace);
    let items: Vec<Value> =
        found.filter(|it| selected(it, &asked.selector)).map(|it| asked.shown(it)).collect();
    let (version, kind) = if asked.metadata {
        ("meta.k8s.io/v1".to_owned(), "PartialObjectMetadata".to_owned())
    } else {
        (api_version(&asked.plural).to_owned(), kind(&asked.plural).to_owned())
    };
    Ok(json!({
        "apiVersion": version,
        "kind": format!("{kind}List"),
        "metadata": { "resourceVersion": objects.version.to_string() },
        "items": items,
    }))
}

fn write(
    api: &Api,
    method: &Method,
    asked: &Asked,
    body: &Bytes,
    apply: bool,
) -> Result<Value, Refused> {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let id = asked.id();
    let written = api.change(|objects| match *method {
        // Budgets are the real API server's.
        Method::POST if asked.sub == "/eviction" => {
            let only = &body["deleteOptions"]["preconditions"];
            let when = If { uid: only["uid"].as_str(), version: only["resourceVersion"].as_str() };
            objects.delete(&id, &when)
        }
        Method::POST => {
            let name = text(&body["metadata"]["name"]).unwrap_or_default();
            objects.create(&Id { name, ..id }, body)
        }
        Method::PATCH if apply => objects.apply(&id, &body, asked.force),
        Method::PATCH => objects.patch(&id, &body),
        Method::PUT => {
            let version = text(&body["metadata"]["resourceVersion"]);
            let when = If { uid: None, version: version.as_deref() };
            let mut after = match asked.sub.as_str() {
                "/status" => {
                    let before = objects.get(&id).map(|it| (*it).clone()).unwrap_or_default();
                    let mut after = before;
                    after["status"] = body["status"].clone();
                    after
                }
                _ => body.clone(),
            };
            after["metadata"]["managedFields"] = Value::Null;
            after["metadata"].as_object_mut().map(|meta| meta.remove("managedFields"));
            objects.change(&id, &when, after)
        }
        Method::DELETE => {
            let only = &body["preconditions"];
            let when = If { uid: only["uid"].as_str(), version: only["resourceVersion"].as_str() };
            objects.delete(&id, &when)
        }
        _ => Err(refused(405, "MethodNotAllowed", "no such method")),
    })?;
    Ok((*written).clone())
}

/// Every change after a version, a line each, for as long as somebody listens.
fn changes(
    api: Arc<Api>,
    asked: Asked,
) -> impl futures::Stream<Item = Result<Bytes, std::io::Error>> {
    let newest = api.newest();
    let from = asked.version;
    futures::stream::unfold(
        (api, asked, newest, from),
        |(api, asked, mut newest, from)| async move {
            loop {
                newest.borrow_and_update();
                let (lines, upto) = lines(&api, &asked, from);
                if !lines.is_empty() {
                    return Some((Ok(lines.into()), (api, asked, newest, upto)));
                }
                let changed = tokio::time::timeout(BOOKMARK, newest.changed()).await;
                if changed.is_err() {
                    let line = asked.bookmark(upto);
                    return Some((Ok(line.into()), (api, asked, newest, upto)));
                }
            }
        },
    )
}

/// The lines after a version, and up to which one they go.
fn lines(api: &Api, asked: &Asked, from: u64) -> (String, u64) {
    let objects = lock(&api.objects);
    let mut lines = String::new();
    for change in objects.since(&asked.plural, from) {
        let within = |object: &Option<Arc<Value>>| {
            object.clone().filter(|it| {
                let here = &it["metadata"]["namespace"];
                (asked.namespace.is_empty() || *here == asked.namespace)
                    && selected(it, &asked.selector)
            })
        };
        let (word, object) = match (within(&change.before), within(&change.after)) {
            (None, Some(after)) => ("ADDED", after),
            (Some(_), Some(after)) => ("MODIFIED", after),
            (Some(before), None) => ("DELETED", before),
            (None, None) => continue,
        };
        let mut object = asked.shown(&object);
        object["metadata"]["resourceVersion"] = json!(change.version.to_string());
        lines.push_str(&json!({ "type": word, "object": object }).to_string());
        lines.push('\n');
    }
    (lines, objects.version)
}
