//! Events are transitions: what changed between two reports is told once.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use k8s_openapi::jiff::Timestamp;
use quorate_crds::EnsembleStatus;
use quorate_crds::conditions::{ConditionReason, ConditionType};
use quorate_crds::status::{LeaderStatus, Operation, OperationStatus, QuorumStatus};
use quorate_operator::plan::events;

/// A report of three voters that zk-0 leads.
fn healthy() -> EnsembleStatus {
    let mut status = EnsembleStatus {
        ensemble_id: Some("e1".to_owned()),
        leader: Some(LeaderStatus {
            member: "zk-0".to_owned(),
            member_id: "m0".to_owned(),
            term: 4,
        }),
        quorum: Some(QuorumStatus { voters: 3, required: 2, healthy: 3, tolerance: 1 }),
        ..EnsembleStatus::default()
    };
    quorum(&mut status, "True", "zk-0 leads");
    status
}

fn quorum(status: &mut EnsembleStatus, is: &str, message: &str) {
    status.conditions = vec![Condition {
        type_: "QuorumAvailable".to_owned(),
        status: is.to_owned(),
        reason: "Reason".to_owned(),
        message: message.to_owned(),
        observed_generation: None,
        last_transition_time: Time(Timestamp::UNIX_EPOCH),
    }];
}

fn operation(kind: Operation, blocked_by: Option<&str>) -> Option<OperationStatus> {
    Some(OperationStatus {
        kind,
        step: "a step".to_owned(),
        since: None,
        blocked_by: blocked_by.map(str::to_owned),
    })
}

/// The events of a change, as `reason: note`, warnings with an exclamation mark.
fn told(before: &EnsembleStatus, after: &EnsembleStatus) -> Vec<String> {
    let text = |it: quorate_operator::plan::events::Notice| {
        let mark = if it.warning { "!" } else { "" };
        format!("{mark}{}: {}", it.reason, it.note)
    };
    let notices = events::of(Some(before), after);
    notices.into_iter().map(text).collect()
}

#[test]
fn the_first_report_and_equal_reports_say_nothing() {
    assert!(events::of(None, &healthy()).is_empty());
    assert!(told(&healthy(), &healthy()).is_empty());
}

#[test]
fn a_formation_is_told_once() {
    let before = EnsembleStatus::default();
    assert_eq!(told(&before, &healthy()), ["EnsembleFormed: formed the ensemble e1"]);
}

#[test]
fn the_first_leader_of_an_ensemble_restores_nothing() {
    let mut first = healthy();
    first.ensemble_version = Some(2);
    let mut formed = first.clone();
    quorum(&mut formed, "False", "an election may be under way");
    (formed.leader, formed.quorum, formed.ensemble_version) = (None, None, None);
    assert_eq!(told(&formed, &first), ["LeaderElected: zk-0 leads"]);
    // Whoever leads after that brings back what was lost.
    formed.ensemble_version = Some(2);
    assert_eq!(told(&formed, &first), ["QuorumRestored: zk-0 leads"]);
}

#[test]
fn a_lost_quorum_is_a_warning_and_its_return_is_told() {
    let mut lost = healthy();
    quorum(&mut lost, "False", "zk-1 does not answer");
    (lost.leader, lost.quorum) = (None, None);
    assert_eq!(told(&healthy(), &lost), ["!QuorumLost: zk-1 does not answer"]);
    assert_eq!(told(&lost, &healthy()), ["QuorumRestored: zk-0 leads"]);
}

#[test]
fn a_new_leader_and_new_voters_are_told() {
    let mut after = healthy();
    after.leader =
        Some(LeaderStatus { member: "zk-1".to_owned(), member_id: "m1".to_owned(), term: 5 });
    after.quorum = Some(QuorumStatus { voters: 5, required: 3, healthy: 5, tolerance: 2 });
    assert_eq!(
        told(&healthy(), &after),
        ["LeaderChanged: zk-1 leads after zk-0", "VotersChanged: 5 voters after 3"]
    );
}

#[test]
fn a_new_term_of_the_same_leader_is_no_event() {
    let mut after = healthy();
    if let Some(leader) = &mut after.leader {
        leader.term += 1;
    }
    assert!(told(&healthy(), &after).is_empty());
}

#[test]
fn an_operation_is_told_when_it_begins_blocks_and_ends() {
    let (mut begun, mut blocked) = (healthy(), healthy());
    begun.operation = operation(Operation::Rollout, None);
    blocked.operation = operation(Operation::Rollout, Some("zk-2 does not start"));
    assert_eq!(told(&healthy(), &begun), ["RolloutStarted: a step"]);
    assert_eq!(told(&begun, &blocked), ["!OperationBlocked: zk-2 does not start"]);
    assert!(told(&blocked, &blocked).is_empty());
    assert_eq!(told(&blocked, &healthy()), ["RolloutCompleted: Rollout is over"]);
}

#[test]
fn an_operation_that_gives_way_to_another_is_not_said_to_be_over() {
    let (mut roll, mut replace) = (healthy(), healthy());
    roll.operation = operation(Operation::Rollout, None);
    replace.operation = operation(Operation::Replace, None);
    assert_eq!(told(&roll, &replace), ["ReplaceStarted: a step"]);
}

#[test]
fn an_operation_that_a_lost_quorum_ends_is_not_said_to_be_over() {
    let (mut grow, mut lost) = (healthy(), healthy());
    grow.operation = operation(Operation::ScaleUp, None);
    quorum(&mut lost, "Unknown", "nobody answers");
    assert_eq!(told(&grow, &lost), ["!QuorumLost: nobody answers"]);
}

#[test]
fn the_end_of_an_operation_that_only_a_newer_operator_knows_is_not_claimed() {
    let mut newer = healthy();
    newer.operation = operation(Operation::Unknown("Defragment".to_owned()), None);
    assert!(told(&newer, &healthy()).is_empty());
}

/// What could not be seen was not lost, and was not restored either.
#[test]
fn members_that_cannot_be_reached_are_told_as_that() {
    let unseen = || {
        let mut unseen = healthy();
        quorum(&mut unseen, "Unknown", "zk-0 does not answer the operator");
        unseen.conditions[0].reason = "OperatorCannotReachMembers".to_owned();
        unseen
    };
    let warning = "!OperatorCannotReachMembers: zk-0 does not answer the operator";
    assert_eq!(told(&healthy(), &unseen()), [warning]);
    assert!(told(&unseen(), &unseen()).is_empty());
    assert!(told(&unseen(), &healthy()).is_empty());
    let mut lost = healthy();
    quorum(&mut lost, "False", "zk-1 knows no leader");
    assert_eq!(told(&unseen(), &lost), ["!QuorumLost: zk-1 knows no leader"]);
}

#[test]
fn a_refusal_is_an_event_once_for_each_thing_that_it_says() {
    let stalled = |why: &str| {
        let mut status = EnsembleStatus::default();
        let reason = ConditionReason::ReconcileFailed.to_string();
        status.conditions.push(Condition {
            type_: ConditionType::Stalled.to_string(),
            status: "True".to_owned(),
            reason,
            message: why.to_owned(),
            observed_generation: None,
            last_transition_time: Time(Timestamp::UNIX_EPOCH),
        });
        status
    };
    let (well, ill) = (EnsembleStatus::default(), stalled("cannot apply Service/zk"));
    assert_eq!(told(&well, &ill), ["!ReconcileFailed: cannot apply Service/zk"]);
    assert_eq!(told(&ill, &ill), [""; 0]);
    assert_eq!(told(&ill, &well), [""; 0]);
    assert_eq!(told(&ill, &stalled("no token")), ["!ReconcileFailed: no token"]);
}
