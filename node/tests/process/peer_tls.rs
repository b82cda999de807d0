//! TLS between members.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::path::{Path, PathBuf};
use std::thread::spawn;

use rcgen::DnType;

use crate::support::ensemble::{Ensemble, Folder, Member, program};
use crate::support::pki::{self, Authority, Identity};
use crate::support::writer::{Progress, Writer, assert_has_all};
use crate::support::{PATIENCE, stays, wait_until};

const TLS: &str = "sslQuorum=true\nportUnification=false\n";
const BOTH: &str = "sslQuorum=true\nportUnification=true\n";
const PLAIN_AND_BOTH: &str = "sslQuorum=false\nportUnification=true\n";
const PLAIN: &str = "sslQuorum=false\nportUnification=false\n";

/// Lines of zoo.cfg that name these stores.
fn stores(keys: &Path, trusted: &Path) -> String {
    format!(
        "ssl.quorum.keyStore.location={}\nssl.quorum.trustStore.location={}\n",
        keys.display(),
        trusted.display()
    )
}

/// The stores of all members.
struct Stores {
    folder: Folder,
    authority: Authority,
}

impl Stores {
    fn new() -> Stores {
        Stores::of("members")
    }

    /// Of an authority of this name.
    fn of(name: &str) -> Stores {
        let stores = Stores { folder: Folder::new(), authority: Authority::new(name) };
        stores.issue().write(&stores.keys());
        std::fs::write(stores.trusted(), stores.authority.pem()).expect("write a trust store");
        stores
    }

    fn issue(&self) -> Identity {
        self.authority.issue(&[(DnType::CommonName, "member")])
    }

    fn keys(&self) -> PathBuf {
        self.folder.path().join("keys.pem")
    }

    fn trusted(&self) -> PathBuf {
        self.folder.path().join("trusted.pem")
    }

    fn lines(&self, mode: &str) -> String {
        stores(&self.keys(), &self.trusted()) + mode
    }
}

/// Ends a member in good order, and starts it again.
fn restart(member: &mut Member) {
    member.process().terminate();
    member.process().exit();
    member.start();
}

fn roll(ensemble: &mut Ensemble, from: &str, to: &str, progress: &Progress) {
    for number in 0..ensemble.members.len() {
        ensemble.members[number].edit(from, to);
        restart(&mut ensemble.members[number]);
        wait_until("a member is ready", || ensemble.members[number].ready());
        let before = progress.acknowledged();
        wait_until("clients write", || progress.acknowledged() > before + 20);
    }
}

#[test]
fn members_with_certificates_of_the_command_form_and_whoever_speaks_in_clear_gets_nothing() {
    let folder = Folder::new();
    let make = |host: &str| {
        let mut command = program();
        command.arg("cert").arg("--dir").arg(folder.path()).arg(host);
        command.output().expect("run it")
    };
    // The second time the authority is there.
    for host in ["zk1.example", "127.0.0.1"] {
        let made = make(host);
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    }
    let again = String::from_utf8_lossy(&make("127.0.0.1").stderr).into_owned();
    assert!(again.contains("is not overwritten"), "{again}");
    let in_folder = |name: &str| folder.path().join(name);
    let lines = stores(&in_folder("127.0.0.1.pem"), &in_folder("ca.pem")) + TLS;
    let mut ensemble = Ensemble::serving(3, &lines);
    ensemble.members[0].connect().create("/a", b"secret", 0).expect("create");

    let member = &ensemble.members[0];
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, member.peer)).expect("dial");
    stream.set_read_timeout(Some(PATIENCE)).expect("set a timeout");
    stream.write_all(&[0, 0, 0, 16, 1, 2, 3, 4]).expect("begin a frame");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("the end");
    assert!(answer.starts_with(&[0x15, 3]), "an alert of TLS, nothing else: {answer:?}");
    wait_until("it is said", || member.log().contains("takes nothing but TLS between members"));

    // A member that goes back to speaking in clear is out, and both ends say why.
    ensemble.members[2].edit(TLS, PLAIN);
    restart(&mut ensemble.members[2]);
    let out = &ensemble.members[2];
    wait_until("it says why", || out.log().contains("set sslQuorum=true here"));
    wait_until("it is told of TLS", || {
        out.log().contains("it speaks TLS, and this server has none")
    });
    assert!(!out.ready());
    ensemble.members[1].connect().create("/b", b"", 0).expect("create");
    ensemble.members[2].edit(PLAIN, TLS);
    restart(&mut ensemble.members[2]);
    ensemble.wait_ready();
}

#[test]
fn an_ensemble_moves_to_tls_and_back_under_writes() {
    let stores = Stores::new();
    let mut ensemble = Ensemble::serving(3, &stores.lines(PLAIN));
    let progress = Progress::default();
    let ports: Vec<u16> = ensemble.members.iter().map(|it| it.client).collect();
    let writer = Writer::new("roll", &progress);
    let writing = spawn(move || writer.until_the_end(&ports));
    let steps = [PLAIN, PLAIN_AND_BOTH, BOTH, TLS, BOTH, PLAIN_AND_BOTH, PLAIN];
    for step in steps.windows(2) {
        roll(&mut ensemble, step[0], step[1], &progress);
        if step[1] == TLS {
            let shown = pki::open(ensemble.members[0].peer, &stores.authority, None);
            assert!(shown.is_ok(), "TLS is spoken there");
        }
    }
    progress.end();
    let paths = writing.join().expect("the writer");
    for member in &ensemble.members {
        assert_has_all(member, &paths);
    }
}

#[test]
fn a_member_of_another_authority_gets_nothing_and_both_ends_say_so() {
    let (stores, others) = (Stores::new(), Stores::of("others"));
    let mut ensemble = Ensemble::serving(3, &stores.lines(TLS));
    ensemble.members[0].connect().create("/a", b"", 0).expect("create");
    ensemble.members[2].edit(&stores.lines(TLS), &others.lines(TLS));
    ensemble.members[2].wipe();
    restart(&mut ensemble.members[2]);
    let (out, within) = (&ensemble.members[2], &ensemble.members[0]);
    wait_until("it says why", || out.log().contains("UnknownIssuer"));
    wait_until("it is said there", || within.log().contains("its TLS handshake failed"));
    assert_eq!((out.says("dataState").as_str(), out.ready()), ("Blank", false));
    // Believing the ensemble's authority does not help it: its own certificate is of another one.
    std::fs::write(others.trusted(), stores.authority.pem()).expect("write a trust store");
    wait_until("the file is read", || out.log().contains("changed TLS files are in force"));
    wait_until("it says why", || out.log().contains("has ended the link after the TLS handshake"));
    assert_eq!(out.says("dataState"), "Blank");
    ensemble.members[1].connect().create("/b", b"", 0).expect("create");
}

#[test]
fn a_certificate_of_the_authority_that_names_another_host_is_no_members() {
    let stores = Stores::new();
    let mut ensemble = Ensemble::serving(3, &stores.lines(TLS));
    let client = stores.folder.path().join("client.pem");
    stores.authority.issue_for("client.example").write(&client);
    let name = stores.keys().display().to_string();
    ensemble.members[2].edit(&name, &client.display().to_string());
    restart(&mut ensemble.members[2]);
    let (out, within) = (&ensemble.members[2], &ensemble.members[0]);
    wait_until("it is said", || within.log().contains("does not name 127.0.0.1"));
    wait_until("a dialler says it", || within.log().contains("not valid for name"));
    wait_until("it says it", || out.log().contains("its log says which"));
    assert!(!out.ready());
    // Unless names are not to be verified.
    for member in &mut ensemble.members {
        member.edit(TLS, &format!("{TLS}ssl.quorum.hostnameVerification=false\n"));
        restart(member);
    }
    ensemble.wait_ready();
}

#[test]
fn changed_certificates_are_shown_without_a_restart_and_bad_ones_change_nothing() {
    let stores = Stores::new();
    let ensemble = Ensemble::serving(3, &stores.lines(TLS));
    let member = &ensemble.members[0];
    let shown = |identity: &Identity| {
        pki::shown_by(member.peer, &stores.authority) == Some(pki::encoded(identity))
    };
    std::fs::write(stores.keys(), "no certificate").expect("write a file");
    wait_until("it is said", || member.log().contains("changed TLS files cannot be used"));
    let renewed = stores.issue();
    assert!(!shown(&renewed));
    renewed.write(&stores.keys());
    wait_until("the new one is shown", || shown(&renewed));
    stays("all are ready", std::time::Duration::from_millis(300), || {
        ensemble.members.iter().all(Member::ready)
    });
    ensemble.members[1].connect().create("/a", b"", 0).expect("create");
}

#[test]
fn who_asks_for_protection_that_there_is_not_is_refused_at_the_start() {
    let cases = [
        ("sslQuorum=true\n", "ssl.quorum.keyStore.location"),
        ("quorum.auth.enableSasl=true\n", "Use TLS between them instead"),
    ];
    for (line, words) in cases {
        let mut ensemble = Ensemble::new(1, line);
        let member = &mut ensemble.members[0];
        member.start();
        assert!(!member.process().exit().success());
        assert!(member.log().contains(words), "{}", member.log());
    }
}
