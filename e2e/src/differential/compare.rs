//! Holds two transcripts against each other.

use std::collections::BTreeMap;
use std::fmt;

use super::allowed;
use super::history::History;
use super::line::{Line, Token};
use super::play::Transcript;

/// The first step in which two servers differ.
#[derive(Clone, Debug)]
pub(super) struct Difference {
    /// Its place in the history.
    pub(super) at: usize,
    pub(super) client: usize,
    pub(super) theirs: Vec<Line>,
    pub(super) ours: Vec<Line>,
}

/// Finds the first difference that is not allowed; counts those that are.
pub(super) fn compare(
    history: &History,
    theirs: &Transcript,
    ours: &Transcript,
    used: &mut BTreeMap<usize, usize>,
) -> Option<Difference> {
    let pairs = theirs.steps.iter().zip(&ours.steps);
    for (at, (step, (their, our))) in history.steps.iter().zip(pairs).enumerate() {
        let mut clients: Vec<usize> = their.keys().chain(our.keys()).copied().collect();
        clients.sort_unstable();
        clients.dedup();
        for client in clients {
            let lines =
                |of: &BTreeMap<usize, Vec<Line>>| of.get(&client).cloned().unwrap_or_default();
            let (theirs, ours) = (lines(their), lines(our));
            if theirs == ours {
                continue;
            }
            match allowed::excused(&step.action, &ours, &theirs) {
                Some(rules) => {
                    for rule in rules {
                        *used.entry(rule).or_default() += 1;
                    }
                }
                None => {
                    return Some(Difference { at, client, theirs, ours });
                }
            }
        }
    }
    None
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, token) in self.tokens.iter().enumerate() {
            if at > 0 {
                write!(f, " ")?;
            }
            match token {
                Token::Text(text) => write!(f, "{text}")?,
                Token::Names(names) => write!(f, "[{}]", names.join(", "))?,
                other => write!(f, "{other:?}")?,
            }
        }
        Ok(())
    }
}
