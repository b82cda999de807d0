//! The programs that go into images, compiled here: those of this checkout, and the server of before
//! ensemble version 2, from the repository's own history.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use tokio::fs;
use tokio::process::Command;

use crate::common::commands::{aloud, output};
use crate::common::progress::say;
use crate::common::settings::Settings;

/// What they are called.
pub(crate) const PROGRAMS: [&str; 2] = ["quorate-node", "quorate-operator"];
/// The last commit whose server knows ensemble version 1 only.
pub(crate) const EARLIER: &str = include_str!("../../../node/tests/golden/before-version-2");

/// Compiles the programs; gives the folder that holds them.
pub(crate) async fn compile(settings: &Settings) -> Result<PathBuf> {
    say("compiling the programs (some minutes when nothing is cached)");
    let folder = build(settings, &settings.root, &PROGRAMS).await?;
    // Nothing else may get into the image.
    let clean = settings.target.join("e2e-image");
    fs::create_dir_all(&clean).await?;
    for program in PROGRAMS {
        fs::copy(folder.join(program), clean.join(program)).await?;
    }
    Ok(clean)
}

/// The same of [`EARLIER`]: kept outside of the tree, for it never changes. Only its server is
/// compiled; it stands for the operator, too, which nobody runs from there. `None` where the
/// history is not there (a shallow clone, an archive of the sources).
pub(crate) async fn compile_earlier(settings: &Settings) -> Result<Option<PathBuf>> {
    let place = settings.cache.join("earlier").join(EARLIER);
    let clean = place.join("image");
    if clean.exists() {
        return Ok(Some(clean));
    }
    let git = || {
        let mut git = Command::new("git");
        git.current_dir(&settings.root);
        git
    };
    if output(git().args(["cat-file", "-e", &format!("{EARLIER}^{{commit}}")]), "").await.is_err() {
        return Ok(None);
    }
    say(format!("compiling the server of {EARLIER}"));
    let (sources, archive) = (place.join("src"), place.join("src.tar"));
    fs::create_dir_all(&sources).await?;
    output(git().args(["archive", "--format=tar", "-o"]).arg(&archive).arg(EARLIER), "").await?;
    output(Command::new("tar").arg("-xf").arg(&archive).arg("-C").arg(&sources), "").await?;
    let [node, _] = PROGRAMS;
    let built = build(settings, &sources, &[node]).await?.join(node);
    // Cut off, half a folder must not be taken for a whole one.
    let half = place.join("image.half");
    fs::create_dir_all(&half).await?;
    for program in PROGRAMS {
        fs::copy(&built, half.join(program)).await?;
    }
    fs::rename(&half, &clean).await?;
    Ok(Some(clean))
}

/// Static programs of these packages; gives the folder that they are in, among others.
async fn build(settings: &Settings, sources: &Path, packages: &[&str]) -> Result<PathBuf> {
    let version = output(Command::new("rustc").arg("-vV"), "").await?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: "));
    let host = host.context("rustc does not say what it compiles for")?;
    let mut cargo = Command::new("cargo");
    cargo
        .current_dir(sources)
        .args(["build", "--release", "--locked", "--target", host])
        .args(packages.iter().flat_map(|it| ["-p", it]))
        // The target is named, so this does not reach build scripts, which cannot be static.
        .env("RUSTFLAGS", "-C target-feature=+crt-static")
        .env("CARGO_TARGET_DIR", &settings.target);
    aloud(&mut cargo).await?;
    Ok(settings.target.join(host).join("release"))
}
