//! Requests as frames, appended to a buffer: many can lie in one, and none allocates anything else.

use crate::frame;
use crate::jute::Jute;
use crate::op;

/// Numbers of requests that mean something by themselves.
pub mod xid {
    /// Of an event.
    pub const EVENT: i32 = -1;
    /// Of a ping.
    pub const PING: i32 = -2;
}

/// What kind of znode is created. Source: `CreateMode`. Plain numbers: tests send some that are none.
pub mod flags {
    /// It stays.
    pub const PERSISTENT: i32 = 0;
    /// It goes with its session.
    pub const EPHEMERAL: i32 = 1;
    /// It stays, and gets a number behind its name.
    pub const PERSISTENT_SEQUENTIAL: i32 = 2;
    pub(super) const CONTAINER: i32 = 4;
    pub(super) const TTL: i32 = 5;
}

/// An entry of an access list.
#[derive(Clone, Copy, Debug)]
pub struct Acl<'a> {
    /// Bits: read 1, write 2, create 4, delete 8, admin 16.
    pub perms: i32,
    /// As `world` or `digest`.
    pub scheme: &'a str,
    /// Whom that scheme knows by this.
    pub id: &'a str,
}

/// Everybody may do everything.
pub const OPEN: &[Acl<'static>] = &[Acl { perms: 31, scheme: "world", id: "anyone" }];

/// What a client asks for.
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs, reason = "fields are named as in zookeeper.jute")]
pub enum Request<'a> {
    /// See [`flags`].
    Create {
        path: &'a str,
        data: Option<&'a [u8]>,
        acl: &'a [Acl<'a>],
        flags: i32,
    },
    /// A znode that may go once its last child has gone.
    CreateContainer {
        path: &'a str,
        data: Option<&'a [u8]>,
        acl: &'a [Acl<'a>],
    },
    /// A znode that ends after so long without a change.
    CreateTtl {
        path: &'a str,
        data: Option<&'a [u8]>,
        acl: &'a [Acl<'a>],
        ttl_ms: i64,
    },
    /// A version of -1 is any.
    Delete {
        path: &'a str,
        version: i32,
    },
    Exists {
        path: &'a str,
        watch: bool,
    },
    GetData {
        path: &'a str,
        watch: bool,
    },
    /// A version of -1 is any.
    SetData {
        path: &'a str,
        data: Option<&'a [u8]>,
        version: i32,
    },
    GetChildren {
        path: &'a str,
        watch: bool,
    },
    Sync {
        path: &'a str,
    },
    /// That a znode has this version; only in a multi.
    Check {
        path: &'a str,
        version: i32,
    },
    /// A version of -1 is any.
    Reconfig {
        joining: Option<&'a str>,
        leaving: Option<&'a str>,
        members: Option<&'a str>,
        version: i64,
    },
    Auth {
        scheme: &'a str,
        auth: &'a [u8],
    },
    Sasl {
        token: Option<&'a [u8]>,
    },
    /// Watches of before, set again by who has seen all up to this zxid.
    SetWatches {
        last_zxid: i64,
        data: &'a [&'a str],
        exist: &'a [&'a str],
        child: &'a [&'a str],
    },
    WhoAmI,
    Ping,
    /// Ends the session.
    Close,
}

impl Request<'_> {
    /// The operation's number.
    pub fn op(&self) -> i32 {
        match self {
            Request::Create { .. } => op::CREATE,
            Request::CreateContainer { .. } => op::CREATE_CONTAINER,
            Request::CreateTtl { .. } => op::CREATE_TTL,
            Request::Delete { .. } => op::DELETE,
            Request::Exists { .. } => op::EXISTS,
            Request::GetData { .. } => op::GET_DATA,
            Request::SetData { .. } => op::SET_DATA,
            Request::GetChildren { .. } => op::GET_CHILDREN,
            Request::Sync { .. } => op::SYNC,
            Request::Check { .. } => op::CHECK,
            Request::Reconfig { .. } => op::RECONFIG,
            Request::Auth { .. } => op::AUTH,
            Request::Sasl { .. } => op::SASL,
            Request::SetWatches { .. } => op::SET_WATCHES,
            Request::WhoAmI => op::WHO_AM_I,
            Request::Ping => op::PING,
            Request::Close => op::CLOSE,
        }
    }

    /// Appends its frame.
    pub fn encode(&self, xid: i32, out: &mut Vec<u8>) {
        raw(out, xid, self.op(), |out| self.body(out));
    }

    fn body(&self, out: &mut Vec<u8>) {
        match *self {
            Request::Create { path, data, acl, flags } => create(out, path, data, acl, flags),
            Request::CreateContainer { path, data, acl } => {
                create(out, path, data, acl, flags::CONTAINER);
            }
            Request::CreateTtl { path, data, acl, ttl_ms } => {
                create(out, path, data, acl, flags::TTL);
                out.long(ttl_ms);
            }
            Request::Delete { path, version } | Request::Check { path, version } => {
                out.text(path);
                out.int(version);
            }
            Request::Exists { path, watch }
            | Request::GetData { path, watch }
            | Request::GetChildren { path, watch } => {
                out.text(path);
                out.bool(watch);
            }
            Request::SetData { path, data, version } => {
                out.text(path);
                out.buffer(data);
                out.int(version);
            }
            Request::Sync { path } => out.text(path),
            Request::Reconfig { joining, leaving, members, version } => {
                for list in [joining, leaving, members] {
                    out.buffer(list.map(str::as_bytes));
                }
                out.long(version);
            }
            Request::Auth { scheme, auth } => {
                // A kind that nobody looks at.
                out.int(0);
                out.text(scheme);
                out.buffer(Some(auth));
            }
            Request::Sasl { token } => out.buffer(token),
            Request::SetWatches { last_zxid, data, exist, child } => {
                out.long(last_zxid);
                for paths in [data, exist, child] {
                    out.count(paths.len());
                    paths.iter().for_each(|path| out.text(path));
                }
            }
            Request::WhoAmI | Request::Ping | Request::Close => {}
        }
    }
}

fn create(out: &mut Vec<u8>, path: &str, data: Option<&[u8]>, acl: &[Acl<'_>], flags: i32) {
    out.text(path);
    out.buffer(data);
    out.count(acl.len());
    for entry in acl {
        out.int(entry.perms);
        out.text(entry.scheme);
        out.text(entry.id);
    }
    out.int(flags);
}

/// Appends the frame of a request whose body is written by hand.
pub fn raw(out: &mut Vec<u8>, xid: i32, op: i32, body: impl FnOnce(&mut Vec<u8>)) {
    frame::put(out, |out| {
        out.int(xid);
        out.int(op);
        body(out);
    });
}

/// Appends the frame of a multi: all of the parts, or none. Source: `MultiHeader`.
pub fn multi<'a>(out: &mut Vec<u8>, xid: i32, parts: impl IntoIterator<Item = Request<'a>>) {
    let head = |out: &mut Vec<u8>, op: i32, done: bool| {
        out.int(op);
        out.bool(done);
        out.int(-1);
    };
    raw(out, xid, op::MULTI, |out| {
        for part in parts {
            head(out, part.op(), false);
            part.body(out);
        }
        head(out, -1, true);
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(request: Request<'_>) -> Vec<u8> {
        let mut out = Vec::new();
        request.encode(7, &mut out);
        out
    }

    /// A text behind its length, as it is on the wire.
    fn text(text: &str) -> Vec<u8> {
        [&[0, 0, 0, text.len() as u8][..], text.as_bytes()].concat()
    }

    /// A request's frame, from its number and body.
    fn framed(op: &[u8; 4], body: &[u8]) -> Vec<u8> {
        [&[0, 0, 0, body.len() as u8 + 8][..], &[0, 0, 0, 7], op, body].concat()
    }

    #[test]
    fn requests_are_as_zookeepers_client_sends_them() {
        let create = Request::Create { path: "/a", data: Some(b"b"), acl: OPEN, flags: 3 };
        let open = [&[0, 0, 0, 1, 0, 0, 0, 31][..], &text("world"), &text("anyone")].concat();
        let made = [&text("/a")[..], &text("b"), &open].concat();
        let body = [&made[..], &[0, 0, 0, 3]].concat();
        assert_eq!(bytes(create), framed(&[0, 0, 0, 1], &body));
        let ttl = Request::CreateTtl { path: "/a", data: Some(b"b"), acl: OPEN, ttl_ms: 258 };
        let body = [&made[..], &[0, 0, 0, 5], &[0, 0, 0, 0, 0, 0, 1, 2]].concat();
        assert_eq!(bytes(ttl), framed(&[0, 0, 0, 21], &body));
        let container = Request::CreateContainer { path: "/a", data: Some(b"b"), acl: OPEN };
        let body = [&made[..], &[0, 0, 0, 4]].concat();
        assert_eq!(bytes(container), framed(&[0, 0, 0, 19], &body));
        let set = Request::SetData { path: "/a", data: None, version: -1 };
        let body = [&text("/a")[..], &[0xFF; 4], &[0xFF; 4]].concat();
        assert_eq!(bytes(set), framed(&[0, 0, 0, 5], &body));
        let get = Request::GetData { path: "/a", watch: true };
        assert_eq!(bytes(get), framed(&[0, 0, 0, 4], &[&text("/a")[..], &[1]].concat()));
        let auth = Request::Auth { scheme: "digest", auth: b"u:p" };
        let body = [&[0; 4][..], &text("digest"), &text("u:p")].concat();
        assert_eq!(bytes(auth), framed(&[0, 0, 0, 100], &body));
        let change =
            Request::Reconfig { joining: Some("x"), leaving: None, members: None, version: 1 };
        let body = [&text("x")[..], &[0xFF; 8], &[0, 0, 0, 0, 0, 0, 0, 1]].concat();
        assert_eq!(bytes(change), framed(&[0, 0, 0, 16], &body));
        let again =
            Request::SetWatches { last_zxid: 1, data: &["/a"], exist: &[], child: &["/b", "/c"] };
        let (one, none, two) = ([0, 0, 0, 1], [0; 4], [0, 0, 0, 2]);
        let body =
            [&[0, 0, 0, 0][..], &one, &one, &text("/a"), &none, &two, &text("/b"), &text("/c")];
        assert_eq!(bytes(again), framed(&[0, 0, 0, 101], &body.concat()));
        assert_eq!(bytes(Request::Close), framed(&[0xFF, 0xFF, 0xFF, 0xF5], &[]));
    }

    #[test]
    fn a_multi_is_its_parts_between_heads_and_an_end() {
        let mut out = vec![9];
        let check = Request::Check { path: "/a", version: 2 };
        multi(&mut out, 7, [check, Request::Delete { path: "/b", version: -1 }]);
        let head = |op: u8| [&[0, 0, 0, op][..], &[0], &[0xFF; 4]].concat();
        let end = [&[0xFF; 4][..], &[1], &[0xFF; 4]].concat();
        let body =
            [&head(13)[..], &text("/a"), &[0, 0, 0, 2], &head(2), &text("/b"), &[0xFF; 4], &end];
        assert_eq!(out, [vec![9], framed(&[0, 0, 0, 14], &body.concat())].concat());
    }

    #[test]
    fn a_buffer_that_is_large_enough_is_not_given_up() {
        let mut out = Vec::with_capacity(1_000);
        let before = out.as_ptr();
        for xid in 0..100 {
            out.clear();
            Request::SetData { path: "/a", data: Some(&[7; 200]), version: xid }
                .encode(xid, &mut out);
            assert_eq!(out.as_ptr(), before);
        }
    }
}
