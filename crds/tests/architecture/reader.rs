//! Reads a Rust file with `syn`. What `syn` leaves as tokens, the insides of macros and attributes,
//! is looked through for paths, calls and formats as well.

use proc_macro2::{TokenStream, TokenTree};
use syn::visit::{self, Visit};

use crate::paths::{Known, absolute, declared, from_child, leaves, module_of};
use crate::source::{DebugText, Function, Import, Item, Module, Named, Path, Source};

/// Reads a file of this path and text, which can name these crates.
///
/// # Panics
/// When it is no Rust.
pub(crate) fn read(file: &str, text: &str, crates: &[String]) -> Source {
    let tree = syn::parse_file(text).unwrap_or_else(|why| panic!("{file}: {why}"));
    let module = module_of(file);
    let declared = declared(&tree, &module);
    let mut reader = Reader {
        source: Source {
            file: file.to_owned(),
            module: module.clone(),
            lines: text.lines().count(),
            doc: documentation(&tree.attrs),
            named: Vec::new(),
            imports: Vec::new(),
            modules: Vec::new(),
            items: Vec::new(),
            functions: Vec::new(),
            calls: Vec::new(),
            debug_texts: Vec::new(),
        },
        declared,
        module,
        crates,
        test: 0,
        within: Vec::new(),
        owner: None,
        shows: false,
        debugs: false,
    };
    reader.visit_file(&tree);
    reader.source
}

fn documentation(attributes: &[syn::Attribute]) -> String {
    let mut doc = String::new();
    for attribute in attributes.iter().filter(|it| it.path().is_ident("doc")) {
        if let syn::Meta::NameValue(pair) = &attribute.meta
            && let syn::Expr::Lit(literal) = &pair.value
            && let syn::Lit::Str(text) = &literal.lit
        {
            doc.push_str(&text.value());
            doc.push('\n');
        }
    }
    doc
}

/// Whether only tests see what has these attributes.
fn for_tests(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        let last = attribute.path().segments.last();
        last.is_some_and(|last| last.ident == "test")
            || attribute.path().is_ident("cfg")
                && matches!(&attribute.meta, syn::Meta::List(list)
                    if list.tokens.to_string() == "test")
    })
}

/// Macros whose text is for who debugs: a panic, an assertion, a line below info.
const FOR_DEBUGGING: [&str; 16] = [
    "assert",
    "assert_eq",
    "assert_ne",
    "debug_assert",
    "debug_assert_eq",
    "debug_assert_ne",
    "panic",
    "unreachable",
    "debug",
    "trace",
    "debug_span",
    "trace_span",
    "prop_assert",
    "prop_assert_eq",
    "stringify",
    "matches",
];
/// Those of `tracing`, whose fields have marks of their own.
const LOGGING: [&str; 8] =
    ["info", "warn", "error", "event", "info_span", "warn_span", "error_span", "span"];

struct Reader<'a> {
    source: Source,
    declared: Vec<Known>,
    module: Path,
    crates: &'a [String],
    /// How many of the things around are for tests alone.
    test: usize,
    within: Vec<String>,
    owner: Option<String>,
    /// Within an `impl` whose output others read: `Display`, `Serialize`.
    shows: bool,
    /// Within an `impl Debug`.
    debugs: bool,
}

impl Reader<'_> {
    fn name(&mut self, path: Path, line: usize) {
        let test = self.test > 0;
        self.source.named.push(Named { path, line, test });
    }

    /// A path of two parts or more within code: its head is a crate, a module or an import.
    fn inline(&mut self, path: &[String], line: usize) {
        let Some(head) = path.first().filter(|_| path.len() > 1) else { return };
        if ["crate", "self", "super"].contains(&head.as_str()) {
            let path = absolute(path, &self.module);
            return self.name(path, line);
        }
        // The innermost module that knows the head: tests see what `use super::*` brings.
        let known = self.declared.iter().filter(|it| it.name == *head);
        let seen = known.filter(|it| self.module.starts_with(&it.module));
        if let Some(known) = seen.max_by_key(|it| it.module.len()) {
            let path = known.target.iter().chain(&path[1..]).cloned().collect();
            self.name(path, line);
        } else if ["std", "core", "alloc"].contains(&head.as_str()) || self.crates.contains(head) {
            self.name(path.to_vec(), line);
        }
    }

    fn debug_text(&mut self, line: usize) {
        if self.test == 0 && !self.debugs {
            let within = self.within.last().cloned().unwrap_or_default();
            self.source.debug_texts.push(DebugText { within, line });
        }
    }

    /// Paths and texts among tokens that `syn` leaves alone: the insides of macros and attributes.
    fn tokens(&mut self, tokens: &TokenStream, of: &str) {
        let tokens: Vec<TokenTree> = tokens.clone().into_iter().collect();
        let punct = |at: usize, mark: char| matches!(tokens.get(at), Some(TokenTree::Punct(it)) if it.as_char() == mark);
        let colons = |at: usize| punct(at, ':') && punct(at + 1, ':');
        let mut at = 0;
        while at < tokens.len() {
            let line = tokens[at].span().start().line;
            match &tokens[at] {
                TokenTree::Ident(ident) => {
                    let mut path = vec![ident.to_string()];
                    let mut end = at;
                    while colons(end + 1)
                        && let Some(TokenTree::Ident(next)) = tokens.get(end + 3)
                    {
                        path.push(next.to_string());
                        end += 3;
                    }
                    self.inline(&path, line);
                    let called = at > 0 && punct(at - 1, '.');
                    if called
                        && path.len() == 1
                        && matches!(tokens.get(at + 1), Some(TokenTree::Group(_)))
                    {
                        self.call(path, line);
                    } else if punct(end + 1, '!')
                        && let Some(TokenTree::Group(group)) = tokens.get(end + 2)
                    {
                        let name = path.last().map_or("", String::as_str);
                        self.tokens(&group.stream(), name);
                        end += 2;
                    }
                    at = end;
                }
                TokenTree::Group(group) => self.tokens(&group.stream(), ""),
                TokenTree::Literal(literal) => {
                    let text = literal.to_string();
                    let formats = text.contains(":?}") || text.contains(":#?}");
                    if !of.is_empty() && formats && !FOR_DEBUGGING.contains(&of) {
                        self.debug_text(line);
                    }
                }
                TokenTree::Punct(mark) if mark.as_char() == '?' && LOGGING.contains(&of) => {
                    let first = at == 0 || punct(at - 1, ',') || punct(at - 1, '=');
                    if first {
                        self.debug_text(line);
                    }
                }
                TokenTree::Punct(_) => {}
            }
            at += 1;
        }
    }

    fn call(&mut self, path: Path, line: usize) {
        let test = self.test > 0;
        self.source.calls.push(Named { path, line, test });
    }

    fn item(&mut self, name: &syn::Ident, function: bool) {
        if self.test == 0 && self.within.is_empty() {
            let (module, name) = (self.module.clone(), name.to_string());
            self.source.items.push(Item { module, name, function });
        }
    }

    fn function(&mut self, name: &syn::Signature, block: &syn::Block) {
        let (start, end) = (name.fn_token.span.start(), block.brace_token.span.close().end());
        let full = self.full(&name.ident);
        self.source.functions.push(Function {
            name: full,
            line: start.line,
            lines: end.line - start.line + 1,
            test: self.test > 0,
        });
    }

    fn full(&self, name: &syn::Ident) -> String {
        match &self.owner {
            Some(owner) => format!("{owner}::{name}"),
            None => name.to_string(),
        }
    }

    /// Goes into something that has attributes and a name.
    fn inside(&mut self, attributes: &[syn::Attribute], name: String, go: impl FnOnce(&mut Self)) {
        let test = usize::from(for_tests(attributes));
        self.test += test;
        self.within.push(name);
        go(self);
        self.within.pop();
        self.test -= test;
    }
}

/// What an `impl` is for: the last part of its type.
fn type_name(of: &syn::Type) -> String {
    match of {
        syn::Type::Path(it) => {
            it.path.segments.last().map_or_else(String::new, |last| last.ident.to_string())
        }
        syn::Type::Reference(it) => type_name(&it.elem),
        _ => String::new(),
    }
}

impl<'a> Visit<'a> for Reader<'_> {
    fn visit_item_mod(&mut self, item: &'a syn::ItemMod) {
        let test = for_tests(&item.attrs);
        self.source.modules.push(Module {
            name: item.ident.to_string(),
            line: item.mod_token.span.start().line,
            inline: item.content.is_some(),
            test: test || self.test > 0,
            public: matches!(item.vis, syn::Visibility::Public(_)),
        });
        self.module.push(item.ident.to_string());
        self.test += usize::from(test);
        let within = std::mem::take(&mut self.within);
        visit::visit_item_mod(self, item);
        self.within = within;
        self.test -= usize::from(test);
        self.module.pop();
    }

    fn visit_item_use(&mut self, item: &'a syn::ItemUse) {
        self.test += usize::from(for_tests(&item.attrs));
        for leaf in leaves(&item.tree) {
            let path = if item.leading_colon.is_some() {
                leaf.path
            } else {
                let path = absolute(&leaf.path, &self.module);
                from_child(&self.declared, &self.module, &path)
            };
            self.name(path.clone(), leaf.line);
            if self.test == 0 {
                let public = matches!(item.vis, syn::Visibility::Public(_));
                let (module, alias) = (self.module.clone(), leaf.alias);
                self.source.imports.push(Import { module, alias, path, public });
            }
        }
        self.test -= usize::from(for_tests(&item.attrs));
    }

    fn visit_item_extern_crate(&mut self, item: &'a syn::ItemExternCrate) {
        self.name(vec![item.ident.to_string()], item.ident.span().start().line);
    }

    fn visit_path(&mut self, path: &'a syn::Path) {
        let parts: Path = path.segments.iter().map(|it| it.ident.to_string()).collect();
        let line = path.segments.first().map_or(0, |it| it.ident.span().start().line);
        let last_two: Vec<&str> = parts.iter().rev().take(2).map(String::as_str).collect();
        if self.shows && last_two == ["fmt", "Debug"] {
            self.debug_text(line);
        }
        self.inline(&parts, line);
        visit::visit_path(self, path);
    }

    fn visit_vis_restricted(&mut self, _: &'a syn::VisRestricted) {
        // Who may see a thing is not what it builds on.
    }

    fn visit_attribute(&mut self, attribute: &'a syn::Attribute) {
        if let syn::Meta::List(list) = &attribute.meta {
            let last = attribute.path().segments.last();
            let name = last.map_or_else(String::new, |it| it.ident.to_string());
            self.tokens(&list.tokens, &name);
        }
        visit::visit_attribute(self, attribute);
    }

    fn visit_macro(&mut self, call: &'a syn::Macro) {
        let name = call.path.segments.last().map_or_else(String::new, |it| it.ident.to_string());
        self.tokens(&call.tokens, &name);
        visit::visit_macro(self, call);
    }

    fn visit_expr_method_call(&mut self, call: &'a syn::ExprMethodCall) {
        self.call(vec![call.method.to_string()], call.method.span().start().line);
        visit::visit_expr_method_call(self, call);
    }

    fn visit_item_fn(&mut self, item: &'a syn::ItemFn) {
        self.item(&item.sig.ident, true);
        let name = self.full(&item.sig.ident);
        self.inside(&item.attrs, name, |it| {
            it.function(&item.sig, &item.block);
            visit::visit_item_fn(it, item);
        });
    }

    fn visit_impl_item_fn(&mut self, item: &'a syn::ImplItemFn) {
        let name = self.full(&item.sig.ident);
        self.inside(&item.attrs, name, |it| {
            it.function(&item.sig, &item.block);
            visit::visit_impl_item_fn(it, item);
        });
    }

    fn visit_trait_item_fn(&mut self, item: &'a syn::TraitItemFn) {
        let name = self.full(&item.sig.ident);
        self.inside(&item.attrs, name, |it| {
            if let Some(block) = &item.default {
                it.function(&item.sig, block);
            }
            visit::visit_trait_item_fn(it, item);
        });
    }

    fn visit_item_impl(&mut self, item: &'a syn::ItemImpl) {
        let last = item.trait_.as_ref().and_then(|(path, _)| path.segments.last());
        let last = last.map_or_else(String::new, |last| last.ident.to_string());
        let owner = type_name(&item.self_ty);
        let outer = (self.owner.replace(owner), self.shows, self.debugs);
        self.shows = ["Display", "Serialize"].contains(&last.as_str());
        self.debugs = last == "Debug";
        self.test += usize::from(for_tests(&item.attrs));
        visit::visit_item_impl(self, item);
        self.test -= usize::from(for_tests(&item.attrs));
        (self.owner, self.shows, self.debugs) = outer;
    }

    fn visit_item_trait(&mut self, item: &'a syn::ItemTrait) {
        self.item(&item.ident, false);
        let outer = self.owner.replace(item.ident.to_string());
        visit::visit_item_trait(self, item);
        self.owner = outer;
    }

    fn visit_item_struct(&mut self, item: &'a syn::ItemStruct) {
        self.item(&item.ident, false);
        self.inside(&item.attrs, item.ident.to_string(), |it| visit::visit_item_struct(it, item));
    }

    fn visit_item_enum(&mut self, item: &'a syn::ItemEnum) {
        self.item(&item.ident, false);
        self.inside(&item.attrs, item.ident.to_string(), |it| visit::visit_item_enum(it, item));
    }

    fn visit_item_const(&mut self, item: &'a syn::ItemConst) {
        self.item(&item.ident, false);
        visit::visit_item_const(self, item);
    }

    fn visit_item_static(&mut self, item: &'a syn::ItemStatic) {
        self.item(&item.ident, false);
        visit::visit_item_static(self, item);
    }

    fn visit_item_type(&mut self, item: &'a syn::ItemType) {
        self.item(&item.ident, false);
        visit::visit_item_type(self, item);
    }
}
