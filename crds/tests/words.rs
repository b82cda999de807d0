//! Words of newer programs are kept; those that are known are never spelled otherwise.

use quorate_crds::EnsembleStatus;
use quorate_crds::conditions::ConditionType;
use quorate_crds::status::{Operation, Role};
use serde_json::json;

#[test]
fn words_that_others_read_stay_as_they_are() {
    let words = |known: Vec<String>| known.join(" ");
    assert_eq!(
        words(Role::KNOWN.iter().map(ToString::to_string).collect()),
        "Leader Follower Candidate Learner Observer Blank Removed Elsewhere"
    );
    assert_eq!(
        words(Operation::KNOWN.iter().map(ToString::to_string).collect()),
        "Create ScaleUp ScaleDown Replace Rollout RaiseVersion"
    );
    assert_eq!(
        words(ConditionType::KNOWN.iter().map(ToString::to_string).collect()),
        "Ready QuorumAvailable MembershipConverged ConfigurationInSync Reconciling Stalled Paused"
    );
    for role in Role::KNOWN {
        assert_eq!(Role::from(role.as_str()), *role);
    }
}

#[test]
fn a_report_of_a_newer_operator_is_read_and_its_words_are_kept() {
    let newer = json!({
        "members": [{ "name": "zk-0", "role": "Witness" }],
        "operation": { "type": "Defragment", "step": "zk-0", "since": "today" },
        "mood": "good",
    });
    let status: EnsembleStatus = serde_json::from_value(newer).expect("it is read");
    let operation = status.operation.expect("an operation");
    assert_eq!(operation.kind, Operation::Unknown("Defragment".to_owned()));
    assert!(!operation.kind.is_known());
    assert_eq!(status.members[0].role, Role::Unknown("Witness".to_owned()));
    let again = serde_json::to_value(&operation).expect("it is written");
    assert_eq!(again["type"], "Defragment");
}
