//! Borders between rooms: what is named, called or said in one that it must not know.

use crate::room::Room;
use crate::source::Source;
use crate::violation::Violation;

pub(crate) const BORDER: &str = "border";
pub(crate) const ROW: &str = "row";

/// Whether a path is the entry, or lies below it.
fn below(path: &[String], entry: &str) -> bool {
    let mut path = path.iter();
    entry.split("::").all(|part| path.next().is_some_and(|named| named == part))
}

/// Whether a path is the entry, lies below it, or takes all in, the entry with it.
fn reaches(path: &[String], entry: &str) -> bool {
    let all = path.last().is_some_and(|last| last == "*");
    below(path, entry)
        || all && entry.split("::").zip(path).all(|(part, named)| named == part || named == "*")
}

/// Whether a place, a file or a folder, lies in another.
fn inside(file: &str, place: &str) -> bool {
    file.strip_prefix(place).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        // `local.rs` is the hub of `local/`.
        || file.strip_suffix(".rs") == Some(place)
}

fn holds_for(room: &Room, file: &str) -> bool {
    inside(file, room.place) && !room.except.iter().any(|place| inside(file, place))
}

/// What a file of the room names or calls that the room does not allow.
pub(crate) fn crossings(room: &Room, source: &Source) -> Vec<Violation> {
    let mut found = Vec::new();
    if !holds_for(room, &source.file) {
        return found;
    }
    let mut wrong = |item: String, line, says| {
        found.push(Violation { rule: BORDER, file: source.file.clone(), item, line, says });
    };
    let within = |list: &[&str], path: &[String]| list.iter().any(|entry| below(path, entry));
    for it in source.named.iter().filter(|it| room.tests || !it.test) {
        let own = it.path.first().is_some_and(|head| head == "crate");
        let strange = !room.only.is_empty() && !within(room.only, &it.path)
            || own && !room.own.is_empty() && !within(room.own, &it.path);
        let forbidden = room.never.iter().find(|entry| reaches(&it.path, entry));
        if strange || forbidden.is_some() {
            let short: Vec<&str> = it.path.iter().take(3).map(String::as_str).collect();
            let item = forbidden.map_or_else(|| short.join("::"), |entry| (*entry).to_owned());
            let says = format!("{} must not name {}", room.place, it.path.join("::"));
            wrong(item, it.line, says);
        }
    }
    for it in source.calls.iter().filter(|it| room.tests || !it.test) {
        let name = it.path.join("::");
        if room.uncalled.contains(&name.as_str()) {
            let says = format!("{} must not call {name}", room.place);
            wrong(name, it.line, says);
        }
    }
    found
}

/// Words in a file of the room, in whatever language, that must not be said there.
pub(crate) fn sayings(room: &Room, file: &str, text: &str) -> Vec<Violation> {
    let mut found = Vec::new();
    for (at, line) in text.lines().enumerate().filter(|_| holds_for(room, file)) {
        for word in room.unsaid.iter().filter(|word| line.contains(**word)) {
            let says = format!("{} must not speak of {word}", room.place);
            let (file, item) = (file.to_owned(), (*word).to_owned());
            found.push(Violation { rule: BORDER, file, item, line: at + 1, says });
        }
    }
    found
}

/// The places in the first column of the table of rooms, and their lines.
pub(crate) fn rows(page: &str) -> Vec<(String, usize)> {
    let lines = page.lines().enumerate().skip_while(|(_, line)| *line != "## Rooms").skip(1);
    let table = lines.take_while(|(_, line)| !line.starts_with("## "));
    let mut found = Vec::new();
    for (at, line) in table.filter(|(_, line)| line.starts_with("| `")) {
        let first = line.split('|').nth(1).unwrap_or_default();
        let places = first.split('`').skip(1).step_by(2);
        found.extend(places.map(|place| (place.to_owned(), at + 1)));
    }
    found
}

/// Rows without a rule, rules without a row, and both without a place.
pub(crate) fn unmatched<'a>(
    page: &str,
    rooms: impl Iterator<Item = &'a Room> + Clone,
    is_there: impl Fn(&str) -> bool,
) -> Vec<Violation> {
    let file = "ARCHITECTURE.md";
    let rows = rows(page);
    let mut found = Vec::new();
    let mut wrong = |item: &str, line, says: &str| {
        let (item, says) = (item.to_owned(), format!("{item}: {says}"));
        found.push(Violation { rule: ROW, file: file.to_owned(), item, line, says });
    };
    for (place, line) in &rows {
        if !rooms.clone().any(|room| room.place == place) {
            wrong(place, *line, "a room without a rule in crds/tests/architecture/rooms.rs");
        } else if !is_there(place) {
            wrong(place, *line, "a room that is not there");
        }
    }
    for room in rooms {
        if !rows.iter().any(|(place, _)| place == room.place) {
            wrong(room.place, 1, "a rule in crds/tests/architecture/rooms.rs without a row");
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reader::read;
    use crate::room::OPEN;
    use crate::rooms::rooms;

    /// What the room of this place finds wrong with a file.
    fn found(place: &str, file: &str, text: &str) -> Vec<String> {
        let crates = ["tokio", "rand", "kube", "quorate_crds", "quorate_node", "quorate_operator"];
        let crates = crates.map(str::to_owned);
        let room = rooms().find(|room| room.place == place).expect("a room");
        let found = crossings(room, &read(file, text, &crates));
        let path = |it: &Violation| it.says.rsplit(' ').next().unwrap_or_default().to_owned();
        found.iter().map(path).collect()
    }

    fn core(text: &str) -> Vec<String> {
        found("node/src/core", "node/src/core/raft/log.rs", text)
    }

    #[test]
    fn a_forbidden_import_is_found_in_every_spelling() {
        let bad = [
            ("use std::time::Instant;", "std::time::Instant"),
            ("use std::{fmt, time::{Duration, Instant as I}};", "std::time::Duration"),
            ("use std::{\n    fs,\n};", "std::fs"),
            ("use std::*;", "std::*"),
            ("pub(crate) use crate::shell::clock;", "crate::shell::clock"),
            ("use crate::{core::types, sim};", "crate::sim"),
            ("use super::super::super::config::args;", "crate::config::args"),
            ("fn f() { super::super::super::shell::now() }", "crate::shell::now"),
            ("mod tests { use super::super::super::super::sim::Rng; }", "crate::sim::Rng"),
            ("fn f() -> u64 { std::env::args().count() as u64 }", "std::env::args"),
            (
                "fn f() { let _ = ::std::net::TcpStream::connect(A); }",
                "std::net::TcpStream::connect",
            ),
            ("fn f() -> T { return ::std::env::vars() }", "std::env::vars"),
            ("fn f() { tokio::spawn(g()); }", "tokio::spawn"),
            ("fn f(x: Vec<rand::Rng>) {}", "rand::Rng"),
            ("fn f() { <T as std::thread::X>::y() }", "std::thread::X::y"),
            ("use core::time::Duration;", "core::time::Duration"),
            ("extern crate rand;", "rand"),
            ("use std::collections::HashMap;", "std::collections::HashMap"),
            ("const A: &str = \"//\"; use std::fs;", "std::fs"),
            ("const A: char = '\"'; use std::fs; const B: char = '\"';", "std::fs"),
            ("const A: &str = r#\"\"\"#; use std::fs;", "std::fs"),
            ("fn f() { vec![std::env::args()]; }", "std::env::args"),
            ("fn f() { assert!(g(h!(tokio::spawn(x)))); }", "tokio::spawn"),
            ("#[derive(rand::Rand)] struct S;", "rand::Rand"),
            ("#[tokio::test] async fn f() {}", "tokio::test"),
            ("use std as s; fn f() { s::fs::read() }", "std::fs::read"),
            ("fn f() { use std::time; time::now() }", "std::time"),
            ("use crate as c; fn f() { c::shell::now() }", "crate::shell::now"),
        ];
        for (text, path) in bad {
            let found = core(text);
            assert!(found.contains(&path.to_owned()), "{text}: {found:?}");
        }
        let third = "//! Doc.\n\nuse std::fs::File;\n";
        let third = crossings(
            rooms().next().expect("a room"),
            &read("node/src/core/raft/log.rs", third, &[]),
        );
        assert_eq!((third.len(), third[0].line), (1, 3));
    }

    #[test]
    fn what_is_allowed_is_left_in_peace() {
        let good = [
            "use std::{collections::{BTreeMap, VecDeque}, sync::Arc};",
            "use super::config::Config; use self::view::View; use crate::core::types::Term;",
            "mod tests { use super::*; use proptest::prelude::*; } use super::view;",
            "// use std::fs;\n/* std::time /* nested */ std::fs::read */",
            "const A: &str = \"std::fs::read \\\" tokio::spawn\";",
            "fn f<'a>(x: &'a str) -> fmt::Result { Index::max(Role::Voter, x) }",
            "impl<'a> std::fmt::Display for Term<'a> {}",
            "struct S { tokio: u8 }",
            "use crate::core; fn f() { core::types::now() }",
            "mod rand; fn f() { rand::next() }",
            "use std::fmt::{self, Display}; fn f() -> fmt::Result { Ok(()) }",
        ];
        for text in good {
            assert_eq!(core(text), [""; 0], "{text}");
        }
    }

    /// A bad line for the border of each room, and what is wrong with it.
    const BAD: &[(&str, &str, &str)] = &[
        ("node/src/core/auth", "use crate::core::state::State;", "crate::core::state::State"),
        ("node/src/core/raft", "use crate::core::op::Write;", "crate::core::op::Write"),
        ("node/src/core/raft", "use crate::core::types::*;", "crate::core::types::*"),
        (
            "node/src/core/raft",
            "fn f(it: super::super::types::Zxid) {}",
            "crate::core::types::Zxid",
        ),
        ("node/src/core/raft/leader", "use crate::core::raft::Raft;", "crate::core::raft::Raft"),
        ("node/src/core/state", "use crate::core::raft::Raft;", "crate::core::raft::Raft"),
        ("node/src/core/state", "use super::super::types::Mono;", "crate::core::types::Mono"),
        ("node/src/core/node", "use crate::codec::jute;", "crate::codec::jute"),
        ("node/src/core/node/clients", "use super::super::Node;", "crate::core::node::Node"),
        (
            "node/src/core/node/clients",
            "use crate::core::node; fn f(x: &node::replica::Replica) {}",
            "crate::core::node::replica::Replica",
        ),
        (
            "node/src/core/node/ensemble",
            "use crate::core::node::clients;",
            "crate::core::node::clients",
        ),
        ("node/src/core/node/replica", "use crate::core::node::*;", "crate::core::node::*"),
        (
            "node/src/core/node/requests",
            "use crate::core::node::ensemble::X;",
            "crate::core::node::ensemble::X",
        ),
        ("node/src/core/import", "use crate::core::raft::Raft;", "crate::core::raft::Raft"),
        ("node/src/core/recovery", "use crate::core::node::Node;", "crate::core::node::Node"),
        ("node/src/core/watch.rs", "use super::message::Hello;", "crate::core::message::Hello"),
        ("node/src/codec", "use crate::core::node::Node;", "crate::core::node::Node"),
        ("node/src/codec", "use std::time::Duration;", "std::time::Duration"),
        ("node/src/config", "use crate::shell::memory;", "crate::shell::memory"),
        ("node/src/config", "fn f() { std::fs::write(a, b) }", "std::fs::write"),
        ("node/src/config", "fn f() { std::env::var(a) }", "std::env::var"),
        ("node/src/program.rs", "use crate::core::node::Node;", "crate::core::node::Node"),
        ("node/src/program.rs", "fn f() { std::fs::write(a, b) }", "std::fs::write"),
        ("node/src/shell", "use crate::config::args;", "crate::config::args"),
        (
            "node/src/shell",
            "use crate::core::raft::{Raft, ServerState};",
            "crate::core::raft::Raft",
        ),
        ("node/src/shell/inspect", "use crate::shell::admin::Admin;", "crate::shell::admin::Admin"),
        ("node/src/shell/inspect", "fn f() { tokio::spawn(a) }", "tokio::spawn"),
        (
            "node/src/shell/metrics",
            "use crate::shell::driver::Driver;",
            "crate::shell::driver::Driver",
        ),
        ("node/src/shell/metrics", "fn f() { tokio::spawn(a) }", "tokio::spawn"),
        ("node/src/shell/tls", "use crate::core::auth::x500;", "crate::core::auth::x500"),
        ("node/src/shell/disk", "use crate::core::op::Write;", "crate::core::op::Write"),
        ("node/src/sim", "use std::time::Instant;", "std::time::Instant"),
        ("node/src/sim", "use crate::shell::disk;", "crate::shell::disk"),
        ("crds/src", "use kube::Client;", "kube::Client"),
        ("operator/src/watches.rs", "fn f() { api.patch(a) }", "patch"),
        ("operator/src/watches.rs", "use crate::plan::view;", "crate::plan::view"),
        ("operator/src/cache.rs", "use kube::Api;", "kube::Api"),
        ("operator/src/keeper.rs", "use crate::apply::Applier;", "crate::apply::Applier"),
        ("operator/src/pace.rs", "use std::time::Instant;", "std::time::Instant"),
        ("operator/src/members.rs", "use kube::Client;", "kube::Client"),
        ("operator/src/reconcile.rs", "use kube::Client;", "kube::Client"),
        ("operator/src/observe.rs", "fn f() { api.patch(a) }", "patch"),
        ("operator/src/observe.rs", "use crate::apply;", "crate::apply"),
        ("operator/src/plan", "use kube::Client;", "kube::Client"),
        (
            "operator/src/plan/invariants.rs",
            "use super::membership::X;",
            "crate::plan::membership::X",
        ),
        ("operator/src/mutants.rs", "use crate::plan::view;", "crate::plan::view"),
        ("operator/src/requests.rs", "use kube::Api;", "kube::Api"),
        ("operator/src/refusals.rs", "use crate::plan::view;", "crate::plan::view"),
        ("operator/src/sight.rs", "use crate::plan::view;", "crate::plan::view"),
        ("operator/src/apply.rs", "async fn f() { join!(pods.list(a)) }", "list"),
        ("operator/src/apply.rs", "use crate::plan::view;", "crate::plan::view"),
        ("operator/src/lease.rs", "use quorate_crds::GROUP;", "quorate_crds::GROUP"),
        ("e2e/zk/src", "use quorate_node::wire::jute;", "quorate_node::wire::jute"),
        ("e2e/zk/src", "use std::net::TcpStream;", "std::net::TcpStream"),
        ("e2e/src/common", "use crate::stage::Stage;", "crate::stage::Stage"),
        ("e2e/src/clients", "use crate::watch::writer;", "crate::watch::writer"),
        ("e2e/src/stage", "use crate::watch::load::Load;", "crate::watch::load::Load"),
        ("e2e/src/watch", "use crate::tests::faults;", "crate::tests::faults"),
        ("e2e/src/watch", "use crate::stage::helm::Helm;", "crate::stage::helm::Helm"),
        ("e2e/src/tests", "use crate::local::Server;", "crate::local::Server"),
        ("e2e/src/local", "use kube::Client;", "kube::Client"),
        ("e2e/src/local", "use crate::stage::image;", "crate::stage::image"),
        ("e2e/src/compat", "use crate::stage::helm::Helm;", "crate::stage::helm::Helm"),
        ("e2e/src/compat", "use crate::watch::load::Load;", "crate::watch::load::Load"),
        ("e2e/src/differential", "use crate::watch::writer;", "crate::watch::writer"),
        ("e2e/src/bench", "use quorate_crds::GROUP;", "quorate_crds::GROUP"),
        ("e2e/src/bench", "use crate::differential::wire;", "crate::differential::wire"),
        ("e2e/src", "fn f() { quorate_node::sim::run(1) }", "quorate_node::sim::run"),
        ("e2e/src/world", "fn f() { std::thread::spawn(g) }", "std::thread::spawn"),
    ];

    #[test]
    fn each_border_is_seen_being_crossed() {
        for (place, text, path) in BAD {
            let file = match place.strip_suffix(".rs") {
                Some(_) => (*place).to_owned(),
                None => format!("{place}/sub/a.rs"),
            };
            // One folder deeper than the lines above are written for.
            let text = if place.ends_with(".rs") {
                (*text).to_owned()
            } else {
                text.replace("super::super", "super::super::super")
            };
            let found = found(place, &file, &text);
            assert!(found.contains(&(*path).to_owned()), "{place}: {text}: {found:?}");
        }
        let of_rust = rooms().filter(|room| room.unsaid.is_empty());
        let untried = |room: &&Room| BAD.iter().all(|(place, ..)| *place != room.place);
        // The first room has a test of its own above.
        let untried: Vec<&str> = of_rust.skip(1).filter(untried).map(|room| room.place).collect();
        assert!(
            untried.is_empty(),
            "give each of these a line in BAD that crosses it: {untried:?}"
        );
    }

    #[test]
    fn rules_hold_in_their_room_alone() {
        let text = "use quorate_node::sim;";
        assert_eq!(found("e2e/src", "e2e/src/world/servers.rs", text), [""; 0]);
        assert_eq!(found("e2e/src", "e2e/src/worldly.rs", text).len(), 1);
        assert_eq!(found("node/src/core", "node/src/core_like.rs", "use std::fs;"), [""; 0]);
        let tests = "#[cfg(test)] mod tests { use crate::core::node::Node; use std::fs; }";
        let wing = "node/src/core/node/clients";
        assert_eq!(found(wing, "node/src/core/node/clients/flow.rs", tests), [""; 0]);
        assert_eq!(
            found("node/src/core", "node/src/core/node/clients/flow.rs", tests),
            ["std::fs"]
        );
        assert_eq!(found("e2e/src/local", "e2e/src/local.rs", "use kube::Client;").len(), 1);
    }

    #[test]
    fn a_word_that_must_not_be_said_is_found() {
        for place in ["e2e/cluster", "e2e/compat"] {
            let room = rooms().find(|room| room.place == place).expect("a room");
            let found = sayings(room, &format!("{place}/up"), "# one\nrun quorate-node here\n");
            assert_eq!(found.iter().map(|it| it.line).collect::<Vec<_>>(), [2], "{place}");
            assert_eq!(sayings(room, "e2e/src/main.rs", "quorate-node"), []);
        }
    }

    #[test]
    fn a_row_without_a_rule_and_a_rule_without_a_row_are_found() {
        let page =
            "## Rooms\n\n| room | owns |\n|---|---|\n| `a/b`, `c` | `x` |\n## Next\n| `d` |\n";
        assert_eq!(rows(page), [("a/b".to_owned(), 5), ("c".to_owned(), 5)]);
        let all = ["a/b", "e"].map(|place| Room { place, ..OPEN });
        let found = unmatched(page, all.iter(), |_| true);
        let items: Vec<&str> = found.iter().map(|it| it.item.as_str()).collect();
        assert_eq!(items, ["c", "e"]);
        let all = ["a/b", "c"].map(|place| Room { place, ..OPEN });
        assert_eq!(unmatched(page, all.iter(), |_| true), []);
        assert_eq!(unmatched(page, all.iter(), |place| place == "c").len(), 1);
    }
}
