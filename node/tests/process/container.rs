//! The environment of ZooKeeper's official container image, as the program takes it.

use std::path::Path;
use std::process::Stdio;

use crate::support::client::{Client, word};
use crate::support::ensemble::{Folder, Process, free_ports, program};
use crate::support::{http, wait_until};

/// Starts the program with these variables and no flag but where the members' port listens.
fn start(peer: u16, variables: &[(&str, String)]) -> Process {
    let mut command = program();
    command.arg("run");
    command.env("QUORATE_PEER_ADDR", format!("127.0.0.1:{peer}"));
    command.env("QUORATE_DISK_RESERVE_BYTES", "0");
    for (name, value) in variables {
        command.env(name, value);
    }
    let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    Process(child.expect("start a server"))
}

fn text(path: &Path) -> String {
    path.display().to_string()
}

#[test]
fn the_images_variables_alone_start_an_ensemble() {
    let folder = Folder::new();
    let ports: Vec<u16> = (0..3).map(|_| free_ports(&[0, 1, 2])).collect();
    let servers = ports.iter().zip(1..).map(|(port, number)| {
        let (peer, election) = (port + 1, port + 1);
        format!("server.{number}=localhost:{peer}:{election};127.0.0.1:{port}")
    });
    let servers: Vec<String> = servers.collect();
    let mut processes = Vec::new();
    for (port, number) in ports.iter().zip(1..) {
        let data = folder.path().join(format!("data-{number}"));
        let extra = format!("admin.serverPort={} admin.serverAddress=127.0.0.1", port + 2);
        let variables = [
            ("ZOO_CONF_DIR", text(folder.path())),
            ("ZOO_DATA_DIR", text(&data)),
            ("ZOO_DATA_LOG_DIR", text(&data.join("log-home"))),
            ("ZOO_MY_ID", number.to_string()),
            ("ZOO_SERVERS", servers.join(" ")),
            ("ZOO_TICK_TIME", "300".to_owned()),
            ("ZOO_MAX_CLIENT_CNXNS", "7".to_owned()),
            ("ZOO_4LW_COMMANDS_WHITELIST", "conf, srvr".to_owned()),
            ("ZOO_CFG_EXTRA", extra),
            ("SERVER_JVMFLAGS", "-Xmx64m -Dzookeeper.maxCnxns=5".to_owned()),
            ("JVMFLAGS", "-Dzookeeper.some.property=x".to_owned()),
        ];
        processes.push(start(port + 1, &variables));
    }
    for (port, number) in ports.iter().zip(1..) {
        wait_until("it serves", || {
            http::get(port + 2, "/readyz").is_ok_and(|(code, _)| code == 200)
        });
        let conf = word(*port, "conf");
        for line in ["tickTime=300", "maxClientCnxns=7", "initLimit=5", "syncLimit=2"] {
            assert!(conf.lines().any(|it| it == line), "{line} in {conf}");
        }
        assert!(conf.contains(&format!("\nserverId={number}\n")), "{conf}");
        let data = folder.path().join(format!("data-{number}"));
        let id = std::fs::read_to_string(data.join("myid")).expect("myid");
        assert_eq!(id, format!("{number}\n"));
        assert!(data.join("log-home/log").is_dir());
        assert!(word(*port, "ruok").starts_with("ruok is not executed"));
        let (_, properties) = http::get(port + 2, "/commands/sysp").expect("an answer");
        assert!(properties.contains("\"zookeeper.some.property\" : \"x\""), "{properties}");
    }
    let mut one = Client::connect(ports[0]).expect("connect");
    one.create("/a", b"1", 0).expect("create");
    let mut other = Client::connect(ports[2]).expect("connect");
    other.sync().expect("sync");
    assert_eq!(other.get("/a").expect("read"), "1");
}

#[test]
fn a_mounted_file_wins_over_the_variables() {
    let folder = Folder::new();
    let port = free_ports(&[0, 1, 2]);
    let data = folder.path().join("data");
    let file = format!(
        "dataDir={}\nclientPort={port}\nclientPortAddress=127.0.0.1\ntickTime=400\n\
         admin.enableServer=false\n4lw.commands.whitelist=conf\n",
        data.display()
    );
    std::fs::write(folder.path().join("zoo.cfg"), file).expect("write zoo.cfg");
    let variables = [
        ("ZOO_CONF_DIR", text(folder.path())),
        ("ZOO_DATA_DIR", text(&data)),
        ("ZOO_TICK_TIME", "300".to_owned()),
        ("ZOO_MY_ID", "9".to_owned()),
        ("ZOO_SERVERS", "server.1=nowhere:2888:3888".to_owned()),
        ("JVMFLAGS", "-Dzookeeper.4lw.commands.whitelist=* -Dzookeeper.maxCnxns=2".to_owned()),
    ];
    let _process = start(port + 1, &variables);
    wait_until("it serves", || Client::connect(port).is_ok());
    let conf = word(port, "conf");
    assert!(conf.contains("\ntickTime=400\n") && conf.contains("\nserverId=9\n"), "{conf}");
    assert!(word(port, "ruok").starts_with("ruok is not executed"));
    // Of the property: two connections at once, and no third.
    let held = [Client::connect(port), Client::connect(port)];
    assert!(held.iter().all(Result::is_ok));
    assert!(Client::connect(port).is_err());
}

#[test]
fn a_wrong_variable_is_named() {
    let folder = Folder::new();
    let said = |variables: &[(&str, &str)]| {
        let mut command = program();
        command.arg("run").env("ZOO_CONF_DIR", folder.path());
        command.env("ZOO_DATA_DIR", folder.path());
        let output = command.envs(variables.iter().copied()).output();
        let output = output.expect("run the program");
        assert_eq!(output.status.code(), Some(1));
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    let text = said(&[("ZOO_TICK_TIME", "soon")]);
    assert!(text.contains("ZOO_*") && text.contains("tickTime: `soon`"), "{text}");
    let text = said(&[("JVMFLAGS", "-Dzookeeper.snapCount=many")]);
    assert!(text.contains("-Dzookeeper.snapCount of JVMFLAGS"), "{text}");
}
