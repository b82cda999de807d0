//! The world that plans meet: an API server's objects with their versions, a StatefulSet
//! controller, kubelets, disks, and an ensemble whose consensus is taken as given.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use quorate_crds::ensemble::ReclaimPolicy;
use quorate_crds::{CoordinationEnsemble, CoordinationEnsembleSpec};
use quorate_operator::plan::member::ConfigMember;
use quorate_operator::plan::object::{Kind, ObjectKey};
use quorate_operator::plan::observed::{Fate, Formation, Seen};
use quorate_operator::plan::pin::Pin;
use serde_json::Value;

/// Seconds from a pod's creation until its process runs.
const BOOT: i64 = 2;
/// Seconds from a deletion until the pod is gone.
const DRAIN: i64 = 2;
/// What Kubernetes says of a pod that no node takes.
pub(crate) const NO_NODE: &str = "Unschedulable: every node has a member already";
/// What the kubelet says of an image that does not exist.
pub(crate) const NO_IMAGE: &str = "ImagePullBackOff: no such image";
/// Entries that a learner catches up in a second.
const CATCH_UP: i64 = 200;

/// Entries that the consensus core lets a new voter be behind.
const PROMOTION_LAG: i64 = 1_000;

/// What has been done, for comparisons.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) deletions: u32,
    pub(crate) configurations: u32,
    pub(crate) leaders: u32,
    pub(crate) formations: u32,
}

#[derive(Clone, Debug)]
pub(crate) struct Set {
    pub(crate) uid: String,
    pub(crate) version: u64,
    pub(crate) replicas: i32,
    pub(crate) generation_mark: i64,
    pub(crate) configuration: Option<Seen>,
    pub(crate) pin: Option<Pin>,
    pub(crate) claims: Value,
    pub(crate) template: Arc<Template>,
    /// The template that the controller has seen.
    pub(crate) seen: Arc<Template>,
}

/// An object that is nothing but what was applied.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stored {
    pub(crate) uid: String,
    pub(crate) version: u64,
    pub(crate) body: Value,
}

/// A pod template, with what everybody wants to know of it.
#[derive(Debug, Default)]
pub(crate) struct Template {
    pub(crate) revision: String,
    /// Whether its image does not exist.
    pub(crate) broken: bool,
    pub(crate) config_map: String,
}

impl Template {
    pub(crate) fn new(body: &Value) -> Template {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let spec = &body["spec"];
        let hash = body
            .to_string()
            .bytes()
            .fold(7_u64, |hash, byte| hash.wrapping_mul(31).wrapping_add(byte.into()));
        Template {
            revision: format!("zk-{hash:x}"),
            broken: text(&spec["containers"][0]["image"]).contains("missing"),
            config_map: text(&spec["volumes"][0]["configMap"]["name"]),
        }
    }
}

impl PartialEq for Template {
    fn eq(&self, other: &Template) -> bool {
        self.revision == other.revision
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Pod {
    pub(crate) uid: String,
    pub(crate) version: u64,
    pub(crate) template: Arc<Template>,
    pub(crate) created: i64,
    pub(crate) ready: bool,
    pub(crate) ready_changed: i64,
    pub(crate) going_at: Option<i64>,
    pub(crate) down_until: i64,
    pub(crate) turn: bool,
    /// Whether it has a node.
    pub(crate) placed: bool,
}

/// A claim: that of a disk, from the first pod on.
#[derive(Clone, Debug, Default)]
pub(crate) struct Claim {
    pub(crate) uid: String,
    pub(crate) version: u64,
    /// Whether it goes with the resource.
    pub(crate) owned: bool,
    pub(crate) fate: Option<Fate>,
}

#[derive(Clone, Debug)]
pub(crate) struct Disk {
    pub(crate) member_id: String,
    pub(crate) ensemble_id: Option<String>,
}

#[derive(Clone, Debug)]
pub(crate) struct Member {
    pub(crate) info: ConfigMember,
    pub(crate) behind: i64,
}

#[derive(Clone, Debug)]
pub(crate) struct Group {
    pub(crate) ensemble_id: String,
    pub(crate) version: i64,
    /// The ensemble's version: whose rules hold.
    pub(crate) rules: i32,
    pub(crate) members: Vec<Member>,
    pub(crate) leader: Option<String>,
    pub(crate) term: i64,
    /// A change is being committed until then.
    pub(crate) pending_until: i64,
    /// What there was before that change: its version and members.
    pub(crate) before: (i64, Vec<Member>),
}

#[derive(Clone, Debug)]
pub(crate) struct World {
    pub(crate) now: i64,
    pub(crate) ensemble: CoordinationEnsemble,
    pub(crate) set: Option<Set>,
    pub(crate) objects: BTreeMap<ObjectKey, Stored>,
    pub(crate) pods: BTreeMap<i32, Pod>,
    pub(crate) disks: BTreeMap<i32, Disk>,
    /// By ordinal, as disks.
    pub(crate) claims: BTreeMap<i32, Claim>,
    pub(crate) record: Option<Formation>,
    pub(crate) token: bool,
    pub(crate) group: Option<Group>,
    pub(crate) counts: Counts,
    /// Ordinals whose pod an operator deleted, and that have not served since.
    pub(crate) away: BTreeSet<i32>,
    /// When the disks of members were lost.
    pub(crate) lost: BTreeMap<String, i64>,
    /// How many nodes there are, each for one member at most.
    pub(crate) nodes: usize,
    /// An object of somebody else that has a name of ours.
    pub(crate) foreign: Option<ObjectKey>,
    /// The generations of the spec that ask for disks to go with the ensemble.
    pub(crate) deletes: BTreeSet<i64>,
    /// Every accepted write to an object.
    pub(crate) writes: u64,
    /// Whether requests are told as they come: when one seed is replayed.
    pub(crate) tells: bool,
    number: u64,
}

impl World {
    pub(crate) fn new(replicas: i32) -> World {
        let spec = CoordinationEnsembleSpec { replicas, ..Default::default() };
        let mut ensemble = CoordinationEnsemble::new("zk", spec);
        ensemble.metadata.namespace = Some("default".to_owned());
        ensemble.metadata.uid = Some("ensemble-uid".to_owned());
        ensemble.metadata.generation = Some(1);
        ensemble.metadata.resource_version = Some("1".to_owned());
        World {
            now: 1_000,
            ensemble,
            set: None,
            objects: BTreeMap::new(),
            pods: BTreeMap::new(),
            disks: BTreeMap::new(),
            claims: BTreeMap::new(),
            record: None,
            token: false,
            group: None,
            counts: Counts::default(),
            away: BTreeSet::new(),
            lost: BTreeMap::new(),
            nodes: 7,
            foreign: None,
            deletes: BTreeSet::new(),
            writes: 0,
            tells: std::env::var_os("MODEL_SEED").is_some(),
            number: 1,
        }
    }

    /// A version or part of an id that was never used before.
    pub(crate) fn fresh(&mut self) -> u64 {
        self.number += 1;
        self.number
    }

    /// A user edits the spec.
    pub(crate) fn edit(&mut self, change: impl FnOnce(&mut CoordinationEnsembleSpec)) {
        let before = self.ensemble.spec.clone();
        change(&mut self.ensemble.spec);
        if self.ensemble.spec != before {
            let generation = self.ensemble.metadata.generation.unwrap_or(0) + 1;
            self.ensemble.metadata.generation = Some(generation);
            if self.ensemble.spec.storage.reclaim_policy == ReclaimPolicy::Delete {
                self.deletes.insert(generation);
            }
            self.ensemble.metadata.resource_version = Some(self.fresh().to_string());
        }
    }

    /// A user deletes the StatefulSet, and its pods with it; the disks stay.
    pub(crate) fn delete_set(&mut self) {
        self.set = None;
        self.objects.retain(|key, _| key.kind != Kind::StatefulSet);
        self.pods.clear();
        self.away.clear();
    }

    /// A user scales the StatefulSet by hand.
    pub(crate) fn scale_set(&mut self, replicas: i32) {
        let version = self.fresh();
        if let Some(set) = &mut self.set {
            (set.replicas, set.version) = (replicas, version);
        }
    }

    /// A disk is lost, and its pod with it.
    pub(crate) fn lose_disk(&mut self, ordinal: i32) {
        self.claims.remove(&ordinal);
        if let Some(disk) = self.disks.remove(&ordinal) {
            self.lost.insert(disk.member_id, self.now);
        }
        if let Some(pod) = self.pods.get_mut(&ordinal) {
            pod.going_at.get_or_insert(self.now + 1);
        }
    }

    /// One second.
    pub(crate) fn tick(&mut self) {
        self.now += 1;
        self.control_pods();
        self.adopt();
        self.elect();
        self.catch_up();
        self.probe();
    }

    fn control_pods(&mut self) {
        let now = self.now;
        self.pods.retain(|_, pod| pod.going_at.is_none_or(|at| at > now));
        let Some(set) = &mut self.set else { return };
        set.seen = set.template.clone();
        let (replicas, template) = (set.replicas, set.template.clone());
        for pod in self.pods.range_mut(replicas..) {
            pod.1.going_at.get_or_insert(now + DRAIN);
        }
        self.away.retain(|ordinal| *ordinal < replicas);
        for ordinal in 0..replicas {
            if !self.disks.contains_key(&ordinal) {
                let member_id = format!("{:016x}", self.fresh());
                self.disks.insert(ordinal, Disk { member_id, ensemble_id: None });
                let (uid, version) = (format!("claim-{}", self.fresh()), self.fresh());
                self.claims.insert(ordinal, Claim { uid, version, ..Claim::default() });
            }
            if !self.pods.contains_key(&ordinal) {
                let (uid, version) = (format!("pod-{}", self.fresh()), self.fresh());
                let pod = Pod {
                    uid,
                    version,
                    template: template.clone(),
                    created: now,
                    ready: false,
                    ready_changed: now,
                    going_at: None,
                    down_until: now + BOOT,
                    turn: false,
                    placed: false,
                };
                self.pods.insert(ordinal, pod);
            }
        }
        self.place();
    }

    /// Nodes that are free take the newest first: whoever is wanted may well be left over.
    fn place(&mut self) {
        let placed = self.pods.values().filter(|pod| pod.placed).count();
        let free = self.nodes.saturating_sub(placed);
        for pod in self.pods.values_mut().rev().filter(|pod| !pod.placed).take(free) {
            (pod.placed, pod.down_until) = (true, pod.down_until.max(self.now + BOOT));
        }
    }

    /// Whether the member's process runs.
    pub(crate) fn up(&self, ordinal: i32) -> bool {
        self.pods.get(&ordinal).is_some_and(|pod| {
            let runs = pod.placed && self.now >= pod.down_until && !pod.template.broken;
            runs && pod.going_at.is_none()
        })
    }

    /// The ordinal whose present disk is that member.
    pub(crate) fn ordinal_of(&self, member_id: &str) -> Option<i32> {
        self.disks.iter().find(|(_, disk)| disk.member_id == member_id).map(|(ordinal, _)| *ordinal)
    }

    pub(crate) fn member_up(&self, member_id: &str) -> bool {
        self.ordinal_of(member_id).is_some_and(|ordinal| self.up(ordinal))
    }

    /// Members that the leader holds for caught up.
    pub(crate) fn in_step(&self) -> impl Iterator<Item = &str> {
        let members = self.group.iter().flat_map(|group| &group.members);
        members
            .filter(|it| it.behind <= PROMOTION_LAG && self.member_up(&it.info.member_id))
            .map(|it| it.info.member_id.as_str())
    }

    pub(crate) fn voters(&self) -> Vec<String> {
        let members = self.group.iter().flat_map(|group| &group.members);
        members.filter(|it| it.info.votes()).map(|it| it.info.member_id.clone()).collect()
    }

    /// A member that leads, or a quorum that could choose one.
    fn quorum(&self) -> bool {
        let voters = self.voters();
        let up = voters.iter().filter(|id| self.member_up(id)).count();
        up > voters.len() / 2
    }

    /// The leader is lost before its change of the membership is committed, and so is the change.
    pub(crate) fn forget_change(&mut self) {
        let Some(group) = self.group.as_mut().filter(|it| self.now < it.pending_until) else {
            return;
        };
        (group.version, group.members) = group.before.clone();
        group.pending_until = self.now;
        if let Some(leader) = group.leader.take()
            && let Some(ordinal) = self.ordinal_of(&leader)
            && let Some(pod) = self.pods.get_mut(&ordinal)
        {
            pod.down_until = self.now + 3;
        }
    }

    fn adopt(&mut self) {
        let Some(group) = self.group.clone() else {
            return;
        };
        for member in &group.members {
            if let Some(ordinal) = self.ordinal_of(&member.info.member_id)
                && self.up(ordinal)
                && let Some(disk) = self.disks.get_mut(&ordinal)
            {
                disk.ensemble_id.get_or_insert(group.ensemble_id.clone());
            }
        }
    }

    fn elect(&mut self) {
        let quorum = self.quorum();
        let voters = self.voters();
        let next = voters.iter().find(|id| self.member_up(id)).cloned();
        let Some(mut group) = self.group.take() else {
            return;
        };
        let leads =
            group.leader.as_ref().is_some_and(|it| self.member_up(it) && voters.contains(it));
        if !quorum {
            group.leader = None;
        } else if !leads {
            group.leader = next;
            group.term += 1;
            self.counts.leaders += 1;
        }
        self.group = Some(group);
    }

    fn catch_up(&mut self) {
        let up: Vec<bool> = self
            .group
            .iter()
            .flat_map(|group| &group.members)
            .map(|member| self.member_up(&member.info.member_id))
            .collect();
        let Some(group) = self.group.as_mut().filter(|group| group.leader.is_some()) else {
            return;
        };
        for (member, up) in group.members.iter_mut().zip(up) {
            member.behind = if up { (member.behind - CATCH_UP).max(0) } else { member.behind + 10 };
        }
    }

    /// Whether clients are served there.
    pub(crate) fn serves(&self, ordinal: i32) -> bool {
        let (Some(group), Some(disk)) = (&self.group, self.disks.get(&ordinal)) else {
            return false;
        };
        let known = group.members.iter().any(|it| it.info.member_id == disk.member_id);
        self.up(ordinal) && known && group.leader.is_some()
    }

    fn probe(&mut self) {
        let ordinals: Vec<i32> = self.pods.keys().copied().collect();
        for ordinal in ordinals {
            let (serves, version, now) = (self.serves(ordinal), self.fresh(), self.now);
            let Some(pod) = self.pods.get_mut(&ordinal) else {
                continue;
            };
            if serves {
                self.away.remove(&ordinal);
            }
            if pod.ready != serves {
                pod.ready = serves;
                pod.ready_changed = now;
                pod.version = version;
            }
        }
    }

    /// Whether all is as the spec says, down to running processes.
    pub(crate) fn converged(&self) -> Result<(), String> {
        let check = |holds: bool, what: &str| if holds { Ok(()) } else { Err(what.to_owned()) };
        let wanted = self.ensemble.spec.replicas;
        let group = self.group.as_ref().ok_or("no ensemble")?;
        let set = self.set.as_ref().ok_or("no StatefulSet")?;
        check(
            Some(set.generation_mark) == self.ensemble.metadata.generation,
            "the newest spec is not applied",
        )?;
        check(set.replicas == wanted, "replicas")?;
        let deletes = self.ensemble.spec.storage.reclaim_policy == ReclaimPolicy::Delete;
        check(self.claims.values().all(|claim| claim.owned == deletes), "the disks' fate")?;
        check(self.pods.len() == wanted as usize, "pods")?;
        check(group.members.len() == wanted as usize, "members")?;
        check(self.voters().len() == wanted as usize, "voters")?;
        check((0..wanted).all(|ordinal| self.serves(ordinal)), "a member does not serve")?;
        let newest = |pod: &Pod| pod.template == set.template && !pod.turn;
        check(self.pods.values().all(newest), "a pod is outdated")
    }
}
