use serde_json::json;

use super::*;
use crate::plan::member::Member;
use crate::plan::observed::{Formation, Seen, StatefulSet};
use crate::plan::plan;

/// A resource that is new, and a StatefulSet of a former one at its seventh generation.
fn back(change: impl FnOnce(&mut Observed)) -> Observed {
    let observed = json!({
        "now": 100,
        "defaultImage": { "reference": "quorate:1" },
        "ensemble": {
            "apiVersion": "quorate.dev/v1alpha1", "kind": "CoordinationEnsemble",
            "metadata": { "name": "zk", "namespace": "default", "uid": "new", "generation": 1 },
            "spec": { "replicas": 3 },
        },
        "orphans": [
            { "key": "StatefulSet/zk", "uid": "set", "resourceVersion": "5", "owners": [
                { "apiVersion": "v1", "kind": "Backup", "name": "b", "uid": "b" },
            ] },
            { "key": "Secret/zk-admin", "uid": "secret", "resourceVersion": "6" },
        ],
    });
    let mut observed: Observed = serde_json::from_value(observed).expect("an observation");
    observed.stateful_set = Some(StatefulSet {
        replicas: 3,
        ensemble_generation: 7,
        configuration: Some(Seen { ensemble_id: "e1".to_owned(), version: 7 }),
        ..StatefulSet::default()
    });
    change(&mut observed);
    observed
}

fn says(ordinal: i32, ensemble: &str) -> Member {
    let ensemble_id = Some(ensemble.to_owned());
    Member { ordinal, server_id: ordinal + 1, ensemble_id, ..Member::default() }
}

fn blocked(observed: &Observed) -> String {
    let plan = plan(observed);
    assert_eq!((plan.objects.len(), plan.actions.len()), (0, 0), "nothing is written");
    let status = plan.status.expect("a report");
    let ready = status.conditions.iter().find(|it| it.type_ == "Ready");
    ready.expect("a condition").message.clone()
}

#[test]
fn what_a_former_resource_left_is_taken_over_before_anything_else() {
    for members in [vec![says(0, "e1"), says(2, "e1")], Vec::new()] {
        let plan = plan(&back(|it| it.members = members));
        assert_eq!(plan.objects, []);
        let taken: Vec<(&str, String)> =
            plan.actions.iter().map(|it| (it.name(), it.to_string())).collect();
        let expected = [("Adopt", "StatefulSet/zk"), ("Adopt", "Secret/zk-admin")];
        let Action::Adopt { owners, uid, resource_version, .. } = &plan.actions[0] else {
            panic!()
        };
        assert_eq!((uid.as_str(), resource_version.as_str()), ("set", "5"));
        let owners: Vec<(&str, bool)> =
            owners.iter().map(|it| (it.uid.as_str(), it.controller == Some(true))).collect();
        assert_eq!(owners, [("b", false), ("new", true)], "others stay, and none is added twice");
        assert_eq!(taken, expected.map(|(name, about)| (name, about.to_owned())));
    }
}

#[test]
fn what_is_of_several_ensembles_is_left_as_it_is() {
    let record = Formation { ensemble_id: "e2".to_owned(), ..Formation::default() };
    type Change = Box<dyn FnOnce(&mut Observed)>;
    let other: [Change; 3] = [
        Box::new(|it| it.members = vec![says(0, "e1"), says(1, "e2")]),
        Box::new(|it| it.members = vec![says(0, "e2")]),
        Box::new(|it| it.formation = Some(record)),
    ];
    for change in other {
        let why = blocked(&back(change));
        assert!(why.contains("different ensembles (e1, e2)"), "{why}");
    }
}

#[test]
fn nothing_is_taken_over_beside_an_object_of_somebody_else_or_while_paused() {
    let key = crate::plan::object::ObjectKey::parse("Service/zk");
    let why = blocked(&back(|it| it.foreign = key));
    assert!(why.starts_with("Service/zk exists and does not belong to this ensemble"), "{why}");
    blocked(&back(|it| it.ensemble.spec.paused = true));
}
