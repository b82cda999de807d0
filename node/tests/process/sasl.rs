//! SASL DIGEST-MD5, and authentication that is enforced.

use bytes::Bytes;
use md5::{Digest, Md5};

use crate::support::client::{Client, Failure};
use crate::support::ensemble::{Ensemble, Folder};
use crate::support::rights::{AUTH_FAILED, AUTH_REQUIRED, INVALID_ACL, NO_AUTH, code};

const JAAS: &str = "Server {
    org.apache.zookeeper.server.auth.DigestLoginModule required
    user_super=\"adminsecret\"
    user_bob=\"bobsecret\"
    user_root=\"rootsecret\";
};
";

fn serving(more: &str) -> Ensemble {
    let folder = Folder::new();
    let jaas = folder.path().join("jaas.conf");
    std::fs::write(&jaas, JAAS).expect("write a JAAS file");
    let config = format!("java.security.auth.login.config={}\n{more}", jaas.display());
    let mut ensemble = Ensemble::serving(1, &config);
    ensemble.more_folders.push(folder);
    ensemble
}

fn hex(bytes: impl AsRef<[u8]>) -> String {
    let digest = Md5::digest(bytes);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What a client of RFC 2831 answers to a challenge.
fn answer(challenge: &[u8], user: &str, password: &str) -> String {
    let challenge = std::str::from_utf8(challenge).expect("text");
    let nonce = challenge.split("nonce=\"").nth(1).expect("a nonce");
    let nonce = nonce.split('"').next().expect("a nonce");
    let (realm, uri) = ("zk-sasl-md5", "zookeeper/zk-sasl-md5");
    let mut a1 = Md5::digest(format!("{user}:{realm}:{password}")).to_vec();
    a1.extend_from_slice(format!(":{nonce}:cnonce").as_bytes());
    let (a1, a2) = (hex(a1), hex(format!("AUTHENTICATE:{uri}")));
    let response = hex(format!("{a1}:{nonce}:00000001:cnonce:auth:{a2}"));
    format!(
        "charset=utf-8,username=\"{user}\",realm=\"{realm}\",nonce=\"{nonce}\",nc=00000001,\
         cnonce=\"cnonce\",digest-uri=\"{uri}\",maxbuf=65536,response={response},qop=auth"
    )
}

fn log_in(client: &mut Client, user: &str, password: &str) -> Result<Option<Bytes>, Failure> {
    let challenge = client.sasl(b"")?.expect("a challenge");
    client.sasl(answer(&challenge, user, password).as_bytes())
}

fn assert_closed(client: &mut Client) {
    let after = client.ping();
    assert!(matches!(after, Err(Failure::Broken(_))), "{after:?}");
}

#[test]
fn a_user_with_the_right_password_has_an_id_and_no_other_has() {
    let ensemble = serving("superUser=root\n");
    let connect = || ensemble.members[0].connect();
    let mut bob = connect();
    let proof = log_in(&mut bob, "bob", "bobsecret").expect("logged in");
    assert!(proof.is_some_and(|proof| proof.starts_with(b"rspauth=")));
    assert_eq!(bob.who_am_i(), ["ip:127.0.0.1", "sasl:bob"]);
    bob.create_for("/bob", "sasl", "bob").expect("created");
    assert_eq!(code(bob.create_for("/bad", "sasl", "a@b@c")), INVALID_ACL);
    assert_eq!(code(connect().get("/bob")), NO_AUTH);
    for (user, password) in [("super", "adminsecret"), ("root", "rootsecret")] {
        let mut other = connect();
        log_in(&mut other, user, password).expect("logged in");
        assert_eq!(&other.get("/bob").expect("read")[..], b"x", "{user}");
    }
    for (user, password) in [("bob", "wrong"), ("eve", "")] {
        let mut other = connect();
        let refused = log_in(&mut other, user, password);
        assert_eq!(code(refused), AUTH_FAILED, "{user}");
        assert_closed(&mut other);
    }
}

#[test]
fn an_answer_serves_once() {
    let ensemble = serving("");
    let mut bob = ensemble.members[0].connect();
    let challenge = bob.sasl(b"").expect("a step").expect("a challenge");
    let overheard = answer(&challenge, "bob", "bobsecret");
    bob.sasl(overheard.as_bytes()).expect("logged in");
    let mut eve = ensemble.members[0].connect();
    eve.sasl(b"").expect("a challenge of its own");
    assert_eq!(code(eve.sasl(overheard.as_bytes())), AUTH_FAILED);
    assert_eq!(code(bob.sasl(overheard.as_bytes())), AUTH_FAILED, "again");
    assert_closed(&mut bob);
}

/// What a server of Java does with what it cannot read.
#[test]
fn a_token_that_is_none_ends_the_connection_without_an_answer() {
    for ensemble in [serving(""), Ensemble::serving(1, "")] {
        let answer = ensemble.members[0].connect().sasl_or_null(None);
        assert!(matches!(answer, Err(Failure::Broken(_))), "{answer:?}");
    }
    let ensemble = serving("");
    let mut bob = ensemble.members[0].connect();
    let challenge = bob.sasl(b"").expect("a step").expect("a challenge");
    let answer = answer(&challenge, "bob", "bobsecret").replace("maxbuf=65536", "maxbuf=many");
    let answer = bob.sasl(answer.as_bytes());
    assert!(matches!(answer, Err(Failure::Broken(_))), "{answer:?}");
}

#[test]
fn without_sasl_a_step_is_answered_with_nothing_and_its_lists_are_refused() {
    let ensemble = Ensemble::serving(1, "");
    let mut client = ensemble.members[0].connect();
    assert_eq!(client.sasl(b"").expect("a step"), None);
    client.ping().expect("the connection stays");
    for (scheme, id) in [("sasl", "bob"), ("x509", "CN=bob")] {
        assert_eq!(code(client.create_for("/x", scheme, id)), INVALID_ACL, "{scheme}");
    }
}

#[test]
fn where_sasl_is_required_nothing_goes_without() {
    let ensemble = serving("sessionRequireClientSASLAuth=true\n");
    let connect = || ensemble.members[0].connect();
    let mut nobody = connect();
    assert_eq!(code(nobody.ping()), AUTH_REQUIRED);
    assert_closed(&mut nobody);
    let mut by_digest = connect();
    by_digest.authenticate("digest", b"bob:bobsecret").expect("taken");
    assert_eq!(code(by_digest.get("/")), AUTH_REQUIRED);
    assert_closed(&mut by_digest);
    let mut wrong = connect();
    assert_eq!(code(log_in(&mut wrong, "bob", "wrong")), AUTH_REQUIRED);
    let mut bob = connect();
    log_in(&mut bob, "bob", "bobsecret").expect("logged in");
    bob.get("/").expect("let through");
}

#[test]
fn any_scheme_can_be_enforced() {
    let more = "enforce.auth.enabled=true\nenforce.auth.schemes=digest\n";
    let ensemble = Ensemble::serving(1, more);
    let mut nobody = ensemble.members[0].connect();
    assert_eq!(code(nobody.get("/")), AUTH_REQUIRED);
    let mut bob = ensemble.members[0].connect();
    bob.authenticate("digest", b"bob:bobsecret").expect("taken");
    bob.get("/").expect("let through");
}

#[test]
fn with_skip_acl_nobody_is_refused() {
    let ensemble = Ensemble::serving(1, "skipACL=yes\n");
    let mut owner = ensemble.members[0].connect();
    owner.authenticate("digest", b"owner:x").expect("taken");
    owner.create_for("/own", "auth", "").expect("created");
    let mut other = ensemble.members[0].connect();
    assert_eq!(&other.get("/own").expect("read")[..], b"x");
    other.set("/own", b"y").expect("written");
    assert_eq!(other.who_am_i(), ["ip:127.0.0.1"]);
}

#[test]
fn who_looks_for_another_ensemble_is_let_go_without_an_answer() {
    let class = "org.apache.zookeeper.server.auth.EnsembleAuthenticationProvider";
    let more = format!("authProvider.1={class}\nensembleAuthName=blue, green\n");
    let ensemble = Ensemble::serving(1, &more);
    for name in ["green", ""] {
        let mut meant = ensemble.members[0].connect();
        meant.authenticate("ensemble", name.as_bytes()).expect("meant");
        assert_eq!(meant.who_am_i(), ["ip:127.0.0.1"], "it is no id");
    }
    let mut lost = ensemble.members[0].connect();
    let answer = lost.authenticate("ensemble", b"red");
    assert!(matches!(answer, Err(Failure::Broken(_))), "{answer:?}");
}
