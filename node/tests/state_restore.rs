//! A restored image is the state it was taken of.
use std::sync::Arc;

use bytes::Bytes;
use quorate_node::core::entry::{Action, Command, Entry, Payload};
use quorate_node::core::op::{Acl, Create, Id, Write};
use quorate_node::core::state::State;
use quorate_node::core::types::{Index, Password, ServerId, SessionId, Term, Wall};

fn entry(index: u64, action: Action) -> Entry {
    let command = Command {
        wall: Wall(1_000 + index as i64),
        origin: None,
        action,
    };
    Entry {
        term: Term(1),
        index: Index(index),
        payload: Payload::Command(Arc::new(command)),
    }
}

fn create(path: &str, flags: i32) -> Write {
    let anyone = Id {
        scheme: "world".into(),
        id: "anyone".into(),
    };
    Write::Create(Create {
        path: path.into(),
        data: Some(Bytes::from_static(b"x")),
        acl: Some(vec![Acl {
            perms: 31,
            id: anyone,
        }]),
        flags,
        ttl: None,
        with_stat: true,
    })
}

#[test]
fn a_restored_image_has_the_digest_of_the_state() {
    let mut state = State::new();
    assert_eq!(
        State::restore(&state.image()).digest(),
        state.digest(),
        "empty"
    );
    let opened = state.apply(&entry(
        1,
        Action::CreateSession {
            server: ServerId(1),
            timeout_ms: 10_000,
            password: Password([1; 16]),
        },
    ));
    let session: SessionId = opened.opened.expect("a session").session;
    let steps = [
        create("/a", 0),
        create("/a/b", 0),
        create("/a/s-", 2),
        create("/e", 1),
        Write::SetData {
            path: "/a".into(),
            data: None,
            version: -1,
        },
        Write::Delete {
            path: "/a/b".into(),
            version: -1,
        },
        Write::Multi(vec![
            create("/a/m", 0),
            Write::Delete {
                path: "/none".into(),
                version: 0,
            },
        ]),
        create("/a/b", 0),
    ];
    for (n, write) in steps.into_iter().enumerate() {
        let text = format!("{write:?}");
        let (attach, ids) = (Index(1), Arc::from([]));
        state.apply(&entry(
            2 + n as u64,
            Action::Write {
                session,
                attach,
                ids,
                write,
            },
        ));
        assert_eq!(
            State::restore(&state.image()).digest(),
            state.digest(),
            "after {text}"
        );
    }
    state.apply(&entry(
        20,
        Action::CloseSession {
            session,
            attach: None,
        },
    ));
    assert_eq!(
        State::restore(&state.image()).digest(),
        state.digest(),
        "after closing"
    );
}
