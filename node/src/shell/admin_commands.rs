//! ZooKeeper's AdminServer: commands as JSON under `/commands`, with its names, its keys, and its
//! status codes: 200 with what is wrong in `error`, also for a command that is not known.

use std::collections::BTreeMap;

use axum::Router;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::admin_http::{self, Admin};
use super::admin_views::{
    brief, configuration, connections, dump, full, last_snapshot, leader, observers, put,
    server_stats, set_trace_mask, voting_view, watches, zabstate,
};
use super::driver::Driver;
use super::java_json::JavaStyle;
use super::{environment, snapshot_download, words};
use crate::codec::four_letter::Facts;
use crate::core::types::Zxid;

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

const NOT_SERVING: &str = "This ZooKeeper instance is not currently serving requests";
const NO_RESTORE: &str = "restore is not available: an ensemble's state changes through its log \
                          only; see COMPATIBILITY.md";

pub(super) type Answer = Map<String, Value>;
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

pub(super) fn answer_with(code: StatusCode, answer: &Answer) -> Response {
    let mut text = Vec::new();
    let mut writer = serde_json::Serializer::with_formatter(&mut text, JavaStyle::default());
    match answer.serialize(&mut writer) {
        Ok(()) => (code, [("content-type", "application/json")], text).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")).into_response(),
    }
}

pub(super) fn failed(code: StatusCode, command: &str, error: &str) -> Response {
    let mut answer = Answer::new();
    answer.insert("command".to_owned(), json!(command));
    answer.insert("error".to_owned(), json!(error));
    answer_with(code, &answer)
}

async fn command(
    State(admin): State<Admin>,
    Path(name): Path<String>,
    Query(arguments): Arguments,
    headers: HeaderMap,
) -> Response {
    let known = COMMANDS.iter().find(|names| names.contains(&name.as_str()));
    let Some(primary) = known.and_then(|names| names.first()) else {
        return failed(StatusCode::OK, &name, &format!("Unknown command: {name}"));
    };
    let facts = admin.driver.metrics.facts(&admin.driver);
    if facts.mode.is_none() && !ALWAYS.contains(primary) {
        return failed(StatusCode::OK, &name, NOT_SERVING);
    }
    if matches!(*primary, "snapshot" | "restore") {
        if !headers.contains_key("authorization") {
            let why = "Auth info is missing for the command";
            return failed(StatusCode::UNAUTHORIZED, &name, why);
        }
        // The access list of the root is open to anyone by default, so ZooKeeper's own rule would
        // give all data away: operators' token is asked for instead.
        if admin_http::authorize(&admin, &headers).is_err() {
            return failed(StatusCode::UNAUTHORIZED, &name, "Not authenticated");
        }
        return match *primary {
            "snapshot" => {
                let stream = arguments.get("streaming").is_none_or(|it| it == "true");
                snapshot_download::answer(&admin.driver, stream).await
            }
            _ => failed(StatusCode::SERVICE_UNAVAILABLE, primary, NO_RESTORE),
        };
    }
    let mut answer = run(primary, &admin.driver, &facts, &arguments);
    answer.insert("command".to_owned(), json!(primary));
    answer.entry("error").or_insert(Value::Null);
    answer_with(StatusCode::OK, &answer)
}

/// Anything that is neither a snapshot nor a restore.
fn run(name: &str, driver: &Driver, facts: &Facts, arguments: &BTreeMap<String, String>) -> Answer {
    let value = match name {
        "connection_stat_reset" => {
            words::reset_connections(driver);
            json!({})
        }
        "stat_reset" => {
            driver.metrics.counted().reset();
            json!({})
        }
        "configuration" => configuration(driver),
        "connections" => {
            let (plain, secure) = connections(driver, full);
            json!({ "connections": plain, "secure_connections": secure })
        }
        "hash" => {
            let digest = |(zxid, digest): (Zxid, u64)| json!({ "zxid": zxid.0, "digest": digest.cast_signed(), "digest_version": 2 });
            let history = driver.look(crate::core::node::Node::digest_history);
            json!({ "digests": history.into_iter().map(digest).collect::<Vec<_>>() })
        }
        "dirs" => json!({
            "datadir_size": facts.data_dir_bytes,
            "logdir_size": facts.log_dir_bytes,
        }),
        "dump" => dump(driver, facts),
        "environment" => environment::pairs(&facts.version)
            .into_iter()
            .map(|(key, value)| (key.to_owned(), json!(value)))
            .collect::<Answer>()
            .into(),
        "get_trace_mask" => json!({ "tracemask": words::trace_mask() }),
        "set_trace_mask" => set_trace_mask(arguments.get("traceMask").map(String::as_str)),
        "initial_configuration" => {
            json!({ "initial_configuration": driver.metrics.shown().initial })
        }
        "is_read_only" => json!({ "read_only": facts.mode == Some("read-only") }),
        "last_snapshot" => last_snapshot(driver),
        "leader" => leader(driver, facts),
        "monitor" => {
            let prometheus = driver.metrics.shown().prometheus;
            let pairs = words::monitor(driver, prometheus).into_iter();
            pairs.collect::<Answer>().into()
        }
        "server_stats" => server_stats(driver, facts),
        "stats" => {
            let mut stats = server_stats(driver, facts);
            let (plain, secure) = connections(driver, brief);
            put(&mut stats, "connections", plain);
            put(&mut stats, "secure_connections", secure);
            stats
        }
        "observers" => observers(driver),
        "system_properties" => json!(driver.metrics.shown().properties),
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
        _ => Answer::new(),
    }
}
