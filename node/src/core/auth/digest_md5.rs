//! The server's side of SASL DIGEST-MD5 (RFC 2831), as the JDK's server speaks it to ZooKeeper's
//! clients: one realm, quality of protection `auth` only, one exchange a connection.
//!
//! `answer` is what a client says, taken apart.

mod answer;

use std::fmt;
use std::mem;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use md5::{Digest, Md5};
use subtle::ConstantTimeEq;

use self::answer::{number, parse};
use super::{SaslUsers, scheme};

/// The server's name, which is the realm as well. Every ZooKeeper server's.
const REALM: &str = "zk-sasl-md5";
/// What clients say they talk to: protocol and server name.
const URI: &str = "zookeeper/zk-sasl-md5";
/// Bytes of the longest answer that is looked at.
const RESPONSE_MAX: usize = 4_096;
/// What a GSSAPI client begins with: the tag of an initial context token (RFC 2743).
const GSSAPI: u8 = 0x60;

/// How far a connection's exchange is.
#[derive(Clone, PartialEq, Eq)]
pub enum Exchange {
    /// Nothing was said yet. Holds the randomness for the nonce.
    Fresh([u8; 30]),
    /// The challenge with this nonce was sent.
    Challenged(String),
    /// It ended, well or not. Its nonce never serves again.
    Over,
}

impl fmt::Debug for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Exchange::Fresh(_) => "Fresh",
            Exchange::Challenged(_) => "Challenged",
            Exchange::Over => "Over",
        })
    }
}

/// What to answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// A challenge.
    Challenge(Bytes),
    /// The client is this user; the token proves to it that we know the password, too.
    Done {
        /// Who.
        user: String,
        /// The proof.
        token: Bytes,
    },
}

/// Why an exchange failed, for the log. The client is not told why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// It is told that it is refused.
    Refused(&'static str),
    /// What ends a connection to ZooKeeper without a word: nobody catches what Java throws then.
    Unreadable(&'static str),
}

impl From<&'static str> for Failure {
    fn from(why: &'static str) -> Failure {
        Failure::Refused(why)
    }
}

impl Exchange {
    /// The client's next token.
    ///
    /// # Errors
    /// When the exchange failed.
    pub fn step(&mut self, token: &[u8], users: &SaslUsers) -> Result<Step, Failure> {
        match mem::replace(self, Exchange::Over) {
            Exchange::Fresh(entropy) => {
                if token.len() > RESPONSE_MAX {
                    return Err("the token is too long".into());
                }
                if token.first() == Some(&GSSAPI) {
                    return Err("the client speaks GSSAPI (Kerberos), which is not supported: \
                                give it a user and a password for DIGEST-MD5"
                        .into());
                }
                // Any other first token would be of a "subsequent authentication", which is not
                // offered: it is answered with a new challenge (RFC 2831 §2.2).
                let nonce = STANDARD.encode(entropy);
                let challenge =
                    format!("realm=\"{REALM}\",nonce=\"{nonce}\",charset=utf-8,algorithm=md5-sess");
                *self = Exchange::Challenged(nonce);
                Ok(Step::Challenge(challenge.into()))
            }
            Exchange::Challenged(nonce) => judge(token, &nonce, users),
            Exchange::Over => Err("the connection's one exchange is over".into()),
        }
    }
}

/// In the order of Java's checks: which comes first decides whether the client hears of it.
fn judge(token: &[u8], nonce: &str, users: &SaslUsers) -> Result<Step, Failure> {
    if token.len() > RESPONSE_MAX {
        return Err("the answer is too long".into());
    }
    let answer = parse(token)?;
    if answer.charset.is_some_and(|charset| charset != b"utf-8".as_slice()) {
        return Err("the charset is not utf-8".into());
    }
    number(answer.maxbuf.as_deref(), 10)?;
    let user = answer.username.ok_or("the answer names no user")?;
    let user = String::from_utf8_lossy(&user).into_owned();
    if answer.realm.as_deref() != Some(REALM.as_bytes()) {
        return Err("the realm is not this server's".into());
    }
    if answer.nonce.as_deref() != Some(nonce.as_bytes()) {
        return Err("the nonce is not this connection's".into());
    }
    let cnonce = answer.cnonce.ok_or("the answer has no cnonce")?;
    if number(answer.nonce_count.as_deref(), 16)?.is_some_and(|count| count != 1) {
        return Err("the nonce was used before".into());
    }
    if answer.qop.is_some_and(|qop| qop != b"auth".as_slice()) {
        return Err("the quality of protection is not auth".into());
    }
    let uri = answer.uri.ok_or("the answer has no digest-uri")?;
    if !uri.eq_ignore_ascii_case(URI.as_bytes()) {
        return Err("the digest-uri is not this server's".into());
    }
    let response = answer.response.ok_or("the answer has no response")?;
    if user.is_empty() {
        return Err(Failure::Unreadable("the user's name is empty"));
    }
    let password = users.0.get(&user);
    // An unknown user costs as much time as a wrong password.
    let secret = Secret {
        user: &user,
        password: password.map_or("", String::as_str),
        nonce,
        cnonce: &cnonce,
        authzid: answer.authzid.as_deref(),
        uri: &uri,
    };
    let right = secret.response("AUTHENTICATE").as_bytes().ct_eq(&response);
    if !bool::from(right) || password.is_none() {
        return Err("unknown user or wrong password".into());
    }
    if !scheme::is_valid("sasl", &user) {
        return Err(Failure::Unreadable("no access list can name this user"));
    }
    let token = format!("rspauth={}", secret.response("")).into();
    Ok(Step::Done { user, token })
}

/// What a response is made of.
struct Secret<'a> {
    user: &'a str,
    password: &'a str,
    nonce: &'a str,
    cnonce: &'a [u8],
    authzid: Option<&'a [u8]>,
    uri: &'a [u8],
}

fn hex(digest: &[u8]) -> String {
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// ISO 8859-1 where that can hold the text, as RFC 2831 wants it; otherwise UTF-8.
fn latin1(text: &str) -> Vec<u8> {
    let narrow: Option<Vec<u8>> = text.chars().map(|c| u8::try_from(c).ok()).collect();
    narrow.unwrap_or_else(|| text.as_bytes().to_vec())
}

impl Secret<'_> {
    /// RFC 2831 §2.1.2.1; without a method, the one that proves the server.
    fn response(&self, method: &str) -> String {
        let user = [&latin1(self.user), REALM.as_bytes(), &latin1(self.password)].join(&b':');
        let mut a1 = Md5::digest(user).to_vec();
        for part in [self.nonce.as_bytes(), self.cnonce].into_iter().chain(self.authzid) {
            a1.push(b':');
            a1.extend_from_slice(part);
        }
        let a2 = [method.as_bytes(), self.uri].join(&b':');
        let all = [
            hex(&Md5::digest(a1)).as_bytes(),
            self.nonce.as_bytes(),
            b"00000001",
            self.cnonce,
            b"auth",
            hex(&Md5::digest(a2)).as_bytes(),
        ]
        .join(&b':');
        hex(&Md5::digest(all))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn users() -> SaslUsers {
        let user = |name: &str, password: &str| (name.to_owned(), password.to_owned());
        let all =
            [user("bob", "bobsecret"), user("j\u{f6}rg", "gr\u{fc}n"), user("a@b@c", "abcsecret")];
        SaslUsers(all.into())
    }

    /// An exchange after its challenge, and its nonce.
    fn challenged() -> (Exchange, String) {
        let mut exchange = Exchange::Fresh([7; 30]);
        let Ok(Step::Challenge(challenge)) = exchange.step(b"", &users()) else {
            panic!("no challenge");
        };
        let nonce = STANDARD.encode([7; 30]);
        let expected =
            format!("realm=\"zk-sasl-md5\",nonce=\"{nonce}\",charset=utf-8,algorithm=md5-sess");
        assert_eq!(challenge, expected.as_bytes());
        (exchange, nonce)
    }

    fn response(nonce: &str, user: &str, password: &str) -> String {
        let secret =
            Secret { user, password, nonce, cnonce: b"cn", authzid: None, uri: URI.as_bytes() };
        secret.response("AUTHENTICATE")
    }

    fn answer(nonce: &str, user: &str, password: &str) -> String {
        let response = response(nonce, user, password);
        format!(
            "charset=utf-8,username=\"{user}\",realm=\"zk-sasl-md5\",nonce=\"{nonce}\",\
             nc=00000001,cnonce=\"cn\",digest-uri=\"zookeeper/zk-sasl-md5\",maxbuf=65536,\
             response={response},qop=auth"
        )
    }

    /// What Java's client sent to Java's server, and what that proved in return.
    #[test]
    fn a_response_is_what_java_makes_of_the_same_secret() {
        let secret = Secret {
            user: "bob",
            password: "bobsecret",
            nonce: "qkcUUrdUcxDhxW92kOW8xHbdILK5NOUzfCfpyY1f",
            cnonce: b"aMlPfu6t+n0oVoDImh0HNeGarQ3/b+t5JrOi6yam",
            authzid: Some(b"bob"),
            uri: URI.as_bytes(),
        };
        let response = secret.response("AUTHENTICATE");
        assert_eq!(response, "6bc2c82e2bd6bd425d24d81de431241d");
        assert_eq!(secret.response(""), "2a5666e535dcf4b99d0c29213327cc24");
    }

    #[test]
    fn the_right_password_is_taken_once_and_proved_in_return() {
        for (user, password) in [("bob", "bobsecret"), ("j\u{f6}rg", "gr\u{fc}n")] {
            let (mut exchange, nonce) = challenged();
            let answer = answer(&nonce, user, password);
            let step = exchange.step(answer.as_bytes(), &users());
            let Ok(Step::Done { user: found, token }) = step else {
                panic!("{step:?}");
            };
            assert_eq!(found, user);
            assert!(token.starts_with(b"rspauth="));
            assert!(exchange.step(answer.as_bytes(), &users()).is_err(), "again");
            assert!(exchange.step(b"", &users()).is_err(), "no second challenge");
        }
    }

    #[test]
    fn anything_else_is_refused_and_ends_the_exchange() {
        let (_, nonce) = challenged();
        let good = answer(&nonce, "bob", "bobsecret");
        let other = response(&nonce, "bob", "wrong");
        let right = response(&nonce, "bob", "bobsecret");
        let wrong = [
            answer(&nonce, "bob", "wrong"),
            answer(&nonce, "eve", ""),
            answer(&nonce, "eve", "bobsecret"),
            answer("another", "bob", "bobsecret"),
            good.replace("zk-sasl-md5\",nonce", "elsewhere\",nonce"),
            good.replace("zookeeper/", "http/"),
            good.replace("qop=auth", "qop=auth-conf"),
            good.replace("utf-8", "latin-1"),
            good.replace("cnonce=\"cn\"", "cnonce=\"dn\""),
            good.replace(&right, &other),
            good.replace(&right, &right[..31]),
            good.replace(&right, ""),
            good.replace("username=\"bob\",", ""),
            format!("{good},username=\"super\""),
            format!("{good},maxbuf=1"),
            format!("{good},cipher=a,Cipher=a"),
            format!("{good},auth-param=,auth-param="),
            format!("{good},nonce-count=2"),
            format!("{good},foo="),
            format!("{good},foo= "),
            format!("{good},foo "),
            format!("{good},foo bar=1"),
            format!("{good},=1"),
            format!("foo,{good}"),
            format!("{good},authzid=\"super\""),
            format!("{good},username=\"bob"),
            format!("{good}{}", " ".repeat(RESPONSE_MAX)),
            String::new(),
        ];
        for text in wrong {
            let (mut exchange, _) = challenged();
            let step = exchange.step(text.as_bytes(), &users());
            assert!(matches!(step, Err(Failure::Refused(_))), "{text}: {step:?}");
            let step = exchange.step(good.as_bytes(), &users());
            assert!(step.is_err(), "a second try after {text}: {step:?}");
        }
    }

    #[test]
    fn what_java_takes_or_does_not_look_at_is_taken() {
        let (_, nonce) = challenged();
        let good = answer(&nonce, "bob", "bobsecret");
        for text in [
            format!("{good},foo=bar,foo=\"b\\\"ar, baz\",FOO"),
            format!("{good},nonce-count=01,auth-param=x, cipher=none"),
            format!(" ,\t,{good},,"),
            good.replace(',', " "),
            good.replace(",qop=auth", ""),
            good.replace("charset=utf-8,", ""),
            good.replace("00000001", "00000002"),
            good.replace("maxbuf=65536", "maxbuf=-1"),
            good.replace("realm=", "REALM = "),
        ] {
            let (mut exchange, _) = challenged();
            let step = exchange.step(text.as_bytes(), &users());
            assert!(matches!(step, Ok(Step::Done { .. })), "{text}: {step:?}");
        }
    }

    #[test]
    fn what_java_chokes_on_is_told_apart() {
        let (_, nonce) = challenged();
        let good = answer(&nonce, "bob", "bobsecret");
        for text in [
            good.replace("maxbuf=65536", "maxbuf=many"),
            good.replace("maxbuf=65536", "maxbuf=2147483648"),
            good.replace("maxbuf=65536", "maxbuf=\"\""),
            format!("{good},nonce-count=one"),
            answer(&nonce, "", ""),
            answer(&nonce, "a@b@c", "abcsecret"),
        ] {
            let (mut exchange, _) = challenged();
            let step = exchange.step(text.as_bytes(), &users());
            assert!(matches!(step, Err(Failure::Unreadable(_))), "{text}: {step:?}");
        }
        let (mut exchange, _) = challenged();
        let wrong = answer(&nonce, "a@b@c", "wrong");
        let step = exchange.step(wrong.as_bytes(), &users());
        assert!(matches!(step, Err(Failure::Refused(_))), "{step:?}");
    }

    #[test]
    fn a_gssapi_client_is_told_at_once() {
        let mut exchange = Exchange::Fresh([7; 30]);
        let step = exchange.step(&[0x60, 0x82, 2, 0], &users());
        assert!(matches!(step, Err(Failure::Refused(why)) if why.contains("GSSAPI")));
    }

    proptest! {
        #[test]
        fn no_answer_makes_the_parser_panic(token in proptest::collection::vec(any::<u8>(), 0..200)) {
            let (mut exchange, _) = challenged();
            prop_assert!(exchange.step(&token, &users()).is_err());
        }
    }
}
