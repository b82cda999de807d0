//! The sources of the workspace, each read once.

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use crate::reader;
use crate::source::{Path as Names, Source};

/// Members of the workspace that have Rust in them.
pub(crate) const MEMBERS: [&str; 5] = ["crds", "node", "operator", "e2e/zk", "e2e"];

/// The folders that they lie in.
const FOLDERS: [&str; 4] = ["crds", "node", "operator", "e2e"];

static SOURCES: LazyLock<Vec<Source>> = LazyLock::new(|| {
    let crates = crates();
    let files: Vec<(String, String)> =
        FOLDERS.iter().flat_map(|folder| files(folder, ".rs")).collect();
    let read = |files: &[(String, String)]| -> Vec<Source> {
        files.iter().map(|(file, text)| reader::read(file, text, &crates)).collect()
    };
    let (one, other) = files.split_at(files.len() / 2);
    let mut all = std::thread::scope(|scope| {
        let other = scope.spawn(|| read(other));
        let mut all = read(one);
        all.extend(other.join().expect("read the sources"));
        all
    });
    mark_tests(&mut all);
    all
});

/// Marks the files that only tests see, those below such files as well.
fn mark_tests(sources: &mut [Source]) {
    let mut for_tests: Vec<(String, Names)> = Vec::new();
    for source in sources.iter() {
        let mods = source.modules.iter().filter(|it| it.test && !it.inline);
        for it in mods {
            let path = source.module.iter().chain([&it.name]).cloned().collect();
            for_tests.push((member(&source.file).to_owned(), path));
        }
    }
    for source in sources {
        let below = |(of, path): &(String, Names)| {
            of == member(&source.file) && source.module.starts_with(path)
        };
        if source.file.contains("/tests/") && !source.file.contains("/src/")
            || for_tests.iter().any(below)
        {
            source.is_for_tests();
        }
    }
}

/// The member of the workspace that a file belongs to.
fn member(file: &str) -> &str {
    let inside = |member: &&&str| file.strip_prefix(**member).is_some_and(|it| it.starts_with('/'));
    MEMBERS.iter().find(inside).copied().unwrap_or_default()
}

/// Every source of the workspace.
pub(crate) fn sources() -> &'static [Source] {
    &SOURCES
}

pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// A file of the workspace.
pub(crate) fn text(file: &str) -> String {
    std::fs::read_to_string(root().join(file)).unwrap_or_else(|why| panic!("{file}: {why}"))
}

/// Every file below a folder whose name ends so, with its text; in the order of names.
pub(crate) fn files(folder: &str, ending: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut folders = vec![PathBuf::from(folder)];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(root().join(&folder)).expect("list a folder") {
            let entry = entry.expect("list a folder");
            let path = folder.join(entry.file_name());
            let name = entry.file_name().to_string_lossy().into_owned();
            if entry.file_type().expect("look at a file").is_dir() {
                if name != "target" && !name.starts_with('.') {
                    folders.push(path);
                }
            } else if name.ends_with(ending) {
                let path = path.to_string_lossy().into_owned();
                let text = text(&path);
                found.push((path, text));
            }
        }
    }
    assert!(!found.is_empty(), "nothing in {folder}");
    found.sort();
    found
}

/// The crates that a member of the workspace can name.
pub(crate) fn crates() -> Vec<String> {
    let manifest = text("Cargo.toml");
    let section = manifest.split("[workspace.dependencies]").nth(1).unwrap_or_default();
    let section = section.split("\n[").next().unwrap_or_default();
    let names = section.lines().filter_map(|line| line.split_once('='));
    let names = names.filter(|(name, _)| !name.starts_with('#'));
    let names = names.map(|(name, _)| name.trim().replace('-', "_"));
    // The package `md-5` names its library otherwise.
    names.chain(["md5".to_owned()]).collect()
}
