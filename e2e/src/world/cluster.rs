//! The world: an API server, controllers, kubelets, operators, and real cores with their clients in the
//! simulator, all on one thread and on the simulator's clock.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;

use quorate_crds::{CoordinationEnsemble, CoordinationEnsembleSpec};
use quorate_node::model::MemberId;
use quorate_node::sim::Rng;
use quorate_node::{Answer, Driven, Taken};
use quorate_operator::plan::action::{Action, Plan};
use quorate_operator::requests::{self, Call, NoAddress, Request, Target, Verdict, Write};
use quorate_operator::sight::Sight;
use serde_json::Value;

use super::api::{Api, Only, Refusal, text};
use super::controllers;
use super::kubelet::{Kubelets, slot_of};
use super::operator::{Asked, Fate, Operator, Outcome, Step, Surroundings};
use super::sight::{Eyes, Instant, Parts};

/// The ensemble.
pub(crate) const NAME: &str = "zk";
/// As many as the largest ensemble has.
pub(crate) const SLOTS: usize = 7;
/// A step of everything but the cores, which go on by the millisecond.
pub(crate) const STEP_MS: u64 = 100;
/// The simulator's wall clock at its beginning, in seconds.
const EPOCH: i64 = 1_700_000_000;

/// What operators did, for comparisons.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Pods deleted.
    pub(crate) deletions: u32,
    /// Committed configurations with other members or voters than the one before.
    pub(crate) configurations: u32,
    /// Ensembles formed.
    pub(crate) formations: usize,
}

/// When and how an operator dies, by the number of the request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cut {
    pub(crate) at: u64,
    pub(crate) fate: Fate,
}

/// What operators meet.
#[derive(Clone, Debug, Default)]
pub(crate) struct Hostility {
    /// Of a hundred looks, so many have parts from different instants.
    pub(crate) torn: u64,
    /// Of a thousand requests, so many end the operator's pass in one way or another.
    pub(crate) cut: u64,
    /// Requests at which an operator dies.
    pub(crate) cuts: Vec<Cut>,
}

/// The world.
pub(crate) struct Cluster {
    pub(crate) api: Api,
    pub(crate) world: Driven,
    pub(crate) rng: Rng,
    pub(crate) hostility: Hostility,
    pub(crate) counts: Counts,
    /// Requests that operators made; where some are cut, those that change something.
    pub(crate) requests: u64,
    /// Slots whose pod an operator deleted, and that have not served since.
    pub(crate) away: BTreeSet<usize>,
    /// When the disks of members were lost.
    pub(crate) lost: BTreeMap<MemberId, i64>,
    /// The generations of the spec that ask for disks to go with the ensemble.
    pub(crate) deletes: BTreeSet<i64>,
    /// The members of the newest committed configuration that is not joint, and who votes.
    pub(super) members: Vec<(MemberId, bool)>,
    kubelets: Kubelets,
    /// The count of writes when Kubernetes' own controllers last looked.
    reconciled: Option<u64>,
    operators: Vec<Operator>,
    late: Vec<(u64, Asked)>,
    history: VecDeque<Instant>,
    eyes: Eyes,
    tells: bool,
    hash: u64,
}

impl Cluster {
    /// A user has just asked for an ensemble.
    pub(crate) fn new(seed: u64, replicas: i32, tells: bool) -> Result<Cluster, String> {
        let peers = (0..SLOTS).map(|slot| format!("{NAME}-{slot}.{NAME}-peer.default.svc:2888"));
        let mut rng = Rng::new(seed ^ 0xC1);
        let clients = rng.between(1, 3) as usize;
        let world = Driven::new(seed, clients, peers.collect(), tells);
        let mut cluster = Cluster {
            api: Api::default(),
            world,
            rng,
            hostility: Hostility::default(),
            counts: Counts::default(),
            requests: 0,
            away: BTreeSet::new(),
            lost: BTreeMap::new(),
            deletes: BTreeSet::new(),
            members: Vec::new(),
            kubelets: Kubelets::default(),
            reconciled: None,
            operators: vec![Operator::new(0)],
            late: Vec::new(),
            history: VecDeque::new(),
            eyes: Eyes::default(),
            tells,
            hash: 0,
        };
        cluster.api.now = EPOCH;
        let spec = CoordinationEnsembleSpec { replicas, ..Default::default() };
        let mut ensemble = CoordinationEnsemble::new(NAME, spec);
        ensemble.metadata.namespace = Some("default".to_owned());
        let mut object = serde_json::to_value(ensemble).map_err(|error| error.to_string())?;
        object["status"] = Value::Null;
        cluster.api.create(&object).map_err(|refusal| format!("{refusal:?}"))?;
        Ok(cluster)
    }

    /// The resource as it is.
    pub(crate) fn ensemble(&self) -> Result<CoordinationEnsemble, String> {
        let object = self.api.get("CoordinationEnsemble", NAME).ok_or("the resource is gone")?;
        serde::Deserialize::deserialize(object).map_err(|error| format!("{error}"))
    }

    /// A user edits the spec.
    pub(crate) fn edit(
        &mut self,
        change: impl FnOnce(&mut CoordinationEnsembleSpec),
    ) -> Result<(), String> {
        let mut ensemble = self.ensemble()?;
        change(&mut ensemble.spec);
        let spec = serde_json::to_value(&ensemble.spec).map_err(|error| error.to_string())?;
        self.say(|| format!("the spec is {spec}"));
        self.api.update("CoordinationEnsemble", NAME, |object| object["spec"] = spec);
        let after = self.ensemble()?;
        if after.spec.storage.reclaim_policy == quorate_crds::ensemble::ReclaimPolicy::Delete {
            self.deletes.extend(after.metadata.generation);
        }
        Ok(())
    }

    /// A tenth of a second.
    pub(crate) fn step(&mut self) -> Result<(), String> {
        self.world.go_on(STEP_MS)?;
        self.api.now = EPOCH + (self.world.now() / 1_000) as i64;
        // Where nothing was written since they last changed nothing, they change nothing.
        if self.rng.chance(50) && self.reconciled != Some(self.api.writes) {
            let before = self.api.writes;
            controllers::reconcile(&mut self.api);
            self.reconciled = Some(before);
        }
        self.kubelets.step(&mut self.api, &mut self.world, &mut self.rng)?;
        self.arrive_late()?;
        let mut operators = std::mem::take(&mut self.operators);
        let ran = operators.iter_mut().try_for_each(|operator| operator.run(self));
        operators.retain(|operator| !operator.dead);
        if !operators.iter().any(Operator::leads) {
            let at = self.world.now() + self.rng.between(500, 2_000);
            operators.push(Operator::new(at));
        }
        self.operators = operators;
        ran?;
        self.judge_world()?;
        let mark = self.world.trace_hash() ^ self.api.writes.rotate_left(17) ^ self.requests;
        self.hash = (self.hash ^ mark).wrapping_mul(0x0000_0100_0000_01B3).rotate_left(5);
        Ok(())
    }

    /// So many seconds.
    pub(crate) fn run(&mut self, seconds: u64) -> Result<(), String> {
        for _ in 0..seconds * 1_000 / STEP_MS {
            self.step()?;
        }
        Ok(())
    }

    /// Until all is as it should be, or so many seconds have passed.
    pub(crate) fn settle(&mut self, seconds: u64) -> Result<(), String> {
        let end = self.world.now() + seconds * 1_000;
        let mut last = String::new();
        while self.world.now() < end {
            self.run(1)?;
            match self.converged() {
                Ok(()) => return Ok(()),
                Err(why) => last = why,
            }
        }
        Err(format!("L1: not converged: {last}\n{self}"))
    }

    /// Equal for equal seeds.
    pub(crate) fn hash(&self) -> u64 {
        self.hash
    }

    fn arrive_late(&mut self) -> Result<(), String> {
        let now = self.world.now();
        while let Some(at) = self.late.iter().position(|(due, _)| *due <= now) {
            let (_, asked) = self.late.swap_remove(at);
            // Refused or harmless.
            self.deliver(&asked)?;
        }
        Ok(())
    }

    /// Another operator takes over at once; the former one does nothing any more.
    pub(crate) fn succeed_operator(&mut self) {
        self.operators = vec![Operator::new(self.world.now())];
    }

    /// Until this is so, or so many seconds have passed.
    pub(crate) fn until(
        &mut self,
        what: &str,
        seconds: u64,
        so: impl Fn(&Cluster) -> bool,
    ) -> Result<(), String> {
        for _ in 0..seconds * 1_000 / STEP_MS {
            if so(self) {
                return Ok(());
            }
            self.step()?;
        }
        Err(format!("{what} did not come to be\n{self}"))
    }

    /// Whatever is on its way arrives now, and paused operators are gone.
    pub(crate) fn calm(&mut self) -> Result<(), String> {
        self.hostility = Hostility::default();
        self.late.iter_mut().for_each(|(due, _)| *due = 0);
        self.arrive_late()?;
        self.operators.retain(Operator::leads);
        Ok(())
    }

    /// Whether a request would change anything; of a call to a member nobody knows.
    fn changes(&self, asked: &Asked) -> bool {
        match asked.request() {
            Ok(Some(Request::Write(Write::Apply { manifest, force, .. }))) => {
                let mut api = self.api.clone();
                api.apply(&manifest, force).is_err() || api.writes > self.api.writes
            }
            Ok(Some(_)) => true,
            Ok(None) | Err(_) => false,
        }
    }

    fn send(&mut self, request: &Request) -> Result<Outcome, String> {
        Ok(match request {
            Request::Write(write) => outcome(self.write(write)?),
            Request::Call(Call { ip, path, body, .. }) => {
                let slot = slot_of(ip).ok_or("a call to nowhere")?;
                match self.world.call(slot, path, body)? {
                    Some(call) => Outcome::Waits(call),
                    None => Outcome::Failed("cannot connect".to_owned()),
                }
            }
        })
    }

    fn write(&mut self, write: &Write) -> Result<Result<(), Refusal>, String> {
        Ok(match write {
            Write::Apply { manifest, force, .. } => self.api.apply(manifest, *force),
            Write::Create { manifest, .. } => self.api.create(manifest),
            Write::Merge { key, patch, .. } => self.api.merge(key.kind.as_str(), &key.name, patch),
            Write::Delete(Target { key, uid, resource_version }) => {
                let only = only(uid, resource_version);
                self.api.delete(key.kind.as_str(), &key.name, only)
            }
            Write::Evict(Target { key, uid, resource_version }) => {
                let only = only(uid, resource_version);
                controllers::evict(&mut self.api, &key.name, only)
            }
            Write::ReplaceStatus { ensemble, .. } => {
                let object = serde_json::to_value(ensemble).map_err(|error| error.to_string())?;
                self.api.replace_status(&object)
            }
        })
    }

    /// A line of the story, where one is told.
    pub(crate) fn say(&self, line: impl FnOnce() -> String) {
        if self.tells {
            println!("{}", line());
        }
    }
}

impl Surroundings for Cluster {
    fn now(&self) -> u64 {
        self.world.now()
    }

    fn writes(&self) -> u64 {
        self.api.writes
    }

    fn rng(&mut self) -> &mut Rng {
        &mut self.rng
    }

    fn read(&mut self) -> (Parts, bool) {
        let now = Instant::of(&self.api, &self.world);
        self.history.push_back(now.clone());
        if self.history.len() > 60 {
            self.history.pop_front();
        }
        let nonce = format!("{:016x}", self.rng.word());
        let mut parts = Parts::whole(&now, nonce);
        if !self.rng.chance(self.hostility.torn) {
            return (parts, true);
        }
        let choice = self.rng.below(32);
        let age = self.rng.below(self.history.len() as u64) + 1;
        let mut old = |bit: u64, part: &mut Instant| {
            if choice & (1 << bit) != 0 {
                let back = self.rng.below(age) as usize;
                *part = self.history[self.history.len() - 1 - back].clone();
            }
        };
        old(0, &mut parts.ensemble);
        old(1, &mut parts.set);
        old(2, &mut parts.pods);
        old(3, &mut parts.maps);
        old(4, &mut parts.members);
        // What is not seen is no reason for anything.
        if self.rng.chance(30) {
            parts.silent = (0..SLOTS).filter(|_| self.rng.chance(40)).collect();
        }
        (parts, false)
    }

    fn see(&self, parts: &Parts) -> Result<Option<Sight>, String> {
        self.eyes.see(parts, NAME)
    }

    fn fate(&mut self, asked: &Asked) -> Fate {
        // Where each request is cut once, those that change nothing are not worth it.
        if !self.hostility.cuts.is_empty() && !self.changes(asked) {
            return Fate::Arrives;
        }
        let number = self.requests;
        self.requests += 1;
        if let Some(cut) = self.hostility.cuts.iter().find(|cut| cut.at == number) {
            return cut.fate;
        }
        if self.hostility.cut == 0 || self.rng.below(1_000) >= self.hostility.cut {
            return Fate::Arrives;
        }
        [Fate::Dies, Fate::DiesUnheard, Fate::DiesAndIsLate, Fate::Pauses]
            [self.rng.below(4) as usize]
    }

    fn delay(&mut self, asked: Asked) {
        let at = self.world.now() + self.rng.between(200, 60_000);
        self.late.push((at, asked));
    }

    fn judge_plan(&self, sight: &Sight, plan: &Plan) -> Result<(), String> {
        self.judge(&sight.observed, plan)
    }

    fn deliver(&mut self, asked: &Asked) -> Result<Outcome, String> {
        let wire = match asked.request() {
            Ok(Some(wire)) => wire,
            Ok(None) => return Ok(Outcome::Done),
            Err(NoAddress { pod }) => return Ok(Outcome::Failed(format!("{pod} has no address"))),
        };
        let before = self.before(&wire);
        let outcome = self.send(&wire)?;
        if let Step::Action(action) = &asked.step {
            let now = self.world.now();
            self.say(|| format!("{now:>8} {action:?}: {outcome:?}"));
        }
        if outcome == Outcome::Done {
            if let Step::Action(Action::DeletePod { .. }) = &asked.step {
                self.counts.deletions += 1;
            }
            self.judge_accepted(asked, &before)?;
        }
        Ok(outcome)
    }

    fn answer(&self, call: Taken) -> Outcome {
        let outcome = match self.world.answer(call) {
            Answer::Waiting => return Outcome::Waits(call),
            Answer::Lost => Outcome::Failed("no answer".to_owned()),
            Answer::Done => Outcome::Done,
            Answer::Error(code, name) => told(requests::call_verdict(code), name),
        };
        let now = self.world.now();
        self.say(|| format!("{now:>8} a member answered: {outcome:?}"));
        outcome
    }
}

fn only<'a>(uid: &'a str, version: &'a str) -> Only<'a> {
    // Without one any version will do.
    Only { uid: Some(uid), version: Some(version).filter(|it| !it.is_empty()) }
}

/// What the operator makes of the API server's answer.
fn outcome(answer: Result<(), Refusal>) -> Outcome {
    match answer {
        Ok(()) => told(requests::api_verdict(200), ""),
        Err(refusal) => told(requests::api_verdict(refusal.code()), refusal.why()),
    }
}

fn told(verdict: Verdict, why: &str) -> Outcome {
    match verdict {
        Verdict::Done => Outcome::Done,
        Verdict::Refused => Outcome::Refused(why.to_owned()),
        Verdict::Denied => Outcome::Denied(why.to_owned()),
        Verdict::Failed => Outcome::Failed(why.to_owned()),
    }
}

impl fmt::Display for Cluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "  at {} ms", self.world.now())?;
        if let Some(set) = self.api.get("StatefulSet", NAME) {
            writeln!(f, "  StatefulSet of {}, {}", set["spec"]["replicas"], set["status"])?;
        }
        for pod in self.api.list("Pod") {
            let (meta, name) = (&pod["metadata"], text(&pod["metadata"]["name"]));
            let slot = controllers::ordinal(&name).unwrap_or(0);
            let status = self.world.status(slot).map(|it| {
                let of = ["memberId", "role", "dataState", "term", "ready"].map(|key| &it[key]);
                format!("{of:?} {}", it["config"]["version"])
            });
            let revision = &meta["labels"]["controller-revision-hash"];
            writeln!(
                f,
                "  {name} ready {} going {} turn {} {revision}: {status:?}",
                controllers::ready(pod),
                controllers::going(pod),
                meta["annotations"]["quorate.dev/turn"],
            )?;
        }
        writeln!(f, "  committed {:?}", self.world.committed_config())?;
        if let Some(ensemble) = self.api.get("CoordinationEnsemble", NAME) {
            let status = &ensemble["status"];
            writeln!(f, "  {}", status["operation"])?;
            for it in status["conditions"].as_array().into_iter().flatten() {
                writeln!(f, "  {} {}: {}", it["type"], it["status"], it["message"])?;
            }
        }
        Ok(())
    }
}
