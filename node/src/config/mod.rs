//! What the user typed ([`args`], [`zoo_cfg`], [`container`]) and what it means ([`settings`]).
//! Flags and their variables win over the file, the file over ZooKeeper's system properties.
//!
//! Nothing is touched here: texts come in through [`sources`], and what is to be written or told
//! is part of what comes out.
//!
//! `given` reads all there is · [`zoo_auth`], [`zoo_ops`], [`zoo_tls`] and [`zoo_quorum_tls`] are keys of
//! the file, and [`zoo_keys`] those that mean nothing, `values` how they are spelled, `zoo_store` the
//! stores of TLS, [`jaas`] a file of users · `server_number` and `membership` who this is and among
//! whom, `ports` where it listens · `shown` what is shown of it all · [`notice`] what a person should
//! know.

pub(crate) mod args;
pub mod container;
pub(crate) mod jaas;
pub(crate) mod notice;
pub(crate) mod settings;
pub(crate) mod sources;
pub mod zoo_auth;
pub mod zoo_cfg;
pub mod zoo_keys;
pub mod zoo_ops;
pub mod zoo_quorum_tls;
pub mod zoo_tls;

mod given;
mod membership;
mod ports;
mod server_number;
mod shown;
mod values;
mod zoo_store;

use anyhow::{Context, bail};

use self::args::RunArgs;
use self::given::Given;
use self::settings::{ClientSettings, DataSettings, MemorySettings, Settings, ShownSettings};
use self::sources::Sources;
use self::zoo_cfg::ZooCfg;
use crate::codec::four_letter;
use crate::core::options::Options;
use crate::core::types::EnsembleVersion;

/// ZooKeeper's `jute.maxbuffer`, in bytes.
const FRAME_BYTES: usize = 0xF_FFFF;
/// Its `maxClientCnxns`.
const PER_ADDRESS: usize = 60;
/// Its `tickTime`, in milliseconds.
const TICK_MS: u64 = 2_000;

/// Puts a server's settings together.
///
/// # Errors
/// Says which setting is missing or contradicts another.
pub(crate) fn resolve(args: &RunArgs, sources: &impl Sources) -> anyhow::Result<Settings> {
    let Given { file, text, properties, new_myid, mut notices } = given::read(args, sources)?;
    let dir = args.data_dir.clone().or_else(|| file.data_dir.clone());
    let dir = dir.context("say where the data is to lie: --data-dir, or dataDir in the file")?;
    let server = server_number::find(args, &file, &dir, new_myid.as_ref(), sources)?;
    let own = file.servers.iter().find(|it| it.server == server);
    if own.is_none() && !file.servers.is_empty() {
        bail!("server {server} (myid) is not among the server.N lines of the file");
    }
    let ports = ports::find(args, &file, own, server)?;
    let tick_ms = args.tick_time.or(file.tick_time).unwrap_or(TICK_MS);
    if tick_ms == 0 {
        bail!("tickTime must be more than 0 milliseconds");
    }
    let mut options = Options::new(server);
    set_pace(&mut options, args, &file, tick_ms)?;
    membership::set(&mut options, args, &file, own, &ports, &mut notices);
    let jaas = args.secure.jaas_file.as_deref();
    let sasl_users = file.auth.sasl_users(jaas, sources, &mut notices)?;
    options.auth = file.auth.options(sasl_users, ports.secure.is_some())?;
    options.linearizable_reads = args.linearizable_reads;
    options.ensemble_version = args.ensemble_version.map(EnsembleVersion);
    options.skip_acl = file.skip_acl;
    options.read_only_mode = file.read_only_mode;
    let mut settings = Settings {
        data: DataSettings {
            dir,
            log_dir: file.log_dir.clone(),
            segment_bytes: args.wal_segment_bytes.max(1 << 16),
            snapshots_kept: args.snapshot_retain.or(file.snap_retain).unwrap_or(3).max(1),
            reserve_bytes: args.disk_reserve_bytes,
        },
        clients: clients(args, &file),
        memory: MemorySettings {
            limit_bytes: Some(args.memory_limit_bytes).filter(|bytes| *bytes > 0),
            watch_bytes: Some(args.watch_memory_bytes).filter(|bytes| *bytes > 0),
        },
        peer_tls: file.tls.peer_tls()?,
        admin_token_file: args.admin_token_file.clone(),
        shown: ShownSettings::default(),
        new_myid,
        notices,
        options,
        ports,
    };
    settings.shown = shown::of(&settings, &file, tick_ms, text, &properties);
    Ok(settings)
}

/// All that is a length of time, or a number of things in one.
fn set_pace(
    options: &mut Options,
    args: &RunArgs,
    file: &ZooCfg,
    tick_ms: u64,
) -> anyhow::Result<()> {
    options.tick_ms = tick_ms.min(1_000);
    (options.min_session_timeout_ms, options.max_session_timeout_ms) =
        session_timeouts(args, file, tick_ms)?;
    // As in ZooKeeper: a server that has not heard a leader for so many ticks lets its clients go.
    if let Some(ticks) = file.sync_limit {
        options.leaderless_grace_ms = tick_ms.saturating_mul(ticks.max(1));
    }
    options.snapshot_every = args.snapshot_every.or(file.snap_count).unwrap_or(100_000).max(1);
    file.ops.set_reaping(options);
    Ok(())
}

/// The shortest and the longest, in milliseconds.
fn session_timeouts(args: &RunArgs, file: &ZooCfg, tick_ms: u64) -> anyhow::Result<(i32, i32)> {
    let ticks = |n: u64| i32::try_from(tick_ms.saturating_mul(n)).unwrap_or(i32::MAX);
    let low = args.min_session_timeout.or(file.min_session_timeout);
    let high = args.max_session_timeout.or(file.max_session_timeout);
    let (low, high) = (low.unwrap_or(ticks(2)), high.unwrap_or(ticks(20)));
    if low > high {
        let (at, high_at) = (file.place("minSessionTimeout"), file.place("maxSessionTimeout"));
        bail!("minSessionTimeout {low}{at} is longer than maxSessionTimeout {high}{high_at}");
    }
    Ok((low, high))
}

fn clients(args: &RunArgs, file: &ZooCfg) -> ClientSettings {
    ClientSettings {
        frame_bytes: file.max_buffer.unwrap_or(FRAME_BYTES),
        connections: match args.max_client_connections {
            0 => file.ops.max_cnxns.unwrap_or(0),
            most => most,
        },
        per_address: file.max_client_cnxns.unwrap_or(PER_ADDRESS),
        requests: file.outstanding.unwrap_or(0),
        words: four_letter::allowed(file.words.as_deref(), file.read_only_mode),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::args::{Cli, Command};
    use super::notice::Notice;
    use super::settings::NewFile;
    use super::sources::Given as GivenSources;
    use super::*;
    use crate::core::types::ServerId;

    /// Settings of a server with these flags.
    fn resolved(flags: &[&str], sources: &GivenSources) -> anyhow::Result<Settings> {
        let words = ["quorate-node", "run"].into_iter().chain(flags.iter().copied());
        let Command::Run(args) = Cli::parse_from(words).command else {
            panic!("another command");
        };
        resolve(&args, sources)
    }

    /// Settings of a server with this zoo.cfg.
    fn of_file(text: &str) -> Settings {
        let text = format!("dataDir=/data\n{text}");
        let sources = GivenSources { files: vec![("/zoo.cfg", text)], ..GivenSources::default() };
        resolved(&["--server-id=1", "--config=/zoo.cfg"], &sources).unwrap()
    }

    #[test]
    fn sync_limit_is_counted_in_ticks_and_only_changed_when_given() {
        let grace = |text: &str| of_file(text).options.leaderless_grace_ms;
        assert_eq!(grace("tickTime=500\nsyncLimit=12\n"), 6_000);
        assert_eq!(grace("tickTime=500\n"), Options::new(ServerId(1)).leaderless_grace_ms);
    }

    #[test]
    fn a_file_may_ask_for_the_secure_port_alone_or_for_both() {
        let ports = |text: &str| {
            let text = format!("ssl.keyStore.location=/k.pem\nssl.clientAuth=none\n{text}");
            let ports = of_file(&text).ports;
            (ports.client.map(|it| it.port()), ports.secure.map(|it| it.address.port()))
        };
        let cases = [
            ("", (Some(2181), None)),
            ("secureClientPort=2281\n", (None, Some(2281))),
            ("secureClientPort=2281\nclientPort=2182\n", (Some(2182), Some(2281))),
            ("secureClientPort=2281\nserver.1=a:2888:3888;2183\n", (Some(2183), Some(2281))),
        ];
        for (text, expected) in cases {
            assert_eq!(ports(text), expected, "{text}");
        }
    }

    #[test]
    fn a_server_of_the_image_gets_the_number_of_its_variable_but_keeps_one_that_it_has() {
        let three = "server.1=a:1:2 server.2=b:1:2 server.3=c:1:2".to_owned();
        let mut sources = GivenSources {
            variables: vec![("ZOO_MY_ID", "2".to_owned()), ("ZOO_SERVERS", three)],
            ..GivenSources::default()
        };
        let fresh = resolved(&[], &sources).unwrap();
        assert_eq!(fresh.options.server, ServerId(2));
        let expected = NewFile { path: "/data/myid".into(), text: "2\n".to_owned() };
        assert_eq!(fresh.new_myid, Some(expected));
        sources.files.push(("/data/myid", "3\n".to_owned()));
        let kept = resolved(&[], &sources).unwrap();
        assert_eq!((kept.options.server, kept.new_myid), (ServerId(3), None));
        let flags = resolved(&["--data-dir=/elsewhere"], &sources).unwrap();
        assert_eq!((flags.options.server, flags.new_myid), (ServerId(1), None));
    }

    #[test]
    fn what_has_no_effect_is_told() {
        let told = of_file("initLimit=5\nsome.key=1\nreconfigEnabled=true\n").notices;
        let expected = [
            Notice::Meaningless { line: 2, key: "initLimit".to_owned() },
            Notice::Unknown { line: 3, key: "some.key".to_owned() },
        ];
        assert_eq!(told, expected);
        let file = ("/zoo.cfg", "dataDir=/data\nreconfigEnabled=true\n".to_owned());
        let sources = GivenSources { files: vec![file], ..GivenSources::default() };
        let flags = ["--server-id=1", "--config=/zoo.cfg", "--admin-token-file=/token"];
        let operated = resolved(&flags, &sources).unwrap();
        assert_eq!(operated.notices, [Notice::ReconfigIsOperated]);
    }
}
