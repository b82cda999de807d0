//! The one table of differences that are allowed, each with its reason. Everything else fails.

use super::answer::{Kind, Line, Token};
use super::ops;

/// A difference that is allowed. `rewrite` is applied to what both servers said to one client in
/// one step, and takes the difference out of it.
pub(super) struct Allowed {
    pub(super) what: &'static str,
    pub(super) why: &'static str,
    rewrite: fn(&mut [Line]),
}

/// All of them.
pub(super) const ALLOWED: [Allowed; 2] = [
    Allowed {
        what: "names of children and of ephemerals come in another order",
        why: "ZooKeeper promises none (it is that of a hash map)",
        rewrite: sort_names,
    },
    Allowed {
        what: "events of one transaction that is no single change come in another order",
        why: "a session's ephemerals go in the order of a hash set in ZooKeeper",
        rewrite: sort_events,
    },
];

/// Whether two sides say the same once what is allowed is taken out. Gives which lines of the
/// table were needed.
pub(super) fn excused(ours: &[Line], theirs: &[Line]) -> Option<Vec<usize>> {
    let (mut ours, mut theirs) = (ours.to_vec(), theirs.to_vec());
    let mut used = Vec::new();
    for (number, allowed) in ALLOWED.iter().enumerate() {
        if ours == theirs {
            break;
        }
        let before = (ours.clone(), theirs.clone());
        (allowed.rewrite)(&mut ours);
        (allowed.rewrite)(&mut theirs);
        if before != (ours.clone(), theirs.clone()) {
            used.push(number);
        }
    }
    (ours == theirs).then_some(used)
}

fn sort_names(lines: &mut [Line]) {
    for token in lines.iter_mut().flat_map(|line| &mut line.tokens) {
        if let Token::Names(names) = token {
            names.sort();
        }
    }
}

/// Events of a multi stay in their order: only runs without the reply of a multi beside them.
fn sort_events(lines: &mut [Line]) {
    let multi = |line: &Line| matches!(line.kind, Kind::Reply { op: ops::MULTI, .. });
    if lines.iter().any(multi) {
        return;
    }
    let key = |line: &Line| line.tokens.get(1).map(|token| format!("{token:?}"));
    for run in lines
        .chunk_by_mut(|a, b| a.kind == Kind::Event && b.kind == Kind::Event && key(a) == key(b))
    {
        run.sort_by_key(|line| format!("{line:?}"));
    }
}
