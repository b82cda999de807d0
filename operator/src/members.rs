//! What the members of one ensemble say of themselves: a connection to each pod, kept from one look
//! to the next.
//!
//! [`connection`] one of them.

mod connection;

use std::collections::BTreeMap;

use futures::future::join_all;
use quorate_crds::status::Role;
use tracing::debug;

use self::connection::Connection;
use crate::member_api::CallError;
use crate::plan::member::{Member, Peer};
use crate::plan::observed::Pod;
use crate::plan::view::{FRESH_MS, near};

/// What one member said.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    /// The uid of the pod that it ran in.
    pub(crate) pod: String,
    /// What it said.
    pub(crate) member: Member,
}

/// The members of one ensemble.
#[derive(Debug, Default)]
pub(crate) struct Members {
    /// By the pod's uid and address: a connection never outlives them, as addresses are reused.
    connections: BTreeMap<(String, String), Connection>,
}

impl Members {
    /// Asks every member once, all at the same time, and waits for the slowest. Those that do not
    /// answer are missing.
    pub(crate) async fn ask(&mut self, pods: &[Pod]) -> Vec<Answer> {
        let mut kept = std::mem::take(&mut self.connections);
        let ask = |pod: &Pod| {
            let place = pod.ip.clone().map(|ip| (pod.uid.clone(), ip));
            let connection = place.as_ref().and_then(|place| kept.remove(place));
            let (name, ordinal) = (pod.name.clone(), pod.ordinal);
            async move {
                let place = place?;
                let mut connection = connection.unwrap_or_default();
                let answer = connection.status(&place.1, ordinal).await;
                let member = match answer.and_then(|it| belongs(it, ordinal)) {
                    Ok(member) => Some(member),
                    Err(error) => {
                        debug!(pod = name, %error, "a member does not answer");
                        None
                    }
                };
                Some((place, connection, member))
            }
        };
        let asked = join_all(pods.iter().map(ask)).await;
        let mut answers = Vec::new();
        for (place, connection, member) in asked.into_iter().flatten() {
            answers.extend(member.map(|member| Answer { pod: place.0.clone(), member }));
            self.connections.insert(place, connection);
        }
        answers
    }
}

/// Whether it is the member of this ordinal that answered. What a newer member says cannot be judged
/// here, and is not believed later.
fn belongs(member: Member, ordinal: i32) -> Result<Member, CallError> {
    if member.understood() && member.server_id != ordinal + 1 {
        return Err(CallError::Another { server_id: member.server_id });
    }
    Ok(member)
}

/// What was said in these very pods: of one that is gone it says nothing of the one in its place.
pub(crate) fn heard(answers: &[Answer], pods: &[Pod]) -> Vec<Member> {
    let there = |it: &&Answer| pods.iter().any(|pod| pod.uid == it.pod);
    answers.iter().filter(there).map(|it| it.member.clone()).collect()
}

/// What matters of these answers, so that those which differ in nothing else are equal: how long ago a
/// leader was heard, and how far a member is behind, only count as enough or not.
pub(crate) fn gist(answers: &[Answer]) -> Vec<Member> {
    let peer = |peer: &Peer| Peer { lag: i64::from(!near(peer)), behind_ms: None, ..peer.clone() };
    let of = |member: &Member| Member {
        leader_contact_ms: member.leader_contact_ms.map(|ms| i64::from(ms > FRESH_MS)),
        // Only of a leader it is told.
        peers: match member.role {
            Role::Leader => member.peers.iter().map(peer).collect(),
            _ => Vec::new(),
        },
        ..member.clone()
    };
    answers.iter().map(|answer| of(&answer.member)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::view::{BEHIND_MAX_MS, LAG_MAX};

    fn of(member: Member) -> Vec<Member> {
        gist(&[Answer { pod: "p".to_owned(), member }])
    }

    /// A leader that says in time how far the other is behind, whatever is on its way.
    fn measured(lag: i64, behind_ms: i64) -> Member {
        let mut leader = leader(10, lag);
        leader.peers[0].behind_ms = Some(behind_ms);
        leader
    }

    fn leader(contact: i64, lag: i64) -> Member {
        let member_id = "b".to_owned();
        let peers = vec![Peer { member_id, lag, connected: true, ..Peer::default() }];
        let (role, leader_contact_ms) = (Role::Leader, Some(contact));
        Member { server_id: 1, role, leader_contact_ms, peers, ..Member::default() }
    }

    #[test]
    fn answers_differ_only_by_what_a_decision_is_made_of() {
        let now = of(leader(10, 3));
        assert_eq!(now, of(leader(90, LAG_MAX)));
        assert_ne!(now, of(leader(FRESH_MS + 1, 3)));
        assert_ne!(now, of(leader(10, LAG_MAX + 1)));
        assert_eq!(now, of(measured(LAG_MAX + 1, BEHIND_MAX_MS)));
        assert_ne!(now, of(measured(3, BEHIND_MAX_MS + 1)));
        assert_ne!(now, gist(&[]));
        assert_ne!(now, of(Member { term: 2, ..leader(10, 3) }));
    }

    #[test]
    fn what_was_said_in_a_pod_that_is_gone_is_not_heard() {
        let answers = [Answer { pod: "p".to_owned(), member: leader(10, 3) }];
        let pod = |uid: &str| [Pod { uid: uid.to_owned(), ..Pod::default() }];
        assert_eq!(heard(&answers, &pod("p")), [leader(10, 3)]);
        assert_eq!(heard(&answers, &pod("q")), []);
    }

    #[test]
    fn who_is_not_the_member_that_was_asked_is_not_heard() {
        let said = r#"{ "role": "Leader", "dataState": "Member", "serverId": 2 }"#;
        let member = |ordinal| Member::read(ordinal, said.as_bytes()).expect("a status");
        assert!(belongs(member(1), 1).is_ok());
        assert!(matches!(belongs(member(0), 0), Err(CallError::Another { server_id: 2 })));
    }
}
