use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::*;

fn read<T: DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).expect("an object")
}

fn ensemble() -> CoordinationEnsemble {
    read(json!({
        "apiVersion": "quorate.dev/v1alpha1", "kind": "CoordinationEnsemble",
        "metadata": { "name": "zk", "namespace": "default", "uid": "e" },
        "spec": {},
    }))
}

/// Metadata of an object that this uid controls, or owns without controlling it.
fn owned(name: &str, uid: &str, controls: bool) -> Value {
    json!({
        "name": name, "uid": format!("uid-of-{name}"), "resourceVersion": "5", "generation": 2,
        "annotations": {
            "quorate.dev/ensemble-generation": "4", "quorate.dev/configuration": "abc/9",
        },
        "ownerReferences": [{
            "apiVersion": "v1", "kind": "X", "name": "x", "uid": uid, "controller": controls,
        }],
    })
}

fn around() -> Around {
    Around {
        now: 9,
        nonce: "n".to_owned(),
        may_follow: false,
        default_image: Image { reference: "quorate:1".to_owned(), ..Image::default() },
        cluster_domain: String::new(),
    }
}

fn nothing(ensemble: &CoordinationEnsemble) -> Objects<'_> {
    Objects {
        ensemble,
        stateful_set: None,
        pods: Vec::new(),
        config_maps: Vec::new(),
        claims: None,
        secret: None,
        existing: Vec::new(),
        said: &[],
    }
}

fn set(uid: &str, controls: bool) -> StatefulSet {
    read(json!({
        "metadata": owned("zk", uid, controls),
        "spec": {
            "replicas": 3, "selector": {}, "template": {}, "serviceName": "zk-peer",
            "volumeClaimTemplates": [],
        },
        "status": { "replicas": 3, "observedGeneration": 2, "updateRevision": "zk-1" },
    }))
}

#[test]
fn a_statefulset_of_ours_is_seen_with_all_that_requests_about_it_must_state() {
    let (ensemble, set) = (ensemble(), set("e", true));
    let objects = Objects { stateful_set: Some(&set), ..nothing(&ensemble) };
    let sight = of(&objects, around()).expect("a sight");
    let seen = sight.observed.stateful_set.expect("it is ours");
    assert_eq!((seen.uid.as_str(), seen.resource_version.as_str()), ("uid-of-zk", "5"));
    assert_eq!((seen.replicas, seen.ensemble_generation), (3, 4));
    assert_eq!(seen.configuration.map(|it| it.to_string()).as_deref(), Some("abc/9"));
    assert_eq!((seen.update_revision.as_str(), seen.settled), ("zk-1", true));
    assert!(seen.claims.is_some());
}

#[test]
fn a_statefulset_that_its_controller_has_not_looked_at_is_not_settled() {
    let (ensemble, mut set) = (ensemble(), set("e", true));
    set.metadata.generation = Some(3);
    let objects = Objects { stateful_set: Some(&set), ..nothing(&ensemble) };
    let sight = of(&objects, around()).expect("a sight");
    assert!(!sight.observed.stateful_set.expect("it is ours").settled);
}

#[test]
fn what_another_uid_controls_is_not_ours_whatever_it_is_called() {
    let ensemble = ensemble();
    for (uid, controls) in [("other", true), ("e", false)] {
        let set = set(uid, controls);
        let map: ConfigMap = read(json!({ "metadata": owned("zk-formation", uid, controls) }));
        let secret: Secret = read(json!({ "metadata": owned("zk-admin", uid, controls) }));
        let service: ObjectMeta = read(owned("zk", uid, controls));
        let key = ObjectKey { kind: Kind::Service, name: "zk".to_owned() };
        let objects = Objects {
            stateful_set: Some(&set),
            config_maps: vec![&map],
            existing: vec![(key.clone(), &service)],
            ..nothing(&ensemble)
        };
        let sight = of(&objects, around()).expect("nothing of ours is unreadable");
        assert_eq!(sight.observed.stateful_set, None, "{uid}");
        assert_eq!((sight.observed.formation, sight.observed.config_maps), (None, Vec::new()));
        assert_eq!(sight.observed.existing, BTreeMap::new());
        assert_eq!(sight.observed.foreign, Some(key), "{uid}");
        let objects = Objects { secret: Some(&secret), ..nothing(&ensemble) };
        let sight = of(&objects, around()).expect("it is not ours to read");
        let key = ObjectKey { kind: Kind::Secret, name: "zk-admin".to_owned() };
        assert_eq!((sight.observed.foreign, sight.observed.has_token), (Some(key), false));
        assert_eq!(sight.token, "");
    }
}

#[test]
fn pods_are_seen_by_ordinal_and_only_those_of_our_statefulset() {
    let (ensemble, set) = (ensemble(), set("e", true));
    let pods: Vec<Pod> = [("zk-2", "uid-of-zk"), ("zk-0", "uid-of-zk"), ("zk-1", "old")]
        .map(|(name, owner)| read(json!({ "metadata": owned(name, owner, true) })))
        .into();
    let pods: Vec<&Pod> = pods.iter().collect();
    let objects = Objects { stateful_set: Some(&set), pods: pods.clone(), ..nothing(&ensemble) };
    let sight = of(&objects, around()).expect("a sight");
    let seen: Vec<i32> = sight.observed.pods.iter().map(|pod| pod.ordinal).collect();
    assert_eq!(seen, [0, 2]);
    assert_eq!(sight.observed.pods[0].uid, "uid-of-zk-0");
    assert_eq!(sight.observed.pods[0].resource_version, "5");
    let objects = Objects { pods, ..nothing(&ensemble) };
    assert_eq!(of(&objects, around()).expect("a sight").observed.pods, []);
}

#[test]
fn a_record_and_a_token_that_make_no_sense_are_named_and_nothing_is_decided() {
    let ensemble = ensemble();
    let map: ConfigMap = read(json!({
        "metadata": owned("zk-formation", "e", true), "data": { "formation.json": "{" },
    }));
    let objects = Objects { config_maps: vec![&map], ..nothing(&ensemble) };
    let unreadable = of(&objects, around()).err();
    let Some(Unreadable::Formation { config_map, .. }) = unreadable else {
        panic!("{unreadable:?}");
    };
    assert_eq!(config_map, "zk-formation");
    let secret: Secret = read(json!({ "metadata": owned("zk-admin", "e", true) }));
    let objects = Objects { secret: Some(&secret), ..nothing(&ensemble) };
    let secret = "zk-admin".to_owned();
    assert_eq!(of(&objects, around()).err(), Some(Unreadable::Token { secret }));
}

#[test]
fn the_record_the_token_and_the_configurations_of_ours_are_seen() {
    let ensemble = ensemble();
    let record: ConfigMap = read(json!({
        "metadata": owned("zk-formation", "e", true),
        "data": { "formation.json": r#"{ "ensembleId": "abc", "seed": "m1" }"# },
    }));
    let map: ConfigMap = read(json!({ "metadata": owned("zk-config-1", "e", true) }));
    let secret: Secret = read(json!({
        "metadata": owned("zk-admin", "e", true), "data": { "token": "c2VjcmV0Cg==" },
    }));
    let objects =
        Objects { config_maps: vec![&record, &map], secret: Some(&secret), ..nothing(&ensemble) };
    let sight = of(&objects, around()).expect("a sight");
    assert_eq!((sight.token.as_str(), sight.observed.has_token), ("secret", true));
    assert_eq!(sight.observed.formation.map(|it| it.ensemble_id).as_deref(), Some("abc"));
    let map = &sight.observed.config_maps[0];
    assert_eq!((map.uid.as_str(), map.resource_version.as_str()), ("uid-of-zk-config-1", "5"));
    assert_eq!((map.name.as_str(), map.ensemble_generation), ("zk-config-1", 4));
}

#[test]
fn a_claim_is_ours_by_its_name_its_labels_and_who_controls_it() {
    let ensemble = ensemble();
    let claim = |name: &str, labels: Value, kind: &str| -> PersistentVolumeClaim {
        let mut meta = owned(name, "x", true);
        meta["labels"] = labels;
        meta["ownerReferences"][0]["kind"] = json!(kind);
        meta["ownerReferences"][0]["apiVersion"] = json!("apps/v1");
        meta["ownerReferences"][0]["name"] = json!("zk");
        meta["annotations"] = json!({ "quorate.dev/fate": "e/3/4" });
        read(json!({ "metadata": meta }))
    };
    let own = json!({ "quorate.dev/ensemble": "zk", "mine": "x" });
    let former = json!({
        "app.kubernetes.io/name": "quorate", "app.kubernetes.io/instance": "zk",
        "app.kubernetes.io/component": "node",
    });
    let other = json!({ "quorate.dev/ensemble": "zk-1" });
    let claims = [
        claim("data-zk-1", former, "StatefulSet"),
        claim("data-zk-0", own.clone(), "StatefulSet"),
        claim("data-zk-2", own.clone(), "Other"),
        claim("data-zk-3", other, "StatefulSet"),
        claim("data-zk-04", own.clone(), "StatefulSet"),
        claim("data-zk-1-5", own, "StatefulSet"),
    ];
    let objects = Objects { claims: Some(claims.iter().collect()), ..nothing(&ensemble) };
    let seen = of(&objects, around()).expect("a sight").observed.claims.expect("claims");
    assert_eq!(seen.iter().map(|it| it.ordinal).collect::<Vec<_>>(), [0, 1]);
    assert_eq!(
        (seen[0].uid.as_str(), seen[0].resource_version.as_str()),
        ("uid-of-data-zk-0", "5")
    );
    assert_eq!(seen[0].fate, Some(Fate { uid: "e".to_owned(), wanted: 3, decided: 4 }));
    assert_eq!(seen[0].labels, [("quorate.dev/ensemble".to_owned(), "zk".to_owned())].into());
    assert_eq!(seen[1].owners[0].kind, "StatefulSet");
    let objects = nothing(&ensemble);
    assert_eq!(of(&objects, around()).expect("a sight").observed.claims, None, "not seen");
}

/// Metadata with all of our labels and this owner.
fn left(name: &str, kind: &str, uid: &str, controls: bool) -> Value {
    let mut meta = owned(name, uid, controls);
    meta["labels"] = json!({
        "app.kubernetes.io/name": "quorate", "app.kubernetes.io/instance": "zk",
        "app.kubernetes.io/component": "node", "app.kubernetes.io/managed-by": "quorate-operator",
    });
    let owner = &mut meta["ownerReferences"][0];
    owner["kind"] = json!(kind);
    owner["name"] = json!("zk");
    owner["apiVersion"] = json!("quorate.dev/v1alpha1");
    meta
}

#[test]
fn what_a_former_resource_of_the_name_left_is_seen_and_to_be_taken_over() {
    let ensemble = ensemble();
    let set = |meta: Value| -> StatefulSet {
        let mut set = json!(set("former", true));
        set["metadata"] = meta;
        read(set)
    };
    let seen = |meta: Value| {
        let set = set(meta);
        let objects = Objects { stateful_set: Some(&set), ..nothing(&ensemble) };
        let meta = set.metadata.clone();
        let key = ObjectKey { kind: Kind::StatefulSet, name: "zk".to_owned() };
        let objects = Objects { existing: vec![(key, &meta)], ..objects };
        let observed = of(&objects, around()).expect("a sight").observed;
        (observed.orphans.len(), observed.foreign.is_some(), observed.stateful_set.is_some())
    };
    let own = "CoordinationEnsemble";
    assert_eq!(seen(left("zk", own, "former", true)), (1, false, true));
    assert_eq!(seen(left("zk", "Backup", "b", false)), (1, false, true), "nobody controls it");
    assert_eq!(seen(left("zk", own, "e", true)), (0, false, true), "it is ours");
    assert_eq!(seen(left("zk", "Backup", "b", true)), (0, true, false), "somebody controls it");
    let mut other = left("zk", own, "former", true);
    other["ownerReferences"][0]["name"] = json!("zk-1");
    assert_eq!(seen(other), (0, true, false), "another resource does");
    let mut bare = left("zk", own, "former", true);
    bare["labels"] = json!({ "app.kubernetes.io/instance": "zk" });
    assert_eq!(seen(bare), (0, true, false), "it carries not all of our labels");
}

#[test]
fn records_and_tokens_that_were_left_are_read_and_taken_over_and_other_owners_stay() {
    let ensemble = ensemble();
    let mut meta = left("zk-formation", "Backup", "b", false);
    let former = left("x", "CoordinationEnsemble", "former", true);
    let owners = meta["ownerReferences"].as_array_mut().expect("owners");
    owners.push(former["ownerReferences"][0].clone());
    let record = r#"{ "ensembleId": "e1", "seed": "m0", "members": [] }"#;
    let map: ConfigMap = read(json!({ "metadata": meta, "data": { "formation.json": record } }));
    let config: ConfigMap =
        read(json!({ "metadata": left("zk-config-1", "CoordinationEnsemble", "former", true) }));
    let secret: Secret = read(json!({
        "metadata": left("zk-admin", "CoordinationEnsemble", "former", true),
        "data": { "token": "dA==" },
    }));
    let objects =
        Objects { config_maps: vec![&map, &config], secret: Some(&secret), ..nothing(&ensemble) };
    let sight = of(&objects, around()).expect("a sight");
    let orphans = &sight.observed.orphans;
    let keys: Vec<String> = orphans.iter().map(|it| it.key.to_string()).collect();
    assert_eq!(keys, ["ConfigMap/zk-formation", "ConfigMap/zk-config-1", "Secret/zk-admin"]);
    assert_eq!(
        (orphans[0].uid.as_str(), orphans[0].resource_version.as_str()),
        ("uid-of-zk-formation", "5")
    );
    assert_eq!(orphans[0].owners.iter().map(|it| it.uid.as_str()).collect::<Vec<_>>(), ["b"]);
    assert_eq!(sight.observed.formation.map(|it| it.ensemble_id).as_deref(), Some("e1"));
    assert_eq!((sight.token.as_str(), sight.observed.config_maps.len()), ("t", 1));
}
