//! `zoo.cfg`, as ZooKeeper's users know it. A key that means nothing here is accepted and named, and
//! so is an unknown one; one that differs from a known one in case only is an error with its line.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU64;
use std::path::PathBuf;

use anyhow::{Context, anyhow, bail, ensure};

use super::values::{bytes, number, yes_or_no};
use super::zoo_auth::{self, ZooAuth};
use super::zoo_keys::{MEANINGLESS, meant};
use super::zoo_ops::{self, ZooOps};
use super::zoo_quorum_tls;
use super::zoo_tls::{self, ZooTls};
use crate::core::options::StaticServer;
use crate::core::raft::config::Role;
use crate::core::types::ServerId;

/// The file's settings.
#[derive(Clone, Debug, Default)]
#[allow(missing_docs)] // Named as ZooKeeper's keys.
pub struct ZooCfg {
    pub(crate) tick_time: Option<u64>,
    pub(crate) data_dir: Option<PathBuf>,
    pub(crate) client_port: Option<u16>,
    pub(crate) client_address: Option<IpAddr>,
    pub(crate) max_client_cnxns: Option<usize>,
    pub(crate) outstanding: Option<usize>,
    pub(crate) min_session_timeout: Option<i32>,
    pub(crate) max_session_timeout: Option<i32>,
    pub(crate) snap_count: Option<u64>,
    pub(crate) sync_limit: Option<u64>,
    pub(crate) snap_retain: Option<usize>,
    pub(crate) words: Option<Vec<String>>,
    pub(crate) max_buffer: Option<usize>,
    pub(crate) read_only_mode: bool,
    pub(crate) skip_acl: bool,
    pub(crate) reconfig_enabled: bool,
    /// Another file with `server.N` lines.
    pub(crate) dynamic: Option<PathBuf>,
    /// `standaloneEnabled=false`.
    pub(crate) never_standalone: bool,
    pub(crate) log_dir: Option<PathBuf>,
    pub(crate) servers: Vec<StaticServer>,
    /// The client ports of `server.N` lines, with their addresses if those name one.
    pub(crate) listens: BTreeMap<ServerId, Listen>,
    /// Of the admin port and the metrics provider.
    pub(crate) ops: ZooOps,
    /// How clients authenticate.
    pub(crate) auth: ZooAuth,
    /// Of the secure client port.
    pub(crate) tls: ZooTls,
    /// Lines and keys without meaning here.
    pub(crate) ignored: Vec<(usize, String)>,
    /// Lines and keys that are not known: system properties, to ZooKeeper.
    pub unknown: Vec<(usize, String)>,
    /// What the file says of each key, and on which line.
    lines: BTreeMap<String, (usize, String)>,
}

/// Keys that [`ZooCfg::set`] takes itself.
pub const KNOWN: [&str; 18] = [
    "tickTime",
    "dataDir",
    "dataLogDir",
    "clientPort",
    "clientPortAddress",
    "maxClientCnxns",
    "minSessionTimeout",
    "maxSessionTimeout",
    "syncLimit",
    "snapCount",
    "autopurge.snapRetainCount",
    "jute.maxbuffer",
    "readonlymode.enabled",
    "skipACL",
    "reconfigEnabled",
    "standaloneEnabled",
    "dynamicConfigFile",
    "4lw.commands.whitelist",
];

/// The longest request that can be allowed: its entry has to fit into a record and a frame.
const BUFFER_MAX: usize = 32 << 20;

impl ZooCfg {
    /// Reads the file's text.
    ///
    /// # Errors
    /// Names the line and what is wrong with it.
    pub fn parse(text: &str) -> anyhow::Result<ZooCfg> {
        let mut cfg = ZooCfg::default();
        cfg.set_lines(text)?;
        Ok(cfg)
    }

    /// Reads the text of the file of `dynamicConfigFile`, which has `server.N` lines only and the
    /// version of what ZooKeeper had made of them.
    ///
    /// # Errors
    /// Names the line and what is wrong with it.
    pub(crate) fn include(&mut self, text: &str) -> anyhow::Result<()> {
        for (at, line) in text.lines().enumerate() {
            let key = line.split('=').next().unwrap_or_default().trim();
            let comment = key.is_empty() || key.starts_with(['#', '!']);
            ensure!(
                comment || key == "version" || key.starts_with("server."),
                "line {}: {key} is neither server.N nor version",
                at + 1
            );
        }
        let servers = text.lines().map(|line| {
            let version = line.trim_start().starts_with("version");
            if version { "" } else { line }
        });
        self.set_lines(&servers.collect::<Vec<_>>().join("\n"))
    }

    fn set_lines(&mut self, text: &str) -> anyhow::Result<()> {
        let cfg = self;
        for (at, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') || line.starts_with('!') {
                continue;
            }
            let number = at + 1;
            let (key, value) = line
                .split_once('=')
                .ok_or_else(|| anyhow!("line {number}: `{line}` is not key=value"))?;
            let (key, value) = (key.trim(), value.trim());
            // System properties are accepted with and without their prefix, as ZooKeeper does.
            let key = key.strip_prefix("zookeeper.").unwrap_or(key);
            let said = (number, value.to_owned());
            if let Some((first, _)) = cfg.lines.insert(key.to_owned(), said) {
                bail!("line {number}: {key} is set on line {first} already");
            }
            cfg.set(number, key, value).with_context(|| format!("line {number}"))?;
        }
        cfg.servers.sort_by_key(|it| it.server);
        let all_observe = cfg.servers.iter().all(|it| it.role == Role::Observer);
        if let (Some(first), true) = (cfg.servers.first(), all_observe) {
            let place = cfg.place(&format!("server.{}", first.server));
            bail!("all server.N are observers{place}: at least one must be a participant");
        }
        Ok(())
    }

    /// ` (line 3)` for a key of the file; nothing for others.
    pub(crate) fn place(&self, key: &str) -> String {
        let line = self.lines.get(key);
        line.map_or_else(String::new, |(line, _)| format!(" (line {line})"))
    }

    /// Whether the file sets it.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.lines.contains_key(key)
    }

    /// Keys, without their prefix, and values as the file has them.
    pub(crate) fn values(&self) -> impl Iterator<Item = (&str, &str)> {
        let lines = self.lines.iter();
        lines.map(|(key, (_, value))| (key.as_str(), value.as_str()))
    }

    fn add_server(&mut self, key: &str, id: &str, value: &str) -> anyhow::Result<()> {
        let (new, listen) = server(id, value)?;
        for old in &self.servers {
            let place = self.place(&format!("server.{}", old.server));
            if old.server == new.server {
                bail!("{key} and server.{}{place} are the same server", old.server);
            }
            if old.peer == new.peer {
                let (address, other) = (&new.peer, old.server);
                bail!("{key} has the address {address} of server.{other}{place}");
            }
        }
        if let Some(listen) = listen {
            self.listens.insert(new.server, listen);
        }
        self.servers.push(new);
        Ok(())
    }

    /// Takes a key, of a line or (line 0) of a system property.
    ///
    /// # Errors
    /// Says what is wrong with the value.
    pub(super) fn set(&mut self, line: usize, key: &str, value: &str) -> anyhow::Result<()> {
        match key {
            "tickTime" => {
                let ms: NonZeroU64 = number(key, value)?;
                self.tick_time = Some(ms.get());
            }
            "dataDir" => self.data_dir = Some(PathBuf::from(value)),
            "dataLogDir" => self.log_dir = Some(PathBuf::from(value)),
            "clientPort" => self.client_port = Some(number(key, value)?),
            "clientPortAddress" => self.client_address = Some(number(key, value)?),
            "globalOutstandingLimit" => self.outstanding = Some(number(key, value)?),
            "maxClientCnxns" => self.max_client_cnxns = Some(number(key, value)?),
            "minSessionTimeout" => self.min_session_timeout = Some(number(key, value)?),
            "maxSessionTimeout" => self.max_session_timeout = Some(number(key, value)?),
            "syncLimit" => self.sync_limit = Some(number(key, value)?),
            "snapCount" => self.snap_count = Some(number(key, value)?),
            "autopurge.snapRetainCount" => self.snap_retain = Some(number(key, value)?),
            "jute.maxbuffer" => {
                let bytes = bytes(key, value)?;
                ensure!(bytes <= BUFFER_MAX, "{key} is {bytes}, and may be {BUFFER_MAX} at most");
                self.max_buffer = Some(bytes);
            }
            "readonlymode.enabled" => self.read_only_mode = value == "true",
            "skipACL" => self.skip_acl = value == "yes",
            "dynamicConfigFile" => self.dynamic = Some(PathBuf::from(value)),
            "reconfigEnabled" => self.reconfig_enabled = yes_or_no(key, value)?,
            "standaloneEnabled" => self.never_standalone = !yes_or_no(key, value)?,
            "4lw.commands.whitelist" => {
                let words = value.split(',').map(|word| word.trim().to_owned());
                self.words = Some(words.collect());
            }
            _ if self.ops.set(key, value)? => {}
            _ if self.auth.set(key, value)? || self.tls.set(key, value)? => {}
            _ if MEANINGLESS.contains(&key) => self.ignored.push((line, key.to_owned())),
            _ => match key.strip_prefix("server.") {
                Some(id) => self.add_server(key, id, value)?,
                None => self.note_unknown(line, key)?,
            },
        }
        Ok(())
    }
}

impl ZooCfg {
    /// To ZooKeeper any other key is a system property, so it starts; one that is only written
    /// wrong would be missed by everybody.
    fn note_unknown(&mut self, line: usize, key: &str) -> anyhow::Result<()> {
        let known = KNOWN.iter().chain(&MEANINGLESS).chain(&zoo_ops::KEYS);
        let known = known.chain(&zoo_auth::KEYS).chain(&zoo_tls::KEYS);
        let known = known.chain(&zoo_quorum_tls::KEYS);
        if let Some(meant) = meant(key, known.copied()) {
            bail!("unknown key {key}: write {meant}");
        }
        self.unknown.push((line, key.to_owned()));
        Ok(())
    }
}

/// A client port, and its address if one is named.
type Listen = (Option<IpAddr>, u16);

/// `host:peer:election[:role][;[address:]client]`; a bare client port takes the server's host.
/// Gives where the server listens for clients, too.
fn server(id: &str, value: &str) -> anyhow::Result<(StaticServer, Option<Listen>)> {
    let id: u8 = number("server.N", id)?;
    if id == 0 || id > 254 {
        bail!("server.{id}: N must be 1 to 254");
    }
    let (quorum, client) = value.split_once(';').unwrap_or((value, ""));
    let (host, rest) = match quorum.strip_prefix('[').and_then(|it| it.split_once("]:")) {
        Some((host, rest)) => (format!("[{host}]"), rest),
        None => {
            let (host, rest) = quorum
                .split_once(':')
                .ok_or_else(|| anyhow!("server.{id}: `{value}` is not host:peer:election"))?;
            (host.to_owned(), rest)
        }
    };
    let mut parts = rest.split(':');
    let peer: u16 = number("the peer port", parts.next().unwrap_or_default())?;
    if let Some(election) = parts.next() {
        let _: u16 = number("the election port", election)?;
    }
    let role = match parts.next() {
        None | Some("participant") => Role::Voter,
        Some("observer") => Role::Observer,
        Some(other) => bail!("server.{id}: role `{other}` is neither participant nor observer"),
    };
    let (client, listen) = match (client, client.parse::<u16>()) {
        ("", _) => (String::new(), None),
        (_, Ok(port)) => (format!("{host}:{port}"), Some((None, port))),
        (full, _) => {
            let (_, port) = full.rsplit_once(':').unwrap_or_default();
            let port = number("the client port", port)?;
            let ip = full.parse::<SocketAddr>().ok().map(|it| it.ip());
            (full.to_owned(), Some((ip, port)))
        }
    };
    let server =
        StaticServer { server: ServerId(id), peer: format!("{host}:{peer}"), client, role };
    Ok((server, listen))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_usual_file_is_understood() {
        let text = "# c\ntickTime=2000\ninitLimit=5\ndataDir=/data\nclientPort=2182\nsyncLimit=3\n\
                    4lw.commands.whitelist=ruok, srvr\nzookeeper.jute.maxbuffer=1000\n\
                    server.2=b:2888:3888:observer;0.0.0.0:2181\nserver.1=a:2888:3888;2181\n\
                    server.3=[fd00::1]:2888:3888\n";
        let cfg = ZooCfg::parse(text).unwrap();
        assert_eq!(cfg.tick_time, Some(2000));
        assert_eq!(cfg.client_port, Some(2182));
        assert_eq!(cfg.max_buffer, Some(1000));
        assert_eq!(cfg.sync_limit, Some(3));
        assert_eq!(cfg.words.unwrap(), ["ruok", "srvr"]);
        assert_eq!(cfg.ignored, [(3, "initLimit".to_owned())]);
        let peers: Vec<&str> = cfg.servers.iter().map(|it| it.peer.as_str()).collect();
        assert_eq!(peers, ["a:2888", "b:2888", "[fd00::1]:2888"]);
        assert_eq!(cfg.servers[0].client, "a:2181");
        assert_eq!(cfg.servers[1].role, Role::Observer);
    }

    #[test]
    fn the_dynamic_file_names_servers_and_nothing_else() {
        let mut cfg = ZooCfg::parse("dynamicConfigFile=/etc/zoo.dyn\n").unwrap();
        assert_eq!(cfg.dynamic, Some(PathBuf::from("/etc/zoo.dyn")));
        let text = "# c\nserver.2=b:2888:3888;2181\nserver.1=a:2888:3888;2181\nversion=1f\n";
        cfg.include(text).unwrap();
        assert_eq!(cfg.servers.len(), 2);
        let error = cfg.include("version=1\ntickTime=1\n").unwrap_err();
        assert!(format!("{error:#}").contains("line 2"), "{error:#}");
    }

    #[test]
    fn what_is_wrong_is_named_with_its_line() {
        let wrong = [
            ("tickTime=2000\nclientport=1\n", "line 2"),
            ("tickTime\n", "line 1"),
            ("tickTime=x\n", "line 1"),
            ("tickTime=1\n\ntickTime=2\n", "line 3: tickTime is set on line 1 already"),
            ("jute.maxbuffer=33554433\n", "may be 33554432 at most"),
            ("server.0=a:1:2\n", "1 to 254"),
            ("server.1=a\n", "host:peer:election"),
            ("server.1=a:1:2:leader\n", "neither participant nor observer"),
            ("server.1=a:1:2:observer\n", "at least one must be a participant"),
        ];
        for (text, expected) in wrong {
            let error = format!("{:#}", ZooCfg::parse(text).unwrap_err());
            assert!(error.contains(expected), "{text:?}: {error}");
        }
    }
}
