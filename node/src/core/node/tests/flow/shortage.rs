//! Little memory, or little space on the disk.

use super::*;

#[test]
fn while_disk_or_memory_is_short_new_data_is_refused_and_the_rest_goes_on() {
    let mut alone = Alone::new(options(|_| {}));
    let conn = alone.connect(1);
    let codes = |alone: &mut Alone, ops: Vec<Op>| -> Vec<ErrorCode> {
        alone.sent.clear();
        alone.ask(conn, ops);
        let codes = alone.sent.iter().filter_map(|effect| match effect {
            Effect::Client { frame: ServerFrame::Reply(reply), .. } => Some(reply.err),
            _ => None,
        });
        codes.collect()
    };
    let set = Op::Write(Write::SetData { path: "/a".to_owned(), data: None, version: -1 });
    let delete = Op::Write(Write::Delete { path: "/a".to_owned(), version: -1 });
    let multi = Op::Write(Write::Multi(vec![create("/b", 1)]));
    let (full, ok) = (ErrorCode::QuotaExceeded, ErrorCode::Ok);
    for low in [Input::DiskLow, Input::MemoryLow] {
        alone.step(low(false));
        let make = Op::Write(create("/a", 1));
        assert_eq!(codes(&mut alone, vec![make.clone()]), [ok]);
        alone.step(low(true));
        let ops = vec![make, set.clone(), multi.clone(), Op::Read(get("/a")), delete.clone()];
        assert_eq!(codes(&mut alone, ops), [full, full, full, ok, ok]);
        alone.step(low(false));
    }
    alone.step(Input::MemoryLow(true));
    assert_eq!(codes(&mut alone, vec![Op::Close]), [ok]);
    assert_eq!(alone.node.state().counts().sessions, 0);
}

const MIB: usize = 1 << 20;

/// A server with so many znodes of 1 MiB each, all in the log since the last snapshot.
fn full(znodes: usize) -> (Alone, ConnId) {
    let mut alone = Alone::new(options(|_| {}));
    let conn = alone.connect(1);
    for n in 0..znodes {
        alone.create(conn, &format!("/{n}"), MIB);
    }
    assert!(alone.saving.is_empty(), "nothing calls for a snapshot");
    (alone, conn)
}

fn delete(alone: &mut Alone, conn: ConnId, znodes: std::ops::Range<usize>) {
    for n in znodes {
        let (path, version) = (format!("/{n}"), -1);
        alone.ask(conn, vec![Op::Write(Write::Delete { path, version })]);
    }
}

fn saved(alone: &mut Alone, bytes: Option<u64>) {
    let meta = alone.saving.pop().expect("a snapshot is being stored");
    alone.step(Input::SnapshotSaved { meta, bytes });
}

#[test]
fn short_memory_calls_for_a_snapshot_so_that_the_log_holds_no_more_what_is_deleted() {
    let (mut alone, conn) = full(40);
    alone.step(Input::MemoryLow(true));
    assert_eq!(alone.saving.len(), 1);
    saved(&mut alone, Some(1));
    delete(&mut alone, conn, 0..40);
    assert!(alone.saving.is_empty(), "deletes weigh next to nothing");
}

#[test]
fn a_short_disk_calls_for_a_snapshot_as_soon_as_it_is_smaller_than_the_log() {
    let (mut alone, conn) = full(20);
    let (call, request) = (CallId(2), AdminRequest::Snapshot);
    alone.step(Input::Admin { call, request });
    saved(&mut alone, Some(1));
    for n in 20..30 {
        alone.create(conn, &format!("/{n}"), MIB);
    }
    alone.step(Input::DiskLow(true));
    delete(&mut alone, conn, 0..15);
    assert!(alone.saving.is_empty(), "15 MiB do not make space of 10");
    delete(&mut alone, conn, 15..25);
    assert_eq!(alone.saving.len(), 1, "but 5 do");
    saved(&mut alone, Some(1));
    let (mut alone, conn) = full(3);
    alone.step(Input::DiskLow(true));
    delete(&mut alone, conn, 0..3);
    assert!(alone.saving.is_empty(), "so little is not worth it");
}

#[test]
fn a_snapshot_that_could_not_be_stored_is_tried_again_later_and_not_at_once() {
    let (mut alone, conn) = full(40);
    alone.step(Input::MemoryLow(true));
    saved(&mut alone, None);
    delete(&mut alone, conn, 0..40);
    assert!(alone.saving.is_empty());
    alone.now += 10_000;
    alone.step(Input::Tick);
    assert_eq!(alone.saving.len(), 1, "what it was to cover still counts");
}
