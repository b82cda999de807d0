//! Little space on the disk, or little memory: no new data is taken, and all else goes on.

use std::path::{Path, PathBuf};
use std::process::Command;

use quorate_zk::Code;

use crate::support::client::{Client, Failure};
use crate::support::ensemble::{Ensemble, Member};
use crate::support::rights::code;
use crate::support::wait_until;

/// ZooKeeper's code for a quota that is used up.
const QUOTA_EXCEEDED: i32 = -125;
const LONG: &str = "maxSessionTimeout=60000\nmaxClientCnxns=0\n";
const MIB: usize = 1 << 20;

/// What is refused, and what goes on, while there is too little of something. `/a` must be there.
fn assert_short_of_something(client: &mut Client, member: &Member) {
    assert_eq!(code(client.create("/new", b"x", 0)), QUOTA_EXCEEDED);
    assert_eq!(code(client.set("/a", b"more")), QUOTA_EXCEEDED);
    let all = ["/new".to_owned()];
    assert!(matches!(client.create_all(&all, 0), Err(Failure::Code(Code::QuotaExceeded))));
    assert_eq!(client.get("/a").expect("read"), "x");
    client.sync().expect("sync");
    client.ping().expect("ping");
    let other = member.connect();
    other.close().expect("sessions begin and end");
    assert!(member.ready(), "it serves");
}

/// Makes znodes of 1 MB, `/n-0` and so on, until no more are taken; gives their number.
fn fill(client: &mut Client) -> usize {
    let data = vec![7; 1_000_000];
    let mut made = 0;
    wait_until("new data is refused", || {
        match client.create(&format!("/n-{made}"), &data, 0) {
            Ok(_) => made += 1,
            Err(Failure::Code(Code::QuotaExceeded)) => return true,
            Err(other) => panic!("{other:?}"),
        }
        assert!(made < 1_000, "there was always enough");
        false
    });
    assert!(made > 10, "{made}");
    made
}

/// Starts a member with one more argument, and makes `/a` in it.
fn serving(member: &mut Member, argument: &str, bytes: usize) -> Client {
    member.arguments = [argument.to_owned(), bytes.to_string()].to_vec();
    member.start();
    wait_until("it is ready", || member.ready());
    let mut client = member.connect();
    client.create("/a", b"x", 0).expect("create");
    client
}

/// Starts a member in a mount namespace of its own, where its data lies on a file system of so many
/// MiB. `None`: this machine does not permit that.
#[allow(clippy::print_stderr)] // Somebody should know.
fn serving_on_a_small_disk(member: &mut Member, mib: usize) -> Option<Client> {
    let data = member.data.display();
    let mount = format!("mount -t tmpfs -o size={mib}m tmpfs {data}");
    let script = format!("{mount} && echo 1 > {data}/myid && exec \"$0\" \"$@\"");
    let apart = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c"];
    let tried = Command::new(apart[0]).args(&apart[1..]).arg(&mount).output();
    if !tried.is_ok_and(|it| it.status.success()) {
        eprintln!("not run: mounting in a namespace is not permitted here");
        return None;
    }
    let words = apart.into_iter().chain([script.as_str()]);
    member.wrapper = words.map(str::to_owned).collect();
    Some(serving(member, "--disk-reserve-bytes", 32 * MIB))
}

/// Fills a member with znodes, and deletes them again.
fn fill_and_empty(mut client: Client, member: &Member) {
    let made = fill(&mut client);
    assert_short_of_something(&mut client, member);
    for n in 0..made {
        client.delete(&format!("/n-{n}")).expect("delete");
    }
    wait_until("new data is taken", || client.set("/a", b"more").is_ok());
}

/// A file of its data folder, as seen from outside.
fn inside(member: &mut Member, name: &str) -> PathBuf {
    let root = format!("/proc/{}/root", member.process().0.id());
    let data = member.data.strip_prefix("/").expect("an absolute path");
    Path::new(&root).join(data).join(name)
}

#[test]
fn a_full_disk_takes_no_new_data_until_there_is_space_again() {
    let mut ensemble = Ensemble::new(1, LONG);
    let member = &mut ensemble.members[0];
    let Some(mut client) = serving_on_a_small_disk(member, 96) else {
        return;
    };
    client.create("/b", b"x", 0).expect("create");
    let full = inside(member, "somebody-elses");
    std::fs::write(&full, vec![0; 70 * MIB]).expect("fill the disk");
    wait_until("new data is refused", || client.set("/a", b"x").is_err());
    assert_short_of_something(&mut client, member);
    client.delete("/b").expect("delete");
    std::fs::remove_file(&full).expect("make space");
    wait_until("new data is taken", || client.create("/b", b"", 0).is_ok());
    client.set("/a", b"more").expect("write");
}

#[test]
fn a_disk_full_of_its_own_data_takes_more_when_that_is_deleted() {
    let mut ensemble = Ensemble::new(1, LONG);
    let member = &mut ensemble.members[0];
    if let Some(client) = serving_on_a_small_disk(member, 160) {
        fill_and_empty(client, member);
    }
}

#[test]
fn short_memory_takes_no_new_data_until_some_is_given_back() {
    let mut ensemble = Ensemble::new(1, LONG);
    let member = &mut ensemble.members[0];
    let client = serving(member, "--memory-limit-bytes", 192 * MIB);
    fill_and_empty(client, member);
}
