//! Reconfigs and what goes wrong meanwhile: leaders die, clients have to move, joiners do too much.

use std::io::ErrorKind;
use std::time::Duration;

use quorate_zk::{Code, Request};

use crate::support::client::{Client, EPHEMERAL, Failure};
use crate::support::ensemble::{Ensemble, Member};
use crate::support::reconfig::{CONFIG, OPEN, three_of, wait_shown};
use crate::support::{stays, wait_for, wait_until};

/// Longer than a formation takes once every server answers.
const A_WHILE: Duration = Duration::from_millis(1_500);

/// How many servers the member's consensus knows, learners included.
fn members_of(member: &Member) -> usize {
    let status = member.status().unwrap_or_default();
    status["config"]["members"].as_array().map_or(0, Vec::len)
}

/// How much of its log is committed.
fn committed(member: &Member) -> u64 {
    let status = member.status().unwrap_or_default();
    status["commitIndex"].as_u64().unwrap_or_default()
}

/// Whether the server ended the connection; one that only says nothing has not.
fn let_go<T>(outcome: &Result<T, Failure>) -> bool {
    let silent = [ErrorKind::WouldBlock, ErrorKind::TimedOut];
    matches!(outcome, Err(Failure::Broken(error)) if !silent.contains(&error.kind()))
}

/// The configuration that all of them show.
fn agreed(ensemble: &Ensemble, members: &[usize]) -> String {
    wait_for("the members agree", || {
        let mut texts = members.iter().map(|n| {
            let mut client = Client::connect(ensemble.members[*n].client).ok()?;
            client.sync().ok()?;
            Some(client.config().ok()?.0)
        });
        let first = texts.next()??;
        texts.all(|it| it.as_ref() == Some(&first)).then_some(first)
    })
}

#[test]
fn a_leader_that_dies_before_a_joiner_is_there_leaves_the_old_configuration() {
    let mut ensemble = three_of(4, OPEN);
    let leader = ensemble.leader();
    let follower = (0..3).find(|n| *n != leader).expect("one");
    let mut other = ensemble.members[follower].connect();
    let before = other.config().expect("read").0;
    let mut client = ensemble.members[follower].connect();
    let joiner = ensemble.members[3].line("participant");
    let asked = joiner.clone();
    let commit = committed(&ensemble.members[follower]);
    let waits = std::thread::spawn(move || client.reconfig(Some(&asked), None, None, -1));
    wait_until("it is under way", || committed(&ensemble.members[follower]) > commit);
    ensemble.members[leader].kill();
    let outcome = waits.join().expect("the client is let go");
    assert!(let_go(&outcome), "{outcome:?}");

    let servers = |text: &str| {
        let lines = text.lines().filter(|it| it.starts_with("server."));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    let rest: Vec<usize> = (0..3).filter(|n| *n != leader).collect();
    assert_eq!(servers(&agreed(&ensemble, &rest)), servers(&before));
    ensemble.members[leader].start();
    assert_eq!(servers(&agreed(&ensemble, &[0, 1, 2])), servers(&before));
    // Nobody is in the way of the next one.
    ensemble.members[3].start();
    let mut client = ensemble.members[follower].connect();
    let (text, ..) = client.reconfig(Some(&joiner), None, None, -1).expect("the same again");
    assert!(text.contains(&joiner), "{text}");
    assert_eq!(agreed(&ensemble, &[0, 1, 2, 3]), text);
}

#[test]
fn a_leader_that_dies_in_the_middle_of_a_change_leaves_one_configuration_to_all() {
    let mut ensemble = three_of(5, OPEN);
    let mut last = agreed(&ensemble, &[0, 1, 2]);
    let mut members = vec![0, 1, 2];
    // Each adds a server; whether it comes to pass is not known before.
    for joiner in [3, 4] {
        ensemble.members[joiner].start();
        let leader = ensemble.leader();
        let known = members_of(&ensemble.members[leader]);
        let follower = members.iter().find(|n| **n != leader).expect("one");
        let mut client = ensemble.members[*follower].connect();
        client.config().expect("watch the configuration");
        let line = ensemble.members[joiner].line("participant");
        let asked = line.clone();
        let waits = std::thread::spawn(move || {
            let outcome = client.reconfig(Some(&asked), None, None, -1);
            (outcome, client.events)
        });
        wait_until("the joiner is taken in", || members_of(&ensemble.members[leader]) > known);
        ensemble.members[leader].kill();
        let (outcome, events) = waits.join().expect("the client is let go");
        ensemble.members[leader].start();
        let text = agreed(&ensemble, &members);
        let came = text.contains(&line);
        match outcome {
            Ok((answer, ..)) => {
                assert_eq!(answer, text, "what was answered holds");
                assert_eq!(events, [CONFIG]);
            }
            lost => assert!(let_go(&lost), "{lost:?}"),
        }
        assert!(came || text == last, "neither old nor new: {text}");
        if !came {
            let mut client = ensemble.members[members[0]].connect();
            client.reconfig(Some(&line), None, None, -1).expect("the same again");
        }
        members.push(joiner);
        last = agreed(&ensemble, &members);
        assert!(last.contains(&line), "{last}");
        for n in &members {
            let member = &ensemble.members[*n];
            wait_until("a member is ready", || member.ready());
            let mut client = member.connect();
            let path = format!("/by-{joiner}-{n}");
            client.create(&path, b"", 0).expect("write");
        }
    }
}

/// How many learners the member's consensus knows.
fn learners_of(member: &Member) -> usize {
    let status = member.status().unwrap_or_default();
    let members = status["config"]["members"].as_array();
    let learns = |it: &&serde_json::Value| it["role"] == "Learner";
    members.map_or(0, |all| all.iter().filter(learns).count())
}

#[test]
fn a_joiner_killed_while_it_catches_up_goes_on_later_and_is_given_up_if_it_stays_away() {
    let mut ensemble = three_of(5, OPEN);
    let leader = ensemble.leader();
    let mut writer = ensemble.members[leader].connect();
    // It takes a while to catch up with them.
    for n in 0..40 {
        let path = format!("/large-{n}");
        writer.create(&path, &vec![7; 1_000_000], 0).expect("write");
    }
    let start = |ensemble: &mut Ensemble, joiner: usize| {
        ensemble.members[joiner].start();
        let line = ensemble.members[joiner].line("participant");
        let mut client = ensemble.members[leader].connect();
        let waits = std::thread::spawn(move || client.reconfig(Some(&line), None, None, -1));
        wait_until("it is a learner", || learners_of(&ensemble.members[leader]) == 1);
        ensemble.members[joiner].kill();
        stays("the change waits for it", A_WHILE, || {
            !waits.is_finished() && learners_of(&ensemble.members[leader]) == 1
        });
        waits
    };

    let waits = start(&mut ensemble, 3);
    ensemble.members[3].start();
    let (text, ..) = waits.join().expect("join").expect("it comes to pass");
    let joiner = ensemble.members[3].line("participant");
    assert!(text.contains(&joiner), "{text}");
    assert_eq!(agreed(&ensemble, &[0, 1, 2, 3]), text);

    let waits = start(&mut ensemble, 4);
    let refused = waits.join().expect("join");
    assert!(matches!(refused, Err(Failure::Code(Code::NewConfigNoQuorum))), "{refused:?}");
    assert_eq!(agreed(&ensemble, &[0, 1, 2, 3]), text);
    wait_until("nobody waits for it any more", || members_of(&ensemble.members[leader]) == 4);
    writer.create("/goes-on", b"", 0).expect("write");
}

#[test]
fn joiners_that_list_themselves_and_the_ensemble_never_form_a_second_one() {
    let mut ensemble = Ensemble::new(5, OPEN);
    // The lowest of a list is the one that forms.
    for member in &ensemble.members[2..] {
        member.list(&[3, 4, 5]);
    }
    let blank = |ensemble: &Ensemble| {
        let mut joiners = ensemble.members[..2].iter();
        joiners.all(|it| it.says("dataState") == "Blank" && Client::connect(it.client).is_err())
    };
    // Not before there is anybody else,
    for n in [0, 1] {
        ensemble.members[n].start();
    }
    wait_until("both answer", || blank(&ensemble));
    stays("two joiners are blank", A_WHILE, || blank(&ensemble));
    // nor beside the ensemble,
    for n in [2, 3, 4] {
        ensemble.members[n].start();
    }
    for member in &ensemble.members[2..] {
        wait_until("a member is ready", || member.ready());
    }
    let id = ensemble.members[2].says("ensembleId");
    stays("they wait to be named", A_WHILE, || blank(&ensemble));
    // nor when it is away, as blank ones that are started anew.
    for n in 0..5 {
        ensemble.members[n].kill();
    }
    for n in [0, 1] {
        ensemble.members[n].start();
    }
    wait_until("both answer again", || blank(&ensemble));
    stays("they form nothing", A_WHILE, || blank(&ensemble));
    for n in [2, 3, 4] {
        ensemble.members[n].start();
    }
    let mut client = ensemble.members[2].connect();
    let joining = [0, 1].map(|n| ensemble.members[n].line("participant"));
    let (text, ..) = client.reconfig(Some(&joining.join(",")), None, None, -1).expect("add both");
    ensemble.wait_ready();
    for member in &ensemble.members {
        wait_shown(member, &text);
        assert_eq!(member.says("ensembleId"), id);
    }
}

/// Sets watches again, as clients do who have seen all up to `zxid`.
fn watch_again(client: &mut Client, zxid: i64, data: &[&str], exist: &[&str]) {
    client
        .call(&Request::SetWatches { last_zxid: zxid, data, exist, child: &[] })
        .expect("set watches");
}

#[test]
fn a_session_on_a_server_that_is_removed_moves_with_its_ephemerals_and_watches() {
    let ensemble = three_of(4, OPEN);
    let leader = ensemble.leader();
    let gone = (0..3).find(|n| *n != leader).expect("a follower");
    let stays_on = (0..3).find(|n| *n != leader && *n != gone).expect("one");
    let mut owner = ensemble.members[gone].connect();
    owner.create("/alive", b"", EPHEMERAL).expect("create");
    for path in ["/before", "/after"] {
        owner.create(path, b"1", 0).expect("create");
        owner.get_watching(path).expect("watch");
    }
    let seen = owner.config().expect("watch the configuration");

    let mut other = ensemble.members[stays_on].connect();
    let number = ensemble.members[gone].number.to_string();
    let (text, version, _) = other
        .reconfig(None, Some(&number), None, -1)
        .expect("remove the server that the client is on");
    wait_until("it lets the client go", || owner.ping().is_err());
    assert!(version > seen.1);
    other.set("/before", b"2").expect("write");

    let session = owner.session.clone();
    let mut moved = Client::attach(ensemble.members[stays_on].client, &session).expect("move");
    assert_eq!(moved.session, session);
    // All that it had seen was before its server was removed.
    let zxid = created(&mut moved, "/after");
    watch_again(&mut moved, zxid, &["/before", "/after", CONFIG], &[]);
    let mut events = moved.events.split_off(0);
    events.sort();
    assert_eq!(events, ["/before", CONFIG], "what it missed");
    other.set("/after", b"2").expect("write");
    moved.sync().expect("sync");
    assert_eq!(moved.events, ["/after"]);
    assert_eq!(moved.config().expect("read").0, text);
    other.sync().expect("sync");
    assert!(other.exists("/alive", false).expect("exists"));
    moved.close().expect("close");
    other.sync().expect("sync");
    assert!(!other.exists("/alive", false).expect("exists"));
}

/// The zxid of a znode's creation.
fn created(client: &mut Client, path: &str) -> i64 {
    client.stat(path).expect("exists").czxid
}
