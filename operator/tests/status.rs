//! What the operator reads of a member's `/status`, tried on the document that the server's own
//! test writes.

use std::path::Path;

use quorate_crds::status::Role;
use quorate_operator::plan::member::{Config, ConfigMember, DataState, Member, Peer, Suffrage};
use serde_json::Value;

fn golden(name: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../node/tests/golden");
    std::fs::read(folder.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

#[test]
fn every_field_of_a_status_that_decisions_need_is_read() {
    let member = Member::read(0, &golden("status.json")).expect("a status");
    let listed = |number: i32, suffrage| ConfigMember {
        member_id: format!("00000000000000a{number}"),
        server_id: number,
        suffrage,
        peer: format!("zk-{}.zk-peer.default.svc:2888", number - 1),
        client: format!("zk-{}.zk-peer.default.svc:2181", number - 1),
    };
    let peer = |number: i32, lag, connected| Peer {
        member_id: format!("00000000000000a{number}"),
        lag,
        connected,
        behind_ms: connected.then_some(25),
        newest_version: Some(2),
    };
    let expected = Member {
        ordinal: 0,
        format: 1,
        version: "1.2.3".to_owned(),
        server_id: 1,
        member_id: "00000000000000a1".to_owned(),
        ensemble_id: Some("000000000000000000000000000000e1".to_owned()),
        data_state: DataState::Member,
        elsewhere: None,
        role: Role::Leader,
        term: 4,
        leader_id: Some("00000000000000a1".to_owned()),
        leader_contact_ms: Some(7),
        config: Config {
            version: 115,
            joint: true,
            pending: true,
            members: vec![
                listed(1, Suffrage::Voter),
                listed(2, Suffrage::Voter),
                listed(3, Suffrage::Learner),
                listed(4, Suffrage::Observer),
            ],
        },
        peers: vec![peer(2, 1, true), peer(3, 120, false), peer(4, 0, true)],
        ready: true,
        ensemble_version: Some(1),
        newest_version: Some(2),
    };
    assert_eq!(member, expected);
    assert!(member.understood());
}

#[test]
fn every_word_of_a_status_is_known() {
    let words: Value = serde_json::from_slice(&golden("status-words.json")).expect("words");
    let of = |key: &str| -> Vec<String> {
        let words = words[key].as_array().cloned().unwrap_or_default();
        assert!(!words.is_empty(), "no {key}");
        words.iter().map(|it| it.as_str().unwrap_or_default().to_owned()).collect()
    };
    for word in of("role") {
        assert!(Role::from(word.as_str()).is_known(), "the role {word}");
    }
    for word in of("dataState") {
        assert!(DataState::from(word.as_str()).is_known(), "the data state {word}");
    }
    for word in of("memberRole") {
        assert!(Suffrage::from(word.as_str()).is_known(), "the member's role {word}");
    }
}
