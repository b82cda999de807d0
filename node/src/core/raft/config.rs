//! Who belongs to the ensemble (Raft §6, dissertation chapter 4: joint consensus).

use crate::core::types::{Index, MemberId, ServerId};

/// A member's part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Counts in quorums.
    Voter,
    /// Receives the log, never counts; on its way to becoming a voter.
    Learner,
    /// A learner that stays one and serves reads (ZooKeeper's observer).
    Observer,
}

/// One member of a configuration.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Member {
    /// One incarnation of one disk.
    pub id: MemberId,
    /// The number in its address.
    pub server: ServerId,
    /// In the newest configuration (the incoming half while joint). A member that leaves has
    /// `Learner` here and stands in [`Config::outgoing`] until the joint phase ends.
    pub role: Role,
    /// Where other members reach it, `host:port`.
    pub peer: String,
    /// Where clients reach it, `host:port`; may be empty.
    pub client: String,
}

/// A configuration. While `outgoing` is not empty it is joint: elections and commits need a
/// majority of the voters (incoming) and a majority of `outgoing`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Config {
    /// The index of the entry that made it, 0 for none: its version.
    pub index: Index,
    /// All members, sorted by id, no id twice.
    pub members: Vec<Member>,
    /// The voters of the old half, sorted; empty unless joint.
    pub outgoing: Vec<MemberId>,
    /// The members dropped when a joint phase ends.
    pub leaving: Vec<MemberId>,
}

impl Config {
    /// Whether a change is between its two entries.
    pub fn joint(&self) -> bool {
        !self.outgoing.is_empty()
    }

    /// The member of that id.
    pub fn member(&self, id: MemberId) -> Option<&Member> {
        self.members.iter().find(|member| member.id == id)
    }

    /// The voters of the incoming half, sorted.
    pub fn voters(&self) -> Vec<MemberId> {
        let voter = |member: &&Member| member.role == Role::Voter;
        self.members.iter().filter(voter).map(|member| member.id).collect()
    }

    /// Whether the member counts in either half.
    pub fn votes(&self, id: MemberId) -> bool {
        self.outgoing.contains(&id)
            || self.member(id).is_some_and(|member| member.role == Role::Voter)
    }
}
