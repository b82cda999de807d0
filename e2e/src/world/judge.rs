//! What must hold: of the world at every moment, of every request that is accepted, of a plan whose view
//! is of this very instant, and of the end. What clients see, the simulator's own oracle judges.

use quorate_crds::EnsembleStatus;
use quorate_crds::ensemble::AutoReplace;
use quorate_crds::status::Operation;
use quorate_node::model::{Member, MemberId};
use quorate_operator::plan::action::{Action, Cause, Plan};
use quorate_operator::plan::names;
use quorate_operator::plan::object::Kind;
use quorate_operator::plan::observed::{NewMember, Observed};
use quorate_operator::requests::{Request, Write};
use serde_json::{Value, json};

use super::cluster::{Cluster, NAME, SLOTS};
use super::controllers::{going, ordinal, owned_by, ready};
use super::kubelet::lacks_image;
use super::operator::{Asked, Step};

/// What is kept of the world before a request.
pub(super) struct Before {
    /// The object that it is about.
    object: Option<Value>,
    covered: bool,
    replicas: u64,
}

fn ensure(holds: bool, otherwise: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(otherwise()) }
}

impl Cluster {
    /// The committed voters, as far as anybody that runs knows them.
    pub(crate) fn voters(&self) -> Vec<MemberId> {
        self.world.committed_config().map(|config| config.voters()).unwrap_or_default()
    }

    /// The slot whose present disk is that member.
    pub(crate) fn slot_of(&self, member: MemberId) -> Option<usize> {
        (0..SLOTS).find(|slot| self.world.member(*slot) == member)
    }

    /// Whether clients are served there, as the member itself says.
    pub(crate) fn serves(&self, slot: usize) -> bool {
        self.world.ready(slot)
    }

    /// Whether a pod that is made now has what it needs to start.
    fn can_start(&self) -> bool {
        let Some(set) = self.api.get("StatefulSet", NAME) else { return true };
        let spec = &set["spec"]["template"]["spec"];
        let volumes = spec["volumes"].as_array();
        let config = volumes.into_iter().flatten().find_map(|it| it["configMap"]["name"].as_str());
        config.is_none_or(|name| self.api.get("ConfigMap", name).is_some())
    }

    fn replicas(&self) -> Option<u64> {
        self.api.get("StatefulSet", NAME)?["spec"]["replicas"].as_u64()
    }

    /// S2: a voter's pod is never missing for want of replicas.
    fn covers_voters(&self) -> bool {
        let Some(config) = self.world.committed_config() else { return true };
        let voters = config.voters();
        let reach = config.members.iter().filter(|it| voters.contains(&it.id));
        let reach = reach.map(|it| u64::from(it.server.0)).max().unwrap_or(0);
        self.replicas().is_none_or(|replicas| reach <= replicas)
    }

    /// After every step.
    pub(super) fn judge_world(&mut self) -> Result<(), String> {
        let ensembles = self.world.ensembles();
        ensure(ensembles.len() <= 1, || format!("S5: two ensembles: {ensembles:?}"))?;
        // What goes with its resource is not missed.
        let living = self.api.get("CoordinationEnsemble", NAME).is_some();
        ensure(!living || self.api.collected.is_empty(), || {
            format!("S4: {:?} went with what owned them\n{self}", self.api.collected)
        })?;
        self.counts.formations = self.counts.formations.max(ensembles.len());
        let back = |slot: &usize| {
            let pod = self.api.get("Pod", &format!("{NAME}-{slot}"));
            pod.is_none_or(going) || !self.serves(*slot)
        };
        self.away = self.away.iter().copied().filter(back).collect();
        let replicas = self.replicas().unwrap_or(0) as usize;
        self.away.retain(|slot| *slot < replicas);
        if let Some(config) = self.world.committed_config().filter(|config| !config.joint()) {
            let voters = config.voters();
            let mut members: Vec<(MemberId, bool)> =
                config.members.iter().map(|it| (it.id, voters.contains(&it.id))).collect();
            members.sort();
            if members != self.members {
                self.members = members;
                self.counts.configurations += 1;
            }
        }
        Ok(())
    }

    pub(super) fn before(&self, wire: &Request) -> Before {
        let key = match wire {
            Request::Call(_) | Request::Write(Write::ReplaceStatus { .. }) => None,
            Request::Write(Write::Delete(target) | Write::Evict(target)) => Some(&target.key),
            Request::Write(
                Write::Apply { key, .. } | Write::Create { key, .. } | Write::Merge { key, .. },
            ) => Some(key),
        };
        let object = key.and_then(|key| self.api.get(key.kind.as_str(), &key.name).cloned());
        let replicas = self.replicas().unwrap_or(0);
        Before { object, covered: self.covers_voters(), replicas }
    }

    /// An operator's request was accepted.
    pub(super) fn judge_accepted(&mut self, asked: &Asked, before: &Before) -> Result<(), String> {
        ensure(!before.covered || self.covers_voters(), || {
            format!("S2: the pod of a voter is scaled away by {:?}\n{self}", asked.step)
        })?;
        if let Some(object) = &before.object {
            self.judge_own(object, &asked.step)?;
        }
        match &asked.step {
            Step::Object(object) if object.key.kind == Kind::StatefulSet => {
                self.judge_set(object.body(), before.replicas)
            }
            Step::Action(Action::DeletePod { name, .. }) => self.judge_deletion(name, asked),
            Step::Action(Action::DeleteConfigMap { name, .. }) => {
                let mounts = |pod: &Value| pod["spec"].to_string().contains(name.as_str());
                let used = self.api.list("Pod").any(mounts);
                ensure(!used, || format!("C2: a pod mounts {name}"))
            }
            Step::Action(Action::DeleteClaim { name, .. }) => self.judge_claim(name, asked),
            Step::Object(_) | Step::Action(_) | Step::Status(_) => Ok(()),
        }
    }

    /// S4: the spec that was seen asks for it, and nobody has that disk, or its place.
    fn judge_claim(&self, name: &str, asked: &Asked) -> Result<(), String> {
        let slot = ordinal(name).ok_or("a claim without an ordinal")?;
        let asks = self.deletes.contains(&asked.sight.observed.generation());
        ensure(asks, || format!("S4: no spec asks for the end of {name}\n{self}"))?;
        let config = self.world.committed_config();
        let mut members = config.iter().flat_map(|config| &config.members);
        let has =
            |it: &Member| usize::from(it.server.0) == slot + 1 || it.id == self.world.member(slot);
        ensure(!members.any(has), || format!("S4: {name} goes, and a member has it\n{self}"))?;
        let pod = self.api.get("Pod", &format!("{NAME}-{slot}"));
        let uses = pod.is_some_and(|pod| !going(pod));
        ensure(!uses, || format!("S4: {name} goes, and a pod uses it\n{self}"))
    }

    /// S7: only what this resource, or a StatefulSet of it, controls is written.
    fn judge_own(&self, object: &Value, step: &Step) -> Result<(), String> {
        let uid = |kind: &str| Some(self.api.get(kind, NAME)?["metadata"]["uid"].clone());
        let owners = [uid("CoordinationEnsemble"), uid("StatefulSet")];
        let labels = &object["metadata"]["labels"];
        // A claim may have no owner, and a set of an earlier release its own labels.
        let claim = object["kind"] == "PersistentVolumeClaim"
            && [names::ENSEMBLE, "app.kubernetes.io/instance"].iter().any(|it| labels[it] == NAME);
        // What a former resource left.
        let left = matches!(step, Step::Action(Action::Adopt { .. }))
            && labels["app.kubernetes.io/instance"] == NAME
            && !owned_by(object, &json!("stranger"));
        let own = claim || left || owners.iter().flatten().any(|uid| owned_by(object, uid));
        ensure(own, || format!("S7: {} of somebody else was written", object["metadata"]))
    }

    /// S2, S4: never smaller by an apply; no disk goes with its StatefulSet.
    fn judge_set(&self, object: &Value, before: u64) -> Result<(), String> {
        let replicas = object["spec"]["replicas"].as_u64().unwrap_or(0);
        ensure(replicas >= before, || format!("S2: an apply lowered the replicas to {replicas}"))?;
        let retention = &object["spec"]["persistentVolumeClaimRetentionPolicy"];
        let stay = retention["whenScaled"] == "Retain" && retention["whenDeleted"] == "Retain";
        ensure(stay, || "S4: a disk would go with the StatefulSet or its size".to_owned())
    }

    /// S1, S6: one at a time, and never the quorum. Who crashed by itself is nobody's fault, and
    /// neither is a disk that was lost after the members were asked. A member without a vote that
    /// began to serve after it was looked at is no breach: its clients go on elsewhere, no quorum is
    /// touched, and nobody can know at every instant what the next one brings. A voter's going is
    /// judged by what it is when it goes, whatever was known.
    fn judge_deletion(&mut self, name: &str, asked: &Asked) -> Result<(), String> {
        let (slot, seen) = (ordinal(name).ok_or("a pod without an ordinal")?, asked.seen);
        let observed = &asked.sight.observed;
        ensure(self.can_start(), || {
            format!("C5: {name} was deleted, and nothing can take its place\n{self}")
        })?;
        let at = i32::try_from(slot).map_err(|error| error.to_string())?;
        let known = observed.pod(at).is_some_and(|pod| pod.ready)
            || observed.member(at).is_some_and(|member| member.ready);
        let votes = self.voters().contains(&self.world.member(slot));
        if self.serves(slot) && (known || votes) {
            let other = self.away.iter().find(|away| **away != slot);
            ensure(other.is_none(), || {
                format!("S6: {name} was deleted while {other:?} was away\n{self}")
            })?;
            let voters = self.voters();
            let stays = |id: &&MemberId| match self.slot_of(**id) {
                Some(at) => at != slot && !self.away.contains(&at),
                None => self.lost.get(*id).is_some_and(|at| *at >= seen),
            };
            let left = voters.iter().filter(stays).count();
            ensure(left > voters.len() / 2 || voters.len() == 1, || {
                format!("S1: the quorum of {} was spent on {name}\n{self}", voters.len())
            })?;
        }
        self.judge_bad_hour(slot, observed)?;
        self.away.insert(slot);
        Ok(())
    }

    /// H1: without a quorum nobody serves, and whoever answers as a voter may be what the quorum comes
    /// back with; and an image that does not exist is given to one member, not to the next as well.
    fn judge_bad_hour(&self, slot: usize, observed: &Observed) -> Result<(), String> {
        let voters = self.voters();
        let answered = i32::try_from(slot).ok().and_then(|at| observed.member(at));
        let answered = answered.is_some_and(|member| !member.blank());
        if answered && self.runs_as_voter(slot) && voters.len() > 1 {
            let others = (0..SLOTS).filter(|other| *other != slot && self.runs_as_voter(*other));
            ensure(others.count() > voters.len() / 2, || {
                format!("H1: {NAME}-{slot} answers as a voter and was not spared\n{self}")
            })?;
        }
        let image = |it: &Value| it["spec"]["containers"][0]["image"].clone();
        let own = self.api.get("Pod", &format!("{NAME}-{slot}"));
        let Some(set) = self.api.get("StatefulSet", NAME) else { return Ok(()) };
        let next = image(&set["spec"]["template"]);
        // One that has it already is not given it.
        if own.is_some_and(|own| image(own) == next) {
            return Ok(());
        }
        let bad = |pod: &&Value| image(pod) == next && lacks_image(pod) && !going(pod);
        let tried = self.api.list("Pod").find(bad);
        ensure(tried.is_none(), || {
            format!("H1: {NAME}-{slot} is given an image that another one cannot run\n{self}")
        })
    }

    /// Whether this server's process runs, and its disk is a voter's.
    fn runs_as_voter(&self, slot: usize) -> bool {
        self.world.is_on(slot) && self.voters().contains(&self.world.member(slot))
    }

    /// What must be true of a plan whose view is this very world.
    pub(super) fn judge(&self, observed: &Observed, plan: &Plan) -> Result<(), String> {
        for action in &plan.actions {
            if let Action::DeletePod { name, cause, .. } = action {
                let slot = ordinal(name).ok_or("a pod without an ordinal")?;
                let voters = self.voters();
                let serving = |id: &&MemberId| {
                    self.slot_of(**id).is_some_and(|at| at != slot && self.serves(at))
                };
                let left = voters.iter().filter(serving).count();
                let may = !self.serves(slot) || voters.len() == 1 || left > voters.len() / 2;
                ensure(may, || {
                    format!("S1: {name} is to go, {left} of {} are left\n{self}", voters.len())
                })?;
                let leads = *cause == Cause::Outdated && self.world.leads(slot);
                ensure(!leads, || format!("S10: {name} leads and hands over to nobody\n{self}"))?;
            }
            if let Action::TransferLeader { target, .. } = action {
                self.judge_successor(target, plan)?;
            }
            if let Action::AddLearners { members, .. } = action {
                self.judge_learners(members)?;
            }
        }
        if observed.foreign.is_some() {
            let writes = plan.objects.len() + plan.actions.len();
            ensure(writes == 0, || "S7: writes beside an object of somebody else".to_owned())?;
        }
        plan.status.as_ref().map_or(Ok(()), |status| self.judge_status(observed, status))
    }

    /// S10: in a roll, leadership moves once: to a member that is not to be restarted any more.
    fn judge_successor(&self, target: &str, plan: &Plan) -> Result<(), String> {
        let operation = plan.status.as_ref().and_then(|status| status.operation.as_ref());
        if operation.is_none_or(|operation| operation.kind != Operation::Rollout) {
            return Ok(());
        }
        let slot = (0..SLOTS).find(|slot| self.world.member(*slot).to_string() == target);
        let pod = slot.and_then(|slot| self.api.get("Pod", &format!("{NAME}-{slot}")));
        let Some(set) = self.api.get("StatefulSet", NAME) else { return Ok(()) };
        let newest = &set["status"]["updateRevision"];
        let made = |pod: &Value| pod["metadata"]["labels"]["controller-revision-hash"] == *newest;
        let wrong = pod.is_some_and(|pod| !made(pod) || going(pod));
        ensure(!wrong, || format!("S10: an outdated member is to lead: {target}\n{self}"))
    }

    /// A lost disk stays lost where the spec says so.
    fn judge_learners(&self, members: &[NewMember]) -> Result<(), String> {
        if self.ensemble()?.spec.membership.auto_replace != AutoReplace::Never {
            return Ok(());
        }
        let Some(config) = self.world.committed_config() else { return Ok(()) };
        let voters = config.voters();
        let taken = |new: &NewMember| {
            let same = |it: &quorate_node::model::Member| i32::from(it.server.0) == new.server_id;
            config.members.iter().any(|it| same(it) && voters.contains(&it.id))
        };
        let taken = members.iter().find(|it| taken(it));
        ensure(taken.is_none(), || format!("spec: a lost disk is replaced: {taken:?}\n{self}"))
    }

    /// S8: what is said of this spec is so, and what was not seen is unknown.
    fn judge_status(&self, observed: &Observed, status: &EnsembleStatus) -> Result<(), String> {
        let ensemble = self.ensemble()?;
        let generation = ensemble.metadata.generation;
        let wanted = ensemble.spec.replicas as usize;
        let told = |kind: &str| {
            let it = status.conditions.iter().find(|it| it.type_ == kind);
            let it = it.ok_or_else(|| format!("S8: nothing is said of {kind}"))?;
            ensure(it.observed_generation == generation, || format!("S8: {kind} of another spec"))?;
            Ok::<&str, String>(it.status.as_str())
        };
        let honest = |kind: &str, so: bool| {
            let told = told(kind)?;
            ensure(told != "True" || so, || format!("S8: {kind} is said and is not so\n{self}"))
        };
        let voters = self.voters();
        let served = (0..wanted).all(|slot| self.serves(slot));
        honest("Ready", served && voters.len() == wanted)?;
        let leads = (0..SLOTS).any(|slot| self.world.leads(slot));
        honest("QuorumAvailable", leads)?;
        let exact = self.world.committed_config().is_some_and(|config| {
            config.members.len() == wanted
                && voters.len() == wanted
                && config.members.iter().all(|it| usize::from(it.server.0) <= wanted)
        });
        honest("MembershipConverged", exact && self.replicas() == Some(wanted as u64))?;
        honest("ConfigurationInSync", self.in_sync(generation))?;
        let paused = ensemble.spec.paused;
        ensure((told("Paused")? == "True") == paused, || "S8: Paused".to_owned())?;
        if observed.members.is_empty() {
            ensure(told("MembershipConverged")? == "Unknown", || "S8: nobody told".to_owned())?;
            let unseen = observed.pods.is_empty() || told("QuorumAvailable")? == "Unknown";
            ensure(unseen, || "S8: nobody answered, and the quorum is known".to_owned())?;
        }
        Ok(())
    }

    /// Whether the newest spec is applied, and every pod is made of it.
    fn in_sync(&self, generation: Option<i64>) -> bool {
        let Some(set) = self.api.get("StatefulSet", NAME) else { return false };
        let mark = set["metadata"]["annotations"][names::GENERATION].as_str();
        let mark: Option<i64> = mark.and_then(|it| it.parse().ok());
        let newest = &set["status"]["updateRevision"];
        let settled = set["status"]["observedGeneration"] == set["metadata"]["generation"];
        let made = |pod: &Value| pod["metadata"]["labels"]["controller-revision-hash"] == *newest;
        mark == generation && settled && self.api.list("Pod").all(made)
    }

    /// Every key can be written and read at every member. It is the last thing that clients do.
    pub(crate) fn probe(&mut self) -> Result<(), String> {
        self.world.ask_all().map_err(|why| format!("at the end: {why}\n{self}"))
    }

    /// Whether all is as the spec says, down to running processes and what is reported.
    pub(crate) fn converged(&self) -> Result<(), String> {
        let ensemble = self.ensemble()?;
        let wanted = ensemble.spec.replicas as usize;
        let check = |holds: bool, what: &str| ensure(holds, || what.to_owned());
        check(self.in_sync(ensemble.metadata.generation), "the newest spec is not everywhere")?;
        check(self.replicas() == Some(wanted as u64), "replicas")?;
        check(self.api.list("Pod").count() == wanted, "pods")?;
        let turn = |pod: &Value| pod["metadata"]["annotations"][names::TURN].is_string();
        check(!self.api.list("Pod").any(|pod| going(pod) || turn(pod)), "a pod is to go")?;
        check(self.api.list("Pod").all(ready), "a pod is not ready")?;
        let config = self.world.committed_config().ok_or("no ensemble")?;
        check(!config.joint() && config.members.len() == wanted, "members")?;
        check(config.voters().len() == wanted, "voters")?;
        check((0..wanted).all(|slot| self.serves(slot)), "a member does not serve")?;
        check(self.world.clients_are_served(), "a client is not served")?;
        let deletes =
            ensemble.spec.storage.reclaim_policy == quorate_crds::ensemble::ReclaimPolicy::Delete;
        let uid =
            &self.api.get("CoordinationEnsemble", NAME).ok_or("no resource")?["metadata"]["uid"];
        for claim in self.api.list("PersistentVolumeClaim").filter(|claim| !going(claim)) {
            let meta = &claim["metadata"];
            let owners = meta["ownerReferences"].as_array();
            let ours = owners.into_iter().flatten().filter(|it| it["uid"] == *uid).count();
            check(ours == usize::from(deletes), "the disks' fate")?;
            let set = owners.into_iter().flatten().any(|it| it["kind"] == "StatefulSet");
            check(!set, "a disk is its StatefulSet's")?;
            let labels = &meta["labels"];
            let own =
                labels[names::ENSEMBLE] == NAME && labels["app.kubernetes.io/instance"].is_null();
            check(own, "a claim's labels")?;
        }
        let status = ensemble.status.unwrap_or_default();
        check(status.operation.is_none(), "an operation is reported")?;
        let ready = status.conditions.iter().find(|it| it.type_ == "Ready");
        check(ready.is_some_and(|it| it.status == "True"), "it is not reported to be ready")
    }
}
