//! The replicated state as blocks.

use std::sync::Arc;

use bytes::{Buf, Bytes};
use quorate_node::model::Action;
use quorate_node::model::Lifetime;
use quorate_node::model::Snapshot;
use quorate_node::model::SnapshotMeta;
use quorate_node::model::State;
use quorate_node::model::{Acl, Create, Id, Write};
use quorate_node::model::{Index, Password, ServerId, Term};
use quorate_node::wire::jute::Malformed;
use quorate_node::wire::snapshot::{Decoder, Encoder};

use crate::clients::apply;
use crate::values::{self, complete, variants};

variants!(lifetimes of Lifetime:
    Lifetime::Persistent => "persistent",
    Lifetime::Ephemeral(_) => "ephemeral",
    Lifetime::Container => "container",
    Lifetime::Ttl(_) => "ttl",
);

/// A state of a session and of znodes of every kind, and a place where one was removed.
pub(crate) fn state() -> State {
    let mut state = State::new();
    let open = Action::CreateSession {
        server: ServerId(1),
        timeout_ms: 10_000,
        password: Password([9; 16]),
    };
    let session = apply(&mut state, open).expect("sessions are opened");
    let acl = vec![Acl { perms: 31, id: Id { scheme: "world".into(), id: "anyone".into() } }];
    let kinds = [("/gone", 0), ("/a", 0), ("/a/e", 1), ("/c", 4), ("/t", 5)];
    let mut writes: Vec<Write> = kinds
        .map(|(path, flags)| {
            Write::Create(Create {
                path: path.into(),
                data: Some(Bytes::from_static(b"some data")),
                acl: Some(acl.clone()),
                flags,
                ttl: (flags == 5).then_some(60_000),
                with_stat: true,
            })
        })
        .into();
    writes.push(Write::Delete { path: "/gone".into(), version: -1 });
    for write in writes {
        let write = Action::Write { session, attach: Index(1), ids: Arc::from([]), write };
        apply(&mut state, write);
    }
    state
}

pub(crate) fn of(state: &State) -> Arc<Snapshot> {
    let meta = SnapshotMeta { index: state.applied(), term: Term(3), config: values::config() };
    let image = state.image();
    Arc::new(Snapshot { meta, image })
}

fn blocks(snapshot: Arc<Snapshot>) -> Vec<Bytes> {
    let mut encoder = Encoder::new(snapshot);
    std::iter::from_fn(|| encoder.next_block()).collect()
}

fn decode(blocks: &[Bytes]) -> Result<Snapshot, Malformed> {
    let mut decoder = Decoder::default();
    for block in blocks {
        decoder.push_block(block.clone())?;
    }
    decoder.finish()
}

/// All blocks, each behind its length. Checksums are the files' and streams' own.
pub(crate) fn snapshots() -> Vec<Vec<u8>> {
    [state(), State::new()]
        .map(|state| {
            let block = |block: Bytes| [&(block.len() as u32).to_be_bytes(), &block[..]].concat();
            blocks(of(&state)).into_iter().flat_map(block).collect()
        })
        .to_vec()
}

pub(crate) fn snapshot(bytes: &[u8]) {
    let mut rest = Bytes::copy_from_slice(bytes);
    let mut found = Vec::new();
    while rest.len() >= 4 {
        let length = rest.get_u32() as usize;
        found.push(rest.split_to(length.min(rest.len())));
    }
    let Ok(snapshot) = decode(&found) else {
        return;
    };
    let again = blocks(Arc::new(snapshot));
    let twice = decode(&again).expect("what was written is read");
    assert_eq!(blocks(Arc::new(twice)), again);
}

#[test]
fn every_kind_of_znode_is_in_the_snapshot() {
    let image = state().image();
    let places = image.chunks.iter().flat_map(|it| &it.znodes);
    assert!(places.clone().any(Option::is_none), "and a free place");
    let found: Vec<Lifetime> = places.flatten().map(|it| it.lifetime).collect();
    complete(&found, lifetimes::of, lifetimes::ALL);
}
