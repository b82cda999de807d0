//! The environment of ZooKeeper's official container image (`docker-entrypoint.sh` of its 3.9):
//! `ZOO_*` variables make a zoo.cfg, unless one is mounted, and `JVMFLAGS` carry system properties.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use anyhow::Context;

use super::zoo_cfg::ZooCfg;
use super::zoo_keys::OF_FILE;

/// The variables that are understood, and what the image sets them to.
pub const VARIABLES: [(&str, &str); 17] = [
    ("ZOO_CONF_DIR", "/conf"),
    ("ZOO_DATA_DIR", "/data"),
    ("ZOO_DATA_LOG_DIR", ""),
    ("ZOO_MY_ID", "1"),
    ("ZOO_SERVERS", "server.1=localhost:2888:3888;2181"),
    ("ZOO_TICK_TIME", "2000"),
    ("ZOO_INIT_LIMIT", "5"),
    ("ZOO_SYNC_LIMIT", "2"),
    ("ZOO_MAX_CLIENT_CNXNS", "60"),
    ("ZOO_STANDALONE_ENABLED", "true"),
    ("ZOO_ADMINSERVER_ENABLED", "true"),
    ("ZOO_AUTOPURGE_PURGEINTERVAL", "0"),
    ("ZOO_AUTOPURGE_SNAPRETAINCOUNT", "3"),
    ("ZOO_4LW_COMMANDS_WHITELIST", ""),
    ("ZOO_CFG_EXTRA", ""),
    ("SERVER_JVMFLAGS", ""),
    ("JVMFLAGS", ""),
];

/// System properties that have no prefix.
const BARE: [&str; 3] =
    ["jute.maxbuffer", "readonlymode.enabled", "java.security.auth.login.config"];

/// An environment.
pub trait Environment {
    /// A variable that is set and not empty.
    fn get(&self, name: &str) -> Option<String>;

    /// The same, or what the image has.
    fn or_default(&self, name: &str) -> String {
        let default = VARIABLES.iter().find(|(known, _)| *known == name);
        let default = default.map_or("", |(_, value)| value);
        self.get(name).unwrap_or_else(|| default.to_owned())
    }
}

/// That of this process.
#[derive(Debug)]
pub struct Process;

impl Environment for Process {
    fn get(&self, name: &str) -> Option<String> {
        std::env::var(name).ok().filter(|value| !value.is_empty())
    }
}

/// Where settings come from when no flag says it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// This file.
    File(PathBuf),
    /// This text, made of variables.
    Made(String),
}

/// What the image's entry point would start the server with; `None`: no variable of it is set.
pub fn source(environment: &impl Environment) -> Option<Source> {
    let of_image = |name: &str| name.starts_with("ZOO_");
    let mut names = VARIABLES.iter().map(|(name, _)| *name);
    if !names.any(|name| of_image(name) && environment.get(name).is_some()) {
        return None;
    }
    let mounted = Path::new(&environment.or_default("ZOO_CONF_DIR")).join("zoo.cfg");
    if mounted.is_file() {
        return Some(Source::File(mounted));
    }
    Some(Source::Made(made(environment)))
}

/// The zoo.cfg that the entry point writes.
fn made(environment: &impl Environment) -> String {
    let lines = [
        ("dataDir", "ZOO_DATA_DIR"),
        ("dataLogDir", "ZOO_DATA_LOG_DIR"),
        ("tickTime", "ZOO_TICK_TIME"),
        ("initLimit", "ZOO_INIT_LIMIT"),
        ("syncLimit", "ZOO_SYNC_LIMIT"),
        ("autopurge.snapRetainCount", "ZOO_AUTOPURGE_SNAPRETAINCOUNT"),
        ("autopurge.purgeInterval", "ZOO_AUTOPURGE_PURGEINTERVAL"),
        ("maxClientCnxns", "ZOO_MAX_CLIENT_CNXNS"),
        ("standaloneEnabled", "ZOO_STANDALONE_ENABLED"),
        ("admin.enableServer", "ZOO_ADMINSERVER_ENABLED"),
        ("4lw.commands.whitelist", "ZOO_4LW_COMMANDS_WHITELIST"),
    ];
    let mut text = String::new();
    for (key, variable) in lines {
        let value = environment.or_default(variable);
        if !value.is_empty() {
            let _ = writeln!(text, "{key}={value}");
        }
    }
    for variable in ["ZOO_SERVERS", "ZOO_CFG_EXTRA"] {
        for line in environment.or_default(variable).split_whitespace() {
            let _ = writeln!(text, "{line}");
        }
    }
    text
}

/// Writes this server's number into the data folder if there is none, as the entry point does.
///
/// # Errors
/// When the folder cannot be written to.
pub fn write_id(environment: &impl Environment) -> anyhow::Result<()> {
    let dir = PathBuf::from(environment.or_default("ZOO_DATA_DIR"));
    let path = dir.join("myid");
    if path.exists() {
        return Ok(());
    }
    let id = environment.or_default("ZOO_MY_ID");
    std::fs::create_dir_all(&dir)
        .and_then(|()| std::fs::write(&path, id + "\n"))
        .with_context(|| format!("write {} (ZOO_DATA_DIR must be writable)", path.display()))
}

/// System properties of `SERVER_JVMFLAGS` and `JVMFLAGS`, in this order, with their full names.
pub fn properties(environment: &impl Environment) -> Vec<(String, String)> {
    let flags = ["SERVER_JVMFLAGS", "JVMFLAGS"].map(|name| environment.or_default(name));
    let words = flags.iter().flat_map(|flags| flags.split_whitespace());
    words
        .filter_map(|word| word.strip_prefix("-D")?.split_once('='))
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect()
}

/// Gives a configuration the properties that its file does not set: the file wins, and of
/// properties the last.
///
/// # Errors
/// Names the property whose value is none.
pub fn apply(cfg: &mut ZooCfg, properties: &[(String, String)]) -> anyhow::Result<()> {
    let mut done: Vec<&str> = Vec::new();
    for (name, value) in properties.iter().rev() {
        let key = match name.strip_prefix("zookeeper.") {
            Some(key) => key,
            None if BARE.contains(&name.as_str()) => name,
            None => continue,
        };
        if cfg.has(key) || done.contains(&key) {
            continue;
        }
        done.push(key);
        if OF_FILE.contains(&key) || key.starts_with("server.") {
            tracing::warn!(name, "ZooKeeper takes this from zoo.cfg only: ignored");
            continue;
        }
        cfg.set(0, key, value).with_context(|| format!("-D{name} of JVMFLAGS"))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Fixed(&'static [(&'static str, &'static str)]);

    impl Environment for Fixed {
        fn get(&self, name: &str) -> Option<String> {
            let found = self.0.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        }
    }

    #[test]
    fn nothing_is_made_of_an_environment_without_the_images_variables() {
        assert_eq!(source(&Fixed(&[("JVMFLAGS", "-Da=b"), ("PATH", "/bin")])), None);
    }

    #[test]
    fn the_file_is_the_one_that_the_images_entry_point_writes() {
        let environment = Fixed(&[
            ("ZOO_CONF_DIR", "/nowhere"),
            ("ZOO_MY_ID", "2"),
            ("ZOO_DATA_LOG_DIR", "/datalog"),
            ("ZOO_SERVERS", "server.1=a:2888:3888;2181 server.2=b:2888:3888;2181"),
            ("ZOO_4LW_COMMANDS_WHITELIST", "ruok, stat"),
            ("ZOO_CFG_EXTRA", "snapCount=7 maxCnxns=9"),
        ]);
        let expected = "dataDir=/data\ndataLogDir=/datalog\ntickTime=2000\ninitLimit=5\nsyncLimit=2\n\
                        autopurge.snapRetainCount=3\nautopurge.purgeInterval=0\nmaxClientCnxns=60\n\
                        standaloneEnabled=true\nadmin.enableServer=true\n\
                        4lw.commands.whitelist=ruok, stat\nserver.1=a:2888:3888;2181\n\
                        server.2=b:2888:3888;2181\nsnapCount=7\nmaxCnxns=9\n";
        assert_eq!(source(&environment), Some(Source::Made(expected.to_owned())));
        ZooCfg::parse(expected).unwrap();
    }

    #[test]
    fn the_file_wins_over_properties_and_the_last_property_over_earlier_ones() {
        let environment = Fixed(&[
            ("SERVER_JVMFLAGS", "-Xmx1g -Dzookeeper.snapCount=5 -Dzookeeper.skipACL=yes"),
            (
                "JVMFLAGS",
                "-Dzookeeper.snapCount=6 -Djute.maxbuffer=0x1000 -Dzookeeper.tickTime=1 -Dx=y",
            ),
        ]);
        let properties = properties(&environment);
        let mut cfg = ZooCfg::parse("skipACL=no\ntickTime=2000\n").unwrap();
        apply(&mut cfg, &properties).unwrap();
        assert_eq!(cfg.snap_count, Some(6));
        assert_eq!(cfg.max_buffer, Some(4_096));
        assert!(!cfg.skip_acl);
        let mut cfg = ZooCfg::default();
        apply(&mut cfg, &properties).unwrap();
        assert!(cfg.skip_acl);
        assert_eq!(cfg.tick_time, None, "of the file only");
        let wrong = [("zookeeper.snapCount".to_owned(), "x".to_owned())];
        let error = format!("{:#}", apply(&mut ZooCfg::default(), &wrong).unwrap_err());
        assert!(error.contains("-Dzookeeper.snapCount"), "{error}");
    }
}
