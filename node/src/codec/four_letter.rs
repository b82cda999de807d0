//! Four-letter words, in the exact formats that tools parse (ZooKeeper administrator's guide).

use std::fmt::Write;

/// What the words tell about; filled in by the shell.
#[derive(Clone, Debug, Default)]
#[allow(missing_docs)]
pub struct Facts {
    pub version: String,
    pub os: &'static str,
    pub arch: &'static str,
    /// `leader`, `follower`, `observer`, `standalone`; `None` while not serving.
    pub mode: Option<&'static str>,
    pub zxid: i64,
    pub znodes: usize,
    pub ephemerals: usize,
    pub watches: usize,
    pub watched_paths: usize,
    pub watching_connections: usize,
    pub data_bytes: u64,
    pub sessions: usize,
    pub outstanding: usize,
    pub received: u64,
    pub sent: u64,
    pub latency_min: u64,
    pub latency_avg: f64,
    pub latency_max: u64,
    pub connections: Vec<Client>,
    /// Leader only: followers, and those in step.
    pub followers: Option<(usize, usize)>,
    pub quorum_size: usize,
    pub uptime_ms: u64,
    pub open_files: u64,
    pub max_files: u64,
    /// `key=value` lines of `conf`.
    pub conf: Vec<(String, String)>,
    pub membership: String,
    pub disk_bytes: u64,
}

/// One connection.
#[derive(Clone, Debug, Default)]
#[allow(missing_docs)]
pub struct Client {
    pub address: String,
    pub session: i64,
    pub timeout_ms: i32,
    pub outstanding: usize,
    pub received: u64,
    pub sent: u64,
    pub established_ms: u64,
}

/// The words that are answered.
pub const WORDS: [&str; 13] = [
    "ruok", "srvr", "stat", "mntr", "conf", "cons", "isro", "envi", "dirs", "wchs", "srst", "crst",
    "gtmk",
];

/// Words of ZooKeeper that are told apart from a frame's length, and never allowed here.
const NEVER: [&str; 4] = ["dump", "wchc", "wchp", "hash"];

const NOT_SERVING: &str = "This ZooKeeper instance is not currently serving requests\n";

/// The word that the first four bytes of a connection are, if they are one.
pub fn word(bytes: [u8; 4]) -> Option<&'static str> {
    let mut all = WORDS.into_iter().chain(NEVER);
    all.find(|word| word.as_bytes() == bytes)
}

/// The refusal of a word that is not allowed.
pub fn refusal(word: &str) -> String {
    format!("{word} is not executed because it is not in the whitelist.\n")
}

/// The answer to a word.
pub fn answer(word: &str, facts: &Facts) -> String {
    match word {
        _ if NEVER.contains(&word) => refusal(word),
        "ruok" => "imok".to_owned(),
        "isro" => if facts.mode.is_some() { "rw" } else { "null" }.to_owned(),
        "envi" => format!(
            "Environment:\nzookeeper.version={}\nos.name={}\nos.arch={}\n",
            facts.version, facts.os, facts.arch
        ),
        "conf" => conf(facts),
        "gtmk" => "0".to_owned(),
        "srst" => "Server stats reset.\n".to_owned(),
        "crst" => "Connection stats reset.\n".to_owned(),
        "dirs" => format!("datadir_size: {0}\nlogdir_size: {0}\n", facts.disk_bytes),
        _ if facts.mode.is_none() => NOT_SERVING.to_owned(),
        "srvr" => srvr(facts, None),
        "stat" => srvr(facts, Some(&facts.connections)),
        "cons" => cons(facts),
        "mntr" => mntr(facts),
        "wchs" => format!(
            "{} connections watching {} paths\nTotal watches:{}\n",
            facts.watching_connections, facts.watched_paths, facts.watches
        ),
        _ => String::new(),
    }
}

fn conf(facts: &Facts) -> String {
    let mut text = String::new();
    for (key, value) in &facts.conf {
        let _ = writeln!(text, "{key}={value}");
    }
    if !facts.membership.is_empty() {
        let _ = write!(text, "membership: \n{}", facts.membership);
    }
    text
}

fn srvr(facts: &Facts, clients: Option<&[Client]>) -> String {
    let mut text = format!("Zookeeper version: {}\n", facts.version);
    if let Some(clients) = clients {
        text += "Clients:\n";
        for client in clients {
            let _ = writeln!(
                text,
                " /{}[1](queued={},recved={},sent={})",
                client.address, client.outstanding, client.received, client.sent
            );
        }
        text += "\n";
    }
    let _ = write!(
        text,
        "Latency min/avg/max: {}/{:.4}/{}\nReceived: {}\nSent: {}\nConnections: {}\n\
         Outstanding: {}\nZxid: {:#x}\nMode: {}\nNode count: {}\n",
        facts.latency_min,
        facts.latency_avg,
        facts.latency_max,
        facts.received,
        facts.sent,
        facts.connections.len(),
        facts.outstanding,
        facts.zxid,
        facts.mode.unwrap_or_default(),
        facts.znodes
    );
    if facts.mode == Some("leader") {
        text += "Proposal sizes last/min/max: -1/-1/-1\n";
    }
    text
}

fn cons(facts: &Facts) -> String {
    let mut text = String::new();
    for client in &facts.connections {
        let _ = writeln!(
            text,
            " /{}[1](queued={},recved={},sent={},sid={:#x},est={},to={})",
            client.address,
            client.outstanding,
            client.received,
            client.sent,
            client.session,
            client.established_ms,
            client.timeout_ms
        );
    }
    text + "\n"
}

/// Keys and values of `mntr`, in ZooKeeper's order, without their prefix.
pub fn monitor(facts: &Facts) -> Vec<(&'static str, String)> {
    let mut keys = vec![
        ("version", facts.version.clone()),
        ("server_state", facts.mode.unwrap_or_default().to_owned()),
        ("avg_latency", format!("{:.4}", facts.latency_avg)),
        ("max_latency", facts.latency_max.to_string()),
        ("min_latency", facts.latency_min.to_string()),
        ("packets_received", facts.received.to_string()),
        ("packets_sent", facts.sent.to_string()),
        ("num_alive_connections", facts.connections.len().to_string()),
        ("outstanding_requests", facts.outstanding.to_string()),
        ("znode_count", facts.znodes.to_string()),
        ("watch_count", facts.watches.to_string()),
        ("ephemerals_count", facts.ephemerals.to_string()),
        ("approximate_data_size", facts.data_bytes.to_string()),
        ("global_sessions", facts.sessions.to_string()),
        ("local_sessions", "0".to_owned()),
        ("open_file_descriptor_count", facts.open_files.to_string()),
        ("max_file_descriptor_count", facts.max_files.to_string()),
        ("uptime", facts.uptime_ms.to_string()),
        ("quorum_size", facts.quorum_size.to_string()),
    ];
    if let Some((followers, synced)) = facts.followers {
        keys.push(("learners", followers.to_string()));
        keys.push(("synced_followers", synced.to_string()));
        keys.push(("synced_observers", "0".to_owned()));
    }
    keys
}

fn mntr(facts: &Facts) -> String {
    monitor(facts)
        .iter()
        .fold(String::new(), |mut text, (key, value)| {
            let _ = writeln!(text, "zk_{key}\t{value}");
            text
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lines_that_tools_parse_are_there() {
        let mut facts = Facts {
            mode: Some("leader"),
            zxid: 0x2_0000_0005,
            ..Facts::default()
        };
        facts.connections.push(Client {
            address: "10.0.0.1:5".into(),
            ..Client::default()
        });
        assert_eq!(answer("ruok", &facts), "imok");
        let srvr = answer("srvr", &facts);
        for line in [
            "Zxid: 0x200000005",
            "Mode: leader",
            "Connections: 1",
            "Node count: 0",
        ] {
            assert!(srvr.lines().any(|it| it == line), "{line} in {srvr}");
        }
        assert!(answer("stat", &facts).contains(" /10.0.0.1:5[1](queued=0,recved=0,sent=0)"));
        assert!(answer("mntr", &facts).contains("zk_server_state\tleader\n"));
        facts.mode = None;
        assert_eq!(answer("srvr", &facts), NOT_SERVING);
        assert_eq!(answer("ruok", &facts), "imok");
    }
}
