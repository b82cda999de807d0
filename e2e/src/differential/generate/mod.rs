//! Makes a history of a seed. Few paths, so that clients meet on them.
//!
//! To add an op: give it a number and a line in the table of `ops.rs` (with the shape of its reply),
//! and a function in `requests.rs` that makes its body, with a place in `Maker::request` and a weight
//! in `WEIGHTS` there. A test here tells if it never comes up.
//!
//! `requests` each op · `paths` · `rights` who may do what · `sasl` who logs in · `quota` · `large` what is
//! at the border · `mangled` bodies and `raw` bytes that are no requests · `expiry` a session's end ·
//! `membership` of five servers, `reconfigs` the texts that change it.

mod expiry;
mod large;
mod mangled;
pub(super) mod membership;
mod paths;
mod quota;
mod raw;
mod reconfigs;
mod requests;
mod rights;
mod sasl;

pub(super) use rights::SUPER;
pub(super) use sasl::{JAAS, SUPER_USER};

use std::collections::BTreeMap;

use super::history::{
    Action, Field, Handshake, History, Moment, Password, Request, Session, Step, StepId,
};
use super::ops;
use super::rng::Rng;

/// What a history is about: the parts of it that are more likely than usual.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Theme {
    Plain,
    Watches,
    Sessions,
    Rights,
    Odd,
    Quotas,
    Large,
    Expiry,
    Sasl,
}

/// The themes by how often they come up. Those that take long are rare.
const THEMES: [(Theme, usize); 9] = [
    (Theme::Plain, 36),
    (Theme::Watches, 36),
    (Theme::Sessions, 36),
    (Theme::Rights, 36),
    (Theme::Odd, 36),
    (Theme::Quotas, 24),
    (Theme::Large, 4),
    (Theme::Expiry, 3),
    (Theme::Sasl, 36),
];

/// Passwords that no session has.
const WRONG: [Password; 3] = [Password::Wrong, Password::Null, Password::Short];

/// A history in the making.
struct Maker {
    rng: Rng,
    theme: Theme,
    steps: Vec<Step>,
    next: StepId,
    /// The step that opened each client's connection.
    sessions: Vec<Option<StepId>>,
    /// The step that opened the session of such a step.
    origins: BTreeMap<StepId, StepId>,
}

/// The history of a seed.
pub(super) fn history(seed: u64) -> History {
    let mut rng = Rng::new(seed);
    let theme = THEMES[rng.weighted(&THEMES.map(|it| it.1))].0;
    // Somebody has to see a session end.
    let clients = if theme == Theme::Expiry { 2 } else { 1 } + rng.below(3);
    let mut maker = Maker::new(rng, theme, clients);
    for client in 0..clients {
        maker.open(client);
    }
    if theme == Theme::Rights {
        let bob = maker.auth();
        maker.push(0, Action::Send(vec![bob]));
    }
    if theme == Theme::Sasl && maker.rng.chance(70) {
        maker.log_in(0);
    }
    let planted = maker.plant();
    maker.push(0, Action::Send(planted));
    match theme {
        Theme::Quotas => {
            let quotas = maker.plant_quotas();
            maker.push(0, Action::Send(quotas));
        }
        Theme::Expiry => maker.plant_doomed(),
        _ => {}
    }
    for _ in 0..6 + maker.rng.below(34) {
        maker.step();
    }
    if theme == Theme::Expiry {
        maker.expire();
    } else if maker.rng.chance(10) {
        maker.last_step();
    }
    History { seed, steps: maker.steps }
}

impl Maker {
    fn new(rng: Rng, theme: Theme, clients: usize) -> Self {
        Maker {
            rng,
            theme,
            steps: Vec::new(),
            next: 0,
            sessions: vec![None; clients],
            origins: BTreeMap::new(),
        }
    }

    fn push(&mut self, client: usize, action: Action) -> StepId {
        let id = self.next;
        self.next += 1;
        self.steps.push(Step { id, client, action });
        id
    }

    fn open(&mut self, client: usize) {
        let handshake = Handshake {
            session: Session::New,
            password: Password::Right,
            timeout_ms: match self.theme {
                // As short as can be.
                Theme::Expiry if client == 0 => 0,
                _ => self.rng.pick(&[20_000, 12_000, 0, -1, 99_999]),
            },
            last_seen: Moment::Zero,
            read_only: self.rng.pick(&[Some(0), Some(0), Some(1), None]),
            member: None,
        };
        let step = self.push(client, Action::Connect(handshake));
        self.origins.insert(step, step);
        self.sessions[client] = Some(step);
    }

    fn step(&mut self) {
        let client = self.rng.below(self.sessions.len());
        match self.theme {
            Theme::Expiry => return self.step_of_requests(client),
            Theme::Quotas if self.rng.chance(75) => {
                let request = self.quota_request();
                self.push(client, Action::Send(vec![request]));
                return;
            }
            Theme::Sasl if self.rng.chance(25) => return self.sasl_step(client),
            Theme::Large if self.rng.chance(12) => return self.large_step(client),
            _ => {}
        }
        let odd = if self.theme == Theme::Odd { 10 } else { 1 };
        if self.rng.chance(odd) {
            if self.rng.chance(60) {
                return self.raw_step(client);
            }
            self.stranger(client);
            return;
        }
        let odd = if self.theme == Theme::Sessions { 25 } else { 5 };
        if self.rng.chance(odd) {
            return self.session_step(client);
        }
        if self.rng.chance(6) {
            // Answered out of order by ZooKeeper, or the last that a connection says.
            let request = self.lone_request();
            self.push(client, Action::Send(vec![request]));
            return;
        }
        self.step_of_requests(client);
    }

    fn step_of_requests(&mut self, client: usize) {
        let count = if self.theme != Theme::Quotas && self.rng.chance(25) {
            2 + self.rng.below(4)
        } else {
            1
        };
        let requests = (0..count).map(|_| self.request()).collect();
        self.send(client, requests);
    }

    fn send(&mut self, client: usize, mut requests: Vec<Request>) {
        // ZooKeeper judges writes that are on their way together with a setACL by the list before it
        // or by the new one, as it happens: nothing is pipelined behind one.
        if let Some(at) = requests.iter().position(|it| it.op == ops::SET_ACL) {
            requests.truncate(at + 1);
        }
        self.push(client, Action::Send(requests));
    }

    /// Something about connections.
    fn session_step(&mut self, client: usize) {
        match self.rng.weighted(&[4, 5, 2, 2]) {
            0 => {
                self.push(client, Action::Cut);
                if self.rng.chance(80) {
                    self.reconnect(client);
                }
            }
            // On another connection, or another client's own.
            1 => self.reconnect(client),
            2 => {
                let close = Request::new(ops::CLOSE, Vec::new());
                self.push(client, Action::Send(vec![close]));
                if self.rng.chance(70) {
                    self.open(client);
                }
            }
            _ => self.open(client),
        }
    }

    /// What a server may treat otherwise than ZooKeeper, with consequences.
    fn last_step(&mut self) {
        let client = self.rng.below(self.sessions.len());
        let action = match self.rng.below(5) {
            0 => Action::Send(vec![self.delete_container()]),
            1 => Action::Send(vec![Request::new(ops::CREATE_SESSION, vec![Field::Int(10_000)])]),
            2 => Action::Send(vec![self.watch_nothing()]),
            3 if self.theme == Theme::Sasl => self.impostor(client),
            _ => Action::Connect(Handshake {
                session: self.sessions[0].map_or(Session::New, Session::Of),
                password: self.rng.pick(&WRONG),
                timeout_ms: 20_000,
                last_seen: Moment::Zero,
                read_only: Some(0),
                member: None,
            }),
        };
        self.push(client, action);
    }

    fn reconnect(&mut self, client: usize) {
        let other = self.rng.below(self.sessions.len());
        let session = match (self.rng.below(8), self.sessions[other], self.sessions[client]) {
            (0, ..) => Session::Unknown,
            (1 | 2, Some(step), _) | (_, _, Some(step)) => Session::Of(step),
            _ => Session::New,
        };
        // With a wrong password only a session that no connection has, but for the last step.
        let origin = |step: Option<StepId>| step.and_then(|step| self.origins.get(&step));
        let wanted = match session {
            Session::Of(step) => origin(Some(step)),
            Session::New | Session::Unknown => None,
        };
        let others = (0..self.sessions.len()).filter(|at| *at != client);
        let free = others.into_iter().all(|at| origin(self.sessions[at]) != wanted);
        let password = if wanted.is_some() && free && self.rng.chance(25) {
            self.push(client, Action::Cut);
            self.rng.pick(&WRONG)
        } else {
            Password::Right
        };
        let last_seen = match self.rng.below(12) {
            0 => Moment::Never,
            1..=4 => self.moment(),
            _ => Moment::Zero,
        };
        let handshake = Handshake {
            session,
            password,
            timeout_ms: self.rng.pick(&[20_000, 15_000, 0]),
            last_seen,
            read_only: self.rng.pick(&[Some(0), Some(1), None]),
            member: None,
        };
        let step = self.push(client, Action::Connect(handshake));
        let origin = match session {
            Session::Of(known) => self.origins.get(&known).copied(),
            Session::New | Session::Unknown => None,
        };
        // Refused before anything else, it leaves the client what it had.
        if !matches!(last_seen, Moment::Never) {
            self.origins.insert(step, origin.unwrap_or(step));
            self.sessions[client] = Some(step);
        }
        // As clients do: what they watched is told again, since when they know.
        let often = if self.theme == Theme::Watches { 60 } else { 10 };
        if self.rng.chance(often) {
            let watches = self.set_watches();
            self.push(client, Action::Send(vec![watches]));
        }
    }

    /// Some step that is over.
    fn moment(&mut self) -> Moment {
        let steps = usize::try_from(self.next).unwrap_or_default();
        Moment::After(StepId::try_from(self.rng.below(steps)).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_seed_makes_the_same_history_always() {
        assert_eq!(history(7).to_string(), history(7).to_string());
        assert_ne!(history(7).to_string(), history(8).to_string());
    }

    #[test]
    fn nothing_is_pipelined_behind_a_change_of_rights() {
        let mut met = 0;
        for seed in 0..400 {
            for step in history(seed).steps {
                let Action::Send(requests) = step.action else {
                    continue;
                };
                let at = requests.iter().position(|it| it.op == ops::SET_ACL);
                met += usize::from(at.is_some_and(|at| at > 0));
                assert!(at.is_none_or(|at| at + 1 == requests.len()), "seed {seed}");
            }
        }
        assert!(met > 0, "behind others it is still tried");
    }

    /// What a step is, besides requests, and what is odd about a request.
    fn kinds(action: &Action) -> Vec<&'static str> {
        let odd = |request: &Request| {
            let quota =
                |field: &Field| matches!(field, Field::Text(Some(it)) if it.first() == Some(&b'~'));
            [
                (request.cut.is_some(), "cut"),
                (request.extra > 0, "extra bytes"),
                (request.length.is_some(), "at the border"),
                (request.xid == Some(i32::MIN), "an odd xid"),
                (request.fields.iter().any(quota), "quotas"),
                (matches!(request.fields.first(), Some(Field::Bytes(_))), "noise"),
                (request.fields.iter().any(|it| matches!(it, Field::Bare(_))), "claims"),
                (request.fields.len() > 1_000, "crowds"),
            ]
        };
        match action {
            Action::Connect(_) => vec!["handshakes"],
            Action::Cut => vec!["cuts"],
            Action::Raw { cut: true, .. } => vec!["half frames"],
            Action::Raw { cut: false, .. } => vec!["bad frames"],
            Action::Stranger(_) => vec!["strangers"],
            Action::Expire { .. } => vec!["expiry"],
            Action::Send(requests) => {
                let all = requests.iter().flat_map(odd);
                all.filter(|it| it.0).map(|it| it.1).collect()
            }
        }
    }

    #[test]
    fn all_kinds_of_steps_and_of_odd_requests_come_up() {
        let mut seen = BTreeSet::new();
        for seed in 0..400 {
            for step in history(seed).steps {
                seen.extend(kinds(&step.action));
            }
        }
        let expected = [
            "an odd xid",
            "at the border",
            "bad frames",
            "claims",
            "crowds",
            "cut",
            "cuts",
            "expiry",
            "extra bytes",
            "half frames",
            "handshakes",
            "noise",
            "quotas",
            "strangers",
        ];
        assert_eq!(seen, BTreeSet::from(expected));
    }

    /// They judge by what is applied, not by what is on its way.
    #[test]
    fn with_quotas_one_write_is_made_at_a_time() {
        for seed in 0..400 {
            let (steps, quotas) = (
                history(seed).steps,
                |field: &Field| matches!(field, Field::Text(Some(it)) if it.starts_with(b"~")),
            );
            let sends = steps.iter().filter_map(|step| match &step.action {
                Action::Send(requests) => Some(requests),
                _ => None,
            });
            let mut limited = false;
            for requests in sends {
                if limited {
                    assert_eq!(requests.len(), 1, "seed {seed}");
                    assert_ne!(requests[0].op, ops::MULTI, "seed {seed}");
                }
                limited |= requests.iter().flat_map(|it| &it.fields).any(quotas);
            }
        }
    }

    #[test]
    fn all_ops_come_up() {
        let mut seen = BTreeSet::new();
        for seed in 0..400 {
            for step in history(seed).steps {
                if let Action::Send(requests) = step.action {
                    seen.extend(requests.iter().map(|it| it.op));
                }
            }
        }
        for op in ops::all() {
            assert!(seen.contains(&op), "{} is never made", ops::name(op));
        }
    }
}
