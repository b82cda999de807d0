//! How a static list becomes one ensemble, and never a second one.

use std::time::Duration;

use crate::support::client::Client;
use crate::support::ensemble::Ensemble;
use crate::support::{stays, wait_until};

/// Longer than a formation takes once every server answers.
const A_WHILE: Duration = Duration::from_millis(1_500);

#[test]
fn listed_servers_form_their_ensemble_only_when_every_one_of_them_answers() {
    let mut ensemble = Ensemble::new(3, "");
    for early in 0..2 {
        ensemble.members[early].start();
        let member = &ensemble.members[early];
        wait_until("a server answers", || member.status().is_some());
    }
    stays("two of three are no ensemble", A_WHILE, || {
        let mut early = ensemble.members[..2].iter();
        early.all(|it| it.says("dataState") == "Blank" && Client::connect(it.client).is_err())
    });
    ensemble.members[2].start();
    ensemble.wait_ready();
    let ids: Vec<String> = ensemble.members.iter().map(|it| it.says("ensembleId")).collect();
    assert!(!ids[0].is_empty() && ids.iter().all(|id| *id == ids[0]), "{ids:?}");

    let mut writer = ensemble.members[0].connect();
    let mut reader = ensemble.members[2].connect();
    for n in 0..20 {
        let path = writer.create(&format!("/n{n}"), b"value", 0).expect("create");
        reader.sync().expect("sync");
        assert_eq!(reader.get(&path).expect("read"), "value");
    }
}

#[test]
fn a_wiped_member_stays_out_and_forms_nothing_even_if_it_is_the_one_that_forms() {
    let mut ensemble = Ensemble::serving(3, "");
    let id = ensemble.members[1].says("ensembleId");
    let mut client = ensemble.members[1].connect();
    client.create("/kept", b"1", 0).expect("create");
    ensemble.members[0].kill();
    ensemble.members[0].wipe();
    ensemble.members[0].start();
    wait_until("the others serve", || client.set("/kept", b"2").is_ok());
    let out = |ensemble: &Ensemble| {
        let wiped = ensemble.members[0].status().unwrap_or_default();
        wiped.is_null() || (wiped["dataState"] == "Blank" && wiped["ensembleId"].is_null())
    };
    wait_until("the wiped one answers", || ensemble.members[0].status().is_some());
    stays("it is blank", A_WHILE, || out(&ensemble) && !ensemble.members[0].ready());
    assert!(Client::connect(ensemble.members[0].client).is_err(), "it serves nobody");

    // One with data and a blank one, of three: its vote would make a quorum.
    ensemble.kill_all();
    ensemble.members[0].start();
    ensemble.members[1].start();
    wait_until("both answer", || {
        ensemble.members[..2].iter().all(|member| member.status().is_some())
    });
    stays("nobody leads", 2 * A_WHILE, || {
        out(&ensemble) && Client::connect(ensemble.members[1].client).is_err()
    });

    ensemble.members[2].start();
    let mut client = ensemble.members[2].connect();
    client.sync().expect("sync");
    assert_eq!(client.get("/kept").expect("read"), "2");
    assert!(out(&ensemble));
    for member in &ensemble.members[1..] {
        assert_eq!(member.says("ensembleId"), id);
    }
}
