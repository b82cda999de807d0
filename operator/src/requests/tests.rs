use serde_json::json;

use super::*;
use crate::plan::action::Cause;
use crate::plan::observed::{Fate, NewMember, Pod};

const SEEN: (&str, &str) = ("uid-of-what-was-seen", "42");

fn observed() -> Observed {
    let ensemble = json!({
        "apiVersion": "quorate.dev/v1alpha1", "kind": "CoordinationEnsemble",
        "metadata": {
            "name": "zk", "namespace": "default", "uid": "uid-of-the-resource",
            "resourceVersion": "7", "managedFields": [{ "manager": "kubectl" }],
        },
        "spec": {},
    });
    let observed =
        json!({ "now": 0, "ensemble": ensemble, "defaultImage": { "reference": "quorate:1" } });
    let mut observed: Observed = serde_json::from_value(observed).expect("an observation");
    let ip = Some("10.0.0.2".to_owned());
    observed.pods = vec![Pod { ordinal: 2, name: "zk-2".to_owned(), ip, ..Pod::default() }];
    observed
}

fn request(action: &Action) -> Result<Request, NoAddress> {
    let observed = observed();
    let names = Names::of(&observed.ensemble, &observed.cluster_domain);
    of_action(&observed, &names, action, "secret")
}

fn write(action: &Action) -> Write {
    match request(action) {
        Ok(Request::Write(write)) => write,
        other => panic!("{other:?} is nothing for the API server"),
    }
}

fn seen(kind: Kind, name: &str) -> Target {
    Target::of(kind, name, SEEN.0, SEEN.1)
}

fn key(kind: Kind, name: &str) -> ObjectKey {
    ObjectKey { kind, name: name.to_owned() }
}

fn deletion(cause: Cause) -> Action {
    let (uid, resource_version) = (SEEN.0.to_owned(), SEEN.1.to_owned());
    Action::DeletePod { name: "zk-2".to_owned(), uid, resource_version, cause }
}

#[test]
fn a_pod_that_serves_nobody_is_deleted_only_as_it_was_seen() {
    assert_eq!(write(&deletion(Cause::NotServing)), Write::Delete(seen(Kind::Pod, "zk-2")));
}

#[test]
fn a_pod_that_serves_is_evicted_only_as_it_was_seen() {
    for cause in [Cause::Outdated, Cause::OnlyMember] {
        assert_eq!(write(&deletion(cause)), Write::Evict(seen(Kind::Pod, "zk-2")));
    }
}

#[test]
fn a_config_map_is_deleted_only_as_it_was_seen() {
    let (name, uid, resource_version) =
        ("zk-config-1".to_owned(), SEEN.0.to_owned(), SEEN.1.to_owned());
    let action = Action::DeleteConfigMap { name, uid, resource_version };
    assert_eq!(write(&action), Write::Delete(seen(Kind::ConfigMap, "zk-config-1")));
}

#[test]
fn a_claim_is_changed_and_deleted_only_as_it_was_seen() {
    let (name, uid, resource_version) =
        ("data-zk-1".to_owned(), SEEN.0.to_owned(), SEEN.1.to_owned());
    let action = Action::AdjustClaim {
        name: name.clone(),
        uid: uid.clone(),
        resource_version: resource_version.clone(),
        labels: [("a".to_owned(), None), ("b".to_owned(), Some("c".to_owned()))].into(),
        owners: Vec::new(),
        fate: Fate { uid: "e".to_owned(), wanted: 1, decided: 2 },
    };
    let patch = json!({ "metadata": {
        "uid": SEEN.0, "resourceVersion": SEEN.1, "labels": { "a": null, "b": "c" },
        "annotations": { "quorate.dev/fate": "e/1/2" }, "ownerReferences": [],
    } });
    let key = key(Kind::PersistentVolumeClaim, "data-zk-1");
    assert_eq!(write(&action), Write::Merge { key, manager: "quorate-operator", patch });
    let action = Action::DeleteClaim { name, uid, resource_version };
    assert_eq!(write(&action), Write::Delete(seen(Kind::PersistentVolumeClaim, "data-zk-1")));
}

#[test]
fn what_is_taken_over_is_changed_only_as_it_was_seen_and_counts_generations_anew() {
    for (kind, generation) in [(Kind::StatefulSet, json!("0")), (Kind::Service, Value::Null)] {
        let owner = json!({ "apiVersion": "v1", "kind": "Backup", "name": "b", "uid": "b" });
        let action = Action::Adopt {
            key: key(kind, "zk"),
            uid: SEEN.0.to_owned(),
            resource_version: SEEN.1.to_owned(),
            owners: vec![serde_json::from_value(owner.clone()).expect("an owner")],
        };
        let Write::Merge { key: of, patch, .. } = write(&action) else { panic!("a merge") };
        let meta = &patch["metadata"];
        assert_eq!(of, key(kind, "zk"));
        assert_eq!((&meta["uid"], &meta["resourceVersion"]), (&json!(SEEN.0), &json!(SEEN.1)));
        assert_eq!(meta["ownerReferences"], json!([owner]));
        assert_eq!(meta["annotations"]["quorate.dev/ensemble-generation"], generation);
    }
}

#[test]
fn a_turn_is_given_and_taken_only_as_the_pod_was_seen() {
    let (name, uid, resource_version) = ("zk-2".to_owned(), SEEN.0.to_owned(), SEEN.1.to_owned());
    let action = Action::GiveTurn { name, uid, resource_version };
    let patch = |turn: Value| Write::Merge {
        key: key(Kind::Pod, "zk-2"),
        manager: "quorate-operator",
        patch: json!({ "metadata": {
            "uid": SEEN.0, "resourceVersion": SEEN.1, "annotations": { "quorate.dev/turn": turn },
        } }),
    };
    assert_eq!(write(&action), patch(json!("next")));
    let (name, uid, resource_version) = ("zk-2".to_owned(), SEEN.0.to_owned(), SEEN.1.to_owned());
    assert_eq!(write(&Action::TakeTurn { name, uid, resource_version }), patch(Value::Null));
}

#[test]
fn replicas_are_lowered_only_as_the_statefulset_was_seen() {
    let (name, uid, resource_version) = ("zk".to_owned(), SEEN.0.to_owned(), SEEN.1.to_owned());
    let action = Action::LowerReplicas { name, uid, resource_version, replicas: 3 };
    let patch = json!({
        "metadata": { "uid": SEEN.0, "resourceVersion": SEEN.1 }, "spec": { "replicas": 3 },
    });
    let key = key(Kind::StatefulSet, "zk");
    assert_eq!(write(&action), Write::Merge { key, manager: "quorate-operator", patch });
}

#[test]
fn what_exists_is_applied_by_force_and_only_under_its_uid_and_version() {
    let observed = observed();
    let names = Names::of(&observed.ensemble, "");
    let mut object = Object::new(&names, Kind::StatefulSet, "zk", json!({ "spec": {} }));
    object.uid = Some(SEEN.0.to_owned());
    object.resource_version = Some(SEEN.1.to_owned());
    let Write::Apply { key: of, manager, force, manifest } = of_object(&object) else {
        panic!("an object is applied");
    };
    assert_eq!((of, manager, force), (key(Kind::StatefulSet, "zk"), "quorate-operator", true));
    assert_eq!(manifest["metadata"]["uid"], SEEN.0);
    assert_eq!(manifest["metadata"]["resourceVersion"], SEEN.1);
}

#[test]
fn what_was_not_seen_is_made_without_taking_fields_from_anybody() {
    let observed = observed();
    let names = Names::of(&observed.ensemble, "");
    let object = Object::new(&names, Kind::Service, "zk", json!({ "spec": {} }));
    let Write::Apply { manager, force, manifest, .. } = of_object(&object) else {
        panic!("an object is applied");
    };
    assert_eq!((manager, force), ("quorate-operator", false));
    assert_eq!(manifest["metadata"].get("uid"), None);
    assert_eq!(manifest["metadata"].get("resourceVersion"), None);
    assert_eq!(manifest["metadata"]["ownerReferences"][0]["uid"], "uid-of-the-resource");
}

#[test]
fn a_token_and_a_record_are_made_once_and_never_overwritten() {
    let formation = Formation { ensemble_id: "e1".to_owned(), ..Formation::default() };
    let token = write(&Action::CreateToken { name: "zk-admin".to_owned() });
    let record = write(&Action::CreateFormation { name: "zk-formation".to_owned(), formation });
    for (made, of) in [
        (token.clone(), key(Kind::Secret, "zk-admin")),
        (record.clone(), key(Kind::ConfigMap, "zk-formation")),
    ] {
        let Write::Create { key, manager, manifest } = made else {
            panic!("{made:?} may overwrite");
        };
        assert_eq!((&key, manager), (&of, "quorate-operator"));
        // A token may be renewed, a record never.
        assert_eq!(manifest["immutable"] == true, of.kind == Kind::ConfigMap);
        assert_eq!(manifest["metadata"]["ownerReferences"][0]["controller"], true);
    }
    let text = |write: &Write| match write {
        Write::Create { manifest, .. } => manifest["data"].clone(),
        _ => Value::Null,
    };
    assert_eq!(text(&token)["token"], "c2VjcmV0");
    let read = text(&record)["formation.json"].as_str().map(serde_json::from_str::<Formation>);
    assert_eq!(read.expect("a text").expect("a formation").ensemble_id, "e1");
}

#[test]
fn calls_that_change_the_ensemble_carry_the_ensemble_and_the_configuration() {
    let id = || "e1".to_owned();
    let ids = || vec!["m1".to_owned()];
    let members = vec![NewMember { member_id: "m1".to_owned(), ..NewMember::default() }];
    let leader = 2;
    let changes = [
        (
            "/admin/add-learners",
            Action::AddLearners { leader, ensemble_id: id(), expected: 9, members },
        ),
        (
            "/admin/change-voters",
            Action::ChangeVoters { leader, ensemble_id: id(), expected: 9, voters: ids() },
        ),
        (
            "/admin/remove-learners",
            Action::RemoveLearners { leader, ensemble_id: id(), expected: 9, members: ids() },
        ),
        (
            "/admin/set-version",
            Action::RaiseVersion { leader, ensemble_id: id(), expected: 9, version: 2 },
        ),
    ];
    for (path, action) in changes {
        let Ok(Request::Call(call)) = request(&action) else { panic!("{action:?} is a call") };
        assert_eq!((call.path, call.ip.as_str(), call.pod.as_str()), (path, "10.0.0.2", "zk-2"));
        assert_eq!(call.body["ensembleId"], "e1", "{path}");
        assert_eq!(call.body["expectedConfigVersion"], 9, "{path}");
        let what = ["members", "voters", "version"].map(|key| call.body[key].to_string());
        assert!(what.iter().any(|it| it.contains("m1") || it == "2"), "{path}");
    }
    let hand_over = Action::TransferLeader { leader, ensemble_id: id(), target: "m1".to_owned() };
    let Ok(Request::Call(call)) = request(&hand_over) else { panic!("it is a call") };
    assert_eq!(call.path, "/admin/transfer-leader");
    assert_eq!(call.body, json!({ "ensembleId": "e1", "target": "m1" }));
}

#[test]
fn the_seed_is_told_the_very_ensemble_that_was_recorded() {
    let formation =
        Formation { ensemble_id: "e1".to_owned(), seed: "m1".to_owned(), ..Formation::default() };
    let Ok(Request::Call(call)) = request(&Action::Form { ordinal: 2, formation }) else {
        panic!("it is a call");
    };
    assert_eq!(call.path, "/admin/form");
    assert_eq!(call.body, json!({ "ensembleId": "e1", "self": "m1", "members": [] }));
}

#[test]
fn a_member_whose_pod_has_no_address_is_not_called() {
    let target = "m1".to_owned();
    let action = Action::TransferLeader { leader: 1, ensemble_id: "e1".to_owned(), target };
    assert_eq!(request(&action), Err(NoAddress { pod: "zk-1".to_owned() }));
}

#[test]
fn a_report_is_written_on_the_very_resource_that_was_seen_and_only_if_it_says_something_new() {
    let mut observed = observed();
    let status = EnsembleStatus { replicas: 3, ..EnsembleStatus::default() };
    let Some(Write::ReplaceStatus { manager, ensemble }) = of_status(&observed.ensemble, &status)
    else {
        panic!("a report is put");
    };
    assert_eq!(manager, "quorate-operator");
    let meta = &ensemble.metadata;
    assert_eq!(meta.resource_version.as_deref(), Some("7"));
    assert_eq!(meta.uid.as_deref(), Some("uid-of-the-resource"));
    assert_eq!(meta.managed_fields, None);
    assert_eq!(ensemble.status.as_ref(), Some(&status));
    observed.ensemble.status = Some(status.clone());
    assert_eq!(of_status(&observed.ensemble, &status), None);
}

#[test]
fn a_refusal_is_told_from_a_failure() {
    let of =
        |verdict: fn(u16) -> Verdict, codes: &[u16]| codes.iter().map(|it| verdict(*it)).collect();
    let api: Vec<Verdict> = of(api_verdict, &[200, 201, 404, 409, 429, 403, 422, 500, 504]);
    let (done, refused, failed) = (Verdict::Done, Verdict::Refused, Verdict::Failed);
    assert_eq!(api[..5], [done, done, refused, refused, refused]);
    assert_eq!(api[5..], [Verdict::Denied, Verdict::Denied, Verdict::Denied, failed]);
    let call: Vec<Verdict> = of(call_verdict, &[200, 409, 412, 401, 503, 504]);
    assert_eq!(call, [done, refused, refused, refused, refused, failed]);
}
