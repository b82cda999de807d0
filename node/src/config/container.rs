//! The environment of ZooKeeper's official container image (`docker-entrypoint.sh` of its 3.9):
//! `ZOO_*` variables make a zoo.cfg, unless one is mounted, and `JVMFLAGS` carry system properties.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use anyhow::Context;

use super::notice::Notice;
use super::settings::NewFile;
use super::sources::Sources;
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

/// A variable, or what the image sets it to.
fn or_default(sources: &impl Sources, name: &str) -> String {
    let default = VARIABLES.iter().find(|(known, _)| *known == name);
    let default = default.map_or("", |(_, value)| value);
    sources.variable(name).unwrap_or_else(|| default.to_owned())
}

/// Whether any variable of the image's own is set, so that its entry point is meant.
pub(super) fn is_set(sources: &impl Sources) -> bool {
    let of_image = |name: &str| name.starts_with("ZOO_");
    let mut names = VARIABLES.iter().map(|(name, _)| *name);
    names.any(|name| of_image(name) && sources.variable(name).is_some())
}

/// Where a zoo.cfg may be mounted, which then wins over the variables.
pub(super) fn mounted(sources: &impl Sources) -> PathBuf {
    Path::new(&or_default(sources, "ZOO_CONF_DIR")).join("zoo.cfg")
}

/// The zoo.cfg that the entry point writes.
pub(super) fn made(sources: &impl Sources) -> String {
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
        let value = or_default(sources, variable);
        if !value.is_empty() {
            let _ = writeln!(text, "{key}={value}");
        }
    }
    for variable in ["ZOO_SERVERS", "ZOO_CFG_EXTRA"] {
        for line in or_default(sources, variable).split_whitespace() {
            let _ = writeln!(text, "{line}");
        }
    }
    text
}

/// The file with this server's number, as the entry point writes it where there is none.
pub(super) fn myid(sources: &impl Sources) -> NewFile {
    let path = Path::new(&or_default(sources, "ZOO_DATA_DIR")).join("myid");
    NewFile { path, text: or_default(sources, "ZOO_MY_ID") + "\n" }
}

/// System properties of `SERVER_JVMFLAGS` and `JVMFLAGS`, in this order, with their full names.
pub(super) fn properties(sources: &impl Sources) -> Vec<(String, String)> {
    let flags = ["SERVER_JVMFLAGS", "JVMFLAGS"].map(|name| or_default(sources, name));
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
pub(super) fn apply(
    cfg: &mut ZooCfg,
    properties: &[(String, String)],
) -> anyhow::Result<Vec<Notice>> {
    let (mut done, mut notices): (Vec<&str>, _) = (Vec::new(), Vec::new());
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
            notices.push(Notice::OfFileOnly { property: name.clone() });
            continue;
        }
        cfg.set(0, key, value).with_context(|| format!("-D{name} of JVMFLAGS"))?;
    }
    Ok(notices)
}

#[cfg(test)]
mod tests {
    use super::super::sources::Given;
    use super::*;

    fn variables(all: &[(&'static str, &str)]) -> Given {
        let variables = all.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        Given { variables, ..Given::default() }
    }

    #[test]
    fn an_environment_without_the_images_variables_is_not_the_images() {
        assert!(!is_set(&variables(&[("JVMFLAGS", "-Da=b"), ("PATH", "/bin")])));
        assert!(is_set(&variables(&[("ZOO_MY_ID", "1")])));
    }

    #[test]
    fn the_file_is_the_one_that_the_images_entry_point_writes() {
        let environment = variables(&[
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
        assert_eq!(made(&environment), expected);
        ZooCfg::parse(expected).unwrap();
    }

    #[test]
    fn the_file_wins_over_properties_and_the_last_property_over_earlier_ones() {
        let environment = variables(&[
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
        let notices = apply(&mut cfg, &properties).unwrap();
        assert!(cfg.skip_acl);
        assert_eq!(cfg.tick_time, None, "of the file only");
        let told = Notice::OfFileOnly { property: "zookeeper.tickTime".to_owned() };
        assert_eq!(notices, [told]);
        let wrong = [("zookeeper.snapCount".to_owned(), "x".to_owned())];
        let error = format!("{:#}", apply(&mut ZooCfg::default(), &wrong).unwrap_err());
        assert!(error.contains("-Dzookeeper.snapCount"), "{error}");
    }
}
