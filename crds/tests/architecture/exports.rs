//! What a library of the workspace shows: nothing that nobody outside names. What lies deeper the
//! compiler tells (`unreachable_pub`), once modules are private.

use crate::source::{Path, Source};
use crate::violation::Violation;

pub(crate) const EXPORT: &str = "export";

/// A library: its root, the name others call it by, and which of its modules they may enter.
pub(crate) struct Library {
    pub(crate) root: &'static str,
    pub(crate) name: &'static str,
    /// `None`: any that somebody names. Otherwise what others name is re-exported one by one.
    pub(crate) open: Option<&'static [&'static str]>,
}

/// The resource's types and the operator's rooms are named by their modules; so is the simulator,
/// which is there for others to run.
pub(crate) const LIBRARIES: [Library; 4] = [
    Library { root: "crds/src/lib.rs", name: "quorate_crds", open: None },
    Library { root: "node/src/lib.rs", name: "quorate_node", open: Some(&["sim"]) },
    Library { root: "operator/src/lib.rs", name: "quorate_operator", open: None },
    Library { root: "e2e/zk/src/lib.rs", name: "quorate_zk", open: Some(&["frame", "op"]) },
];

/// What the root exports and nobody names, and what it leaves open.
pub(crate) fn exports(library: &Library, root: &Source, others: &[&Source]) -> Vec<Violation> {
    let mut found = Vec::new();
    let mut wrong = |item: &str, line, says: String| {
        let (file, item) = (root.file.clone(), item.to_owned());
        found.push(Violation { rule: EXPORT, file, item, line, says });
    };
    let named = |path: &[String]| {
        let outside = others.iter().flat_map(|source| &source.named);
        outside.into_iter().any(|it| it.path.starts_with(path))
    };
    let outside = |module: &[String], name: &str| -> Path {
        let inside = module.iter().skip(1).map(String::as_str);
        std::iter::once(library.name).chain(inside).chain([name]).map(str::to_owned).collect()
    };
    for it in root.modules.iter().filter(|it| it.public) {
        let closed = library.open.is_some_and(|open| !open.contains(&it.name.as_str()));
        if closed && !it.inline {
            let says = "make it pub(crate); re-export what programs and tests name".to_owned();
            wrong(&it.name, it.line, says);
        } else if !named(&outside(&root.module, &it.name)) {
            wrong(&it.name, it.line, format!("nobody outside names the module {}", it.name));
        }
    }
    for it in root.imports.iter().filter(|it| it.public) {
        match &it.alias {
            None => wrong(&it.path.join("::"), 1, "name what is exported, one by one".to_owned()),
            Some(name) if !named(&outside(&it.module, name)) => {
                wrong(name, 1, format!("nobody outside names {name}"));
            }
            Some(_) => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reader::read;

    fn found(closed: bool, root: &str, other: &str) -> Vec<String> {
        let open: Option<&[&str]> = closed.then_some(&["sim"]);
        let library = Library { root: "node/src/lib.rs", name: "quorate_node", open };
        let crates = ["quorate_node".to_owned()];
        let root = read("node/src/lib.rs", root, &crates);
        let other = read("node/tests/a.rs", other, &crates);
        exports(&library, &root, &[&other]).into_iter().map(|it| it.item).collect()
    }

    #[test]
    fn an_open_module_and_an_export_that_nobody_names_are_found() {
        assert_eq!(found(true, "pub mod core;", "use quorate_node::core::Node;"), ["core"]);
        assert_eq!(found(false, "pub mod core;", "use quorate_node::sim;"), ["core"]);
        let two = "pub use self::core::{Node, Raft};\nmod core;";
        assert_eq!(found(true, two, "use quorate_node::Node;"), ["Raft"]);
        let within = "pub mod names { pub use crate::core::{Node, Raft}; }";
        assert_eq!(found(true, within, "fn f() { quorate_node::names::Node::new() }"), ["Raft"]);
        assert_eq!(found(true, "pub use core::*;", "").len(), 1);
        assert_eq!(found(true, "pub mod sim;", "use quorate_node::core;"), ["sim"]);
    }

    #[test]
    fn what_is_named_or_private_is_left_in_peace() {
        let root = "pub(crate) mod core; mod shell; pub use self::core::Node as N; use core::Raft;";
        for other in ["use quorate_node::N;", "use quorate_node as q; fn f(it: q::N) {}"] {
            assert_eq!(found(true, root, other), [""; 0], "{other}");
        }
        assert_eq!(found(false, "pub mod core;", "use quorate_node::{core::Node};"), [""; 0]);
        assert_eq!(found(true, "pub mod sim;", "fn f() { quorate_node::sim::run() }"), [""; 0]);
    }
}
