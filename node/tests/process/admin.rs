//! The admin port.

use serde_json::{Value, json};

use crate::support::ensemble::{Ensemble, Member};
use crate::support::{http, wait_until};

const BEARER: Option<&str> = Some("Bearer hunter2");

/// A server alone, with a token.
fn guarded() -> Ensemble {
    let mut ensemble = Ensemble::new(1, "");
    let file = ensemble.folder.path().join("token");
    std::fs::write(&file, "hunter2\n").expect("write the token");
    let arguments = &mut ensemble.members[0].arguments;
    arguments.extend(["--admin-token-file".to_owned(), file.display().to_string()]);
    ensemble.start_all();
    ensemble.wait_ready();
    ensemble
}

#[test]
fn membership_calls_need_the_token() {
    let open = Ensemble::serving(1, "");
    let (code, answer) = http::call(open.members[0].admin, "drain", BEARER, &json!({}));
    assert_eq!((code, &answer["error"]), (403, &json!("Forbidden")), "no token file");

    let ensemble = guarded();
    let member = &ensemble.members[0];
    let wrong =
        [None, Some("Bearer wrong"), Some("Bearer "), Some("hunter2"), Some("Basic hunter2")];
    for header in wrong {
        for name in ["drain", "form", "add-learners", "change-voters", "no-such-call"] {
            let (code, answer) = http::call(member.admin, name, header, &json!({}));
            assert_eq!((code, &answer["error"]), (401, &json!("Unauthorized")), "{header:?}");
        }
    }
    assert!(member.ready(), "nothing was done");

    // The file is read anew: a token can be rotated.
    let file = ensemble.folder.path().join("token");
    std::fs::write(file, "hunter3\n").expect("write the token");
    assert_eq!(http::call(member.admin, "snapshot", BEARER, &json!({})).0, 401);
    assert_eq!(http::call(member.admin, "snapshot", Some("Bearer hunter3"), &json!({})).0, 200);
}

#[test]
fn commands_that_change_the_server_or_show_clients_are_allowed_with_their_words() {
    let ask = |member: &Member, command: &str| {
        let (code, text) = http::get(member.admin, &format!("/commands/{command}")).expect("asked");
        (code, serde_json::from_str::<Value>(&text).expect("JSON"))
    };
    let ensemble = Ensemble::serving(1, "4lw.commands.whitelist=dump\n");
    let member = &ensemble.members[0];
    member.connect().create("/a", b"", 0).expect("create");
    let refused = [
        ("connection_stat_reset", "crst"),
        ("cons", "cons"),
        ("stat", "stat"),
        ("srst", "srst"),
        ("set_trace_mask?traceMask=7", "stmk"),
        ("watches", "wchc"),
        ("wchp", "wchp"),
    ];
    for (command, word) in refused {
        let (code, answer) = ask(member, command);
        let error = answer["error"].as_str().unwrap_or_default();
        assert_eq!(code, 403, "{command}: {answer}");
        assert!(error.contains(&format!("add {word} to 4lw.commands.whitelist")), "{error}");
        assert_eq!(answer.as_object().map(serde_json::Map::len), Some(2), "{answer}");
    }
    assert_ne!(ask(member, "srvr").1["server_stats"]["packets_received"], 0);
    assert_eq!(ask(member, "gtmk").1["tracemask"], 306);
    assert_eq!(ask(member, "dump").0, 200, "its word is allowed");
}

#[test]
fn what_everybody_may_ask_is_answered() {
    let ensemble = Ensemble::serving(3, "");
    for member in &ensemble.members {
        for path in ["/livez", "/readyz", "/startupz", "/safe-to-stop"] {
            wait_until("the answer is yes", || {
                http::get(member.admin, path).is_ok_and(|(code, _)| code == 200)
            });
        }
        let (code, metrics) = http::get(member.admin, "/metrics").expect("an answer");
        assert_eq!(code, 200);
        for name in ["znode_count", "num_alive_connections", "quorum_size", "uptime"] {
            let line = metrics.lines().find(|it| it.split([' ', '{']).next() == Some(name));
            assert!(line.is_some(), "{name} in {metrics}");
        }
        let status = member.status().expect("a status");
        assert_eq!(status["serverId"], member.number);
        assert_eq!(status["config"]["members"].as_array().map(Vec::len), Some(3));
        assert_eq!(status["dataState"], "Member");
        let (_, ruok) = http::get(member.admin, "/commands/ruok").expect("an answer");
        assert!(ruok.contains("\"error\" : null"), "{ruok}");
    }
    let (code, _) = http::get(ensemble.members[0].admin, "/nothing").expect("an answer");
    assert_eq!(code, 404);
}

#[test]
fn a_server_without_its_quorum_lives_but_is_neither_ready_nor_safe_to_stop() {
    let mut ensemble = Ensemble::serving(3, "");
    ensemble.members[0].kill();
    ensemble.members[1].kill();
    let code = |path| http::get(ensemble.members[2].admin, path).map(|(code, _)| code).ok();
    wait_until("it is not ready", || code("/readyz") == Some(503));
    wait_until("it is not safe to stop", || code("/safe-to-stop") == Some(503));
    assert_eq!((code("/livez"), code("/startupz")), (Some(200), Some(200)));
}

#[test]
fn a_membership_call_is_refused_when_it_was_decided_on_an_older_configuration() {
    let ensemble = guarded();
    let member = &ensemble.members[0];
    let status = member.status().expect("a status");
    let version = status["config"]["version"].as_u64().expect("a version");
    let learner = |id: &str, server: u8, version: u64| {
        let learner = json!({ "memberId": id, "serverId": server, "peer": "127.0.0.1:9" });
        let ensemble = &status["ensembleId"];
        json!({
            "ensembleId": ensemble, "expectedConfigVersion": version, "members": [learner]
        })
    };
    let add = |body: &Value| http::call(member.admin, "add-learners", BEARER, body);
    let first = learner("00000000000000a1", 2, version);

    let (code, answer) = add(&learner("00000000000000a1", 2, version - 1));
    assert_eq!((code, &answer["error"]), (409, &json!("ConfigVersionConflict")), "{answer}");
    let (code, answer) = add(&first);
    assert_eq!(code, 200, "{answer}");
    let newer = answer["configVersion"].as_u64().expect("a version");
    assert!(newer > version);
    let (code, again) = add(&first);
    assert_eq!((code, again["configVersion"].as_u64()), (200, Some(newer)), "asked again");
    let (code, answer) = add(&learner("00000000000000a2", 3, version));
    assert_eq!((code, &answer["error"]), (409, &json!("ConfigVersionConflict")), "{answer}");

    let mut elsewhere = learner("00000000000000a2", 3, newer);
    elsewhere["ensembleId"] = json!("0123456789abcdef0123456789abcdef");
    let (code, answer) = add(&elsewhere);
    assert_eq!((code, &answer["error"]), (409, &json!("WrongEnsemble")), "{answer}");
    for body in [json!({}), json!({ "members": 3 }), json!({ "unknown": 1 })] {
        let (code, answer) = add(&body);
        assert_eq!((code, &answer["error"]), (400, &json!("InvalidRequest")), "{answer}");
    }
    let status = member.status().expect("a status");
    assert_eq!(status["config"]["version"].as_u64(), Some(newer));
}
