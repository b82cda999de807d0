//! Nothing that `Debug` wrote goes over a wire, into an error that a user reads or into a log at
//! info or above: its form is Rust's, changes with a derive, and cannot be searched for. What
//! remains is panics, assertions, lines below info, `impl Debug`, tests, and the simulator's and
//! `e2e`'s reports to people at a terminal.

use crate::source::Source;
use crate::violation::Violation;

pub(crate) const DEBUG: &str = "debug";

/// Where it holds, and which parts are left out.
const WIRES: [&str; 3] = ["crds/src/", "node/src/", "operator/src/"];
const TERMINALS: [&str; 2] = ["node/src/sim/", "node/src/bin/"];

pub(crate) fn debug_texts(source: &Source) -> Vec<Violation> {
    let below = |places: &[&str]| places.iter().any(|place| source.file.starts_with(place));
    if !below(&WIRES) || below(&TERMINALS) {
        return Vec::new();
    }
    let violation = |it: &crate::source::DebugText| Violation {
        rule: DEBUG,
        file: source.file.clone(),
        item: it.within.clone(),
        line: it.line,
        says: format!("{} lets Debug write what others read; give it a Display", it.within),
    };
    source.debug_texts.iter().map(violation).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reader::read;

    fn found(file: &str, text: &str) -> usize {
        debug_texts(&read(file, text, &[])).len()
    }

    #[test]
    fn debug_in_a_log_a_wire_or_an_error_is_found() {
        let bad = [
            "fn f() { tracing::info!(?role, \"started\"); }",
            "fn f() { warn!(a = 1, role = ?self.role, \"started\"); }",
            "fn f() { tracing::error!(\"lost {why:?}\"); }",
            "fn f() { info!(role = %format!(\"{:?}\", role), \"started\"); }",
            "fn f() { let _ = tracing::info_span!(\"pass\", ?name); }",
            "fn f() -> String { format!(\"{:?}\", role) }",
            "fn f() -> Value { json!({\"role\": format!(\"{role:#?}\")}) }",
            "fn f() { bail!(\"strange {it:?}\") }",
            "impl fmt::Display for S { fn fmt(&self) { write!(f, \"{:?}\", self.0) } }",
            "impl fmt::Display for S { fn fmt(&self) { fmt::Debug::fmt(&self.0, f) } }",
            "impl serde::Serialize for S { fn serialize(&self) { s.collect_str(&format!(\"{self:?}\")) } }",
            "#[derive(thiserror::Error)] enum E { #[error(\"no {0:?}\")] No(Role) }",
            "fn f() { tokio::select! { x = y() => info!(?x, \"a\") } }",
        ];
        for text in bad {
            assert!(found("node/src/shell/a.rs", text) > 0, "{text}");
        }
    }

    #[test]
    fn debug_for_who_debugs_is_left_in_peace() {
        let good = [
            "fn f() { tracing::debug!(?role, \"a {role:?}\"); trace!(?role); }",
            "fn f() { assert!(a, \"{a:?}\"); assert_eq!(a, b, \"{a:?}\"); panic!(\"{a:?}\"); }",
            "impl fmt::Debug for S { fn fmt(&self) { write!(f, \"{:?}\", self.0) } }",
            "#[derive(Debug)] struct S;",
            "#[cfg(test)] mod tests { fn f() { println!(\"{a:?}\") } }",
            "#[test] fn f() { println!(\"{a:?}\") }",
            "fn f() { info!(role = %role, n = f()?, \"a {b}\"); }",
            "const A: &str = \"{a:?}\";",
        ];
        for text in good {
            assert_eq!(found("node/src/shell/a.rs", text), 0, "{text}");
        }
        assert_eq!(found("node/src/sim/a.rs", "fn f() { format!(\"{:?}\", role) }"), 0);
    }
}
