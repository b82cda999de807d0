//! What is looked up in the cluster again and again.

use anyhow::{Context, Result, ensure};
use k8s_openapi::api::core::v1::Pod;
use kube::api::ListParams;
use kube::{Api, ResourceExt};

/// The pods of an ensemble, by ordinal.
pub(crate) async fn members(pods: &Api<Pod>, name: &str) -> Result<Vec<Pod>> {
    let selector = format!("app.kubernetes.io/instance={name},app.kubernetes.io/component=node");
    let mut found = pods.list(&ListParams::default().labels(&selector)).await?.items;
    found.sort_by_key(ordinal);
    Ok(found)
}

/// The number at the end of a pod's name.
pub(crate) fn ordinal(pod: &Pod) -> u32 {
    let name = pod.name_any();
    name.rsplit('-').next().and_then(|it| it.parse().ok()).unwrap_or_default()
}

/// Its address, once it has one.
pub(crate) fn pod_ip(pod: &Pod) -> Option<String> {
    pod.status.as_ref()?.pod_ip.clone()
}

/// Whether it is ready and stays.
pub(crate) fn is_ready(pod: &Pod) -> bool {
    let conditions = pod.status.as_ref().and_then(|it| it.conditions.as_ref());
    let ready =
        conditions.into_iter().flatten().any(|it| it.type_ == "Ready" && it.status == "True");
    ready && pod.metadata.deletion_timestamp.is_none()
}

/// What pods must have so that none of them is told apart from its like of before.
pub(crate) fn uids(pods: &[Pod]) -> Vec<(String, String)> {
    pods.iter().map(|it| (it.name_any(), it.uid().unwrap_or_default())).collect()
}

/// The pod of the operator that leads, or the only one.
pub(crate) async fn operator_pod(pods: &Api<Pod>) -> Result<Pod> {
    let selector = ListParams::default().labels("app.kubernetes.io/name=quorate-operator");
    let found = pods.list(&selector).await?.items;
    let mut alive = found.into_iter().filter(|it| it.metadata.deletion_timestamp.is_none());
    let pod = alive.next().context("there is no pod of the operator")?;
    ensure!(is_ready(&pod), "the operator's pod is not ready");
    Ok(pod)
}
