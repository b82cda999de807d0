use super::*;
use crate::plan::names::Names;
use quorate_crds::{CoordinationEnsemble, CoordinationEnsembleSpec};
use serde_json::{Value, json};

fn object(kind: Kind, fields: Value) -> Object {
    let spec = CoordinationEnsembleSpec::default();
    Object::new(&Names::of(&CoordinationEnsemble::new("zk", spec), ""), kind, "zk", fields)
}

fn seen(key: &ObjectKey, meta: &ObjectMeta) -> Known {
    let mut known = Known::default();
    known.others.insert(key.clone(), Arc::new(meta.clone()));
    known
}

#[test]
fn an_object_is_applied_again_only_when_it_or_what_is_wanted_of_it_has_changed() {
    for kind in [Kind::PodDisruptionBudget, Kind::Service] {
        let wanted = object(kind, json!({ "spec": { "a": 1 } }));
        let key = &wanted.key;
        let meta = ObjectMeta {
            uid: Some("u".to_owned()),
            generation: Some(1),
            resource_version: Some("1".to_owned()),
            ..ObjectMeta::default()
        };
        let mut applied = Applied::default();
        assert!(!applied.has(&wanted, &seen(key, &meta)), "never applied");
        applied.note(&wanted, Some(&meta));
        assert!(applied.has(&wanted, &seen(key, &meta)));
        assert!(!applied.has(&wanted, &Known::default()), "it is gone");
        assert!(!applied.has(&object(kind, json!({ "spec": { "a": 2 } })), &seen(key, &meta)));
        let other = |change: fn(&mut ObjectMeta)| {
            let mut meta = meta.clone();
            meta.resource_version = Some("2".to_owned());
            change(&mut meta);
            seen(key, &meta)
        };
        let edits: [fn(&mut ObjectMeta); 4] = [
            |meta| meta.generation = Some(2),
            |meta| meta.uid = Some("v".to_owned()),
            |meta| meta.labels = Some([("a".to_owned(), "b".to_owned())].into()),
            |meta| meta.annotations = Some([("a".to_owned(), "b".to_owned())].into()),
        ];
        for edit in edits {
            assert!(!applied.has(&wanted, &other(edit)));
        }
    }
}

#[test]
fn of_another_resource_of_the_same_name_nothing_is_remembered() {
    let mut memory = Memory::default();
    memory.belong_to("u");
    memory.applied.note(&object(Kind::Service, json!({})), Some(&ObjectMeta::default()));
    memory.belong_to("u");
    assert_eq!(memory.applied.marks.len(), 1);
    memory.belong_to("v");
    assert_eq!(memory.applied.marks.len(), 0);
}

#[test]
fn a_status_that_changes_by_itself_is_no_reason_to_apply() {
    let wanted = object(Kind::PodDisruptionBudget, json!({}));
    let version = |it: &str| ObjectMeta {
        generation: Some(1),
        resource_version: Some(it.to_owned()),
        ..ObjectMeta::default()
    };
    let mut applied = Applied::default();
    applied.note(&wanted, Some(&version("1")));
    assert!(applied.has(&wanted, &seen(&wanted.key, &version("2"))));
}
