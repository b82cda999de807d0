//! No circle of files within a crate: what a file builds on must not build on it.
//!
//! A file builds on another if it names something that the other defines, also by way of a
//! re-export: a function, a type, a constant. Two things do not count. Methods that are called on
//! a value: the value's type was named, or handed in. And types and constants of the hub of one's
//! own folder (`mod.rs`, or `log.rs` beside `log/`): a folder's files speak of what the folder is
//! about, as `impl Raft` in `raft/election.rs` does; but they must not call the hub's functions.
//! Tests may look at whatever they like.

use std::collections::{BTreeMap, BTreeSet};

use crate::source::{Import, Source};
use crate::violation::Violation;

pub(crate) const CIRCLE: &str = "circle";

/// What stands in a module.
#[derive(Default)]
struct Contents<'a> {
    file: &'a str,
    /// Names, and whether they are functions.
    items: BTreeMap<&'a str, bool>,
    imports: Vec<&'a Import>,
}

type Modules<'a> = BTreeMap<&'a [String], Contents<'a>>;

fn modules<'a>(sources: &[&'a Source]) -> Modules<'a> {
    let mut modules = Modules::new();
    for source in sources {
        let file = source.file.as_str();
        modules.entry(&source.module).or_default().file = file;
        for it in &source.items {
            let contents = modules.entry(&it.module).or_default();
            contents.file = file;
            contents.items.insert(&it.name, it.function);
        }
        for it in &source.imports {
            let contents = modules.entry(&it.module).or_default();
            contents.file = file;
            contents.imports.push(it);
        }
    }
    modules
}

/// The file that defines what a path names, and whether the path calls a function there.
fn definition<'a>(modules: &Modules<'a>, path: &[String], hops: usize) -> Option<(&'a str, bool)> {
    let mut at = 1;
    while at < path.len() && modules.contains_key(&path[..=at]) {
        at += 1;
    }
    let contents = modules.get(&path[..at])?;
    let name = path.get(at)?;
    if let Some(function) = contents.items.get(name.as_str()) {
        let lower = |part: &String| part.starts_with(char::is_lowercase);
        return Some((contents.file, *function || path.get(at + 1).is_some_and(lower)));
    }
    let hops = hops.checked_sub(1)?;
    contents.imports.iter().find_map(|import| {
        let (target, rest) = match &import.alias {
            Some(alias) if alias == name => (&import.path[..], &path[at + 1..]),
            None => (import.path.split_last()?.1, &path[at..]),
            Some(_) => return None,
        };
        definition(modules, &[target, rest].concat(), hops)
    })
}

/// Whether a file lies in the folder whose hub the other is.
fn is_hub_of(hub: &str, file: &str) -> bool {
    let folder = ["mod.rs", "lib.rs", "main.rs"].iter().find_map(|name| hub.strip_suffix(name));
    match folder {
        Some(folder) => file.starts_with(folder),
        None => file.starts_with(&format!("{}/", hub.trim_end_matches(".rs"))),
    }
}

/// That one file builds on another.
struct Edge<'a> {
    from: &'a str,
    to: &'a str,
    line: usize,
    what: String,
}

fn edges<'a>(sources: &[&'a Source]) -> Vec<Edge<'a>> {
    let modules = modules(sources);
    let mut found = Vec::new();
    for source in sources {
        let from = source.file.as_str();
        for it in source.named.iter().filter(|it| !it.test) {
            let Some((to, call)) = definition(&modules, &it.path, 8) else { continue };
            if to != from && (call || !is_hub_of(to, from)) {
                found.push(Edge { from, to, line: it.line, what: it.path.join("::") });
            }
        }
    }
    found
}

/// What can be reached from a file.
fn reached<'a>(next: &BTreeMap<&'a str, BTreeSet<&'a str>>, from: &str) -> BTreeSet<&'a str> {
    let mut seen = BTreeSet::new();
    let mut open = vec![from];
    while let Some(file) = open.pop() {
        for to in next.get(file).into_iter().flatten() {
            if seen.insert(*to) {
                open.push(to);
            }
        }
    }
    seen
}

/// Each step of each circle among the files of one crate.
pub(crate) fn circles(sources: &[&Source]) -> Vec<Violation> {
    let edges = edges(sources);
    let mut next: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for edge in &edges {
        next.entry(edge.from).or_default().insert(edge.to);
    }
    let reached: BTreeMap<&str, BTreeSet<&str>> =
        next.keys().map(|from| (*from, reached(&next, from))).collect();
    let back = |edge: &&Edge| reached.get(edge.to).is_some_and(|it| it.contains(edge.from));
    let violation = |edge: &Edge| Violation {
        rule: CIRCLE,
        file: edge.from.to_owned(),
        item: edge.to.to_owned(),
        line: edge.line,
        says: format!("names {} of {}, which builds on this file", edge.what, edge.to),
    };
    edges.iter().filter(back).map(violation).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reader::read;

    /// Steps of circles among files of `node/src`, given by name and text.
    fn found(files: &[(&str, &str)]) -> Vec<(String, String)> {
        let path = |name: &str| format!("node/src/{name}");
        let sources: Vec<Source> =
            files.iter().map(|(name, text)| read(&path(name), text, &[])).collect();
        let short = |file: &str| file.trim_start_matches("node/src/").to_owned();
        let found = circles(&sources.iter().collect::<Vec<_>>());
        found.into_iter().map(|it| (short(&it.file), short(&it.item))).collect()
    }

    #[test]
    fn a_circle_is_found_in_every_spelling() {
        let root = ("lib.rs", "mod a; mod b; mod c;");
        let bad: [&[(&str, &str)]; 7] = [
            &[("a.rs", "use crate::b::B; struct A;"), ("b.rs", "use crate::a::A; struct B;")],
            &[("a.rs", "fn a() { super::b::b() }"), ("b.rs", "use super::a; fn b() { a::a() }")],
            &[
                ("a.rs", "use crate::b; fn f(x: b::B) {} struct A;"),
                ("b.rs", "struct B(crate::a::A);"),
            ],
            &[("a.rs", "fn a() { vec![crate::b::b()] }"), ("b.rs", "fn b() { crate::a::a() }")],
            &[
                ("a.rs", "use crate::c::B; struct A;"),
                ("b.rs", "struct B(crate::a::A);"),
                ("c.rs", "pub(crate) use crate::b::B;"),
            ],
            &[
                ("a.rs", "use crate::c::*; struct A; fn f(b: super::c::B) {}"),
                ("b.rs", "struct B(crate::a::A);"),
                ("c.rs", "pub(crate) use crate::b::*;"),
            ],
            &[("a/mod.rs", "mod x; fn run() { x::go() }"), ("a/x.rs", "fn go() { super::run() }")],
        ];
        for files in bad {
            let found = found(&[&[root], files].concat());
            assert!(found.len() >= 2, "{files:?}: {found:?}");
        }
        let three = [
            root,
            ("a.rs", "use crate::b::B; struct A;"),
            ("b.rs", "use crate::c::C; struct B;"),
            ("c.rs", "use crate::a::A; struct C;"),
        ];
        assert_eq!(found(&three).len(), 3);
    }

    #[test]
    fn a_hub_and_what_is_in_its_folder_are_left_in_peace() {
        let good: [&[(&str, &str)]; 4] = [
            &[("a.rs", "use crate::b::B; struct A;"), ("b.rs", "struct B;")],
            &[
                ("a/mod.rs", "mod x; mod y; struct A; fn f() { x::go(); y::go() }"),
                ("a/x.rs", "use super::A; impl A { fn g() {} } fn go() { super::y::go() }"),
                ("a/y.rs", "fn go(a: &super::A) {}"),
            ],
            &[("log.rs", "mod x; struct L(x::X);"), ("log/x.rs", "struct X; fn f(l: super::L) {}")],
            &[
                ("a.rs", "use crate::b::B; struct A;"),
                ("b.rs", "struct B; #[cfg(test)] mod tests { use crate::a::A; }"),
            ],
        ];
        for files in good {
            assert_eq!(found(files), [], "{files:?}");
        }
    }
}
