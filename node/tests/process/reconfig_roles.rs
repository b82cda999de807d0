//! What servers are made by reconfigs: observers, participants, servers that are out, and more than
//! one of what was alone.

use crate::support::client::{Client, word};
use crate::support::ensemble::{Ensemble, Member};
use crate::support::reconfig::{CONFIG, OPEN, Reader, three_of, wait_shown};
use crate::support::rights::code;
use crate::support::wait_until;

fn mode(member: &Member) -> String {
    let text = word(member.client, "srvr");
    let mode = text.lines().find_map(|line| line.strip_prefix("Mode: "));
    mode.unwrap_or_default().to_owned()
}

#[test]
fn an_observer_joins_takes_part_and_observes_again_while_it_serves_and_leaves() {
    let mut ensemble = three_of(4, OPEN);
    let mut client = ensemble.members[0].connect();
    client.create("/kept", b"1", 0).expect("create");
    ensemble.members[3].start();
    let joiner = &ensemble.members[3];
    let (text, ..) =
        client.reconfig(Some(&joiner.line("observer")), None, None, -1).expect("add an observer");
    assert!(text.contains(&joiner.line("observer")), "{text}");
    wait_until("the observer is ready", || joiner.ready());
    assert_eq!(mode(joiner), "observer");
    wait_shown(joiner, &text);

    let reader = Reader::start(joiner, "/kept");
    for (role, modes) in [("participant", &["follower", "leader"][..]), ("observer", &["observer"])]
    {
        let mut watching = joiner.connect();
        watching.config().expect("watch the configuration");
        let (text, version, stat) = client
            .reconfig(Some(&joiner.line(role)), None, None, -1)
            .expect("change what a server is");
        assert!(text.contains(&joiner.line(role)), "{text}");
        watching.sync().expect("sync");
        assert_eq!(watching.events, [CONFIG]);
        let shown = watching.config().expect("read the configuration");
        assert_eq!(shown, (text, version, stat));
        wait_until("it is that", || modes.contains(&mode(joiner).as_str()));
        // One of its clients changes data, wherever the leader is.
        watching.set("/kept", b"2").expect("write");
    }
    reader.finish();

    // The observer asks for its own removal.
    let mut own = joiner.connect();
    let (text, ..) = own.reconfig(None, Some("4"), None, -1).expect("remove the observer");
    assert_eq!(text.lines().count(), 4, "{text}");
    wait_until("it is out", || joiner.says("role") == "Removed");
    wait_until("it lets its clients go", || own.ping().is_err());
    assert!(Client::connect(joiner.client).is_err());
    for member in &ensemble.members[..3] {
        wait_shown(member, &text);
    }
}

#[test]
fn a_leader_that_is_made_an_observer_hands_over_and_goes_on_serving() {
    let ensemble = three_of(4, OPEN);
    let leader = ensemble.leader();
    let member = &ensemble.members[leader];
    let mut client = member.connect();
    client.create("/kept", b"1", 0).expect("create");
    let reader = Reader::start(member, "/kept");
    let (text, ..) = client
        .reconfig(Some(&member.line("observer")), None, None, -1)
        .expect("make the leader an observer");
    wait_until("it observes", || mode(member) == "observer");
    wait_until("another one leads", || {
        let mut all = ensemble.members[..3].iter();
        all.any(|it| it.number != member.number && it.says("role") == "Leader")
    });
    client.set("/kept", b"2").expect("write to the new leader");
    reader.finish();
    for member in &ensemble.members[..3] {
        wait_shown(member, &text);
    }
}

#[test]
fn one_that_is_never_standalone_grows_to_three_and_keeps_them_over_restarts() {
    let more = format!("standaloneEnabled=false\n{OPEN}");
    let mut ensemble = Ensemble::new(3, &more);
    for (member, list) in ensemble.members.iter().zip([&[1][..], &[1, 2], &[1, 3]]) {
        member.list(list);
    }
    ensemble.start_all();
    let first = &ensemble.members[0];
    wait_until("one is ready", || first.ready());
    let mut client = first.connect();
    client.create("/kept", b"1", 0).expect("create");
    let refused = client.reconfig(None, Some("1"), None, -1);
    assert_eq!(code(refused), -8, "nobody would be left");
    let joining = [1, 2].map(|n| ensemble.members[n].line("participant"));
    let (text, ..) =
        client.reconfig(Some(&joining.join(",")), None, None, -1).expect("add two servers");
    assert_eq!(text.lines().count(), 4, "{text}");
    ensemble.wait_ready();

    // What it was started with says otherwise.
    ensemble.kill_all();
    ensemble.start_all();
    ensemble.wait_ready();
    for member in &ensemble.members {
        wait_shown(member, &text);
    }
    ensemble.members[0].kill();
    wait_until("two of three serve", || {
        let client = Client::connect(ensemble.members[1].client);
        client.is_ok_and(|mut client| client.set("/kept", b"2").is_ok())
    });

    // And to one again, which is not the first.
    ensemble.members[0].start();
    let mut client = ensemble.members[2].connect();
    let (text, ..) = client.reconfig(None, Some("1,2"), None, -1).expect("remove two servers");
    assert_eq!(text.lines().count(), 2, "{text}");
    for n in [0, 1] {
        ensemble.members[n].kill();
    }
    let mut client = ensemble.members[2].connect();
    client.set("/kept", b"3").expect("one serves alone");
}
