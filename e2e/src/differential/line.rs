//! What a client saw, line by line.

/// A part of a line; what differs from server to server by nature is kept apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Token {
    Text(String),
    /// Several of which no order is promised.
    Names(Vec<String>),
    /// Of a change below the history's root.
    Zxid(i64),
    /// Of a header that is about no change: the last one of the whole server.
    Last(i64),
    Session(i64),
    /// Random, made for one exchange of SASL.
    Nonce(String),
    Time(i64),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Handshake,
    Reply {
        op: i32,
        err: i32,
    },
    Event,
    /// The connection was closed, or the server kept silent.
    End,
}

/// What a client saw.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) kind: Kind,
    pub(super) tokens: Vec<Token>,
}

impl Line {
    pub(super) fn end(text: &str) -> Self {
        Line { kind: Kind::End, tokens: vec![Token::Text(text.to_owned())] }
    }
}
