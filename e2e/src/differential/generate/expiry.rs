//! A session that ends because nobody is heard of it any more, at the end of a history in which no
//! other session was left alone: what it had goes, in the sight of others.

use super::rights::open_acl;
use super::{Maker, WRONG};
use crate::differential::history::{Action, Field, Handshake, Moment, Password, Request, Session};
use crate::differential::ops;

/// Of the session that will end, and that tells when it has.
const DOOMED: &str = "$/doomed";

impl Maker {
    /// What the first client leaves behind. The others look on.
    pub(super) fn plant_doomed(&mut self) {
        let mut requests = vec![ephemeral(DOOMED)];
        for path in ["$/a/e", "$/b/e", "$/e"] {
            if self.rng.chance(60) {
                requests.push(ephemeral(path));
            }
        }
        self.push(0, Action::Send(requests));
    }

    /// The end of the first client's session, and what is to be seen then.
    pub(super) fn expire(&mut self) {
        let doomed = self.sessions[0];
        for client in 1..self.sessions.len() {
            let watch =
                |op: i32, path: &str| Request::new(op, vec![Field::text(path), Field::Byte(1)]);
            let mut requests = vec![watch(ops::EXISTS, DOOMED)];
            if self.rng.chance(70) {
                requests.push(watch(ops::GET_CHILDREN, "$"));
            }
            if self.rng.chance(50) {
                requests.push(watch(ops::GET_DATA, "$/a/e"));
            }
            if self.rng.chance(50) {
                let mode = Field::Int(self.rng.pick(&[0, 1]));
                requests.push(Request::new(ops::ADD_WATCH, vec![Field::text("$"), mode]));
            }
            self.push(client, Action::Send(requests));
        }
        self.push(0, Action::Expire { witness: 1, path: DOOMED.as_bytes().to_vec() });
        let look = Request::new(ops::GET_CHILDREN2, vec![Field::text("$"), Field::Byte(0)]);
        self.push(1, Action::Send(vec![look]));
        let mut password = vec![Password::Right];
        password.extend(WRONG);
        let handshake = Handshake {
            session: doomed.map_or(Session::Unknown, Session::Of),
            password: self.rng.pick(&password),
            timeout_ms: 20_000,
            last_seen: Moment::Zero,
            read_only: self.rng.pick(&[Some(0), None]),
            member: None,
        };
        self.push(0, Action::Connect(handshake));
    }
}

fn ephemeral(path: &str) -> Request {
    let data = Field::Buffer(Some(b"mine".to_vec()));
    let fields = vec![Field::text(path), data, open_acl(), Field::Int(1)];
    Request::new(ops::CREATE, fields)
}
