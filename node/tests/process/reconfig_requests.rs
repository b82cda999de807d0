//! Reconfigs that are refused, and those that ask for odd things.

use crate::support::ensemble::Ensemble;
use crate::support::reconfig::{OPEN, three_of};
use crate::support::rights::code;

#[test]
fn an_ensemble_that_an_operator_runs_refuses_clients() {
    let mut ensemble = Ensemble::new(3, OPEN);
    let file = ensemble.folder.path().join("token");
    std::fs::write(&file, "hunter2\n").expect("write the token");
    for member in &mut ensemble.members {
        let token = ["--admin-token-file".to_owned(), file.display().to_string()];
        member.arguments.extend(token);
    }
    ensemble.start_all();
    ensemble.wait_ready();
    for member in &ensemble.members {
        let mut client = member.connect();
        let before = client.config().expect("read");
        assert_eq!(code(client.reconfig(None, Some("3"), None, -1)), -123);
        assert_eq!(code(client.reconfig(Some("junk"), None, None, 7)), -123);
        assert_eq!(client.config().expect("read"), before);
        assert!(client.events.is_empty());
    }
}

#[test]
fn bad_arguments_get_zookeepers_codes_on_every_member_and_change_nothing() {
    let ensemble = three_of(4, OPEN);
    let line = |n: usize| ensemble.members[n].line("participant");
    let (first, fourth) = (line(0), line(3));
    let same_address = first.replace("server.1", "server.4");
    let no_client = fourth.split(';').next().unwrap_or_default();
    let junk = format!("{fourth},server.x");
    for member in &ensemble.members[..3] {
        let mut client = member.connect();
        let before = client.config().expect("read");
        for (joining, leaving, list, expected) in [
            (Some("server.4"), None, None, -8),
            (Some(no_client), None, None, -8),
            (Some(junk.as_str()), None, None, -8),
            (Some(same_address.as_str()), None, None, -8),
            (None, Some("1,2"), None, -8),
            (None, Some("1,2,3"), None, -8),
            (None, Some("zk1"), None, -5),
            (Some("server.x=a:1:2;3"), None, None, -5),
            (None, None, Some("group.1=1:2:3"), -8),
            (None, None, Some(first.as_str()), -8),
            (None, None, Some(""), -8),
        ] {
            let refused = client.reconfig(joining, leaving, list, -1);
            assert_eq!(code(refused), expected, "{joining:?} {leaving:?} {list:?}");
        }
        // What is said first is the version.
        let wrong = client.reconfig(Some("junk"), None, None, before.1 + 1);
        assert_eq!(code(wrong), -103);
        let twice = format!("{first},{same_address}");
        assert_eq!(code(client.reconfig(None, None, Some(&twice), -1)), -8);
        assert_eq!(client.config().expect("read"), before);
        assert!(client.events.is_empty());
    }
}

#[test]
fn unknown_servers_leave_without_an_error_and_a_whole_list_wins_over_a_partial_one() {
    let mut ensemble = three_of(4, OPEN);
    let lines = |shown: &(String, i64, i32)| {
        let (servers, version) = shown.0.rsplit_once('\n').expect("lines");
        assert_eq!(version, format!("version={:x}", shown.1));
        servers.to_owned()
    };
    let mut client = ensemble.members[1].connect();
    let before = client.config().expect("read");
    let after =
        client.reconfig(None, Some("9, 77"), None, before.1).expect("remove whom nobody knows");
    assert_eq!(lines(&after), lines(&before));
    assert!(after.1 > before.1, "the version is a new one");

    ensemble.members[3].start();
    let all = [0, 1, 2, 3].map(|n| ensemble.members[n].line("participant"));
    let shown = client
        .reconfig(Some("junk"), Some("1,2,3"), Some(&all.join(",")), after.1)
        .expect("a whole list");
    assert_eq!(lines(&shown), all.join("\n"));
    // Who leaves goes first: one that does both stays, as what it joins as.
    let observer = ensemble.members[3].line("observer");
    let shown = client.reconfig(Some(&observer), Some("4"), None, shown.1).expect("leave and join");
    assert!(lines(&shown).contains(&observer), "{}", shown.0);
}
