//! How much clients watch.

use super::*;

#[test]
fn who_watches_most_is_let_go_when_all_watch_too_much_and_the_others_keep_theirs() {
    let mut alone = Alone::new(options(|it| it.watch_bytes = 1_000_000));
    let (greedy, modest) = (alone.connect(1), alone.connect(2));
    let exists = |path: String| Op::Read(Read::Exists { path, watch: true });
    alone.ask(modest, vec![exists("/a".to_owned())]);
    alone.ask(greedy, (0..2_000).map(|n| exists(format!("/{n}"))).collect());
    let closed = |sent: &[Effect], whom: ConnId| {
        sent.iter().any(|effect| {
            matches!(effect, Effect::Close { conn, reason: CloseReason::TooManyWatches } if *conn == whom)
        })
    };
    assert!(!closed(&alone.sent, greedy) && !closed(&alone.sent, modest));
    alone.ask(greedy, (2_000..6_000).map(|n| exists(format!("/{n}"))).collect());
    assert!(closed(&alone.sent, greedy) && !closed(&alone.sent, modest));
    assert!(alone.again, "what it took is given back step by step");
    alone.sent.clear();
    alone.create(modest, "/b", 0);
    alone.ask(modest, vec![Op::Write(create("/a", 0))]);
    let told = alone.sent.iter().any(|effect| {
        matches!(effect, Effect::Client { conn, frame: ServerFrame::Event(_) } if *conn == modest)
    });
    assert!(told);
    for _ in 0..100 {
        alone.step(Input::Again);
    }
    assert!(!alone.again);
}
