//! Objects of Kubernetes that belong to an ensemble, as far as the plan tells one from another.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::{Value, json};

use super::names::Names;
use crate::mutants::planted;

/// The kinds of objects that an ensemble has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs)]
pub enum Kind {
    ConfigMap,
    NetworkPolicy,
    PersistentVolumeClaim,
    Pod,
    PodDisruptionBudget,
    Secret,
    Service,
    ServiceAccount,
    StatefulSet,
}

impl Kind {
    /// All of them.
    const ALL: [Kind; 9] = [
        Kind::ConfigMap,
        Kind::NetworkPolicy,
        Kind::PersistentVolumeClaim,
        Kind::Pod,
        Kind::PodDisruptionBudget,
        Kind::Secret,
        Kind::Service,
        Kind::ServiceAccount,
        Kind::StatefulSet,
    ];

    /// As Kubernetes calls it.
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::ConfigMap => "ConfigMap",
            Kind::NetworkPolicy => "NetworkPolicy",
            Kind::PersistentVolumeClaim => "PersistentVolumeClaim",
            Kind::Pod => "Pod",
            Kind::PodDisruptionBudget => "PodDisruptionBudget",
            Kind::Secret => "Secret",
            Kind::Service => "Service",
            Kind::ServiceAccount => "ServiceAccount",
            Kind::StatefulSet => "StatefulSet",
        }
    }

    /// The API group, empty for the core, and the version in it.
    pub fn group_and_version(self) -> (&'static str, &'static str) {
        match self {
            Kind::ConfigMap
            | Kind::PersistentVolumeClaim
            | Kind::Pod
            | Kind::Secret
            | Kind::Service
            | Kind::ServiceAccount => ("", "v1"),
            Kind::NetworkPolicy => ("networking.k8s.io", "v1"),
            Kind::PodDisruptionBudget => ("policy", "v1"),
            Kind::StatefulSet => ("apps", "v1"),
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What names an object in its namespace. As text: `Kind/name`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs)]
pub struct ObjectKey {
    pub kind: Kind,
    pub name: String,
}

impl ObjectKey {
    /// Reads `Kind/name`.
    pub fn parse(text: &str) -> Option<ObjectKey> {
        let (kind, name) = text.split_once('/')?;
        let kind = Kind::ALL.into_iter().find(|known| known.as_str() == kind)?;
        Some(ObjectKey { kind, name: name.to_owned() })
    }
}

impl fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.kind, self.name)
    }
}

impl Serialize for ObjectKey {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ObjectKey {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        ObjectKey::parse(&text)
            .ok_or_else(|| de::Error::custom(format!("{text} is no Kind/name of an object")))
    }
}

/// An object that should exist, complete but for what only the one that exists can say.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Object {
    /// Which.
    pub key: ObjectKey,
    /// If it is there, it is changed only while it has this uid.
    pub uid: Option<String>,
    /// And only while it has this version; without one, whatever version it has.
    pub resource_version: Option<String>,
    /// Everything else.
    body: Value,
}

impl Object {
    /// An object of the ensemble with these fields beside its metadata.
    pub fn new(names: &Names, kind: Kind, name: impl Into<String>, fields: Value) -> Object {
        let name = name.into();
        let (group, version) = kind.group_and_version();
        let mut body = fields;
        body["apiVersion"] = match group {
            "" => json!(version),
            group => json!(format!("{group}/{version}")),
        };
        body["kind"] = json!(kind.as_str());
        body["metadata"] = names.metadata(&name);
        Object { key: ObjectKey { kind, name }, uid: None, resource_version: None, body }
    }

    /// The same object with an annotation more.
    pub fn annotated(mut self, key: &str, value: String) -> Object {
        self.body["metadata"]["annotations"][key] = json!(value);
        self
    }

    /// Everything but its preconditions.
    pub fn body(&self) -> &Value {
        &self.body
    }

    /// As it is sent: preconditions included.
    pub fn manifest(&self) -> Value {
        let mut manifest = self.body.clone();
        if let Some(uid) = self.uid.as_ref().filter(|_| !planted("an apply states no uid")) {
            manifest["metadata"]["uid"] = json!(uid);
        }
        let version = self.resource_version.as_ref();
        if let Some(version) = version.filter(|_| !planted("an apply states no version")) {
            manifest["metadata"]["resourceVersion"] = json!(version);
        }
        manifest
    }
}
