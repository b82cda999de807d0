//! Requests: each op with good and odd arguments.

use super::rights::open_acl;
use super::{Maker, Theme};
use crate::differential::history::{Field, Request};
use crate::differential::ops;

/// How likely each kind of request is, in the order of [`Maker::request`].
const WEIGHTS: [usize; 21] = [18, 9, 6, 10, 6, 5, 4, 5, 8, 2, 3, 3, 3, 6, 3, 5, 2, 3, 2, 3, 1];

impl Maker {
    /// The root, and mostly some znodes below it.
    pub(super) fn plant(&mut self) -> Vec<Request> {
        let mut requests = vec![persistent("$", open_acl())];
        for (path, percent) in [("$/a", 85), ("$/b", 70), ("$/a/x", 60)] {
            if self.rng.chance(percent) {
                let acl = self.acl();
                requests.push(persistent(path, acl));
            }
        }
        requests
    }

    /// One that may stand among others.
    pub(super) fn request(&mut self) -> Request {
        let mut weights = WEIGHTS;
        match self.theme {
            Theme::Watches => {
                for at in [3, 4, 7, 13, 14, 15] {
                    weights[at] *= 3;
                }
            }
            Theme::Rights | Theme::Sasl => {
                for at in [5, 6] {
                    weights[at] *= 5;
                }
            }
            // See `quota.rs`.
            Theme::Quotas => weights[8] = 0,
            _ => {}
        }
        let mut request = match self.rng.weighted(&weights) {
            0 => self.create(),
            1 => self.delete(),
            2 => self.watching(ops::EXISTS),
            3 => self.watching(ops::GET_DATA),
            4 => self.set_data(),
            5 => {
                let path = self.path();
                Request::new(ops::GET_ACL, vec![path])
            }
            6 => self.set_acl(),
            7 => {
                let op = self.rng.pick(&[ops::GET_CHILDREN, ops::GET_CHILDREN2]);
                self.watching(op)
            }
            8 => self.multi(),
            9 => self.multi_read(),
            10 => self.path_only(ops::SYNC),
            11 => self.path_only(ops::GET_ALL_CHILDREN_NUMBER),
            12 => self.get_ephemerals(),
            13 => self.add_watch(),
            14 => self.watcher_type(ops::CHECK_WATCHES),
            15 => self.watcher_type(ops::REMOVE_WATCHES),
            16 => Request::new(ops::WHO_AM_I, Vec::new()),
            17 => self.set_watches(),
            18 => self.shared(),
            19 => self.exists_later(),
            _ => self.reconfig(),
        };
        let odd = if self.theme == Theme::Odd { 15 } else { 1 };
        if self.rng.chance(odd) {
            self.mangle(&mut request);
        }
        request
    }

    /// One that has to stand alone: answered out of order, or the last one.
    pub(super) fn lone_request(&mut self) -> Request {
        match self.rng.weighted(&[40, 5, 4, 4, 3, 3, 2]) {
            0 => self.auth(),
            1 => {
                let mut ping = Request::new(ops::PING, Vec::new());
                ping.xid = self.rng.pick(&[Some(-2), None]);
                ping
            }
            2 => {
                let path = self.path();
                let version = self.version();
                Request::new(ops::CHECK, vec![path, version])
            }
            3 => {
                let op = self.rng.pick(&[0, 10, 23, 99, 108, 1000, -1, -2, i32::MAX, i32::MIN]);
                let path = self.path();
                Request::new(op, vec![path, Field::Int(0)])
            }
            4 => {
                let token = self.rng.pick(&[&b""[..], b"token"]);
                let token = Field::Buffer(Some(token.to_vec()));
                Request::new(ops::SASL, vec![token])
            }
            5 => self.second_handshake(),
            _ => Request::new(ops::CLOSE, Vec::new()),
        }
    }

    /// Refused before anything of it is looked at, for it is off.
    fn reconfig(&mut self) -> Request {
        let list = self.rng.pick(&[None, Some(""), Some("server.9=h:1:2;3"), Some("9")]);
        let list = Field::Text(list.map(|it| it.as_bytes().to_vec()));
        let version = Field::Long(self.rng.pick(&[-1, 0, 1 << 33]));
        let fields = vec![list.clone(), Field::Text(None), list, version];
        Request::new(ops::RECONFIG, fields)
    }

    pub(super) fn delete_container(&mut self) -> Request {
        let path = self.path();
        Request::new(ops::DELETE_CONTAINER, vec![path])
    }

    fn data(&mut self) -> Field {
        Field::Buffer(match self.rng.below(5) {
            0 => None,
            1 => Some(Vec::new()),
            2 => Some(vec![0, 255, 10]),
            _ => Some(b"data".to_vec()),
        })
    }

    fn version(&mut self) -> Field {
        Field::Int(self.rng.pick(&[-1, -1, -1, 0, 0, 1, 2, 7, -2, i32::MAX, i32::MIN]))
    }

    fn watch(&mut self) -> Field {
        let often = if self.theme == Theme::Watches { 70 } else { 30 };
        let set = self.rng.chance(often);
        Field::Byte(if set { self.rng.pick(&[1, 1, 1, 2, 255]) } else { 0 })
    }

    pub(super) fn create(&mut self) -> Request {
        let (op, fields) = self.create_fields();
        Request::new(op, fields)
    }

    fn create_fields(&mut self) -> (i32, Vec<Field>) {
        let op = self.rng.pick(&[
            ops::CREATE,
            ops::CREATE,
            ops::CREATE,
            ops::CREATE2,
            ops::CREATE2,
            ops::CREATE_CONTAINER,
            ops::CREATE_TTL,
        ]);
        let flags = match (op, self.rng.chance(8)) {
            (_, true) => self.rng.pick(&[-1, 0, 1, 2, 3, 4, 5, 6, 7, 8, 64, i32::MAX, i32::MIN]),
            (ops::CREATE_CONTAINER, _) => 4,
            (ops::CREATE_TTL, _) => self.rng.pick(&[5, 6]),
            _ => self.rng.pick(&[0, 0, 0, 0, 1, 1, 2, 3]),
        };
        let path = match flags {
            2 | 3 | 6 if self.rng.chance(80) => {
                Field::text(self.rng.pick(&["$/a/n", "$/n", "$/b/", "$/a/x/"]))
            }
            2 | 3 | 6 => {
                // Beside the root they would be numbered for all histories together.
                Field::text(self.rng.pick(&["$/a/x", "$/a/x/deep", "$/", "$//a", "a", "$/a\0b"]))
            }
            _ => self.path(),
        };
        let (data, acl) = (self.data(), self.acl());
        let mut fields = vec![path, data, acl, Field::Int(flags)];
        if op == ops::CREATE_TTL {
            // A TTL that is none, of a znode that should have none, ends ZooKeeper.
            let good = flags != 5 && flags != 6;
            let ttl = if good {
                3_600_000
            } else {
                self.rng.pick(&[
                    3_600_000,
                    3_600_000,
                    3_600_000,
                    0,
                    -1,
                    (1 << 40) - 1,
                    1 << 40,
                    i64::MAX,
                    i64::MIN,
                ])
            };
            fields.push(Field::Long(ttl));
        }
        (op, fields)
    }

    pub(super) fn delete(&mut self) -> Request {
        let (path, version) = (self.path(), self.version());
        Request::new(ops::DELETE, vec![path, version])
    }

    pub(super) fn watching(&mut self, op: i32) -> Request {
        let (path, watch) = (self.path(), self.watch());
        Request::new(op, vec![path, watch])
    }

    fn exists_later(&mut self) -> Request {
        let path = self.good_path();
        Request::new(ops::EXISTS, vec![path, Field::Byte(1)])
    }

    pub(super) fn set_data(&mut self) -> Request {
        let (path, data, version) = (self.path(), self.data(), self.version());
        Request::new(ops::SET_DATA, vec![path, data, version])
    }

    fn set_acl(&mut self) -> Request {
        let (path, mut acl, version) = (self.path(), self.acl(), self.version());
        if self.rng.chance(3) {
            let mut line = self.acl_line();
            line[1 + self.rng.below(2)] = Field::Text(None);
            acl = Field::List(Some(vec![line]));
        }
        Request::new(ops::SET_ACL, vec![path, acl, version])
    }

    fn path_only(&mut self, op: i32) -> Request {
        let path = if self.rng.chance(10) { self.shared_path() } else { self.path() };
        Request::new(op, vec![path])
    }

    fn get_ephemerals(&mut self) -> Request {
        let prefix = self.rng.pick(&["", "/", "$", "$/a", "$/a/", "$/a/n", "a", "/zookeeper"]);
        Request::new(ops::GET_EPHEMERALS, vec![Field::text(prefix)])
    }

    fn add_watch(&mut self) -> Request {
        let mode = if self.rng.chance(4) {
            self.rng.pick(&[2, -1, i32::MAX])
        } else {
            self.rng.pick(&[0, 1])
        };
        let path = self.watched_path();
        Request::new(ops::ADD_WATCH, vec![path, Field::Int(mode)])
    }

    pub(super) fn watch_nothing(&mut self) -> Request {
        Request::new(ops::ADD_WATCH, vec![Field::Text(None), Field::Int(0)])
    }

    /// Never null, which see in the table of allowed differences.
    fn watched_path(&mut self) -> Field {
        match self.path() {
            Field::Text(None) => self.good_path(),
            path => path,
        }
    }

    fn watcher_type(&mut self, op: i32) -> Request {
        let kind = if self.rng.chance(4) {
            self.rng.pick(&[0, 6, -1, i32::MAX])
        } else {
            self.rng.pick(&[1, 2, 3, 3, 4, 5])
        };
        let path = self.path();
        Request::new(op, vec![path, Field::Int(kind)])
    }

    fn path_list(&mut self) -> Field {
        Field::List(match self.rng.below(6) {
            0 => None,
            1 | 2 => Some(Vec::new()),
            _ => Some((0..1 + self.rng.below(3)).map(|_| vec![self.own_path()]).collect()),
        })
    }

    /// Never the root, which other histories change meanwhile.
    fn own_path(&mut self) -> Field {
        match self.path() {
            Field::Text(Some(path)) if path.is_empty() => self.good_path(),
            path => path,
        }
    }

    pub(super) fn set_watches(&mut self) -> Request {
        let since = match self.rng.below(6) {
            0 => Field::Long(0),
            1 => Field::Long(self.rng.pick(&[-1, i64::MAX, i64::MIN])),
            _ => Field::Zxid(self.moment()),
        };
        let op = self.rng.pick(&[ops::SET_WATCHES, ops::SET_WATCHES2]);
        let lists = if op == ops::SET_WATCHES { 3 } else { 5 };
        let mut fields = vec![since];
        for list in 0..lists {
            fields.push(match list {
                0..=2 => self.path_list(),
                _ => Field::List(Some(
                    (0..self.rng.below(4)).map(|_| vec![self.watched_path()]).collect(),
                )),
            });
        }
        Request::new(op, fields)
    }

    /// Reads of what all histories share, and writes to it that must fail.
    fn shared(&mut self) -> Request {
        let path = self.shared_path();
        let fails = Field::Int(7_777);
        match self.rng.below(9) {
            0 => Request::new(ops::EXISTS, vec![path, Field::Byte(0)]),
            1 => Request::new(ops::GET_CHILDREN, vec![path, Field::Byte(0)]),
            2 => Request::new(ops::GET_CHILDREN2, vec![path, Field::Byte(0)]),
            3 => Request::new(ops::GET_ACL, vec![path]),
            4 => Request::new(ops::SET_DATA, vec![path, Field::Buffer(None), fails]),
            5 => Request::new(ops::SET_ACL, vec![path, open_acl(), fails]),
            6 => Request::new(ops::DELETE, vec![path, fails]),
            7 => Request::new(
                ops::CREATE,
                vec![path, Field::Buffer(None), Field::List(None), Field::Int(0)],
            ),
            _ => {
                let path = Field::text(self.rng.pick(&["/", "/zookeeper", "/zookeeper/config"]));
                let fields = vec![path, Field::Buffer(None), open_acl(), Field::Int(0)];
                Request::new(ops::CREATE2, fields)
            }
        }
    }

    fn multi_header(&mut self, op: i32) -> Vec<Field> {
        vec![Field::Int(op), Field::Byte(0), Field::Int(-1)]
    }

    pub(super) fn multi(&mut self) -> Request {
        let mut fields = Vec::new();
        for _ in 0..self.rng.below(5) {
            let (op, body) = match self.rng.below(12) {
                0..=4 => self.create_fields(),
                5 | 6 => (ops::DELETE, self.delete().fields),
                7 | 8 => (ops::SET_DATA, self.set_data().fields),
                9 | 10 => {
                    let (path, version) = (self.path(), self.version());
                    (ops::CHECK, vec![path, version])
                }
                _ if self.theme == Theme::Odd => {
                    let op = self.rng.pick(&[ops::GET_DATA, ops::SET_ACL, ops::MULTI, 20, 99, -1]);
                    (op, self.watching(op).fields)
                }
                _ => (ops::CREATE2, self.simple_create()),
            };
            fields.extend(self.multi_header(op));
            fields.extend(body);
        }
        fields.extend([Field::Int(-1), Field::Byte(1), Field::Int(-1)]);
        Request::new(ops::MULTI, fields)
    }

    fn simple_create(&mut self) -> Vec<Field> {
        let (path, data) = (self.good_path(), self.data());
        vec![path, data, open_acl(), Field::Int(0)]
    }

    fn multi_read(&mut self) -> Request {
        let mut fields = Vec::new();
        for _ in 0..self.rng.below(4) {
            let op = match self.rng.below(14) {
                0 if self.theme == Theme::Odd => {
                    self.rng.pick(&[ops::EXISTS, ops::DELETE, ops::GET_CHILDREN2])
                }
                0..=7 => ops::GET_DATA,
                _ => ops::GET_CHILDREN,
            };
            fields.extend(self.multi_header(op));
            // The root's Stat is not to be seen in the middle of an answer.
            let mut read = self.watching(op).fields;
            if matches!(read.first(), Some(Field::Text(Some(path))) if path.is_empty()) {
                read[0] = self.good_path();
            }
            fields.extend(read);
        }
        fields.extend([Field::Int(-1), Field::Byte(1), Field::Int(-1)]);
        Request::new(ops::MULTI_READ, fields)
    }
}

pub(super) fn persistent(path: &str, acl: Field) -> Request {
    let data = Field::Buffer(Some(b"first".to_vec()));
    Request::new(ops::CREATE, vec![Field::text(path), data, acl, Field::Int(0)])
}
