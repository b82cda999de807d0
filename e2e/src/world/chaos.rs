//! A run of one seed: trouble for a while, then peace, in which everything must become what the spec
//! says, and every key can be read and written.

use quorate_crds::ensemble::{AutoReplace, ImageSpec, ReclaimPolicy};
use quorate_node::sim::Rng;
use serde_json::json;

use super::api::{Only, text};
use super::cluster::{Cluster, Hostility, NAME, SLOTS};
use super::controllers;
use super::kubelet::NO_IMAGE;

/// How long peace may take to bring what the spec says, in seconds.
const PEACE: u64 = 400;

/// An image that does not exist.
pub(crate) fn missing() -> Option<ImageSpec> {
    Some(ImageSpec { repository: Some("missing".to_owned()), ..ImageSpec::default() })
}

/// What a run did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Report {
    /// Of virtual time.
    pub(crate) seconds: u64,
    pub(crate) acknowledged: u64,
    pub(crate) deletions: u64,
    pub(crate) configurations: u64,
    pub(crate) requests: u64,
    pub(crate) hash: u64,
}

impl Report {
    pub(crate) fn add(&mut self, other: &Report) {
        self.seconds += other.seconds;
        self.acknowledged += other.acknowledged;
        self.deletions += other.deletions;
        self.configurations += other.configurations;
        self.requests += other.requests;
        self.hash ^= other.hash;
    }
}

/// How much of everything goes wrong, of a hundred seconds.
#[derive(Clone, Copy, Debug)]
struct Trouble {
    user: u64,
    crash: u64,
    cut: u64,
    pause: u64,
    slow: u64,
    disk: u64,
    eviction: u64,
    by_hand: u64,
}

impl Trouble {
    fn draw(rng: &mut Rng) -> Trouble {
        let mut some = |most: u64| if rng.chance(40) { 0 } else { rng.between(1, most) };
        Trouble {
            user: 1 + some(5),
            crash: some(5),
            cut: some(4),
            pause: some(3),
            slow: some(3),
            disk: some(2),
            eviction: some(2),
            by_hand: some(1),
        }
    }
}

/// Runs a seed.
pub(crate) fn run(seed: u64, tells: bool) -> Result<Report, String> {
    let mut rng = Rng::new(seed ^ 0x0B5E);
    let replicas = [1, 3, 3, 5][rng.below(4) as usize];
    let mut cluster = Cluster::new(seed, replicas, tells)?;
    let trouble = Trouble::draw(&mut rng);
    cluster.hostility = Hostility {
        torn: [0, 10, 25][rng.below(3) as usize],
        cut: [0, 10, 30][rng.below(3) as usize],
        cuts: Vec::new(),
    };
    if rng.chance(5) {
        stranger(&mut cluster)?;
    }
    let mut refusals = Refusals::draw(seed);
    let mut pruner = Pruner::draw(seed);
    for _ in 0..rng.between(60, 140) {
        refusals.of(&mut cluster);
        pruner.of(&mut cluster);
        user(&mut cluster, &mut rng, trouble)?;
        nature(&mut cluster, &mut rng, trouble);
        cluster.run(1)?;
    }
    cluster.api.forbidden = None;
    peace(&mut cluster, &mut rng)?;
    Ok(Report {
        seconds: cluster.world.now() / 1_000,
        acknowledged: cluster.world.acknowledged(),
        deletions: u64::from(cluster.counts.deletions),
        configurations: u64::from(cluster.counts.configurations),
        requests: cluster.requests,
        hash: cluster.hash(),
    })
}

/// What the API server forbids, for a while, in some worlds. Its chances are its own: worlds without it
/// are what they were before.
struct Refusals {
    rng: Rng,
    often: u64,
}

impl Refusals {
    fn draw(seed: u64) -> Refusals {
        let mut rng = Rng::new(seed ^ 0xF0B1D);
        let often = if rng.chance(30) { rng.between(2, 10) } else { 0 };
        Refusals { rng, often }
    }

    fn of(&mut self, cluster: &mut Cluster) {
        const KINDS: [&str; 6] = [
            "ConfigMap",
            "NetworkPolicy",
            "PodDisruptionBudget",
            "Service",
            "ServiceAccount",
            "StatefulSet",
        ];
        if self.rng.chance(self.often) {
            let kind = KINDS[self.rng.below(KINDS.len() as u64) as usize];
            let over = cluster.api.forbidden.is_some();
            cluster.api.forbidden = (!over).then_some(kind);
            cluster.say(|| format!("forbidden is {:?}", cluster.api.forbidden));
        }
    }
}

/// Somebody deletes the StatefulSet, in some worlds, with chances of its own as well.
struct Pruner {
    rng: Rng,
    often: u64,
}

impl Pruner {
    fn draw(seed: u64) -> Pruner {
        let mut rng = Rng::new(seed ^ 0x9411E);
        let often = if rng.chance(25) { rng.between(1, 3) } else { 0 };
        Pruner { rng, often }
    }

    fn of(&mut self, cluster: &mut Cluster) {
        if self.rng.chance(self.often) {
            cluster.say(|| "somebody deletes the StatefulSet".to_owned());
            cluster.api.remove("StatefulSet", NAME);
        }
    }
}

/// Somebody else has an object of our name.
fn stranger(cluster: &mut Cluster) -> Result<(), String> {
    let name = format!("{NAME}-peer");
    let service = json!({ "apiVersion": "v1", "kind": "Service", "metadata": { "name": name } });
    cluster.api.create(&service).map_err(|refusal| format!("{refusal:?}"))
}

fn estranged(cluster: &mut Cluster) {
    let service = cluster.api.get("Service", &format!("{NAME}-peer"));
    if service.is_some_and(|it| it["metadata"]["ownerReferences"].is_null()) {
        cluster.api.remove("Service", &format!("{NAME}-peer"));
    }
}

fn user(cluster: &mut Cluster, rng: &mut Rng, trouble: Trouble) -> Result<(), String> {
    if rng.chance(trouble.by_hand) {
        by_hand(cluster, rng);
    }
    if !rng.chance(trouble.user) {
        return Ok(());
    }
    if rng.chance(30) {
        estranged(cluster);
    }
    let (what, number) = (rng.below(14), rng.below(1_000));
    cluster.edit(|spec| match what {
        0..=4 => spec.replicas = [1, 3, 5, 5, 7][number as usize % 5],
        5..=7 => spec.rollout.restart_at = Some(number.to_string()),
        8 => spec.config.tick_time_ms = 1_000 + number as i32,
        9 => spec.image = missing(),
        10 => spec.image = None,
        11 => {
            spec.storage.reclaim_policy = match spec.storage.reclaim_policy {
                ReclaimPolicy::Retain => ReclaimPolicy::Delete,
                ReclaimPolicy::Delete => ReclaimPolicy::Retain,
            }
        }
        12 => {
            spec.membership.auto_replace = match spec.membership.auto_replace {
                AutoReplace::Never => AutoReplace::DiskLost,
                AutoReplace::DiskLost => AutoReplace::Never,
            }
        }
        _ => spec.paused = !spec.paused,
    })
}

/// Somebody deletes a pod, or scales the StatefulSet.
fn by_hand(cluster: &mut Cluster, rng: &mut Rng) {
    let any = Only { uid: None, version: None };
    if rng.chance(60) {
        let pods: Vec<String> =
            cluster.api.list("Pod").map(|pod| text(&pod["metadata"]["name"])).collect();
        if let Some(pod) = rng.pick(&pods) {
            cluster.say(|| format!("somebody deletes {pod}"));
            // It is there.
            let _ = cluster.api.delete("Pod", pod, any);
        }
    } else {
        let replicas = [1, 3, 5][rng.below(3) as usize];
        cluster.say(|| format!("somebody scales the StatefulSet to {replicas}"));
        cluster.api.update("StatefulSet", NAME, |set| set["spec"]["replicas"] = json!(replicas));
    }
}

fn nature(cluster: &mut Cluster, rng: &mut Rng, trouble: Trouble) {
    let slot = rng.below(SLOTS as u64) as usize;
    if rng.chance(trouble.crash) {
        cluster.say(|| format!("{slot} loses power"));
        cluster.world.power_off(slot);
        if rng.chance(10) {
            (0..SLOTS).for_each(|slot| cluster.world.power_off(slot));
        }
    }
    if rng.chance(trouble.cut) {
        let one_way = rng.chance(30);
        let others = (0..SLOTS).filter(|other| *other != slot);
        let pairs = others.flat_map(|other| {
            let back = (!one_way).then_some((other, slot));
            [Some((slot, other)), back].into_iter().flatten()
        });
        cluster.say(|| format!("{slot} is cut off"));
        cluster.world.cut(pairs.collect(), rng.between(100, 8_000));
    }
    if rng.chance(trouble.pause) {
        cluster.say(|| format!("{slot} stands still"));
        cluster.world.pause(slot, rng.between(100, 8_000));
    }
    if rng.chance(trouble.slow) {
        cluster.world.slow_disk(slot, rng.between(50, 1_500), rng.between(500, 5_000));
    }
    if rng.chance(trouble.eviction) {
        cluster.say(|| format!("{slot} is evicted"));
        // It goes, or the budget keeps it.
        let _ = controllers::evict(&mut cluster.api, &format!("{NAME}-{slot}"), Only::default());
    }
    // A disk is lost only while the ensemble survives it; more is beyond repair.
    if rng.chance(trouble.disk) && cluster.away.is_empty() && cluster.world.spares_disk(slot) {
        lose_disk(cluster, rng, slot);
    }
}

/// With its claim, or alone.
pub(crate) fn lose_disk(cluster: &mut Cluster, rng: &mut Rng, slot: usize) {
    cluster.say(|| format!("{slot} loses its disk"));
    let any = Only { uid: None, version: None };
    cluster.lost.insert(cluster.world.member(slot), cluster.api.now);
    cluster.world.replace_disk(slot);
    if rng.chance(50) {
        let pod = format!("{NAME}-{slot}");
        // Both are there, or are not missed.
        let _ = cluster.api.delete("PersistentVolumeClaim", &controllers::claim_of(&pod), any);
        let _ = cluster.api.delete("Pod", &pod, any);
    }
}

/// Whatever is on its way arrives, the spec can be met, and nothing else goes wrong.
fn peace(cluster: &mut Cluster, rng: &mut Rng) -> Result<(), String> {
    cluster.say(|| "peace".to_owned());
    cluster.calm()?;
    estranged(cluster);
    cluster.run(10)?;
    if rng.chance(15) {
        stuck(cluster)?;
    }
    cluster.edit(|spec| {
        spec.image = None;
        spec.paused = false;
        spec.membership.auto_replace = AutoReplace::DiskLost;
    })?;
    cluster.settle(PEACE)?;
    quiet(cluster)?;
    cluster.probe()
}

/// Where the spec cannot be met, it is told why, and nothing more is disrupted.
fn stuck(cluster: &mut Cluster) -> Result<(), String> {
    cluster.edit(|spec| {
        spec.image = missing();
        spec.paused = false;
        spec.membership.auto_replace = AutoReplace::DiskLost;
    })?;
    cluster.run(160)?;
    let before = cluster.counts.clone();
    cluster.run(30)?;
    if cluster.counts != before {
        return Err(format!("L4: it goes on disrupting\n{cluster}"));
    }
    let status = cluster.ensemble()?.status.unwrap_or_default();
    let told = |it: &k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition| {
        it.type_ == "Ready" && it.message.contains(NO_IMAGE)
    };
    if status.conditions.iter().any(told) {
        Ok(())
    } else {
        Err(format!("L4: nobody is told what is wrong\n{cluster}"))
    }
}

/// E2: where the world is as wanted, nothing is written any more.
fn quiet(cluster: &mut Cluster) -> Result<(), String> {
    cluster.run(10)?;
    let (before, configurations) = (cluster.api.writes, cluster.counts.configurations);
    cluster.run(30)?;
    let writes = cluster.api.writes - before;
    if writes == 0 && cluster.counts.configurations == configurations {
        Ok(())
    } else {
        Err(format!("E2: {writes} writes at rest\n{cluster}"))
    }
}
