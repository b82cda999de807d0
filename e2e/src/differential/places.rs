//! What the members of an ensemble are called in histories about its membership. Two ensembles on
//! one machine differ in their ports: a history names them (`{4}` stands for the host, the peer
//! port and the election port of member 4, `{4 client}` for its client port, `{4 other}` for a
//! port of its own that nobody listens on), and so does what is compared.

use anyhow::{Context, Result};

use super::line::{Line, Token};

const HOST: &str = "127.0.0.1";
/// Before the version of a configuration.
const VERSION: &str = "version=";

/// The ports of one member.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub(super) peer: u16,
    /// For elections, as the configuration shows it.
    pub(super) election: u16,
    pub(super) client: u16,
    /// Where nobody listens.
    pub(super) other: u16,
}

/// All members, from number 1 on.
#[derive(Clone, Debug)]
pub(super) struct Places(pub(super) Vec<Place>);

impl Places {
    /// The text that a reconfig would be told by, with this ensemble's ports.
    pub(super) fn named(&self, text: &[u8]) -> Vec<u8> {
        if !text.contains(&b'{') {
            return text.to_vec();
        }
        let mut text = String::from_utf8_lossy(text).into_owned();
        for (place, number) in self.0.iter().zip(1..) {
            let all = format!("{HOST}:{}:{}", place.peer, place.election);
            text = text.replace(&format!("{{{number}}}"), &all);
            for (name, port) in place.names() {
                text = text.replace(&format!("{{{number} {name}}}"), &port.to_string());
            }
        }
        text.into_bytes()
    }

    /// The list of the first members as participants, as a reconfig takes it.
    pub(super) fn list(&self, count: usize) -> String {
        let lines = self.0.iter().zip(1..).take(count).map(|(place, number)| {
            let Place { peer, election, client, .. } = place;
            format!("server.{number}={HOST}:{peer}:{election}:participant;{HOST}:{client}")
        });
        lines.collect::<Vec<_>>().join("\n")
    }

    /// Names in the place of ports, in what a client saw.
    pub(super) fn nameless(&self, mut line: Line) -> Line {
        let mut tokens = Vec::new();
        for token in line.tokens {
            match token {
                Token::Text(text) if text.contains(HOST) || text.contains("server.") => {
                    let text = self.without_ports(&text);
                    tokens.extend(with_version(&text));
                }
                other => tokens.push(other),
            }
        }
        line.tokens = tokens;
        line
    }

    fn without_ports(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (place, number) in self.0.iter().zip(1..) {
            let both = format!(":{}:{}", place.peer, place.election);
            text = text.replace(&both, &format!(":<{number}>"));
            for (name, port) in place.names() {
                text = text.replace(&format!(":{port}"), &format!(":<{number} {name}>"));
            }
        }
        text
    }
}

impl Place {
    /// Of a member's line, `server.N=HOST:PEER:ELECTION:ROLE;HOST:CLIENT`. The election port is
    /// shown as `election` says, from the peer port and the given one.
    pub(super) fn of(line: &str, other: &str, election: fn(u16, u16) -> u16) -> Result<Self> {
        let (_, value) = line.split_once('=').context("a line of the list")?;
        let (server, client) = value.split_once(';').context("a client address")?;
        let mut parts = server.split(':').skip(1);
        let mut port = || parts.next().context("a port")?.parse().context("a port");
        let (peer, given): (u16, u16) = (port()?, port()?);
        let last = |address: &str| -> Result<u16> {
            let (_, port) = address.rsplit_once(':').context("an address")?;
            Ok(port.parse()?)
        };
        Ok(Place {
            peer,
            election: election(peer, given),
            client: last(client)?,
            other: last(other)?,
        })
    }

    fn names(&self) -> [(&'static str, u16); 3] {
        [("peer", self.peer), ("client", self.client), ("other", self.other)]
    }
}

/// The version that a configuration's text ends with, if it has one.
pub(super) fn version(line: &Line) -> Option<i64> {
    let pairs = line.tokens.windows(2);
    pairs.into_iter().find_map(|pair| match pair {
        [Token::Text(text), Token::Zxid(version)] if text.ends_with(VERSION) => Some(*version),
        _ => None,
    })
}

/// The version in a configuration's text as the zxid that it is.
fn with_version(text: &str) -> Vec<Token> {
    let whole = || vec![Token::Text(text.to_owned())];
    let Some((lines, rest)) = text.rsplit_once(VERSION) else {
        return whole();
    };
    let end = rest.find(|c: char| !c.is_ascii_hexdigit());
    let (digits, rest) = rest.split_at(end.unwrap_or(rest.len()));
    let Ok(version) = i64::from_str_radix(digits, 16) else {
        return whole();
    };
    vec![
        Token::Text(format!("{lines}{VERSION}")),
        Token::Zxid(version),
        Token::Text(rest.to_owned()),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::differential::line::Kind;

    fn places(first: u16) -> Places {
        let place = |at: u16| Place {
            peer: first + at,
            election: first + at + 1,
            client: first + at + 2,
            other: first + at + 3,
        };
        Places(vec![place(0), place(100)])
    }

    fn line(text: &str) -> Line {
        Line { kind: Kind::Event, tokens: vec![Token::Text(text.to_owned())] }
    }

    #[test]
    fn what_differs_in_ports_and_versions_only_is_named_alike() {
        let text = b"server.2={2}:observer;{1 other}";
        let (a, b) = (places(20_000), places(30_000));
        let told = String::from_utf8(a.named(text)).unwrap();
        assert_eq!(told, "server.2=127.0.0.1:20100:20101:observer;20003");
        let shown = |of: &Places, version: &str| {
            let told = String::from_utf8(of.named(text)).unwrap();
            let told = told.replace(';', ";0.0.0.0:");
            of.nameless(line(&format!("data=\"{told}\\nversion={version}\"")))
        };
        let (one, other) = (shown(&a, "100000003"), shown(&b, "7"));
        assert_eq!(one.tokens.first(), other.tokens.first());
        assert_eq!(version(&one), Some(0x1_0000_0003));
        assert_eq!(version(&other), Some(7));
    }

    #[test]
    fn a_members_line_says_its_ports() {
        let line = "server.3=127.0.0.1:25001:25002:participant;127.0.0.1:25000";
        let place = Place::of(line, "localhost:25004", |peer, _| peer + 1000).unwrap();
        assert_eq!(
            (place.peer, place.election, place.client, place.other),
            (25_001, 26_001, 25_000, 25_004)
        );
    }
}
