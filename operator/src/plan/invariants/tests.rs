//! Each invariant alone: a sound ensemble and an action that is fine, one thing that is not as it was, and
//! the one guard that must say so. Rooms of the plan propose nothing here, so nothing else can.

use quorate_crds::EnsembleStatus;
use quorate_crds::status::Role;
use serde_json::json;

use super::*;
use crate::plan::action::Cause;
use crate::plan::member::{Config, ConfigMember, Peer, Suffrage};
use crate::plan::observed::{NewMember, Pod, Seen, StatefulSet};

fn id(ordinal: i32) -> String {
    format!("m{ordinal}")
}

fn listed(ordinal: i32, suffrage: Suffrage) -> ConfigMember {
    let (member_id, server_id) = (id(ordinal), ordinal + 1);
    ConfigMember { member_id, server_id, suffrage, ..ConfigMember::default() }
}

/// Four members, of which the last is a learner; the first leads, and all pods are outdated.
fn sound() -> Observed {
    let ensemble = json!({
        "apiVersion": "quorate.dev/v1alpha1", "kind": "CoordinationEnsemble",
        "metadata": { "name": "zk", "namespace": "default", "uid": "e", "generation": 1 },
        "spec": { "replicas": 3 },
    });
    let observed =
        json!({ "now": 100, "ensemble": ensemble, "defaultImage": { "reference": "quorate:1" } });
    let mut observed: Observed = serde_json::from_value(observed).expect("an observation");
    observed.stateful_set = Some(StatefulSet {
        uid: "set".to_owned(),
        resource_version: "5".to_owned(),
        replicas: 4,
        ensemble_generation: 1,
        update_revision: "new".to_owned(),
        settled: true,
        ..StatefulSet::default()
    });
    let config = Config {
        version: 7,
        members: (0..4)
            .map(|it| listed(it, if it < 3 { Suffrage::Voter } else { Suffrage::Learner }))
            .collect(),
        ..Config::default()
    };
    for ordinal in 0..4 {
        observed.pods.push(Pod {
            ordinal,
            name: format!("zk-{ordinal}"),
            uid: format!("pod-{ordinal}"),
            revision: "old".to_owned(),
            ready: true,
            ..Pod::default()
        });
        observed.members.push(Member {
            ordinal,
            server_id: ordinal + 1,
            member_id: id(ordinal),
            ensemble_id: Some("abc".to_owned()),
            data_state: DataState::Member,
            role: if ordinal == 0 { Role::Leader } else { Role::Follower },
            term: 2,
            leader_id: Some(id(0)),
            leader_contact_ms: Some(1),
            config: config.clone(),
            ready: true,
            ..Member::default()
        });
    }
    let peer = |it| Peer { member_id: id(it), connected: true, ..Peer::default() };
    observed.members[0].peers = (1..4).map(peer).collect();
    observed
}

/// Three blank members and no record.
fn blank() -> Observed {
    let mut observed = sound();
    observed.pods.truncate(3);
    observed.members.truncate(3);
    for member in &mut observed.members {
        member.ensemble_id = None;
        member.data_state = DataState::Blank;
        member.role = Role::Blank;
        member.leader_id = None;
        member.config = Config::default();
    }
    if let Some(set) = &mut observed.stateful_set {
        set.replicas = 3;
    }
    observed
}

fn formation() -> Formation {
    let observed = blank();
    let names = Names::of(&observed.ensemble, "");
    let members = formation::blanks(&observed, &names, 3).expect("all are blank");
    Formation { ensemble_id: "abc".to_owned(), seed: id(0), members }
}

fn verdict(observed: &Observed, action: &Action) -> Result<(), Broken> {
    let names = Names::of(&observed.ensemble, "");
    check(observed, &names, &View::of(observed), action)
}

/// The action is fine, and is not after this change, for this reason alone.
fn refuses(
    mut observed: Observed,
    action: &Action,
    change: impl FnOnce(&mut Observed),
    why: &Broken,
) {
    assert_eq!(verdict(&observed, action), Ok(()), "before {why:?}");
    change(&mut observed);
    assert_eq!(verdict(&observed, action).as_ref(), Err(why));
}

fn voters(voters: &[i32]) -> Action {
    let voters = voters.iter().map(|it| id(*it)).collect();
    Action::ChangeVoters { leader: 0, ensemble_id: "abc".to_owned(), expected: 7, voters }
}

fn learners() -> Action {
    let members = vec![NewMember::default()];
    Action::AddLearners { leader: 0, ensemble_id: "abc".to_owned(), expected: 7, members }
}

fn restart(ordinal: i32) -> Action {
    let (name, uid) = (format!("zk-{ordinal}"), format!("pod-{ordinal}"));
    let (resource_version, cause) = (String::new(), Cause::Outdated);
    Action::DeletePod { name, uid, resource_version, cause }
}

fn turn(ordinal: i32) -> Action {
    let (name, uid) = (format!("zk-{ordinal}"), format!("pod-{ordinal}"));
    Action::GiveTurn { name, uid, resource_version: String::new() }
}

fn hand_over() -> Action {
    Action::TransferLeader { leader: 0, ensemble_id: "abc".to_owned(), target: id(1) }
}

fn lower() -> Action {
    let (name, uid) = ("zk".to_owned(), "set".to_owned());
    Action::LowerReplicas { name, uid, resource_version: "5".to_owned(), replicas: 4 }
}

#[test]
fn nothing_is_done_while_paused_or_going() {
    refuses(sound(), &learners(), |it| it.ensemble.spec.paused = true, &Broken::Paused);
    let going = |it: &mut Observed| {
        let now = k8s_openapi::jiff::Timestamp::UNIX_EPOCH;
        let now = k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(now);
        it.ensemble.metadata.deletion_timestamp = Some(now);
    };
    refuses(sound(), &learners(), going, &Broken::EnsembleGoing);
}

#[test]
fn the_membership_is_left_alone_while_a_pod_has_the_turn() {
    refuses(sound(), &learners(), |it| it.pods[1].turn = true, &Broken::TurnHeld);
}

#[test]
fn a_formation_is_recorded_once_and_only_of_blank_disks_of_an_odd_number() {
    let formation = formation();
    let record = Action::CreateFormation { name: "zk".to_owned(), formation: formation.clone() };
    let recorded = |it: &mut Observed| it.formation = Some(Formation::default());
    refuses(blank(), &record, recorded, &Broken::AlreadyRecorded);
    let known = |it: &mut Observed| it.members[2].ensemble_id = Some("other".to_owned());
    refuses(blank(), &record, known, &Broken::EnsembleKnown);
    let even = |it: &mut Observed| it.stateful_set.as_mut().expect("a set").replicas = 2;
    refuses(blank(), &record, even, &Broken::EvenFormation);
    let silent = |it: &mut Observed| drop(it.members.pop());
    refuses(blank(), &record, silent, &Broken::NotBlank);
}

#[test]
fn only_what_was_recorded_is_formed_and_only_by_its_blank_seed() {
    let form = Action::Form { ordinal: 0, formation: formation() };
    let recorded = || {
        let mut observed = Observed { formation: Some(formation()), ..blank() };
        let mark = Some(Seen { ensemble_id: "abc".to_owned(), version: 0 });
        observed.stateful_set.as_mut().expect("a set").configuration = mark;
        observed
    };
    let other = |it: &mut Observed| it.formation = Some(Formation::default());
    refuses(recorded(), &form, other, &Broken::NotRecorded);
    let known = |it: &mut Observed| it.members[2].ensemble_id = Some("other".to_owned());
    refuses(recorded(), &form, known, &Broken::EnsembleKnown);
    let lost = |it: &mut Observed| it.members[0].member_id = "new".to_owned();
    refuses(recorded(), &form, lost, &Broken::NotTheSeed);
    let used = |it: &mut Observed| it.members[0].data_state = DataState::Member;
    refuses(recorded(), &form, used, &Broken::NotTheSeed);
    let lowered = |it: &mut Observed| it.stateful_set.as_mut().expect("a set").replicas = 2;
    refuses(recorded(), &form, lowered, &Broken::PodsNotSure);
    let unmarked =
        |it: &mut Observed| it.stateful_set.as_mut().expect("a set").configuration = None;
    refuses(recorded(), &form, unmarked, &Broken::PodsNotSure);
}

#[test]
fn a_membership_changes_only_under_a_leader_and_from_what_was_decided_on() {
    let silent = |it: &mut Observed| it.members.clear();
    refuses(sound(), &learners(), silent, &Broken::NoLeader);
    let joint = |it: &mut Observed| it.members[0].config.joint = true;
    refuses(sound(), &learners(), joint, &Broken::ChangeUnderWay);
    let pending = |it: &mut Observed| it.members[0].config.pending = true;
    refuses(sound(), &learners(), pending, &Broken::ChangeUnderWay);
    let newer = |it: &mut Observed| it.members[0].config.version = 8;
    refuses(sound(), &learners(), newer, &Broken::OtherConfiguration);
}

#[test]
fn a_voter_is_not_removed_as_a_learner() {
    let remove = |ordinal| Action::RemoveLearners {
        leader: 0,
        ensemble_id: "abc".to_owned(),
        expected: 7,
        members: vec![id(ordinal)],
    };
    assert_eq!(verdict(&sound(), &remove(3)), Ok(()));
    assert_eq!(verdict(&sound(), &remove(2)), Err(Broken::VoterIsNoLearner));
}

#[test]
fn voters_are_odd_distinct_members_with_the_leader_and_a_quorum_that_has_caught_up() {
    assert_eq!(verdict(&sound(), &voters(&[0, 1, 3])), Ok(()));
    assert_eq!(verdict(&sound(), &voters(&[0, 1, 1])), Err(Broken::VoterTwice));
    assert_eq!(verdict(&sound(), &voters(&[0, 1])), Err(Broken::EvenVoters));
    assert_eq!(verdict(&sound(), &voters(&[1, 2, 3])), Err(Broken::LeaderNoVoter));
    assert_eq!(verdict(&sound(), &voters(&[0, 1, 9])), Err(Broken::VoterNoMember));
    let behind = |it: &mut Observed| it.members[0].peers.iter_mut().for_each(|it| it.lag = 101);
    refuses(sound(), &voters(&[0, 1, 3]), behind, &Broken::NewQuorumBehind);
}

#[test]
fn only_a_voter_that_has_caught_up_is_handed_leadership() {
    let behind = |it: &mut Observed| it.members[0].peers[0].lag = 101;
    refuses(sound(), &hand_over(), behind, &Broken::TargetUnfit);
    let gone = |it: &mut Observed| it.members[0].peers[0].connected = false;
    refuses(sound(), &hand_over(), gone, &Broken::TargetUnfit);
    let learner = |it: &mut Observed| it.members[0].config.members[1].suffrage = Suffrage::Learner;
    refuses(sound(), &hand_over(), learner, &Broken::TargetUnfit);
}

#[test]
fn a_statefulset_is_lowered_only_as_it_was_seen_and_below_no_member() {
    let other = |it: &mut Observed| it.stateful_set.as_mut().expect("a set").uid.clear();
    refuses(sound(), &lower(), other, &Broken::OtherStatefulSet);
    let newer =
        |it: &mut Observed| it.stateful_set.as_mut().expect("a set").resource_version.clear();
    refuses(sound(), &lower(), newer, &Broken::OtherStatefulSet);
    let old = |it: &mut Observed| it.ensemble.metadata.generation = Some(2);
    refuses(sound(), &lower(), old, &Broken::OtherStatefulSet);
    refuses(sound(), &lower(), |it| it.members.clear(), &Broken::NotSettled);
    let joint = |it: &mut Observed| it.members[0].config.joint = true;
    refuses(sound(), &lower(), joint, &Broken::NotSettled);
    let reaches = |it: &mut Observed| it.members[0].config.members[3].server_id = 5;
    refuses(sound(), &lower(), reaches, &Broken::PodIsMember);
    let wanted = |it: &mut Observed| it.ensemble.spec.replicas = 5;
    refuses(sound(), &lower(), wanted, &Broken::PodIsWanted);
}

#[test]
fn without_a_leader_pods_go_only_while_there_is_no_sign_of_any_ensemble() {
    let too_many = || {
        let mut observed = blank();
        observed.stateful_set.as_mut().expect("a set").replicas = 5;
        observed.members.truncate(1);
        observed.pods.iter_mut().for_each(|pod| pod.ready = false);
        observed
    };
    let (name, uid) = ("zk".to_owned(), "set".to_owned());
    let lower = Action::LowerReplicas { name, uid, resource_version: "5".to_owned(), replicas: 3 };
    let recorded = |it: &mut Observed| it.formation = Some(formation());
    refuses(too_many(), &lower, recorded, &Broken::NotSettled);
    let marked = |it: &mut Observed| {
        it.stateful_set.as_mut().expect("a set").configuration = Some(Seen::default());
    };
    refuses(too_many(), &lower, marked, &Broken::NotSettled);
    let told = |it: &mut Observed| {
        let ensemble_id = Some("abc".to_owned());
        it.ensemble.status = Some(EnsembleStatus { ensemble_id, ..EnsembleStatus::default() });
    };
    refuses(too_many(), &lower, told, &Broken::NotSettled);
    let known = |it: &mut Observed| it.members[0].ensemble_id = Some("other".to_owned());
    refuses(too_many(), &lower, known, &Broken::NotSettled);
    let newer = |it: &mut Observed| it.members[0].format = 9;
    refuses(too_many(), &lower, newer, &Broken::NotSettled);
    let serves = |it: &mut Observed| it.pods[2].ready = true;
    refuses(too_many(), &lower, serves, &Broken::NotSettled);
    let newer = |it: &mut Observed| {
        it.stateful_set.as_mut().expect("a set").resource_version.clear();
    };
    refuses(too_many(), &lower, newer, &Broken::OtherStatefulSet);
}

#[test]
fn one_outdated_pod_goes_at_a_time_and_only_in_its_turn() {
    let with_turn = || {
        let mut observed = sound();
        observed.pods[2].turn = true;
        observed
    };
    refuses(with_turn(), &restart(2), |it| drop(it.pods.remove(2)), &Broken::PodGone);
    let made = |it: &mut Observed| it.pods[2].revision = "new".to_owned();
    refuses(with_turn(), &restart(2), made, &Broken::PodAsWanted);
    refuses(with_turn(), &restart(2), |it| it.pods[3].deleting = true, &Broken::OtherPodGoing);
    refuses(with_turn(), &restart(2), |it| it.pods[3].turn = true, &Broken::OtherPodsTurn);
    refuses(with_turn(), &restart(2), |it| it.pods[2].turn = false, &Broken::NotItsTurn);
    refuses(sound(), &turn(2), |it| it.pods[3].turn = true, &Broken::OtherPodsTurn);
}

#[test]
fn a_member_that_serves_goes_only_if_the_others_are_a_quorum() {
    let silent = |it: &mut Observed| drop(it.members.remove(1));
    refuses(sound(), &turn(2), silent, &Broken::QuorumNeedsIt);
    let joint = |it: &mut Observed| it.members[0].config.joint = true;
    refuses(sound(), &turn(2), joint, &Broken::NotSettled);
    let leaderless = |it: &mut Observed| it.members.truncate(1);
    refuses(sound(), &turn(2), leaderless, &Broken::NotSettled);
    // One that its kubelet calls unready, and that says that it serves clients, does.
    let half = |it: &mut Observed| {
        it.pods[2].ready = false;
        drop(it.members.remove(1));
    };
    refuses(sound(), &turn(2), half, &Broken::QuorumNeedsIt);
    let mut broken = sound();
    broken.pods[2].ready = false;
    broken.members.drain(1..3);
    assert_eq!(verdict(&broken, &turn(2)), Err(Broken::MayComeBack), "it may be starting");
    broken.pods[2].trouble = Some("CrashLoopBackOff".to_owned());
    assert_eq!(verdict(&broken, &turn(2)), Ok(()), "what cannot run is no loss");
}
