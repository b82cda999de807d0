//! A replicated state with one session, and who asks.
use std::sync::Arc;

use bytes::Bytes;
use quorate_node::model::{Acl, Body, Create, ErrorCode, Id, Read, Write};
use quorate_node::model::{Action, Command, Entry, Payload};
use quorate_node::model::{Index, Password, ServerId, SessionId, Term, Wall};
use quorate_node::model::{Outcome, State};

pub(crate) const EPHEMERAL: i32 = 1;
pub(crate) const SEQUENTIAL: i32 = 2;

pub(crate) struct World {
    pub(crate) state: State,
    pub(crate) session: SessionId,
    pub(crate) attach: Index,
    pub(crate) ids: Arc<[Id]>,
}

impl World {
    pub(crate) fn new() -> World {
        let mut world = World {
            state: State::new(),
            session: SessionId(0),
            attach: Index(1),
            ids: Arc::new([]),
        };
        let opened = world.apply(Action::CreateSession {
            server: ServerId(1),
            timeout_ms: 10_000,
            password: Password([1; 16]),
        });
        world.session = opened.opened.expect("a session").session;
        world
    }

    pub(crate) fn apply(&mut self, action: Action) -> Outcome {
        let command = Command { wall: Wall(1_000), origin: None, action };
        let entry = Entry {
            term: Term(1),
            index: self.state.applied().next(),
            payload: Payload::Command(Arc::new(command)),
        };
        self.state.apply(&entry)
    }

    pub(crate) fn write(&mut self, write: Write) -> Result<Body, ErrorCode> {
        let (session, attach) = (self.session, self.attach);
        let ids = Arc::clone(&self.ids);
        let action = Action::Write { session, attach, ids, write };
        self.apply(action).result
    }

    pub(crate) fn create(&mut self, path: &str, data: &str, flags: i32) -> Result<Body, ErrorCode> {
        self.write(create(path, data, flags))
    }

    /// Ends the session.
    pub(crate) fn close(&mut self) -> Outcome {
        let (session, attach) = (self.session, None);
        self.apply(Action::CloseSession { session, attach })
    }

    pub(crate) fn read(&self, read: &Read) -> Result<Body, ErrorCode> {
        self.state.read(read, self.session, &self.ids)
    }

    /// What was kept up to date is what a restart would find.
    pub(crate) fn assert_whole(&self, when: &str) {
        let restored = State::restore(&self.state.image());
        assert_eq!(restored.digest(), self.state.digest(), "{when}");
        assert_eq!(restored.counts(), self.state.counts(), "{when}");
    }
}

/// Open to everybody.
pub(crate) fn create(path: &str, data: &str, flags: i32) -> Write {
    let anyone = Id { scheme: "world".into(), id: "anyone".into() };
    Write::Create(Create {
        path: path.into(),
        data: Some(Bytes::copy_from_slice(data.as_bytes())),
        acl: Some(vec![Acl { perms: 31, id: anyone }]),
        flags,
        ttl: None,
        with_stat: false,
    })
}

pub(crate) fn set(path: &str, data: &str) -> Write {
    Write::SetData {
        path: path.into(),
        data: Some(Bytes::copy_from_slice(data.as_bytes())),
        version: -1,
    }
}

pub(crate) fn delete(path: &str) -> Write {
    Write::Delete { path: path.into(), version: -1 }
}
