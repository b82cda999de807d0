//! An ensemble goes from the first program to this one, and back as long as its version is not
//! raised.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use quorate_node::wire::record::Record;
use serde_json::{Value, json};

use crate::support::ensemble::{Ensemble, Member};
use crate::support::log_file::{placed, segments};
use crate::support::writer::{Progress, Writer, assert_has_all};
use crate::support::{http, older, wait_until};

/// Of ensembles, that this program knows.
const NEWEST: u32 = 3;
const BEARER: Option<&str> = Some("Bearer hunter2");

/// Every file of a folder but the lock.
fn files_of(dir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(dir).expect("list a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(files_of(&path));
        } else if path.file_name().is_some_and(|name| name != "lock") {
            found.insert(path.clone(), std::fs::read(&path).expect("read a file"));
        }
    }
    found
}

/// Whether a member has stored entries in a shorter version than the first one.
fn stores_short_entries(member: &Member) -> bool {
    segments(&member.data).iter().any(|path| {
        // It may be dropped meanwhile.
        let bytes = std::fs::read(path).unwrap_or_default();
        let records = if bytes.is_empty() { Vec::new() } else { placed(&bytes) };
        let mut entries = records.iter().filter(|(_, it)| matches!(it, Record::Entry(_)));
        // Behind length, checksum, `synced` and kind.
        entries.any(|(at, _)| bytes[at + 17] > 1)
    })
}

/// One member after the other gets this program; each is ready before the next one goes.
fn roll(ensemble: &mut Ensemble, program: Option<&PathBuf>) {
    for at in 0..ensemble.members.len() {
        let member = &mut ensemble.members[at];
        member.kill();
        member.program = program.cloned();
        member.start();
        ensemble.wait_ready();
    }
}

fn number(status: &Value, field: &str) -> u64 {
    status[field].as_u64().unwrap_or(0)
}

/// Asks the leader to raise the version.
fn raise(ensemble: &Ensemble, version: u32) -> (u16, Value) {
    let leader = &ensemble.members[ensemble.leader()];
    let status = leader.status().expect("a status");
    let body = json!({
        "ensembleId": status["ensembleId"],
        "expectedConfigVersion": status["config"]["version"],
        "version": version,
    });
    http::call(leader.admin, "set-version", BEARER, &body)
}

/// Three servers of this program, which snapshot often and take an admin's calls.
fn servers_of(program: &Path) -> Ensemble {
    let mut ensemble = Ensemble::new(3, "snapCount=100\n");
    let token = ensemble.folder.path().join("token");
    std::fs::write(&token, "hunter2\n").expect("write the token");
    for member in &mut ensemble.members {
        member.arguments.extend(["--admin-token-file".to_owned(), token.display().to_string()]);
        member.program = Some(program.to_owned());
    }
    ensemble.start_all();
    ensemble.wait_ready();
    ensemble
}

/// With one member that runs the program before, and with one that is away and may come back with
/// it, the version stays, and so does the way back.
fn is_not_raised_unless_all_can_follow(ensemble: &mut Ensemble, before: &Path) {
    let old = (ensemble.leader() + 1) % 3;
    ensemble.members[old].kill();
    ensemble.members[old].program = Some(before.to_owned());
    ensemble.members[old].start();
    ensemble.wait_ready();
    if ensemble.leader() != old {
        assert_eq!(raise(ensemble, NEWEST).1["error"], json!("MembersTooOld"));
    }
    roll(ensemble, None);
    let leader = ensemble.leader();
    let away = (leader + 1) % 3;
    ensemble.members[away].kill();
    wait_until("the leader notices", || {
        let status = ensemble.members[leader].status().unwrap_or_default();
        let connected = |peer: &&Value| peer["connected"] == json!(true);
        status["peers"].as_array().is_some_and(|it| it.iter().filter(connected).count() == 1)
    });
    assert_eq!(raise(ensemble, NEWEST).1["error"], json!("MembersTooOld"));
    ensemble.members[away].start();
    ensemble.wait_ready();
    for member in &ensemble.members {
        let status = member.status().expect("a status");
        assert_eq!(
            (number(&status, "ensembleVersion"), number(&status, "newestVersion")),
            (1, u64::from(NEWEST))
        );
    }
}

/// Raised once, for good, and known to all.
fn is_raised(ensemble: &Ensemble) {
    wait_until("the version is raised", || raise(ensemble, NEWEST).0 == 200);
    assert_eq!(raise(ensemble, NEWEST).0, 200, "asked again, it finds its work done");
    assert_eq!(raise(ensemble, 1).1["error"], json!("VersionLowered"));
    assert_eq!(raise(ensemble, 9).1["error"], json!("VersionUnknown"));
    for member in &ensemble.members {
        wait_until("a member has applied it", || {
            number(&member.status().unwrap_or_default(), "ensembleVersion") == u64::from(NEWEST)
        });
    }
}

/// The program before says why it does not start on a disk of the newest version, and touches nothing.
fn is_refused_in_words(ensemble: &mut Ensemble, before: &Path) {
    let member = &mut ensemble.members[2];
    member.process().terminate();
    member.process().exit();
    let disk = files_of(&member.data);
    member.program = Some(before.to_owned());
    member.start();
    assert!(!member.process().exit().success());
    let log = member.log();
    assert!(log.contains("start a version of Quorate that reads it. Nothing is damaged"), "{log}");
    assert_eq!(files_of(&member.data), disk);
    member.program = None;
    member.start();
    ensemble.wait_ready();
}

#[test]
fn an_upgrade_may_be_taken_back_until_the_version_is_raised_and_loses_no_write() {
    let Some(before) = older::program() else {
        return;
    };
    let mut ensemble = servers_of(&before);
    let progress = Progress::default();
    let writer = {
        let writer = Writer::new("u", &progress);
        let ports: Vec<u16> = ensemble.members.iter().map(|it| it.client).collect();
        std::thread::spawn(move || writer.until_the_end(&ports))
    };
    let goes_on = || {
        let now = progress.acknowledged();
        wait_until("more is written", || progress.acknowledged() > now + 100);
    };
    goes_on();
    roll(&mut ensemble, None);
    goes_on();
    roll(&mut ensemble, Some(&before));
    goes_on();
    roll(&mut ensemble, None);
    is_not_raised_unless_all_can_follow(&mut ensemble, &before);
    goes_on();
    assert!(!ensemble.members.iter().any(stores_short_entries), "the way back is open");
    is_raised(&ensemble);
    goes_on();
    wait_until("short entries are stored", || ensemble.members.iter().all(stores_short_entries));
    is_refused_in_words(&mut ensemble, &before);
    goes_on();
    progress.end();
    let paths = writer.join().expect("the writer ends");
    for member in &ensemble.members {
        assert_has_all(member, &paths);
        assert!(!member.log().contains("replace the member"), "{}", member.log());
    }
    assert!(paths.len() > 500);
}
