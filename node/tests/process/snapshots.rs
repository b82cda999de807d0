//! When snapshots are taken.

use crate::support::ensemble::Ensemble;
use crate::support::wait_until;

#[test]
fn few_but_heavy_writes_call_for_a_snapshot_and_the_log_behind_it_goes() {
    let ensemble = Ensemble::serving(1, "");
    let member = &ensemble.members[0];
    let mut client = member.connect();
    client.create("/heavy", b"", 0).expect("create");
    let data = vec![7; 1_000_000];
    for _ in 0..150 {
        client.set("/heavy", &data).expect("set");
    }
    let files = |folder: &str, end: &str| -> Vec<u64> {
        let files = std::fs::read_dir(member.data.join(folder)).expect("list the folder");
        let ours = files.filter_map(|it| {
            let it = it.ok()?;
            let fits = it.file_name().to_str()?.ends_with(end);
            fits.then(|| it.metadata().map_or(0, |it| it.len()))
        });
        ours.collect()
    };
    wait_until("a snapshot is there", || !files("snap", ".snap").is_empty());
    wait_until("the log is cut", || files("log", ".log").iter().sum::<u64>() < 120_000_000);
}
