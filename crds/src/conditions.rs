//! What the operator's conditions are called, and why they are as they are.

use std::fmt;

use crate::status::Operation;

crate::words! {
    /// The type of a condition: what it is about.
    pub enum ConditionType {
        /// The summary: a quorum serves, and so does every wanted member.
        Ready = "Ready",
        /// A leader is known to a quorum.
        QuorumAvailable = "QuorumAvailable",
        /// The committed voters are the wanted members.
        MembershipConverged = "MembershipConverged",
        /// Every member runs the wanted image and configuration.
        ConfigurationInSync = "ConfigurationInSync",
        /// An operation is under way, and goes on by itself. So kstatus calls it, and whoever reads by it.
        Reconciling = "Reconciling",
        /// Something is in the way that may need a person. So kstatus calls it, and whoever reads by it.
        Stalled = "Stalled",
        /// The spec says paused.
        Paused = "Paused",
    }
}

/// Why a condition is as it is, in one word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConditionReason {
    /// Every wanted member serves.
    EnsembleServing,
    /// Something has to be done before the operator can go on.
    Blocked,
    /// The ensemble is being formed.
    Forming,
    /// No quorum follows a leader.
    NoQuorum,
    /// A quorum serves, and a wanted member does not.
    MembersNotReady,
    /// A quorum follows a leader.
    LeaderElected,
    /// Members that Kubernetes finds ready do not answer the operator.
    OperatorCannotReachMembers,
    /// No member answers, so nobody can tell.
    MembersSilent,
    /// No member leads, so nobody can tell, or nobody serves.
    NoLeader,
    /// The voters are the wanted ones.
    Converged,
    /// The voters are not the wanted ones, and no operation says why.
    Changing,
    /// This operation is under way.
    Operation(Operation),
    /// The StatefulSet is not as the spec says yet.
    NotApplied,
    /// Volumes have another size than the spec says.
    StorageSizeDiffers,
    /// Every member runs what is wanted.
    UpToDate,
    /// Members are being restarted, and it cannot go on.
    RolloutBlocked,
    /// Members are being restarted, or are to be.
    RollingOut,
    /// Nothing is under way.
    Idle,
    /// Nothing is in the way.
    NothingInTheWay,
    /// What was to be changed was refused, or failed, again and again.
    ReconcileFailed,
    /// What there is could not be read, again and again.
    NotObserved,
    /// The user wants it so.
    UserRequested,
    /// The user does not want it so.
    NotPaused,
}

impl fmt::Display for ConditionReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ConditionReason::EnsembleServing => "EnsembleServing",
            ConditionReason::Blocked => "Blocked",
            ConditionReason::Forming => "Forming",
            ConditionReason::NoQuorum => "NoQuorum",
            ConditionReason::MembersNotReady => "MembersNotReady",
            ConditionReason::LeaderElected => "LeaderElected",
            ConditionReason::OperatorCannotReachMembers => "OperatorCannotReachMembers",
            ConditionReason::MembersSilent => "MembersSilent",
            ConditionReason::NoLeader => "NoLeader",
            ConditionReason::Converged => "Converged",
            ConditionReason::Changing => "Changing",
            ConditionReason::Operation(operation) => operation.as_str(),
            ConditionReason::NotApplied => "NotApplied",
            ConditionReason::StorageSizeDiffers => "StorageSizeDiffers",
            ConditionReason::UpToDate => "UpToDate",
            ConditionReason::RolloutBlocked => "RolloutBlocked",
            ConditionReason::RollingOut => "RollingOut",
            ConditionReason::Idle => "Idle",
            ConditionReason::NothingInTheWay => "NothingInTheWay",
            ConditionReason::ReconcileFailed => "ReconcileFailed",
            ConditionReason::NotObserved => "NotObserved",
            ConditionReason::UserRequested => "UserRequested",
            ConditionReason::NotPaused => "NotPaused",
        })
    }
}
