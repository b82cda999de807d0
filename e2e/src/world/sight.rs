//! What an operator reads: objects and members' answers, each part from an instant of its own. What is
//! seen in them the operator itself says; members answer with the node's own `/status`.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{ConfigMap, PersistentVolumeClaim, Pod, Secret};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use quorate_crds::CoordinationEnsemble;
use quorate_node::Driven;
use quorate_operator::plan::desired;
use quorate_operator::plan::image::Image;
use quorate_operator::plan::member::Member;
use quorate_operator::plan::names::Names;
use quorate_operator::plan::object::ObjectKey;
use quorate_operator::sight::{self, Around, Objects, Sight};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::api::{Api, Copy};
use super::kubelet::slot_of;

/// The image of ensembles that name none.
const IMAGE: &str = "quorate:1";

/// All that there was to see at one instant.
#[derive(Clone, Debug)]
pub(crate) struct Instant {
    /// Seconds since the epoch.
    pub(crate) now: i64,
    pub(crate) objects: Rc<Copy>,
    /// What members said, by ordinal.
    pub(crate) members: Rc<BTreeMap<usize, Rc<Value>>>,
}

impl Instant {
    pub(crate) fn of(api: &Api, world: &Driven) -> Instant {
        let address = |pod: &Value| slot_of(pod["status"]["podIP"].as_str()?);
        let answer = |slot: usize| {
            let status = world.status(slot)?;
            Some((slot, Rc::new(status)))
        };
        let members = api.list("Pod").filter_map(address).filter_map(answer).collect();
        Instant { now: api.now, objects: Rc::new(api.copy()), members: Rc::new(members) }
    }
}

/// The instants at which the parts of a view were read.
#[derive(Clone, Debug)]
pub(crate) struct Parts {
    pub(crate) now: i64,
    pub(crate) nonce: String,
    pub(crate) ensemble: Instant,
    pub(crate) set: Instant,
    pub(crate) pods: Instant,
    pub(crate) maps: Instant,
    pub(crate) members: Instant,
    /// Members that do not answer in time.
    pub(crate) silent: Vec<usize>,
}

impl Parts {
    /// All from one instant.
    pub(crate) fn whole(at: &Instant, nonce: String) -> Parts {
        Parts {
            now: at.now,
            nonce,
            ensemble: at.clone(),
            set: at.clone(),
            pods: at.clone(),
            maps: at.clone(),
            members: at.clone(),
            silent: Vec::new(),
        }
    }
}

/// Turns parts into what the operator sees in them; what it has read before it does not read again.
#[derive(Debug, Default)]
pub(crate) struct Eyes {
    sets: Known<StatefulSet>,
    pods: Known<Pod>,
    maps: Known<ConfigMap>,
    claims: Known<PersistentVolumeClaim>,
    secrets: Known<Secret>,
    metas: Known<ObjectMeta>,
}

/// Objects by uid and version.
#[derive(Debug)]
struct Known<T>(RefCell<BTreeMap<String, Rc<T>>>);

impl<T> Default for Known<T> {
    fn default() -> Self {
        Known(RefCell::default())
    }
}

impl<T: DeserializeOwned> Known<T> {
    fn read(&self, object: &Value, part: &Value) -> Rc<T> {
        let meta = &object["metadata"];
        let key = format!("{} {}", meta["uid"], meta["resourceVersion"]);
        Rc::clone(self.0.borrow_mut().entry(key).or_insert_with(|| Rc::new(read(part))))
    }

    fn object(&self, object: &Value) -> Rc<T> {
        self.read(object, object)
    }
}

impl Eyes {
    /// What the operator sees of an ensemble; `None` if it is gone.
    pub(crate) fn see(&self, parts: &Parts, name: &str) -> Result<Option<Sight>, String> {
        let get = |at: &Instant, kind: &str, name: &str| {
            at.objects.get(&(kind.to_owned(), name.to_owned())).cloned()
        };
        let Some(ensemble) = get(&parts.ensemble, "CoordinationEnsemble", name) else {
            return Ok(None);
        };
        let ensemble: CoordinationEnsemble = read(&ensemble);
        let names = Names::of(&ensemble, "");
        let set = get(&parts.set, "StatefulSet", name).map(|it| self.sets.object(&it));
        let pods: Vec<Rc<Pod>> = all(&parts.pods, "Pod").map(|it| self.pods.object(it)).collect();
        let maps: Vec<Rc<ConfigMap>> =
            all(&parts.maps, "ConfigMap").map(|it| self.maps.object(it)).collect();
        let claims: Vec<Rc<PersistentVolumeClaim>> =
            all(&parts.maps, "PersistentVolumeClaim").map(|it| self.claims.object(it)).collect();
        let secret = get(&parts.set, "Secret", &names.admin()).map(|it| self.secrets.object(&it));
        let there = |key: ObjectKey| {
            let found = get(&parts.set, key.kind.as_str(), &key.name)?;
            Some((key, self.metas.read(&found, &found["metadata"])))
        };
        let existing: Vec<(ObjectKey, Rc<ObjectMeta>)> =
            desired::keys(&ensemble, &names).into_iter().filter_map(there).collect();
        let objects = Objects {
            ensemble: &ensemble,
            stateful_set: set.as_deref(),
            pods: pods.iter().map(|it| &**it).collect(),
            config_maps: maps.iter().map(|it| &**it).collect(),
            claims: Some(claims.iter().map(|it| &**it).collect()),
            secret: secret.as_deref(),
            existing: existing.iter().map(|(key, it)| (key.clone(), &**it)).collect(),
            said: &[],
        };
        let around = Around {
            now: parts.now,
            nonce: parts.nonce.clone(),
            may_follow: false,
            default_image: Image { reference: IMAGE.to_owned(), ..Image::default() },
            cluster_domain: String::new(),
        };
        let mut sight = sight::of(&objects, around).map_err(|it| format!("{it:?}"))?;
        let asked: Vec<i32> = sight.observed.pods.iter().map(|pod| pod.ordinal).collect();
        let members = asked.into_iter().filter_map(|ordinal| member(parts, ordinal));
        sight.observed.members = members.collect();
        Ok(Some(sight))
    }
}

/// All of a kind, by name.
fn all<'a>(at: &'a Instant, kind: &'a str) -> impl Iterator<Item = &'a Value> {
    let of = at.objects.range((kind.to_owned(), String::new())..);
    of.take_while(move |(key, _)| key.0 == kind).map(|(_, object)| &**object)
}

fn read<T: DeserializeOwned>(value: &Value) -> T {
    T::deserialize(value).unwrap_or_else(|error| panic!("{error}: {value}"))
}

fn member(parts: &Parts, ordinal: i32) -> Option<Member> {
    let slot = usize::try_from(ordinal).ok().filter(|slot| !parts.silent.contains(slot))?;
    let answer = parts.members.members.get(&slot)?.to_string();
    Some(Member::read(ordinal, answer.as_bytes()).expect("a status"))
}
