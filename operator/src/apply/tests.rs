//! What arrives at an API server: each request as it was decided, with nothing left out.

use std::sync::{Arc, Mutex};

use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::{Request as HttpRequest, Response};
use kube::client::Body;
use serde_json::{Value, json};
use tower::service_fn;

use super::*;
use crate::plan::names::Names;
use crate::plan::object::{Kind, ObjectKey};
use crate::requests::Target;

/// Method, path with query, and body.
type Sent = (String, String, Value);

/// An API server that answers this to everything, and what it was sent.
fn server(code: u16, answer: &Value) -> (Applier, Arc<Mutex<Vec<Sent>>>) {
    let sent: Arc<Mutex<Vec<Sent>>> = Arc::default();
    let (log, answer) = (Arc::clone(&sent), answer.to_string());
    let service = service_fn(move |request: HttpRequest<Body>| {
        let (log, answer) = (Arc::clone(&log), answer.clone());
        async move {
            let (method, uri) = (request.method().to_string(), request.uri().to_string());
            let body = request.into_body().collect().await?.to_bytes();
            let body = serde_json::from_slice(&body).unwrap_or_default();
            log.lock().expect("the log").push((method, uri, body));
            let answer = Response::builder().status(code).body(Full::new(Bytes::from(answer)));
            Ok::<_, Box<dyn std::error::Error + Send + Sync>>(answer?)
        }
    });
    let applier =
        Applier { client: Client::new(service, "default"), members: MemberApi::default() };
    (applier, sent)
}

fn names() -> Names {
    let ensemble = json!({
        "apiVersion": "quorate.dev/v1alpha1", "kind": "CoordinationEnsemble",
        "metadata": { "name": "zk", "namespace": "default", "uid": "e" }, "spec": {},
    });
    Names::of(&serde_json::from_value(ensemble).expect("a resource"), "")
}

async fn sent(write: &Write, answer: &Value) -> Sent {
    let (applier, sent) = server(200, answer);
    assert_eq!(applier.write(&names(), write).await.expect("an answer"), Outcome::Done);
    let mut sent = sent.lock().expect("the log");
    assert_eq!(sent.len(), 1, "{sent:?}");
    sent.remove(0)
}

fn key(kind: Kind) -> ObjectKey {
    ObjectKey { kind, name: "zk-2".to_owned() }
}

fn object() -> Value {
    json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "zk-2", "uid": "u" } })
}

#[tokio::test]
async fn a_deletion_states_the_uid_and_the_version() {
    let target =
        Target { key: key(Kind::Pod), uid: "u".to_owned(), resource_version: "5".to_owned() };
    let (method, uri, body) = sent(&Write::Delete(target), &object()).await;
    assert_eq!(
        (method.as_str(), uri.split('?').next()),
        ("DELETE", Some("/api/v1/namespaces/default/pods/zk-2"))
    );
    assert_eq!(body["preconditions"], json!({ "uid": "u", "resourceVersion": "5" }));
}

#[tokio::test]
async fn an_eviction_states_the_uid_and_the_version_where_the_api_server_looks_for_them() {
    let target =
        Target { key: key(Kind::Pod), uid: "u".to_owned(), resource_version: "5".to_owned() };
    let status = json!({ "kind": "Status", "apiVersion": "v1", "status": "Success", "code": 201 });
    let (method, uri, body) = sent(&Write::Evict(target), &status).await;
    assert_eq!(method, "POST");
    assert!(uri.starts_with("/api/v1/namespaces/default/pods/zk-2/eviction"), "{uri}");
    assert_eq!((&body["apiVersion"], &body["kind"]), (&json!("policy/v1"), &json!("Eviction")));
    assert_eq!(body["metadata"], json!({ "name": "zk-2" }));
    let only = json!({ "preconditions": { "uid": "u", "resourceVersion": "5" } });
    assert_eq!(body["deleteOptions"], only);
}

#[tokio::test]
async fn an_apply_names_its_manager_and_forces_only_what_is_to_be_forced() {
    for force in [false, true] {
        let (key, manager) = (key(Kind::StatefulSet), "m");
        let write = Write::Apply { key, manager, force, manifest: object() };
        let (method, uri, body) = sent(&write, &object()).await;
        assert_eq!((method.as_str(), body), ("PATCH", object()));
        assert!(uri.starts_with("/apis/apps/v1/namespaces/default/statefulsets/zk-2?"), "{uri}");
        assert!(uri.contains("fieldManager=m"), "{uri}");
        assert_eq!(uri.contains("force=true"), force, "{uri}");
    }
}

#[tokio::test]
async fn a_merge_and_a_creation_are_sent_as_they_are() {
    let manager = "m";
    let write = Write::Merge { key: key(Kind::Pod), manager, patch: object() };
    let (method, uri, body) = sent(&write, &object()).await;
    assert_eq!((method.as_str(), body), ("PATCH", object()));
    assert!(uri.starts_with("/api/v1/namespaces/default/pods/zk-2?"), "{uri}");
    assert!(uri.contains("fieldManager=m"), "{uri}");
    let write = Write::Create { key: key(Kind::Secret), manager, manifest: object() };
    let (method, uri, body) = sent(&write, &object()).await;
    assert_eq!((method.as_str(), body), ("POST", object()));
    assert!(uri.starts_with("/api/v1/namespaces/default/secrets?"), "{uri}");
    assert!(uri.contains("fieldManager=m"), "{uri}");
}

#[tokio::test]
async fn a_report_is_put_as_it_is() {
    let ensemble = json!({
        "apiVersion": "quorate.dev/v1alpha1", "kind": "CoordinationEnsemble",
        "metadata": { "name": "zk", "namespace": "default", "uid": "e", "resourceVersion": "5" },
        "spec": {}, "status": { "replicas": 3 },
    });
    let ensemble: CoordinationEnsemble = serde_json::from_value(ensemble).expect("a resource");
    let answer = serde_json::to_value(&ensemble).expect("a resource");
    let write = Write::ReplaceStatus { manager: "m", ensemble: Box::new(ensemble) };
    let (method, uri, body) = sent(&write, &answer).await;
    assert_eq!((method.as_str(), body), ("PUT", answer));
    assert!(uri.contains("/namespaces/default/coordinationensembles/zk/status?"), "{uri}");
    assert!(uri.contains("fieldManager=m"), "{uri}");
}

#[tokio::test]
async fn a_conflict_is_a_refusal_and_anything_else_is_an_error() {
    let write = Write::Create { key: key(Kind::Secret), manager: "m", manifest: object() };
    for (code, refused) in
        [(409, true), (404, true), (429, true), (422, false), (403, false), (500, false)]
    {
        let status = json!({
            "kind": "Status", "apiVersion": "v1", "status": "Failure", "message": "no",
            "reason": "R", "code": code,
        });
        let (applier, _) = server(code, &status);
        let outcome = applier.write(&names(), &write).await;
        let is_refusal = matches!(&outcome, Ok(Outcome::Refused(why)) if why == "no");
        assert_eq!(is_refusal, refused, "{code}: {outcome:?}");
        assert_eq!(outcome.is_err(), !refused, "{code}");
    }
}
