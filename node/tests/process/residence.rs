//! Disks that are started elsewhere than they live.

use std::path::Path;

use serde_json::json;

use crate::support::ensemble::{Ensemble, Member};
use crate::support::facts::metric;
use crate::support::{http, wait_for, wait_until};

const BEARER: Option<&str> = Some("Bearer hunter2");
const SENTENCE: &str = "this volume is a copy of server";

/// Servers as an operator starts them, and one place more that has none yet.
fn operated(count: u8) -> Ensemble {
    let mut ensemble = Ensemble::new(count + 1, "");
    let token = ensemble.folder.path().join("token");
    std::fs::write(&token, "hunter2\n").expect("write the token");
    for member in &mut ensemble.members {
        member.list(&[]);
        let host = format!("127.0.0.1:{}", member.peer);
        let token = token.display().to_string();
        let flags = ["--peer-host", &host, "--admin-token-file", &token].map(str::to_owned);
        member.arguments.extend(flags);
        member.arguments.extend(["--server-id".to_owned(), member.number.to_string()]);
    }
    let (servers, _) = ensemble.members.split_at_mut(usize::from(count));
    servers.iter_mut().for_each(Member::start);
    let members = servers.iter().map(|member| {
        let id = wait_for("a blank server answers", || {
            Some(member.says("memberId")).filter(|id| !id.is_empty())
        });
        let peer = format!("127.0.0.1:{}", member.peer);
        json!({ "memberId": id, "serverId": member.number, "peer": peer })
    });
    let members: Vec<_> = members.collect();
    let body = json!({
        "ensembleId": format!("{:032x}", 7), "self": members[0]["memberId"], "members": members,
    });
    let (code, answer) = http::call(servers[0].admin, "form", BEARER, &body);
    assert_eq!(code, 200, "{answer}");
    for member in servers {
        wait_until("a member is ready", || member.ready());
    }
    ensemble
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("make a folder");
    for entry in std::fs::read_dir(from).expect("list a folder") {
        let entry = entry.expect("an entry");
        let (path, to) = (entry.path(), to.join(entry.file_name()));
        if path.is_dir() {
            copy(&path, &to);
        } else if entry.file_name() != "lock" {
            std::fs::copy(&path, &to).expect("copy a file");
        }
    }
}

/// Starts `at` as server `number` on a copy of that member's data.
fn start_copy(ensemble: &mut Ensemble, of: usize, at: usize) {
    let (from, to) = (ensemble.members[of].data.clone(), ensemble.members[at].data.clone());
    std::fs::remove_dir_all(&to).expect("remove a folder");
    copy(&from, &to);
    let number = ensemble.members[of].number.to_string();
    let member = &mut ensemble.members[at];
    *member.arguments.last_mut().expect("its number") = number;
    member.start();
}

#[test]
fn a_copied_volume_that_is_started_elsewhere_says_so_and_takes_no_part_and_the_original_goes_on() {
    let mut ensemble = operated(3);
    ensemble.members[0].connect().create("/before", b"", 0).expect("create");
    start_copy(&mut ensemble, 1, 3);
    let copy = &ensemble.members[3];
    wait_until("the copy says what it is", || copy.says("dataState") == "Elsewhere");
    assert_eq!((copy.says("role").as_str(), copy.ready()), ("Elsewhere", false));
    let (code, why) = http::get(copy.admin, "/readyz").expect("asked");
    let address = format!("127.0.0.1:{}", ensemble.members[1].peer);
    assert!(code == 503 && why.contains(SENTENCE) && why.contains(&address), "{code} {why}");
    assert!(copy.says("elsewhere").contains(SENTENCE));
    assert_eq!(http::get(copy.admin, "/livez").expect("asked").0, 200);
    assert_eq!(http::get(copy.admin, "/safe-to-stop").expect("asked").0, 200);
    assert_eq!(copy.log().matches(SENTENCE).count(), 1, "once");
    // It is neither formed anew nor wiped by a call that means somebody else.
    let id = copy.says("memberId");
    let member = json!({ "memberId": id, "serverId": 2, "peer": "a:1" });
    let body = json!({ "ensembleId": format!("{:032x}", 8), "self": id, "members": [member] });
    let (code, answer) = http::call(copy.admin, "form", BEARER, &body);
    assert_eq!((code, &answer["error"]), (409, &json!("NotBlank")));
    // The original comes and goes meanwhile, and every member still writes.
    ensemble.members[1].kill();
    ensemble.members[1].start();
    for number in 0..3 {
        wait_until("a member is ready", || ensemble.members[number].ready());
        let mut client = ensemble.members[number].connect();
        client.create(&format!("/after-{number}"), b"", 0).expect("create");
        assert!(ensemble.members[number].alive());
    }
    let copy = &ensemble.members[3];
    assert_eq!(copy.says("dataState"), "Elsewhere");
    assert_eq!(metric(copy, "quorate_node_applied_index"), 0.0);
}

#[test]
fn a_listed_server_with_a_new_address_goes_on_and_one_on_the_disk_of_another_takes_no_part() {
    let mut ensemble = Ensemble::serving(3, "");
    ensemble.members[0].connect().create("/before", b"", 0).expect("create");
    ensemble.kill_all();
    // Server 3 gets another address, which all are told.
    let (old, new) = (ensemble.members[2].peer, ensemble.members[2].peer + 1);
    ensemble.members[2].peer = new;
    ensemble.members[2].admin += 1;
    for member in &ensemble.members {
        member.edit(&format!(":{old}:{old}"), &format!(":{new}:{new}"));
    }
    ensemble.start_all();
    ensemble.wait_ready();
    assert!(ensemble.members[2].log().contains("taken for a new one of the same server"));
    ensemble.members[2].connect().create("/after", b"", 0).expect("create");
    // Server 1 comes back on server 2's disk.
    ensemble.members[0].kill();
    let (from, to) = (ensemble.members[1].data.clone(), ensemble.members[0].data.clone());
    std::fs::remove_dir_all(&to).expect("remove a folder");
    copy(&from, &to);
    ensemble.members[0].arguments.extend(["--server-id", "1"].map(str::to_owned));
    ensemble.members[0].start();
    let wrong = &ensemble.members[0];
    wait_until("it says what it is", || wrong.says("dataState") == "Elsewhere");
    assert!(wrong.says("elsewhere").contains("copy of server 2"), "{}", wrong.says("elsewhere"));
    ensemble.members[1].connect().create("/still", b"", 0).expect("create");
}
