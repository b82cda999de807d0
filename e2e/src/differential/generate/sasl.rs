//! SASL DIGEST-MD5: users who log in, or try to, and what they may do then.

use super::Maker;
use crate::differential::history::{Action, Field, Request};
use crate::differential::ops;
use crate::differential::sasl::{Answer, NONCE, RESPONSE, Secret};

/// The servers' users. The names of the last three are principals of Kerberos, or would be.
pub(in crate::differential) const JAAS: &str = "
Server {
    org.apache.zookeeper.server.auth.DigestLoginModule required
    user_bob=\"bobsecret\"
    user_alice=\"alice, \\\"secret\\\"\"
    user_super=\"supersecret\"
    user_root=\"rootsecret\"
    user_j\u{f6}rg=\"gr\u{fc}n\"
    user_zo\u{20ac}=\"\u{20ac}uro\"
    user_nobody=\"\"
    \"user_carl/host\"=\"carlsecret\"
    \"user_dora@REALM\"=\"dorasecret\"
    \"user_a@b@c\"=\"abcsecret\";
};
";
/// Which of them may do anything.
pub(in crate::differential) const SUPER_USER: &str = "root";

/// Names and their passwords.
const USERS: [(&str, &str); 10] = [
    ("bob", "bobsecret"),
    ("alice", "alice, \"secret\""),
    ("super", "supersecret"),
    ("root", "rootsecret"),
    ("j\u{f6}rg", "gr\u{fc}n"),
    ("zo\u{20ac}", "\u{20ac}uro"),
    ("nobody", ""),
    ("carl/host", "carlsecret"),
    ("dora@REALM", "dorasecret"),
    ("a@b@c", "abcsecret"),
];

/// Names and passwords of nobody.
const STRANGERS: [(&str, &str); 6] = [
    ("bob", "wrong"),
    ("bob", ""),
    ("eve", ""),
    ("eve", "bobsecret"),
    ("", ""),
    ("BOB", "bobsecret"),
];

/// What a client that does as it should says of everything but itself.
const PROPER: Secret = Secret {
    user: "",
    password: "",
    realm: "zk-sasl-md5",
    nonce: None,
    cnonce: "c-n0nce",
    nc: "00000001",
    qop: "auth",
    uri: "zookeeper/zk-sasl-md5",
    authzid: None,
};
/// The longest token that is looked at.
const LONGEST: usize = 4096;

/// Access lists of users.
const USUAL: [&[(i32, &str, &str)]; 9] = [
    &[(31, "sasl", "bob")],
    &[(31, "sasl", "alice")],
    &[(31, "auth", "")],
    &[(1, "world", "anyone"), (31, "sasl", "bob")],
    &[(1, "sasl", "alice"), (30, "sasl", "bob")],
    &[(31, "sasl", "super")],
    &[(31, "sasl", "eve")],
    &[(31, "sasl", "j\u{f6}rg"), (1, "sasl", "carl/host")],
    &[(17, "auth", ""), (4, "sasl", "dora@REALM")],
];

/// Directives that stand beside the others: unknown ones, some that are read and matter little,
/// and some that are none.
const MORE: [&str; 22] = [
    "foo=bar",
    "foo=\"b\\\"ar, baz\"",
    "foo",
    "foo=",
    "=bar",
    "foo bar=1",
    "foo = 1",
    "foo;bar=1",
    "foo=\"bar\"baz",
    "foo=\"bar",
    "foo=bar\\",
    "",
    "maxbuf=1",
    "maxbuf=\"1024\"",
    "maxbuf=-1",
    "maxbuf=many",
    "maxbuf=99999999999",
    "nonce-count=00000001",
    "nonce-count=00000002",
    "nonce-count=one",
    "cipher=rc4",
    "auth-param=1",
];

fn sasl(token: Field) -> Request {
    Request::new(ops::SASL, vec![token])
}

fn bytes(token: &[u8]) -> Field {
    Field::Buffer(Some(token.to_vec()))
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// What clients say, each directive by itself.
fn directives(secret: &Secret) -> Vec<String> {
    let mut all = vec![
        "charset=utf-8".to_owned(),
        format!("username={}", quoted(secret.user)),
        format!("realm={}", quoted(secret.realm)),
        format!("nonce=\"{}\"", secret.nonce.unwrap_or(NONCE)),
        format!("nc={}", secret.nc),
        format!("cnonce={}", quoted(secret.cnonce)),
        format!("digest-uri={}", quoted(secret.uri)),
        "maxbuf=65536".to_owned(),
        format!("response={RESPONSE}"),
        format!("qop={}", secret.qop),
    ];
    all.extend(secret.authzid.map(|it| format!("authzid={}", quoted(it))));
    all
}

impl Maker {
    /// Who is said to answer: everything as it should be.
    fn secret(&mut self) -> Secret {
        let (user, password) = match self.rng.below(10) {
            0..=4 => self.rng.pick(&USERS[..2]),
            5..=8 => self.rng.pick(&USERS),
            _ => self.rng.pick(&STRANGERS),
        };
        Secret { user, password, authzid: self.rng.chance(10).then_some(user), ..PROPER }
    }

    /// An answer of somebody who knows a password, or not.
    fn plain_answer(&mut self) -> Answer {
        let secret = self.secret();
        let text = directives(&secret).join(",").into_bytes();
        Answer { secret, text, length: 0 }
    }

    /// Something odd that is proved all the same.
    fn strange(&mut self, secret: &mut Secret) {
        match self.rng.below(7) {
            0 => secret.realm = self.rng.pick(&["elsewhere", "", "ZK-SASL-MD5"]),
            1 => secret.nonce = Some(self.rng.pick(&["another", ""])),
            2 => secret.cnonce = self.rng.pick(&["", "quote\"d", "back\\slash", "a, b=c"]),
            3 => secret.nc = self.rng.pick(&["00000002", "1", "", "x"]),
            4 => {
                secret.qop =
                    self.rng.pick(&["auth-int", "auth-conf", "AUTH", "none", "", "\"auth\""]);
            }
            5 => {
                secret.uri = self.rng.pick(&[
                    "http/zk-sasl-md5",
                    "ZooKeeper/ZK-SASL-MD5",
                    "zookeeper/zk-sasl-md5/zk-sasl-md5",
                    "zookeeper/localhost",
                    "",
                ]);
            }
            // See the table of allowed differences about those with a realm.
            _ if secret.user.contains('@') => secret.authzid = Some(secret.user),
            _ => secret.authzid = Some(self.rng.pick(&["alice", "super", "root", "eve", ""])),
        }
    }

    /// The same said in another way, which may mean something else.
    fn tampered(&mut self, mut all: Vec<String>) -> Vec<u8> {
        let at = self.rng.below(all.len());
        let mut separator = ",";
        match self.rng.below(18) {
            0 => {
                all.remove(at);
            }
            1 => all.push(all[at].clone()),
            2 => all.insert(0, all[at].replace("=", "=x")),
            3 => all.reverse(),
            4 => separator = self.rng.pick(&[", ", " ,\t", "\r\n", ",,", " "]),
            5 => all[at] = all[at].replacen('=', self.rng.pick(&[" = ", "\t=", "= ", "=="]), 1),
            6 => all[at] = all[at].replace('"', ""),
            7 => {
                let (key, value) = all[at].split_once('=').unwrap_or_default();
                all[at] = format!("{}={value}", key.to_uppercase());
            }
            8 => all[at] = format!("{}={}", all[at].split('=').next().unwrap_or_default(), ""),
            9 => {
                // The end, where it is met as well as its beginning.
                let mut text = all.join(",").into_bytes();
                text.truncate(self.rng.below(text.len()));
                return text;
            }
            _ => {
                for _ in 0..1 + self.rng.below(2) {
                    let more = self.rng.pick(&MORE);
                    // The end is no place like others: what is there may lack its value.
                    let at = match self.rng.below(2) {
                        0 => all.len(),
                        _ => self.rng.below(all.len()),
                    };
                    all.insert(at, more.to_owned());
                }
            }
        }
        all.join(separator).into_bytes()
    }

    fn odd_answer(&mut self) -> Answer {
        let mut secret = self.secret();
        let mut length = 0;
        let text = match self.rng.below(10) {
            0..=3 => {
                self.strange(&mut secret);
                directives(&secret).join(",").into_bytes()
            }
            4 => {
                length = LONGEST + self.rng.below(2);
                directives(&secret).join(",").into_bytes()
            }
            5 => {
                // Said otherwise than proved.
                let mut other = secret.clone();
                self.strange(&mut other);
                directives(&other).join(",").into_bytes()
            }
            _ => self.tampered(directives(&secret)),
        };
        Answer { secret, text, length }
    }

    fn answer(&mut self, odd: usize) -> Request {
        let answer = if self.rng.chance(odd) { self.odd_answer() } else { self.plain_answer() };
        sasl(Field::Answer(Box::new(answer)))
    }

    /// What an exchange begins with.
    fn first_token(&mut self, odd: usize) -> Request {
        if !self.rng.chance(odd) {
            return sasl(bytes(b""));
        }
        match self.rng.below(6) {
            0 => sasl(Field::Buffer(None)),
            1 => sasl(bytes(b"token")),
            2 => sasl(bytes(&[b' '; LONGEST])),
            3 => sasl(bytes(&[b' '; LONGEST + 1])),
            _ => self.answer(0),
        }
    }

    /// A token that is no answer.
    fn garbage(&mut self) -> Request {
        sasl(match self.rng.below(6) {
            0 => Field::Buffer(None),
            1 => bytes(b""),
            2 => bytes(&[0xFF, 0, b'=', 0xC3]),
            3 => bytes(b"rspauth=00000000000000000000000000000000"),
            4 => bytes(b",, ,"),
            _ => bytes(&[b' '; LONGEST + 1]),
        })
    }

    /// A step of SASL, answered before what else is on its way, hence first; then some requests.
    fn sasl_send(&mut self, client: usize, token: Request) {
        let mut requests = vec![token];
        if self.rng.chance(40) {
            requests.push(Request::new(ops::WHO_AM_I, Vec::new()));
        }
        if self.rng.chance(30) {
            requests.extend((0..1 + self.rng.below(3)).map(|_| self.request()));
        }
        self.send(client, requests);
    }

    /// A whole exchange as it should be, by somebody who is let in mostly.
    pub(super) fn log_in(&mut self, client: usize) {
        self.push(client, Action::Send(vec![sasl(bytes(b""))]));
        let answer = self.answer(0);
        self.push(client, Action::Send(vec![answer]));
        if self.rng.chance(20) {
            // Who is somebody under another scheme as well.
            let auth = self.auth();
            self.push(client, Action::Send(vec![auth]));
        }
    }

    /// A part of an exchange, or all of it, as it should be or not.
    pub(super) fn sasl_step(&mut self, client: usize) {
        match self.rng.below(10) {
            0 => {
                let token = self.first_token(50);
                self.sasl_send(client, token);
            }
            1 => {
                let token = self.answer(30);
                self.sasl_send(client, token);
            }
            2 => {
                let token = self.garbage();
                self.sasl_send(client, token);
            }
            _ => {
                // Most who had an exchange before need a new connection for the next.
                if self.rng.chance(60) {
                    self.reconnect(client);
                }
                let token = self.first_token(6);
                self.sasl_send(client, token);
                if self.rng.chance(25) {
                    self.step_of_requests(client);
                }
                let token = if self.rng.chance(8) { self.garbage() } else { self.answer(40) };
                self.sasl_send(client, token);
            }
        }
        // Whoever was refused has no connection any more.
        if self.rng.chance(50) {
            self.reconnect(client);
            if self.rng.chance(50) {
                self.log_in(client);
            }
        }
    }

    /// Somebody logs in who can be anybody to ZooKeeper.
    pub(super) fn impostor(&mut self, client: usize) -> Action {
        self.open(client);
        self.push(client, Action::Send(vec![sasl(bytes(b""))]));
        let mut secret = self.secret();
        (secret.user, secret.password) = ("dora@REALM", "dorasecret");
        secret.authzid = Some(self.rng.pick(&["bob", "root", "eve"]));
        let text = directives(&secret).join(",").into_bytes();
        let answer = Box::new(Answer { secret, text, length: 0 });
        let who = Request::new(ops::WHO_AM_I, Vec::new());
        Action::Send(vec![sasl(Field::Answer(answer)), who])
    }

    /// An access list of users.
    pub(super) fn sasl_acl(&mut self) -> Field {
        super::rights::list(self.rng.pick(&USUAL))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::differential::generate::history;

    /// All answers of many histories, as bytes.
    fn answers() -> Vec<Answer> {
        let mut all = Vec::new();
        for seed in 0..4_000 {
            for step in history(seed).steps {
                let Action::Send(requests) = step.action else {
                    continue;
                };
                all.extend(requests.into_iter().flat_map(|it| it.fields).filter_map(|field| {
                    match field {
                        Field::Answer(answer) => Some(*answer),
                        _ => None,
                    }
                }));
            }
        }
        all
    }

    #[test]
    fn everybody_logs_in_as_they_should_and_is_refused_for_each_reason() {
        let answers = answers();
        let (mut good, mut odd) = (BTreeSet::new(), BTreeSet::new());
        for Answer { secret, text, length } in &answers {
            let text = String::from_utf8(text.clone()).unwrap_or_default();
            let plain = Secret {
                user: secret.user,
                password: secret.password,
                authzid: secret.authzid,
                ..PROPER
            };
            let said = directives(secret).join(",");
            if said == text && said == directives(&plain).join(",") {
                good.insert((secret.user, secret.password));
            }
            let reasons = [
                (secret.realm != plain.realm, "realm"),
                (secret.nonce.is_some(), "nonce"),
                (secret.cnonce != plain.cnonce, "cnonce"),
                (secret.nc != plain.nc, "nc"),
                (secret.qop != plain.qop, "qop"),
                (secret.uri != plain.uri, "uri"),
                (secret.authzid.is_some_and(|it| it != secret.user), "authzid"),
                (*length > 0, "length"),
                (said != text, "text"),
            ];
            odd.extend(reasons.into_iter().filter(|it| it.0).map(|it| it.1));
            let text = format!(",{text},");
            odd.extend(MORE.iter().filter(|it| text.contains(&format!(",{it},"))));
        }
        let all: BTreeSet<_> = USERS.iter().chain(&STRANGERS).copied().collect();
        assert_eq!(good, all);
        let reasons = ["realm", "nonce", "cnonce", "nc", "qop", "uri", "authzid", "length", "text"];
        assert_eq!(odd, reasons.iter().chain(&MORE).copied().collect());
    }
}
