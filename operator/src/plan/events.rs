//! What changed between two reports, as Kubernetes events say it. Equal reports say nothing.

use std::fmt;

use quorate_crds::EnsembleStatus;
use quorate_crds::conditions::{ConditionReason, ConditionType};
use quorate_crds::status::Operation;
use serde::{Serialize, Serializer};

/// What a Kubernetes event is about, in one word.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum EventReason {
    EnsembleFormed,
    LeaderElected,
    QuorumRestored,
    QuorumLost,
    OperatorCannotReachMembers,
    LeaderChanged,
    VotersChanged,
    Started(Operation),
    Completed(Operation),
    OperationBlocked,
    ReconcileFailed,
    Adopted,
}

impl fmt::Display for EventReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            EventReason::EnsembleFormed => f.write_str("EnsembleFormed"),
            EventReason::LeaderElected => f.write_str("LeaderElected"),
            EventReason::QuorumRestored => f.write_str("QuorumRestored"),
            EventReason::QuorumLost => f.write_str("QuorumLost"),
            EventReason::OperatorCannotReachMembers => f.write_str("OperatorCannotReachMembers"),
            EventReason::LeaderChanged => f.write_str("LeaderChanged"),
            EventReason::VotersChanged => f.write_str("VotersChanged"),
            EventReason::Started(operation) => write!(f, "{operation}Started"),
            EventReason::Completed(operation) => write!(f, "{operation}Completed"),
            EventReason::OperationBlocked => f.write_str("OperationBlocked"),
            EventReason::ReconcileFailed => f.write_str("ReconcileFailed"),
            EventReason::Adopted => f.write_str("Adopted"),
        }
    }
}

impl Serialize for EventReason {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

/// Something that changed, as a Kubernetes event says it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Notice {
    /// Whether somebody should look.
    pub warning: bool,
    /// In one word.
    pub reason: EventReason,
    /// In one sentence.
    pub note: String,
}

/// The transitions from the last report to this one.
pub fn of(before: Option<&EnsembleStatus>, after: &EnsembleStatus) -> Vec<Notice> {
    let mut notices = Vec::new();
    let Some(before) = before else {
        return notices;
    };
    let mut say = |warning: bool, reason: EventReason, note: String| {
        notices.push(Notice { warning, reason, note });
    };
    let quorum = ConditionType::QuorumAvailable;
    let message = || after.condition(&quorum).map(|it| it.message.clone()).unwrap_or_default();
    match (&before.ensemble_id, &after.ensemble_id) {
        (None, Some(id)) => {
            say(false, EventReason::EnsembleFormed, format!("formed the ensemble {id}"));
        }
        // The first leader tells the ensemble's version, which is reported ever after. Before there
        // was one, nothing was lost.
        _ if before.ensemble_version.is_none() && after.ensemble_version.is_some() => {
            say(false, EventReason::LeaderElected, message());
        }
        // What could not be seen was not lost.
        _ if !before.holds(&quorum) && !before.unseen() && after.holds(&quorum) => {
            say(false, EventReason::QuorumRestored, message());
        }
        _ => {}
    }
    if after.cut_off() {
        if !before.cut_off() {
            say(true, EventReason::OperatorCannotReachMembers, message());
        }
    } else if !after.holds(&quorum) && !after.unseen() && (before.holds(&quorum) || before.unseen())
    {
        say(true, EventReason::QuorumLost, message());
    }
    if let (Some(old), Some(new)) = (&before.leader, &after.leader)
        && old.member_id != new.member_id
    {
        let note = format!("{} leads after {}", new.member, old.member);
        say(false, EventReason::LeaderChanged, note);
    }
    if let (Some(old), Some(new)) = (&before.quorum, &after.quorum)
        && old.voters != new.voters
    {
        let note = format!("{} voters after {}", new.voters, old.voters);
        say(false, EventReason::VotersChanged, note);
    }
    operation(before, after, &mut say);
    if let Some(why) = failed(after).filter(|why| failed(before).as_ref() != Some(why)) {
        say(true, EventReason::ReconcileFailed, why);
    }
    notices
}

/// What was refused, or could not be seen, again and again.
fn failed(status: &EnsembleStatus) -> Option<String> {
    let stalled = status.condition(&ConditionType::Stalled)?;
    let failed = stalled.reason == ConditionReason::ReconcileFailed.to_string();
    failed.then(|| stalled.message.clone())
}

fn operation(
    before: &EnsembleStatus,
    after: &EnsembleStatus,
    say: &mut impl FnMut(bool, EventReason, String),
) {
    let kind = |status: &EnsembleStatus| status.operation.as_ref().map(|it| it.kind.clone());
    let (old, new) = (kind(before), kind(after));
    if old != new {
        // Giving way to another operation, or to the loss of the quorum, is no end. Neither is that
        // a newer operator's operation is one that this one does not know.
        let led = after.holds(&ConditionType::QuorumAvailable);
        if let (Some(old), None, true) = (old.filter(Operation::is_known), &new, led) {
            let note = format!("{old} is over");
            say(false, EventReason::Completed(old), note);
        }
        if let Some(new) = new {
            let step = after.operation.as_ref().map(|it| it.step.clone()).unwrap_or_default();
            say(false, EventReason::Started(new), step);
        }
    }
    let blocked = |status: &EnsembleStatus| {
        status.operation.as_ref().and_then(|operation| operation.blocked_by.clone())
    };
    if let Some(why) = blocked(after)
        && blocked(before).is_none()
    {
        say(true, EventReason::OperationBlocked, why);
    }
}
