//! Clients with TLS: certificates as ids, who is let in, and files that change.

use std::io::{Read, Write};

use rcgen::DnType;

use crate::support::client::{Client, open, word};
use crate::support::ensemble::{Ensemble, free_ports};
use crate::support::http;
use crate::support::pki::{self, Authority, Identity};
use crate::support::rights::{AUTH_FAILED, INVALID_ACL, NO_AUTH, code};
use crate::support::wait_until;

/// A server with a secure port, the authority of its certificates, and the file of its own.
struct Secure {
    ensemble: Ensemble,
    authority: Authority,
    server: Identity,
    port: u16,
    store: std::path::PathBuf,
}

impl Secure {
    fn serving(client_auth: &str, more: &str) -> Secure {
        let authority = Authority::new("authority");
        let server = authority.issue(&[(DnType::CommonName, "localhost")]);
        let folder = crate::support::ensemble::Folder::new();
        let store = folder.path().join("server.pem");
        let trusted = folder.path().join("trusted.pem");
        server.write(&store);
        std::fs::write(&trusted, authority.pem()).expect("write an authority");
        let port = free_ports(&[0]);
        let config = format!(
            "secureClientPort={port}\nsecureClientPortAddress=127.0.0.1\n\
             ssl.keyStore.location={}\nssl.trustStore.location={}\nssl.clientAuth={client_auth}\n\
             4lw.commands.whitelist=*\n{more}",
            store.display(),
            trusted.display()
        );
        let mut ensemble = Ensemble::serving(1, &config);
        ensemble.more_folders.push(folder);
        Secure { ensemble, authority, server, port, store }
    }

    fn issue(&self, name: &str) -> Identity {
        self.authority.issue(&[(DnType::CommonName, name)])
    }

    fn connect(&self, shown: &Identity) -> Client {
        pki::connect(self.port, &self.authority, Some(shown)).expect("a session over TLS")
    }

    /// Whether the server lets somebody in who shows this.
    fn lets_in(&self, shown: Option<&Identity>) -> bool {
        pki::connect(self.port, &self.authority, shown).is_ok()
    }

    /// How often something happened on the secure port.
    fn counted(&self, event: &str) -> bool {
        let (_, text) = http::get(self.ensemble.members[0].admin, "/metrics").expect("metrics");
        let line = format!("quorate_node_tls_total{{event=\"{event}\"}} ");
        text.lines().any(|it| it.starts_with(&line))
    }
}

#[test]
fn a_certificate_is_an_id_and_both_ports_serve_the_same() {
    let secure = Secure::serving("need", "X509AuthenticationProvider.superUser=CN=root\n");
    let port = secure.ensemble.members[0].client;
    let bob = secure
        .authority
        .issue(&[(DnType::OrganizationName, "Acme, Inc."), (DnType::CommonName, "bob")]);
    let name = "CN=bob,O=Acme\\, Inc.";
    let mut bob = secure.connect(&bob);
    assert_eq!(bob.who_am_i(), ["ip:127.0.0.1".to_owned(), format!("x509:{name}")]);
    bob.create_for("/bob", "x509", name).expect("created");
    bob.create_for("/own", "auth", "").expect("created");
    assert_eq!(code(bob.create_for("/y", "x509", "nobody")), INVALID_ACL);
    bob.authenticate("x509", b"").expect("the certificate is enough");

    let mut plain = Client::connect(port).expect("a session without TLS");
    let mut other = secure.connect(&secure.issue("eve"));
    for path in ["/bob", "/own"] {
        assert_eq!(code(plain.get(path)), NO_AUTH, "{path}");
        assert_eq!(code(other.get(path)), NO_AUTH, "{path}");
        assert_eq!(&bob.get(path).expect("read")[..], b"x");
    }
    let mut root = secure.connect(&secure.issue("root"));
    assert_eq!(&root.get("/bob").expect("read")[..], b"x", "super");
    root.create("/shared", b"seen", 0).expect("created");
    assert_eq!(&plain.get("/shared").expect("read")[..], b"seen");
    assert_eq!(code(plain.authenticate("x509", b"")), AUTH_FAILED);

    let conf = word(port, "conf");
    let expected = format!("secureClientPort={}", secure.port);
    assert!(conf.lines().any(|line| line == expected), "{conf}");
}

#[test]
fn need_lets_in_only_who_shows_a_certificate_that_is_believed() {
    let secure = Secure::serving("need", "");
    let stranger = Authority::new("stranger").issue(&[(DnType::CommonName, "bob")]);
    let expired = secure.authority.issue_expired("bob");
    for (name, shown) in [
        ("none", None),
        ("another authority's", Some(&stranger)),
        ("an expired one", Some(&expired)),
    ] {
        assert!(!secure.lets_in(shown), "{name}");
    }
    assert!(secure.counted("handshake_failed"));
    assert!(secure.lets_in(Some(&secure.issue("bob"))));
}

#[test]
fn want_lets_in_who_shows_none_but_not_who_shows_a_wrong_one() {
    let secure = Secure::serving("want", "");
    let mut nobody = pki::connect(secure.port, &secure.authority, None).expect("a session");
    assert_eq!(nobody.who_am_i(), ["ip:127.0.0.1"]);
    let expired = secure.authority.issue_expired("bob");
    assert!(!secure.lets_in(Some(&expired)));
    let bob = secure.issue("bob");
    assert_eq!(secure.connect(&bob).who_am_i(), ["ip:127.0.0.1", "x509:CN=bob"]);
    assert_eq!(pki::word(secure.port, &secure.authority, "ruok"), "imok");
}

#[test]
fn none_asks_nobody() {
    let secure = Secure::serving("none", "");
    let bob = secure.issue("bob");
    assert_eq!(secure.connect(&bob).who_am_i(), ["ip:127.0.0.1"]);
}

#[test]
fn changed_files_are_in_force_without_a_restart_and_bad_ones_change_nothing() {
    let secure = Secure::serving("want", "maxSessionTimeout=60000\n");
    let shown = || pki::shown_by(secure.port, &secure.authority);
    assert_eq!(shown(), Some(pki::encoded(&secure.server)));
    let bob = secure.issue("bob");
    let mut before = secure.connect(&bob);

    let renewed = secure.issue("localhost");
    renewed.write(&secure.store);
    wait_until("the new certificate is shown", || shown() == Some(pki::encoded(&renewed)));
    assert!(secure.counted("reload"));

    // A key that is not the certificate's, as when only one of two files is replaced yet.
    let mixed = Identity { key: secure.issue("localhost").key, ..renewed.clone() };
    mixed.write(&secure.store);
    wait_until("the bad files are noticed", || secure.counted("reload_failed"));
    assert_eq!(shown(), Some(pki::encoded(&renewed)), "the former one stays");
    let log = secure.ensemble.members[0].log();
    assert!(log.contains("do not go together"), "{log}");

    let last = secure.issue("localhost");
    last.write(&secure.store);
    wait_until("good files are taken again", || shown() == Some(pki::encoded(&last)));
    before.ping().expect("a connection of before lives on");
}

#[test]
fn who_does_not_speak_tls_is_closed_and_the_log_says_why() {
    let secure = Secure::serving("want", "");
    let mut stream = open(secure.port).expect("connect");
    stream.write_all(b"ruok").expect("send");
    let mut answer = Vec::new();
    // Closed, or reset for the word that nobody read.
    let _ = stream.read_to_end(&mut answer);
    assert!(answer.is_empty(), "{answer:?}");
    wait_until("it is counted", || secure.counted("not_tls"));
    let log = secure.ensemble.members[0].log();
    assert!(log.contains("does not speak TLS on the secure port"), "{log}");
    assert_eq!(pki::word(secure.port, &secure.authority, "ruok"), "imok");
}

#[test]
fn handshakes_that_nobody_finishes_are_few_at_a_time_and_end_by_themselves() {
    let secure = Secure::serving("want", "maxClientCnxns=0\n");
    let bob = secure.issue("bob");
    // Who has begun to say something: the first byte of a record.
    let begin = || {
        let mut stream = open(secure.port).expect("connect");
        stream.write_all(&[0x16]).expect("send");
        stream
    };
    let mut begun: Vec<_> = (0..256).map(|_| begin()).collect();
    wait_until("no more are taken on", || {
        // Ours may have been in before one of them, and left its place.
        begun.push(begin());
        !secure.lets_in(Some(&bob)) && secure.counted("handshake_refused")
    });
    let mut plain = secure.ensemble.members[0].connect();
    plain.ping().expect("the other port is not concerned");
    wait_until("they are let go", || secure.counted("handshake_timed_out"));
    wait_until("there is room again", || secure.lets_in(Some(&bob)));
    for mut stream in begun {
        let mut answer = Vec::new();
        // Closed, or reset for what nobody read.
        let _ = stream.read_to_end(&mut answer);
        assert!(answer.is_empty(), "{answer:?}");
    }
}
