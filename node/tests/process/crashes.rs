//! Power cuts: SIGKILL of every member at once, under load.

use crate::support::ensemble::Ensemble;
use crate::support::wait_until;
use crate::support::writer::{Progress, Writer, assert_has_all};

const ROUNDS: usize = 4;
const WRITERS: usize = 4;
const ENOUGH: usize = 120;

#[test]
fn what_was_acknowledged_survives_kill_9_of_all_members_at_once() {
    let mut ensemble = Ensemble::new(3, "snapCount=100\n");
    let mut all = Vec::new();
    for round in 0..ROUNDS {
        ensemble.start_all();
        ensemble.wait_ready();
        let progress = Progress::default();
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| {
                let port = ensemble.members[writer % 3].client;
                let writer = Writer::new(&format!("{round}-{writer}"), &progress);
                std::thread::spawn(move || writer.until_it_breaks(port))
            })
            .collect();
        wait_until("enough is written", || progress.acknowledged() >= ENOUGH);
        ensemble.kill_all();
        for writer in writers {
            all.extend(writer.join().expect("a writer ends"));
        }
    }
    ensemble.start_all();
    ensemble.wait_ready();
    for member in &ensemble.members {
        assert_has_all(member, &all);
    }
    assert!(all.len() >= ROUNDS * ENOUGH);
}
