//! zoo.cfg, as the program takes it.

use crate::support::client::{Client, word};
use crate::support::ensemble::{Ensemble, Folder, Process, free_ports, program};
use crate::support::{wait_for, wait_until};

/// Runs with this zoo.cfg, which must be refused; gives what the program says.
fn refused(config: &str) -> String {
    let folder = Folder::new();
    let path = folder.path().join("zoo.cfg");
    let data = folder.path().join("data").display().to_string();
    std::fs::write(&path, config.replace("DATA", &data)).expect("write zoo.cfg");
    let output = program().arg("run").arg("--config").arg(&path).output();
    let output = output.expect("run the program");
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{config}: {text}");
    text
}

#[test]
fn an_unknown_key_or_a_contradiction_is_refused_with_its_line() {
    let wrong = [
        ("dataDir=DATA\nclientport=2181\n", "line 2: unknown key clientport"),
        ("dataDir=DATA\ntickTime=fast\n", "line 2: tickTime: `fast`"),
        ("dataDir=DATA\n\ndataDir=DATA\n", "line 3: dataDir is set on line 1 already"),
        ("dataDir=DATA\ntickTime=0\n", "line 2: tickTime"),
        (
            "dataDir=DATA\nmaxSessionTimeout=100\nminSessionTimeout=200\n",
            "minSessionTimeout 200 (line 3) is longer than maxSessionTimeout 100 (line 2)",
        ),
        (
            "dataDir=DATA\ntickTime=100\nmaxSessionTimeout=100\n",
            "minSessionTimeout 200 is longer than maxSessionTimeout 100 (line 3)",
        ),
        (
            "dataDir=DATA\nclientPort=2181\nserver.1=127.0.0.1:2888:3888;2182\n",
            "clientPort 2181 (line 2) differs from the 2182 of server.1 (line 3)",
        ),
        (
            "server.1=127.0.0.1:2888:3888\ndataDir=DATA\nserver.2=127.0.0.1:2888:3888\n",
            "line 3: server.2 has the address 127.0.0.1:2888 of server.1 (line 1)",
        ),
        ("server.1=127.0.0.1:1:2:observer\ndataDir=DATA\n", "observers (line 1)"),
        (
            "server.1=127.0.0.1:1:2\ndataDir=DATA\nserver.01=127.0.0.1:3:4\n",
            "line 3: server.01 and server.1 (line 1) are the same",
        ),
        ("dataDir=DATA\ndataDir\n", "line 2: `dataDir` is not key=value"),
    ];
    for (config, expected) in wrong {
        let text =
            if config.contains("server.") { refused_as(config, "1") } else { refused(config) };
        assert!(text.contains(expected), "{config}\nsays: {text}");
    }
    let text = refused_as("dataDir=DATA\nserver.1=127.0.0.1:1:2\n", "7");
    assert!(text.contains("server 7 (myid) is not among the server.N lines"), "{text}");
}

/// The same, with a myid.
fn refused_as(config: &str, myid: &str) -> String {
    let folder = Folder::new();
    std::fs::write(folder.path().join("myid"), myid).expect("write myid");
    refused(&config.replace("DATA", &folder.path().display().to_string()))
}

#[test]
fn a_key_without_meaning_is_taken_and_told_in_one_line() {
    let ensemble = Ensemble::serving(1, "initLimit=5\nelectionAlg=3\n");
    let log = ensemble.members[0].log();
    for key in ["initLimit", "electionAlg"] {
        let lines: Vec<&str> = log.lines().filter(|line| line.contains(key)).collect();
        assert_eq!(lines.len(), 1, "{log}");
        assert!(lines[0].contains("has no meaning here"), "{log}");
    }
    assert!(!log.contains("tickTime"), "{log}");
}

#[test]
fn the_log_is_of_words_and_has_no_colours_where_there_is_no_terminal() {
    let mut ensemble = Ensemble::serving(3, "");
    let leader = ensemble.leader();
    ensemble.members[leader].process().terminate();
    ensemble.members[leader].process().exit();
    ensemble.leader();
    for member in &ensemble.members {
        let log = member.log();
        assert!(log.contains("this member is the leader now") || log.contains("follows a leader"));
        assert!(!log.contains('\u{1b}'), "{log}");
        // As Rust prints values for those who debug.
        for mark in ["Term(", "Index(", "MemberId(", "SessionId(", "Some(", "{ "] {
            assert!(!log.contains(mark), "{mark}: {log}");
        }
    }
}

#[test]
fn a_servers_own_line_names_its_client_port() {
    let (folder, port) = (Folder::new(), free_ports(&[0, 1, 2]));
    let config = folder.path().join("zoo.cfg");
    let text = format!(
        "dataDir={}\nserver.1=127.0.0.1:{}:{};127.0.0.1:{port}\n",
        folder.path().display(),
        port + 1,
        port + 1
    );
    std::fs::write(&config, text).expect("write zoo.cfg");
    std::fs::write(folder.path().join("myid"), "1\n").expect("write myid");
    let admin = format!("127.0.0.1:{}", port + 2);
    let mut command = program();
    command.arg("run").arg("--config").arg(&config).args(["--admin-addr", &admin]);
    let child = command.stderr(std::process::Stdio::null()).spawn();
    let _process = Process(child.expect("start a server"));
    wait_until("it serves", || Client::connect(port).is_ok());
}

#[test]
fn a_data_log_dir_takes_the_log_and_keeps_it_apart_from_the_snapshots() {
    let apart = Folder::new();
    let more = format!("dataLogDir={}\n", apart.path().display());
    let mut ensemble = Ensemble::serving(1, &more);
    let member = &mut ensemble.members[0];
    member.connect().create("/a", b"1", 0).expect("create");
    assert!(apart.path().join("log").is_dir());
    assert!(!member.data.join("log").exists());
    member.kill();
    member.start();
    assert_eq!(member.connect().get("/a").expect("read"), "1");
}

#[test]
fn session_timeouts_and_connections_are_bounded_as_the_file_says() {
    let more = "minSessionTimeout=7000\nmaxSessionTimeout=9000\nmaxClientCnxns=2\n";
    let ensemble = Ensemble::serving(1, more);
    let port = ensemble.members[0].client;
    let conf = word(port, "conf");
    for line in ["tickTime=200", "maxClientCnxns=2", "minSessionTimeout=7000"] {
        assert!(conf.lines().any(|it| it == line), "{conf}");
    }
    // The word's connection may take its seat for a moment longer.
    let connect =
        |timeout_ms| wait_for("there is room", || Client::connect_for(port, timeout_ms).ok());
    let (short, long) = (connect(1), connect(60_000));
    assert_eq!((short.session.timeout_ms, long.session.timeout_ms), (7_000, 9_000));
    assert!(Client::connect(port).is_err(), "a third connection of this address");
    drop(short);
    wait_until("there is room again", || Client::connect(port).is_ok());
}
