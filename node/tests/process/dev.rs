//! `quorate-node dev`.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::Stdio;

use crate::support::client::Client;
use crate::support::ensemble::{Folder, Process, free_ports, program};

/// Starts three members and waits for the connection string.
fn start(data: &Path, port: u16) -> (Process, Vec<u16>) {
    let mut command = program();
    command.args(["dev", "--members", "3", "--client-port", &port.to_string(), "--data"]);
    command.arg(data).stdout(Stdio::piped());
    let mut process = Process(command.spawn().expect("start an ensemble"));
    let output = BufReader::new(process.0.stdout.take().expect("a pipe"));
    let line = output.lines().map_while(Result::ok).find(|line| line.contains("127.0.0.1:"));
    let line = line.expect("a connection string");
    let ports = line.split(',').map(|it| it.trim_start_matches("127.0.0.1:").parse());
    let ports: Result<Vec<u16>, _> = ports.collect();
    (process, ports.unwrap_or_else(|_| panic!("{line}")))
}

#[test]
fn a_development_ensemble_says_where_it_is_and_keeps_its_data() {
    let folder = Folder::new();
    let distances = [0, 1, 2, 700, 701, 702, 5_900, 5_901, 5_902];
    let port = free_ports(&distances);
    for life in 0..2 {
        let (mut process, ports) = start(folder.path(), port);
        assert_eq!(ports, [port, port + 1, port + 2]);
        let mut first = Client::connect(ports[0]).expect("connect");
        let mut third = Client::connect(ports[2]).expect("connect");
        if life == 0 {
            first.create("/kept", b"1", 0).expect("create");
        }
        third.sync().expect("sync");
        assert_eq!(third.get("/kept").expect("read"), "1");
        process.terminate();
        assert_eq!(process.exit().code(), Some(0), "life {life}");
    }
}
