use quorate_crds::status::Role;
use serde_json::json;

use super::*;
use crate::plan::invariants;
use crate::plan::member::{Config, ConfigMember, Member, Peer, Suffrage};
use crate::plan::observed::{Pod, Seen};

fn owner(kind: &str, uid: &str) -> OwnerReference {
    let version = match kind {
        "StatefulSet" => "apps/v1",
        "CoordinationEnsemble" => "quorate.dev/v1alpha1",
        _ => "v1",
    };
    OwnerReference {
        api_version: version.to_owned(),
        kind: kind.to_owned(),
        name: "zk".to_owned(),
        uid: uid.to_owned(),
        ..OwnerReference::default()
    }
}

/// A claim as it is to be under Delete, which the first spec wanted.
fn claim(ordinal: i32) -> Claim {
    Claim {
        ordinal,
        name: format!("data-zk-{ordinal}"),
        uid: format!("claim-{ordinal}"),
        resource_version: "5".to_owned(),
        labels: [(ENSEMBLE.to_owned(), "zk".to_owned())].into(),
        owners: vec![owner("CoordinationEnsemble", "e")],
        fate: Some(Fate { uid: "e".to_owned(), wanted: 1, decided: 1 }),
        ..Claim::default()
    }
}

/// One member of what were two serves by the second spec, which says Delete; the other has left.
fn shrunk() -> Observed {
    let observed = json!({
        "now": 100,
        "defaultImage": { "reference": "quorate:1" },
        "ensemble": {
            "apiVersion": "quorate.dev/v1alpha1", "kind": "CoordinationEnsemble",
            "metadata": { "name": "zk", "namespace": "default", "uid": "e", "generation": 2 },
            "spec": { "replicas": 1, "storage": { "reclaimPolicy": "Delete" } },
        },
    });
    let mut observed: Observed = serde_json::from_value(observed).expect("an observation");
    observed.stateful_set = Some(StatefulSet {
        replicas: 1,
        ensemble_generation: 2,
        configuration: Some(Seen { ensemble_id: "e1".to_owned(), version: 7 }),
        settled: true,
        retains: true,
        ..StatefulSet::default()
    });
    observed.pods = vec![Pod { name: "zk-0".to_owned(), ready: true, ..Pod::default() }];
    let voter = ConfigMember {
        member_id: "m0".to_owned(),
        server_id: 1,
        suffrage: Suffrage::Voter,
        ..ConfigMember::default()
    };
    observed.members = vec![Member {
        server_id: 1,
        member_id: "m0".to_owned(),
        ensemble_id: Some("e1".to_owned()),
        data_state: crate::plan::member::DataState::Member,
        role: Role::Leader,
        leader_id: Some("m0".to_owned()),
        leader_contact_ms: Some(0),
        ready: true,
        config: Config { version: 7, members: vec![voter], ..Config::default() },
        ..Member::default()
    }];
    observed.claims = Some(vec![claim(0), claim(1)]);
    observed
}

fn of(observed: &Observed) -> Vec<Action> {
    actions(observed, &Names::of(&observed.ensemble, ""), &View::of(observed))
}

/// What becomes of the claim of the member that left, after this change.
fn left(change: impl FnOnce(&mut Observed, &mut Claim)) -> Vec<Action> {
    let (mut observed, mut last) = (shrunk(), claim(1));
    change(&mut observed, &mut last);
    observed.claims = Some(vec![last]);
    of(&observed)
}

fn spec(observed: &mut Observed, replicas: i32, policy: ReclaimPolicy, generation: i64) {
    observed.ensemble.spec.replicas = replicas;
    observed.ensemble.spec.storage.reclaim_policy = policy;
    observed.ensemble.metadata.generation = Some(generation);
}

fn set(observed: &mut Observed) -> &mut StatefulSet {
    observed.stateful_set.as_mut().expect("a StatefulSet")
}

#[test]
fn the_claim_of_a_member_that_left_goes_where_the_spec_says_so() {
    let deletion = Action::DeleteClaim {
        name: "data-zk-1".to_owned(),
        uid: "claim-1".to_owned(),
        resource_version: "5".to_owned(),
    };
    assert_eq!(left(|_, _| {}), vec![deletion.clone()]);
    let observed = shrunk();
    let (names, view) = (Names::of(&observed.ensemble, ""), View::of(&observed));
    assert_eq!(invariants::check(&observed, &names, &view, &deletion), Ok(()));
    assert_eq!(of(&observed), [deletion], "that of the member that serves stays");
}

#[test]
fn a_claim_that_anybody_may_need_stays() {
    type Change = fn(&mut Observed, &mut Claim);
    let needed: [(&str, Change); 13] = [
        ("its pod is there", |it, _| {
            it.pods.push(Pod { ordinal: 1, deleting: true, ..Pod::default() });
        }),
        ("its member is a learner", |it, _| {
            let learner = ConfigMember {
                member_id: "m1".to_owned(),
                server_id: 2,
                suffrage: Suffrage::Learner,
                ..ConfigMember::default()
            };
            it.members[0].config.members.push(learner);
        }),
        ("a change is under way", |it, _| it.members[0].config.pending = true),
        ("nobody leads", |it, _| it.members[0].role = Role::Follower),
        ("nobody answers", |it, _| it.members.clear()),
        ("a voter is away", |it, _| {
            it.members[0].config.members.extend(["m8", "m9"].map(|id| ConfigMember {
                member_id: id.to_owned(),
                server_id: 7,
                suffrage: Suffrage::Voter,
                ..ConfigMember::default()
            }));
            let peer = Peer { member_id: "m8".to_owned(), connected: true, ..Peer::default() };
            it.members[0].peers.push(peer);
            let mut second = it.members[0].clone();
            (second.ordinal, second.role) = (6, Role::Follower);
            second.member_id = "m8".to_owned();
            it.members.push(second);
        }),
        ("the StatefulSet has its pod", |it, _| set(it).replicas = 2),
        ("the StatefulSet was not looked at", |it, _| set(it).settled = false),
        ("a newer configuration was seen", |it, _| {
            set(it).configuration = Some(Seen { ensemble_id: "e1".to_owned(), version: 8 });
        }),
        ("the spec is not applied", |it, _| set(it).ensemble_generation = 1),
        ("there is no StatefulSet", |it, _| it.stateful_set = None),
        ("no spec that was seen wanted it", |_, claim| {
            claim.fate = Some(Fate { uid: "e".to_owned(), wanted: 2, decided: 2 });
        }),
        ("it goes already", |_, claim| claim.deleting = true),
    ];
    for (why, change) in needed {
        assert_eq!(left(change), [], "{why}");
    }
}

#[test]
fn where_the_spec_says_retain_no_claim_goes_and_none_is_owned() {
    let owners = |actions: Vec<Action>| match actions.as_slice() {
        [Action::AdjustClaim { owners, fate, .. }] => (owners.clone(), fate.decided),
        other => panic!("{other:?}"),
    };
    let other = owner("Backup", "b");
    let given = vec![other.clone(), owner("CoordinationEnsemble", "e"), owner("StatefulSet", "s")];
    let adjusted = left(|it, claim| {
        it.ensemble.spec.storage.reclaim_policy = ReclaimPolicy::Retain;
        claim.owners = given.clone();
    });
    assert_eq!(owners(adjusted), (vec![other.clone()], 2), "somebody else's stays");
    let adjusted = left(|_, claim| claim.owners = vec![other.clone(), owner("StatefulSet", "s")]);
    assert_eq!(owners(adjusted), (vec![other.clone(), owner("CoordinationEnsemble", "e")], 2));
    let former = owner("CoordinationEnsemble", "former");
    let adjusted = left(|_, claim| claim.owners = vec![former]);
    assert_eq!(owners(adjusted).0, [owner("CoordinationEnsemble", "e")], "what is gone owns none");
}

/// Else it would own them again, and again.
#[test]
fn a_statefulset_that_takes_claims_is_changed_first_and_the_resource_owns_them_meanwhile() {
    let taken = left(|it, claim| {
        set(it).retains = false;
        claim.owners = vec![owner("StatefulSet", "s")];
    });
    let both = vec![owner("StatefulSet", "s"), owner("CoordinationEnsemble", "e")];
    assert!(matches!(&taken[..], [Action::AdjustClaim { owners, .. }] if *owners == both));
}

#[test]
fn a_claim_gets_our_label_and_loses_those_that_other_tools_prune_by() {
    let adjusted = left(|_, claim| {
        claim.labels = [
            ("app.kubernetes.io/instance".to_owned(), "zk".to_owned()),
            ("app.kubernetes.io/name".to_owned(), "theirs".to_owned()),
        ]
        .into();
    });
    let [Action::AdjustClaim { labels, .. }] = &adjusted[..] else { panic!("{adjusted:?}") };
    let expected = [
        ("app.kubernetes.io/instance".to_owned(), None),
        (ENSEMBLE.to_owned(), Some("zk".to_owned())),
    ];
    assert_eq!(*labels, BTreeMap::from(expected), "what is not our value stays");
}

/// A deletion that was decided before it is refused by the version then.
#[test]
fn pods_come_back_on_claims_that_say_by_which_spec_they_are_wanted() {
    let grown = |fate: Option<Fate>| {
        let mut observed = shrunk();
        spec(&mut observed, 3, ReclaimPolicy::Delete, 3);
        observed.claims = Some(vec![claim(0), Claim { fate, ..claim(1) }]);
        let names = Names::of(&observed.ensemble, "");
        let says = of(&observed).into_iter().find_map(|action| match action {
            Action::AdjustClaim { name, fate, .. } if name == "data-zk-1" => Some(fate.wanted),
            _ => None,
        });
        (ready_for(&observed, &names), says)
    };
    let fate = |uid: &str, wanted: i64| Some(Fate { uid: uid.to_owned(), wanted, decided: wanted });
    assert_eq!(grown(fate("e", 1)), (1, Some(3)));
    assert_eq!(grown(fate("former", 9)), (1, Some(3)));
    assert_eq!(grown(None), (1, Some(3)));
    assert_eq!(grown(fate("e", 3)), (3, None));
}

#[test]
fn whoever_sees_an_older_spec_keeps_off() {
    let wanted_later = |it: &mut Observed, claim: &mut Claim| {
        claim.fate = Some(Fate { uid: "e".to_owned(), wanted: 3, decided: 3 });
        claim.owners.clear();
        spec(it, 1, ReclaimPolicy::Delete, 2);
    };
    assert_eq!(left(wanted_later), []);
}

/// Nobody knows whether its member ever was one of this resource's.
#[test]
fn a_claim_that_is_found_stays_until_the_next_spec() {
    let adjusted = left(|_, claim| claim.fate = None);
    assert!(matches!(&adjusted[..], [Action::AdjustClaim { fate, .. }] if fate.wanted == 2));
}
