//! What an operator sees of the world.

use std::fmt;

use quorate_crds::status::Role;
use quorate_operator::plan::image::Image;
use quorate_operator::plan::member::{self, DataState};
use quorate_operator::plan::names::{ENSEMBLE, Names};
use quorate_operator::plan::object::Kind;
use quorate_operator::plan::observed::{self, Observed};

use crate::server::generation;
use crate::world::{Claim, Member, NO_IMAGE, NO_NODE, Pod, World};

/// The newest version of an ensemble that every program here knows.
const NEWEST: i32 = 2;

impl World {
    /// What an operator sees now.
    pub(crate) fn observe(&mut self) -> Observed {
        let nonce = self.fresh().to_string();
        let existing = self.objects.iter().map(|(key, object)| (key.clone(), object.uid.clone()));
        let maps = self.objects.iter().filter(|(key, _)| key.kind == Kind::ConfigMap);
        Observed {
            now: self.now,
            nonce,
            ensemble: self.ensemble.clone(),
            may_follow: false,
            default_image: Image { reference: "quorate:1".to_owned(), ..Image::default() },
            cluster_domain: String::new(),
            stateful_set: self.set.as_ref().map(|set| observed::StatefulSet {
                pin: set.pin.clone(),
                said: None,
                uid: set.uid.clone(),
                resource_version: set.version.to_string(),
                replicas: set.replicas,
                ensemble_generation: set.generation_mark,
                configuration: set.configuration.clone(),
                update_revision: set.seen.revision.clone(),
                settled: set.seen == set.template,
                retains: true,
                claims: serde_json::from_value(set.claims.clone()).ok(),
            }),
            foreign: self.foreign.clone(),
            orphans: Vec::new(),
            existing: existing.collect(),
            pods: self.pods.iter().map(|(ordinal, pod)| self.show_pod(*ordinal, pod)).collect(),
            claims: Some(self.claims.iter().map(|(at, it)| self.show_claim(*at, it)).collect()),
            formation: self.record.clone(),
            config_maps: maps
                .map(|(key, object)| observed::ConfigMap {
                    name: key.name.clone(),
                    uid: object.uid.clone(),
                    resource_version: object.version.to_string(),
                    ensemble_generation: generation(&object.body),
                })
                .collect(),
            has_token: self.token,
            refusing: Vec::new(),
            members: self.pods.keys().filter_map(|ordinal| self.show_member(*ordinal)).collect(),
        }
    }

    fn show_claim(&self, ordinal: i32, claim: &Claim) -> observed::Claim {
        let name = format!("data-zk-{ordinal}");
        let names = Names::of(&self.ensemble, "");
        observed::Claim {
            ordinal,
            name,
            uid: claim.uid.clone(),
            resource_version: claim.version.to_string(),
            deleting: false,
            labels: [(ENSEMBLE.to_owned(), "zk".to_owned())].into(),
            owners: claim.owned.then(|| names.owner()).into_iter().collect(),
            fate: claim.fate.clone(),
        }
    }

    fn show_pod(&self, ordinal: i32, pod: &Pod) -> observed::Pod {
        observed::Pod {
            said: None,
            ordinal,
            name: format!("zk-{ordinal}"),
            uid: pod.uid.clone(),
            resource_version: pod.version.to_string(),
            revision: pod.template.revision.clone(),
            ready: pod.ready,
            ready_changed: pod.ready_changed,
            ahead: 0,
            created: pod.created,
            deleting: pod.going_at.is_some(),
            gone_by: pod.going_at,
            node: None,
            turn: pod.turn,
            ip: Some(format!("10.0.0.{ordinal}")),
            trouble: if pod.placed {
                pod.template.broken.then(|| NO_IMAGE.to_owned())
            } else {
                Some(NO_NODE.to_owned())
            },
        }
    }

    fn show_member(&self, ordinal: i32) -> Option<member::Member> {
        let disk = self.disks.get(&ordinal).filter(|_| self.up(ordinal))?;
        let mut member = member::Member {
            ordinal,
            version: "1".to_owned(),
            server_id: ordinal + 1,
            member_id: disk.member_id.clone(),
            ensemble_id: disk.ensemble_id.clone(),
            data_state: if disk.ensemble_id.is_some() {
                DataState::Member
            } else {
                DataState::Blank
            },
            role: Role::Blank,
            ..member::Member::default()
        };
        let Some(group) = self.group.as_ref().filter(|_| disk.ensemble_id.is_some()) else {
            return Some(member);
        };
        let leads = group.leader.as_deref() == Some(disk.member_id.as_str());
        member.role = if leads { Role::Leader } else { Role::Follower };
        member.term = group.term;
        member.leader_id = group.leader.clone();
        member.leader_contact_ms = Some(0);
        member.ready = self.serves(ordinal);
        member.ensemble_version = Some(group.rules);
        member.newest_version = Some(NEWEST);
        member.config = member::Config {
            version: group.version,
            joint: false,
            pending: self.now < group.pending_until,
            members: group.members.iter().map(|it| it.info.clone()).collect(),
        };
        if leads {
            let peer = |it: &Member| member::Peer {
                member_id: it.info.member_id.clone(),
                lag: it.behind,
                connected: self.member_up(&it.info.member_id),
                behind_ms: None,
                newest_version: Some(NEWEST),
            };
            member.peers = group.members.iter().map(peer).collect();
        }
        Some(member)
    }
}

impl fmt::Display for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (spec, set) = (&self.ensemble.spec, self.set.as_ref());
        writeln!(f, "at {}: {} replicas wanted", self.now, spec.replicas)?;
        writeln!(f, "  StatefulSet: {:?}", set.map(|set| (set.replicas, set.version)))?;
        for (ordinal, pod) in &self.pods {
            let disk = self.disks.get(ordinal).map(|disk| &disk.member_id);
            let (ready, turn, going) = (pod.ready, pod.turn, pod.going_at.is_some());
            let revision = &pod.template.revision;
            writeln!(
                f,
                "  zk-{ordinal}: disk {disk:?} ready {ready} turn {turn} going {going} {revision}"
            )?;
        }
        if let Some(group) = &self.group {
            writeln!(f, "  version {} led by {:?}", group.version, group.leader)?;
            for Member { info, behind } in &group.members {
                let (id, ordinal) = (&info.member_id, info.server_id - 1);
                writeln!(f, "  {id} of {ordinal}: {} {behind} behind", info.suffrage)?;
            }
        }
        let status = self.ensemble.status.clone().unwrap_or_default();
        writeln!(f, "  {:?}", status.operation)?;
        for it in &status.conditions {
            writeln!(f, "  {} {}: {}", it.type_, it.status, it.message)?;
        }
        Ok(())
    }
}
