//! The compatibility page names everything that the code knows.

use quorate_node::settings::{
    container, zoo_auth, zoo_cfg, zoo_keys, zoo_ops, zoo_quorum_tls, zoo_tls,
};
use quorate_node::wire::four_letter;

const PAGE: &str = include_str!("../COMPATIBILITY.md");

/// What stands between a begin and an end, in a source text.
fn between<'a>(source: &'a str, begin: &str, end: &str) -> &'a str {
    let at = source.find(begin).expect("the beginning") + begin.len();
    let rest = &source[at..];
    &rest[..rest.find(end).expect("the end")]
}

/// Texts in quotes.
fn quoted(source: &str) -> Vec<&str> {
    source.split('"').skip(1).step_by(2).collect()
}

fn assert_on_the_page<'a>(what: &str, names: impl IntoIterator<Item = &'a str>) {
    for name in names {
        assert!(PAGE.contains(&format!("`{name}`")), "{what} {name} is not on the page");
    }
}

#[test]
fn every_op_is_on_the_page() {
    let source = include_str!("../src/codec/client.rs");
    let numbers = source.lines().filter_map(|line| {
        let line = line.trim().strip_prefix("pub const ")?;
        let (name, number) = line.split_once(": i32 = ")?;
        Some((name, number.strip_suffix(';')?))
    });
    let mut count = 0;
    for (name, number) in numbers {
        let row = format!("\n| {number} | ");
        assert!(PAGE.contains(&row), "op {number} ({name}) is not on the page");
        count += 1;
    }
    assert!(count > 20, "{count} ops were found");
}

#[test]
fn every_word_and_every_command_is_on_the_page() {
    assert_on_the_page("the word", four_letter::WORDS);
    let defaults = between(PAGE, "without `4lw.commands.whitelist`: ", ".\n");
    let defaults: Vec<&str> = defaults.split_whitespace().collect();
    assert_eq!(defaults, four_letter::ANSWERED_BY_DEFAULT);
    let source = include_str!("../src/shell/admin/commands.rs");
    let commands = quoted(between(source, "const COMMANDS: ", "];\n"));
    assert!(commands.len() > 40, "{commands:?}");
    let section = between(PAGE, "## Admin port", "| command |");
    let mut words = section.split(|it: char| !it.is_ascii_alphanumeric() && it != '_');
    for command in commands {
        assert!(words.clone().any(|it| it == command), "{command} is not on the page");
    }
    assert!(words.any(|it| it == "zabstate"));
}

#[test]
fn every_key_and_every_variable_is_on_the_page() {
    assert_on_the_page("the key", zoo_cfg::KNOWN);
    assert_on_the_page("the key", zoo_keys::MEANINGLESS);
    assert_on_the_page("the key", zoo_ops::KEYS);
    assert_on_the_page("the key", zoo_auth::KEYS);
    assert_on_the_page("the key", zoo_tls::KEYS);
    assert_on_the_page("the key", zoo_quorum_tls::KEYS);
    assert_on_the_page("the variable", container::VARIABLES.map(|(name, _)| name));
    // Whatever else the parser takes.
    for source in
        [include_str!("../src/config/zoo_cfg.rs"), include_str!("../src/config/zoo_ops.rs")]
    {
        let body = between(source, "fn set(", "\n    }\n");
        for line in body.lines().filter(|line| line.contains("=>")) {
            let (keys, _) = line.split_once("=>").expect("an arm");
            assert_on_the_page("the key", quoted(keys));
        }
    }
}

#[test]
fn keys_that_are_said_to_be_known_are() {
    let meaningless = zoo_keys::MEANINGLESS.into_iter();
    for key in zoo_cfg::KNOWN.into_iter().chain(zoo_ops::KEYS).chain(meaningless) {
        if let Ok(cfg) = zoo_cfg::ZooCfg::parse(&format!("{key}=1\n")) {
            assert!(cfg.unknown.is_empty(), "{key}");
        }
    }
    let cfg = zoo_cfg::ZooCfg::parse("some.property=1\n").expect("a file");
    assert_eq!(cfg.unknown, [(1, "some.property".to_owned())]);
}
