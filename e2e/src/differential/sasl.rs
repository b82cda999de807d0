//! The client's side of SASL DIGEST-MD5 (RFC 2831): what a client makes of a challenge, right or
//! wrong, and whether the server proves that it knows the password, too.

use std::fmt;

use md5::{Digest, Md5};

use super::line::{Line, Token};

/// What stands in an answer's text for the challenge's nonce.
pub(super) const NONCE: &str = "{nonce}";
/// What stands there for the response that proves the password.
pub(super) const RESPONSE: &str = "{response}";

/// What a response is made of.
#[derive(Clone, Debug)]
pub(super) struct Secret {
    pub(super) user: &'static str,
    pub(super) password: &'static str,
    pub(super) realm: &'static str,
    /// `None`: the challenge's.
    pub(super) nonce: Option<&'static str>,
    pub(super) cnonce: &'static str,
    pub(super) nc: &'static str,
    pub(super) qop: &'static str,
    pub(super) uri: &'static str,
    pub(super) authzid: Option<&'static str>,
}

/// An answer to a challenge: bytes in which [`NONCE`] and [`RESPONSE`] are to be filled in.
#[derive(Clone)]
pub(super) struct Answer {
    pub(super) secret: Secret,
    pub(super) text: Vec<u8>,
    /// How long it is made at its end, by spaces.
    pub(super) length: usize,
}

/// What a connection knows of its exchange.
#[derive(Debug, Default)]
pub(super) struct Exchange {
    nonce: String,
}

fn hex(bytes: impl AsRef<[u8]>) -> String {
    let digest = Md5::digest(bytes);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// ISO 8859-1 if that has all of a text's characters, as RFC 2831 wants it.
fn latin1(text: &str) -> Vec<u8> {
    let narrow: Option<Vec<u8>> = text.chars().map(|it| u8::try_from(it).ok()).collect();
    narrow.unwrap_or_else(|| text.as_bytes().to_vec())
}

impl Secret {
    /// RFC 2831 §2.1.2.1. Without a method it is the server's proof.
    fn response(&self, method: &str, nonce: &str) -> String {
        let nonce = self.nonce.unwrap_or(nonce);
        let user = [latin1(self.user), latin1(self.realm), latin1(self.password)];
        let mut a1 = Md5::digest(user.join(&b':')).to_vec();
        for part in [nonce, self.cnonce].into_iter().chain(self.authzid) {
            a1.extend_from_slice(format!(":{part}").as_bytes());
        }
        let body = match self.qop {
            "auth-int" | "auth-conf" => ":00000000000000000000000000000000",
            _ => "",
        };
        let (a1, a2) = (hex(a1), hex(format!("{method}:{}{body}", self.uri)));
        let Secret { nc, cnonce, qop, .. } = self;
        hex(format!("{a1}:{nonce}:{nc}:{cnonce}:{qop}:{a2}"))
    }
}

impl Exchange {
    /// What an answer is in full.
    pub(super) fn answer(&self, answer: &Answer) -> Vec<u8> {
        let response = answer.secret.response("AUTHENTICATE", &self.nonce);
        let text = replace(&answer.text, NONCE, &self.nonce);
        let mut text = replace(&text, RESPONSE, &response);
        text.resize(text.len().max(answer.length), b' ');
        text
    }

    /// What the server has to say to an answer that it takes.
    pub(super) fn proof(&self, answer: &Answer) -> String {
        answer.secret.response("", &self.nonce)
    }

    /// Takes note of a challenge.
    pub(super) fn hear(&mut self, line: &Line) {
        for token in &line.tokens {
            if let Token::Nonce(nonce) = token {
                self.nonce.clone_from(nonce);
            }
        }
    }
}

fn replace(text: &[u8], from: &str, to: &str) -> Vec<u8> {
    let at = text.windows(from.len()).position(|it| it == from.as_bytes());
    match at.and_then(|at| text.split_at_checked(at)) {
        Some((head, tail)) => {
            let tail = tail.get(from.len()..).unwrap_or_default();
            [head, to.as_bytes(), tail].concat()
        }
        None => text.to_vec(),
    }
}

/// Reads a server's token: a challenge, or the proof after an answer that was taken.
pub(super) fn token(token: Option<&[u8]>, proof: Option<&str>, out: &mut Vec<Token>) {
    const BEFORE: &str = "nonce=\"";
    let text = |text: &str| Token::Text(format!("{text:?}"));
    let Some(token) = token else {
        return out.push(Token::Text("null".to_owned()));
    };
    let token = token.escape_ascii().to_string().replace("\\\"", "\"");
    if let Some(proved) = token.strip_prefix("rspauth=") {
        let right = if proof == Some(proved) { "right" } else { "wrong" };
        return out.push(Token::Text(format!("a {right} proof")));
    }
    let nonce = token.split_once(BEFORE);
    match nonce.and_then(|(head, tail)| Some((head, tail.split_once('"')?))) {
        Some((head, (nonce, tail))) => out.extend([
            text(&format!("{head}{BEFORE}")),
            Token::Nonce(nonce.to_owned()),
            text(&format!("\"{tail}")),
        ]),
        None => out.push(text(&token)),
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.text.escape_ascii();
        write!(f, "{:?} as \"{text}\"", self.secret)?;
        if self.length > 0 {
            write!(f, " made {} bytes long", self.length)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What Java's client sent to Java's server, and what that proved in return.
    #[test]
    fn a_response_is_what_java_makes_of_the_same_secret() {
        let secret = Secret {
            user: "bob",
            password: "bobsecret",
            realm: "zk-sasl-md5",
            nonce: None,
            cnonce: "aMlPfu6t+n0oVoDImh0HNeGarQ3/b+t5JrOi6yam",
            nc: "00000001",
            qop: "auth",
            uri: "zookeeper/zk-sasl-md5",
            authzid: Some("bob"),
        };
        let mut exchange = Exchange::default();
        let challenge = br#"realm="r",nonce="qkcUUrdUcxDhxW92kOW8xHbdILK5NOUzfCfpyY1f",x=y"#;
        let mut line = Line::end("");
        token(Some(challenge), None, &mut line.tokens);
        exchange.hear(&line);
        let answer = Answer {
            secret,
            text: format!("nonce={NONCE},response={RESPONSE},more").into_bytes(),
            length: 0,
        };
        assert_eq!(
            exchange.answer(&answer),
            b"nonce=qkcUUrdUcxDhxW92kOW8xHbdILK5NOUzfCfpyY1f,\
              response=6bc2c82e2bd6bd425d24d81de431241d,more"
        );
        let proof = exchange.proof(&answer);
        for (said, expected) in [
            ("2a5666e535dcf4b99d0c29213327cc24", "a right proof"),
            ("2a5666e535dcf4b99d0c29213327cc25", "a wrong proof"),
        ] {
            let mut tokens = Vec::new();
            let said = format!("rspauth={said}");
            token(Some(said.as_bytes()), Some(&proof), &mut tokens);
            assert_eq!(tokens, [Token::Text(expected.to_owned())]);
        }
    }
}
