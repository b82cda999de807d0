//! The steps of operations: what is done, or waited for, now.

use std::fmt;

/// One step, as the report names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// The first members start.
    StartMembers,
    /// These pods' members have not answered yet.
    AwaitAnswers {
        /// Their names.
        pods: Vec<String>,
    },
    /// The formation is decided, and is being written down.
    RecordFormation,
    /// The seed is told to form the ensemble.
    Form {
        /// The seed's pod.
        pod: String,
    },
    /// New members are to be taken in.
    JoinMembers,
    /// A change of the membership is not committed yet.
    CommitChange,
    /// The StatefulSet is to have more pods.
    AddPods,
    /// These pods' members become learners.
    AddLearners {
        /// Their names.
        pods: Vec<String>,
    },
    /// A learner has not caught up yet.
    AwaitLearner {
        /// Its pod.
        pod: String,
    },
    /// A joint change makes the voters the wanted ones.
    ChangeVoters,
    /// The leader is to leave, so another voter takes over first.
    MoveLeader,
    /// Learners without a place are removed.
    RemoveLearners,
    /// The StatefulSet is to have fewer pods.
    RemovePods,
    /// A member has lost its disk.
    ReplaceDisk,
    /// A pod that serves nobody is replaced.
    ReplacePod {
        /// Its name.
        pod: String,
    },
    /// A pod is restarted.
    Restart {
        /// Its name.
        pod: String,
    },
    /// The only pod is restarted: nobody serves meanwhile.
    RestartOnly {
        /// Its name.
        pod: String,
    },
    /// The leader is to be restarted, so an updated member takes over first.
    HandOver,
    /// All members know a newer version of the ensemble.
    RaiseVersion {
        /// Which one.
        version: i32,
    },
    /// A deleted pod is still there.
    AwaitTermination {
        /// Its name.
        pod: String,
    },
    /// A pod does not exist yet.
    AwaitCreation {
        /// Its name.
        pod: String,
    },
    /// A pod is not ready yet.
    AwaitReady {
        /// Its name.
        pod: String,
    },
    /// A pod has not been ready for long enough.
    AwaitStable {
        /// Its name.
        pod: String,
        /// How long it is to be ready.
        seconds: i64,
    },
    /// No quorum follows a leader.
    AwaitQuorum,
    /// A voter does not serve, or has not caught up.
    AwaitVoters,
    /// The quorum needs every member that serves.
    AwaitSpare,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Step::StartMembers => f.write_str("starting the members"),
            Step::AwaitAnswers { pods } => write!(f, "waiting for {} to answer", pods.join(", ")),
            Step::RecordFormation => f.write_str("recording the formation"),
            Step::Form { pod } => write!(f, "forming the ensemble on {pod}"),
            Step::JoinMembers => f.write_str("joining members"),
            Step::CommitChange => f.write_str("committing the change of the membership"),
            Step::AddPods => f.write_str("adding pods"),
            Step::AddLearners { pods } => write!(f, "adding {} as learner", pods.join(", ")),
            Step::AwaitLearner { pod } => write!(f, "waiting for {pod} to catch up"),
            Step::ChangeVoters => f.write_str("changing the voters"),
            Step::MoveLeader => f.write_str("moving the leader to a member that stays"),
            Step::RemoveLearners => f.write_str("removing learners that are not wanted"),
            Step::RemovePods => f.write_str("removing pods"),
            Step::ReplaceDisk => f.write_str("replacing a lost disk"),
            Step::ReplacePod { pod } => write!(f, "replacing {pod}, which does not serve"),
            Step::Restart { pod } => write!(f, "restarting {pod}"),
            Step::RestartOnly { pod } => {
                write!(f, "restarting {pod}, the only member: clients are cut off until it is back")
            }
            Step::HandOver => f.write_str("handing leadership to an updated member"),
            Step::RaiseVersion { version } => {
                write!(f, "raising the ensemble's version to {version}")
            }
            Step::AwaitTermination { pod } => write!(f, "waiting for {pod} to terminate"),
            Step::AwaitCreation { pod } => write!(f, "waiting for {pod} to be created"),
            Step::AwaitReady { pod } => write!(f, "waiting for {pod} to be ready"),
            Step::AwaitStable { pod, seconds } => {
                write!(f, "waiting for {pod} to be ready for {seconds} s")
            }
            Step::AwaitQuorum => f.write_str("waiting for a quorum"),
            Step::AwaitVoters => f.write_str("waiting for every voter to be caught up"),
            Step::AwaitSpare => f.write_str("waiting for a member that can be spared"),
        }
    }
}
