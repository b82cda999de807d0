//! A small API server: objects of one namespace with uids, versions and generations, and the few verbs
//! that an operator and Kubernetes' own controllers use on them.

use std::collections::BTreeMap;
use std::rc::Rc;

use serde_json::{Map, Value, json};

/// Kind and name.
pub(crate) type Key = (String, String);

/// Why a request is not done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// 404.
    NotFound,
    /// 403.
    Forbidden,
    /// 409.
    Conflict(&'static str),
    /// 422.
    Invalid(&'static str),
    /// 429.
    Budget,
}

impl Refusal {
    /// The HTTP status.
    pub(crate) fn code(&self) -> u16 {
        match self {
            Refusal::NotFound => 404,
            Refusal::Forbidden => 403,
            Refusal::Conflict(_) => 409,
            Refusal::Invalid(_) => 422,
            Refusal::Budget => 429,
        }
    }

    pub(crate) fn why(&self) -> &'static str {
        match self {
            Refusal::NotFound => "not found",
            Refusal::Forbidden => "forbidden",
            Refusal::Conflict(why) | Refusal::Invalid(why) => why,
            Refusal::Budget => "the disruption budget is spent",
        }
    }
}

/// What the field manager that applies has applied, and what is there.
#[derive(Clone, Debug)]
struct Stored {
    live: Rc<Value>,
    applied: Option<Rc<Value>>,
}

/// What a request names, and under which uid and version; `None` says any.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Only<'a> {
    pub(crate) uid: Option<&'a str>,
    pub(crate) version: Option<&'a str>,
}

impl Only<'_> {
    fn of(metadata: &Value) -> Only<'_> {
        Only { uid: metadata["uid"].as_str(), version: metadata["resourceVersion"].as_str() }
    }

    pub(crate) fn holds(self, live: &Value) -> Result<(), Refusal> {
        let meta = &live["metadata"];
        let same = |stated: Option<&str>, key: &str| stated.is_none_or(|it| meta[key] == it);
        if !same(self.uid, "uid") {
            return Err(Refusal::Conflict("another uid"));
        }
        if !same(self.version, "resourceVersion") {
            return Err(Refusal::Conflict("another version"));
        }
        Ok(())
    }
}

/// The server.
#[derive(Clone, Debug, Default)]
pub(crate) struct Api {
    objects: BTreeMap<Key, Stored>,
    number: u64,
    /// Seconds since the epoch.
    pub(crate) now: i64,
    /// Every change of an object.
    pub(crate) writes: u64,
    /// Of this kind nothing may be applied.
    pub(crate) forbidden: Option<&'static str>,
    /// Claims that went because nobody owned them any more.
    pub(crate) collected: Vec<String>,
}

/// What [`Api::copy`] gives: all objects at one instant.
pub(crate) type Copy = BTreeMap<Key, Rc<Value>>;

pub(crate) fn key(object: &Value) -> Key {
    (text(&object["kind"]), text(&object["metadata"]["name"]))
}

pub(crate) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// A time as Kubernetes writes it.
pub(crate) fn time(seconds: i64) -> Value {
    let time = k8s_openapi::jiff::Timestamp::from_second(seconds).unwrap_or_default();
    json!(time.to_string())
}

impl Api {
    /// A number that was never used before.
    fn fresh(&mut self) -> u64 {
        self.number += 1;
        self.number
    }

    pub(crate) fn get(&self, kind: &str, name: &str) -> Option<&Value> {
        self.objects.get(&(kind.to_owned(), name.to_owned())).map(|it| &*it.live)
    }

    /// All of a kind, by name.
    pub(crate) fn list<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a Value> {
        let from = (kind.to_owned(), String::new());
        let of = self.objects.range(from..).take_while(move |(key, _)| key.0 == kind);
        of.map(|(_, stored)| &*stored.live)
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = &Value> {
        self.objects.values().map(|stored| &*stored.live)
    }

    /// All objects as they are now.
    pub(crate) fn copy(&self) -> Copy {
        self.objects.iter().map(|(key, stored)| (key.clone(), Rc::clone(&stored.live))).collect()
    }

    /// POST.
    pub(crate) fn create(&mut self, object: &Value) -> Result<(), Refusal> {
        if self.objects.contains_key(&key(object)) {
            return Err(Refusal::Conflict("it exists"));
        }
        self.make(object, None);
        Ok(())
    }

    fn make(&mut self, object: &Value, applied: Option<Rc<Value>>) {
        let mut live = object.clone();
        let (uid, version) = (format!("uid-{}", self.fresh()), self.fresh());
        live["metadata"]["uid"] = json!(uid);
        live["metadata"]["resourceVersion"] = json!(version.to_string());
        live["metadata"]["generation"] = json!(1);
        live["metadata"]["creationTimestamp"] = time(self.now);
        self.objects.insert(key(object), Stored { live: Rc::new(live), applied });
        self.writes += 1;
    }

    /// Server-side apply by the one field manager that does so.
    pub(crate) fn apply(&mut self, object: &Value, force: bool) -> Result<(), Refusal> {
        let meta = &object["metadata"];
        if self.forbidden.is_some_and(|kind| object["kind"] == kind) {
            return Err(Refusal::Forbidden);
        }
        let only = Only::of(meta);
        let mut wanted = object.clone();
        for key in ["uid", "resourceVersion"] {
            remove(&mut wanted["metadata"], key);
        }
        let key = key(object);
        let Some(stored) = self.objects.get(&key) else {
            if only.uid.is_some() || only.version.is_some() {
                return Err(Refusal::Conflict("no object of that uid"));
            }
            self.make(&wanted, Some(Rc::new(wanted.clone())));
            return Ok(());
        };
        only.holds(&stored.live)?;
        if stored.applied.is_none() && !force {
            return Err(Refusal::Conflict("its fields are somebody else's"));
        }
        let mut next = Value::clone(&stored.live);
        if let Some(before) = &stored.applied {
            drop_missing(&mut next, before, &wanted);
        }
        merge(&mut next, &wanted);
        self.check(&stored.live, &next)?;
        let wanted = Some(Rc::new(wanted));
        if let Some(stored) = self.objects.get_mut(&key) {
            stored.applied = wanted;
        }
        self.put(&key, next);
        Ok(())
    }

    /// What never changes in objects that are there.
    fn check(&self, live: &Value, next: &Value) -> Result<(), Refusal> {
        let same = |pointer: &str| live.pointer(pointer) == next.pointer(pointer);
        let kind = live["kind"].as_str().unwrap_or_default();
        let fixed = ["/spec/volumeClaimTemplates", "/spec/selector", "/spec/serviceName"];
        if kind == "StatefulSet" && !fixed.into_iter().all(same) {
            return Err(Refusal::Invalid("a field of a StatefulSet that cannot change"));
        }
        if live["immutable"] == true && !same("/data") {
            return Err(Refusal::Invalid("it is immutable"));
        }
        Ok(())
    }

    /// A merge patch (RFC 7386); it may state uid and version.
    pub(crate) fn merge(&mut self, kind: &str, name: &str, patch: &Value) -> Result<(), Refusal> {
        let key = (kind.to_owned(), name.to_owned());
        let stored = self.objects.get(&key).ok_or(Refusal::NotFound)?;
        Only::of(&patch["metadata"]).holds(&stored.live)?;
        let mut next = Value::clone(&stored.live);
        merge(&mut next, patch);
        self.check(&stored.live, &next)?;
        self.put(&key, next);
        Ok(())
    }

    /// DELETE: pods, and claims that pods use, go when their kubelet has let them.
    pub(crate) fn delete(&mut self, kind: &str, name: &str, only: Only<'_>) -> Result<(), Refusal> {
        let key = (kind.to_owned(), name.to_owned());
        let stored = self.objects.get(&key).ok_or(Refusal::NotFound)?;
        only.holds(&stored.live)?;
        if matches!(kind, "Pod" | "PersistentVolumeClaim") {
            let at = time(self.now);
            self.update(kind, name, |object| {
                let meta = &mut object["metadata"];
                if meta["deletionTimestamp"].is_null() {
                    meta["deletionTimestamp"] = at;
                }
            });
        } else {
            self.remove(kind, name);
        }
        Ok(())
    }

    /// It is gone.
    pub(crate) fn remove(&mut self, kind: &str, name: &str) {
        self.objects.remove(&(kind.to_owned(), name.to_owned()));
        self.writes += 1;
    }

    /// PUT of the status, under the version that is stated.
    pub(crate) fn replace_status(&mut self, object: &Value) -> Result<(), Refusal> {
        let key = key(object);
        let stored = self.objects.get(&key).ok_or(Refusal::NotFound)?;
        Only::of(&object["metadata"]).holds(&stored.live)?;
        let mut next = Value::clone(&stored.live);
        next["status"] = object["status"].clone();
        self.put(&key, next);
        Ok(())
    }

    /// Somebody who always sees the newest changes it.
    pub(crate) fn update(&mut self, kind: &str, name: &str, change: impl FnOnce(&mut Value)) {
        let key = (kind.to_owned(), name.to_owned());
        if let Some(stored) = self.objects.get(&key) {
            let mut next = Value::clone(&stored.live);
            change(&mut next);
            self.put(&key, next);
        }
    }

    /// A change that changes nothing is none.
    fn put(&mut self, key: &Key, mut next: Value) {
        let version = self.number + 1;
        let Some(stored) = self.objects.get_mut(key) else { return };
        for fixed in ["uid", "resourceVersion", "generation", "creationTimestamp"] {
            next["metadata"][fixed] = stored.live["metadata"][fixed].clone();
        }
        if *stored.live == next {
            return;
        }
        if stored.live["spec"] != next["spec"] {
            let generation = next["metadata"]["generation"].as_i64().unwrap_or(0);
            next["metadata"]["generation"] = json!(generation + 1);
        }
        next["metadata"]["resourceVersion"] = json!(version.to_string());
        stored.live = Rc::new(next);
        self.number = version;
        self.writes += 1;
    }
}

fn remove(object: &mut Value, key: &str) {
    if let Some(map) = object.as_object_mut() {
        map.remove(key);
    }
}

/// RFC 7386; for an applied object, which has no nulls, this is what server-side apply does with
/// lists that one manager owns.
fn merge(into: &mut Value, from: &Value) {
    let Value::Object(from) = from else {
        *into = from.clone();
        return;
    };
    if !into.is_object() {
        *into = Value::Object(Map::new());
    }
    let Value::Object(into) = into else { return };
    for (key, value) in from {
        if value.is_null() {
            into.remove(key);
        } else {
            merge(into.entry(key.clone()).or_insert(Value::Null), value);
        }
    }
}

/// What was applied before and is not any more goes.
fn drop_missing(live: &mut Value, before: &Value, wanted: &Value) {
    let (Some(live), Some(before)) = (live.as_object_mut(), before.as_object()) else {
        return;
    };
    for (key, value) in before {
        match (wanted.get(key), live.get_mut(key)) {
            (None, _) => {
                live.remove(key);
            }
            (Some(wanted), Some(live)) => drop_missing(live, value, wanted),
            (Some(_), None) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(data: &Value) -> Value {
        json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "a" }, "data": data })
    }

    #[test]
    fn what_is_applied_no_more_goes_and_what_others_wrote_stays() {
        let mut api = Api::default();
        api.apply(&map(&json!({ "x": "1", "y": "2" })), false).expect("it is new");
        api.update("ConfigMap", "a", |it| it["metadata"]["labels"] = json!({ "other": "z" }));
        api.apply(&map(&json!({ "x": "3" })), true).expect("it is ours");
        let live = api.get("ConfigMap", "a").expect("it is there");
        assert_eq!(live["data"], json!({ "x": "3" }));
        assert_eq!(live["metadata"]["labels"]["other"], "z");
        let writes = api.writes;
        api.apply(&map(&json!({ "x": "3" })), true).expect("it is ours");
        assert_eq!(api.writes, writes, "the same again is no write");
    }

    #[test]
    fn another_uid_or_version_is_refused_whatever_the_verb() {
        let mut api = Api::default();
        api.create(&map(&json!({}))).expect("it is new");
        assert!(api.create(&map(&json!({}))).is_err());
        let stale = json!({ "metadata": { "resourceVersion": "0" }, "data": { "x": "1" } });
        assert!(api.merge("ConfigMap", "a", &stale).is_err());
        let other = Only { uid: Some("other"), version: None };
        assert!(api.delete("ConfigMap", "a", other).is_err());
        let mut object = map(&json!({ "x": "1" }));
        assert!(api.apply(&object, false).is_err(), "its fields are somebody else's");
        object["metadata"]["uid"] = json!("other");
        assert!(api.apply(&object, true).is_err());
        object["metadata"]["name"] = json!("b");
        assert!(api.apply(&object, true).is_err(), "no object of that uid is made anew");
        assert_eq!(api.get("ConfigMap", "a").expect("it is there")["data"], json!({}));
    }
}
