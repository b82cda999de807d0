//! The architecture, held by tests. Each rule is a function of what a file says, and is tried on
//! bad texts before it judges the tree. What is known to break a rule is owed in `debts`, a list
//! that may only shrink.
//!
//! `tree` the sources of the workspace · `source` what one of them says · `reader` finds that out ·
//! `paths` what its paths stand for · `violation` what a rule finds, and what of it is owed · `debts`
//! what is owed.
//!
//! The rules: `rooms` what each room may name, `e2e_rooms` those of the end-to-end suite, `room` how
//! that is said, `borders` whether it does · `dependencies` between members of the workspace · `shape`
//! length of files and functions, maps of modules · `circles` among files · `exports` what nobody
//! outside names · `debug_text` what `Debug` writes.

mod borders;
mod circles;
mod debts;
mod debug_text;
mod dependencies;
mod e2e_rooms;
mod exports;
mod operator_rooms;
mod paths;
mod reader;
mod room;
mod rooms;
mod shape;
mod source;
mod tree;
mod violation;

use debts::DEBTS;
use rooms::rooms;
use source::Source;
use violation::judge;

/// The sources of a crate's own code: no tests beside it, no programs built from it.
fn library(member: &str) -> Vec<&'static Source> {
    let (src, programs) = (format!("{member}/src/"), format!("{member}/src/bin/"));
    let of =
        |source: &&Source| source.file.starts_with(&src) && !source.file.starts_with(&programs);
    tree::sources().iter().filter(of).collect()
}

#[test]
fn each_room_names_only_what_it_may_know() {
    let mut found = Vec::new();
    for room in rooms() {
        found.extend(tree::sources().iter().flat_map(|source| borders::crossings(room, source)));
        if !room.unsaid.is_empty() {
            let files = tree::files(room.place, "");
            found.extend(files.iter().flat_map(|(file, text)| borders::sayings(room, file, text)));
        }
    }
    judge(borders::BORDER, found, DEBTS);
}

#[test]
fn the_map_and_the_rules_speak_of_the_same_rooms() {
    let page = tree::text("ARCHITECTURE.md");
    let is_there = |place: &str| {
        let place = tree::root().join(place);
        place.exists() || place.with_extension("rs").exists()
    };
    judge(borders::ROW, borders::unmatched(&page, rooms(), is_there), DEBTS);
}

#[test]
fn members_of_the_workspace_depend_on_no_others_than_they_may() {
    let mut found = Vec::new();
    let always = dependencies::INDEPENDENT.iter().map(|it| (it, false));
    let in_tests = dependencies::IN_TESTS_ALONE.iter().map(|it| (it, true));
    for ((member, forbidden), tests) in always.chain(in_tests) {
        let file = format!("{member}/Cargo.toml");
        found.extend(dependencies::dependencies(&file, &tree::text(&file), forbidden, tests));
    }
    judge(dependencies::DEPENDENCY, found, DEBTS);
}

#[test]
fn no_file_and_no_function_is_longer_than_one_can_read() {
    judge(shape::LENGTH, tree::sources().iter().flat_map(shape::lengths).collect(), DEBTS);
}

#[test]
fn every_module_is_on_the_map_of_its_parent() {
    judge(shape::MAP, tree::sources().iter().flat_map(shape::maps).collect(), DEBTS);
}

#[test]
fn no_circle_of_files_in_a_crate() {
    let of = |member: &&str| circles::circles(&library(member));
    judge(circles::CIRCLE, tree::MEMBERS.iter().flat_map(of).collect(), DEBTS);
}

#[test]
fn nothing_is_exported_that_nobody_names() {
    let mut found = Vec::new();
    for library in exports::LIBRARIES {
        let src = library.root.trim_end_matches("lib.rs");
        let programs = [format!("{src}main.rs"), format!("{src}bin/")];
        let outside = |source: &&Source| {
            !source.file.starts_with(src) || programs.iter().any(|it| source.file.starts_with(it))
        };
        let others: Vec<&Source> = tree::sources().iter().filter(outside).collect();
        let root = tree::sources().iter().find(|source| source.file == library.root);
        found.extend(exports::exports(&library, root.expect("a root"), &others));
    }
    judge(exports::EXPORT, found, DEBTS);
}

#[test]
fn debug_text_stays_with_who_debugs() {
    judge(
        debug_text::DEBUG,
        tree::sources().iter().flat_map(debug_text::debug_texts).collect(),
        DEBTS,
    );
}

#[test]
fn every_debt_is_of_a_rule_that_there_is() {
    let rules = [
        borders::BORDER,
        borders::ROW,
        dependencies::DEPENDENCY,
        shape::LENGTH,
        shape::MAP,
        circles::CIRCLE,
        exports::EXPORT,
        debug_text::DEBUG,
    ];
    for debt in DEBTS {
        assert!(rules.contains(&debt.0), "{debt:?}");
        assert!(DEBTS.iter().filter(|it| *it == debt).count() == 1, "{debt:?} twice");
    }
}
