//! Power cuts: SIGKILL of every member at once, under load.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::support::client::{Client, Failure};
use crate::support::ensemble::Ensemble;
use crate::support::wait_until;

const ROUNDS: usize = 4;
const WRITERS: usize = 4;
const ENOUGH: usize = 120;

/// Writes until the connection breaks; gives what was acknowledged.
fn write(port: u16, name: &str, acknowledged: &AtomicUsize) -> Vec<String> {
    let mut paths = Vec::new();
    let Ok(mut client) = Client::connect(port) else {
        return paths;
    };
    for n in 0.. {
        let path = format!("/{name}-{n}");
        match client.create(&path, path.as_bytes(), 0) {
            Ok(_) => {
                paths.push(path);
                acknowledged.fetch_add(1, Ordering::Relaxed);
            }
            Err(Failure::Broken(_)) => break,
            Err(Failure::Code(code)) => panic!("{path}: {code}"),
        }
    }
    paths
}

#[test]
fn what_was_acknowledged_survives_kill_9_of_all_members_at_once() {
    let mut ensemble = Ensemble::new(3, "snapCount=100\n");
    let mut all = Vec::new();
    for round in 0..ROUNDS {
        ensemble.start_all();
        ensemble.wait_ready();
        let acknowledged = Arc::new(AtomicUsize::new(0));
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| {
                let port = ensemble.members[writer % 3].client;
                let (name, count) = (format!("{round}-{writer}"), Arc::clone(&acknowledged));
                std::thread::spawn(move || write(port, &name, &count))
            })
            .collect();
        wait_until("enough is written", || acknowledged.load(Ordering::Relaxed) >= ENOUGH);
        ensemble.kill_all();
        for writer in writers {
            all.extend(writer.join().expect("a writer ends"));
        }
    }
    ensemble.start_all();
    ensemble.wait_ready();
    for member in &ensemble.members {
        let mut client = member.connect();
        client.sync().expect("sync");
        for path in &all {
            let data = client.get(path).unwrap_or_else(|why| panic!("{path} is lost: {why:?}"));
            assert_eq!(data, path.as_bytes());
        }
    }
    assert!(all.len() >= ROUNDS * ENOUGH);
}
