//! What must hold whatever happens: of the world after every request that is accepted, and of a plan
//! that was made of the world as it is.

use quorate_crds::EnsembleStatus;
use quorate_operator::plan::action::{Action, Plan};
use quorate_operator::plan::observed::Observed;

use crate::world::World;

impl World {
    /// S2: a voter's pod is never missing for want of replicas.
    pub(crate) fn covers_voters(&self) -> bool {
        let replicas = self.set.as_ref().map(|set| set.replicas);
        let members = self.group.iter().flat_map(|group| &group.members);
        let mut voters = members.filter(|it| it.info.votes());
        replicas.is_none_or(|replicas| voters.all(|it| it.info.server_id <= replicas))
    }

    /// S5: no disk of any other ensemble than the one that was formed.
    pub(crate) fn one_ensemble(&self) -> bool {
        let formed = self.group.as_ref().map(|group| &group.ensemble_id);
        let known = |id: &String| formed == Some(id);
        let disks = self.disks.values();
        disks.filter_map(|disk| disk.ensemble_id.as_ref()).all(known)
    }

    /// What must be true of a plan whose view is this very world.
    pub(crate) fn judge(&self, observed: &Observed, plan: &Plan) {
        for action in &plan.actions {
            if let Action::DeletePod { name, .. } = action {
                self.judge_deletion(name);
            }
        }
        if self.foreign.is_some() {
            let writes = plan.objects.len() + plan.actions.len();
            assert_eq!(writes, 0, "S7: writes beside an object of somebody else");
        }
        if let Some(status) = &plan.status {
            self.judge_status(observed, status);
        }
    }

    fn judge_deletion(&self, name: &str) {
        let ordinal: i32 = name.trim_start_matches("zk-").parse().expect("a pod");
        let voters = self.voters();
        let serving = |id: &&String| {
            let at = self.ordinal_of(id);
            at.is_some_and(|at| at != ordinal && self.serves(at))
        };
        let left = voters.iter().filter(serving).count();
        assert!(
            !self.serves(ordinal) || voters.len() == 1 || left > voters.len() / 2,
            "S1: {name} is to go, and {left} of {} are left; {self}",
            voters.len()
        );
    }

    /// S8: what is said of this spec is so, and what was not seen is unknown.
    fn judge_status(&self, observed: &Observed, status: &EnsembleStatus) {
        let wanted = self.ensemble.spec.replicas;
        let generation = self.ensemble.metadata.generation;
        let told = |kind: &str| {
            let mut all = status.conditions.iter();
            let it = all.find(|it| it.type_ == kind).expect("a condition");
            assert_eq!(it.observed_generation, generation, "S8: {kind}");
            it.status.as_str()
        };
        let honest = |kind: &str, so: bool| {
            assert!(told(kind) != "True" || so, "S8: {kind} is said; {self}");
        };
        let voters = self.voters();
        let served = (0..wanted).all(|ordinal| self.serves(ordinal));
        honest("Ready", served && voters.len() == wanted as usize);
        let leader = self.group.as_ref().and_then(|group| group.leader.as_ref());
        honest("QuorumAvailable", leader.is_some_and(|it| self.member_up(it)));
        let size = self.set.as_ref().map(|set| set.replicas);
        let mut members = self.group.iter().flat_map(|group| &group.members);
        let exact = voters.len() == wanted as usize
            && members.all(|it| it.info.votes() && it.info.server_id <= wanted)
            && size == Some(wanted);
        honest("MembershipConverged", exact);
        let applied = self.set.as_ref().is_some_and(|set| {
            let newest = self.pods.values().all(|pod| pod.template == set.template);
            newest && Some(set.generation_mark) == generation
        });
        honest("ConfigurationInSync", applied);
        let paused = self.ensemble.spec.paused;
        assert_eq!(told("Paused") == "True", paused, "S8: Paused");
        if observed.members.is_empty() {
            assert_eq!(told("MembershipConverged"), "Unknown", "S8: nobody told");
            let quorum = told("QuorumAvailable");
            let unseen = observed.pods.is_empty() || quorum == "Unknown";
            assert!(unseen, "S8: nobody answered, and the quorum is {quorum}");
        }
    }
}
