//! What the paths of a file stand for: from the names that it declares and imports.

use syn::visit::{self, Visit};

use crate::source::Path;

/// `node/src/core/raft/log.rs` is `crate::core::raft::log`.
pub(crate) fn module_of(file: &str) -> Path {
    let inside = file.split_once("/src/").map_or(file, |(_, inside)| inside);
    let inside = inside.trim_end_matches(".rs");
    let parts = inside.split('/').filter(|part| !["mod", "lib", "main"].contains(part));
    std::iter::once("crate").chain(parts).map(str::to_owned).collect()
}

/// What the head of a path may stand for in a module of the file: a module in it or an import.
pub(crate) struct Known {
    pub(crate) module: Path,
    pub(crate) name: String,
    pub(crate) target: Path,
}

/// Every module and import of the file, whichever module has it.
pub(crate) fn declared(tree: &syn::File, module: &Path) -> Vec<Known> {
    let mut declared = Declared { module: module.clone(), ..Declared::default() };
    declared.visit_file(tree);
    let Declared { mut modules, mut imports, .. } = declared;
    // Imports that begin at a module of the same file are made absolute by it.
    for import in &mut imports {
        import.target = from_child(&modules, &import.module, &import.target);
    }
    modules.append(&mut imports);
    modules
}

/// Gathers what is known before any path is read, as `use` may stand below what it serves.
#[derive(Default)]
struct Declared {
    module: Path,
    modules: Vec<Known>,
    imports: Vec<Known>,
}

/// `log::Log` is `crate::core::raft::log::Log` where `log` is a module of this one.
pub(crate) fn from_child(modules: &[Known], module: &Path, path: &[String]) -> Path {
    let mut children = modules.iter().filter(|it| it.module == *module);
    match children.find(|it| path.first() == Some(&it.name) && it.target.starts_with(module)) {
        Some(child) => child.target.iter().chain(&path[1..]).cloned().collect(),
        None => path.to_vec(),
    }
}

impl<'a> Visit<'a> for Declared {
    fn visit_item_mod(&mut self, item: &'a syn::ItemMod) {
        let name = item.ident.to_string();
        let mut target = self.module.clone();
        target.push(name.clone());
        self.modules.push(Known { module: self.module.clone(), name, target: target.clone() });
        let outside = std::mem::replace(&mut self.module, target);
        visit::visit_item_mod(self, item);
        self.module = outside;
    }

    fn visit_item_use(&mut self, item: &'a syn::ItemUse) {
        for leaf in leaves(&item.tree) {
            let target = absolute(&leaf.path, &self.module);
            if let Some(name) = leaf.alias {
                self.imports.push(Known { module: self.module.clone(), name, target });
            }
        }
    }
}

pub(crate) struct Leaf {
    pub(crate) path: Path,
    pub(crate) alias: Option<String>,
    pub(crate) line: usize,
}

/// The single imports of a `use`.
pub(crate) fn leaves(tree: &syn::UseTree) -> Vec<Leaf> {
    fn walk(tree: &syn::UseTree, prefix: &[String], found: &mut Vec<Leaf>) {
        let with = |last: &str| -> Path {
            let last = (last != "self" || prefix.is_empty()).then(|| last.to_owned());
            prefix.iter().cloned().chain(last).collect()
        };
        match tree {
            syn::UseTree::Path(it) => walk(&it.tree, &with(&it.ident.to_string()), found),
            syn::UseTree::Name(it) => {
                let (path, line) = (with(&it.ident.to_string()), it.ident.span().start().line);
                let alias = path.last().cloned();
                found.push(Leaf { path, alias, line });
            }
            syn::UseTree::Rename(it) => {
                let (path, line) = (with(&it.ident.to_string()), it.ident.span().start().line);
                found.push(Leaf { path, alias: Some(it.rename.to_string()), line });
            }
            syn::UseTree::Glob(it) => {
                let line = it.star_token.spans[0].start().line;
                found.push(Leaf { path: with("*"), alias: None, line });
            }
            syn::UseTree::Group(it) => it.items.iter().for_each(|it| walk(it, prefix, found)),
        }
    }
    let mut found = Vec::new();
    walk(tree, &[], &mut found);
    found
}

/// Without `self` and `super`, if it begins with one of them.
pub(crate) fn absolute(path: &[String], module: &[String]) -> Path {
    let mut base = module.to_vec();
    let mut relative = false;
    let mut rest = Vec::new();
    for part in path {
        match part.as_str() {
            "self" => relative = true,
            "super" => {
                base.pop();
                relative = true;
            }
            _ => rest.push(part.clone()),
        }
    }
    if relative { base.into_iter().chain(rest).collect() } else { rest }
}
