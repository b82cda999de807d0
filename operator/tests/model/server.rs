//! Requests as the API server and the members answer them, and the properties that must hold
//! whenever one is accepted. Names in brackets are those of the list of properties.

use std::sync::Arc;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use quorate_crds::EnsembleStatus;
use quorate_operator::plan::action::{Action, Plan};
use quorate_operator::plan::member::{ConfigMember, Suffrage};
use quorate_operator::plan::names;
use quorate_operator::plan::object::{Kind, Object, ObjectKey};
use quorate_operator::plan::observed::{Fate, Formation, NewMember, Observed, Seen};
use quorate_operator::plan::pin::Pin;
use serde_json::Value;

use crate::world::{Group, Member, Pod, Set, Stored, Template, World};

/// One request of an operator.
#[derive(Clone, Debug)]
pub(crate) enum Request {
    Object(Object),
    Action {
        action: Action,
        /// When the members said what it was decided on.
        seen: i64,
    },
    Status {
        version: String,
        status: Box<EnsembleStatus>,
    },
}

/// A pass's requests, in order; `seen` is when the members were asked.
pub(crate) fn requests(observed: &Observed, plan: Plan, seen: i64) -> Vec<Request> {
    let mut all: Vec<Request> = plan.objects.into_iter().map(Request::Object).collect();
    let action = |action| Request::Action { action, seen };
    all.extend(plan.actions.into_iter().map(action));
    if let Some(status) = plan.status
        && observed.ensemble.status.as_ref() != Some(&status)
    {
        let version = observed.ensemble.metadata.resource_version.clone();
        all.push(Request::Status {
            version: version.unwrap_or_default(),
            status: Box::new(status),
        });
    }
    all
}

/// A precondition does not hold.
#[derive(Debug)]
pub(crate) struct Refused;

type Answer = Result<(), Refused>;

fn require(holds: bool) -> Answer {
    if holds { Ok(()) } else { Err(Refused) }
}

impl World {
    /// Answers a request. Panics when an accepted one breaks a property.
    pub(crate) fn accept(&mut self, request: &Request) -> Answer {
        let covered = self.covers_voters();
        let answer = self.answer(request);
        assert!(
            !covered || self.covers_voters(),
            "S2: the pod of a voter is scaled away by {request:?}"
        );
        assert!(self.one_ensemble(), "S5: a disk of a second ensemble");
        if self.tells {
            let verdict = answer.as_ref().map_or("refused", |()| "accepted");
            match request {
                Request::Action { action, .. } => {
                    eprintln!("{}: {verdict} {action:?}", self.now);
                }
                Request::Object(object) if object.key.kind == Kind::StatefulSet => {
                    let body = object.body();
                    let (meta, size) = (&body["metadata"], &body["spec"]["replicas"]);
                    eprintln!("{}: {verdict} {size} {}", self.now, meta["annotations"]);
                }
                _ => {}
            }
        }
        answer
    }

    fn answer(&mut self, request: &Request) -> Answer {
        match request {
            Request::Object(object) if object.key.kind == Kind::StatefulSet => {
                self.apply_set(object)
            }
            Request::Object(object) => self.apply_object(object),
            Request::Status { version, status } => {
                let now = self.ensemble.metadata.resource_version.as_ref();
                require(now == Some(version))?;
                self.ensemble.status = Some((**status).clone());
                self.ensemble.metadata.resource_version = Some(self.fresh().to_string());
                self.writes += 1;
                Ok(())
            }
            Request::Action { action, seen } => self.act(action, *seen),
        }
    }

    fn apply_object(&mut self, object: &Object) -> Answer {
        let (key, uid, body) = (&object.key, object.uid.as_ref(), object.body());
        // What is not there for us is made without force, and refused where somebody else's is.
        require(self.foreign.as_ref() != Some(key))?;
        let (own, version) = (format!("object-{}", self.fresh()), self.fresh());
        match self.objects.get_mut(key) {
            None => {
                require(uid.is_none())?;
                let stored = Stored { uid: own, version, body: body.clone() };
                self.objects.insert(key.clone(), stored);
                self.writes += 1;
            }
            Some(present) => {
                require(uid.is_none_or(|uid| *uid == present.uid))?;
                if present.body != *body {
                    (present.body, present.version) = (body.clone(), version);
                    self.writes += 1;
                }
            }
        }
        Ok(())
    }

    fn apply_set(&mut self, object: &Object) -> Answer {
        let body = object.body();
        let (meta, spec) = (&body["metadata"], &body["spec"]);
        let annotation = |key: &str| meta["annotations"][key].as_str().map(str::to_owned);
        let next = Set {
            uid: object.uid.clone().unwrap_or_default(),
            version: 0,
            replicas: spec["replicas"].as_i64().unwrap_or(1) as i32,
            generation_mark: generation(body),
            configuration: annotation("quorate.dev/configuration").and_then(|it| Seen::parse(&it)),
            pin: annotation(names::TEMPLATE).and_then(|it| Pin::parse(&it)),
            claims: spec["volumeClaimTemplates"].clone(),
            template: Arc::new(Template::new(&spec["template"])),
            seen: Arc::default(),
        };
        let retention = &spec["persistentVolumeClaimRetentionPolicy"];
        assert_eq!(retention["whenScaled"], "Retain", "S4: a disk would go");
        assert_eq!(retention["whenDeleted"], "Retain", "S4: disks would go with their set");
        let (uid, version) = (format!("set-{}", self.fresh()), self.fresh());
        let Some(set) = &mut self.set else {
            require(next.uid.is_empty())?;
            self.set = Some(Set { uid, version, ..next });
            self.objects.insert(object.key.clone(), Stored::default());
            self.writes += 1;
            return Ok(());
        };
        // The claim template never changes, and a stated uid or version must be the present one.
        require(set.claims == next.claims)?;
        require(next.uid.is_empty() || next.uid == set.uid)?;
        let stated = object.resource_version.as_ref();
        require(stated.is_none_or(|stated| *stated == set.version.to_string()))?;
        let same = set.replicas == next.replicas
            && set.generation_mark == next.generation_mark
            && set.configuration == next.configuration
            && set.pin == next.pin
            && set.template == next.template;
        if !same {
            let lowered = next.replicas < set.replicas;
            let (replicas, uid, seen) = (next.replicas, set.uid.clone(), set.seen.clone());
            *set = Set { uid, version, seen, ..next };
            self.writes += 1;
            assert!(!lowered, "S2: an apply lowered the replicas to {replicas}");
        }
        Ok(())
    }

    fn act(&mut self, action: &Action, seen: i64) -> Answer {
        match action {
            Action::CreateToken { .. } => {
                require(!self.token)?;
                self.token = true;
            }
            Action::CreateFormation { formation, .. } => {
                require(self.record.is_none())?;
                assert!(self.group.is_none(), "S5: a formation beside an ensemble");
                self.record = Some(formation.clone());
            }
            Action::Form { ordinal, formation } => return self.form(*ordinal, formation),
            Action::AddLearners { leader, ensemble_id, expected, members } => {
                let group = self.led_by(*leader, ensemble_id, *expected)?;
                for new in members {
                    let known = |it: &Member| it.info.member_id == new.member_id;
                    if !group.members.iter().any(known) {
                        group.members.push(member(new, Suffrage::Learner, 500));
                    }
                }
                self.reconfigured(1);
            }
            Action::RemoveLearners { leader, ensemble_id, expected, members } => {
                let group = self.led_by(*leader, ensemble_id, *expected)?;
                let goes = |it: &Member| members.contains(&it.info.member_id);
                require(!group.members.iter().any(|it| goes(it) && it.info.votes()))?;
                group.members.retain(|it| !goes(it));
                self.reconfigured(1);
            }
            Action::ChangeVoters { leader, ensemble_id, expected, voters } => {
                self.change_voters(*leader, ensemble_id, *expected, voters)?;
            }
            Action::TransferLeader { ensemble_id, target, .. } => {
                self.transfer(ensemble_id, target)?;
            }
            Action::RaiseVersion { leader, ensemble_id, expected, version } => {
                let group = self.led_by(*leader, ensemble_id, *expected)?;
                group.rules = group.rules.max(*version);
            }
            Action::GiveTurn { name, uid, resource_version } => {
                self.turn(name, uid, resource_version, true)?;
            }
            Action::TakeTurn { name, uid, resource_version } => {
                self.turn(name, uid, resource_version, false)?;
            }
            Action::LowerReplicas { uid, resource_version, replicas, .. } => {
                let version = self.fresh();
                let set = self.set.as_mut().ok_or(Refused)?;
                require(set.uid == *uid && set.version.to_string() == *resource_version)?;
                set.replicas = *replicas;
                set.version = version;
            }
            Action::DeletePod { name, uid, resource_version, .. } => {
                self.delete_pod(name, uid, resource_version, seen)?;
            }
            Action::Adopt { key, .. } => panic!("S7: {key} is nobody else's"),
            Action::AdjustClaim { name, uid, resource_version, owners, fate, .. } => {
                self.adjust_claim((name, uid, resource_version), owners, fate)?;
            }
            Action::DeleteClaim { name, uid, resource_version } => {
                self.delete_claim((name, uid, resource_version))?;
            }
            Action::DeleteConfigMap { name, uid, resource_version } => {
                self.delete_config_map(name, uid, resource_version)?;
            }
        }
        self.writes += 1;
        Ok(())
    }

    fn form(&mut self, ordinal: i32, formation: &Formation) -> Answer {
        require(self.up(ordinal))?;
        let disk = self.disks.get_mut(&ordinal).ok_or(Refused)?;
        if disk.ensemble_id.is_some() {
            return require(disk.ensemble_id.as_ref() == Some(&formation.ensemble_id));
        }
        require(disk.member_id == formation.seed)?;
        assert!(self.group.is_none(), "S5: a second ensemble");
        disk.ensemble_id = Some(formation.ensemble_id.clone());
        let members = formation.members.iter().map(|it| member(it, Suffrage::Voter, 0)).collect();
        self.group = Some(Group {
            ensemble_id: formation.ensemble_id.clone(),
            version: 1,
            members,
            leader: None,
            term: 1,
            pending_until: 0,
            before: (0, Vec::new()),
            rules: 1,
        });
        self.counts.formations += 1;
        self.writes += 1;
        Ok(())
    }

    fn transfer(&mut self, ensemble_id: &str, target: &String) -> Answer {
        let up = self.member_up(target);
        let votes = self.voters().contains(target);
        let group = self.group.as_mut().ok_or(Refused)?;
        require(group.ensemble_id == *ensemble_id && up && votes)?;
        if group.leader.is_some() && group.leader.as_ref() != Some(target) {
            group.leader = Some(target.clone());
            group.term += 1;
            self.counts.leaders += 1;
        }
        Ok(())
    }

    fn claim(&self, of: (&str, &str, &str)) -> Result<i32, Refused> {
        let (name, uid, version) = of;
        let ordinal = name.trim_start_matches("data-zk-").parse().map_err(|_| Refused)?;
        let claim = self.claims.get(&ordinal).ok_or(Refused)?;
        require(claim.uid == uid && claim.version.to_string() == version)?;
        Ok(ordinal)
    }

    fn adjust_claim(
        &mut self,
        of: (&str, &str, &str),
        owners: &[OwnerReference],
        fate: &Fate,
    ) -> Answer {
        let ordinal = self.claim(of)?;
        let version = self.fresh();
        let uid = self.ensemble.metadata.uid.clone();
        let claim = self.claims.get_mut(&ordinal).ok_or(Refused)?;
        claim.owned = owners.iter().any(|owner| Some(&owner.uid) == uid.as_ref());
        (claim.fate, claim.version) = (Some(fate.clone()), version);
        let asked = !claim.owned || self.deletes.contains(&fate.decided);
        assert!(asked, "S4: no spec asks for the disk of zk-{ordinal} to go");
        Ok(())
    }

    /// S4: a spec asks for it, and no member has that disk.
    fn delete_claim(&mut self, of: (&str, &str, &str)) -> Answer {
        let ordinal = self.claim(of)?;
        assert!(self.claims[&ordinal].owned, "S4: no spec asks for the disk of zk-{ordinal} to go");
        let pod = self.pods.get(&ordinal);
        assert!(pod.is_none_or(|pod| pod.going_at.is_some()), "S4: zk-{ordinal} uses its disk");
        let disk = self.disks.get(&ordinal).map(|disk| disk.member_id.clone());
        let members = self.group.iter().flat_map(|group| &group.members);
        let mut members = members.map(|it| (it.info.server_id - 1, Some(&it.info.member_id)));
        let has = |(at, id): (i32, Option<&String>)| at == ordinal || id == disk.as_ref();
        assert!(!members.any(has), "S4: the disk of zk-{ordinal} is a member's; {self}");
        self.claims.remove(&ordinal);
        self.disks.remove(&ordinal);
        Ok(())
    }

    fn delete_config_map(&mut self, name: &str, uid: &str, version: &str) -> Answer {
        let key = ObjectKey { kind: Kind::ConfigMap, name: name.to_owned() };
        let object = self.objects.get(&key).ok_or(Refused)?;
        require(object.uid == *uid && object.version.to_string() == *version)?;
        let mounts = |pod: &Pod| pod.template.config_map == *name;
        assert!(!self.pods.values().any(mounts), "C2: a pod mounts {name}");
        self.objects.remove(&key);
        Ok(())
    }

    fn led_by(&mut self, ordinal: i32, id: &str, expected: i64) -> Result<&mut Group, Refused> {
        let leader = self.disks.get(&ordinal).map(|disk| disk.member_id.clone());
        require(self.up(ordinal))?;
        let now = self.now;
        let group = self.group.as_mut().ok_or(Refused)?;
        require(group.leader.is_some() && group.leader == leader && group.ensemble_id == id)?;
        require(group.version == expected && now >= group.pending_until)?;
        group.before = (group.version, group.members.clone());
        Ok(group)
    }

    fn reconfigured(&mut self, steps: i64) {
        let pending_until = self.now + 2;
        if let Some(group) = &mut self.group {
            group.version += steps;
            group.pending_until = pending_until;
        }
        self.counts.configurations += 1;
        let voters = self.voters().len();
        assert!(matches!(voters, 1 | 3 | 5 | 7), "S3: {voters} voters");
    }

    fn change_voters(
        &mut self,
        leader: i32,
        ensemble_id: &str,
        expected: i64,
        voters: &[String],
    ) -> Answer {
        let near: Vec<String> = self.in_step().map(str::to_owned).collect();
        let group = self.led_by(leader, ensemble_id, expected)?;
        // As the consensus core does: only members, no learner that is behind, and a quorum of the
        // new voters in step.
        let of = |id: &String| group.members.iter().find(|it| it.info.member_id == *id);
        for id in voters {
            let member = of(id).ok_or(Refused)?;
            require(member.info.votes() || near.contains(id))?;
        }
        let ready = voters.iter().filter(|id| near.contains(id)).count();
        require(ready > voters.len() / 2 && !voters.len().is_multiple_of(2))?;
        group.members.retain(|it| !it.info.votes() || voters.contains(&it.info.member_id));
        for member in &mut group.members {
            if voters.contains(&member.info.member_id) {
                member.info.suffrage = Suffrage::Voter;
            }
        }
        self.reconfigured(2);
        Ok(())
    }

    fn pod(&mut self, name: &str, uid: &str, version: &str) -> Result<i32, Refused> {
        let ordinal = name.trim_start_matches("zk-").parse().map_err(|_| Refused)?;
        let pod = self.pods.get(&ordinal).ok_or(Refused)?;
        require(pod.uid == uid && pod.version.to_string() == version)?;
        Ok(ordinal)
    }

    fn turn(&mut self, name: &str, uid: &str, version: &str, turn: bool) -> Answer {
        let ordinal = self.pod(name, uid, version)?;
        let version = self.fresh();
        let pod = self.pods.get_mut(&ordinal).ok_or(Refused)?;
        (pod.turn, pod.version) = (turn, version);
        Ok(())
    }

    fn delete_pod(&mut self, name: &str, uid: &str, version: &str, seen: i64) -> Answer {
        let ordinal = self.pod(name, uid, version)?;
        let pod = &self.pods[&ordinal];
        require(pod.going_at.is_none())?;
        if self.serves(ordinal) {
            let other = self.away.iter().find(|away| **away != ordinal);
            assert_eq!(other, None, "S6: {name} was deleted while that one was away");
            // Who crashed by itself is nobody's fault, and neither is a disk that was lost after
            // the members were asked.
            let voters = self.voters();
            let stays = |id: &&String| match self.ordinal_of(id) {
                Some(at) => at != ordinal && !self.away.contains(&at),
                None => self.lost.get(*id).is_some_and(|at| *at >= seen),
            };
            let left = voters.iter().filter(stays).count();
            let keeps = left > voters.len() / 2 || voters.len() == 1;
            assert!(keeps, "S1: the quorum of {} was spent on {name}; {self}", voters.len());
        }
        let going_at = self.now + 2;
        if let Some(pod) = self.pods.get_mut(&ordinal) {
            pod.going_at = Some(going_at);
        }
        self.away.insert(ordinal);
        self.counts.deletions += 1;
        Ok(())
    }
}

/// The generation of the ensemble that an object was applied for.
pub(crate) fn generation(object: &Value) -> i64 {
    let mark = &object["metadata"]["annotations"]["quorate.dev/ensemble-generation"];
    mark.as_str().and_then(|it| it.parse().ok()).unwrap_or(0)
}

fn member(new: &NewMember, suffrage: Suffrage, behind: i64) -> Member {
    let info = ConfigMember {
        member_id: new.member_id.clone(),
        server_id: new.server_id,
        suffrage,
        peer: new.peer.clone(),
        client: new.client.clone(),
    };
    Member { info, behind }
}
