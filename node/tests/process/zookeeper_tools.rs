//! Tools that watch ZooKeeper, as far as they read it: the rules by which zktop 1.0, Datadog's
//! `zk` check, Telegraf's `zookeeper` input and Grafana's dashboard 10465 take its answers apart.

use crate::support::client::{open, word};
use crate::support::ensemble::Ensemble;
use crate::support::http;

/// The page's table of metrics that are left out.
pub(crate) fn left_out() -> &'static str {
    let page = include_str!("../../COMPATIBILITY.md");
    let (_, rest) = page.split_once("\n| why | names |\n").expect("the table");
    rest.split_once("\n\n").map_or(rest, |(table, _)| table)
}

/// What zktop sends: a line end behind the word, and then its side is closed.
fn as_zktop_asks(port: u16, word: &str) -> String {
    use std::io::{Read, Write};
    let mut stream = open(port).expect("connect");
    stream.write_all(format!("{word}\n").as_bytes()).expect("send");
    stream.shutdown(std::net::Shutdown::Write).expect("close one side");
    let mut text = String::new();
    stream.read_to_string(&mut text).expect("read");
    text
}

/// The head and the connections of `stat`, then `name: value` lines, in order.
fn stat(text: &str) -> (String, Vec<String>, Vec<(String, String)>) {
    let mut lines = text.lines();
    let version = lines.next().unwrap_or_default().to_owned();
    assert_eq!(lines.next(), Some("Clients:"));
    let clients = lines.by_ref().take_while(|it| !it.trim().is_empty());
    let clients = clients.map(|it| it.trim().to_owned()).collect();
    let pairs = lines.map(|line| {
        let mut parts = line.split(':');
        let (name, value) = (parts.next().unwrap_or_default(), parts.next());
        let value = value.unwrap_or_else(|| panic!("`{line}` has no colon"));
        assert_eq!(parts.next(), None, "`{line}` has two colons");
        (name.to_owned(), value.trim().to_owned())
    });
    (version, clients, pairs.collect())
}

#[test]
fn zktop_and_datadogs_check_can_take_stat_apart() {
    let ensemble = Ensemble::serving(3, "");
    let _client = ensemble.members[0].connect();
    for member in &ensemble.members {
        let (version, clients, pairs) = stat(&as_zktop_asks(member.client, "stat"));
        // `: (\d+\.\d+\.\d+)-`
        let (_, number) = version.split_once(": ").expect("a version");
        let (number, _) = number.split_once('-').expect("a build");
        let parts: Vec<u32> = number.split('.').filter_map(|it| it.parse().ok()).collect();
        assert!(parts.len() == 3 && parts > vec![3, 4, 4], "{version}");
        for client in clients {
            // `/(address):(port)\[(\d+)\]\((k=v,k=v)\)`
            let rest = client.strip_prefix('/').expect("an address");
            let (address, rest) = rest.split_once('[').expect("interests");
            let (interest, rest) = rest.split_once("](").expect("counters");
            assert!(address.parse::<std::net::SocketAddr>().is_ok(), "{client}");
            assert!(interest.parse::<u8>().is_ok(), "{client}");
            let pairs = rest.strip_suffix(')').expect("an end").split(',');
            let keys: Vec<&str> = pairs.filter_map(|it| Some(it.split_once('=')?.0)).collect();
            assert_eq!(keys, ["queued", "recved", "sent"]);
        }
        let names: Vec<&str> = pairs.iter().map(|(name, _)| name.as_str()).collect();
        let mut expected = vec![
            "Latency min/avg/max",
            "Received",
            "Sent",
            "Connections",
            "Outstanding",
            "Zxid",
            "Mode",
            "Node count",
        ];
        let mode = &pairs[6].1;
        if mode == "leader" {
            expected.push("Proposal sizes last/min/max");
        }
        assert_eq!(names, expected);
        let latency: Vec<f64> = pairs[0].1.split('/').filter_map(|it| it.parse().ok()).collect();
        assert_eq!(latency.len(), 3);
        for (_, number) in &pairs[1..5] {
            number.parse::<u64>().expect("a number");
        }
        let zxid = pairs[5].1.strip_prefix("0x").expect("a zxid");
        i64::from_str_radix(zxid, 16).expect("a zxid");
        assert!(["leader", "follower"].contains(&mode.as_str()));
        pairs[7].1.parse::<u64>().expect("a number");
    }
}

#[test]
fn telegraf_and_datadogs_check_can_take_mntr_apart() {
    let ensemble = Ensemble::serving(3, "");
    for member in &ensemble.members {
        let mntr = as_zktop_asks(member.client, "mntr");
        assert!(mntr.starts_with("zk_version\t"));
        let mut state = None;
        for line in mntr.lines() {
            // `^zk_(\w+)\s+([\w\.\-]+)`, or Telegraf gives all of it up.
            let rest = line.strip_prefix("zk_").expect(line);
            let word = |it: char| it.is_ascii_alphanumeric() || it == '_';
            let value = rest.trim_start_matches(word);
            assert!(value.len() < rest.len() && value.starts_with('\t'), "{line}");
            let value = value.trim_start();
            assert!(value.starts_with(|it: char| word(it) || it == '.' || it == '-'), "{line}");
            if rest.starts_with("server_state\t") {
                state = Some(value.to_owned());
            }
        }
        assert!(["leader", "follower"].contains(&state.expect("a state").as_str()));
        assert_eq!(as_zktop_asks(member.client, "ruok"), "imok");
    }
    assert!(word(ensemble.members[0].client, "srvr").contains("\nMode: "));
}

/// What the panels of dashboard 10465 and the alerts of ZooKeeper's monitoring guide ask for.
const ASKED: &str = "quorum_size leader_uptime uptime learners synced_observers \
    synced_non_voting_followers looking_count election_time quit_leading_due_to_disloyal_voter \
    num_alive_connections outstanding_requests packets_received packets_sent bytes_received_count \
    avg_latency min_latency max_latency global_sessions local_sessions open_file_descriptor_count \
    znode_count ephemerals_count watch_count approximate_data_size node_created_watch_count \
    node_deleted_watch_count node_changed_watch_count node_children_watch_count \
    read_per_namespace write_per_namespace fsynctime snapshottime dbinittime \
    startup_snap_load_time startup_txns_loaded snap_count diff_count commit_count proposal_count \
    digest_mismatches_count unrecoverable_error_count last_client_response_size \
    min_client_response_size max_client_response_size last_proposal_size min_proposal_size \
    max_proposal_size response_packet_cache_hits response_packet_cache_misses \
    response_packet_get_children_cache_hits response_packet_get_children_cache_misses \
    connection_request_count connection_rejected connection_drop_count connection_drop_probability \
    connection_token_deficit revalidate_count sessionless_connections_expired \
    stale_sessions_expired outstanding_tls_handshake tls_handshake_exceeded ensemble_auth_success \
    ensemble_auth_fail ensemble_auth_skip dead_watchers_queued dead_watchers_cleared \
    dead_watchers_cleaner_latency add_dead_watcher_stall_time prep_process_time \
    prep_processor_queue_time_ms prep_processor_queue_size prep_processor_request_queued \
    outstanding_changes_queued outstanding_changes_removed proposal_latency \
    proposal_ack_creation_latency propagation_latency ack_latency quorum_ack_latency \
    commit_propagation_latency commit_process_time sync_process_time sync_processor_batch_size \
    sync_processor_queue_size sync_processor_queue_flush_time_ms sync_processor_request_queued \
    request_commit_queued read_commitproc_time_ms write_commitproc_time_ms \
    read_commit_proc_req_queued write_commit_proc_req_queued commit_commit_proc_req_queued \
    read_commit_proc_issued write_commit_proc_issued local_write_committed_time_ms \
    server_write_committed_time_ms requests_in_session_queue pending_session_queue_size \
    reads_after_write_in_session_queue reads_issued_from_session_queue session_queues_drained \
    concurrent_request_processing_in_commit_processor \
    time_waiting_empty_pool_in_commit_processor_read_ms write_batch_time_in_commit_processor \
    read_final_proc_time_ms write_final_proc_time_ms close_session_prep_time readlatency \
    updatelatency follower_sync_time learner_commit_received_count learner_handler_qp_size \
    om_proposal_process_time_ms om_commit_process_time_ms leader_unavailable_time pending_syncs \
    max_file_descriptor_count";

#[test]
fn what_the_dashboards_ask_for_is_measured_or_the_page_says_that_it_is_not() {
    let ensemble = Ensemble::serving(3, "");
    let leader = &ensemble.members[ensemble.leader()];
    let mut client = leader.connect();
    client.create("/a", b"1", 0).expect("create");
    client.get_watching("/a").expect("read");
    client.set("/a", b"2").expect("write");
    let (_, metrics) = http::get(leader.admin, "/metrics").expect("an answer");
    let types = || metrics.lines().filter_map(|it| it.strip_prefix("# TYPE "));
    for name in ASKED.split_whitespace() {
        let kind = types().find_map(|it| it.strip_prefix(name)?.strip_prefix(' '));
        let said = left_out().contains(&format!("`{name}`"));
        assert!(kind.is_some() != said, "{name}: {kind:?} here, on the page: {said}");
        if kind == Some("summary") {
            for end in ["_sum", "_count"] {
                assert!(metrics.contains(&format!("\n{name}{end} ")), "{name}{end}");
            }
        }
    }
    let value = |name: &str| {
        let line = metrics.lines().find_map(|it| it.strip_prefix(name)?.strip_prefix(' '));
        line.and_then(|it| it.parse::<f64>().ok())
    };
    for (name, least) in [
        ("proposal_count", 3.0),
        ("commit_count", 3.0),
        ("updatelatency_count", 3.0),
        ("readlatency_count", 1.0),
        ("quorum_ack_latency_count", 3.0),
        ("propagation_latency_count", 3.0),
        ("node_changed_watch_count_sum", 1.0),
        ("fsynctime_count", 3.0),
        ("dbinittime_count", 1.0),
        ("bytes_received_count", 100.0),
        ("response_bytes", 100.0),
        ("last_client_response_size", 20.0),
        ("last_proposal_size", 20.0),
        ("connection_request_count", 1.0),
        ("synced_followers", 0.0),
        ("quorum_size", 3.0),
    ] {
        let value = value(name);
        assert!(value.is_some_and(|it| it >= least), "{name} is {value:?}, not {least}");
    }
    let mut names: Vec<&str> = types().filter_map(|it| it.split(' ').next()).collect();
    let all = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), all, "a name is there twice");
}
