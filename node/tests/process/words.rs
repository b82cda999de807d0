//! Four-letter words on the client port.

use crate::support::client::word;
use crate::support::ensemble::Ensemble;
use crate::support::wait_until;

#[test]
fn the_words_answer_in_the_shapes_that_tools_parse() {
    let ensemble = Ensemble::serving(1, "");
    let port = ensemble.members[0].client;
    let client = ensemble.members[0].connect();
    let session = format!("{:#x}", client.session.id);
    assert_eq!(word(port, "ruok"), "imok");
    for line in ["Latency min/avg/max: ", "Mode: standalone", "Zxid: 0x", "Node count: "] {
        let srvr = word(port, "srvr");
        assert!(srvr.starts_with("Zookeeper version: "), "{srvr}");
        assert!(srvr.lines().any(|it| it.starts_with(line)), "{line} in {srvr}");
        let stat = word(port, "stat");
        assert!(stat.contains("\nClients:\n /127.0.0.1:"), "{stat}");
        assert!(stat.lines().any(|it| it.starts_with(line)), "{line} in {stat}");
    }
    let mntr = word(port, "mntr");
    for line in mntr.lines() {
        let (key, value) = line.split_once('\t').unwrap_or_else(|| panic!("{line}"));
        assert!(key.starts_with("zk_") && !value.is_empty(), "{line}");
    }
    for line in ["zk_server_state\tstandalone", "zk_num_alive_connections\t1"] {
        assert!(mntr.lines().any(|it| it == line), "{line} in {mntr}");
    }
    assert!(word(port, "conf").lines().any(|it| it == format!("clientPort={port}")));
    let cons = word(port, "cons");
    assert!(
        cons.starts_with(" /127.0.0.1:") && cons.contains(&format!("sid={session},")),
        "{cons}"
    );
}

#[test]
fn a_word_outside_the_whitelist_is_refused_as_zookeeper_does() {
    let ensemble = Ensemble::serving(1, "4lw.commands.whitelist=ruok, srvr\n");
    let port = ensemble.members[0].client;
    assert_eq!(word(port, "ruok"), "imok");
    for refused in ["stat", "mntr", "dump", "wchp", "wchc"] {
        let expected = format!("{refused} is not executed because it is not in the whitelist.\n");
        assert_eq!(word(port, refused), expected);
    }
}

#[test]
fn a_server_that_serves_nobody_says_so_but_is_ok() {
    let mut ensemble = Ensemble::new(3, "");
    ensemble.members[0].start();
    wait_until("it answers", || ensemble.members[0].status().is_some());
    let port = ensemble.members[0].client;
    let expected = "This ZooKeeper instance is not currently serving requests\n";
    assert_eq!(word(port, "ruok"), "imok");
    assert_eq!(word(port, "srvr"), expected);
    assert_eq!(word(port, "mntr"), expected);
}
