//! What one Rust file says, as far as the rules ask: plain data, made by `reader`.

/// Parts of a path, made absolute where the file alone can tell: `crate::core::raft`.
pub(crate) type Path = Vec<String>;

/// A path that a file names, and where.
#[derive(Clone, Debug)]
pub(crate) struct Named {
    pub(crate) path: Path,
    pub(crate) line: usize,
    /// Only tests see it.
    pub(crate) test: bool,
}

/// A name that an import brings into a module.
#[derive(Clone, Debug)]
pub(crate) struct Import {
    /// The module that has it.
    pub(crate) module: Path,
    /// `None`: everything that stands there.
    pub(crate) alias: Option<String>,
    pub(crate) path: Path,
    /// `pub`, not `pub(crate)`.
    pub(crate) public: bool,
}

/// A `mod` of the file.
#[derive(Clone, Debug)]
pub(crate) struct Module {
    pub(crate) name: String,
    pub(crate) line: usize,
    pub(crate) inline: bool,
    pub(crate) test: bool,
    pub(crate) public: bool,
}

/// Something that a module defines.
#[derive(Clone, Debug)]
pub(crate) struct Item {
    pub(crate) module: Path,
    pub(crate) name: String,
    pub(crate) function: bool,
}

/// A function with a body.
#[derive(Clone, Debug)]
pub(crate) struct Function {
    /// With the type that has it: `Log::append`.
    pub(crate) name: String,
    pub(crate) line: usize,
    pub(crate) lines: usize,
    pub(crate) test: bool,
}

/// A text that is made by `Debug`.
#[derive(Clone, Debug)]
pub(crate) struct DebugText {
    /// The function or item around it.
    pub(crate) within: String,
    pub(crate) line: usize,
}

/// A file of the workspace.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    /// Its path from the root of the workspace.
    pub(crate) file: String,
    /// What it is in its crate: `crate::core::raft::log`.
    pub(crate) module: Path,
    pub(crate) lines: usize,
    /// The doc comment of the file.
    pub(crate) doc: String,
    pub(crate) named: Vec<Named>,
    pub(crate) imports: Vec<Import>,
    pub(crate) modules: Vec<Module>,
    pub(crate) items: Vec<Item>,
    pub(crate) functions: Vec<Function>,
    /// Names of methods that it calls on values, outside of tests.
    pub(crate) calls: Vec<Named>,
    pub(crate) debug_texts: Vec<DebugText>,
}

impl Source {
    /// Only tests see the whole file: the `mod` that names it says so.
    pub(crate) fn is_for_tests(&mut self) {
        self.named.iter_mut().for_each(|it| it.test = true);
        self.calls.iter_mut().for_each(|it| it.test = true);
        self.functions.iter_mut().for_each(|it| it.test = true);
        self.modules.iter_mut().for_each(|it| it.test = true);
        self.imports.clear();
        self.items.clear();
        self.debug_texts.clear();
    }
}
