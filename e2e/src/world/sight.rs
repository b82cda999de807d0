//! What an operator sees: objects and members' answers, each part from an instant of its own, turned
//! into what the plan takes. Members answer with the node's own `/status`.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use k8s_openapi::api::core::v1::Pod;
use quorate_crds::CoordinationEnsemble;
use quorate_node::Driven;
use quorate_operator::plan::desired;
use quorate_operator::plan::member::Member;
use quorate_operator::plan::names::{self, Names};
use quorate_operator::plan::object::{Kind, ObjectKey};
use quorate_operator::plan::observed::{self, Observed, Seen};
use quorate_operator::pod_summary;
use serde_json::Value;

use super::api::{Api, Objects, text};
use super::kubelet::slot_of;

/// The image of ensembles that name none.
const IMAGE: &str = "quorate:1";

/// All that there was to see at one instant.
#[derive(Clone, Debug)]
pub(crate) struct Instant {
    /// Seconds since the epoch.
    pub(crate) now: i64,
    pub(crate) objects: Rc<Objects>,
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

/// Turns parts into observations; what it has read before it does not read again.
#[derive(Debug, Default)]
pub(crate) struct Eyes {
    pods: RefCell<BTreeMap<String, Option<observed::Pod>>>,
}

impl Eyes {
    /// The observation of an ensemble; `None` if it is gone.
    pub(crate) fn see(&self, parts: &Parts, name: &str) -> Option<Observed> {
        let get = |at: &Instant, kind: &str, name: &str| {
            at.objects.get(&(kind.to_owned(), name.to_owned())).cloned()
        };
        let ensemble = get(&parts.ensemble, "CoordinationEnsemble", name)?;
        let ensemble: CoordinationEnsemble = read(&ensemble);
        let names = Names::of(&ensemble, "");
        let mut seen = blank(parts, ensemble);
        let ours = |it: &Value, seen: &Observed| {
            let uid = seen.ensemble.metadata.uid.as_deref().unwrap_or_default();
            let owners = it["metadata"]["ownerReferences"].as_array();
            let mut owners = owners.into_iter().flatten();
            owners.any(|owner| owner["controller"] == true && owner["uid"] == uid)
        };
        if let Some(set) = get(&parts.set, "StatefulSet", name).filter(|set| ours(set, &seen)) {
            seen.stateful_set = Some(summary(&set));
        }
        self.see_pods(parts, &names, &mut seen);
        let record = names.formation();
        let maps = parts.maps.objects.range(("ConfigMap".to_owned(), String::new())..);
        for ((_, map_name), map) in maps.take_while(|(key, _)| key.0 == "ConfigMap") {
            if !ours(map, &seen) {
                continue;
            }
            if *map_name == record {
                let text = map["data"]["formation.json"].as_str().unwrap_or_default();
                seen.formation = Some(serde_json::from_str(text).expect("a record"));
            } else {
                seen.config_maps.push(observed::ConfigMap {
                    name: map_name.clone(),
                    uid: text(&map["metadata"]["uid"]),
                    resource_version: text(&map["metadata"]["resourceVersion"]),
                    ensemble_generation: generation(map),
                });
            }
        }
        let secret = get(&parts.set, "Secret", &names.admin());
        seen.has_token = secret.as_deref().is_some_and(|it| ours(it, &seen));
        if secret.is_some() && !seen.has_token {
            seen.foreign = Some(ObjectKey { kind: Kind::Secret, name: names.admin() });
        }
        for key in desired::keys(&seen.ensemble, &names) {
            let Some(found) = get(&parts.set, key.kind.as_str(), &key.name) else { continue };
            if ours(&found, &seen) {
                seen.existing.insert(key, text(&found["metadata"]["uid"]));
            } else {
                seen.foreign = Some(key);
            }
        }
        let asked: Vec<i32> = seen.pods.iter().map(|pod| pod.ordinal).collect();
        seen.members = asked.into_iter().filter_map(|ordinal| member(parts, ordinal)).collect();
        Some(seen)
    }

    fn see_pods(&self, parts: &Parts, names: &Names, seen: &mut Observed) {
        let Some(set) = &seen.stateful_set else { return };
        let pods = parts.pods.objects.range(("Pod".to_owned(), String::new())..);
        for (_, pod) in pods.take_while(|(key, _)| key.0 == "Pod") {
            let meta = &pod["metadata"];
            let key = format!("{} {} {}", set.uid, meta["uid"], meta["resourceVersion"]);
            let mut known = self.pods.borrow_mut();
            let summary =
                known.entry(key).or_insert_with(|| pod_summary(&read::<Pod>(pod), &set.uid, names));
            seen.pods.extend(summary.clone());
        }
        seen.pods.sort_by_key(|pod| pod.ordinal);
    }
}

fn blank(parts: &Parts, ensemble: CoordinationEnsemble) -> Observed {
    Observed {
        now: parts.now,
        nonce: parts.nonce.clone(),
        ensemble,
        default_image: IMAGE.to_owned(),
        cluster_domain: String::new(),
        stateful_set: None,
        foreign: None,
        existing: BTreeMap::new(),
        pods: Vec::new(),
        formation: None,
        config_maps: Vec::new(),
        has_token: false,
        members: Vec::new(),
    }
}

fn read<T: serde::de::DeserializeOwned>(value: &Value) -> T {
    T::deserialize(value).unwrap_or_else(|error| panic!("{error}: {value}"))
}

fn member(parts: &Parts, ordinal: i32) -> Option<Member> {
    let slot = usize::try_from(ordinal).ok().filter(|slot| !parts.silent.contains(slot))?;
    let answer = parts.members.members.get(&slot)?.to_string();
    Some(Member::read(ordinal, answer.as_bytes()).expect("a status"))
}

fn generation(object: &Value) -> i64 {
    let mark = object["metadata"]["annotations"][names::GENERATION].as_str();
    mark.and_then(|it| it.parse().ok()).unwrap_or(0)
}

fn summary(set: &Value) -> observed::StatefulSet {
    let (meta, spec, status) = (&set["metadata"], &set["spec"], &set["status"]);
    observed::StatefulSet {
        uid: text(&meta["uid"]),
        resource_version: text(&meta["resourceVersion"]),
        replicas: spec["replicas"].as_i64().unwrap_or(0) as i32,
        ensemble_generation: generation(set),
        configuration: meta["annotations"][names::CONFIGURATION].as_str().and_then(Seen::parse),
        update_revision: text(&status["updateRevision"]),
        settled: status["observedGeneration"] == meta["generation"],
        claims: Some(read(&spec["volumeClaimTemplates"])),
    }
}
