//! The one table of differences that are allowed, each with its reason. Everything else fails.

use super::answer::{Kind, Line, Token};
use super::history::{Action, Field, Password, Request};
use super::ops;

/// A difference that is allowed. `rewrite` is applied to what both servers said to one client in
/// one step, and takes the difference out of it. What makes the servers go different ways from
/// then on is only made as a history's last step.
pub(super) struct Allowed {
    pub(super) what: &'static str,
    pub(super) why: &'static str,
    rewrite: fn(&Action, &mut Vec<Line>),
}

/// All of them.
pub(super) const ALLOWED: [Allowed; 5] = [
    Allowed {
        what: "children, ephemerals, and ids of whoAmI come in another order",
        why: "ZooKeeper promises none (it is that of a hash map)",
        rewrite: sort_names,
    },
    Allowed {
        what: "events of one transaction that is no single change come in another order",
        why: "a session's ephemerals go in the order of a hash set in ZooKeeper",
        rewrite: sort_events,
    },
    Allowed {
        what: "the ops deleteContainer and createSession are unknown from a client",
        why: "they are the servers' own: ZooKeeper lets any client reap, and answers nonsense",
        rewrite: forget_own_ops,
    },
    Allowed {
        what: "a wrong password does not close the connection that has the session",
        why: "ZooKeeper closes it before it looks at the password, so whoever knows an id can",
        rewrite: forget_intrusion,
    },
    Allowed {
        what: "an access list with a null in it is an invalid one, and no marshalling error",
        why: "ZooKeeper's answer is that of a caught NullPointerException; both refuse it",
        rewrite: same_refusal,
    },
];

/// Whether two sides say the same once what is allowed is taken out. Gives which lines of the
/// table were needed.
pub(super) fn excused(action: &Action, ours: &[Line], theirs: &[Line]) -> Option<Vec<usize>> {
    let (mut ours, mut theirs) = (ours.to_vec(), theirs.to_vec());
    let mut used = Vec::new();
    for (number, allowed) in ALLOWED.iter().enumerate() {
        if ours == theirs {
            break;
        }
        let before = (ours.clone(), theirs.clone());
        (allowed.rewrite)(action, &mut ours);
        (allowed.rewrite)(action, &mut theirs);
        if before != (ours.clone(), theirs.clone()) {
            used.push(number);
        }
    }
    (ours == theirs).then_some(used)
}

fn sort_names(_: &Action, lines: &mut Vec<Line>) {
    for token in lines.iter_mut().flat_map(|line| &mut line.tokens) {
        if let Token::Names(names) = token {
            names.sort();
        }
    }
}

/// Events of a multi stay in their order: only runs without the reply of a multi beside them.
fn sort_events(_: &Action, lines: &mut Vec<Line>) {
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

fn forget_own_ops(action: &Action, lines: &mut Vec<Line>) {
    let own = |op: i32| matches!(op, ops::DELETE_CONTAINER | ops::CREATE_SESSION);
    if matches!(action, Action::Send(requests) if requests.iter().any(|it| own(it.op))) {
        lines.clear();
    }
}

fn forget_intrusion(action: &Action, lines: &mut Vec<Line>) {
    let Action::Connect(handshake) = action else {
        return;
    };
    if !matches!(handshake.password, Password::Right) {
        lines.retain(|line| line.kind != Kind::End);
    }
}

fn same_refusal(action: &Action, lines: &mut Vec<Line>) {
    let null = |field: &Field| matches!(field, Field::Text(None));
    let has_null = |request: &Request| match request.fields.get(1) {
        Some(Field::List(Some(list))) => list.iter().flatten().any(null),
        _ => false,
    };
    if !matches!(action, Action::Send(requests) if requests.iter().any(has_null)) {
        return;
    }
    for line in lines {
        if let Kind::Reply {
            op: ops::SET_ACL,
            err: -5 | -114,
        } = line.kind
        {
            *line = Line::end("setACL: refused");
        }
    }
}
