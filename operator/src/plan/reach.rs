//! Whether it is the operator that is cut off, and not the members from each other. Not to see is not
//! to have lost: a member is ready for its kubelet only while it serves under a quorum.

use super::member::DataState;
use super::names::Names;
use super::observed::{Observed, Pod};
use super::quorum;

/// Where no leader is to be seen: the pods that Kubernetes finds ready and whose members do not
/// answer the operator, if there may well be a quorum among the ready ones, and nobody who answers
/// says that there is no leader.
pub fn cut_off(observed: &Observed, names: &Names) -> Vec<String> {
    let leaderless = observed
        .members
        .iter()
        .any(|member| member.data_state == DataState::Member && member.leader_id.is_none());
    let ready = || observed.pods.iter().filter(|pod| pod.ready);
    if leaderless || ready().count() < quorum::majority(observed.size() as usize) {
        return Vec::new();
    }
    let silent = |pod: &&Pod| observed.member(pod.ordinal).is_none();
    ready().filter(silent).map(|pod| names.pod(pod.ordinal)).collect()
}

/// What to do about it.
pub fn advice(pods: &[String]) -> String {
    format!(
        "{} do not answer the operator, though Kubernetes finds them ready: they may well serve. \
         Let the operator reach port 8080 of the pods (NetworkPolicies, the nodes' network)",
        pods.join(", ")
    )
}
