//! Which paths a Rust source names: a small reader of words and marks, no full parser.

/// Words that may stand before a path and are no part of it.
const NOT_IN_PATHS: [&str; 9] = ["as", "dyn", "else", "for", "if", "impl", "in", "match", "return"];

/// A word or a mark of Rust source, and its line.
#[derive(Clone, Debug, PartialEq)]
struct Token {
    text: String,
    line: usize,
}

/// Words, `::` and single marks; comments, strings and characters are left out.
fn tokens(source: &str) -> Vec<Token> {
    let chars: Vec<char> = source.chars().collect();
    let mut found = Vec::new();
    let (mut at, mut line) = (0, 1);
    let word = |c: char| c.is_alphanumeric() || c == '_';
    while at < chars.len() {
        let rest = &chars[at..];
        let length = match rest {
            ['/', '/', ..] => rest.iter().take_while(|c| **c != '\n').count(),
            ['/', '*', ..] => block_comment(rest),
            ['"', ..] => string(rest),
            ['r' | 'b', ..] if raw_or_byte_string(rest) > 0 => raw_or_byte_string(rest),
            ['\'', '\\', _, more @ ..] => 4 + more.iter().take_while(|c| **c != '\'').count(),
            ['\'', _, '\'', ..] => 3,
            [c, ..] if word(*c) => {
                let length = rest.iter().take_while(|c| word(**c)).count();
                let text = rest[..length].iter().collect();
                found.push(Token { text, line });
                length
            }
            [':', ':', ..] => {
                let text = "::".to_owned();
                found.push(Token { text, line });
                2
            }
            [c, ..] => {
                if !c.is_whitespace() {
                    let text = c.to_string();
                    found.push(Token { text, line });
                }
                1
            }
            [] => 1,
        };
        let end = (at + length).min(chars.len());
        line += chars[at..end].iter().filter(|c| **c == '\n').count();
        at = end;
    }
    found
}

/// Rust's block comments nest.
fn block_comment(rest: &[char]) -> usize {
    let (mut at, mut depth) = (0, 0);
    while at < rest.len() {
        match &rest[at..] {
            ['/', '*', ..] => (at, depth) = (at + 2, depth + 1),
            ['*', '/', ..] => (at, depth) = (at + 2, depth - 1),
            _ => at += 1,
        }
        if depth == 0 {
            break;
        }
    }
    at
}

fn string(rest: &[char]) -> usize {
    let mut at = 1;
    while at < rest.len() && rest[at] != '"' {
        at += if rest[at] == '\\' { 2 } else { 1 };
    }
    at + 1
}

/// The length of `r"..."`, `r#"..."#`, `b"..."` or `br"..."`; 0 if it is none of them.
fn raw_or_byte_string(rest: &[char]) -> usize {
    let byte = usize::from(rest[0] == 'b');
    let raw = usize::from(rest.get(byte) == Some(&'r'));
    let start = byte + raw;
    let hashes = rest[start..].iter().take_while(|c| **c == '#').count();
    if rest.get(start + hashes) != Some(&'"') || (raw == 0 && hashes > 0) {
        return 0;
    }
    if raw == 0 {
        return start + string(&rest[start..]);
    }
    let mut at = start + hashes + 1;
    while at < rest.len() {
        let closed = rest[at] == '"' && rest[at + 1..].iter().take(hashes).all(|c| *c == '#');
        if closed {
            return at + 1 + hashes;
        }
        at += 1;
    }
    at
}

/// A path that a source names, and where.
#[derive(Debug, PartialEq)]
pub(crate) struct Named {
    pub(crate) path: Vec<String>,
    pub(crate) line: usize,
}

/// Every imported path with its braces spelled out, and every inline path of two parts or more
/// that begins in the standard library, in a crate or at `crate`, `self` or `super`. The last
/// three are made absolute by the module that the file and its inline modules stand for.
pub(crate) fn named(file: &str, source: &str, crates: &[&str]) -> Vec<Named> {
    let tokens = tokens(source);
    let mut modules = module_of(file);
    let (mut depth, mut inline) = (0usize, Vec::new());
    let mut found = Vec::new();
    let text = |at: usize| tokens.get(at).map_or("", |token| token.text.as_str());
    let mut at = 0;
    while at < tokens.len() {
        let line = tokens[at].line;
        match text(at) {
            "{" => depth += 1,
            "}" => {
                depth = depth.saturating_sub(1);
                if inline.last() == Some(&depth) {
                    inline.pop();
                    modules.pop();
                }
            }
            "mod" if text(at + 2) == "{" => {
                inline.push(depth);
                modules.push(text(at + 1).to_owned());
                depth += 1;
                at += 2;
            }
            "extern" if text(at + 1) == "crate" => {
                let path = vec![text(at + 2).to_owned()];
                found.push(Named { path, line });
                at += 2;
            }
            "use" => {
                let mut paths = Vec::new();
                at = tree(&tokens, at + 1, &[], &mut paths);
                for (path, line) in paths {
                    let path = absolute(path, &modules);
                    found.push(Named { path, line });
                }
            }
            head if is_word(head) && text(at + 1) == "::" && !continues(&tokens, at) => {
                let own = ["std", "core", "alloc", "crate", "self", "super"];
                let mut path = vec![head.to_owned()];
                let mut end = at;
                while text(end + 1) == "::" && is_word(text(end + 2)) {
                    path.push(text(end + 2).to_owned());
                    end += 2;
                }
                if own.contains(&head) || crates.contains(&head) {
                    let path = absolute(path, &modules);
                    found.push(Named { path, line });
                }
                at = end;
            }
            _ => {}
        }
        at += 1;
    }
    found
}

fn is_word(text: &str) -> bool {
    let first = text.chars().next();
    first.is_some_and(|c| c.is_alphanumeric() || c == '_') && !NOT_IN_PATHS.contains(&text)
}

/// Whether the word goes on a path, as `args` in `env::args`; `std` in `return ::std::env` does not.
fn continues(tokens: &[Token], at: usize) -> bool {
    let before = |n: usize| at.checked_sub(n).map_or("", |at| tokens[at].text.as_str());
    before(1) == "::" && (before(2) == ">" || is_word(before(2)))
}

/// Reads one tree of a `use`; gives the place of the mark that ends it.
fn tree(
    tokens: &[Token],
    mut at: usize,
    prefix: &[String],
    found: &mut Vec<(Vec<String>, usize)>,
) -> usize {
    let mut path = prefix.to_vec();
    let mut renamed = false;
    let line = tokens.get(at).map_or(0, |token| token.line);
    while let Some(token) = tokens.get(at) {
        match token.text.as_str() {
            "::" => {}
            "as" => renamed = true,
            "{" => {
                at += 1;
                while tokens.get(at).is_some_and(|token| token.text != "}") {
                    at = tree(tokens, at, &path, found);
                    if tokens.get(at).is_some_and(|token| token.text == ",") {
                        at += 1;
                    }
                }
                return at + 1;
            }
            "," | ";" | "}" => break,
            part if !renamed => path.push(part.to_owned()),
            _ => {}
        }
        at += 1;
    }
    found.push((path, line));
    at
}

/// `node/src/core/raft/log.rs` is `crate::core::raft::log`.
fn module_of(file: &str) -> Vec<String> {
    let inside = file.split_once("/src/").map_or(file, |(_, inside)| inside);
    let inside = inside.trim_end_matches(".rs");
    let parts = inside.split('/').filter(|part| *part != "mod" && *part != "lib");
    std::iter::once("crate").chain(parts).map(str::to_owned).collect()
}

fn absolute(path: Vec<String>, modules: &[String]) -> Vec<String> {
    let mut base = modules.to_vec();
    let mut relative = false;
    let mut rest = Vec::new();
    for (place, part) in path.into_iter().enumerate() {
        match part.as_str() {
            "self" if place == 0 => relative = true,
            "self" => {}
            "super" => {
                base.pop();
                relative = true;
            }
            _ => rest.push(part),
        }
    }
    if relative { base.into_iter().chain(rest).collect() } else { rest }
}
