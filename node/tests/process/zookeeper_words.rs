//! Four-letter words, line by line beside what a real ZooKeeper 3.9.5 printed in the same
//! situation (`zookeeper-3.9.5/*.words`: two kazoo clients, two ephemerals, four watches).

use std::collections::BTreeSet;
use std::io::Write;

use crate::support::client::{Client, open, word};
use crate::support::ensemble::Ensemble;
use crate::support::wait_until;
use crate::zookeeper_tools::left_out;

const STANDALONE: &str = include_str!("zookeeper-3.9.5/standalone.words");
const LEADER: &str = include_str!("zookeeper-3.9.5/leader.words");
const FOLLOWER: &str = include_str!("zookeeper-3.9.5/follower.words");
const LEADERS_MONITOR: &str = include_str!("zookeeper-3.9.5/leader.mntr");
const PROVIDERS_MONITOR: &str = include_str!("zookeeper-3.9.5/standalone.mntr");

/// What ZooKeeper prints and this server does not.
const LEFT_OUT: [(&str, &str); 2] = [
    ("conf", "electionAlg=#"),
    // The connection that asks is listed there, and is no client here.
    ("cons", " /#[#](queued=#,recved=#,sent=#)"),
];

/// A line with a `#` for every number, address, version and date.
fn shape(line: &str) -> String {
    let line = match line.split_once(" expire at ") {
        Some((count, _)) => format!("{count} expire at DATE:"),
        None => line.to_owned(),
    };
    for key in ["dataDir=", "dataLogDir="] {
        if line.starts_with(key) {
            return format!("{key}PATH");
        }
    }
    let (mut out, mut rest) = (String::new(), line.as_str());
    while let Some(first) = rest.chars().next() {
        let in_word = out.chars().next_back().is_some_and(|it| it.is_alphabetic());
        let signed = rest.strip_prefix('-').unwrap_or(rest);
        if !in_word && signed.starts_with(|it: char| it.is_ascii_digit()) {
            let part = |it: char| it.is_ascii_alphanumeric() || ".:-".contains(it);
            let number = signed.trim_start_matches(part);
            // A unit or a colon at the end belongs to the line.
            let taken = &signed[..signed.len() - number.len()];
            out.push('#');
            for end in ["ms", ":"] {
                if taken.ends_with(end) {
                    out += end;
                }
            }
            rest = number;
        } else {
            out.push(first);
            rest = &rest[first.len_utf8()..];
        }
    }
    out
}

/// The shapes of a text's lines, each once in a row.
fn shapes(text: &str) -> Vec<String> {
    let mut shapes: Vec<String> = text.split('\n').map(shape).collect();
    shapes.dedup();
    shapes
}

fn recorded<'a>(recording: &'a str, word: &str) -> &'a str {
    let begin = format!("== {word}\n");
    let at = recording.find(&begin).expect("a recorded word") + begin.len();
    let rest = &recording[at..];
    rest[..rest.find("\n== ").unwrap_or(rest.len() - 1)].trim_end_matches('\u{0}')
}

/// Does what was done before the recording.
fn same_situation(port: u16) -> (Client, Client) {
    let mut one = Client::connect(port).expect("connect");
    for path in ["/a", "/a/b"] {
        one.create(path, b"", 0).expect("create");
    }
    for path in ["/a/eph", "/a/eph2"] {
        one.create(path, b"1", 1).expect("create");
    }
    one.exists("/nothing", true).expect("watch");
    for path in ["/a", "/a/b"] {
        one.get_watching(path).expect("watch");
    }
    let mut two = Client::connect(port).expect("connect");
    two.get_watching("/a").expect("watch");
    (one, two)
}

fn compare(port: u16, recording: &str) {
    let words =
        ["ruok", "isro", "srvr", "stat", "conf", "cons", "wchs", "wchc", "wchp", "dump", "dirs"];
    for name in words {
        let text = word(port, name);
        let mut theirs = shapes(recorded(recording, name));
        let left_out = LEFT_OUT.iter().filter(|(of, _)| *of == name);
        for (_, line) in left_out {
            theirs.retain(|shape| shape != line);
        }
        assert_eq!(shapes(&text), theirs, "{name}\n{text}");
    }
}

#[test]
fn a_standalone_servers_words_have_the_lines_of_zookeepers() {
    let more = "4lw.commands.whitelist=*\ninitLimit=10\nsyncLimit=5\n";
    let mut ensemble = Ensemble::new(1, more);
    ensemble.start_all();
    ensemble.wait_ready();
    let port = ensemble.members[0].client;
    let _clients = same_situation(port);
    compare(port, STANDALONE);
}

#[test]
fn a_leaders_and_a_followers_words_have_the_lines_of_zookeepers() {
    let more = "4lw.commands.whitelist=*\ninitLimit=10\nsyncLimit=5\n";
    for leads in [true, false] {
        let ensemble = Ensemble::serving(3, more);
        let leader = ensemble.leader();
        let at = if leads { leader } else { (leader + 1) % 3 };
        let port = ensemble.members[at].client;
        let _clients = same_situation(port);
        compare(port, if leads { LEADER } else { FOLLOWER });
    }
}

#[test]
fn a_list_of_many_pages_has_every_line_once() {
    const MANY: usize = 4_500;
    let ensemble = Ensemble::serving(1, "4lw.commands.whitelist=*\n");
    let port = ensemble.members[0].client;
    let mut client = ensemble.members[0].connect();
    for n in 0..MANY {
        let path = format!("/e{n}");
        client.create(&path, b"", 1).expect("create");
        client.get_watching(&path).expect("watch");
    }
    let listed = |name: &str, begin: &str| {
        let text = word(port, name);
        let lines = text.lines().filter(|line| line.starts_with(begin));
        let lines: Vec<String> = lines.map(str::to_owned).collect();
        let distinct: BTreeSet<&String> = lines.iter().collect();
        assert_eq!(distinct.len(), lines.len(), "{name} has a line twice");
        lines.len()
    };
    assert_eq!(listed("dump", "\t/e"), MANY);
    assert_eq!(listed("wchc", "\t/e"), MANY);
    assert_eq!(listed("wchp", "/e"), MANY);
    let (_, text) =
        crate::support::http::get(ensemble.members[0].admin, "/commands/wchp").expect("an answer");
    let json: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let paths = json["path_to_session_ids"].as_object().expect("paths");
    assert_eq!(paths.len(), MANY);
}

#[test]
fn resets_are_said_as_zookeeper_says_them_and_happen() {
    let ensemble = Ensemble::serving(1, "4lw.commands.whitelist=*\n");
    let port = ensemble.members[0].client;
    let mut client = ensemble.members[0].connect();
    client.create("/a", b"", 0).expect("create");
    client.get("/a").expect("read");
    let first = |text: String| text.lines().next().unwrap_or_default().to_owned();
    let line = || first(word(port, "cons"));
    wait_until("the last operation is there", || {
        line().contains(",lop=GETD,") && line().contains(",lcxid=0x2,")
    });
    assert_eq!(word(port, "crst"), recorded(STANDALONE, "crst"));
    let reset = line();
    for part in ["recved=0,sent=0", ",lop=NA,", ",lzxid=0xffffffffffffffff,"] {
        assert!(reset.contains(part), "{part} in {reset}");
    }
    assert!(!reset.contains("lcxid"), "{reset}");
    let received = || {
        let srvr = word(port, "srvr");
        let line = srvr.lines().find_map(|it| it.strip_prefix("Received: "));
        line.and_then(|it| it.parse::<u64>().ok()).expect("a number")
    };
    assert_eq!(received(), 3, "the handshake and two requests");
    assert_eq!(word(port, "srst"), recorded(STANDALONE, "srst"));
    assert_eq!(received(), 0);
    client.ping().expect("ping");
    wait_until("counting goes on", || received() == 1);
}

#[test]
fn the_trace_mask_is_the_eight_bytes_behind_the_word() {
    let ensemble = Ensemble::serving(1, "4lw.commands.whitelist=*\n");
    let port = ensemble.members[0].client;
    assert_eq!(word(port, "gtmk"), "306");
    assert_eq!(word(port, "stmk\0\0\0\0\0\0\u{1}\u{2}"), "258");
    assert_eq!(word(port, "gtmk"), "258");
    // Telnet's farewell closes the connection, and nobody waits.
    let mut stream = open(port).expect("connect");
    stream.write_all(&[0xff, 0xf4, 0xff, 0xfd]).expect("send");
    let mut rest = Vec::new();
    // A reset is an end as well.
    let _ = std::io::Read::read_to_end(&mut stream, &mut rest);
    assert!(rest.is_empty());
}

#[test]
fn members_have_the_same_digest_at_the_same_zxid() {
    let ensemble = Ensemble::serving(3, "4lw.commands.whitelist=*\n");
    let mut client = ensemble.members[0].connect();
    client.create("/a", b"", 0).expect("create");
    for n in 0..300_u32 {
        client.set("/a", &n.to_be_bytes()).expect("write");
    }
    let hashes = || ensemble.members.iter().map(|it| word(it.client, "hash"));
    wait_until("every member recorded both", || hashes().all(|hash| hash.lines().count() == 2));
    let distinct: BTreeSet<String> = hashes().collect();
    assert_eq!(distinct.len(), 1, "{distinct:?}");
    let one = distinct.into_iter().next().unwrap_or_default();
    for line in one.lines() {
        let (zxid, digest) = line.split_once(": ").expect("zxid: digest");
        let zxid = u64::from_str_radix(zxid, 16).expect("a zxid");
        assert_eq!(zxid % 128, 0);
        digest.parse::<i64>().expect("a digest");
    }
}

/// A metric's name without what a provider adds to it.
fn base(key: &str) -> &str {
    let key = key.split('{').next().unwrap_or_default();
    let key = key.strip_prefix("zk_").unwrap_or(key);
    let begins = ["avg_", "min_", "max_", "cnt_", "sum_", "p50_", "p95_", "p99_", "p999_"];
    let whole = [
        "avg_latency",
        "min_latency",
        "max_latency",
        "max_file_descriptor_count",
        "min_proposal_size",
        "max_proposal_size",
        "min_client_response_size",
        "max_client_response_size",
    ];
    if whole.contains(&key) {
        return key;
    }
    let begun = begins.iter().find_map(|begin| key.strip_prefix(begin));
    begun.unwrap_or(key)
}

#[test]
fn every_key_of_zookeepers_mntr_is_there_or_the_page_says_that_it_is_not() {
    let ensemble = Ensemble::serving(3, "4lw.commands.whitelist=*\n");
    let leader = &ensemble.members[ensemble.leader()];
    let ours = word(leader.client, "mntr");
    let keys = |text: &str| {
        let keys = text.lines().filter_map(|it| it.split_once('\t'));
        keys.map(|(key, _)| key.to_owned()).collect::<BTreeSet<_>>()
    };
    let (ours, theirs) = (keys(&ours), keys(LEADERS_MONITOR));
    for key in theirs.difference(&ours) {
        let name = base(key);
        // One series for each member or path.
        let name = [
            "learner_handler_qp_size",
            "learner_handler_qp_time_ms",
            "write_per_namespace",
            "read_per_namespace",
        ]
        .into_iter()
        .find(|it| name.ends_with(it))
        .unwrap_or(name);
        assert!(left_out().contains(&format!("`{name}`")), "{key} is missing");
    }
    for key in ours.difference(&theirs) {
        assert_eq!(key, "zk_fsync_threshold_exceed_count", "ZooKeeper has no such key");
    }
}

#[test]
fn under_the_prometheus_provider_mntr_has_its_names_and_numbers() {
    let port = crate::support::ensemble::free_ports(&[0]);
    let more = format!(
        "4lw.commands.whitelist=*\nmetricsProvider.httpHost=127.0.0.1\nmetricsProvider.httpPort={port}\n\
         metricsProvider.className=org.apache.zookeeper.metrics.prometheus.PrometheusMetricsProvider\n"
    );
    let ensemble = Ensemble::serving(1, &more);
    let mut client = ensemble.members[0].connect();
    client.create("/a", b"", 0).expect("create");
    let mntr = word(ensemble.members[0].client, "mntr");
    let keys: BTreeSet<&str> =
        PROVIDERS_MONITOR.lines().filter_map(|it| it.split('\t').next()).collect();
    for key in [
        "zk_readlatency{quantile=\"0.99\"}",
        "zk_readlatency_count",
        "zk_fsynctime{quantile=\"0.5\"}",
        "zk_avg_latency",
        "zk_znode_count",
        "zk_version",
    ] {
        assert!(keys.contains(key) || key.contains("fsynctime"), "{key} was not recorded");
        assert!(mntr.lines().any(|it| it.split('\t').next() == Some(key)), "{key} in {mntr}");
    }
    assert!(mntr.contains("\nzk_znode_count\t5.0\n"), "{mntr}");
    let (code, metrics) = crate::support::http::get(port, "/metrics").expect("an answer");
    assert_eq!(code, 200);
    for line in ["# TYPE readlatency summary", "# TYPE znode_count gauge", "znode_count 5"] {
        assert!(metrics.lines().any(|it| it == line), "{line} in {metrics}");
    }
    assert_eq!(crate::support::http::get(port, "/status").expect("an answer").0, 404);
}
