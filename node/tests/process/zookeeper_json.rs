//! The admin port's commands beside what a real ZooKeeper 3.9.5 answered in the same situation
//! (`zookeeper-3.9.5/*.json`): status codes, keys, and what is under them.

use serde_json::{Value, json};

use crate::support::client::Client;
use crate::support::ensemble::Ensemble;
use crate::support::{http, wait_until};

/// Keys of ZooKeeper's that are left out, and why: COMPATIBILITY.md says it too.
const LEFT_OUT: [&str; 6] = [
    // Nothing counts connections by mutual TLS.
    "non_mtlslocal_conn_count",
    "non_mtlsremote_conn_count",
    // A member has one address, and whether it is reached is the leader's to know.
    "reachable_address",
    "all_reachable_addresses",
    "all_reachable_addresses_or_all",
    "reachable_or_one",
];

/// ZooKeeper's AdminServer asks nobody who they are.
const OPEN: &str = "4lw.commands.whitelist=*\n";

const PAGE: &str = include_str!("../../COMPATIBILITY.md");

fn answer(port: u16, command: &str) -> (u16, Value) {
    let (code, text) = http::get(port, &format!("/commands/{command}")).expect("an answer");
    let json = serde_json::from_str(&text).unwrap_or_else(|_| panic!("{command}: {text}"));
    (code, json)
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// Objects whose keys are sessions, paths or numbers of servers.
const KEYED: [&str; 5] = [
    "expiry_time_to_session_ids",
    "session_id_to_ephemeral_paths",
    "session_id_to_watched_paths",
    "path_to_session_ids",
    "current_config",
];

/// Whether all that is in `theirs` is in `ours` with the same kind of value.
fn covers(at: &str, ours: &Value, theirs: &Value) {
    if ours.is_null() || theirs.is_null() {
        return;
    }
    assert_eq!(kind(ours), kind(theirs), "{at}: {ours} for {theirs}");
    match (ours, theirs) {
        (Value::Object(ours), Value::Object(theirs)) => {
            if KEYED.iter().any(|key| at.ends_with(key)) {
                if let (Some(ours), Some(theirs)) = (ours.values().next(), theirs.values().next()) {
                    covers(&format!("{at}/*"), ours, theirs);
                }
                return;
            }
            for (key, theirs) in theirs {
                match ours.get(key) {
                    Some(ours) => covers(&format!("{at}/{key}"), ours, theirs),
                    None => assert!(LEFT_OUT.contains(&key.as_str()), "{at} lacks {key}"),
                }
            }
            let more: Vec<&String> = ours.keys().filter(|key| !theirs.contains_key(*key)).collect();
            assert!(more.is_empty(), "{at} has {more:?}, ZooKeeper has not");
        }
        (Value::Array(ours), Value::Array(theirs)) => {
            if let (Some(ours), Some(theirs)) = (ours.first(), theirs.first()) {
                covers(&format!("{at}[]"), ours, theirs);
            }
        }
        _ => {}
    }
}

fn compare(ensemble: &Ensemble, at: usize, recording: &str) {
    let member = &ensemble.members[at];
    let mut one = member.connect();
    for path in ["/a", "/a/b"] {
        one.create(path, b"", 0).expect("create");
    }
    one.create("/a/eph", b"1", 1).expect("create");
    one.get_watching("/a").expect("watch");
    let recorded: Value = serde_json::from_str(recording).expect("a recording");
    for (command, theirs) in recorded.as_object().expect("commands") {
        let (code, ours) = answer(member.admin, command);
        assert_eq!(u64::from(code), theirs["code"], "{command}: {ours}");
        covers(command, &ours, &theirs["body"]);
        // What is an error there is the same one here.
        assert_eq!(ours["error"], theirs["body"]["error"], "{command}");
    }
}

#[test]
fn commands_have_zookeepers_codes_and_keys() {
    let alone = Ensemble::serving(1, OPEN);
    compare(&alone, 0, include_str!("zookeeper-3.9.5/standalone.json"));
    for leads in [true, false] {
        let ensemble = Ensemble::serving(3, OPEN);
        let leader = ensemble.leader();
        if leads {
            compare(&ensemble, leader, include_str!("zookeeper-3.9.5/leader.json"));
        } else {
            let at = (leader + 1) % 3;
            compare(&ensemble, at, include_str!("zookeeper-3.9.5/follower.json"));
        }
    }
    for key in LEFT_OUT {
        assert!(PAGE.contains(&format!("`{key}`")), "{key} is not on the page");
    }
}

#[test]
fn an_unknown_command_and_a_server_that_serves_nobody_are_errors_with_code_200() {
    let mut ensemble = Ensemble::new(3, OPEN);
    ensemble.members[0].start();
    let port = ensemble.members[0].admin;
    wait_until("it answers", || ensemble.members[0].status().is_some());
    let (code, json) = answer(port, "nonsense");
    assert_eq!(code, 200);
    assert_eq!(json, json!({ "command": "nonsense", "error": "Unknown command: nonsense" }));
    let (code, json) = answer(port, "ruok");
    let why = "This ZooKeeper instance is not currently serving requests";
    assert_eq!((code, &json["error"]), (200, &json!(why)));
    assert_eq!(answer(port, "env").1["error"], Value::Null);
    let (code, index) = http::get(port, "/commands").expect("an answer");
    assert_eq!(code, 200);
    assert!(index.starts_with("<a href=\"/commands/configuration\">configuration</a>\n<br/>\n"));
    assert_eq!(index.matches("<br/>").count(), 28);
}

#[test]
fn aliases_answer_under_the_primary_name_and_resets_happen() {
    let ensemble = Ensemble::serving(1, OPEN);
    let member = &ensemble.members[0];
    let mut client: Client = member.connect();
    client.create("/a", b"", 0).expect("create");
    assert_eq!(answer(member.admin, "srvr").1["command"], "server_stats");
    assert_eq!(answer(member.admin, "wchp").1["command"], "watches_by_path");
    let received = || answer(member.admin, "srvr").1["server_stats"]["packets_received"].clone();
    assert_ne!(received(), 0);
    assert_eq!(answer(member.admin, "srst").1["command"], "stat_reset");
    assert_eq!(received(), 0);
    assert_eq!(answer(member.admin, "stmk?traceMask=7").1["tracemask"], 7);
    assert_eq!(answer(member.admin, "gtmk").1["tracemask"], 7);
}

#[test]
fn a_snapshot_is_for_operators_and_a_restore_for_nobody() {
    let mut ensemble = Ensemble::new(1, OPEN);
    let token = ensemble.folder.path().join("token");
    std::fs::write(&token, "hunter2\n").expect("write the token");
    let flag = ["--admin-token-file".to_owned(), token.display().to_string()];
    ensemble.members[0].arguments.extend(flag);
    ensemble.start_all();
    ensemble.wait_ready();
    let member = &ensemble.members[0];
    member.connect().create("/a", b"1", 0).expect("create");
    let ask = |path: &str, header: &str| {
        let lines = format!("Authorization: {header}\r\n");
        http::get_with(member.admin, path, &lines).expect("an answer")
    };
    for header in ["digest root:pw", "world anyone", "Bearer wrong"] {
        let (code, _, body) = ask("/commands/snapshot", header);
        assert_eq!(code, 401, "{header}");
        assert!(String::from_utf8_lossy(&body).contains("Not authenticated"));
    }
    let (code, head, body) = ask("/commands/snapshot", "Bearer hunter2");
    assert_eq!(code, 200, "{head}");
    let stored = std::fs::read_dir(member.data.join("snap")).expect("snapshots");
    let stored: Vec<_> = stored.flatten().map(|it| it.path()).collect();
    let newest = stored.iter().max().expect("a snapshot");
    assert_eq!(std::fs::read(newest).expect("read it"), body);
    assert!(head.contains(&format!("snapshot_size: {}", body.len())), "{head}");
    assert!(head.contains("last_zxid: 0x"), "{head}");
    let last = answer(member.admin, "lsnp").1;
    assert!(last["timestamp"].as_i64().is_some_and(|at| at > 0), "{last}");
    let (code, _, body) = ask("/commands/restore", "Bearer hunter2");
    assert_eq!(code, 503);
    assert!(String::from_utf8_lossy(&body).contains("restore is not available"));
}
