//! What an action would break, if it were carried out.

use std::fmt;

use super::member::Strange;
use super::trouble::PodTrouble;

/// What an action would break.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum Broken {
    Paused,
    EnsembleGoing,
    TurnHeld,
    AlreadyRecorded,
    EnsembleKnown,
    EvenFormation,
    NotBlank,
    NotRecorded,
    NotTheSeed,
    PodsNotSure,
    NoLeader,
    ChangeUnderWay,
    OtherConfiguration,
    VoterIsNoLearner,
    VoterTwice,
    EvenVoters,
    LeaderNoVoter,
    VoterNoMember,
    NewQuorumBehind,
    TargetUnfit,
    VersionUnknown,
    NotStable,
    NotSettled,
    OtherStatefulSet,
    PodIsWanted,
    PodIsMember,
    PodGone,
    PodAsWanted,
    OtherPodGoing,
    OtherPodsTurn,
    NotItsTurn,
    ClaimNeeded,
    MayComeBack,
    QuorumNeedsIt,
    MemberNotUnderstood(PodTrouble),
    VoteNotUnderstood(Strange),
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Broken::Paused => "nothing is done while paused",
            Broken::EnsembleGoing => "the ensemble is being deleted",
            Broken::TurnHeld => "a pod has the turn to be restarted",
            Broken::AlreadyRecorded => "the formation is recorded already",
            Broken::EnsembleKnown => "a member knows an ensemble already",
            Broken::EvenFormation => "an even number of members is not formed",
            Broken::NotBlank => "not every member is blank",
            Broken::NotRecorded => "only what was recorded is formed",
            Broken::NotTheSeed => "only the recorded seed forms, and only while it is blank",
            Broken::PodsNotSure => "what is formed has a pod for each that no late request removes",
            Broken::NoLeader => "there is no leader",
            Broken::ChangeUnderWay => "another change of the membership is under way",
            Broken::OtherConfiguration => "the configuration has changed since",
            Broken::VoterIsNoLearner => "a voter is not removed as a learner",
            Broken::VoterTwice => "a voter is named twice",
            Broken::EvenVoters => "an even number of voters is never settled on",
            Broken::LeaderNoVoter => "the leader is a voter before and after",
            Broken::VoterNoMember => "only members become voters",
            Broken::NewQuorumBehind => "the new voters would have no quorum",
            Broken::TargetUnfit => "only a voter that has caught up is handed leadership",
            Broken::VersionUnknown => "not every member knows that version",
            Broken::NotStable => "not every member serves and runs what is wanted",
            Broken::NotSettled => "the membership is not settled",
            Broken::OtherStatefulSet => "another StatefulSet was meant",
            Broken::PodIsWanted => "a pod is not removed while it is wanted",
            Broken::PodIsMember => "a pod is not removed while it is a member",
            Broken::PodGone => "that pod is gone",
            Broken::PodAsWanted => "a pod that is as wanted is not restarted",
            Broken::OtherPodGoing => "another pod is being restarted",
            Broken::OtherPodsTurn => "it is another pod's turn",
            Broken::NotItsTurn => "it is not this pod's turn",
            Broken::ClaimNeeded => "a claim that may be needed is not deleted",
            Broken::MayComeBack => "a member that may come back by itself is not replaced",
            Broken::QuorumNeedsIt => "the quorum needs this member",
            Broken::MemberNotUnderstood(trouble) => return write!(f, "{trouble}"),
            Broken::VoteNotUnderstood(strange) => return write!(f, "{strange}"),
        })
    }
}
