//! What is wrong with a pod or with its member, put into words.

use std::fmt;

use super::member::Strange;
use super::names::Names;
use super::observed::Observed;

/// What is wrong with a pod or its member.
#[derive(Clone, Debug, PartialEq)]
pub enum PodTrouble {
    /// Kubernetes says why it does not run.
    DoesNotStart {
        /// The pod.
        pod: String,
        /// In Kubernetes' words.
        why: String,
    },
    /// Kubernetes says why it does not make them.
    NotMade {
        /// The pods.
        pods: Vec<String>,
        /// In Kubernetes' words.
        why: String,
    },
    /// Its member has not answered for too long.
    Silent {
        /// The pod.
        pod: String,
        /// For how long that is borne.
        seconds: i64,
    },
    /// It has not been ready for too long.
    NotReady {
        /// The pod.
        pod: String,
        /// For how long that is borne.
        seconds: i64,
    },
    /// It is deleted, and does not go.
    DoesNotGo {
        /// The pod.
        pod: String,
        /// The node that it is on.
        node: Option<String>,
        /// For how long that is borne after its grace period.
        seconds: i64,
    },
    /// Its member says of itself what this program does not know.
    NotUnderstood {
        /// The pod.
        pod: String,
        /// What it says.
        strange: Strange,
    },
}

impl fmt::Display for PodTrouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PodTrouble::DoesNotStart { pod, why } => write!(f, "{pod} does not start: {why}"),
            PodTrouble::NotMade { pods, why } => {
                write!(f, "Kubernetes does not create {}: {why}", pods.join(", "))
            }
            PodTrouble::Silent { pod, seconds } => {
                write!(f, "{pod} does not answer after {seconds} s")
            }
            PodTrouble::NotReady { pod, seconds } => {
                write!(f, "{pod} is not ready after {seconds} s")
            }
            PodTrouble::DoesNotGo { pod, node, seconds } => {
                write!(f, "{pod} is still terminating {seconds} s after its grace period: ")?;
                match node {
                    Some(node) => write!(
                        f,
                        "the node {node} may be gone. If it is, and does not come back, delete the \
                         Node, or say so with kubectl taint nodes {node} \
                         node.kubernetes.io/out-of-service=nodeshutdown:NoExecute"
                    ),
                    None => f.write_str("look at its finalizers"),
                }
            }
            PodTrouble::NotUnderstood { pod, strange } => {
                write!(f, "{pod} {strange}")
            }
        }
    }
}

/// The member of this ordinal says of itself what this program does not know.
pub fn not_understood(observed: &Observed, names: &Names, ordinal: i32) -> Option<PodTrouble> {
    let strange = observed.member(ordinal)?.strange()?;
    Some(PodTrouble::NotUnderstood { pod: names.pod(ordinal), strange })
}

/// The first member that says of itself what this program does not know.
pub fn any_not_understood(observed: &Observed, names: &Names) -> Option<PodTrouble> {
    observed.members.iter().find_map(|it| not_understood(observed, names, it.ordinal))
}
