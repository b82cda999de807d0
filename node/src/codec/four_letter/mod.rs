//! Four-letter words, in the exact formats that tools parse (ZooKeeper administrator's guide, and
//! what ZooKeeper 3.9.5 prints). Long lists are written in pages: see [`lists`].

pub mod lists;

use std::fmt::Write;

use crate::core::state::election_port;

/// What the words tell about; filled in by the shell.
#[derive(Clone, Debug, Default)]
#[allow(missing_docs)]
pub struct Facts {
    pub version: String,
    /// `leader`, `follower`, `observer`, `standalone`, `read-only`; `None` while not serving.
    pub mode: Option<&'static str>,
    /// `leading - broadcast` and the like; `None` when alone.
    pub peer_state: Option<&'static str>,
    pub zxid: i64,
    pub znodes: usize,
    pub ephemerals: usize,
    pub watches: usize,
    pub watched_paths: usize,
    pub watching_connections: usize,
    pub data_bytes: u64,
    pub sessions: usize,
    pub connections: usize,
    pub outstanding: usize,
    pub pending_syncs: usize,
    pub received: u64,
    pub sent: u64,
    pub latency_min: u64,
    pub latency_avg: f64,
    pub latency_max: u64,
    /// Last, smallest, largest; -1 before the first.
    pub response_sizes: [i64; 3],
    /// The same of a leader's proposals.
    pub proposal_sizes: [i64; 3],
    /// Leader only.
    pub followers: Option<Followers>,
    pub quorum_size: usize,
    pub uptime_ms: u64,
    pub leading_ms: Option<u64>,
    pub open_files: u64,
    pub max_files: u64,
    /// `key=value` lines of `conf`.
    pub conf: Vec<(String, String)>,
    pub members: Vec<MemberLine>,
    pub config_version: u64,
    pub data_dir_bytes: u64,
    pub log_dir_bytes: u64,
}

/// Members that follow a leader, and those of them that are in step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Followers {
    pub learners: usize,
    pub synced: usize,
    pub synced_non_voting: usize,
    pub synced_observers: usize,
}

/// A member, as `conf` and the admin port's `voting_view` show it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MemberLine {
    /// N of `server.N`.
    pub server: u8,
    /// `host:port` for members.
    pub peer: String,
    /// `host:port` for clients; may be empty.
    pub client: String,
    /// Whether it is a participant.
    pub votes: bool,
}

impl MemberLine {
    /// `participant` or `observer`.
    pub fn kind(&self) -> &'static str {
        if self.votes { "participant" } else { "observer" }
    }

    /// `host:port` of what stands for the election port.
    pub fn election(&self) -> String {
        let host = self.peer.rsplit_once(':').map_or("", |(host, _)| host);
        format!("{host}:{}", election_port(&self.peer))
    }

    /// As in a dynamic configuration file.
    fn line(&self) -> String {
        let (server, peer, kind, client) = (self.server, &self.peer, self.kind(), &self.client);
        let election = election_port(peer);
        format!("server.{server}={peer}:{election}:{kind};{client}")
    }
}

/// All words, in ZooKeeper's order.
pub const WORDS: [&str; 18] = [
    "conf", "cons", "crst", "dirs", "dump", "envi", "gtmk", "ruok", "stmk", "srst", "srvr", "stat",
    "wchc", "wchp", "wchs", "mntr", "isro", "hash",
];

/// Words that are answered when the whitelist is not set: those that cost little and change
/// nothing. ZooKeeper's own default is `srvr` alone.
pub const ANSWERED_BY_DEFAULT: [&str; 12] = [
    "ruok", "srvr", "stat", "mntr", "conf", "cons", "isro", "envi", "dirs", "wchs", "gtmk", "hash",
];

/// What telnet sends when its user interrupts it (IAC IP IAC DO).
pub const TELNET_CLOSE: [u8; 4] = [0xff, 0xf4, 0xff, 0xfd];

/// Said instead of an answer by a server that serves nobody.
pub const NOT_SERVING: &str = "This ZooKeeper instance is not currently serving requests\n";

/// The word that the first four bytes of a connection are, if they are one.
pub fn word(bytes: [u8; 4]) -> Option<&'static str> {
    WORDS.into_iter().find(|word| word.as_bytes() == bytes)
}

/// The words that a whitelist (`4lw.commands.whitelist`) allows. `srvr` always is, for
/// ZooKeeper's own scripts use it, and so is `isro` with read-only mode, for its clients use that.
pub fn allowed(whitelist: Option<&[String]>, read_only_mode: bool) -> Vec<String> {
    let mut words: Vec<String> = match whitelist {
        None => ANSWERED_BY_DEFAULT.map(str::to_owned).to_vec(),
        Some(list) if list.iter().any(|word| word == "*") => WORDS.map(str::to_owned).to_vec(),
        Some(list) => list.to_vec(),
    };
    words.push("srvr".to_owned());
    words.extend(read_only_mode.then(|| "isro".to_owned()));
    words
}

/// The refusal of a word that is not allowed.
pub fn refusal(word: &str) -> String {
    format!("{word} is not executed because it is not in the whitelist.\n")
}

/// Whether a word is answered by a server that serves nobody.
pub fn answers_when_not_serving(word: &str) -> bool {
    matches!(word, "ruok" | "envi" | "isro" | "gtmk" | "stmk")
}

/// `isro`.
pub fn is_read_only(facts: &Facts) -> &'static str {
    match facts.mode {
        None => "null",
        Some("read-only") => "ro",
        Some(_) => "rw",
    }
}

/// `envi`.
pub fn environment(pairs: &[(&str, String)]) -> String {
    pairs.iter().fold("Environment:\n".to_owned(), |mut text, (key, value)| {
        let _ = writeln!(text, "{key}={value}");
        text
    })
}

/// Keys of `conf` that mean nothing to a server on its own.
const OF_ENSEMBLES: [&str; 5] =
    ["initLimit", "syncLimit", "electionPort", "quorumPort", "peerType"];

/// `conf`. The membership ends without a line end, as ZooKeeper's does.
pub fn conf(facts: &Facts) -> String {
    let mut text = String::new();
    for (key, value) in &facts.conf {
        if facts.mode == Some("standalone") && OF_ENSEMBLES.contains(&key.as_str()) {
            continue;
        }
        let _ = writeln!(text, "{key}={value}");
        let size = match key.as_str() {
            "dataDir" => Some(("dataDirSize", facts.data_dir_bytes)),
            "dataLogDir" => Some(("dataLogSize", facts.log_dir_bytes)),
            _ => None,
        };
        if let Some((key, size)) = size {
            let _ = writeln!(text, "{key}={size}");
        }
    }
    if facts.mode != Some("standalone") && !facts.members.is_empty() {
        text += "membership: \n";
        for member in &facts.members {
            let _ = writeln!(text, "{}", member.line());
        }
        let _ = write!(text, "version={:x}", facts.config_version);
    }
    text
}

/// `dirs`.
pub fn dirs(facts: &Facts) -> String {
    let (data, log) = (facts.data_dir_bytes, facts.log_dir_bytes);
    format!("datadir_size: {data}\nlogdir_size: {log}\n")
}

/// `wchs`. ZooKeeper ends it with an empty line, which the others of its kind have as well.
pub fn watch_summary(facts: &Facts) -> String {
    format!(
        "{} connections watching {} paths\nTotal watches:{}\n",
        facts.watching_connections, facts.watched_paths, facts.watches
    )
}

/// What `srvr` and `stat` begin with.
pub fn version(facts: &Facts) -> String {
    let mut text = format!("Zookeeper version: {}\n", facts.version);
    if facts.mode == Some("read-only") {
        text += "READ-ONLY mode; serving only read-only clients\n";
    }
    text
}

/// What `srvr` and `stat` end with. `mean` is the mean latency as it is shown.
pub fn statistics(facts: &Facts, mean: &str) -> String {
    let mut text = format!(
        "Latency min/avg/max: {}/{mean}/{}\nReceived: {}\nSent: {}\nConnections: {}\n\
         Outstanding: {}\nZxid: {:#x}\nMode: {}\nNode count: {}\n",
        facts.latency_min,
        facts.latency_max,
        facts.received,
        facts.sent,
        facts.connections,
        facts.outstanding,
        facts.zxid,
        facts.mode.unwrap_or_default(),
        facts.znodes
    );
    if facts.mode == Some("leader") {
        let [last, min, max] = facts.proposal_sizes;
        let _ = writeln!(text, "Proposal sizes last/min/max: {last}/{min}/{max}");
    }
    text
}

/// `mntr`: keys without their prefix, and values.
pub fn monitor(pairs: &[(String, String)]) -> String {
    pairs.iter().fold(String::new(), |mut text, (key, value)| {
        let _ = writeln!(text, "zk_{key}\t{value}");
        text
    })
}

/// `hash`: digests of the past, by zxid.
pub fn digests(history: &[(i64, u64)]) -> String {
    history.iter().fold(String::new(), |mut text, (zxid, digest)| {
        let _ = writeln!(text, "{zxid:x}: {}", digest.cast_signed());
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whitelist_allows_what_it_names_and_srvr() {
        let list = |words: &[&str]| words.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>();
        let all = allowed(Some(&list(&["ruok", "*"])), false);
        assert!(WORDS.iter().all(|word| all.iter().any(|it| it == word)));
        let ruok = list(&["ruok"]);
        assert_eq!(allowed(Some(&ruok), false), ["ruok", "srvr"]);
        assert_eq!(allowed(Some(&ruok), true), ["ruok", "srvr", "isro"]);
        let usual = allowed(None, false);
        for costly in ["dump", "wchc", "wchp", "crst", "srst", "stmk"] {
            assert!(!usual.iter().any(|word| word == costly), "{costly}");
        }
    }

    #[test]
    fn a_read_only_server_says_so() {
        let mut facts =
            Facts { version: "3.9.5-x".to_owned(), mode: Some("read-only"), ..Facts::default() };
        assert_eq!(is_read_only(&facts), "ro");
        assert_eq!(
            version(&facts),
            "Zookeeper version: 3.9.5-x\nREAD-ONLY mode; serving only read-only clients\n"
        );
        facts.mode = None;
        assert_eq!(is_read_only(&facts), "null");
    }
}
