//! What an API server knows: objects under versions that only grow, and every change of them, for
//! those who watch. Server-side apply is as good as one field manager needs it: fields are merged,
//! and those that are not applied any more stay.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::{Map, Value, json};

/// Names an object: plural, namespace, name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Id {
    pub plural: String,
    pub namespace: String,
    pub name: String,
}

impl Id {
    pub(crate) fn new(plural: &str, namespace: &str, name: &str) -> Id {
        let own = str::to_owned;
        Id { plural: own(plural), namespace: own(namespace), name: own(name) }
    }
}

/// Why a request is refused, as HTTP says it.
#[derive(Debug)]
pub(crate) struct Refused {
    pub code: u16,
    pub reason: &'static str,
    pub message: String,
}

pub(crate) fn refused(code: u16, reason: &'static str, message: impl Into<String>) -> Refused {
    Refused { code, reason, message: message.into() }
}

/// A change of one object: before and after.
pub(crate) struct Change {
    pub version: u64,
    pub before: Option<Arc<Value>>,
    pub after: Option<Arc<Value>>,
}

/// Under which conditions a change is made.
#[derive(Default)]
pub(crate) struct If<'a> {
    pub uid: Option<&'a str>,
    pub version: Option<&'a str>,
}

/// All objects, and their changes.
#[derive(Default)]
pub(crate) struct Objects {
    pub version: u64,
    all: BTreeMap<Id, Arc<Value>>,
    changes: BTreeMap<String, Vec<Change>>,
    /// Namespaces in which the StatefulSet controller has something to look at.
    pub touched: BTreeSet<String>,
}

impl Objects {
    pub(crate) fn get(&self, id: &Id) -> Option<Arc<Value>> {
        self.all.get(id).cloned()
    }

    /// Those of one kind, in one namespace or in all.
    pub(crate) fn list<'a>(
        &'a self,
        plural: &'a str,
        namespace: &'a str,
    ) -> impl Iterator<Item = &'a Arc<Value>> {
        let from = Id::new(plural, namespace, "");
        let same = move |id: &Id| {
            id.plural == plural && (namespace.is_empty() || id.namespace == namespace)
        };
        self.all.range(from..).take_while(move |(id, _)| same(id)).map(|(_, object)| object)
    }

    /// The changes of one kind after a version.
    pub(crate) fn since(&self, plural: &str, version: u64) -> &[Change] {
        let all = self.changes.get(plural).map_or(&[][..], Vec::as_slice);
        &all[all.partition_point(|change| change.version <= version)..]
    }

    pub(crate) fn create(&mut self, id: &Id, mut object: Value) -> Result<Arc<Value>, Refused> {
        if self.all.contains_key(id) {
            return Err(refused(409, "AlreadyExists", format!("{} already exists", id.name)));
        }
        let meta = &mut object["metadata"];
        meta["namespace"] = json!(id.namespace);
        meta["name"] = json!(id.name);
        meta["uid"] = json!(format!("uid-{}", self.version + 1));
        meta["creationTimestamp"] = json!("2026-01-01T00:00:00Z");
        meta["generation"] = json!(1);
        Ok(self.put(id, object))
    }

    /// Server-side apply.
    pub(crate) fn apply(
        &mut self,
        id: &Id,
        fields: &Value,
        force: bool,
    ) -> Result<Arc<Value>, Refused> {
        let meta = &fields["metadata"];
        let when = If { uid: meta["uid"].as_str(), version: meta["resourceVersion"].as_str() };
        let Some(before) = self.get(id) else {
            if when.uid.is_some() || when.version.is_some() {
                return Err(refused(409, "Conflict", format!("{} does not exist", id.name)));
            }
            return self.create(id, fields.clone());
        };
        let mut after = (*before).clone();
        merge(&mut after, fields);
        if !force && after != *before {
            return Err(refused(409, "Conflict", "another manager has these fields"));
        }
        self.change(id, &when, after)
    }

    /// A merge patch, with the preconditions that are in it.
    pub(crate) fn patch(&mut self, id: &Id, fields: &Value) -> Result<Arc<Value>, Refused> {
        let meta = &fields["metadata"];
        let when = If { uid: meta["uid"].as_str(), version: meta["resourceVersion"].as_str() };
        let before = self.get(id).ok_or_else(|| gone(id))?;
        let mut after = (*before).clone();
        merge(&mut after, fields);
        self.change(id, &when, after)
    }

    /// Puts another object in the place of one; one that says the same is no change.
    pub(crate) fn change(
        &mut self,
        id: &Id,
        when: &If<'_>,
        mut after: Value,
    ) -> Result<Arc<Value>, Refused> {
        let before = self.get(id).ok_or_else(|| gone(id))?;
        check(id, &before, when)?;
        after["metadata"]["resourceVersion"] = before["metadata"]["resourceVersion"].clone();
        if after == *before {
            return Ok(before);
        }
        let wanted = |object: &Value| {
            let mut fields = object.as_object().cloned().unwrap_or_default();
            fields.remove("metadata");
            fields.remove("status");
            fields
        };
        if wanted(&after) != wanted(&before) {
            let generation = before["metadata"]["generation"].as_i64().unwrap_or(0) + 1;
            after["metadata"]["generation"] = json!(generation);
        }
        Ok(self.put(id, after))
    }

    pub(crate) fn delete(&mut self, id: &Id, when: &If<'_>) -> Result<Arc<Value>, Refused> {
        let before = self.get(id).ok_or_else(|| gone(id))?;
        check(id, &before, when)?;
        self.version += 1;
        self.all.remove(id);
        self.note(id, Some(before.clone()), None);
        Ok(before)
    }

    /// Deletes all in a namespace.
    pub(crate) fn clear(&mut self, namespace: &str) {
        let ids: Vec<Id> =
            self.all.keys().filter(|id| id.namespace == namespace).cloned().collect();
        for id in ids {
            self.delete(&id, &If::default()).expect("it is there");
        }
        self.touched.remove(namespace);
    }

    fn put(&mut self, id: &Id, mut object: Value) -> Arc<Value> {
        self.version += 1;
        object["metadata"]["resourceVersion"] = json!(self.version.to_string());
        let object = Arc::new(object);
        let before = self.all.insert(id.clone(), object.clone());
        self.note(id, before, Some(object.clone()));
        object
    }

    fn note(&mut self, id: &Id, before: Option<Arc<Value>>, after: Option<Arc<Value>>) {
        let change = Change { version: self.version, before, after };
        if matches!(id.plural.as_str(), "statefulsets" | "pods") {
            self.touched.insert(id.namespace.clone());
        }
        self.changes.entry(id.plural.clone()).or_default().push(change);
    }
}

fn gone(id: &Id) -> Refused {
    refused(404, "NotFound", format!("{} {} not found", id.plural, id.name))
}

fn check(id: &Id, object: &Value, when: &If<'_>) -> Result<(), Refused> {
    let meta = &object["metadata"];
    let other = |wanted: Option<&str>, is: &Value| wanted.is_some_and(|it| is != it);
    if other(when.uid, &meta["uid"]) || other(when.version, &meta["resourceVersion"]) {
        return Err(refused(409, "Conflict", format!("{} is not the one that was seen", id.name)));
    }
    Ok(())
}

/// Merges objects; a `null` takes a field away, and everything else is put in its place.
fn merge(into: &mut Value, fields: &Value) {
    let Value::Object(fields) = fields else {
        *into = fields.clone();
        return;
    };
    if !into.is_object() {
        *into = Value::Object(Map::new());
    }
    for (key, value) in fields {
        match (into.as_object_mut(), value) {
            (Some(into), Value::Null) => drop(into.remove(key)),
            (Some(into), value) => merge(into.entry(key).or_insert(Value::Null), value),
            (None, _) => {}
        }
    }
}

/// Whether an object carries all labels of a selector, of equalities or of keys alone.
pub(crate) fn selected(object: &Value, selector: &str) -> bool {
    let labels = &object["metadata"]["labels"];
    let equal = |term: &str| match term.split_once('=') {
        Some((key, value)) => labels[key] == value,
        None => !labels[term].is_null(),
    };
    selector.split(',').filter(|term| !term.is_empty()).all(equal)
}
