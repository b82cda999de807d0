//! What is large: frames and data at the border, many children, deep paths, many watches.

use super::Maker;
use super::raw::LONGEST;
use super::requests::persistent;
use super::rights::open_acl;
use crate::differential::history::{Action, Field, Request};
use crate::differential::ops;

/// How many children a crowd has.
const CROWD: usize = 400;
/// How long one name in it is, and how deep the deepest znode lies.
const LONG: usize = 300;
const DEEP: usize = 60;

impl Maker {
    /// One of them, and looks at it.
    pub(super) fn large_step(&mut self, client: usize) {
        let requests = match self.rng.below(6) {
            0 => vec![self.longest_frame()],
            1 => self.crowd(),
            2 => self.deep(),
            3 => self.watch_storm(),
            4 => self.long_data(),
            _ => {
                let count = 1 + self.rng.below(60);
                (0..count).map(|_| self.request_alone()).collect()
            }
        };
        self.push(client, Action::Send(requests));
    }

    /// A request filled up to what is taken, or beyond.
    fn longest_frame(&mut self) -> Request {
        let mut request = self.request();
        request.length = Some(LONGEST + self.rng.pick(&[0, 0, 1]));
        request
    }

    /// Long data; read, shortened again.
    fn long_data(&mut self) -> Vec<Request> {
        let length = self.rng.pick(&[4_096, 65_536, 1_000_000, 1_048_000]);
        let data = Field::Buffer(Some(vec![b'l'; length]));
        let write = vec![Field::text("$/a"), data, Field::Int(-1)];
        let read = vec![Field::text("$/a"), Field::Byte(0)];
        let short = vec![Field::text("$/a"), Field::Buffer(None), Field::Int(-1)];
        vec![
            Request::new(ops::SET_DATA, write),
            Request::new(ops::GET_DATA, read),
            Request::new(ops::SET_DATA, short),
        ]
    }

    /// Many children in one multi, listed and counted.
    fn crowd(&mut self) -> Vec<Request> {
        let parent = self.rng.pick(&["$/a", "$/b", "$/a/x"]);
        let flags = self.rng.pick(&[0, 1, 2, 3]);
        let name = "c".repeat(self.rng.pick(&[1, 1, LONG]));
        let mut fields = Vec::new();
        for number in 0..CROWD {
            let path = match flags {
                2 | 3 => format!("{parent}/{name}"),
                _ => format!("{parent}/{name}{number}"),
            };
            fields.extend([Field::Int(ops::CREATE), Field::Byte(0), Field::Int(-1)]);
            fields.extend([Field::text(&path), Field::Buffer(None), open_acl(), Field::Int(flags)]);
        }
        fields.extend([Field::Int(-1), Field::Byte(1), Field::Int(-1)]);
        let look = |op: i32| Request::new(op, vec![Field::text(parent), Field::Byte(0)]);
        vec![
            Request::new(ops::MULTI, fields),
            look(ops::GET_CHILDREN),
            look(ops::GET_CHILDREN2),
            Request::new(ops::GET_ALL_CHILDREN_NUMBER, vec![Field::text("$")]),
            Request::new(ops::GET_EPHEMERALS, vec![Field::text(parent)]),
        ]
    }

    fn deep(&mut self) -> Vec<Request> {
        let mut path = "$/b".to_owned();
        let mut requests = vec![persistent(&path, open_acl())];
        let name = "d".repeat(self.rng.pick(&[1, 1, LONG]));
        for _ in 0..DEEP {
            path = format!("{path}/{name}");
            requests.push(persistent(&path, open_acl()));
        }
        let look = |op: i32, path: &str| Request::new(op, vec![Field::text(path), Field::Byte(1)]);
        requests.extend([
            look(ops::EXISTS, &path),
            look(ops::GET_CHILDREN2, "$/b"),
            Request::new(ops::GET_ALL_CHILDREN_NUMBER, vec![Field::text("$/b")]),
            Request::new(ops::DELETE, vec![Field::text(&path), Field::Int(-1)]),
        ]);
        requests
    }

    /// Watches of every kind on many paths, and a multi that fires them.
    fn watch_storm(&mut self) -> Vec<Request> {
        let path = |number: usize| format!("$/c/w{number}");
        let count = 40 + self.rng.below(40);
        let create = |path: &str| {
            let path = Field::text(path);
            vec![path, Field::Buffer(None), open_acl(), Field::Int(0)]
        };
        let mut fields = Vec::new();
        let mut requests = vec![persistent("$/c", open_acl())];
        for number in 0..count {
            let watched = Field::text(&path(number));
            requests.push(match self.rng.below(3) {
                0 => Request::new(ops::EXISTS, vec![watched, Field::Byte(1)]),
                1 => Request::new(ops::ADD_WATCH, vec![watched, Field::Int(0)]),
                _ => Request::new(ops::ADD_WATCH, vec![watched, Field::Int(1)]),
            });
            fields.extend([Field::Int(ops::CREATE2), Field::Byte(0), Field::Int(-1)]);
            fields.extend(create(&path(number)));
        }
        fields.extend([Field::Int(-1), Field::Byte(1), Field::Int(-1)]);
        requests.push(Request::new(ops::GET_CHILDREN, vec![Field::text("$/c"), Field::Byte(1)]));
        requests.push(Request::new(ops::MULTI, fields));
        requests
    }

    /// One behind which others may be.
    fn request_alone(&mut self) -> Request {
        loop {
            let request = self.request();
            if request.op != ops::SET_ACL {
                return request;
            }
        }
    }
}
