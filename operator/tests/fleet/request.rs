//! What a request asks for: the parts of its path and of its query.

use axum::http::Uri;
use serde_json::{Value, json};

use crate::objects::Id;

/// The parts.
pub(crate) struct Asked {
    pub plural: String,
    /// Empty: all.
    pub namespace: String,
    /// Empty: all.
    pub name: String,
    /// With its slash, if there is one.
    pub sub: String,
    pub watch: bool,
    pub selector: String,
    pub version: u64,
    pub force: bool,
    /// Only the metadata is wanted.
    pub metadata: bool,
}

impl Asked {
    pub(crate) fn read(uri: &Uri, accept: &str) -> Option<Asked> {
        let mut parts: Vec<&str> = uri.path().split('/').filter(|it| !it.is_empty()).collect();
        let skipped = match *parts.first()? {
            "api" => 2,
            "apis" => 3,
            _ => return None,
        };
        parts.drain(..skipped.min(parts.len()));
        let namespace = match parts.as_slice() {
            ["namespaces", namespace, _, ..] => (*namespace).to_owned(),
            _ => String::new(),
        };
        if !namespace.is_empty() {
            parts.drain(..2);
        }
        let part = |at: usize| parts.get(at).map(|it| (*it).to_owned()).unwrap_or_default();
        let query = uri.query().unwrap_or_default();
        let value = |key: &str| {
            let found = query.split('&').filter_map(|it| it.split_once('=')).find(|it| it.0 == key);
            found.map(|(_, value)| decoded(value)).unwrap_or_default()
        };
        Some(Asked {
            plural: part(0),
            namespace,
            name: part(1),
            sub: Some(part(2))
                .filter(|it| !it.is_empty())
                .map_or(String::new(), |it| format!("/{it}")),
            watch: value("watch") == "true",
            selector: value("labelSelector"),
            version: value("resourceVersion").parse().unwrap_or(0),
            force: value("force") == "true",
            metadata: accept.contains("PartialObjectMetadata"),
        })
    }

    pub(crate) fn id(&self) -> Id {
        Id::new(&self.plural, &self.namespace, &self.name)
    }

    /// An object as it was asked for.
    pub(crate) fn shown(&self, object: &Value) -> Value {
        if !self.metadata {
            return object.clone();
        }
        json!({
            "apiVersion": "meta.k8s.io/v1",
            "kind": "PartialObjectMetadata",
            "metadata": object["metadata"],
        })
    }

    pub(crate) fn bookmark(&self, version: u64) -> String {
        let object = json!({
            "apiVersion": api_version(&self.plural),
            "kind": kind(&self.plural),
            "metadata": { "resourceVersion": version.to_string() },
        });
        format!("{}\n", json!({ "type": "BOOKMARK", "object": object }))
    }
}

fn decoded(text: &str) -> String {
    let mut out = Vec::new();
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        let plain = match byte {
            b'+' => b' ',
            b'%' => {
                let digits = [bytes.next().unwrap_or(b'0'), bytes.next().unwrap_or(b'0')];
                let digits = String::from_utf8_lossy(&digits);
                u8::from_str_radix(&digits, 16).unwrap_or(b'?')
            }
            other => other,
        };
        out.push(plain);
    }
    String::from_utf8_lossy(&out).into_owned()
}

const KINDS: &[(&str, &str, &str)] = &[
    ("configmaps", "v1", "ConfigMap"),
    ("coordinationensembles", "quorate.dev/v1alpha1", "CoordinationEnsemble"),
    ("events", "events.k8s.io/v1", "Event"),
    ("leases", "coordination.k8s.io/v1", "Lease"),
    ("networkpolicies", "networking.k8s.io/v1", "NetworkPolicy"),
    ("poddisruptionbudgets", "policy/v1", "PodDisruptionBudget"),
    ("persistentvolumeclaims", "v1", "PersistentVolumeClaim"),
    ("pods", "v1", "Pod"),
    ("secrets", "v1", "Secret"),
    ("serviceaccounts", "v1", "ServiceAccount"),
    ("services", "v1", "Service"),
    ("statefulsets", "apps/v1", "StatefulSet"),
];

fn row(plural: &str) -> (&'static str, &'static str) {
    let row = KINDS.iter().find(|row| row.0 == plural);
    row.map_or(("v1", "Unknown"), |row| (row.1, row.2))
}

pub(crate) fn kind(plural: &str) -> &'static str {
    row(plural).1
}

pub(crate) fn api_version(plural: &str) -> &'static str {
    row(plural).0
}
