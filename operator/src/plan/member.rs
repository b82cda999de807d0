//! What a member says of itself: its `/status`, as far as a decision needs it.
//!
//! A member may be newer than the operator. Fields that this program does not read are left alone,
//! and words that it does not know are kept as [`Unknown`](Role::Unknown): whoever says one is
//! neither believed nor counted nor touched, and the report says which word it was.

use std::fmt;

use quorate_crds::status::Role;
use quorate_crds::words;
use serde::{Deserialize, Serialize};

/// The newest form of `/status` that is read here. Within a form fields are only added.
const FORMAT: u32 = 1;

words! {
    /// What lies on a member's disk.
    pub enum DataState {
        /// Nothing: it belongs to no ensemble yet.
        Blank = "Blank",
        /// An ensemble's data.
        Member = "Member",
        /// An ensemble's data, and its committed configuration no longer has this member.
        Removed = "Removed",
        /// An ensemble's data, damaged: it is being repaired and does not vote.
        Corrupt = "Corrupt",
        /// An ensemble's data, of a member that lives elsewhere: it may be a copy, and takes no part.
        Elsewhere = "Elsewhere",
    }
}

words! {
    /// Whether a member of a configuration counts in quorums.
    pub enum Suffrage {
        /// It does.
        Voter = "Voter",
        /// It does not yet.
        Learner = "Learner",
        /// It never does.
        Observer = "Observer",
    }
}

/// A member's `/status`.
#[derive(Clone, Debug, Default, Deserialize, Serialize, PartialEq)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs)]
pub struct Member {
    /// Of the pod that was asked; not part of the answer.
    pub ordinal: i32,
    /// The form of the answer; 0 of members that do not say it yet, which is the first one.
    pub format: u32,
    pub version: String,
    pub server_id: i32,
    pub member_id: String,
    pub ensemble_id: Option<String>,
    pub data_state: DataState,
    /// Why it takes no part, while its data is elsewhere's.
    pub elsewhere: Option<String>,
    pub role: Role,
    pub term: i64,
    pub leader_id: Option<String>,
    /// Milliseconds since the leader was heard; as leader, since a quorum was.
    pub leader_contact_ms: Option<i64>,
    pub config: Config,
    pub peers: Vec<Peer>,
    pub ready: bool,
    /// Whose rules hold, and which formats are written; not said by programs that know of none.
    pub ensemble_version: Option<i32>,
    /// The newest of these that its program knows.
    pub newest_version: Option<i32>,
}

impl Member {
    /// The member that answered so.
    ///
    /// # Errors
    /// When the answer is no status at all.
    pub fn read(ordinal: i32, answer: &[u8]) -> serde_json::Result<Member> {
        let member: Member = serde_json::from_slice(answer)?;
        // In a newer form a field may mean something else: none of them is taken.
        let (format, version) = (member.format, member.version.clone());
        Ok(match member.strange() {
            Some(Strange::Format(_)) => Member { ordinal, format, version, ..Member::default() },
            _ => Member { ordinal, ..member },
        })
    }

    /// The first thing that it says of itself and that this program does not know, or for which it
    /// is no member of this ensemble, whatever ids stand on its volume.
    pub fn strange(&self) -> Option<Strange> {
        if self.format > FORMAT {
            Some(Strange::Format(self.format))
        } else if !self.data_state.is_known() {
            Some(Strange::DataState(self.data_state.clone()))
        } else if self.data_state == DataState::Elsewhere {
            Some(Strange::Elsewhere(self.elsewhere.clone().unwrap_or_default()))
        } else if !self.role.is_known() {
            Some(Strange::Role(self.role.clone()))
        } else {
            None
        }
    }

    /// Whether all that it says of itself is known here, and is said of a member that takes part.
    pub fn understood(&self) -> bool {
        self.strange().is_none()
    }

    /// Whether its disk holds nothing.
    pub fn blank(&self) -> bool {
        self.data_state == DataState::Blank && self.ensemble_id.is_none()
    }
}

/// What keeps a member from being believed, counted or touched: words of a newer one, or a volume
/// that is another member's.
#[derive(Clone, Debug, PartialEq)]
pub enum Strange {
    /// Its answer has a newer form than any that is read here.
    Format(u32),
    /// This state of its data.
    DataState(DataState),
    /// Its volume may be a copy; what it says of that.
    Elsewhere(String),
    /// This role.
    Role(Role),
    /// The configuration says this of a member's vote.
    Vote {
        /// Which member.
        member_id: String,
        /// What it says.
        suffrage: Suffrage,
    },
}

impl fmt::Display for Strange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Strange::Format(format) => write!(f, "answers /status in the newer format {format}")?,
            Strange::DataState(state) => write!(f, "reports the unknown data state \"{state}\"")?,
            Strange::Elsewhere(why) => return write!(f, "takes no part: {why}"),
            Strange::Role(role) => write!(f, "reports the unknown role \"{role}\"")?,
            Strange::Vote { member_id, suffrage } => write!(
                f,
                "the configuration gives the member {member_id} the unknown role \"{suffrage}\""
            )?,
        }
        f.write_str(": upgrade the operator to one that knows it")
    }
}

/// A configuration of the ensemble.
#[derive(Clone, Debug, Default, Deserialize, Serialize, PartialEq)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs)]
pub struct Config {
    pub version: i64,
    pub joint: bool,
    pub pending: bool,
    pub members: Vec<ConfigMember>,
}

impl Config {
    /// A member of which this program does not know whether it votes.
    pub fn strange(&self) -> Option<Strange> {
        let member = self.members.iter().find(|it| !it.suffrage.is_known())?;
        let (member_id, suffrage) = (member.member_id.clone(), member.suffrage.clone());
        Some(Strange::Vote { member_id, suffrage })
    }

    /// How many ordinals the members that vote, or may vote, reach to.
    pub fn reach(&self) -> i32 {
        let voters = self.members.iter().filter(|it| it.may_vote());
        voters.map(|it| it.server_id).max().unwrap_or(0)
    }
}

/// A member of a configuration.
#[derive(Clone, Debug, Default, Deserialize, Serialize, PartialEq)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs)]
pub struct ConfigMember {
    pub member_id: String,
    pub server_id: i32,
    #[serde(rename = "role")]
    pub suffrage: Suffrage,
    pub peer: String,
    pub client: String,
}

impl ConfigMember {
    /// Whether it counts in quorums.
    pub fn votes(&self) -> bool {
        self.suffrage == Suffrage::Voter
    }

    /// Whether it counts in quorums, or this program cannot tell.
    pub fn may_vote(&self) -> bool {
        self.votes() || !self.suffrage.is_known()
    }
}

/// A leader's view of a member.
#[derive(Clone, Debug, Default, Deserialize, Serialize, PartialEq)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs)]
pub struct Peer {
    pub member_id: String,
    /// Entries that it is behind the leader's log.
    pub lag: i64,
    pub connected: bool,
    /// It has everything that the leader had so many milliseconds ago; not said by leaders that do
    /// not know it yet, or whose program does not measure it.
    pub behind_ms: Option<i64>,
    /// The newest version of an ensemble that its program knows, if it has said so.
    pub newest_version: Option<i32>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(answer: &str) -> Member {
        Member::read(1, answer.as_bytes()).expect("a status")
    }

    #[test]
    fn what_a_newer_member_says_beyond_what_is_known_is_kept_or_left_alone() {
        let said = r#"{ "format": 1, "role": "Witness", "dataState": "Member", "memberId": "m1",
            "mood": {}, "config": { "members": [{ "memberId": "m2", "role": "Elder" }] } }"#;
        let member = read(said);
        assert_eq!(member.strange(), Some(Strange::Role(Role::Unknown("Witness".to_owned()))));
        assert_eq!((member.ordinal, member.member_id.as_str()), (1, "m1"));
        let listed = &member.config.members[0];
        assert!(matches!(member.config.strange(), Some(Strange::Vote { .. })));
        assert!(!listed.votes() && listed.may_vote());
    }

    #[test]
    fn nothing_is_taken_from_an_answer_of_a_newer_form() {
        let member = read(
            r#"{ "format": 2, "version": "9.0", "role": "Leader", "dataState": "Member",
                 "memberId": "m1" }"#,
        );
        assert_eq!(member.strange(), Some(Strange::Format(2)));
        assert_eq!((member.version.as_str(), member.member_id.as_str()), ("9.0", ""));
        assert!(!member.role.is_known());
    }

    #[test]
    fn a_member_that_does_not_say_its_form_yet_is_believed() {
        assert!(read(r#"{ "role": "Leader", "dataState": "Member" }"#).understood());
    }

    #[test]
    fn a_member_on_a_copied_volume_is_not_believed_and_its_sentence_is_told() {
        let said = r#"{ "format": 1, "role": "Elsewhere", "dataState": "Elsewhere",
            "memberId": "m1", "elsewhere": "this volume is a copy of server 2" }"#;
        let member = read(said);
        assert!(!member.understood() && !member.blank());
        let told = member.strange().expect("a reason").to_string();
        assert_eq!(told, "takes no part: this volume is a copy of server 2");
    }

    #[test]
    fn a_word_that_was_not_said_is_not_known() {
        assert!(!read("{}").understood());
        assert!(!read(r#"{ "role": "Leader" }"#).understood());
    }

    #[test]
    fn a_voter_of_unknown_kind_keeps_its_pod() {
        let config = r#"{ "members": [{ "serverId": 1, "role": "Voter" },
            { "serverId": 4, "role": "Witness" }, { "serverId": 5, "role": "Learner" }] }"#;
        let config: Config = serde_json::from_str(config).expect("a configuration");
        assert_eq!(config.reach(), 4);
    }
}
