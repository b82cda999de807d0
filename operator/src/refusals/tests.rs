use quorate_crds::status::{Operation, OperationStatus};
use quorate_crds::{CoordinationEnsemble, CoordinationEnsembleSpec};
use serde_json::json;

use super::*;
use crate::plan::action::Cause;

fn names() -> Names {
    Names::of(&CoordinationEnsemble::new("zk", CoordinationEnsembleSpec::default()), "")
}

fn key(kind: Kind, name: &str) -> ObjectKey {
    ObjectKey { kind, name: name.to_owned() }
}

fn refusal(about: &str) -> Refusal {
    let why = format!("cannot apply {about}: forbidden");
    Refusal { step: "ApplyObject", about: about.to_owned(), why }
}

/// After this object was refused by the API server.
fn without(kind: Kind, name: &str) -> Refusals {
    let mut refusals = Refusals::none(&names());
    refusals.object(&object(kind, name), Reach::Dependents, refusal(name));
    refusals
}

/// One that is not there yet.
fn object(kind: Kind, name: &str) -> Object {
    Object::new(&names(), kind, name, json!({}))
}

fn deletion() -> Action {
    let text = |it: &str| it.to_owned();
    let (name, uid, resource_version) = (text("zk-2"), text("u"), text("7"));
    Action::DeletePod { name, uid, resource_version, cause: Cause::NotServing }
}

fn learners() -> Action {
    let (leader, ensemble_id, expected) = (0, "e1".to_owned(), 7);
    Action::AddLearners { leader, ensemble_id, expected, members: Vec::new() }
}

#[test]
fn a_part_that_is_refused_holds_up_only_what_depends_on_it() {
    let set = key(Kind::StatefulSet, "zk");
    let budget = key(Kind::PodDisruptionBudget, "zk");
    for (kind, name) in [(Kind::NetworkPolicy, "zk"), (Kind::Service, "zk")] {
        let mut refusals = without(kind, name);
        assert!(refusals.lets_apply(&set) && refusals.lets_act(&deletion()), "{kind}");
    }
    let needed = [
        (Kind::ConfigMap, "zk-config-1"),
        (Kind::ServiceAccount, "zk"),
        (Kind::Service, "zk-peer"),
    ];
    for (kind, name) in needed {
        let mut refusals = without(kind, name);
        assert!(!refusals.lets_apply(&set), "{kind}");
        assert!(refusals.lets_apply(&budget), "{kind}");
        assert!(!refusals.lets_act(&deletion()), "{kind}: no pod could take its place");
        assert!(refusals.lets_act(&learners()), "{kind}: a lost disk is replaced all the same");
    }
    let mut refusals = without(Kind::PodDisruptionBudget, "zk");
    assert!(refusals.lets_apply(&set), "pods are made without a budget");
    assert!(!refusals.lets_act(&deletion()), "and not taken away");
    let mut refusals = Refusals::none(&names());
    let mut there = object(Kind::ConfigMap, "zk-config-1");
    there.uid = Some("u".to_owned());
    refusals.object(&there, Reach::Dependents, refusal("zk-config-1"));
    assert!(refusals.lets_apply(&set) && refusals.lets_act(&deletion()), "it serves as it is");
    let mut refusals = Refusals::none(&names());
    let token = Action::CreateToken { name: "zk-admin".to_owned() };
    refusals.action(&token, Reach::Dependents, refusal("zk-admin"));
    assert!(!refusals.lets_act(&deletion()) && refusals.lets_act(&learners()));
}

#[test]
fn nothing_more_is_done_on_a_view_that_is_out_of_date() {
    let mut refusals = Refusals::none(&names());
    refusals.action(&learners(), Reach::Everything, refusal("zk-0"));
    assert!(!refusals.lets_act(&deletion()) && !refusals.lets_act(&learners()));
    assert!(!refusals.lets_apply(&key(Kind::Service, "zk")));
}

#[test]
fn what_comes_again_is_told_and_what_passes_is_not() {
    let mut before = Before::default();
    let policy = without(Kind::NetworkPolicy, "zk");
    assert_eq!(before.tell(&policy), []);
    assert_eq!(before.tell(&policy), [refusal("zk")]);
    assert_eq!(before.tell(&Refusals::none(&names())), []);
    assert_eq!(before.tell(&policy), [], "it was gone in between");
}

#[test]
fn what_was_not_reached_is_not_forgotten() {
    let mut before = Before::default();
    let policy = without(Kind::NetworkPolicy, "zk");
    before.tell(&policy);
    let mut stale = Refusals::none(&names());
    stale.object(&object(Kind::ConfigMap, "c"), Reach::Everything, refusal("c"));
    assert_eq!(before.tell(&stale), []);
    assert_eq!(before.tell(&policy), [refusal("zk")]);
}

fn at(now: i64, before: Option<&EnsembleStatus>) -> Stated<'_> {
    Stated { before, generation: Some(3), now }
}

fn said(status: &EnsembleStatus, of: &ConditionType) -> String {
    let it = status.condition(of).expect("a condition");
    format!("{} {}: {}", it.status, it.reason, it.message)
}

#[test]
fn a_refusal_is_a_stall_with_its_reason_for_whoever_reads_the_resource() {
    let refusals = without(Kind::NetworkPolicy, "zk");
    let told = [refusal("zk")];
    let rollout = OperationStatus { kind: Operation::Rollout, ..OperationStatus::default() };
    let plain = EnsembleStatus { operation: Some(rollout), ..EnsembleStatus::default() };
    assert_eq!(refusals.reported(plain.clone(), &at(5, None), &[]), plain, "not told yet");
    let status = refusals.reported(plain.clone(), &at(5, None), &told);
    let text = "cannot apply zk: forbidden";
    assert_eq!(said(&status, &ConditionType::Stalled), format!("True ReconcileFailed: {text}"));
    let reconciling = said(&status, &ConditionType::Reconciling);
    assert_eq!(reconciling, format!("False ReconcileFailed: {text}"));
    assert_eq!(status.operation.as_ref().and_then(|it| it.blocked_by.clone()), None);
    let again = refusals.reported(plain.clone(), &at(99, Some(&status)), &told);
    assert_eq!(again.conditions, status.conditions, "since when, it says");

    let mut held = without(Kind::ConfigMap, "zk");
    held.lets_act(&deletion());
    let status = held.reported(plain, &at(5, None), &told);
    let blocked = status.operation.and_then(|it| it.blocked_by);
    assert_eq!(blocked.as_deref(), Some(text), "the restart waits for it");
}

#[test]
fn a_refusal_is_told_beside_what_is_in_the_way_already() {
    let mut plain = EnsembleStatus::default();
    let reason = ConditionReason::Blocked;
    set(&mut plain, at(5, None).condition(&ConditionType::Stalled, "True", &reason, "no disk"));
    let refusals = without(Kind::NetworkPolicy, "zk");
    let status = refusals.reported(plain, &at(5, None), &[refusal("zk")]);
    let expected = "True ReconcileFailed: no disk; cannot apply zk: forbidden";
    assert_eq!(said(&status, &ConditionType::Stalled), expected);
}

#[test]
fn what_cannot_be_seen_is_not_said_to_be_so_nor_to_be_lost() {
    let status = blind(EnsembleStatus::default(), &at(5, None), &[refusal("zk")]);
    let unseen = "Unknown NotObserved: cannot apply zk: forbidden";
    for of in [ConditionType::Ready, ConditionType::QuorumAvailable] {
        assert_eq!(said(&status, &of), unseen);
    }
    assert!(status.holds(&ConditionType::Stalled) && status.unseen());
    assert!(status.condition(&ConditionType::Paused).is_none());
}
