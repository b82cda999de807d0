//! What others may ask of a member's consensus core; nothing here changes it.

use std::collections::BTreeMap;

use super::config::{Config, Member};
use super::leader::Leading;
use super::peer_view::PeerView;
use super::server_state::{ElectionState, ServerState};
use super::{Raft, quorum};
use crate::core::types::{Index, MemberId, Mono, Term};

impl Raft {
    /// What a leader knows, if this member leads.
    pub(super) fn leading(&self) -> Option<&Leading> {
        match &self.state {
            ElectionState::Leader(leading) => Some(leading),
            ElectionState::Follower
            | ElectionState::PreCandidate { .. }
            | ElectionState::Candidate { .. } => None,
        }
    }

    /// What this member is now.
    pub(crate) fn server_state(&self) -> ServerState {
        let me = self.settings.id;
        let committed = self.log.committed_config();
        let config = self.log.config();
        let known = |config: &Config| config.member(me).is_some() || config.votes(me);
        if committed.index > Index(0) && !known(committed) && !known(config) {
            return ServerState::Removed;
        }
        match &self.state {
            ElectionState::Leader(_) => ServerState::Leader,
            ElectionState::Candidate { .. } | ElectionState::PreCandidate { .. } => {
                ServerState::Candidate
            }
            ElectionState::Follower if config.votes(me) => ServerState::Follower,
            ElectionState::Follower => ServerState::Learner,
        }
    }

    /// This member.
    pub(crate) fn id(&self) -> MemberId {
        self.settings.id
    }

    /// The newest term seen.
    pub(crate) fn term(&self) -> Term {
        self.hard.term
    }

    /// Who leads in it, as far as it is known.
    pub(crate) fn leader(&self) -> Option<MemberId> {
        self.leader
    }

    /// The configuration in force: the newest in the log.
    pub(crate) fn config(&self) -> &Config {
        self.log.config()
    }

    /// The newest committed configuration.
    pub(crate) fn committed_config(&self) -> &Config {
        self.log.committed_config()
    }

    /// Everybody to keep a link to: members of the configuration in force and of the committed
    /// one, and those that were dropped and are still being told.
    pub(crate) fn contacts(&self) -> Vec<Member> {
        let mut contacts: BTreeMap<MemberId, Member> = BTreeMap::new();
        for member in self.leading().into_iter().flat_map(Leading::lingering) {
            contacts.insert(member.id, member.clone());
        }
        for member in self.committed_config().members.iter().chain(&self.config().members) {
            contacts.insert(member.id, member.clone());
        }
        contacts.into_values().filter(|member| member.id != self.settings.id).collect()
    }

    /// Committed, as far as this member knows.
    pub(crate) fn commit_index(&self) -> Index {
        self.log.commit_index()
    }

    /// The end of the log.
    pub(crate) fn last_index(&self) -> Index {
        self.log.last_index()
    }

    /// The start of the log.
    pub(crate) fn first_index(&self) -> Index {
        self.log.first_index()
    }

    /// The term of an entry, if the log has it or ends its compaction there.
    pub(crate) fn term_at(&self, index: Index) -> Option<Term> {
        self.log.term_at(index)
    }

    /// Whether this member leads and takes proposals (not while handing leadership over).
    pub(crate) fn accepts_proposals(&self) -> bool {
        self.leading().is_some_and(|leading| !leading.transferring())
    }

    /// Whether this leader has committed an entry of its own term: before that it does not know
    /// what is committed (Raft §8).
    pub(crate) fn ready_to_serve(&self) -> bool {
        self.leading().is_some_and(|leading| leading.ready_to_serve(&self.log))
    }

    /// Whether the log is being repaired, so that this member does not vote.
    pub(crate) fn repairing(&self) -> bool {
        self.repair.is_some()
    }

    /// Milliseconds since the leader was heard; on the leader, since a quorum was.
    pub(crate) fn leader_contact(&self, now: Mono) -> Option<u64> {
        let at = match self.leading() {
            Some(leading) => Some(leading.quorum_heard(now, self.settings.id, self.config())),
            None => self.leader.and(self.heard),
        };
        at.map(|at| now.since(at))
    }

    /// A leader's view of the others; empty on other members.
    pub(crate) fn peers(&self, now: Mono) -> Vec<PeerView> {
        self.leading().map_or(Vec::new(), |leading| leading.views(now, self.log.last_index()))
    }

    /// On the leader: whether that member was heard lately.
    pub(crate) fn hears(&self, now: Mono, id: MemberId) -> bool {
        let lately = 3 * self.settings.timing.election;
        self.leading()
            .is_some_and(|leading| id == self.settings.id || leading.heard_within(now, id, lately))
    }

    /// On the leader: whether the members that can be counted on would be a quorum without this one.
    pub(crate) fn quorum_without(&self, now: Mono, id: MemberId) -> bool {
        self.leading().is_some_and(|leading| {
            let caught_up = |member| leading.caught_up(now, &self.settings, &self.log, member);
            quorum::reached(self.config(), |member| member != id && caught_up(member))
        })
    }

    /// Checks what must hold between steps.
    ///
    /// # Panics
    /// When it does not.
    #[cfg(any(test, feature = "sim"))]
    pub(crate) fn check_invariants(&self) {
        self.log.check_invariants();
        if let Some(leading) = self.leading() {
            assert_eq!(self.leader, Some(self.settings.id), "a leader follows itself");
            leading.check_invariants(self.last_index());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::raft::config::Role;
    use crate::core::raft::event::{Change, Event, Message, Output};
    use crate::core::raft::tests::{first_of, member};

    const OTHERS: [MemberId; 2] = [MemberId(2), MemberId(3)];

    fn step(raft: &mut Raft, now: Mono, event: Event) {
        let mut out = Vec::new();
        raft.step(now, event, &mut out);
        for action in out {
            if let Output::Write { seq, .. } = action {
                step(raft, now, Event::Durable(seq));
            }
        }
    }

    /// What the other two say at this time.
    fn answer(raft: &mut Raft, now: Mono, from: &[MemberId], message: &Message) {
        for from in from.iter().copied() {
            let message = message.clone();
            step(raft, now, Event::Message { from, message });
        }
    }

    /// The leader of three, whom both others have just acknowledged everything.
    fn leader(now: Mono) -> Raft {
        let members = (1..=3).map(|id| member(MemberId(id), Role::Voter));
        let (mut raft, _) = first_of(members.collect());
        for id in OTHERS {
            step(&mut raft, now, Event::LinkUp(id));
        }
        step(&mut raft, now, Event::Tick);
        let (term, granted) = (Term(1), true);
        answer(&mut raft, now, &OTHERS, &Message::PreVoteReply { term, granted });
        answer(&mut raft, now, &OTHERS, &Message::VoteReply { term, granted });
        assert_eq!(raft.server_state(), ServerState::Leader);
        let message = acknowledgement(&raft);
        answer(&mut raft, now, &OTHERS, &message);
        raft
    }

    fn acknowledgement(raft: &Raft) -> Message {
        Message::Accepted { term: raft.term(), matched: raft.last_index(), round: 0 }
    }

    #[test]
    fn a_silent_member_does_not_spare_another_one() {
        let now = Mono(10_000);
        let mut raft = leader(now);
        for id in [MemberId(1), OTHERS[0], OTHERS[1]] {
            assert!(raft.quorum_without(now, id), "{id}");
        }
        // The link to the third is up, yet nothing comes back on it.
        let later = now.plus(raft.settings.timing.election + 1);
        let message = acknowledgement(&raft);
        answer(&mut raft, later, &OTHERS[..1], &message);
        assert!(raft.quorum_without(later, OTHERS[1]), "it is no loss");
        assert!(!raft.quorum_without(later, OTHERS[0]));
        assert!(!raft.quorum_without(later, MemberId(1)));
    }

    #[test]
    fn members_change_as_a_whole_by_one_joint_phase() {
        let now = Mono(10_000);
        let mut raft = leader(now);
        let mut members = raft.config().members.clone();
        let (id, expected) = (1, raft.config().index);
        members.truncate(2);
        members[1].role = Role::Observer;
        let change = |members: &[Member]| Event::Change {
            id,
            expected,
            change: Change::Members(members.to_vec()),
        };
        let twice = [members[0].clone(), members[0].clone()];
        step(&mut raft, now, change(&twice));
        step(&mut raft, now, change(&members[1..]));
        assert_eq!(raft.config().index, expected, "neither is a membership");

        step(&mut raft, now, change(&members));
        assert!(raft.config().joint());
        assert_eq!(raft.config().voters(), [MemberId(1)]);
        assert_eq!(raft.config().outgoing, [MemberId(1), MemberId(2), MemberId(3)]);
        assert_eq!(raft.config().leaving, [MemberId(3)]);
        let message = acknowledgement(&raft);
        answer(&mut raft, now, &OTHERS[..1], &message);
        assert!(!raft.config().joint());
        assert_eq!(raft.config().members, members);
        assert_eq!(raft.server_state(), ServerState::Leader, "it is a quorum of itself");
    }
}
