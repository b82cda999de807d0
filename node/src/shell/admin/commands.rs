//! ZooKeeper's AdminServer: commands as JSON under `/commands`, with its names, its keys, and its
//! status codes: 200 with what is wrong in `error`, also for a command that is not known.

use std::collections::BTreeMap;

use axum::Router;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde_json::{Value, json};

use super::Admin;
use super::replies::{Reply, failure, reply_with};
use super::snapshot_download;
use super::token::authorize;
use super::views::{
    brief, configuration, connections, dump, full, last_snapshot, leader, observers, put,
    server_stats, set_trace_mask, voting_view, watches, zabstate,
};
use crate::codec::four_letter::Facts;
use crate::core::node::Node;
use crate::core::types::Zxid;
use crate::shell::driver::Driver;
use crate::shell::inspect::inspector::Inspector;
use crate::shell::inspect::{connections as clients, environment, trace_mask};

/// Names of the commands; each list begins with the one that answers show.
pub(super) const COMMANDS: [&[&str]; 28] = [
    &["connection_stat_reset", "crst"],
    &["configuration", "conf", "config"],
    &["connections", "cons"],
    &["hash"],
    &["dirs"],
    &["dump"],
    &["environment", "env", "envi"],
    &["get_trace_mask", "gtmk"],
    &["initial_configuration", "icfg"],
    &["is_read_only", "isro"],
    &["last_snapshot", "lsnp"],
    &["leader", "lead"],
    &["monitor", "mntr"],
    &["observer_connection_stat_reset", "orst"],
    &["restore", "rest"],
    &["ruok"],
    &["set_trace_mask", "stmk"],
    &["snapshot", "snap"],
    &["server_stats", "srvr"],
    &["stats", "stat"],
    &["stat_reset", "srst"],
    &["observers", "obsr"],
    &["system_properties", "sysp"],
    &["voting_view"],
    &["watches", "wchc"],
    &["watches_by_path", "wchp"],
    &["watch_summary", "wchs"],
    &["zabstate"],
];

/// Those that are answered by a server that serves nobody.
const ALWAYS: [&str; 6] =
    ["environment", "get_trace_mask", "set_trace_mask", "system_properties", "monitor", "zabstate"];

/// Commands that change what this server counts or keeps, or show who is connected, sessions, or
/// paths: anybody may ask for them, so each is allowed with its four-letter word
/// (`4lw.commands.whitelist`), and only then.
const GUARDED: [(&str, &str); 8] = [
    ("connection_stat_reset", "crst"),
    ("connections", "cons"),
    ("dump", "dump"),
    ("set_trace_mask", "stmk"),
    ("stat_reset", "srst"),
    ("stats", "stat"),
    ("watches", "wchc"),
    ("watches_by_path", "wchp"),
];

const NOT_SERVING: &str = "This ZooKeeper instance is not currently serving requests";
const NO_RESTORE: &str = "restore is not available: an ensemble's state changes through its log \
                          only; see COMPATIBILITY.md";

type Arguments = Query<BTreeMap<String, String>>;

/// The routes of the commands.
pub(super) fn routes() -> Router<Admin> {
    Router::new()
        .route("/commands", get(index).post(index))
        .route("/commands/", get(index).post(index))
        .route("/commands/{name}", get(command).post(command))
}

/// Links to all commands.
async fn index() -> Response {
    let mut names: Vec<&str> = COMMANDS.iter().filter_map(|names| names.first()).copied().collect();
    names.sort_unstable();
    let page = names.iter().fold(String::new(), |page, name| {
        page + &format!("<a href=\"/commands/{name}\">{name}</a>\n<br/>\n")
    });
    ([("content-type", "text/html")], page).into_response()
}

async fn command(
    State(admin): State<Admin>,
    Path(name): Path<String>,
    Query(arguments): Arguments,
    headers: HeaderMap,
) -> Response {
    let known = COMMANDS.iter().find(|names| names.contains(&name.as_str()));
    let Some(primary) = known.and_then(|names| names.first()) else {
        return failure(StatusCode::OK, &name, &format!("Unknown command: {name}"));
    };
    let guard = GUARDED.iter().find(|(guarded, _)| guarded == primary);
    if let Some((_, word)) = guard.filter(|(_, word)| !admin.words.iter().any(|it| it == word)) {
        let why = format!("{primary} is not executed: add {word} to 4lw.commands.whitelist");
        return failure(StatusCode::FORBIDDEN, &name, &why);
    }
    let facts = admin.inspector.facts();
    if facts.mode.is_none() && !ALWAYS.contains(primary) {
        return failure(StatusCode::OK, &name, NOT_SERVING);
    }
    if matches!(*primary, "snapshot" | "restore") {
        if !headers.contains_key("authorization") {
            let why = "Auth info is missing for the command";
            return failure(StatusCode::UNAUTHORIZED, &name, why);
        }
        // The access list of the root is open to anyone by default, so ZooKeeper's own rule would
        // give all data away: operators' token is asked for instead.
        if authorize(admin.token_file.as_deref(), &headers).is_err() {
            return failure(StatusCode::UNAUTHORIZED, &name, "Not authenticated");
        }
        return match *primary {
            "snapshot" => {
                let stream = arguments.get("streaming").is_none_or(|it| it == "true");
                snapshot_download::respond(&admin.inspector, stream).await
            }
            _ => failure(StatusCode::SERVICE_UNAVAILABLE, primary, NO_RESTORE),
        };
    }
    let mut answer = answer_of(primary, &admin.inspector, &facts, &arguments);
    answer.insert("command".to_owned(), json!(primary));
    answer.entry("error").or_insert(Value::Null);
    reply_with(StatusCode::OK, &answer)
}

/// Anything that is neither a snapshot nor a restore.
fn answer_of(
    name: &str,
    inspector: &Inspector,
    facts: &Facts,
    arguments: &BTreeMap<String, String>,
) -> Reply {
    let driver = &inspector.driver;
    let value = match name {
        "connection_stat_reset" => {
            clients::reset_counters(driver);
            json!({})
        }
        "stat_reset" => {
            inspector.metrics.zookeeper().reset();
            json!({})
        }
        "configuration" => configuration(inspector),
        "connections" => {
            let (plain, secure) = connections(driver, full);
            json!({ "connections": plain, "secure_connections": secure })
        }
        "hash" => digests(driver),
        "dirs" => json!({
            "datadir_size": facts.data_dir_bytes,
            "logdir_size": facts.log_dir_bytes,
        }),
        "dump" => dump(inspector, facts),
        "environment" => environment::pairs(&facts.version)
            .into_iter()
            .map(|(key, value)| (key.to_owned(), json!(value)))
            .collect::<Reply>()
            .into(),
        "get_trace_mask" => json!({ "tracemask": trace_mask::get() }),
        "set_trace_mask" => set_trace_mask(arguments.get("traceMask").map(String::as_str)),
        "initial_configuration" => json!({ "initial_configuration": inspector.shown.initial }),
        "is_read_only" => json!({ "read_only": facts.mode == Some("read-only") }),
        "last_snapshot" => last_snapshot(inspector),
        "leader" => leader(driver, facts),
        "monitor" => inspector.monitor().into_iter().collect::<Reply>().into(),
        "server_stats" => server_stats(inspector, facts),
        "stats" => {
            let mut stats = server_stats(inspector, facts);
            let (plain, secure) = connections(driver, brief);
            put(&mut stats, "connections", plain);
            put(&mut stats, "secure_connections", secure);
            stats
        }
        "observers" => observers(driver),
        "system_properties" => json!(inspector.shown.properties),
        "voting_view" => voting_view(facts),
        "watches" => json!({ "session_id_to_watched_paths": watches(driver, false) }),
        "watches_by_path" => json!({ "path_to_session_ids": watches(driver, true) }),
        "watch_summary" => json!({
            "num_connections": facts.watching_connections,
            "num_paths": facts.watched_paths,
            "num_total_watches": facts.watches,
        }),
        "zabstate" => zabstate(driver, facts),
        _ => json!({}),
    };
    match value {
        Value::Object(answer) => answer,
        _ => Reply::new(),
    }
}

fn digests(driver: &Driver) -> Value {
    let digest = |(zxid, digest): (Zxid, u64)| json!({ "zxid": zxid.0, "digest": digest.cast_signed(), "digest_version": 2 });
    let history = driver.look(Node::digest_history);
    json!({ "digests": history.into_iter().map(digest).collect::<Vec<_>>() })
}
