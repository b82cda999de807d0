//! What others may ask of a member's consensus core; nothing here changes it.

use std::collections::BTreeMap;

use super::config::{Config, Member};
use super::progress::Progress;
use super::{Raft, Role, quorum};
use crate::core::types::{Index, MemberId, Mono, Term};

/// The part a member plays, as others see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub(crate) enum RoleNow {
    Leader,
    Follower,
    Candidate,
    /// Receives the log and does not vote (learners, observers, freshly adopted disks).
    Learner,
    /// The committed configuration does not have it any more.
    Removed,
}

/// A leader's view of another member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub(crate) struct PeerView {
    pub id: MemberId,
    pub matched: Index,
    pub connected: bool,
    pub last_contact_ms: Option<u64>,
    pub snapshotting: bool,
}

impl Raft {
    /// The part this member plays.
    pub(crate) fn role(&self) -> RoleNow {
        let committed = self.log.committed_config();
        let config = self.log.config();
        let known = |config: &Config| config.member(self.id).is_some() || config.votes(self.id);
        if committed.index > Index(0) && !known(committed) && !known(config) {
            return RoleNow::Removed;
        }
        match &self.role {
            Role::Leader(_) => RoleNow::Leader,
            Role::Candidate { .. } | Role::PreCandidate { .. } => RoleNow::Candidate,
            Role::Follower if config.votes(self.id) => RoleNow::Follower,
            Role::Follower => RoleNow::Learner,
        }
    }

    /// This member.
    pub(crate) fn id(&self) -> MemberId {
        self.id
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
        if let Role::Leader(leading) = &self.role {
            for (member, _) in &leading.lingering {
                contacts.insert(member.id, member.clone());
            }
        }
        for member in self.committed_config().members.iter().chain(&self.config().members) {
            contacts.insert(member.id, member.clone());
        }
        contacts.into_values().filter(|member| member.id != self.id).collect()
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
        matches!(&self.role, Role::Leader(leading) if leading.transfer.is_none())
    }

    /// Whether this leader has committed an entry of its own term: before that it does not know
    /// what is committed (Raft §8).
    pub(crate) fn ready_to_serve(&self) -> bool {
        matches!(&self.role, Role::Leader(leading) if self.log.commit_index() >= leading.start)
    }

    /// Whether the log is being repaired, so that this member does not vote.
    pub(crate) fn repairing(&self) -> bool {
        self.repair.is_some()
    }

    /// Milliseconds since the leader was heard; on the leader, since a quorum was.
    pub(crate) fn leader_contact(&self, now: Mono) -> Option<u64> {
        match &self.role {
            Role::Leader(leading) => {
                let heard = |id: MemberId| {
                    if id == self.id {
                        return now.0;
                    }
                    leading.peers.get(&id).and_then(|peer| peer.heard).map_or(0, |at| at.0)
                };
                let at = quorum::agreed(self.config(), heard);
                Some(now.since(Mono(at)))
            }
            _ => self.leader.and(self.heard).map(|at| now.since(at)),
        }
    }

    /// A leader's view of the others; empty on other members.
    pub(crate) fn peers(&self, now: Mono) -> Vec<PeerView> {
        let Role::Leader(leading) = &self.role else {
            return Vec::new();
        };
        let view = |(id, peer): (&MemberId, &Progress)| PeerView {
            id: *id,
            matched: peer.matched,
            connected: peer.connected,
            last_contact_ms: peer.heard.map(|at| now.since(at)),
            snapshotting: peer.snapshotting(),
        };
        leading.peers.iter().map(view).collect()
    }

    /// On the leader: whether that member was heard lately.
    pub(crate) fn hears(&self, now: Mono, id: MemberId) -> bool {
        let Role::Leader(leading) = &self.role else {
            return false;
        };
        let heard = leading.peers.get(&id).and_then(|peer| peer.heard);
        id == self.id || heard.is_some_and(|at| now.since(at) <= 3 * self.timing.election)
    }

    /// On the leader: whether the members that can be counted on would be a quorum without this one.
    pub(crate) fn quorum_without(&self, now: Mono, id: MemberId) -> bool {
        let leads = matches!(self.role, Role::Leader(_));
        let counts = |member| member != id && self.caught_up(now, member);
        leads && quorum::reached(self.config(), counts)
    }

    /// Checks what must hold between steps.
    ///
    /// # Panics
    /// When it does not.
    pub(crate) fn check_invariants(&self) {
        self.log.check_invariants();
        if let Role::Leader(leading) = &self.role {
            assert_eq!(self.leader, Some(self.id), "a leader follows itself");
            for (id, peer) in &leading.peers {
                assert!(
                    peer.matched <= self.last_index(),
                    "{id} matched {} beyond the leader's {}",
                    peer.matched,
                    self.last_index()
                );
                assert!(peer.matched < peer.next, "{id}: matched not below next");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::raft::config::Role as MemberRole;
    use crate::core::raft::event::{Action, Change, Event, Message};
    use crate::core::raft::testing::{first_of, member};

    const OTHERS: [MemberId; 2] = [MemberId(2), MemberId(3)];

    fn step(raft: &mut Raft, now: Mono, event: Event) {
        let mut out = Vec::new();
        raft.step(now, event, &mut out);
        for action in out {
            if let Action::Write { seq, .. } = action {
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
        let members = (1..=3).map(|id| member(MemberId(id), MemberRole::Voter));
        let (mut raft, _) = first_of(members.collect());
        for id in OTHERS {
            step(&mut raft, now, Event::LinkUp(id));
        }
        step(&mut raft, now, Event::Tick);
        let (term, granted) = (Term(1), true);
        answer(&mut raft, now, &OTHERS, &Message::PreVoteReply { term, granted });
        answer(&mut raft, now, &OTHERS, &Message::VoteReply { term, granted });
        assert_eq!(raft.role(), RoleNow::Leader);
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
        let later = now.plus(raft.timing.election + 1);
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
        members[1].role = MemberRole::Observer;
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
        assert_eq!(raft.role(), RoleNow::Leader, "it is a quorum of itself");
    }
}
