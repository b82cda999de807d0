//! What keeps an operation from going on, and what to do about it.

use std::fmt;

use super::broken::Broken;
use super::member::Strange;
use super::object::ObjectKey;
use super::reach;
use super::step::Step;
use super::trouble::PodTrouble;

/// What is in the way.
#[derive(Clone, Debug, PartialEq)]
pub enum Block {
    /// An object with a name of the ensemble's belongs to somebody else.
    Foreign(ObjectKey),
    /// What a former resource of this name has left is of more than one ensemble.
    SeveralEnsembles {
        /// Their ids.
        ids: Vec<String>,
    },
    /// The formation's record does not name its seed among the members.
    RecordWithoutSeed {
        /// The ConfigMap with the record.
        config_map: String,
    },
    /// The seed was told to form the ensemble, and its disk is blank since.
    SeedBlankAgain {
        /// The seed's pod.
        pod: String,
        /// The ConfigMap with the record.
        config_map: String,
    },
    /// A volume holds the data of another ensemble.
    VolumeOfAnother {
        /// The pod on that volume.
        pod: String,
        /// Whose data it is.
        ensemble_id: String,
    },
    /// The wanted voters would have no quorum.
    TooFewCaughtUp {
        /// How many of them have caught up.
        caught_up: usize,
        /// How many are wanted.
        voters: usize,
    },
    /// The leader is to leave, and nobody who stays can take over.
    NobodyTakesOver,
    /// The leader is to be restarted, and nobody who was can take over.
    NobodyUpdatedTakesOver,
    /// A disk is lost, and the spec says to leave it so.
    DiskLost {
        /// The pod without its disk.
        pod: String,
    },
    /// No quorum follows a leader.
    NoQuorum,
    /// The members cannot be asked.
    CutOff {
        /// Pods that Kubernetes finds ready, and that do not answer.
        pods: Vec<String>,
    },
    /// Pods are waited for in vain.
    Pods(Vec<PodTrouble>),
    /// The configuration says of a member what this program does not know.
    VoteNotUnderstood(Strange),
    /// A step takes longer than it may; it goes on.
    Overdue {
        /// Which.
        step: Step,
        /// How long it may take.
        seconds: i64,
    },
    /// The spec says paused.
    Paused,
    /// What was proposed would break this.
    Invariant(Broken),
}

impl fmt::Display for Block {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Block::Foreign(object) => write!(
                f,
                "{object} exists and does not belong to this ensemble: nothing is changed while it is \
                 there. Create the ensemble under another name"
            ),
            Block::SeveralEnsembles { ids } => write!(
                f,
                "members and records of this name are of different ensembles ({}): none is taken \
                 over, and all of it stays as it is. Create the ensemble under another name",
                ids.join(", ")
            ),
            Block::RecordWithoutSeed { config_map } => write!(
                f,
                "the ConfigMap {config_map} does not name its seed: it was edited by hand; restore it"
            ),
            Block::SeedBlankAgain { pod, config_map } => write!(
                f,
                "{pod} was told to form the ensemble and has a blank disk since; nothing is formed \
                 anew by itself. If no data is to be kept, delete the ConfigMap {config_map}"
            ),
            Block::VolumeOfAnother { pod, ensemble_id } => write!(
                f,
                "the volume of {pod} belongs to another ensemble ({ensemble_id}): delete its \
                 PersistentVolumeClaim and the pod if that data is not needed"
            ),
            Block::TooFewCaughtUp { caught_up, voters } => write!(
                f,
                "only {caught_up} of the {voters} wanted voters have caught up: bring the others \
                 up first"
            ),
            Block::NobodyTakesOver => {
                f.write_str("no member that stays has caught up with the leader")
            }
            Block::NobodyUpdatedTakesOver => {
                f.write_str("no updated member has caught up with the leader")
            }
            Block::DiskLost { pod } => write!(
                f,
                "{pod} has lost its disk, and spec.membership.autoReplace is Never: set it to \
                 DiskLost to have it replaced"
            ),
            Block::CutOff { pods } => f.write_str(&reach::advice(pods)),
            Block::NoQuorum => {
                f.write_str("no quorum: nothing is restarted until there is a leader")
            }
            Block::Pods(troubles) => {
                let troubles: Vec<String> = troubles.iter().map(ToString::to_string).collect();
                f.write_str(&troubles.join("; "))
            }
            Block::VoteNotUnderstood(strange) => write!(f, "{strange}"),
            Block::Overdue { step, seconds } => write!(
                f,
                "{step} takes longer than {seconds} s, and goes on: look at the events of the \
                 StatefulSet and its pods, and at the logs of the members and of the operator"
            ),
            Block::Paused => f.write_str("paused by spec.paused"),
            Block::Invariant(broken) => write!(f, "{broken}"),
        }
    }
}
