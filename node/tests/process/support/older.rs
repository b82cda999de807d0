//! The program of an earlier commit, built from the repository's own history into a cache.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;

/// The last one that knows ensemble version 1 only, and refuses what is newer in words.
const BEFORE: &str = include_str!("../../golden/before-version-2");

/// Where programs of earlier commits are kept: outside of the tree, for they never change.
fn cache() -> PathBuf {
    let named = std::env::var_os("QUORATE_OLDER_PROGRAMS").map(PathBuf::from);
    named.unwrap_or_else(|| {
        let home = std::env::var_os("HOME").map_or_else(std::env::temp_dir, PathBuf::from);
        home.join(".cache/quorate-older")
    })
}

fn run(command: &mut Command) {
    let status = command.stdin(Stdio::null()).status();
    assert!(status.as_ref().is_ok_and(|it| it.success()), "{command:?}: {status:?}");
}

/// The program of before ensemble version 2. `None`, said loudly, where the history is not there
/// (an archive of the sources, a shallow clone): a failure where `QUORATE_REQUIRE_OLDER` is set.
#[allow(clippy::print_stderr)] // A test that did not run must not look as if it had passed.
pub(crate) fn program() -> Option<PathBuf> {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _alone = ONE_AT_A_TIME.lock();
    let place = cache().join(BEFORE);
    let program = place.join("target/debug/quorate-node");
    if program.exists() {
        return Some(program);
    }
    let tree = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace");
    let known = Command::new("git")
        .args(["cat-file", "-e", &format!("{BEFORE}^{{commit}}")])
        .current_dir(tree)
        .stderr(Stdio::null())
        .status();
    if !known.is_ok_and(|it| it.success()) {
        let required = std::env::var_os("QUORATE_REQUIRE_OLDER").is_some();
        assert!(!required, "commit {BEFORE} is not there: fetch the whole history");
        eprintln!("NOT TESTED: upgrades. Commit {BEFORE} is not there: fetch the whole history");
        return None;
    }
    let (sources, archive) = (place.join("src"), place.join("src.tar"));
    std::fs::create_dir_all(&sources).expect("make a folder of the cache");
    let mut export = Command::new("git");
    export.current_dir(tree).args(["archive", "--format=tar", "-o"]).arg(&archive).arg(BEFORE);
    run(&mut export);
    run(Command::new("tar").arg("-xf").arg(&archive).arg("-C").arg(&sources));
    let mut build = Command::new(env!("CARGO"));
    build.args(["build", "--quiet", "--locked", "-p", "quorate-node", "--bin", "quorate-node"]);
    run(build.current_dir(&sources).env("CARGO_TARGET_DIR", place.join("target")));
    Some(program)
}
