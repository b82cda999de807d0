//! The architecture, held by tests: what the pure rooms may import, who may depend on whom, and
//! how long a file may be. The checks are functions of a file's path and text, and are tried on
//! bad texts first.

mod imports;

use std::path::{Path, PathBuf};

use imports::named;

/// A folder whose code may name only what is listed; an entry allows all that is below it.
struct Room {
    folder: &'static str,
    allowed: &'static [&'static str],
}

/// No clock, files, sockets, threads, async or ambient randomness; no `HashMap` either, whose order
/// differs from run to run. `proptest` is a development dependency: only tests can name it.
const ROOMS: [Room; 3] = [
    Room {
        folder: "node/src/core",
        allowed: &[
            "crate::core",
            "std::cmp",
            "std::collections::BTreeMap",
            "std::collections::BTreeSet",
            "std::collections::VecDeque",
            "std::collections::btree_map",
            "std::fmt",
            "std::mem",
            "std::net::IpAddr",
            "std::ops",
            "std::str",
            "std::sync::Arc",
            "base64",
            "bytes",
            "md5",
            "sha1",
            "subtle",
            "proptest",
        ],
    },
    Room {
        folder: "node/src/codec",
        allowed: &[
            "crate::codec",
            "crate::core",
            "std::fmt",
            "std::iter",
            "std::str",
            "std::sync::Arc",
            "bytes",
            "crc32c",
            "thiserror",
            "proptest",
        ],
    },
    Room {
        folder: "operator/src/plan",
        allowed: &[
            "crate::plan",
            "std::cmp",
            "std::collections::BTreeMap",
            "std::collections::BTreeSet",
            "std::fmt",
            "k8s_openapi",
            "quorate_crds",
            "serde",
            "serde_json",
            "sha1",
        ],
    },
];

/// Members of the workspace, and which others each must not depend on.
const INDEPENDENT: [(&str, &[&str]); 3] = [
    ("crds", &["node", "operator", "e2e"]),
    ("node", &["crds", "operator", "e2e"]),
    ("operator", &["node", "e2e"]),
];

const LONGEST: usize = 500;
/// Files that may be longer, and why.
const LONGER: [(&str, &str); 0] = [];

fn allows(room: &Room, path: &[String]) -> bool {
    room.allowed.iter().any(|entry| {
        let mut entry = entry.split("::");
        let mut path = path.iter();
        entry.all(|part| path.next().is_some_and(|named| named == part))
    })
}

/// What a file of the room names that the room does not allow.
fn strange_imports(room: &Room, file: &str, source: &str, crates: &[&str]) -> Vec<String> {
    let strange = named(file, source, crates).into_iter();
    strange
        .filter(|named| !allows(room, &named.path))
        .map(|named| {
            let path = named.path.join("::");
            format!("{file}:{}: {} must not use {path}", named.line, room.folder)
        })
        .collect()
}

/// Lines of a manifest that name a member of the workspace which this one must not depend on.
fn wrong_dependencies(file: &str, manifest: &str, forbidden: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    let mut dependencies = false;
    for (number, line) in manifest.lines().enumerate() {
        let line = line.split('#').next().unwrap_or_default().trim();
        if line.starts_with('[') {
            dependencies = line.contains("dependencies");
        }
        let names = |member: &&&str| {
            let (package, path) = (format!("quorate-{member}"), format!("/{member}\""));
            line.contains(&package) || line.contains(&path)
        };
        for member in forbidden.iter().filter(names).filter(|_| dependencies) {
            found.push(format!("{file}:{}: must not depend on {member}", number + 1));
        }
    }
    found
}

/// Whether a file is too long, or exempt without need.
fn wrong_length(file: &str, source: &str, exempt: &[(&str, &str)]) -> Option<String> {
    let lines = source.lines().count();
    let reason = exempt.iter().find(|(name, _)| *name == file).map(|(_, why)| *why);
    match (lines > LONGEST, reason) {
        (true, None) => Some(format!("{file}: {lines} lines, {LONGEST} is the most; split it")),
        (true, Some("")) => Some(format!("{file}: its exemption needs a reason")),
        (false, Some(_)) => Some(format!("{file}: {lines} lines need no exemption")),
        _ => None,
    }
}

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Every source below a folder of the workspace: its path from there, and its text.
fn sources(folder: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut folders = vec![PathBuf::from(folder)];
    while let Some(folder) = folders.pop() {
        let entries = std::fs::read_dir(workspace().join(&folder)).expect("list a folder");
        for entry in entries {
            let entry = entry.expect("list a folder");
            let path = folder.join(entry.file_name());
            let name = entry.file_name().to_string_lossy().into_owned();
            if entry.file_type().expect("look at a file").is_dir() {
                if name != "target" && !name.starts_with('.') {
                    folders.push(path);
                }
            } else if name.ends_with(".rs") {
                let text = std::fs::read_to_string(entry.path()).expect("read a source");
                found.push((path.to_string_lossy().into_owned(), text));
            }
        }
    }
    assert!(!found.is_empty(), "no source in {folder}");
    found
}

/// The crates that any member of the workspace can name.
fn crates() -> Vec<String> {
    let manifest = std::fs::read_to_string(workspace().join("Cargo.toml")).expect("read");
    let section = manifest.split("[workspace.dependencies]").nth(1).unwrap_or_default();
    let section = section.split("\n[").next().unwrap_or_default();
    let names = section.lines().filter_map(|line| line.split_once('='));
    names.map(|(name, _)| name.trim().replace('-', "_")).collect()
}

#[test]
fn the_pure_rooms_name_only_what_they_may() {
    let crates = crates();
    assert!(crates.iter().any(|name| name == "tokio"), "{crates:?}");
    let crates: Vec<&str> = crates.iter().map(String::as_str).collect();
    let mut wrong = Vec::new();
    for room in &ROOMS {
        for (file, text) in sources(room.folder) {
            wrong.extend(strange_imports(room, &file, &text, &crates));
        }
    }
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

#[test]
fn node_and_operator_do_not_depend_on_each_other() {
    let mut wrong = Vec::new();
    for (member, forbidden) in INDEPENDENT {
        let file = format!("{member}/Cargo.toml");
        let text = std::fs::read_to_string(workspace().join(&file)).expect("read a manifest");
        wrong.extend(wrong_dependencies(&file, &text, forbidden));
    }
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

#[test]
fn no_file_is_longer_than_one_can_read() {
    let mut files = Vec::new();
    for member in ["crds", "node", "operator", "e2e"] {
        files.extend(sources(member));
    }
    let mut wrong: Vec<String> =
        files.iter().filter_map(|(file, text)| wrong_length(file, text, &LONGER)).collect();
    for (name, _) in LONGER {
        if files.iter().all(|(file, _)| file != name) {
            wrong.push(format!("{name}: exempt, but not there"));
        }
    }
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

/// What the room of the core finds strange in a text.
fn strange(source: &str) -> Vec<String> {
    let found = strange_imports(&ROOMS[0], "node/src/core/raft/log.rs", source, &["tokio", "rand"]);
    let short = |line: String| line.replace("node/src/core must not use ", "");
    found.into_iter().map(short).collect()
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
        ("fn f() { let _ = ::std::net::TcpStream::connect(A); }", "std::net::TcpStream::connect"),
        ("fn f() -> T { return ::std::env::vars() }", "std::env::vars"),
        ("fn f() { tokio::spawn(g()); }", "tokio::spawn"),
        ("fn f(x: Vec<rand::Rng>) {}", "rand::Rng"),
        ("fn f() { <T as std::thread::X>::y() }", "std::thread::X"),
        ("use core::time::Duration;", "core::time::Duration"),
        ("extern crate rand;", "rand"),
        ("use std::collections::HashMap;", "std::collections::HashMap"),
        ("const A: &str = \"//\"; use std::fs;", "std::fs"),
        ("const A: char = '\"'; use std::fs; const B: char = '\"';", "std::fs"),
        ("const A: &str = r#\"\"\"#; use std::fs;", "std::fs"),
    ];
    for (source, path) in bad {
        let found = strange(source);
        assert!(
            found.iter().any(|line| line.ends_with(&format!(": {path}"))),
            "{source}: {found:?}"
        );
    }
    let third = strange("//! Doc.\n\nuse std::fs::File;\n");
    assert_eq!(third, ["node/src/core/raft/log.rs:3: std::fs::File"]);
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
    ];
    for source in good {
        assert_eq!(strange(source), Vec::<String>::new(), "{source}");
    }
}

#[test]
fn a_wrong_dependency_is_found_in_every_spelling() {
    let bad = [
        "[dependencies]\nquorate-operator.workspace = true\n",
        "[dev-dependencies]\nx = { path = \"../operator\" }\n",
        "[target.'cfg(unix)'.dependencies]\nx = { package = \"quorate-operator\" }\n",
        "[dependencies.quorate-operator]\npath = \"../o\"\n",
    ];
    for manifest in bad {
        let found = wrong_dependencies("node/Cargo.toml", manifest, &["crds", "operator"]);
        assert_eq!(found.len(), 1, "{manifest}: {found:?}");
        assert!(found[0].ends_with("must not depend on operator"), "{found:?}");
    }
    let good =
        "[package]\nname = \"quorate-node\"\n[dependencies]\n# quorate-operator\nbytes = \"1\"\n";
    assert!(wrong_dependencies("node/Cargo.toml", good, &["operator"]).is_empty());
}

#[test]
fn a_long_file_needs_a_reason_and_a_short_one_no_exemption() {
    let (long, short) = ("x\n".repeat(501), "x\n".repeat(500));
    assert!(wrong_length("a.rs", &long, &[]).is_some());
    assert!(wrong_length("a.rs", &long, &[("a.rs", "")]).is_some());
    assert!(wrong_length("a.rs", &short, &[("a.rs", "a table")]).is_some());
    assert!(wrong_length("a.rs", &long, &[("a.rs", "a table")]).is_none());
    assert!(wrong_length("a.rs", &short, &[]).is_none());
}
