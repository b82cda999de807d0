//! What a member says about itself at `/status`.

use std::time::Duration;

use anyhow::Result;
use serde::Deserialize;

use crate::http;

/// `/status`, as far as the tests look.
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct MemberView {
    pub(crate) member_id: String,
    pub(crate) ensemble_id: Option<String>,
    pub(crate) role: String,
    pub(crate) term: u64,
    pub(crate) leader_id: Option<String>,
    pub(crate) serving: bool,
    pub(crate) config: ConfigView,
    pub(crate) config_hash: String,
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
