//! Kubernetes' own controllers, as far as an ensemble meets them: StatefulSets (in parallel, replaced
//! when deleted), claims, and the collector of what nobody owns any more.

use serde_json::{Value, json};

use super::api::{Api, Only, Refusal, text};

/// Whether it goes.
pub(crate) fn going(object: &Value) -> bool {
    object["metadata"]["deletionTimestamp"].is_string()
}

/// The ordinal of a pod, of a name like `zk-3`.
pub(crate) fn ordinal(name: &str) -> Option<usize> {
    name.rsplit_once('-')?.1.parse().ok()
}

/// The claim of a pod.
pub(crate) fn claim_of(pod: &str) -> String {
    format!("data-{pod}")
}

/// Whether this uid owns it.
pub(crate) fn owned_by(object: &Value, uid: &Value) -> bool {
    let owners = object["metadata"]["ownerReferences"].as_array();
    owners.into_iter().flatten().any(|owner| owner["uid"] == *uid)
}

/// All of them, once.
pub(crate) fn reconcile(api: &mut Api) {
    collect(api);
    release_claims(api);
    let sets: Vec<Value> = api.list("StatefulSet").cloned().collect();
    for set in &sets {
        reconcile_set(api, set);
    }
}

/// What has owners, of whom none is there, goes.
fn collect(api: &mut Api) {
    let uids: Vec<Value> = api.all().map(|it| it["metadata"]["uid"].clone()).collect();
    let orphaned = |object: &&Value| {
        let owners = object["metadata"]["ownerReferences"].as_array();
        let owners = owners.filter(|owners| !owners.is_empty());
        owners.is_some_and(|owners| !owners.iter().any(|owner| uids.contains(&owner["uid"])))
    };
    let orphans: Vec<(String, String)> = api.all().filter(orphaned).map(super::api::key).collect();
    for (kind, name) in orphans {
        if kind == "PersistentVolumeClaim" {
            api.collected.push(name.clone());
        }
        // Whatever it is, it is there.
        let _ = api.delete(&kind, &name, Only { uid: None, version: None });
    }
}

/// A claim that goes is gone once no pod uses it.
fn release_claims(api: &mut Api) {
    let going: Vec<String> = api
        .list("PersistentVolumeClaim")
        .filter(|it| going(it))
        .map(|it| text(&it["metadata"]["name"]))
        .collect();
    for claim in going {
        let used = api.list("Pod").any(|pod| claim_of(&text(&pod["metadata"]["name"])) == claim);
        if !used {
            api.remove("PersistentVolumeClaim", &claim);
        }
    }
}

fn revision(set: &Value) -> String {
    let name = text(&set["metadata"]["name"]);
    let template = set["spec"]["template"].to_string();
    let fold = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    let hash = template.bytes().fold(0xcbf2_9ce4_8422_2325, fold);
    format!("{name}-{:010x}", hash & 0xff_ffff_ffff)
}

fn reconcile_set(api: &mut Api, set: &Value) {
    let name = text(&set["metadata"]["name"]);
    let (uid, replicas) = (&set["metadata"]["uid"], set["spec"]["replicas"].as_u64().unwrap_or(1));
    let revision = revision(set);
    let generation = set["metadata"]["generation"].clone();
    let pods: Vec<Value> = api.list("Pod").filter(|pod| owned_by(pod, uid)).cloned().collect();
    let count = pods.len();
    api.update("StatefulSet", &name, |set| {
        set["status"] = json!({
            "observedGeneration": generation,
            "updateRevision": revision,
            "replicas": count,
        });
    });
    retain_claims(api, set, &pods);
    for ordinal in 0..replicas {
        let pod = format!("{name}-{ordinal}");
        if api.get("Pod", &pod).is_none() && claim(api, set, &pod) {
            // Nobody else makes pods.
            let _ = api.create(&pod_of(set, &pod, &revision));
        }
    }
    for pod in &pods {
        let name = text(&pod["metadata"]["name"]);
        let beyond = ordinal(&name).is_none_or(|ordinal| ordinal as u64 >= replicas);
        if beyond && !going(pod) {
            let _ = api.delete("Pod", &name, Only { uid: None, version: None });
        }
    }
}

/// Makes the pod's claim, if there is none; `false` while the present one goes.
fn claim(api: &mut Api, set: &Value, pod: &str) -> bool {
    let name = claim_of(pod);
    if let Some(claim) = api.get("PersistentVolumeClaim", &name) {
        return !going(claim);
    }
    let mut claim = set["spec"]["volumeClaimTemplates"][0].clone();
    claim["kind"] = json!("PersistentVolumeClaim");
    claim["metadata"]["name"] = json!(name);
    for (key, value) in set["spec"]["selector"]["matchLabels"].as_object().into_iter().flatten() {
        claim["metadata"]["labels"][key] = value.clone();
    }
    api.create(&claim).is_ok()
}

/// Claims of the set's pods go with the set, or do not. Whoever else owns them is left alone.
fn retain_claims(api: &mut Api, set: &Value, pods: &[Value]) {
    let policy = &set["spec"]["persistentVolumeClaimRetentionPolicy"]["whenDeleted"];
    let (meta, deletes) = (&set["metadata"], policy == "Delete");
    let own = json!({
        "apiVersion": "apps/v1", "kind": "StatefulSet", "controller": true,
        "blockOwnerDeletion": true, "name": meta["name"], "uid": meta["uid"],
    });
    for pod in pods {
        let name = claim_of(&text(&pod["metadata"]["name"]));
        api.update("PersistentVolumeClaim", &name, |claim| {
            let owners = claim["metadata"]["ownerReferences"].as_array().cloned();
            let mut owners = owners.unwrap_or_default();
            owners.retain(|it| it["kind"] != "StatefulSet" || it["name"] != meta["name"]);
            if deletes {
                owners.push(own.clone());
            }
            claim["metadata"]["ownerReferences"] = json!(owners);
        });
    }
}

fn pod_of(set: &Value, name: &str, revision: &str) -> Value {
    let template = &set["spec"]["template"];
    let mut pod = json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": name,
            "namespace": set["metadata"]["namespace"],
            "labels": template["metadata"]["labels"],
            "annotations": template["metadata"]["annotations"],
            "ownerReferences": [{
                "apiVersion": "apps/v1", "kind": "StatefulSet", "controller": true,
                "name": set["metadata"]["name"], "uid": set["metadata"]["uid"],
            }],
        },
        "spec": template["spec"],
    });
    pod["metadata"]["labels"]["controller-revision-hash"] = json!(revision);
    pod
}

/// Eviction: a pod that the budget lets go, goes. As the budget says, a pod that is not ready always
/// may.
pub(crate) fn evict(api: &mut Api, name: &str, only: Only<'_>) -> Result<(), Refusal> {
    let pod = api.get("Pod", name).ok_or(Refusal::NotFound)?;
    only.holds(pod)?;
    if ready(pod) && !may_disrupt(api) {
        return Err(Refusal::Budget);
    }
    api.delete("Pod", name, only)
}

/// Whether the budget has one to spare.
fn may_disrupt(api: &Api) -> bool {
    let Some(budget) = api.list("PodDisruptionBudget").next() else { return true };
    let most = budget["spec"]["maxUnavailable"].as_u64().unwrap_or(0);
    let expected: u64 =
        api.list("StatefulSet").filter_map(|set| set["spec"]["replicas"].as_u64()).sum();
    let healthy = api.list("Pod").filter(|pod| ready(pod) && !going(pod)).count() as u64;
    healthy + most > expected
}

/// Whether the kubelet calls a pod ready.
pub(crate) fn ready(pod: &Value) -> bool {
    let conditions = pod["status"]["conditions"].as_array();
    conditions.into_iter().flatten().any(|it| it["type"] == "Ready" && it["status"] == "True")
}
