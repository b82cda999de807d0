//! How long functions and files may be, and that each module is on the map of its folder.

use crate::source::Source;
use crate::violation::Violation;

pub(crate) const LENGTH: &str = "length";
pub(crate) const MAP: &str = "map";

const LONGEST_FILE: usize = 500;
/// Hubs that must stay small, for everything is tempted to go there.
const HUBS: [(&str, usize); 1] = [("node/src/core/node/mod.rs", 300)];
const LONGEST_FUNCTION: usize = 70;

/// A file or a function, of tests as well, that is longer than one can read at once.
pub(crate) fn lengths(source: &Source) -> Vec<Violation> {
    let mut found = Vec::new();
    let mut wrong = |item: &str, line, says| {
        let (file, item) = (source.file.clone(), item.to_owned());
        found.push(Violation { rule: LENGTH, file, item, line, says });
    };
    let hub = HUBS.iter().find(|(file, _)| *file == source.file);
    let most = hub.map_or(LONGEST_FILE, |(_, most)| *most);
    if source.lines > most {
        let says = format!("{} lines, {most} is the most; split it", source.lines);
        wrong("file", 1, says);
    }
    for it in source.functions.iter().filter(|it| it.lines > LONGEST_FUNCTION) {
        let most = LONGEST_FUNCTION;
        let says = format!("{} has {} lines, {most} is the most; split it", it.name, it.lines);
        wrong(&it.name, it.line, says);
    }
    found
}

/// A `mod` that the doc comment of its file does not name, as `log`, `log.rs` or `log::Log` in
/// marks of code. Those for tests alone need no entry.
pub(crate) fn maps(source: &Source) -> Vec<Violation> {
    let outside = source.modules.iter().filter(|it| !it.inline && !it.test);
    let absent = outside.filter(|it| {
        let named = |end: &str| source.doc.contains(&format!("`{}{end}", it.name));
        !["`", ".rs`", "::"].iter().any(|end| named(end))
    });
    let violation = |it: &crate::source::Module| Violation {
        rule: MAP,
        file: source.file.clone(),
        item: it.name.clone(),
        line: it.line,
        says: format!("the map in the file's doc comment does not say what `{}` is", it.name),
    };
    absent.map(violation).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reader::read;

    fn items(found: Vec<Violation>) -> Vec<String> {
        found.into_iter().map(|it| it.item).collect()
    }

    #[test]
    fn a_long_function_is_found_wherever_it_stands() {
        let body = "\n".repeat(LONGEST_FUNCTION - 1);
        let long = "\n".repeat(LONGEST_FUNCTION);
        let bad = [
            (format!("fn f() {{{long}}}"), "f"),
            (format!("impl S {{ pub(crate) async fn f(&self) {{{long}}} }}"), "S::f"),
            (format!("impl fmt::Display for S {{ fn fmt(&self) {{{long}}} }}"), "S::fmt"),
            (format!("trait T {{ fn f() {{{long}}} }}"), "T::f"),
            (format!("mod tests {{ #[test] fn f() {{{long}}} }}"), "f"),
            (format!("fn f() {{ fn g() {{{long}}} }}"), "g"),
        ];
        for (text, name) in bad {
            let found = items(lengths(&read("node/src/a.rs", &text, &[])));
            assert!(found.contains(&name.to_owned()), "{text}: {found:?}");
        }
        let good = format!("/// A doc.\n///\n#[inline]\nfn f() {{{body}}}");
        assert_eq!(items(lengths(&read("node/src/a.rs", &good, &[]))), [""; 0]);
    }

    #[test]
    fn a_long_file_is_found() {
        let text = |lines| "//\n".repeat(lines);
        let found = |text: String| items(lengths(&read("node/src/a.rs", &text, &[])));
        assert_eq!(found(text(LONGEST_FILE)), [""; 0]);
        assert_eq!(found(text(LONGEST_FILE + 1)), ["file"]);
        let (hub, most) = HUBS[0];
        let found = |lines| items(lengths(&read(hub, &text(lines), &[])));
        assert_eq!((found(most), found(most + 1)), (vec![], vec!["file".to_owned()]));
    }

    #[test]
    fn a_module_that_is_not_on_the_map_is_found() {
        let found = |text: &str| items(maps(&read("node/src/a/mod.rs", text, &[])));
        assert_eq!(found("//! Words about log.\nmod log;"), ["log"]);
        assert_eq!(found("//! `logs`\npub mod log;"), ["log"]);
        assert_eq!(found("// `log`\npub(crate) mod log;"), ["log"]);
        assert_eq!(found("//! [`logs::Log`] [`catalog`]\nmod log;"), ["log"]);
        assert_eq!(found("//! `log` · [`view`]\nmod log; mod view; #[cfg(test)] mod t;"), [""; 0]);
        assert_eq!(found("//! [`log::Log`], `view.rs`\nmod log; mod view;"), [""; 0]);
        assert_eq!(found("mod tests { }"), [""; 0]);
    }
}
