//! Takes out of a transcript what differs from server to server by nature: sessions, nonces and
//! the zxids of changes become ordinals, times are only there or not, and the last zxid of the whole server
//! only has to be as new as what the history knows.

use std::collections::{BTreeMap, BTreeSet};

use super::line::{Line, Token};
use super::play::Transcript;

/// The same with only texts and names in it.
pub(super) fn normal(transcript: Transcript) -> Transcript {
    let lines = || {
        let steps = transcript.steps.iter();
        steps.flat_map(|step| step.values().flatten())
    };
    let zxids: BTreeSet<i64> = lines()
        .flat_map(|line| &line.tokens)
        .filter_map(|token| match token {
            Token::Zxid(zxid) if *zxid > 0 => Some(*zxid),
            _ => None,
        })
        .collect();
    let mut names = Names {
        ranks: zxids.into_iter().zip(1..).collect(),
        sessions: BTreeMap::new(),
        nonces: BTreeMap::new(),
    };
    let mut known = 0;
    let mut out = Transcript::default();
    for step in transcript.steps {
        let mut highest = known;
        let mut seen = BTreeMap::new();
        for (client, lines) in step {
            // What one client saw in this step need not be seen by another one yet.
            let mut own = known;
            let lines: Vec<Line> =
                lines.into_iter().map(|line| names.line(line, &mut own)).collect();
            highest = highest.max(own);
            seen.insert(client, lines);
        }
        known = highest;
        out.steps.push(seen);
    }
    out
}

struct Names {
    ranks: BTreeMap<i64, usize>,
    sessions: BTreeMap<i64, usize>,
    nonces: BTreeMap<String, usize>,
}

impl Names {
    fn line(&mut self, line: Line, known: &mut i64) -> Line {
        let before = *known;
        let tokens = line.tokens.into_iter().map(|token| match token {
            Token::Zxid(zxid @ ..=0) => Token::Text(format!("zxid={zxid}")),
            Token::Zxid(zxid) => {
                *known = (*known).max(zxid);
                Token::Text(format!("zxid=#{}", self.rank(zxid)))
            }
            Token::Last(zxid @ ..=0) => Token::Text(format!("last={zxid}")),
            Token::Last(zxid) if zxid >= before => Token::Text("last".to_owned()),
            Token::Last(_) => Token::Text("last is behind".to_owned()),
            Token::Session(0) => Token::Text("none".to_owned()),
            Token::Session(session) => {
                let next = self.sessions.len() + 1;
                let number = *self.sessions.entry(session).or_insert(next);
                Token::Text(format!("session {number}"))
            }
            Token::Nonce(nonce) => {
                let (next, length) = (self.nonces.len() + 1, nonce.len());
                let number = *self.nonces.entry(nonce).or_insert(next);
                Token::Text(format!("nonce {number} of {length} bytes"))
            }
            Token::Time(time) => Token::Text(if time > 0 { "t" } else { "0" }.to_owned()),
            other => other,
        });
        let tokens = tokens.collect();
        Line { kind: line.kind, tokens }
    }

    fn rank(&self, zxid: i64) -> usize {
        self.ranks.get(&zxid).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::differential::line::Kind;

    fn transcript(tokens: &[Token]) -> Transcript {
        let line = Line { kind: Kind::Event, tokens: tokens.to_vec() };
        Transcript { steps: vec![BTreeMap::from([(0, vec![line])])] }
    }

    #[test]
    fn zxids_are_equal_when_they_are_in_the_same_order() {
        let a = normal(transcript(&[Token::Zxid(5), Token::Zxid(9), Token::Zxid(5)]));
        let b = normal(transcript(&[Token::Zxid(70), Token::Zxid(71), Token::Zxid(70)]));
        let c = normal(transcript(&[Token::Zxid(70), Token::Zxid(71), Token::Zxid(71)]));
        assert_eq!(a.steps, b.steps);
        assert_ne!(a.steps, c.steps);
    }

    #[test]
    fn a_header_that_is_behind_a_change_is_a_difference() {
        let with = |last: i64| {
            let mut steps = transcript(&[Token::Zxid(9)]).steps;
            steps.extend(transcript(&[Token::Last(last)]).steps);
            normal(Transcript { steps }).steps
        };
        assert_eq!(with(9), with(12));
        assert_ne!(with(9), with(8));
        assert_ne!(with(9), with(0));
        assert_ne!(with(9), with(-1));
    }
}
