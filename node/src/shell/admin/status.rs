//! `/status`: what this server tells of itself, as JSON for operators, tests and people.
//!
//! It is a contract between programs that are upgraded one by one. `tests/golden/status.json` is one
//! such document and `tests/golden/status-words.json` has every word that may stand in it: this
//! crate's test writes them, and those of whoever reads `/status` read them. Readers leave fields
//! and words alone that they do not know. Within a format fields and words are only added; whatever
//! else changes raises it.

use serde::Serialize;

use crate::codec::versions::Format;
use crate::core::raft::config::{Member, Role};
use crate::core::status::{Peer, Status};

/// The answer to `/status`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct StatusDocument<'a> {
    /// The version of this document.
    format: u32,
    /// The program's version.
    version: &'static str,
    /// The number in the member's address: 1 to 254.
    server_id: u8,
    /// This incarnation of the member's disk: 16 hexadecimal digits.
    member_id: String,
    /// The ensemble that the disk belongs to: 32 hexadecimal digits. `null` while it is blank.
    ensemble_id: Option<String>,
    /// What lies on the disk: `Blank`, `Member`, `Removed`, `Corrupt` or `Elsewhere`.
    data_state: &'static str,
    /// Why the member takes no part, while its data is `Elsewhere`. `null` otherwise.
    elsewhere: Option<&'a str>,
    /// The part the member plays now: `Blank`, `Leader`, `Follower`, `Candidate`, `Learner`,
    /// `Observer`, `Removed` or `Elsewhere`.
    role: &'static str,
    /// The newest Raft term that it saw.
    term: u64,
    /// The member that leads in that term. `null` if it knows of none.
    leader_id: Option<String>,
    /// Milliseconds since it heard the leader; as leader, since it heard a quorum.
    leader_contact_ms: Option<u64>,
    /// The last entry that is known to be committed.
    commit_index: u64,
    /// The last entry that is applied.
    applied_index: u64,
    /// The last entry of the log.
    last_index: u64,
    /// The first entry of the log.
    first_index: u64,
    /// Of the last applied transaction: `0x` and hexadecimal digits.
    zxid: String,
    /// The newest configuration in the log.
    config: ConfigDocument<'a>,
    /// The ensemble's version: whose rules hold, and which formats are written.
    ensemble_version: u32,
    /// The newest ensemble version that this program knows.
    newest_version: u32,
    /// The other members as the leader sees them; of any other role, none.
    peers: Vec<PeerDocument>,
    /// Whether clients are served.
    serving: bool,
    /// Whether `/readyz` says ok.
    ready: bool,
    /// Whether `/safe-to-stop` says ok.
    safe_to_stop: bool,
    /// Whether it hands leadership over and lets its clients go.
    draining: bool,
    /// Sessions of the ensemble.
    sessions: usize,
    /// Client connections of this member.
    connections: usize,
    /// Znodes of the ensemble.
    znodes: usize,
    /// Requests of clients that are not answered yet.
    outstanding: usize,
    /// Of the tree: 16 hexadecimal digits, `@`, and the last applied entry.
    digest: String,
    /// The volume with the data.
    disk: DiskDocument,
    /// What names the configuration that the member was started with; empty if nobody said.
    config_hash: &'a str,
}

/// A configuration of the ensemble.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ConfigDocument<'a> {
    /// Rises with every change: the entry that made it. What calls to change it must name.
    version: u64,
    /// The same, under its old name.
    index: u64,
    /// Whether a change is between its two steps.
    joint: bool,
    /// Whether it is joint, or not known to be committed.
    pending: bool,
    /// The members; while joint, of the new set.
    members: Vec<MemberDocument<'a>>,
    /// While joint, the ids of the old set's voters.
    outgoing: Vec<String>,
}

/// A member of a configuration.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct MemberDocument<'a> {
    /// As it says of itself.
    member_id: String,
    /// As it says of itself.
    server_id: u8,
    /// Whether it votes: `Voter`, `Learner` (not yet) or `Observer` (never).
    role: &'static str,
    /// Where members find it.
    peer: &'a str,
    /// Where clients find it.
    client: &'a str,
}

/// A leader's view of another member.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct PeerDocument {
    /// Which.
    member_id: String,
    /// The last entry that is known to be durable there.
    match_index: u64,
    /// Entries of the leader's log that are not.
    lag: u64,
    /// Whether the link to it is up.
    connected: bool,
    /// Milliseconds since it was heard; `null`: never in this term.
    last_contact_ms: Option<u64>,
    /// Whether a snapshot is on its way to it.
    snapshotting: bool,
    /// It has everything that the leader had so many milliseconds ago; `null`: that is not known yet.
    behind_ms: Option<u64>,
    /// The newest ensemble version that its program knows; `null`: it has not said so yet.
    newest_version: Option<u32>,
}

/// The volume with the data.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DiskDocument {
    /// Its size.
    pub(crate) size_bytes: u64,
    /// How much of it is free.
    pub(crate) free_bytes: u64,
}

impl<'a> StatusDocument<'a> {
    /// Of this server, at one instant.
    pub(crate) fn new(status: &'a Status, disk: DiskDocument, config_hash: &'a str) -> Self {
        let config = &status.config;
        StatusDocument {
            format: Format::Status.known().written,
            version: env!("CARGO_PKG_VERSION"),
            server_id: status.server.0,
            member_id: status.member.to_string(),
            ensemble_id: status.ensemble.map(|it| it.to_string()),
            data_state: status.data.name(),
            elsewhere: status.elsewhere.as_deref(),
            role: status.role.name(),
            term: status.term.0,
            leader_id: status.leader.map(|it| it.to_string()),
            leader_contact_ms: status.leader_contact_ms,
            commit_index: status.commit.0,
            applied_index: status.applied.0,
            last_index: status.last.0,
            first_index: status.first.0,
            zxid: status.zxid.to_string(),
            config: ConfigDocument {
                version: config.index.0,
                index: config.index.0,
                joint: config.joint(),
                pending: status.pending,
                members: config.members.iter().map(member).collect(),
                outgoing: config.outgoing.iter().map(ToString::to_string).collect(),
            },
            ensemble_version: status.version.0,
            newest_version: status.newest_version.0,
            peers: status.peers.iter().map(|it| peer(status, it)).collect(),
            serving: status.serving,
            ready: status.ready.is_ok(),
            safe_to_stop: status.safe_to_stop.is_ok(),
            draining: status.draining,
            sessions: status.counts.sessions,
            connections: status.connections,
            znodes: status.counts.znodes,
            outstanding: status.outstanding,
            digest: format!("{:016x}@{}", status.digest, status.applied),
            disk,
            config_hash,
        }
    }
}

fn member(member: &Member) -> MemberDocument<'_> {
    MemberDocument {
        member_id: member.id.to_string(),
        server_id: member.server.0,
        role: word(member.role),
        peer: &member.peer,
        client: &member.client,
    }
}

fn peer(status: &Status, peer: &Peer) -> PeerDocument {
    PeerDocument {
        member_id: peer.id.to_string(),
        match_index: peer.matched.0,
        lag: status.last.0.saturating_sub(peer.matched.0),
        connected: peer.connected,
        last_contact_ms: peer.last_contact_ms,
        snapshotting: peer.snapshotting,
        behind_ms: peer.behind_ms,
        newest_version: peer.newest_version.map(|it| it.0),
    }
}

fn word(role: Role) -> &'static str {
    match role {
        Role::Voter => "Voter",
        Role::Learner => "Learner",
        Role::Observer => "Observer",
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use serde_json::{Value, json};

    use super::*;
    use crate::core::raft::config::Config;
    use crate::core::status::{DataState, RoleName, StateCounts, WatchCounts};
    use crate::core::types::{EnsembleId, EnsembleVersion, Index, MemberId, ServerId, Term, Zxid};

    /// A leader of four members whose membership is changing: every field says something.
    fn leader() -> Status {
        let member = |number: u8, role| Member {
            id: MemberId(0xa0 + u64::from(number)),
            server: ServerId(number),
            role,
            peer: format!("zk-{}.zk-peer.default.svc:2888", number - 1),
            client: format!("zk-{}.zk-peer.default.svc:2181", number - 1),
        };
        let peer = |number: u64, matched, connected| Peer {
            id: MemberId(0xa0 + number),
            matched: Index(matched),
            connected,
            last_contact_ms: connected.then_some(12),
            snapshotting: !connected,
            behind_ms: connected.then_some(25),
            newest_version: Some(EnsembleVersion(2)),
        };
        Status {
            server: ServerId(1),
            member: MemberId(0xa1),
            ensemble: Some(EnsembleId(0xe1)),
            data: DataState::Member,
            elsewhere: None,
            role: RoleName::Leader,
            term: Term(4),
            leader: Some(MemberId(0xa1)),
            leader_contact_ms: Some(7),
            commit: Index(118),
            applied: Index(117),
            last: Index(120),
            first: Index(20),
            zxid: Zxid(0x4_0000_0011),
            config: Config {
                index: Index(115),
                members: vec![
                    member(1, Role::Voter),
                    member(2, Role::Voter),
                    member(3, Role::Learner),
                    member(4, Role::Observer),
                ],
                outgoing: vec![MemberId(0xa1)],
                leaving: Vec::new(),
            },
            pending: true,
            version: EnsembleVersion(1),
            newest_version: EnsembleVersion(2),
            peers: vec![peer(2, 119, true), peer(3, 0, false), peer(4, 120, true)],
            serving: true,
            read_only: false,
            ready: Ok(()),
            safe_to_stop: Err("too few others".to_owned()),
            draining: false,
            counts: StateCounts { znodes: 9, ephemerals: 1, sessions: 2, data_bytes: 300 },
            digest: 0xd1,
            connections: 3,
            watches: WatchCounts::default(),
            outstanding: 5,
            pending_syncs: 0,
            leading_ms: Some(1_000),
        }
    }

    /// Compares with the file that others' tests read; UPDATE=1 writes it anew.
    fn golden(name: &str, now: &Value) {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
        if std::env::var_os("UPDATE").is_some() {
            std::fs::write(&path, format!("{now:#}\n")).expect("it can be written");
        }
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        let kept: Value = serde_json::from_str(&text).unwrap_or_default();
        assert_eq!(
            &kept, now,
            "{name} is read by operators: within a format fields and words are only added, and \
             UPDATE=1 writes it anew"
        );
    }

    #[test]
    fn the_document_is_the_one_that_its_readers_were_tried_on() {
        let status = leader();
        let disk = DiskDocument { size_bytes: 10_000, free_bytes: 4_000 };
        let mut now = json!(StatusDocument::new(&status, disk, "0123456789"));
        assert_eq!(now["version"], env!("CARGO_PKG_VERSION"));
        now["version"] = json!("1.2.3");
        golden("status.json", &now);
    }

    #[test]
    fn its_words_are_the_ones_that_its_readers_know() {
        let members = [Role::Voter, Role::Learner, Role::Observer].map(word);
        let now = json!({
            "dataState": DataState::ALL.map(DataState::name),
            "role": RoleName::ALL.map(RoleName::name),
            "memberRole": members,
        });
        golden("status-words.json", &now);
    }
}
