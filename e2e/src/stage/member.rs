//! What a member says about itself at `/status`.

use std::time::Duration;

use anyhow::Result;
use quorate_crds::status::Role;
use serde::Deserialize;

use crate::common::http;

/// `/status`, as far as the tests look.
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct MemberView {
    pub(crate) member_id: String,
    pub(crate) ensemble_id: Option<String>,
    pub(crate) role: Role,
    pub(crate) term: u64,
    pub(crate) leader_id: Option<String>,
    pub(crate) serving: bool,
    pub(crate) config: ConfigView,
    pub(crate) config_hash: String,
    /// 0 of programs that know of no versions.
    pub(crate) ensemble_version: i32,
}

/// Its membership.
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct ConfigView {
    pub(crate) joint: bool,
    pub(crate) pending: bool,
    pub(crate) members: Vec<ListedMember>,
    pub(crate) outgoing: Vec<String>,
}

/// One of the members listed in it.
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct ListedMember {
    pub(crate) member_id: String,
    pub(crate) role: String,
}

impl ConfigView {
    /// The ids of the voters.
    pub(crate) fn voters(&self) -> impl Iterator<Item = &str> {
        self.members.iter().filter(|it| it.role == "Voter").map(|it| it.member_id.as_str())
    }
}

/// Asks the member at this address.
pub(crate) async fn ask(ip: &str) -> Result<MemberView> {
    http::get_json(&format!("http://{ip}:8080/status"), Duration::from_millis(800)).await
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The document that the server's own test writes.
    const GOLDEN: &str = include_str!("../../../node/tests/golden/status.json");

    #[test]
    fn every_field_of_a_status_that_the_tests_look_at_is_read() {
        let listed = |number: u8, role: &str| ListedMember {
            member_id: format!("00000000000000a{number}"),
            role: role.to_owned(),
        };
        let expected = MemberView {
            member_id: "00000000000000a1".to_owned(),
            ensemble_id: Some("000000000000000000000000000000e1".to_owned()),
            role: Role::Leader,
            term: 4,
            leader_id: Some("00000000000000a1".to_owned()),
            serving: true,
            config: ConfigView {
                joint: true,
                pending: true,
                members: vec![
                    listed(1, "Voter"),
                    listed(2, "Voter"),
                    listed(3, "Learner"),
                    listed(4, "Observer"),
                ],
                outgoing: vec!["00000000000000a1".to_owned()],
            },
            config_hash: "0123456789".to_owned(),
            ensemble_version: 1,
        };
        let view: MemberView = serde_json::from_str(GOLDEN).expect("a status");
        assert_eq!(view, expected);
        assert_eq!(view.config.voters().count(), 2);
    }
}
