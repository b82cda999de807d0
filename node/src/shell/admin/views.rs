//! What ZooKeeper's AdminServer commands answer, under its keys.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::codec::four_letter::lists::Client;
use crate::codec::four_letter::{Facts, MemberLine};
use crate::shell::clock;
use crate::shell::driver::Driver;
use crate::shell::inspect::inspector::Inspector;
use crate::shell::inspect::{connections as clients, trace_mask};

pub(super) fn put(value: &mut Value, key: &str, with: Value) {
    if let Value::Object(map) = value {
        map.insert(key.to_owned(), with);
    }
}

pub(super) fn configuration(inspector: &Inspector) -> Value {
    let shown = &inspector.shown;
    let conf = |key: &str| {
        let found = shown.conf.iter().find(|(known, _)| known == key);
        found.map_or(Value::Null, |(_, value)| {
            value.parse::<i64>().map_or(json!(value), |it| json!(it))
        })
    };
    json!({
        "client_port": conf("clientPort"),
        "data_dir": conf("dataDir"),
        "data_log_dir": conf("dataLogDir"),
        "tick_time": conf("tickTime"),
        "max_client_cnxns": conf("maxClientCnxns"),
        "min_session_timeout": conf("minSessionTimeout"),
        "max_session_timeout": conf("maxSessionTimeout"),
        "server_id": conf("serverId"),
        "client_port_listen_backlog": conf("clientPortListenBacklog"),
    })
}

pub(super) fn brief(client: &Client) -> Value {
    json!({
        "remote_socket_address": client.address,
        "interest_ops": 1,
        "outstanding_requests": client.outstanding,
        "packets_received": client.received,
        "packets_sent": client.sent,
    })
}

pub(super) fn full(client: &Client) -> Value {
    let mut value = brief(client);
    let more = [
        ("session_id", json!(client.session)),
        ("last_operation", json!(client.last_operation)),
        ("established", json!(client.established)),
        ("session_timeout", json!(client.timeout_ms)),
        ("last_cxid", json!(client.last_cxid)),
        ("last_zxid", json!(client.last_zxid)),
        ("last_response_time", json!(client.last_response)),
        ("last_latency", json!(client.last_latency)),
        ("min_latency", json!(client.min_latency)),
        ("avg_latency", json!(client.avg_latency)),
        ("max_latency", json!(client.max_latency)),
    ];
    for (key, with) in more {
        put(&mut value, key, with);
    }
    value
}

/// Connections of the client port, and of the secure one.
pub(super) fn connections(driver: &Driver, show: fn(&Client) -> Value) -> (Value, Value) {
    let (mut plain, mut secure) = (Vec::new(), Vec::new());
    clients::for_each(driver, |it, stats| {
        let list = if stats.secure { &mut secure } else { &mut plain };
        list.push(show(&clients::described(it, stats)));
    });
    (plain.into(), secure.into())
}

/// Sessions by when they end, rounded up to a tick; only who decides that knows it.
pub(super) fn session_ends(inspector: &Inspector) -> BTreeMap<String, Vec<i64>> {
    let (driver, tick) = (&inspector.driver, inspector.shown.tick_ms.max(1));
    let mut ends: BTreeMap<String, Vec<i64>> = BTreeMap::new();
    let mut after = None;
    loop {
        let now = clock::now().mono;
        let page = driver.look(|node| node.sessions_page(now, after));
        for line in &page {
            let end = now.plus(line.ends_in_ms.unwrap_or(0)).0;
            let bucket = end.div_ceil(tick).saturating_mul(tick).to_string();
            ends.entry(bucket).or_default().push(line.session.0);
        }
        match page.last() {
            Some(last) => after = Some(last.session),
            None => return ends,
        }
    }
}

pub(super) fn dump(inspector: &Inspector, facts: &Facts) -> Value {
    let driver = &inspector.driver;
    let ends = match facts.mode {
        Some("leader" | "standalone") => session_ends(inspector),
        _ => BTreeMap::new(),
    };
    let mut ephemerals: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut after = None;
    loop {
        let page = driver.look(|node| node.ephemerals_page(after));
        match page.last() {
            Some(last) => after = Some((last.session, last.place)),
            None => break,
        }
        for line in page {
            let owner = line.session.0.to_string();
            ephemerals.entry(owner).or_default().push(line.path);
        }
    }
    json!({
        "expiry_time_to_session_ids": ends,
        "session_id_to_ephemeral_paths": ephemerals,
    })
}

pub(super) fn watches(driver: &Driver, by_path: bool) -> BTreeMap<String, Vec<Value>> {
    let mut all: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    let mut after = None;
    loop {
        let page = driver.look(|node| node.watches_page(by_path, after.as_ref()));
        for (armed, session) in &page {
            let (path, session) = (json!(armed.path), session.0);
            let (key, value) = if by_path {
                (armed.path.clone(), json!(session))
            } else {
                (session.to_string(), path)
            };
            let group = all.entry(key).or_default();
            if group.last() != Some(&value) {
                group.push(value);
            }
        }
        match page.into_iter().next_back() {
            Some((last, _)) => after = Some(last),
            None => return all,
        }
    }
}

pub(super) fn set_trace_mask(given: Option<&str>) -> Value {
    let needs = "setTraceMask requires long traceMask argument";
    match given.map(|text| (text, text.parse::<i64>())) {
        Some((_, Ok(mask))) => {
            trace_mask::set(mask);
            json!({ "tracemask": mask })
        }
        Some((text, Err(_))) => json!({ "error": format!("{needs}, got {text}") }),
        None => json!({ "error": needs }),
    }
}

/// The newest stored snapshot; -1 when there is none.
pub(super) fn last_snapshot(inspector: &Inspector) -> Value {
    match inspector.last_snapshot() {
        Some((zxid, at)) => json!({ "zxid": format!("{:x}", zxid.0), "timestamp": at }),
        None => json!({ "zxid": "ffffffffffffffff", "timestamp": -1 }),
    }
}

pub(super) fn host(address: &str) -> &str {
    address.rsplit_once(':').map_or(address, |(host, _)| host)
}

pub(super) fn leader(driver: &Driver, facts: &Facts) -> Value {
    if facts.mode == Some("standalone") {
        return json!({ "error": "server is not initialized" });
    }
    let status = driver.status();
    let leader = status.leader.and_then(|leader| status.config.member(leader));
    json!({
        "is_leader": status.leader == Some(status.member),
        "leader_id": leader.map_or(-1, |member| i64::from(member.server.0)),
        "leader_ip": leader.map_or("", |member| host(&member.peer)),
    })
}

pub(super) fn sizes([last, min, max]: [i64; 3]) -> Value {
    json!({ "last_buffer_size": last, "min_buffer_size": min, "max_buffer_size": max })
}

pub(super) fn server_stats(inspector: &Inspector, facts: &Facts) -> Value {
    let counters = inspector.metrics.zookeeper();
    let mut stats = json!({
        "version": facts.version,
        "read_only": facts.mode == Some("read-only"),
        "server_stats": {
            "packets_sent": facts.sent,
            "packets_received": facts.received,
            "fsync_threshold_exceed_count": counters.fsync_slow.get(),
            "client_response_stats": sizes(facts.response_sizes),
            "provider_null": false,
            "server_state": facts.mode,
            "outstanding_requests": facts.outstanding,
            "min_latency": facts.latency_min,
            "avg_latency": facts.latency_avg,
            "max_latency": facts.latency_max,
            "data_dir_size": facts.data_dir_bytes,
            "log_dir_size": facts.log_dir_bytes,
            "last_processed_zxid": facts.zxid,
            "num_alive_client_connections": facts.connections,
            "uptime": facts.uptime_ms,
            "auth_failed_count": counters.auth_failed_count.get(),
        },
        "client_response": sizes(facts.response_sizes),
        "node_count": facts.znodes,
    });
    if facts.mode == Some("leader") {
        put(&mut stats, "proposal_stats", sizes(facts.proposal_sizes));
    }
    stats
}

/// Observers as the leader knows them; the other members know of none.
pub(super) fn observers(driver: &Driver) -> Value {
    let status = driver.status();
    let observer = |peer: &&crate::core::status::Peer| {
        let role = status.config.member(peer.id).map(|member| member.role);
        peer.connected && role == Some(crate::core::raft::config::Role::Observer)
    };
    let describe = |peer: &crate::core::status::Peer| {
        let member = status.config.member(peer.id);
        json!({
            "sid": member.map(|member| member.server.0),
            "remote_socket_address": member.map(|member| member.peer.clone()),
            "synced": !peer.snapshotting,
            "last_index": peer.matched.0,
        })
    };
    let all: Vec<Value> = status.peers.iter().filter(observer).map(describe).collect();
    json!({ "synced_observers": all.len(), "observers": all })
}

pub(super) fn voting_view(facts: &Facts) -> Value {
    if facts.mode == Some("standalone") {
        return json!({ "current_config": {} });
    }
    let voters = facts.members.iter().filter(|member| member.votes);
    let view = |member: &MemberLine| {
        let view = json!({
            "server_addresses": [member.peer],
            "election_addresses": [member.election()],
            "client_address": member.client,
            "learner_type": member.kind(),
        });
        (member.server.to_string(), view)
    };
    json!({ "current_config": voters.map(view).collect::<Map<_, _>>() })
}

pub(super) fn addresses(address: &str) -> Value {
    let port = address.rsplit(':').next().unwrap_or_default();
    let port = port.parse::<u16>().ok();
    json!({
        "empty": address.is_empty(),
        "all_addresses": [address],
        "wildcard_addresses": port.map(|port| format!("0.0.0.0:{port}")).into_iter().collect::<Vec<_>>(),
        "all_ports": port.into_iter().collect::<Vec<_>>(),
        "all_host_strings": [host(address)],
        "one": address,
    })
}

pub(super) fn zabstate(driver: &Driver, facts: &Facts) -> Value {
    let status = driver.status();
    if facts.mode == Some("standalone") || status.ensemble.is_none() {
        return json!({ "voting": false, "zabstate": "" });
    }
    let own = facts.members.iter().find(|member| member.server == status.server.0);
    let own = own.cloned().unwrap_or_default();
    let state = match (status.leader, status.serving) {
        (None, _) => "election",
        (Some(_), false) => "synchronization",
        (Some(_), true) => "broadcast",
    };
    json!({
        "myid": status.server.0,
        "is_leader": status.leader == Some(status.member),
        "quorum_address": addresses(&own.peer),
        "election_address": addresses(&own.election()),
        "client_address": own.client,
        "voting": status.config.votes(status.member),
        "last_zxid": format!("{:#x}", facts.zxid),
        "zab_epoch": status.zxid.epoch(),
        "zab_counter": status.zxid.counter(),
        "zabstate": state,
    })
}
