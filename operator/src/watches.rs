//! The watches: every change of an ensemble or of its objects goes into the cache, and whoever looks
//! after that ensemble is told. Resources that cannot be read are told to people, and stop nobody.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::sync::{Arc, Mutex, PoisonError};

use futures::{StreamExt as _, pin_mut};
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{
    ConfigMap, ObjectReference, PersistentVolumeClaim, Pod, Service, ServiceAccount,
};
use k8s_openapi::api::networking::v1::NetworkPolicy;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::core::{DeserializeGuard, PartialObjectMeta};
use kube::runtime::events::Recorder;
use kube::runtime::{WatchStreamExt as _, watcher};
use kube::{Api, Client, Resource};
use quorate_crds::CoordinationEnsemble;
use serde::de::DeserializeOwned;
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::watch;
use tracing::warn;

use crate::cache::{Cache, Key, Reader, Watched};
use crate::causes::chain;
use crate::health::Health;
use crate::observability::Metrics;
use crate::tell::tell;

/// A resource that cannot be read.
struct Invalid {
    meta: ObjectMeta,
    error: String,
}

/// Resources that cannot be read: the version at which each was told of, and the list in which it was
/// seen last.
#[derive(Default)]
struct Told {
    list: u64,
    of: BTreeMap<Key, (Option<String>, u64)>,
}

/// Before all of these are listed nobody is looked after: an ensemble whose pods are not known yet
/// would seem to have none. What is not known of other objects is read.
const NEEDED: [&str; 4] = ["CoordinationEnsemble", "StatefulSet", "Pod", "ConfigMap"];

/// What all watches of some namespaces share.
#[derive(Clone)]
pub(crate) struct Watches {
    /// The API server.
    pub(crate) client: Client,
    /// The one namespace, or all.
    pub(crate) namespace: Option<String>,
    /// What they fill.
    pub(crate) cache: Arc<Cache>,
    /// Who is told of ensembles that changed.
    pub(crate) changed: UnboundedSender<Key>,
    /// Of which kinds all objects are in the cache.
    pub(crate) listed: watch::Sender<BTreeSet<&'static str>>,
    /// Whether they can be relied upon.
    pub(crate) health: Health,
    /// Counts.
    pub(crate) metrics: Metrics,
    /// Tells people.
    pub(crate) recorder: Recorder,
}

impl Watches {
    /// Waits until what is needed to look after anybody is in the cache.
    pub(crate) async fn listed(&self) {
        let all = |kinds: &BTreeSet<&str>| NEEDED.iter().all(|kind| kinds.contains(kind));
        // It ends with the watches.
        let _ = self.listed.subscribe().wait_for(all).await;
    }

    /// Watches until this is dropped.
    pub(crate) async fn run(&self) {
        tokio::join!(
            self.ensembles(),
            self.objects::<StatefulSet>("StatefulSet"),
            self.objects::<Pod>("Pod"),
            self.objects::<ConfigMap>("ConfigMap"),
            self.objects::<PersistentVolumeClaim>("PersistentVolumeClaim"),
            self.objects::<PartialObjectMeta<Service>>("Service"),
            self.objects::<PartialObjectMeta<ServiceAccount>>("ServiceAccount"),
            self.objects::<PartialObjectMeta<NetworkPolicy>>("NetworkPolicy"),
            self.objects::<PartialObjectMeta<PodDisruptionBudget>>("PodDisruptionBudget"),
        );
    }

    async fn objects<K>(&self, kind: &'static str)
    where
        K: Watched + Resource<Scope = NamespaceResourceScope>,
        K: Clone + Debug + DeserializeOwned + Send + 'static,
    {
        let config = watcher::Config::default().labels(K::OURS);
        self.follow::<K>(kind, config, |_| {}).await;
    }

    async fn ensembles(&self) {
        let told = Mutex::new(Told::default());
        let look = |event: &watcher::Event<DeserializeGuard<CoordinationEnsemble>>| {
            if let Some(invalid) = self.judge(event, &told) {
                // The watch goes on meanwhile.
                tokio::spawn(tell_of(invalid, self.recorder.clone()));
            }
        };
        self.follow("CoordinationEnsemble", watcher::Config::default(), look).await;
    }

    /// One watch for ever: what fails is tried again, ever more slowly.
    async fn follow<K>(
        &self,
        kind: &'static str,
        config: watcher::Config,
        look: impl Fn(&watcher::Event<K>),
    ) where
        K: Watched + Resource<Scope = NamespaceResourceScope>,
        K: Clone + Debug + DeserializeOwned + Send + 'static,
    {
        let api: Api<K> = match &self.namespace {
            Some(namespace) => Api::namespaced(self.client.clone(), namespace),
            None => Api::all(self.client.clone()),
        };
        let scope = self.namespace.as_deref().unwrap_or("all namespaces");
        let watch = format!("the watch of {kind}s in {scope}");
        self.health.begins(&watch);
        let events = watcher(api, config).default_backoff();
        pin_mut!(events);
        let mut reader = Reader::default();
        while let Some(event) = events.next().await {
            match event {
                Ok(event) => {
                    let listing =
                        matches!(event, watcher::Event::Init | watcher::Event::InitApply(_));
                    look(&event);
                    for key in reader.read(&self.cache, event) {
                        // Nobody listens any more while the program ends.
                        let _ = self.changed.send(key);
                    }
                    if !listing {
                        self.health.works(&watch);
                        self.listed.send_if_modified(|kinds| kinds.insert(kind));
                    }
                }
                Err(error) => {
                    let error = chain(&error);
                    warn!(kind, namespace = self.namespace, error, "a watch failed");
                    self.health.fails(&watch, &error);
                }
            }
        }
    }

    /// Notes which resources cannot be read; one that is to be told of.
    fn judge(
        &self,
        event: &watcher::Event<DeserializeGuard<CoordinationEnsemble>>,
        told: &Mutex<Told>,
    ) -> Option<Invalid> {
        let mut told = told.lock().unwrap_or_else(PoisonError::into_inner);
        let (object, gone) = match event {
            watcher::Event::Apply(object) | watcher::Event::InitApply(object) => (object, false),
            watcher::Event::Delete(object) => (object, true),
            watcher::Event::Init => {
                told.list += 1;
                return None;
            }
            watcher::Event::InitDone => {
                let list = told.list;
                told.of.retain(|key, (_, seen)| {
                    if *seen != list {
                        self.metrics.unreadable([&key.namespace, &key.name], false);
                    }
                    *seen == list
                });
                return None;
            }
        };
        let key = object.of()?;
        let invalid = object.0.as_ref().err().filter(|_| !gone);
        self.metrics.unreadable([&key.namespace, &key.name], invalid.is_some());
        let Some(invalid) = invalid else {
            told.of.remove(&key);
            return None;
        };
        let (version, list) = (invalid.metadata.resource_version.clone(), told.list);
        let before = told.of.insert(key, (version.clone(), list));
        before
            .is_none_or(|(told, _)| told != version)
            .then(|| Invalid { meta: invalid.metadata.clone(), error: invalid.error.clone() })
    }
}

/// Tells people of a resource that cannot be read.
async fn tell_of(invalid: Invalid, recorder: Recorder) {
    let meta = &invalid.meta;
    let (namespace, ensemble) = (meta.namespace.as_deref(), meta.name.as_deref());
    let error = &invalid.error;
    warn!(namespace, ensemble, error, "a CoordinationEnsemble cannot be read: it is left alone");
    let note = format!(
        "the operator cannot read this resource and leaves the ensemble alone: {error}; upgrade \
         the operator, or take that field back"
    );
    let reference = ObjectReference {
        api_version: Some(CoordinationEnsemble::api_version(&()).into_owned()),
        kind: Some(CoordinationEnsemble::kind(&()).into_owned()),
        name: meta.name.clone(),
        namespace: meta.namespace.clone(),
        uid: meta.uid.clone(),
        ..ObjectReference::default()
    };
    tell(&recorder, &reference, true, "Unreadable".to_owned(), &note).await;
}
