//! What the watches said last, by ensemble, cut down to what a look needs. Good for seeing that there
//! is something to do; whatever is done is decided on what is read live.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{
    ConfigMap, PersistentVolumeClaim, Pod, PodSpec, Service, ServiceAccount,
};
use k8s_openapi::api::networking::v1::NetworkPolicy;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::core::{DeserializeGuard, PartialObjectMeta};
use kube::runtime::watcher::Event;
use kube::{Resource, ResourceExt as _};
use quorate_crds::CoordinationEnsemble;

use crate::plan::names;
use crate::plan::object::{Kind, ObjectKey};

/// Names an ensemble.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs)]
pub(crate) struct Key {
    pub(crate) namespace: String,
    pub(crate) name: String,
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// What is known of one ensemble and its objects.
#[derive(Clone, Debug, Default)]
pub(crate) struct Known {
    /// The resource, if it can be read.
    pub(crate) ensemble: Option<Arc<CoordinationEnsemble>>,
    /// By name.
    pub(crate) sets: BTreeMap<String, Arc<StatefulSet>>,
    /// By name.
    pub(crate) pods: BTreeMap<String, Arc<Pod>>,
    /// By name.
    pub(crate) config_maps: BTreeMap<String, Arc<ConfigMap>>,
    /// By name, those that carry the label of our own.
    pub(crate) claims: BTreeMap<String, Arc<PersistentVolumeClaim>>,
    /// The metadata of the others.
    pub(crate) others: BTreeMap<ObjectKey, Arc<ObjectMeta>>,
    /// Grows with each change.
    pub(crate) version: u64,
}

impl Known {
    /// The metadata of an object, if it was seen.
    pub(crate) fn meta(&self, key: &ObjectKey) -> Option<&ObjectMeta> {
        match key.kind {
            Kind::StatefulSet => self.sets.get(&key.name).map(|it| &it.metadata),
            Kind::ConfigMap => self.config_maps.get(&key.name).map(|it| &it.metadata),
            Kind::Pod => self.pods.get(&key.name).map(|it| &it.metadata),
            Kind::PersistentVolumeClaim => self.claims.get(&key.name).map(|it| &it.metadata),
            Kind::NetworkPolicy
            | Kind::PodDisruptionBudget
            | Kind::Secret
            | Kind::Service
            | Kind::ServiceAccount => self.others.get(key).map(|it| &**it),
        }
    }

    fn is_nothing(&self) -> bool {
        self.ensemble.is_none()
            && self.sets.is_empty()
            && self.pods.is_empty()
            && self.config_maps.is_empty()
            && self.claims.is_empty()
            && self.others.is_empty()
    }
}

/// A kind of objects that is watched.
pub(crate) trait Watched: Resource<DynamicType = ()> + Sized {
    /// What tells those of ensembles from others, by their labels.
    const OURS: &str = "app.kubernetes.io/managed-by=quorate-operator";

    /// The ensemble that it belongs to.
    fn of(&self) -> Option<Key> {
        let meta = self.meta();
        let name = meta.labels.as_ref()?.get("app.kubernetes.io/instance")?.clone();
        Some(Key { namespace: meta.namespace.clone()?, name })
    }

    /// Keeps what a look needs of it.
    fn keep(self, known: &mut Known);

    /// It is gone.
    fn lose(known: &mut Known, name: &str);
}

fn slim(meta: &mut ObjectMeta) {
    meta.managed_fields = None;
}

impl Watched for DeserializeGuard<CoordinationEnsemble> {
    fn of(&self) -> Option<Key> {
        let meta = self.meta();
        Some(Key { namespace: meta.namespace.clone()?, name: meta.name.clone()? })
    }

    fn keep(self, known: &mut Known) {
        known.ensemble = self.0.ok().map(|mut ensemble| {
            slim(&mut ensemble.metadata);
            Arc::new(ensemble)
        });
    }

    fn lose(known: &mut Known, _name: &str) {
        known.ensemble = None;
    }
}

impl Watched for StatefulSet {
    fn keep(mut self, known: &mut Known) {
        slim(&mut self.metadata);
        if let Some(spec) = &mut self.spec {
            spec.template = Default::default();
        }
        known.sets.insert(self.name_any(), Arc::new(self));
    }

    fn lose(known: &mut Known, name: &str) {
        known.sets.remove(name);
    }
}

impl Watched for Pod {
    fn keep(mut self, known: &mut Known) {
        slim(&mut self.metadata);
        let node_name = self.spec.and_then(|spec| spec.node_name);
        self.spec = Some(PodSpec { node_name, ..PodSpec::default() });
        known.pods.insert(self.name_any(), Arc::new(self));
    }

    fn lose(known: &mut Known, name: &str) {
        known.pods.remove(name);
    }
}

impl Watched for ConfigMap {
    /// Of the data only the record of the formation is read.
    fn keep(mut self, known: &mut Known) {
        slim(&mut self.metadata);
        if let Some(data) = &mut self.data {
            data.retain(|key, _| key == "formation.json");
        }
        known.config_maps.insert(self.name_any(), Arc::new(self));
    }

    fn lose(known: &mut Known, name: &str) {
        known.config_maps.remove(name);
    }
}

impl Watched for PersistentVolumeClaim {
    const OURS: &str = names::ENSEMBLE;

    fn of(&self) -> Option<Key> {
        let meta = self.meta();
        let name = meta.labels.as_ref()?.get(names::ENSEMBLE)?.clone();
        Some(Key { namespace: meta.namespace.clone()?, name })
    }

    fn keep(mut self, known: &mut Known) {
        slim(&mut self.metadata);
        known.claims.insert(self.name_any(), Arc::new(self));
    }

    fn lose(known: &mut Known, name: &str) {
        known.claims.remove(name);
    }
}

macro_rules! by_metadata {
    ($($of:ident)*) => { $(
        impl Watched for PartialObjectMeta<$of> {
            fn keep(mut self, known: &mut Known) {
                slim(&mut self.metadata);
                let key = ObjectKey { kind: Kind::$of, name: self.name_any() };
                known.others.insert(key, Arc::new(self.metadata));
            }

            fn lose(known: &mut Known, name: &str) {
                known.others.remove(&ObjectKey { kind: Kind::$of, name: name.to_owned() });
            }
        }
    )* };
}

by_metadata! { NetworkPolicy PodDisruptionBudget Service ServiceAccount }

/// What the watches of some namespaces said last.
#[derive(Debug, Default)]
pub(crate) struct Cache {
    known: Mutex<BTreeMap<Key, Arc<Known>>>,
}

impl Cache {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<Key, Arc<Known>>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is known of an ensemble.
    pub(crate) fn of(&self, key: &Key) -> Arc<Known> {
        self.lock().get(key).cloned().unwrap_or_default()
    }

    fn change(&self, key: &Key, change: impl FnOnce(&mut Known)) {
        let mut all = self.lock();
        let known = Arc::make_mut(all.entry(key.clone()).or_default());
        change(known);
        known.version += 1;
        if known.is_nothing() {
            all.remove(key);
        }
    }
}

/// Puts what one watch says into the cache.
#[derive(Debug, Default)]
pub(crate) struct Reader {
    /// Objects as they were seen last, so that what a new list lacks is taken away.
    present: BTreeSet<(Key, String)>,
    /// Those of a list that is not complete yet.
    listed: BTreeSet<(Key, String)>,
}

impl Reader {
    /// The ensembles that an event is about, after it was put into the cache.
    pub(crate) fn read<K: Watched>(&mut self, cache: &Cache, event: Event<K>) -> BTreeSet<Key> {
        let place = |object: &K| {
            let name = object.meta().name.clone()?;
            Some((object.of()?, name))
        };
        let mut changed = BTreeSet::new();
        let listing = matches!(event, Event::InitApply(_));
        match event {
            Event::Init => self.listed.clear(),
            Event::Apply(object) | Event::InitApply(object) => {
                if let Some(place) = place(&object) {
                    cache.change(&place.0, |known| object.keep(known));
                    changed.insert(place.0.clone());
                    if listing {
                        self.listed.insert(place.clone());
                    }
                    self.present.insert(place);
                }
            }
            Event::Delete(object) => {
                if let Some((key, name)) = place(&object) {
                    self.present.remove(&(key.clone(), name.clone()));
                    cache.change(&key, |known| K::lose(known, &name));
                    changed.insert(key);
                }
            }
            Event::InitDone => {
                let listed = std::mem::take(&mut self.listed);
                for (key, name) in self.present.difference(&listed) {
                    cache.change(key, |known| K::lose(known, name));
                    changed.insert(key.clone());
                }
                self.present = listed;
            }
        }
        changed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn pod(name: &str) -> Pod {
        let pod = json!({ "metadata": {
            "name": name, "namespace": "n",
            "labels": { "app.kubernetes.io/instance": "zk" },
        } });
        serde_json::from_value(pod).expect("a pod")
    }

    fn ensemble(spec: Value) -> DeserializeGuard<CoordinationEnsemble> {
        let ensemble = json!({
            "apiVersion": "quorate.dev/v1alpha1", "kind": "CoordinationEnsemble",
            "metadata": { "name": "zk", "namespace": "n", "uid": "u" }, "spec": spec,
        });
        serde_json::from_value(ensemble).expect("metadata can be read")
    }

    fn zk() -> Key {
        Key { namespace: "n".to_owned(), name: "zk".to_owned() }
    }

    #[test]
    fn what_a_new_list_lacks_is_gone_though_its_end_was_never_seen() {
        let (cache, mut reader) = (Cache::default(), Reader::default());
        for event in [
            Event::Init,
            Event::InitApply(pod("zk-0")),
            Event::InitApply(pod("zk-1")),
            Event::InitDone,
            Event::Apply(pod("zk-2")),
        ] {
            reader.read(&cache, event);
        }
        assert_eq!(cache.of(&zk()).pods.len(), 3);
        reader.read(&cache, Event::<Pod>::Init);
        reader.read(&cache, Event::InitApply(pod("zk-1")));
        assert_eq!(cache.of(&zk()).pods.len(), 3, "the list is not complete yet");
        let changed = reader.read(&cache, Event::<Pod>::InitDone);
        assert_eq!(changed, [zk()].into());
        let known = cache.of(&zk());
        assert_eq!(known.pods.keys().collect::<Vec<_>>(), ["zk-1"]);
    }

    #[test]
    fn where_a_pod_runs_is_kept() {
        let (cache, mut reader) = (Cache::default(), Reader::default());
        let mut there = pod("zk-0");
        let node_name = Some("node-1".to_owned());
        there.spec = Some(PodSpec { node_name, ..PodSpec::default() });
        reader.read(&cache, Event::Apply(there));
        let kept = cache.of(&zk()).pods["zk-0"].spec.clone();
        assert_eq!(kept.and_then(|spec| spec.node_name).as_deref(), Some("node-1"));
    }

    #[test]
    fn every_change_makes_another_version_and_what_is_empty_goes() {
        let (cache, mut reader) = (Cache::default(), Reader::default());
        reader.read(&cache, Event::Apply(pod("zk-0")));
        let first = cache.of(&zk()).version;
        reader.read(&cache, Event::Apply(pod("zk-0")));
        assert_ne!(cache.of(&zk()).version, first);
        reader.read(&cache, Event::Delete(pod("zk-0")));
        assert!(cache.lock().is_empty());
    }

    #[test]
    fn a_resource_that_cannot_be_read_any_more_is_not_there() {
        let (cache, mut reader) = (Cache::default(), Reader::default());
        reader.read(&cache, Event::Apply(ensemble(json!({ "replicas": 3 }))));
        assert!(cache.of(&zk()).ensemble.is_some());
        let newer = json!({ "replicas": 3, "storage": { "reclaimPolicy": "Recycle" } });
        reader.read(&cache, Event::Apply(ensemble(newer)));
        assert!(cache.of(&zk()).ensemble.is_none());
    }
}
