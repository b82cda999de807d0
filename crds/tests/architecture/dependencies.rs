//! Which members of the workspace must not depend on which others.

use crate::violation::Violation;

pub(crate) const DEPENDENCY: &str = "dependency";

/// Members of the workspace, and which others each must not depend on.
pub(crate) const INDEPENDENT: [(&str, &[&str]); 4] = [
    ("crds", &["node", "operator", "zk", "e2e"]),
    ("node", &["crds", "operator", "e2e"]),
    ("operator", &["node", "zk", "e2e"]),
    // What tests a server must not share its mistakes.
    ("e2e/zk", &["crds", "node", "operator", "e2e"]),
];

/// Members of the workspace, and on which others nothing but their tests may depend.
pub(crate) const IN_TESTS_ALONE: [(&str, &[&str]); 1] = [("node", &["zk"])];

/// Lines of a manifest that name a member of the workspace which this one must not depend on; or,
/// with `tests`, must not depend on but in its tests.
pub(crate) fn dependencies(
    file: &str,
    manifest: &str,
    forbidden: &[&str],
    tests: bool,
) -> Vec<Violation> {
    let mut found = Vec::new();
    let mut dependencies = false;
    for (number, line) in manifest.lines().enumerate() {
        let line = line.split('#').next().unwrap_or_default().trim();
        if line.starts_with('[') {
            let of_tests = line.contains("dev-dependencies");
            dependencies = line.contains("dependencies") && !(tests && of_tests);
        }
        let names = |member: &&&str| {
            let (package, path) = (format!("quorate-{member}"), format!("/{member}\""));
            line.contains(&package) || line.contains(&path)
        };
        for member in forbidden.iter().filter(names).filter(|_| dependencies) {
            found.push(Violation {
                rule: DEPENDENCY,
                file: file.to_owned(),
                item: (*member).to_owned(),
                line: number + 1,
                says: format!("must not depend on {member}"),
            });
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_dependency_is_found_in_every_spelling() {
        let bad = [
            "[dependencies]\nquorate-operator.workspace = true\n",
            "[dev-dependencies]\nx = { path = \"../operator\" }\n",
            "[target.'cfg(unix)'.dependencies]\nx = { package = \"quorate-operator\" }\n",
            "[dependencies.quorate-operator]\npath = \"../o\"\n",
        ];
        for manifest in bad {
            let found = dependencies("node/Cargo.toml", manifest, &["crds", "operator"], false);
            assert_eq!(found.len(), 1, "{manifest}: {found:?}");
            assert_eq!(found[0].item, "operator", "{found:?}");
        }
        let good = "[package]\nname = \"quorate-node\"\n[dependencies]\n# quorate-operator\nbytes = \"1\"\n";
        assert!(dependencies("node/Cargo.toml", good, &["operator"], false).is_empty());
    }

    #[test]
    fn what_tests_may_depend_on_is_not_for_the_program() {
        let found = |section: &str| {
            let manifest = format!("[dependencies]\nbytes = \"1\"\n{section}\n");
            dependencies("node/Cargo.toml", &manifest, &["zk"], true).len()
        };
        assert_eq!(found("[dev-dependencies]\nquorate-zk.workspace = true"), 0);
        assert_eq!(found("quorate-zk.workspace = true"), 1);
        assert_eq!(found("[build-dependencies]\nzk = { path = \"../zk\" }"), 1);
    }
}
