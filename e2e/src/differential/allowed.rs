//! The one table of differences that are allowed, each with its reason. Everything else fails.

use super::history::{Action, Field, Password, Request};
use super::line::{Kind, Line, Token};
use super::ops;

/// A difference that is allowed. `rewrite` is applied to what both servers said to one client in
/// one step, and takes the difference out of it. What makes the servers go different ways from
/// then on is only made as a history's last step.
pub(super) struct Allowed {
    pub(super) what: &'static str,
    pub(super) why: &'static str,
    rewrite: fn(&Action, Vec<Line>) -> Vec<Line>,
}

/// All of them.
pub(super) const ALLOWED: [Allowed; 16] = [
    Allowed {
        what: "children, ephemerals, and ids of whoAmI come in another order",
        why: "ZooKeeper promises none (it is that of a hash map)",
        rewrite: sort_names,
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
    Allowed {
        what: "a null path cannot be watched",
        why: "ZooKeeper keeps such a watch, which can never fire",
        rewrite: forget_null_watch,
    },
    Allowed {
        what: "a multiRead that is refused as a whole has no body",
        why: "ZooKeeper sends what it had read so far behind the error; no client looks at it",
        rewrite: forget_half_answers,
    },
    Allowed {
        what: "a sync of a null path is a marshalling error",
        why: "ZooKeeper echoes the null; no client sends it",
        rewrite: forget_null_sync,
    },
    Allowed {
        what: "characters beyond U+FFFF are sent as UTF-8",
        why: "Java's writer makes two surrogates of one, which no reader takes, its own neither",
        rewrite: proper_utf8,
    },
    Allowed {
        what: "lines of an access list that `auth` became come in another order, and none twice",
        why: "that of ZooKeeper is of a hash set, and it looks for repeats before it puts the ids in",
        rewrite: same_expansion,
    },
    Allowed {
        what: "who proves the password of a name with a realm is that user, whatever authzid says",
        why: "ZooKeeper has no rule for such a name and takes the authzid, so its holder is anybody",
        rewrite: forget_impostor,
    },
    Allowed {
        what: "the configuration's Stat has no mtime",
        why: "members are changed by no write, and each ZooKeeper takes its own clock",
        rewrite: forget_mtime,
    },
    Allowed {
        what: "the configuration's servers come in another order",
        why: "ZooKeeper's is that of a hash map, here they are sorted",
        rewrite: sort_servers,
    },
    Allowed {
        what: "a reconfig is told once to persistent watches",
        why: "ZooKeeper sets the configuration when it takes effect, and again as its write",
        rewrite: tell_once,
    },
    Allowed {
        what: "a list with groups or weights in it is refused as arguments",
        why: "there are no hierarchical quorums, so nothing of them is read",
        rewrite: same_refusal_of_groups,
    },
    Allowed {
        what: "who may not reconfig is told so before a quorum is looked for",
        why: "the permission is looked at in the log, and a quorum is waited for",
        rewrite: same_refusal_of_nobody,
    },
    // The last one: order is taken out of what is the same by now.
    Allowed {
        what: "events of one transaction that is no single change come in another order",
        why: "a session's ephemerals go in the order of a hash set in ZooKeeper",
        rewrite: sort_events,
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
        ours = (allowed.rewrite)(action, ours);
        theirs = (allowed.rewrite)(action, theirs);
        if before != (ours.clone(), theirs.clone()) {
            used.push(number);
        }
    }
    (ours == theirs).then_some(used)
}

fn sort_names(_: &Action, mut lines: Vec<Line>) -> Vec<Line> {
    for token in lines.iter_mut().flat_map(|line| &mut line.tokens) {
        if let Token::Names(names) = token {
            names.sort();
        }
    }
    lines
}

/// Events of a multi stay in their order: only runs without the reply of a multi beside them.
fn sort_events(_: &Action, mut lines: Vec<Line>) -> Vec<Line> {
    let multi = |line: &Line| matches!(line.kind, Kind::Reply { op: ops::MULTI, .. });
    if lines.iter().any(multi) {
        return lines;
    }
    let key = |line: &Line| line.tokens.get(1).cloned();
    // Those that setWatches makes are of no transaction.
    let none = Some(Token::Text("zxid=-1".to_owned()));
    let changed = |line: &Line| line.kind == Kind::Event && key(line) != none;
    for run in lines.chunk_by_mut(|a, b| changed(a) && changed(b) && key(a) == key(b)) {
        run.sort_by_key(|line| format!("{line:?}"));
    }
    lines
}

/// Lines beside each other that give the same permissions may have been one of `auth`.
fn same_expansion(_: &Action, mut lines: Vec<Line>) -> Vec<Line> {
    let perms = |token: &Token| match token {
        Token::Text(text) => text.split(':').next().map(str::to_owned),
        _ => None,
    };
    for line in &mut lines {
        let Kind::Reply { op: ops::GET_ACL, err: 0 } = line.kind else {
            continue;
        };
        let mut seen = Vec::new();
        line.tokens.retain(|token| {
            let acl = matches!(token, Token::Text(text) if text.contains(':'));
            let repeat = acl && seen.contains(token);
            seen.push(token.clone());
            !repeat
        });
        for run in line.tokens.chunk_by_mut(|a, b| perms(a) == perms(b)) {
            run.sort_by_key(|token| format!("{token:?}"));
        }
    }
    lines
}

fn forget_own_ops(action: &Action, mut lines: Vec<Line>) -> Vec<Line> {
    let own = |op: i32| matches!(op, ops::DELETE_CONTAINER | ops::CREATE_SESSION);
    if matches!(action, Action::Send(requests) if requests.iter().any(|it| own(it.op))) {
        lines.clear();
    }
    lines
}

fn forget_intrusion(action: &Action, mut lines: Vec<Line>) -> Vec<Line> {
    let Action::Connect(handshake) = action else {
        return lines;
    };
    if !matches!(handshake.password, Password::Right) {
        lines.retain(|line| line.kind != Kind::End);
    }
    lines
}

fn same_refusal(action: &Action, mut lines: Vec<Line>) -> Vec<Line> {
    let null = |field: &Field| matches!(field, Field::Text(None));
    let has_null = |request: &Request| match request.fields.get(1) {
        Some(Field::List(Some(list))) => list.iter().flatten().any(null),
        _ => false,
    };
    if !matches!(action, Action::Send(requests) if requests.iter().any(has_null)) {
        return lines;
    }
    for line in &mut lines {
        if let Kind::Reply { op: ops::SET_ACL, err: -5 | -114 } = line.kind {
            *line = Line::end("setACL: refused");
        }
    }
    lines
}

fn forget_null_watch(action: &Action, mut lines: Vec<Line>) -> Vec<Line> {
    let null = |request: &Request| {
        request.op == ops::ADD_WATCH && matches!(request.fields.first(), Some(Field::Text(None)))
    };
    if matches!(action, Action::Send(requests) if requests.iter().any(null)) {
        lines.clear();
    }
    lines
}

fn forget_half_answers(_: &Action, mut lines: Vec<Line>) -> Vec<Line> {
    for line in &mut lines {
        if let Kind::Reply { op: ops::MULTI_READ, err: -5 } = line.kind {
            // The op, the header, the zxid.
            line.tokens.truncate(3);
        }
    }
    lines
}

fn forget_null_sync(action: &Action, mut lines: Vec<Line>) -> Vec<Line> {
    let null = |request: &Request| {
        request.op == ops::SYNC && matches!(request.fields.first(), Some(Field::Text(None)))
    };
    if !matches!(action, Action::Send(requests) if requests.iter().any(null)) {
        return lines;
    }
    let nothing = Token::Text("null".to_owned());
    for line in &mut lines {
        let echo = line.tokens.last() == Some(&nothing);
        match line.kind {
            Kind::Reply { op: ops::SYNC, err } if echo || err == -5 => {
                *line = Line::end("sync of null");
            }
            _ => {}
        }
    }
    lines
}

fn forget_impostor(action: &Action, mut lines: Vec<Line>) -> Vec<Line> {
    let is_impostor = |field: &Field| match field {
        Field::Answer(answer) => {
            let secret = &answer.secret;
            secret.user.contains('@') && secret.authzid.is_some_and(|it| it != secret.user)
        }
        _ => false,
    };
    let mut fields = match action {
        Action::Send(requests) => requests.iter().flat_map(|it| &it.fields),
        _ => return lines,
    };
    if fields.any(is_impostor) {
        let who = |line: &Line| matches!(line.kind, Kind::Reply { op, .. } if op == ops::WHO_AM_I);
        lines.retain(|line| !who(line));
    }
    lines
}

/// What was made before anything else is reserved: no other Stat has a czxid of 0.
fn forget_mtime(_: &Action, mut lines: Vec<Line>) -> Vec<Line> {
    let text = |text: &str| Token::Text(text.to_owned());
    let stat = [text("czxid"), text("zxid=0"), text("mzxid")];
    for line in &mut lines {
        let found = line.tokens.windows(3).position(|it| *it == stat);
        // Behind them: the mzxid, a word, the ctime.
        if let Some(mtime) = found.and_then(|at| line.tokens.get_mut(at + 6)) {
            *mtime = text("t");
        }
    }
    lines
}

fn sort_servers(_: &Action, mut lines: Vec<Line>) -> Vec<Line> {
    const FIRST: &str = "data=\"server.";
    for token in lines.iter_mut().flat_map(|line| &mut line.tokens) {
        if let Token::Text(text) = token
            && text.starts_with(FIRST)
        {
            let mut servers: Vec<&str> = text["data=\"".len()..].split("\\n").collect();
            // Behind the last one stands the version.
            let last = servers.len() - 1;
            servers[..last].sort_unstable();
            *text = format!("data=\"{}", servers.join("\\n"));
        }
    }
    lines
}

fn tell_once(action: &Action, mut lines: Vec<Line>) -> Vec<Line> {
    let changed = |line: &Line| {
        let path = |token: &Token| matches!(token, Token::Text(it) if it.ends_with("\"/zookeeper/config\""));
        line.kind == Kind::Event && line.tokens.last().is_some_and(path)
    };
    if reconfigs(action).next().is_some() {
        lines.dedup_by(|a, b| a == b && changed(a));
    }
    lines
}

fn reconfigs(action: &Action) -> impl Iterator<Item = &Request> {
    let requests = match action {
        Action::Send(requests) => requests.as_slice(),
        _ => &[],
    };
    requests.iter().filter(|it| it.op == ops::RECONFIG)
}

fn same_refusal_of_groups(action: &Action, lines: Vec<Line>) -> Vec<Line> {
    let groups = |field: &Field| match field {
        Field::Text(Some(text)) => text.starts_with(b"group") || text.starts_with(b"weight"),
        _ => false,
    };
    let mut asked = reconfigs(action);
    match asked.any(|it| it.fields.get(2).is_some_and(groups)) {
        true => refused(lines, &[-5, -8]),
        false => lines,
    }
}

fn same_refusal_of_nobody(action: &Action, lines: Vec<Line>) -> Vec<Line> {
    match reconfigs(action).next() {
        Some(_) => refused(lines, &[-13, -102]),
        None => lines,
    }
}

/// One of these answers to a reconfig is as good as the other.
fn refused(mut lines: Vec<Line>, codes: &[i32]) -> Vec<Line> {
    for line in &mut lines {
        if let Kind::Reply { op: ops::RECONFIG, err } = line.kind
            && codes.contains(&err)
        {
            *line = Line::end("reconfig: refused");
        }
    }
    lines
}

/// The generator has one such character.
fn proper_utf8(_: &Action, mut lines: Vec<Line>) -> Vec<Line> {
    for token in lines.iter_mut().flat_map(|line| &mut line.tokens) {
        if let Token::Text(text) = token {
            *text = text.replace(r"\xed\xa0\xbd\xed\xb8\x80", r"\xf0\x9f\x98\x80");
        }
    }
    lines
}
