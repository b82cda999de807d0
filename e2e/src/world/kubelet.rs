//! Kubelets: they run a server for each pod on the disk of its claim, probe it, and end it when its pod
//! goes. Whatever runs is a real core in the simulator; slot n is the pod of ordinal n.

use std::collections::BTreeMap;

use quorate_node::sim::Rng;
use quorate_node::{Answer, Driven, Taken};
use serde_json::{Value, json};

use super::api::{Api, text, time};
use super::controllers::{claim_of, going, ordinal};

/// How often readiness is probed, in milliseconds, and how many failures make a pod unready.
const PROBE_MS: u64 = 2_000;
const FAILURES: u32 = 2;
/// What the kubelet says of an image that does not exist.
pub(crate) const NO_IMAGE: &str = "ImagePullBackOff";

/// A pod's process.
#[derive(Debug)]
struct Process {
    pod_uid: String,
    slot: usize,
    /// When its container starts, or starts again.
    starts_at: Option<u64>,
    /// The image does not exist.
    broken: bool,
    probes_at: u64,
    failures: u32,
    drain: Option<Taken>,
    /// When it is killed, drained or not.
    ends_at: Option<u64>,
}

/// All of them.
#[derive(Debug, Default)]
pub(crate) struct Kubelets {
    /// By the pods' names.
    processes: BTreeMap<String, Process>,
    /// The claim whose disk each slot has.
    disks: BTreeMap<usize, String>,
}

impl Kubelets {
    /// A tenth of a second or so of all of them.
    pub(crate) fn step(
        &mut self,
        api: &mut Api,
        world: &mut Driven,
        rng: &mut Rng,
    ) -> Result<(), String> {
        for pod in api.list("Pod") {
            self.admit(pod, world, rng);
        }
        let names: Vec<String> = self.processes.keys().cloned().collect();
        for name in names {
            self.tend(&name, api, world, rng)?;
        }
        Ok(())
    }

    /// A pod that is new here gets a process.
    fn admit(&mut self, pod: &Value, world: &Driven, rng: &mut Rng) {
        let name = text(&pod["metadata"]["name"]);
        let Some(slot) = ordinal(&name) else { return };
        if self.processes.contains_key(&name) {
            return;
        }
        let image = text(&pod["spec"]["containers"][0]["image"]);
        let now = world.now();
        let process = Process {
            pod_uid: text(&pod["metadata"]["uid"]),
            slot,
            starts_at: Some(now + rng.between(300, 2_500)),
            broken: image.contains("missing"),
            probes_at: now + rng.between(0, PROBE_MS),
            failures: 0,
            drain: None,
            ends_at: None,
        };
        self.processes.insert(name, process);
    }

    fn tend(
        &mut self,
        name: &str,
        api: &mut Api,
        world: &mut Driven,
        rng: &mut Rng,
    ) -> Result<(), String> {
        let Some(process) = self.processes.get_mut(name) else { return Ok(()) };
        let pod = api.get("Pod", name).filter(|pod| pod["metadata"]["uid"] == process.pod_uid);
        let Some(pod) = pod else {
            // Its object is gone by force: so is it.
            world.power_off(process.slot);
            self.processes.remove(name);
            return Ok(());
        };
        if going(pod) {
            let grace = pod["spec"]["terminationGracePeriodSeconds"].as_u64().unwrap_or(30);
            if end(process, grace * 1_000, world)? {
                self.processes.remove(name);
                api.remove("Pod", name);
                return Ok(());
            }
        } else if !world.is_on(process.slot) && process.starts_at.is_none() {
            process.starts_at = Some(world.now() + rng.between(500, 4_000));
        }
        let Some(process) = self.processes.get_mut(name) else { return Ok(()) };
        if process.starts_at.is_some_and(|at| at <= world.now()) && process.ends_at.is_none() {
            process.starts_at = None;
            if process.broken {
                process.starts_at = Some(u64::MAX);
                api.update("Pod", name, |pod| waits(pod, NO_IMAGE));
            } else {
                let claim = api.get("PersistentVolumeClaim", &claim_of(name));
                let claim = claim.map(|it| text(&it["metadata"]["uid"])).unwrap_or_default();
                let own = self.disks.insert(process.slot, claim.clone());
                if own.is_some_and(|own| own != claim) {
                    world.replace_disk(process.slot);
                }
                world.power_on(process.slot)?;
                let ip = ip_of(process.slot);
                api.update("Pod", name, |pod| pod["status"]["podIP"] = json!(ip));
            }
        }
        probe(process, name, api, world);
        Ok(())
    }
}

/// A pod's address: that of its ordinal, so that what is late reaches the successor.
pub(crate) fn ip_of(slot: usize) -> String {
    format!("10.0.0.{slot}")
}

/// The ordinal of an address.
pub(crate) fn slot_of(ip: &str) -> Option<usize> {
    ip.strip_prefix("10.0.0.")?.parse().ok()
}

/// SIGTERM, the drain, and the end; whether it has come.
fn end(process: &mut Process, grace_ms: u64, world: &mut Driven) -> Result<bool, String> {
    let now = world.now();
    let Some(ends_at) = process.ends_at else {
        process.ends_at = Some(now + grace_ms);
        process.drain = world.drain(process.slot)?;
        return Ok(false);
    };
    let waits = process.drain.is_some_and(|drain| world.answer(drain) == Answer::Waiting);
    if waits && now < ends_at {
        return Ok(false);
    }
    world.power_off(process.slot);
    Ok(true)
}

/// Readiness: one success makes a pod ready, some failures make it unready, an end does so at once.
fn probe(process: &mut Process, name: &str, api: &mut Api, world: &Driven) {
    let now = world.now();
    let on = world.is_on(process.slot);
    if on && now < process.probes_at {
        return;
    }
    process.probes_at = now + PROBE_MS;
    let good = world.ready(process.slot);
    process.failures = if good { 0 } else { process.failures + 1 };
    let ready = match (good, on) {
        (true, _) => true,
        (false, true) if process.failures < FAILURES => return,
        _ => false,
    };
    let text = if ready { "True" } else { "False" };
    let at = time(api.now);
    let known = api.get("Pod", name).is_some_and(|pod| condition(pod) == text);
    if !known {
        api.update("Pod", name, |pod| {
            let condition = json!({ "type": "Ready", "status": text, "lastTransitionTime": at });
            pod["status"]["conditions"] = json!([condition]);
        });
    }
}

/// Whether the kubelet has said that the pod's image does not exist.
pub(crate) fn lacks_image(pod: &Value) -> bool {
    pod["status"]["containerStatuses"][0]["state"]["waiting"]["reason"] == NO_IMAGE
}

fn condition(pod: &Value) -> String {
    text(&pod["status"]["conditions"][0]["status"])
}

fn waits(pod: &mut Value, reason: &str) {
    let waiting = json!({ "reason": reason, "message": "no such image" });
    pod["status"]["containerStatuses"] = json!([{
        "name": "node", "image": "", "imageID": "", "ready": false, "restartCount": 0,
        "state": { "waiting": waiting },
    }]);
}
