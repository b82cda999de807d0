//! What changed between two reports, as Kubernetes events say it. Equal reports say nothing.

use quorate_crds::EnsembleStatus;
use quorate_crds::status::conditions;

use super::action::Notice;
use super::status::holds;

/// The transitions from the last report to this one.
pub fn of(before: Option<&EnsembleStatus>, after: &EnsembleStatus) -> Vec<Notice> {
    let mut notices = Vec::new();
    let Some(before) = before else {
        return notices;
    };
    let mut say = |warning: bool, reason: &str, note: String| {
        notices.push(Notice { warning, reason: reason.to_owned(), note });
    };
    let is = |status: &EnsembleStatus, kind: &str| {
        status.conditions.iter().any(|condition| holds(condition, kind))
    };
    let message = |kind: &str| {
        let found = after.conditions.iter().find(|condition| condition.type_ == kind);
        found.map(|condition| condition.message.clone()).unwrap_or_default()
    };
    match (&before.ensemble_id, &after.ensemble_id) {
        (None, Some(id)) => say(false, "EnsembleFormed", format!("formed the ensemble {id}")),
        _ if !is(before, conditions::QUORUM) && is(after, conditions::QUORUM) => {
            say(false, "QuorumRestored", message(conditions::QUORUM));
        }
        _ => {}
    }
    if is(before, conditions::QUORUM) && !is(after, conditions::QUORUM) {
        say(true, "QuorumLost", message(conditions::QUORUM));
    }
    if let (Some(old), Some(new)) = (&before.leader, &after.leader)
        && old.member_id != new.member_id
    {
        say(false, "LeaderChanged", format!("{} leads after {}", new.member, old.member));
    }
    if let (Some(old), Some(new)) = (&before.quorum, &after.quorum)
        && old.voters != new.voters
    {
        say(false, "VotersChanged", format!("{} voters after {}", new.voters, old.voters));
    }
    operation(before, after, &mut say);
    notices
}

fn operation(
    before: &EnsembleStatus,
    after: &EnsembleStatus,
    say: &mut impl FnMut(bool, &str, String),
) {
    let kind = |status: &EnsembleStatus| status.operation.as_ref().map(|it| it.kind.clone());
    let (old, new) = (kind(before), kind(after));
    if old != new {
        // Giving way to another operation, or to the loss of the quorum, is no end.
        let led = after.conditions.iter().any(|condition| holds(condition, conditions::QUORUM));
        if let (Some(old), None, true) = (old, &new, led) {
            say(false, &format!("{old}Completed"), format!("{old} is over"));
        }
        if let Some(new) = new {
            let step = after.operation.as_ref().map(|it| it.step.clone()).unwrap_or_default();
            say(false, &format!("{new}Started"), step);
        }
    }
    let blocked = |status: &EnsembleStatus| {
        status.operation.as_ref().and_then(|operation| operation.blocked_by.clone())
    };
    if let Some(why) = blocked(after)
        && blocked(before).is_none()
    {
        say(true, "OperationBlocked", why);
    }
}
