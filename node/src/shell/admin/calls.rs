//! The calls of operators at the admin port, as JSON.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::core::input::{AdminError, AdminRequest};
use crate::core::raft::config::{Member, Role};
use crate::core::raft::event::Change;
use crate::core::types::{EnsembleId, EnsembleVersion, Index, MemberId, ServerId};

/// A member in a call.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[allow(missing_docs)]
pub(crate) struct MemberJson {
    pub member_id: String,
    pub server_id: u8,
    pub peer: String,
    #[serde(default)]
    pub client: String,
}

/// The body of any call; each needs some of the fields.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[allow(missing_docs)]
pub(crate) struct CallJson {
    pub ensemble_id: Option<String>,
    #[serde(rename = "self")]
    pub seed: Option<String>,
    pub members: Vec<Value>,
    pub voters: Vec<String>,
    pub expected_config_version: Option<u64>,
    pub target: Option<String>,
    pub member_id: Option<String>,
    pub version: Option<u32>,
}

/// Why a call cannot be understood.
pub(crate) type Misunderstood = String;

impl CallJson {
    /// What the call of this name asks.
    ///
    /// # Errors
    /// Says which field is missing or wrong.
    pub(crate) fn request(&self, name: &str) -> Result<AdminRequest, Misunderstood> {
        match name {
            "drain" => return Ok(AdminRequest::Drain),
            "snapshot" => return Ok(AdminRequest::Snapshot),
            _ => {}
        }
        let ensemble = self.ensemble_id.as_deref().and_then(EnsembleId::parse);
        let ensemble = ensemble.ok_or("ensembleId must be 32 hexadecimal digits")?;
        let change = |change| {
            let expected = self.expected_config_version.map(Index);
            let expected = expected.ok_or("expectedConfigVersion is missing")?;
            Ok(AdminRequest::Change { ensemble, expected, change })
        };
        match name {
            "form" => {
                let seed = id("self", self.seed.as_deref())?;
                let members = self.described(Role::Voter)?;
                Ok(AdminRequest::Form { ensemble, seed, members })
            }
            "add-learners" => change(Change::AddLearners(self.described(Role::Learner)?)),
            "change-voters" => {
                let voters = self.voters.iter().map(|it| id("voters", Some(it)));
                change(Change::Voters(voters.collect::<Result<_, _>>()?))
            }
            "remove-learners" => {
                let ids = self.members.iter().map(|it| id("members", it.as_str()));
                change(Change::RemoveLearners(ids.collect::<Result<_, _>>()?))
            }
            "transfer-leader" => {
                let target = id("target", self.target.as_deref())?;
                Ok(AdminRequest::Transfer { ensemble, target })
            }
            "set-version" => {
                let expected = self.expected_config_version.map(Index);
                let expected = expected.ok_or("expectedConfigVersion is missing")?;
                let version = self.version.map(EnsembleVersion).ok_or("version is missing")?;
                Ok(AdminRequest::SetVersion { ensemble, expected, version })
            }
            "wipe" => {
                let member = id("memberId", self.member_id.as_deref())?;
                Ok(AdminRequest::Wipe { ensemble, member })
            }
            other => Err(format!("there is no call {other}")),
        }
    }

    fn described(&self, role: Role) -> Result<Vec<Member>, Misunderstood> {
        let parse = |value: &Value| {
            let it: MemberJson = serde_json::from_value(value.clone())
                .map_err(|error| format!("members: {error}"))?;
            if it.server_id == 0 || it.server_id > 254 || it.peer.is_empty() {
                return Err("members: serverId is 1 to 254, and peer is host:port".to_owned());
            }
            let (server, member) = (ServerId(it.server_id), id("memberId", Some(&it.member_id))?);
            Ok(Member { id: member, server, role, peer: it.peer, client: it.client })
        };
        self.members.iter().map(parse).collect()
    }
}

fn id(field: &str, text: Option<&str>) -> Result<MemberId, Misunderstood> {
    let parsed = text.and_then(MemberId::parse);
    parsed.ok_or_else(|| format!("{field} must hold member ids of 16 hexadecimal digits"))
}

/// An error's HTTP status, name and advice.
pub(crate) fn explain(error: AdminError) -> (u16, &'static str, &'static str) {
    match error {
        AdminError::NotLeader => (409, "NotLeader", "ask the leader"),
        AdminError::ConfigVersionConflict => {
            (409, "ConfigVersionConflict", "the configuration changed: look again, then decide")
        }
        AdminError::ChangeInProgress => (409, "ChangeInProgress", "wait until it is committed"),
        AdminError::NoQuorum => (503, "NoQuorum", "too few of the wanted voters answer"),
        AdminError::LearnerBehind => (409, "LearnerBehind", "wait until it has caught up"),
        AdminError::UnknownMember => (404, "UnknownMember", "it is not in the configuration"),
        AdminError::WrongEnsemble => {
            (409, "WrongEnsemble", "this disk belongs to another ensemble")
        }
        AdminError::NotBlank => (409, "NotBlank", "this disk belongs to an ensemble already"),
        AdminError::NotRemoved => (409, "NotRemoved", "only a removed member can be wiped"),
        AdminError::PeerHasEnsemble => {
            (409, "PeerHasEnsemble", "a member of an existing ensemble looks for this server")
        }
        AdminError::VersionUnknown => {
            (409, "VersionUnknown", "this program does not know that version: start a newer one")
        }
        AdminError::VersionLowered => {
            (409, "VersionLowered", "the ensemble's version is higher, and is never lowered")
        }
        AdminError::MembersTooOld => (
            409,
            "MembersTooOld",
            "a member's program does not know that version, or the member is away: see newestVersion \
             and connected of the peers in /status",
        ),
        AdminError::InvalidRequest => {
            (400, "InvalidRequest", "the members or voters make no sense")
        }
        AdminError::Timeout => (504, "Timeout", "the outcome is unknown: look again, then decide"),
    }
}
